import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const bin = join(import.meta.dirname, '../bin')
const stop = join(bin, 'kafka-server-stop.mjs')
// A node id that no broker of this machine has: the command under test sends signals for real.
const nodeId = 900_000_000 + process.pid
const folder = mkdtempSync(join(tmpdir(), 'odradek-stop-'))
after(() => rmSync(folder, { recursive: true }))

test('the command says that nothing runs, and exits with 1', () => {
  const result = spawnSync(stop, [`--node-id=${nodeId}`], { encoding: 'utf8' })
  assert.deepEqual([result.status, result.stdout], [1, 'No kafka server to stop\n'])
})

test('wrong arguments are answered with the usage', () => {
  const result = spawnSync(stop, ['--nonsense', 'x'], { encoding: 'utf8' })
  assert.equal(result.status, 1)
  assert.match(result.stderr, /^usage: kafka-server-stop/)
})

test('a server is told to stop by its node id, and the executable runs in one process', async () => {
  const server = join(folder, 'kafka-server-start.mjs')
  writeFileSync(server, "setInterval(() => {}, 1000)\nprocess.once('SIGTERM', () => process.exit(9))\nconsole.log('up')\n")
  writeFileSync(join(folder, 'server.properties'), `process.roles=broker\nnode.id=${nodeId}\n`)
  const child = spawn(process.execPath, [server, join(folder, 'server.properties')], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  assert.equal(spawnSync(stop, ['--process-role', 'controller', '--node-id', String(nodeId)]).status, 1)
  assert.equal(spawnSync(stop, ['--process-role', 'broker', '--node-id', String(nodeId)]).status, 0)
  assert.deepEqual(await once(child, 'exit'), [9, null])
})

function nodeOnPath(): string | undefined {
  const path = process.env.PATH?.split(':').find(
    (entry) => !entry.includes('node_modules') && spawnSync(join(entry, 'node'), ['--version']).status === 0
  )
  return path === undefined ? undefined : join(path, 'node')
}

const other = nodeOnPath()
const isOld = other !== undefined && Number(execFileSync(other, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' })) < 24

test('an old Node hands over to the one that came as a dependency', { skip: isOld ? false : 'no Node older than 24 on the path' }, () => {
  const result = spawnSync(other as string, [stop, `--node-id=${nodeId}`], { encoding: 'utf8' })
  assert.deepEqual([result.status, result.stdout, result.stderr], [1, 'No kafka server to stop\n', ''])
})
