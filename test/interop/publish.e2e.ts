// The packages as they are published: built, packed, installed into an empty project, and used there by ES modules, CommonJS and
// TypeScript, by the oldest Node that is promised, and by Bun and Deno.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { startBroker, temporaryDir } from './support/brokers.ts'
import { runProcess } from './support/java-tools.ts'
import { otherRuntimes, repositoryRoot, toolchain } from './support/toolchains.ts'

const project = temporaryDir('published')

const roundTrip = `
async function main() {
  const { startKafka } = await import('odradek')
  const broker = await startKafka({ topics: ['orders'] })
  const kafka = new Kafka({ brokers: broker.bootstrapServers })
  const { offset } = await kafka.producer().send(topic('orders', { value: string() }), { value: 'three' })
  const consumer = kafka.consumer({ groupId: 'published', autoOffsetReset: 'earliest' })
  for await (const record of consumer.stream(topic('orders', { value: string() }))) {
    console.log(offset + ' ' + record.value)
    break
  }
  await consumer.close()
  await kafka.close()
  await broker[Symbol.asyncDispose]()
}
main()
`

/** The interface of kafkajs, as an application in CommonJS has it. */
const shim = `
const { Kafka, CompressionTypes } = require('odradek/kafkajs')
async function main() {
  const { startKafka } = await import('odradek')
  const broker = await startKafka({ topics: ['orders'] })
  const kafka = new Kafka({ brokers: [broker.bootstrapServers], logLevel: 1 })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'orders', compression: CompressionTypes.GZIP, messages: [{ value: 'three' }] })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: 'published' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await new Promise((resolve) => {
    const eachMessage = async ({ message }) => {
      console.log(message.offset + ' ' + message.value)
      resolve()
    }
    consumer.run({ eachMessage })
  })
  await consumer.disconnect()
  await broker[Symbol.asyncDispose]()
}
main()
`

/** Against a broker in another process: the client alone, with what differs most between runtimes (sockets, zstd, timers). */
const clientOnly = `
import { Kafka } from '@odradek/client'
const [brokers, name] = process.argv.slice(2)
const kafka = new Kafka({ brokers })
await kafka.admin().createTopics([{ name, numPartitions: 2, replicationFactor: 1 }])
const producer = kafka.producer({ compressionType: 'zstd' })
for (let i = 0; i < 500; i++) void producer.send(name, { key: 'k' + i, value: 'v'.repeat(1000) })
await producer.flush()
const consumer = kafka.consumer({ groupId: name, autoOffsetReset: 'earliest' })
const keys = new Set()
for await (const record of consumer.stream(name)) {
  if (record.value.length !== 1000) throw new Error('a value of ' + record.value.length + ' bytes')
  keys.add(record.key.toString())
  if (keys.size === 500) break
}
await consumer.close()
await kafka.close()
console.log('read ' + keys.size)
`

/** Without a registry: with their own schemas to read by, the serdes compile them and ask for nothing. */
const serdes = `
import { avro, jsonSchema, protobuf, SchemaRegistry } from './lib/index.js'
const registry = new SchemaRegistry({ url: 'http://localhost:1' })
const names = []
const named = (name) => ({ registry, subjectNameStrategy: ({ recordName }) => void names.push(name, recordName()) })
await jsonSchema({ ...named('jsonSchema'), schema: { title: 'T' } })
await protobuf({ ...named('protobuf'), schema: 'syntax = "proto3"; message T {}' })
await avro({ ...named('avro'), schema: { type: 'record', name: 'T', fields: [] } })
if (names.filter((name) => name === 'T').length === 3) console.log(names.filter((name) => name !== 'T').join(' '))
`

const typed = `
import { json, Kafka, string, topic } from '@odradek/client'
import { startKafka } from 'odradek'
import { Kafka as KafkaJS } from 'odradek/kafkajs'
const orders = topic('orders', { key: string(), value: json<{ total: number }>() })
export const shim = async (): Promise<string> => {
  const [{ baseOffset = '' }] = await new KafkaJS({ brokers: [] }).producer().send({ topic: 'orders', messages: [{ value: 'one' }] })
  return baseOffset
}
export async function use(): Promise<number> {
  await using broker = await startKafka()
  await using kafka = new Kafka({ brokers: broker.bootstrapServers })
  // @ts-expect-error a total is a number
  await kafka.producer().send(orders, { key: 'o-1', value: { total: 'three' } })
  for await (const record of kafka.consumer({ groupId: 'g' }).stream(orders)) return record.value?.total ?? 0
  return 0
}
`

describe('the packages as published', () => {
  before(async () => {
    const built = await runProcess(process.execPath, [join(repositoryRoot, 'scripts/build.ts'), '--pack', '--out', join(project, 'dist')])
    assert.equal(built.exitCode, 0, built.stdout + built.stderr)
    // The schema registry's has libraries from elsewhere, which cannot be installed without a network.
    const names = readdirSync(join(project, 'dist/packs')).filter((name) => !name.includes('schema-registry'))
    const packs = names.map((name) => join(project, 'dist/packs', name))
    writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }\n')
    const args = ['install', '--prefix', project, '--offline', '--no-audit', '--no-fund', '--omit=optional', '--ignore-scripts', ...packs]
    const installed = await runProcess('npm', args)
    assert.equal(installed.exitCode, 0, installed.stdout + installed.stderr)
    writeFileSync(join(project, 'module.mjs'), `import { Kafka, string, topic } from '@odradek/client'\n${roundTrip}`)
    writeFileSync(join(project, 'common.cjs'), `const { Kafka, string, topic } = require('@odradek/client')\n${roundTrip}`)
    writeFileSync(join(project, 'kafkajs.cjs'), shim)
    writeFileSync(join(project, 'client.mjs'), clientOnly)
    writeFileSync(join(project, 'typed.mts'), typed)
    mkdirSync(join(project, 'node_modules/@types'))
    for (const name of ['@types/node', 'undici-types'])
      symlinkSync(join(repositoryRoot, 'node_modules', name), join(project, 'node_modules', name))
  })

  const runIn = async (program: string, args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runProcess(program, args, { timeoutMs: 60_000 })
    assert.equal(exitCode, 0, stdout + stderr)
    return stdout
  }

  for (const [what, file] of [
    ['an ES module', 'module.mjs'],
    ['CommonJS', 'common.cjs']
  ])
    test(`serve ${what}`, async () => assert.equal(await runIn(process.execPath, [join(project, file)]), '0 three\n'))

  test('serve what was written for kafkajs', async () =>
    assert.equal(await runIn(process.execPath, [join(project, 'kafkajs.cjs')]), '0 three\n'))

  test('have types that infer, as `tsc --init` and as bundlers set TypeScript, and hold when they are checked themselves', async () => {
    const tsc = join(repositoryRoot, 'node_modules/typescript/bin/tsc')
    const strict = { noEmit: true, strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true }
    for (const module of [{ module: 'nodenext' }, { module: 'node16' }, { module: 'preserve', moduleResolution: 'bundler' }]) {
      const compilerOptions = { ...strict, ...module, target: 'esnext', types: [] }
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.mts'] }))
      await runIn(process.execPath, [tsc, '-p', project])
    }
  })

  test('bring the commands', async () => {
    await using broker = await startBroker({ kind: 'odradek' })
    const command = (name: string, ...args: string[]) =>
      runIn(process.execPath, [
        join(project, 'node_modules/@odradek/cli/bin', `${name}.mjs`),
        '--bootstrap-server',
        broker.bootstrapServers,
        ...args
      ])
    await command('kafka-topics', '--create', '--topic', 'made')
    assert.equal(await command('kafka-topics', '--list'), 'made\n')
  })

  test('bring serdes of a schema registry, with four libraries that are linked here and installed by npm elsewhere', async () => {
    const folder = join(project, 'dist/schema-registry')
    const libraries = ['ajv', 'ajv-formats', 'avsc', 'protobufjs']
    const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
    const foreign = Object.keys(dependencies).filter((name) => !name.startsWith('@odradek/'))
    assert.deepEqual(foreign, libraries)
    mkdirSync(join(folder, 'node_modules'))
    for (const name of libraries) symlinkSync(join(repositoryRoot, 'node_modules', name), join(folder, 'node_modules', name))
    writeFileSync(join(folder, 'use.mjs'), serdes)
    assert.equal(await runIn(process.execPath, [join(folder, 'use.mjs')]), 'jsonSchema protobuf avro\n')
  })

  test('need nothing that is installed by a script or compiled', () => {
    const scoped = readdirSync(join(project, 'node_modules/@odradek')).map((name) => `@odradek/${name}`)
    assert.deepEqual(
      readdirSync(join(project, 'node_modules'))
        .filter((name) => !name.startsWith('.'))
        .sort(),
      ['@odradek', '@types', 'odradek', 'undici-types']
    )
    assert.ok(scoped.length > 8, scoped.join(' '))
  })

  test('run on the oldest Node that is promised, on Bun and on Deno', async (t) => {
    const runtimes = toolchain(t, 'Node 22, Bun and Deno from npm', otherRuntimes)
    if (runtimes === undefined) return
    assert.equal(await runIn(runtimes.node22, [join(project, 'module.mjs')]), '0 three\n')
    assert.equal(await runIn(runtimes.node22, [join(project, 'common.cjs')]), '0 three\n')
    await using broker = await startBroker({ kind: 'odradek' })
    const args = (name: string) => [join(project, 'client.mjs'), broker.bootstrapServers, name]
    assert.equal(await runIn(runtimes.bun, args('bun')), 'read 500\n')
    assert.equal(await runIn(runtimes.deno, ['run', '-A', '--node-modules-dir=manual', ...args('deno')]), 'read 500\n')
  })
})
