import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avro, jsonSchema, loadSchemas, protobuf, SchemaRegistry, type SchemaRegistryOptions, withSchemas } from '../src/index.ts'
import { type FakeRegistry, startFakeRegistry } from './fake-registry.ts'

const schema = { type: 'record', name: 'Order', namespace: 'shop', fields: [{ name: 'total', type: 'int' }] }
const registryOf = (fake: FakeRegistry, options: Partial<SchemaRegistryOptions> = {}) =>
  new SchemaRegistry({ url: fake.url, retryBackoffMs: 1, ...options })
const named = (name: string) => JSON.stringify({ ...schema, fields: [{ name, type: 'int' }] })
const record = (value: string) => ({ rawKey: null, rawValue: Buffer.from(value, 'hex') })

test('each strategy has its subject', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  const subject = async (options: object) => (await avro({ registry, schema, topic: 'orders', ...options })).subject
  assert.equal(await subject({}), 'orders-value')
  assert.equal(await subject({ isKey: true }), 'orders-key')
  assert.equal(await subject({ subjectNameStrategy: 'RecordName' }), 'shop.Order')
  assert.equal(await subject({ subjectNameStrategy: 'TopicRecordName' }), 'orders-shop.Order')
  assert.equal(
    await subject({ subjectNameStrategy: ({ topic, recordName }: never) => `${topic}:${(recordName as () => string)()}` }),
    'orders:shop.Order'
  )
  const proto = { schema: 'syntax = "proto3"; package shop; message A {} message B {}', message: 'B' }
  assert.equal((await protobuf({ registry, subjectNameStrategy: 'RecordName', ...proto })).subject, 'shop.B')
  assert.equal((await jsonSchema({ registry, subjectNameStrategy: 'RecordName', schema: { title: 'Titled' } })).subject, 'Titled')
  for (const wrong of [
    { schema: '"int"', subjectNameStrategy: 'RecordName' },
    { schema: undefined, subjectNameStrategy: 'RecordName' },
    { subjectNameStrategy: 'Topic' }
  ])
    await assert.rejects(subject(wrong), { code: 'CONFIG_INVALID' })
})

test('without autoRegisterSchemas a schema must be there', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  const options = { registry, schema, topic: 'orders', autoRegisterSchemas: false }
  await assert.rejects(avro(options), { code: 'REGISTRY_REFUSED', errorCode: 40401 })
  const id = await registry.register('orders-value', { schema: JSON.stringify(schema) })
  assert.equal((await avro(options)).id, id)
  assert.ok(fake.requests.every((each) => !each.startsWith('POST /subjects/orders-value/versions?')))
})

test('with useLatestVersion values have the latest schema of the subject', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  await registry.register('orders-value', { schema: named('a') })
  await registry.register('orders-value', { schema: named('b') })
  const serde = await avro<object>({ registry, topic: 'orders', useLatestVersion: true })
  assert.equal(serde.id, 2)
  assert.equal(Buffer.from(serde.serialize({ b: 1 }, 'orders') as Uint8Array).toString('hex'), '000000000202')
  assert.throws(() => serde.serialize({ a: 1 }, 'orders'), { code: 'SERIALIZATION_FAILED' })
  for (const wrong of [
    { autoRegisterSchemas: true, useLatestVersion: true, schema },
    { autoRegisterSchemas: true },
    { preloadVersions: 101 }
  ])
    await assert.rejects(avro({ registry, topic: 'orders', ...wrong }), { code: 'CONFIG_INVALID' })
})

test('a serde to read registers nothing and refuses to write', async () => {
  await using fake = await startFakeRegistry()
  for (const options of [{ schema, topic: 'orders', readOnly: true }, { topic: 'orders' }, { schema }]) {
    const serde = await avro<object>({ registry: registryOf(fake), ...options })
    assert.equal(serde.id, undefined)
    assert.throws(() => serde.serialize({ total: 1 }, 'orders'), { code: 'SERIALIZATION_FAILED', message: /only reads/ })
  }
  assert.deepEqual(await registryOf(fake).subjects(), [])
})

test('a serde of one topic does not write to another, whose subject would be another', async () => {
  await using fake = await startFakeRegistry()
  const serde = await avro<object>({ registry: registryOf(fake), schema, topic: 'orders' })
  assert.throws(() => serde.serialize({ total: 1 }, 'sales'), { code: 'SERIALIZATION_FAILED', message: /orders.*not to sales/ })
  const byRecord = await avro<object>({ registry: registryOf(fake), schema, subjectNameStrategy: 'RecordName' })
  assert.deepEqual(byRecord.serialize({ total: 1 }, 'sales'), byRecord.serialize({ total: 1 }, 'orders'))
})

test('the newest versions of the subject are there from the start, as many as was said', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  for (const name of ['a', 'b', 'c']) await registry.register('orders-value', { schema: named(name) })
  const serde = await avro<object>({ registry: registryOf(fake), topic: 'orders', preloadVersions: 2 })
  // Each came once, with its version.
  const fetched = fake.requests.filter((each) => each.startsWith('GET')).map((each) => each.split('/').at(-1))
  assert.deepEqual(fetched.sort(), ['2', '3', 'versions'])
  assert.deepEqual({ ...serde.deserialize(Buffer.from('000000000302', 'hex'), 'orders') }, { c: 1 })
  assert.deepEqual({ ...serde.deserialize(Buffer.from('000000000202', 'hex'), 'orders') }, { b: 1 })
  assert.throws(() => serde.deserialize(Buffer.from('000000000102', 'hex'), 'orders'), { code: 'SCHEMA_NOT_LOADED', retriable: true })
})

test('a version that is deleted meanwhile is left out', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  for (const name of ['a', 'b']) await registry.register('orders-value', { schema: named(name) })
  fake.intercept = (request) => (request.endsWith('versions/1') ? { status: 404, body: { error_code: 40402, message: 'gone' } } : undefined)
  const serde = await avro<object>({ registry, topic: 'orders' })
  assert.deepEqual({ ...serde.deserialize(Buffer.from('000000000202', 'hex'), 'orders') }, { b: 1 })
})

test('a schema that came later is fetched before the record is read', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  const serde = await avro<object>({ registry, topic: 'orders' })
  await registry.register('orders-value', { schema: named('later') })
  const records = [record('000000000102'), record('000000000104'), { rawKey: null, rawValue: null }]
  const read: unknown[] = []
  for await (const { rawValue } of withSchemas(records, { value: serde }))
    if (rawValue !== null) read.push({ ...serde.deserialize(rawValue, 'orders') })
  assert.deepEqual(read, [{ later: 1 }, { later: 2 }])
  assert.equal(loadSchemas({ value: serde }, records[0]), undefined)
  assert.equal(loadSchemas({ key: { serialize() {} } }, { rawKey: Buffer.of(0, 0, 0, 0, 1), rawValue: null }), undefined)
  assert.equal(fake.requests.filter((each) => each === 'GET /schemas/ids/1').length, 1)
})

test('a record that is read too early fails once, and its schema is on the way', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  const serde = await avro<object>({ registry, topic: 'orders' })
  await registry.register('orders-value', { schema: named('later') })
  const bytes = Buffer.from('000000000102', 'hex')
  assert.throws(() => serde.deserialize(bytes, 'orders'), { code: 'SCHEMA_NOT_LOADED' })
  await serde.load(bytes)
  assert.deepEqual({ ...serde.deserialize(bytes, 'orders') }, { later: 1 })
  assert.equal(fake.requests.filter((each) => each === 'GET /schemas/ids/1').length, 1)
})

test('an id that the registry does not know is its error, for those who wait and for those who try again', async () => {
  await using fake = await startFakeRegistry()
  const serde = await avro<object>({ registry: registryOf(fake), topic: 'orders' })
  const bytes = Buffer.from('00000003e702', 'hex')
  assert.throws(() => serde.deserialize(bytes, 'orders'), { code: 'SCHEMA_NOT_LOADED' })
  await assert.rejects(async () => serde.load(bytes), { code: 'REGISTRY_REFUSED', errorCode: 40403 })
  assert.throws(() => serde.deserialize(bytes, 'orders'), { code: 'REGISTRY_REFUSED', errorCode: 40403 })
  assert.throws(() => serde.deserialize(bytes, 'orders'), { code: 'SCHEMA_NOT_LOADED' })
})

test('bytes with ids of chance ask for 64 schemas at a time and no more', async () => {
  await using fake = await startFakeRegistry()
  const serde = await avro<object>({ registry: registryOf(fake, { timeoutMs: 300 }), topic: 'orders' })
  fake.intercept = () => 'hang'
  const bytes = Buffer.alloc(6)
  for (let id = 1; id <= 1_000; id++) {
    bytes.writeInt32BE(id, 1)
    assert.throws(() => serde.deserialize(bytes, 'orders'), { code: 'SCHEMA_NOT_LOADED' })
  }
  bytes.writeInt32BE(1, 1)
  await assert.rejects(async () => serde.load(bytes), { code: 'REGISTRY_UNREACHABLE' })
  assert.equal(fake.requests.filter((each) => each.startsWith('GET /schemas')).length, 64)
})

test('a schema of another type is refused', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  await registry.register('orders-value', { schemaType: 'JSON', schema: '{}' })
  await assert.rejects(avro({ registry, topic: 'orders', useLatestVersion: true }), { code: 'SERIALIZATION_FAILED', message: /AVRO.*JSON/ })
  const serde = await avro<object>({ registry, readOnly: true })
  await assert.rejects(async () => serde.load(Buffer.from('000000000102', 'hex')), { code: 'SERIALIZATION_FAILED' })
})

test('references that go round in a circle end', async () => {
  await using fake = await startFakeRegistry()
  const registry = registryOf(fake)
  await registry.register('a', { schema: '"int"', references: [{ name: 'b', subject: 'b', version: 1 }] })
  await registry.register('b', { schema: '"int"', references: [{ name: 'a', subject: 'a', version: 1 }] })
  const { imports } = await registry.resolve(await registry.getLatest('a'))
  assert.deepEqual(imports.map(({ name }) => name).sort(), ['a', 'b'])
})

test('a reader that is led to a server without a registry fails when it is made', async () => {
  await using fake = await startFakeRegistry()
  fake.intercept = () => ({ status: 404, body: 'no such page' })
  const registry = new SchemaRegistry({ url: fake.url })
  await assert.rejects(avro({ registry, topic: 'orders', readOnly: true }), { code: 'REGISTRY_REFUSED', status: 404 })
})

test('a registry that is down when a serde is made is a typed error', async () => {
  const fake = await startFakeRegistry()
  await fake[Symbol.asyncDispose]()
  await assert.rejects(avro({ registry: registryOf(fake), schema, topic: 'orders' }), { code: 'REGISTRY_UNREACHABLE' })
})
