import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { freePort, startBroker } from '../interop/support/brokers.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, text]) => ({
  language,
  lines: text.trim().split('\n'),
  text
}))
const folder = mkdtempSync(join(tmpdir(), 'odradek-readme-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Resolves when the process has written `wanted`; fails when it ends before. */
async function written(child: ChildProcess, wanted: RegExp): Promise<void> {
  let output = ''
  const found = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (text) => {
        output += text
        if (wanted.test(output)) resolve()
      })
    }
  })
  const ended = once(child, 'exit').then(([code]) => assert.fail(`ended with ${code} before it wrote ${wanted}:\n${output}`))
  await Promise.race([found, ended])
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = child.exitCode ?? child.signalCode ?? once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

test('setting up is exactly two commands', () => {
  assert.deepEqual(blocks[0].lines, ['npm start', 'npm test'])
})

test('npm start serves the kafkajs example, and ends when npm is told to', { timeout: 60_000 }, async () => {
  const port = await freePort()
  const npm = spawn('npm', ['start', '--', '--port', String(port), '--data', join(folder, 'start')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  await written(npm, new RegExp(`localhost:${port}`))
  const example = blocks.find(({ language }) => language === 'js')?.text.replaceAll('localhost:9092', `localhost:${port}`) ?? ''
  // In node_modules, from where the example finds kafkajs.
  const file = join(root, 'node_modules/.cache', `readme-${process.pid}.mjs`)
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
  writeFileSync(file, example)
  after(() => rmSync(file))
  const client = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
  await written(client, /^0 0 \{"total":3\}$/m)
  await stop(client)
  await stop(npm)
  await freed(port)
})

for (const [what, isMeant, printed] of [
  ['the odradek command does', /^odradek /, /^o-1 \{"total":3\}$/m],
  ['the tools of Kafka do', /^kafka-topics/, /^\{"total":3\}$/m],
  ['a program of the client does', /^import .*@odradek\/client/, /^o-1 3$/m]
] as const) {
  test(`${what} what the README shows`, { timeout: 60_000 }, async () => {
    await using broker = await startBroker()
    const text = blocks.find((block) => isMeant.test(block.text))?.text.replaceAll('localhost:9092', broker.bootstrapServers) ?? ''
    const bin = mkdtempSync(join(folder, 'bin-'))
    for (const room of ['odradek', 'cli'])
      for (const file of readdirSync(join(root, 'packages', room, 'bin')))
        for (const suffix of ['', '.sh']) symlinkSync(join(root, 'packages', room, 'bin', file), join(bin, file.replace('.mjs', suffix)))
    // Below the checkout, from where a program finds the client.
    const program = join(root, '.cache', `readme-${process.pid}.ts`)
    mkdirSync(join(root, '.cache'), { recursive: true })
    writeFileSync(program, text)
    const [command, args] = text.startsWith('import') ? [process.execPath, [program]] : ['sh', ['-e', '-c', text]]
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, ODRADEK_BROKERS: broker.bootstrapServers }
    const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    await written(child, printed).finally(() => rmSync(program))
    await stop(child)
  })
}

test('a server.properties starts as it does with Apache Kafka', { timeout: 60_000 }, async () => {
  const [port, controllerPort] = [await freePort(), await freePort()]
  // A node id that no broker of this machine has, as kafka-server-stop sends its signal to all that match.
  const nodeId = 800_000_000 + process.pid
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': String(nodeId),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': join(folder, 'logs')
  }
  writeFileSync(
    join(folder, 'server.properties'),
    Object.entries(properties)
      .map((entry) => entry.join('='))
      .join('\n')
  )
  const [format, start, end] = blocks.find(({ text }) => text.includes('kafka-storage format'))?.lines ?? []
  const shell = (line: string) => ['-c', line.replaceAll('npx ', `${root}/node_modules/.bin/`)]
  execFileSync('sh', shell(format), { cwd: folder, stdio: 'pipe' })
  const server = spawn('sh', shell(`exec ${start}`), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  await written(server, /Transitioning from RECOVERY to RUNNING/)
  const ended = once(server, 'exit')
  execFileSync('sh', shell(`${end} --node-id=${nodeId}`), { cwd: folder })
  assert.deepEqual(await ended, [0, null])
})

/** Waits until nothing listens on the port: the broker below npm has ended. */
async function freed(port: number): Promise<void> {
  for (;;) {
    const { ok } = await fetch(`http://127.0.0.1:${port}/`).then(
      () => ({ ok: false }),
      (error) => ({ ok: error.cause?.code === 'ECONNREFUSED' })
    )
    if (ok) return
  }
}
