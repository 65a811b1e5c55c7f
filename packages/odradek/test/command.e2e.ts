// What a user of `odradek start` and kafka-server-start sees, errors above all: one clear message, no stack, exit code 1.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'

const bin = join(import.meta.dirname, '../bin/odradek.mjs')
const serverStart = join(import.meta.dirname, '../../cli/bin/kafka-server-start.mjs')
const storage = join(import.meta.dirname, '../../cli/bin/kafka-storage.mjs')
const folder = mkdtempSync(join(tmpdir(), 'odradek-command-'))
after(() => rmSync(folder, { recursive: true }))

const run = (program: string, ...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: 30_000 })

async function started(program: string, ...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  while (!/Kafka Server started/.test(output) && child.exitCode === null) await once(child.stdout, 'data')
  const stop = async (): Promise<number> => {
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    return code
  }
  return { stop, output: () => output }
}

async function listening(): Promise<{ port: number; server: Server }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as { port: number }).port, server }
}

describe('odradek start', () => {
  test('makes a data directory for its owner alone, and comes up again on it', async () => {
    const data = join(folder, 'new', 'data')
    for (let i = 0; i < 2; i++) {
      const node = await started(bin, 'start', '--data', data, '--port', '0')
      assert.equal(await node.stop(), 0)
    }
    assert.equal(statSync(data).mode & 0o777, 0o700)
    assert.ok(existsSync(join(data, 'meta.properties')))
    assert.ok(existsSync(join(data, '.kafka_cleanshutdown')))
  })

  test('says what to do when the port is taken', async () => {
    const { port, server } = await listening()
    const { status, stderr } = run(bin, 'start', '--ephemeral', '--port', String(port))
    server.close()
    assert.equal(status, 1)
    assert.match(
      stderr,
      new RegExp(`^Listener PLAINTEXT: 127\\.0\\.0\\.1:${port} is in use by another process; stop it, or choose another port \\(--port N`)
    )
    assert.equal(stderr.includes('    at '), false)
  })

  test('says which option was probably meant, and shows commands that a shell of the same folder finds', async () => {
    const { status, stderr } = run(bin, 'start', '--prot', '1')
    assert.deepEqual([status, stderr.split('\n')[0]], [1, 'odradek start has no option --prot: did you mean --port?'])
    const node = await started(bin, 'start', '--ephemeral', '--port', '0')
    assert.equal(await node.stop(), 0)
    assert.equal(node.output().match(/^ {2}npx kafka-/gm)?.length, 3)
  })

  test('alone has the small young generation that keeps an idle broker small; other commands start with a big one', () => {
    const report = `data:text/javascript,console.error(...process.execArgv);process.exit(0)`
    const flags = (...args: string[]): string =>
      spawnSync(bin, args, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: `--import=${report}` } }).stderr.trim()
    for (const args of [[], ['start'], ['--port', '0']]) assert.equal(flags(...args), '--max-semi-space-size=2 --heap-growing-percent=50')
    for (const args of [
      ['topic', 'ls'],
      ['consume', '-h'],
      ['__complete', 'to']
    ])
      assert.equal(flags(...args), '--min-semi-space-size=32')
  })

  test('does not blame another process for the port of metrics that a listener of the node has', async () => {
    const { port, server } = await listening()
    server.close()
    const metrics = `odradek.metrics.listener=127.0.0.1:${port + 1}`
    const { status, stderr } = run(bin, 'start', '--ephemeral', '--port', String(port), '--override', metrics)
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^Listener odradek\.metrics\.listener: \S+ is in use, by another process or another listener of this node; choose another port/
    )
  })

  test('says so when another process has the data directory', async () => {
    const data = join(folder, 'locked')
    const node = await started(bin, 'start', '--data', data, '--port', '0')
    const { status, stderr } = run(bin, 'start', '--data', data, '--port', '0')
    assert.equal(status, 1)
    assert.match(stderr, /locked is used by another process; stop it, or name another directory/)
    assert.equal(await node.stop(), 0)
  })

  test('takes a folder that an interrupted start began to format', async () => {
    const data = join(folder, 'begun')
    await (await started(bin, 'start', '--data', data, '--port', '0')).stop()
    for (const name of readdirSync(data))
      if (!['bootstrap.checkpoint', '.lock', '__cluster_metadata-0'].includes(name)) rmSync(join(data, name), { recursive: true })
    const metadata = join(data, '__cluster_metadata-0')
    for (const name of readdirSync(metadata)) if (name !== '00000000000000000000-0000000000.checkpoint') rmSync(join(metadata, name))
    writeFileSync(join(data, 'meta.properties.tmp'), 'half')
    const node = await started(bin, 'start', '--data', data, '--port', '0')
    assert.equal(await node.stop(), 0)
  })

  test('begins no new cluster beside the logs of one whose metadata is gone', async () => {
    const [data, more] = [join(folder, 'gone'), join(folder, 'more')]
    const args = ['start', '--data', data, '--port', '0', '--override', `log.dirs=${data},${more}`]
    await (await started(bin, ...args)).stop()
    rmSync(data, { recursive: true })
    const { status, stderr } = run(bin, ...args)
    assert.equal(status, 1)
    assert.match(
      stderr,
      /^\S+gone is to hold the metadata of the cluster and has no meta\.properties, while \S+more belongs to a cluster: bring/
    )
  })

  test('leaves a folder alone that is no data directory', () => {
    const data = join(folder, 'foreign')
    mkdirSync(data)
    writeFileSync(join(data, 'thesis.txt'), 'precious')
    const { status, stderr } = run(bin, 'start', '--data', data)
    assert.equal(status, 1)
    assert.match(stderr, /holds files but no meta\.properties/)
    assert.equal(existsSync(join(data, 'meta.properties')), false)
  })

  test('says so when the data directory cannot be made', () => {
    const file = join(folder, 'a-file')
    writeFileSync(file, '')
    for (const data of ['/proc/odradek', join(file, 'data')]) {
      const { status, stderr } = run(bin, 'start', '--data', data)
      assert.equal(status, 1)
      assert.match(stderr, new RegExp(`^${data} cannot be made: E.*; name another one with --data\\n$`))
    }
  })

  test('names the setting, the value and what is allowed', () => {
    const { status, stderr } = run(bin, 'start', '--ephemeral', '--override', 'num.partitions=many')
    assert.equal(status, 1)
    assert.match(stderr, /num\.partitions/)
    assert.match(stderr, /many/)
    assert.equal(stderr.includes('    at '), false)
  })

  test('explains itself', () => {
    assert.match(run(bin, '--help').stdout, /usage: odradek \[COMMAND\]/)
    assert.match(run(bin, 'start', '--help').stdout, /usage: odradek start/)
    for (const args of [
      ['dance'],
      ['start', '--port', 'x'],
      ['start', '--override', 'novalue'],
      ['start', '--nonsense'],
      ['start', '--log-level', 'LOUD']
    ]) {
      const { status, stderr } = run(bin, ...args)
      assert.deepEqual([status, /usage: odradek/.test(stderr)], [1, true], args.join(' '))
    }
  })
})

describe('kafka-server-start', () => {
  const properties = join(folder, 'server.properties')
  const data = join(folder, 'server-data')
  writeFileSync(
    properties,
    `process.roles=broker,controller
node.id=7
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://localhost:0,CONTROLLER://localhost:0
advertised.listeners=PLAINTEXT://localhost:9092
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${data}
num.network.threads=3
some.unknown.setting=1
`
  )

  test('wants a formatted directory', () => {
    const { status, stderr } = run(serverStart, properties)
    assert.equal(status, 1)
    assert.match(stderr, /No meta\.properties in .*server-data: format the directory first, with kafka-storage format/)
  })

  test('runs an unchanged properties file, with overrides, and warns of settings that nobody knows', async () => {
    assert.equal(run(storage, 'format', '--standalone', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', properties).status, 0)
    const node = await started(serverStart, properties, '--override', 'num.partitions=5', '--override', 'delete.topic.enable=false')
    assert.match(node.output(), /WARN some\.unknown\.setting is not a setting of Kafka or Odradek/)
    assert.match(node.output(), /\[KafkaRaftServer nodeId=7\] Kafka Server started/)
    assert.equal(await node.stop(), 0)
  })

  test('does not advise to format a directory whose meta.properties is there and cannot be read', () => {
    const file = join(data, 'meta.properties')
    const content = readFileSync(file)
    writeFileSync(file, 'garbage')
    const { status, stderr } = run(serverStart, properties)
    writeFileSync(file, content)
    assert.equal(status, 1)
    assert.match(stderr, /server-data\/meta\.properties: \S+ is missing/)
  })

  test('says what is wrong with its arguments', () => {
    assert.match(run(serverStart).stderr, /^USAGE: kafka-server-start/)
    assert.match(run(serverStart, properties, '--override').stderr, /^USAGE: kafka-server-start/)
    assert.match(run(serverStart, join(folder, 'none.properties')).stderr, /none\.properties cannot be read: there is no such file/)
    assert.match(run(serverStart, '--version').stdout, /^4\.3\.1 \(Odradek\)/)
  })
})
