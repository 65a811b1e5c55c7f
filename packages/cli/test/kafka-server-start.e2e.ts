import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

const bin = join(import.meta.dirname, '../bin')
const folder = mkdtempSync(join(tmpdir(), 'odradek-start-'))
const properties = join(folder, 'server.properties')
const data = join(folder, 'data')
after(() => rmSync(folder, { recursive: true }))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

before(async () => {
  const [port, controllerPort] = [await freePort(), await freePort()]
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@localhost:${controllerPort}`,
    `listeners=PLAINTEXT://localhost:${port},CONTROLLER://localhost:${controllerPort}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${data}`
  ]
  writeFileSync(properties, lines.join('\n'))
  const format = ['format', '--cluster-id', '4L6g3nShT-eMCtK--X86sw', '--config', properties]
  assert.equal(spawnSync(join(bin, 'kafka-storage.mjs'), format).status, 0)
})

/** A broker that serves. */
async function start(): Promise<{ child: ChildProcess; output(): string }> {
  const child = spawn(join(bin, 'kafka-server-start.mjs'), [properties], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8')
  for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
    output += text
    if (output.includes('Kafka Server started')) break
  }
  child.stdout.on('data', (text: string) => {
    output += text
  })
  return { child, output: () => output }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`a node stops in order on ${signal}`, async () => {
    const { child, output } = await start()
    assert.equal(existsSync(join(data, '.kafka_cleanshutdown')), false)
    child.kill(signal)
    assert.deepEqual(await once(child, 'close'), [0, null])
    assert.match(output(), new RegExp(`Terminating process due to signal ${signal}`))
    assert.equal(existsSync(join(data, '.kafka_cleanshutdown')), true)
  })
}
