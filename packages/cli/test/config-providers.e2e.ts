// Secrets that lie elsewhere, as Kafka's config.providers has them: a node and commands that get their passwords from the environment, a
// properties file and a directory. Apache Kafka 4.3.1 takes the same files.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { main as configs } from '../src/commands/kafka-configs.ts'
import { main as producer } from '../src/commands/kafka-console-producer.ts'
import { main as topics } from '../src/commands/kafka-topics.ts'
import { memoryIo } from './support/memory-io.ts'

const bin = join(import.meta.dirname, '../bin')
const folder = mkdtempSync(join(tmpdir(), 'odradek-providers-'))
const providers = [
  'config.providers=env,file,dir',
  ...['env:EnvVar', 'file:File', 'dir:Directory'].map((each) => {
    const [name, kind] = each.split(':')
    return `config.providers.${name}.class=org.apache.kafka.common.config.provider.${kind}ConfigProvider`
  }),
  'config.providers.env.param.allowlist.pattern=SECRET_.*',
  `config.providers.file.param.allowed.paths=${folder}`
]
const to = (reference: string): string => `$\{${reference}}`
const env = { ...process.env, SECRET_A: 'for-a', SECRET_HOST: 'localhost' }
let child: ChildProcess
let port = 0
let output = ''

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const found = (server.address() as { port: number }).port
  server.close()
  await once(server, 'close')
  return found
}

before(async () => {
  const controllerPort = await freePort()
  port = await freePort()
  mkdirSync(join(folder, 'secrets'))
  writeFileSync(join(folder, 'secrets', 'data'), `${folder}/data\n`)
  writeFileSync(join(folder, 'secrets', 'block'), '30000\n')
  writeFileSync(join(folder, 'passwords.properties'), `a=for-a\nport=${port}\ntimeout=30000\n`)
  const server = join(folder, 'server.properties')
  const lines = [
    ...providers,
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@localhost:${controllerPort}`,
    `listeners=PLAINTEXT://${to('env:SECRET_HOST')}:${to(`file:${folder}/passwords.properties:port`)},CONTROLLER://localhost:${controllerPort}`,
    `ssl.key.password=${to(`file:${folder}/passwords.properties:a`)}`,
    `listener.name.plaintext.ssl.truststore.password=${to('env:SECRET_A')}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${to(`dir:${folder}/secrets:data`)}`
  ]
  writeFileSync(server, lines.join('\n'))
  const format = ['format', '--cluster-id', '4L6g3nShT-eMCtK--X86sw', '--config', server]
  const formatted = spawnSync(join(bin, 'kafka-storage.mjs'), format, { env, encoding: 'utf8' })
  assert.equal(formatted.status, 0, formatted.stderr)
  const args = [server, '--override', `broker.rack=rack-of-${to('env:SECRET_HOST')}`]
  child = spawn(join(bin, 'kafka-server-start.mjs'), args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  for await (const text of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    output += text
    if (output.includes('Kafka Server started')) break
  }
})

after(async () => {
  child.kill('SIGTERM')
  await once(child, 'exit')
  rmSync(folder, { recursive: true })
})

function commandConfig(name: string, ...lines: string[]): string {
  const path = join(folder, name)
  writeFileSync(path, [...providers, ...lines].join('\n'))
  return path
}

const io = (input = '') =>
  memoryIo({
    cwd: folder,
    env,
    input: (async function* () {
      yield Buffer.from(input)
    })()
  })

test('a node and commands take their settings from elsewhere, and tell nobody the passwords', async () => {
  const config = commandConfig('a.properties', `default.api.timeout.ms=${to(`file:${folder}/passwords.properties:timeout`)}`)
  const broker = ['--bootstrap-server', `localhost:${port}`, '--command-config', config]
  const made = io()
  assert.equal(await topics([...broker, '--create', '--topic', 'orders'], made), 0, made.stdout() + made.stderr())
  const sent = io('one\n')
  const property = [
    '--command-property',
    `client.id=${to('env:SECRET_HOST')}`,
    '--command-property',
    `max.block.ms=${to('dir:secrets:block')}`
  ]
  assert.equal(await producer([...broker, '--topic', 'orders', ...property], sent), 0, sent.stderr())
  assert.doesNotMatch(sent.stderr(), /config\.providers/)
  const described = io()
  assert.equal(await configs([...broker, '--entity-type', 'brokers', '--entity-name', '1', '--describe', '--all'], described), 0)
  assert.match(described.stdout(), /broker\.rack=rack-of-localhost sensitive=false/)
  assert.match(described.stdout(), /ssl\.key\.password=null sensitive=true/)
  assert.doesNotMatch(output + made.stderr() + sent.stderr() + described.stdout(), /for-a/)
})

test('a command says what it could not look up, and asks no broker', async () => {
  for (const [line, problem] of [
    [`client.id=${to('env:HOME')}`, /env:HOME.*allowlist\.pattern does not allow this variable\n$/],
    [`client.id=${to('file:/etc/hostname:a')}`, /allowed\.paths does not allow the path \/etc\/hostname\n$/],
    [`client.id=${to('file:gone.properties:a')}`, /allowed\.paths does not allow the path gone\.properties\n$/],
    [
      `client.id=${to(`file:${folder}/gone.properties:a`)}`,
      /^Could not read properties from file .*gone\.properties: there is no such file\n$/
    ],
    [`client.id=${to('dir:secrets:nope')}`, /secrets has no file "nope"\n$/]
  ] as const) {
    const refused = io()
    const args = ['--bootstrap-server', 'localhost:1', '--command-config', commandConfig('bad.properties', line), '--list']
    assert.equal(await topics(args, refused), 1)
    assert.match(refused.stderr(), problem)
  }
})
