import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avro, SchemaRegistry } from '../src/index.ts'
import { startFakeRegistry } from './fake-registry.ts'

const hex = (bytes: Uint8Array | string) => Buffer.from(bytes as Uint8Array).toString('hex')
const record = (...fields: object[]) => ({ type: 'record', name: 'Order', namespace: 'shop', fields })
const total = { name: 'total', type: 'int' }

test('a record is written as the documentation says: zero, id, fields', async () => {
  await using fake = await startFakeRegistry()
  fake.lastId = 0x0102
  const registry = new SchemaRegistry({ url: fake.url })
  const schema = record({ name: 'id', type: 'long' }, { name: 'name', type: 'string' }, { name: 'note', type: ['null', 'string'] })
  const serde = await avro<{ id: number; name: string; note: string | null }>({ registry, schema, topic: 'orders' })
  assert.equal(serde.subject, 'orders-value')
  // Avro's binary form: 64 as a zigzag varint, "ab" with its length, branch 1 of the union with "c".
  const bytes = serde.serialize({ id: 64, name: 'ab', note: 'c' }, 'orders')
  assert.equal(hex(bytes), '00' + '00000103' + '8001' + '046162' + '020263')
  assert.deepEqual({ ...serde.deserialize(Buffer.from(bytes as Uint8Array), 'orders') }, { id: 64, name: 'ab', note: 'c' })
})

test('what was written with another version is read as the version of the program', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const old = await avro<object>({ registry, schema: record(total, { name: 'gone', type: 'string' }), topic: 'orders' })
  const written = Buffer.from(old.serialize({ total: 3, gone: 'x' }, 'orders') as Uint8Array)
  const schema = record({ name: 'amount', aliases: ['total'], type: 'double' }, { name: 'note', type: 'string', default: 'none' })
  const serde = await avro<{ amount: number; note: string }>({ registry, schema, topic: 'orders' })
  assert.deepEqual({ ...serde.deserialize(written, 'orders') }, { amount: 3, note: 'none' })
  // Without a schema of its own a program gets what was written.
  const generic = await avro<object>({ registry, topic: 'orders', readOnly: true })
  assert.deepEqual({ ...generic.deserialize(written, 'orders') }, { total: 3, gone: 'x' })
})

test('records and wrapped unions are plain objects, which assertions find equal to such', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const one = (name: string) => ({ type: 'record', name, fields: [{ name: 'a', type: 'long' }] })
  const fields = [
    { name: 'nested', type: one('Nested') },
    { name: 'list', type: { type: 'array', items: 'Nested' } },
    { name: 'map', type: { type: 'map', values: one('InMap') } },
    { name: 'either', type: ['null', one('A'), one('B'), 'long', 'int'] }
  ]
  const schema = { type: 'record', name: 'Order', fields }
  const value = { nested: { a: 1n }, list: [{ a: 2n }], map: { k: { a: 3n } }, either: { B: { a: 4n } } }
  for (const again of ['once', 'twice']) {
    const serde = await avro<object>({ registry, topic: 'orders', schema, longs: 'bigint' })
    for (const given of [value, { ...value, either: { long: 5n } }, { ...value, either: null }])
      assert.deepEqual(serde.deserialize(Buffer.from(serde.serialize(given, 'orders') as Uint8Array), 'orders'), given, again)
  }
})

test('a version that cannot become that of the program says why', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const old = await avro<object>({ registry, schema: record(), topic: 'orders' })
  const written = Buffer.from(old.serialize({}, 'orders') as Uint8Array)
  const serde = await avro<object>({ registry, schema: record(total), subjectNameStrategy: 'RecordName' })
  await assert.rejects(async () => serde.load(written), { code: 'SCHEMA_INVALID', message: /cannot read.*total/ })
})

test('a value that does not fit, and bytes that do not, are SERIALIZATION_FAILED', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await avro<unknown>({ registry, schema: record(total), topic: 'orders' })
  for (const value of [{ total: 'three' }, {}, null, { total: 2 ** 40 }])
    assert.throws(() => serde.serialize(value, 'orders'), { code: 'SERIALIZATION_FAILED', message: /orders-value/ }, JSON.stringify(value))
  for (const bytes of ['0000000001', '000000000180', '00000000010600'])
    assert.throws(() => serde.deserialize(Buffer.from(bytes, 'hex'), 'orders'), { code: 'SERIALIZATION_FAILED' }, bytes)
})

test('a long beyond what a number holds fails, and is exact as a bigint', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const options = { registry, schema: record({ name: 'id', type: 'long' }), topic: 'orders' }
  const exact = await avro<{ id: bigint }>({ ...options, longs: 'bigint' })
  for (const id of [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    const bytes = Buffer.from(exact.serialize({ id }, 'orders') as Uint8Array)
    assert.equal(exact.deserialize(bytes, 'orders').id, id)
  }
  assert.equal(hex(exact.serialize({ id: -(2n ** 63n) }, 'orders')), '0000000001' + 'ffffffffffffffffff01')
  assert.throws(() => exact.serialize({ id: 2n ** 63n }, 'orders'), { code: 'SERIALIZATION_FAILED' })
  const lossy = await avro<{ id: number }>(options)
  const bytes = Buffer.from(exact.serialize({ id: 2n ** 60n }, 'orders') as Uint8Array)
  assert.throws(() => lossy.deserialize(bytes, 'orders'), { code: 'SERIALIZATION_FAILED' })
})

test('a schema of bytes is the bytes without their length, as Java writes it', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await avro<Uint8Array>({ registry, schema: '"bytes"', topic: 'blobs' })
  const bytes = serde.serialize(Buffer.of(1, 2, 3), 'blobs')
  assert.equal(hex(bytes), '0000000001010203')
  assert.deepEqual(serde.deserialize(Buffer.from(bytes as Uint8Array), 'blobs'), Buffer.of(1, 2, 3))
})

test('schemas that refer to others are written and read with them', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const money = { type: 'record', name: 'Money', namespace: 'shop', fields: [{ name: 'cents', type: 'int' }] }
  const line = { type: 'record', name: 'Line', namespace: 'shop', fields: [{ name: 'price', type: 'shop.Money' }] }
  const toMoney = { name: 'shop.Money', subject: 'money', version: 1 }
  await registry.register('money', { schema: JSON.stringify(money) })
  await registry.register('line', { schema: JSON.stringify(line), references: [toMoney] })
  const schema = record({ name: 'lines', type: { type: 'array', items: 'shop.Line' } }, { name: 'sum', type: 'shop.Money' })
  const references = [{ name: 'shop.Line', subject: 'line', version: 1 }, toMoney]
  const serde = await avro<object>({ registry, schema, references, topic: 'orders' })
  const bytes = serde.serialize({ lines: [{ price: { cents: 1 } }, { price: { cents: 2 } }], sum: { cents: 3 } }, 'orders')
  assert.equal(hex(bytes), '0000000003' + '04020400' + '06')
  // A reader without any schema gets all of them from the registry.
  const generic = await avro<{ lines: { price: { cents: number } }[] }>({ registry: new SchemaRegistry({ url: fake.url }), readOnly: true })
  await generic.load(Buffer.from(bytes as Uint8Array))
  assert.deepEqual(
    generic.deserialize(Buffer.from(bytes as Uint8Array), 'orders').lines.map(({ price }) => price.cents),
    [1, 2]
  )
})

test('what is no Avro schema says so, with the name of the one that is referred to', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  await registry.register('broken', { schema: '{"type":"nothing"}' })
  for (const schema of ['no json', '{"type":"nothing"}', '{"type":"record"}'])
    await assert.rejects(avro({ registry, schema, topic: 'orders' }), { code: 'SCHEMA_INVALID' }, schema)
  const references = [{ name: 'shop.Broken', subject: 'broken', version: 1 }]
  await assert.rejects(avro({ registry, schema: record(total), references, topic: 'orders' }), {
    code: 'SCHEMA_INVALID',
    message: /shop\.Broken/
  })
})

test('counts and lengths that lie are refused before anything is made of them', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const tree = record({ name: 'leaves', type: { type: 'array', items: 'Order' } })
  const hostile: readonly (readonly [object, string])[] = [
    [{ type: 'array', items: 'int' }, 'feffffff1f020202'],
    [{ type: 'array', items: 'null' }, 'feffffff1f00'],
    [{ type: 'array', items: { type: 'fixed', name: 'F', size: 0 } }, 'feffffff1f00'],
    [{ type: 'array', items: 'string' }, '02feffffff1f00'],
    [{ type: 'array', items: 'int' }, 'ffffffff1f0200'],
    [{ type: 'array', items: 'int' }, 'ffffffffffffffffffffff'],
    [{ type: 'map', values: 'int' }, 'feffffff1f0200'],
    [{ type: 'array', items: ['null', 'int'] }, '02040000'],
    [tree, '02'.repeat(100_000)]
  ]
  for (const [schema, payload] of hostile) {
    const serde = await avro<unknown>({ registry, schema, topic: 'orders' })
    const bytes = Buffer.concat([Buffer.of(0), Buffer.alloc(4), Buffer.from(payload, 'hex')])
    bytes.writeInt32BE(serde.id as number, 1)
    assert.throws(() => serde.deserialize(bytes, 'orders'), { code: 'SERIALIZATION_FAILED' }, JSON.stringify(schema))
  }
})

test('arrays and maps of every kind of item pass the check of their lengths', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const kinds = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'].map((type) => ({ name: `a_${type}`, type }))
  const all = record(
    ...kinds,
    { name: 'f', type: { type: 'fixed', name: 'F', size: 3 } },
    { name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } },
    { name: 'u', type: ['null', 'string', 'int'] },
    { name: 'm', type: { type: 'map', values: { type: 'array', items: 'long' } } },
    { name: 'children', type: { type: 'array', items: 'Order' } }
  )
  const one = {
    ...{ a_null: null, a_boolean: true, a_int: -5, a_long: 2 ** 40, a_float: 0.5, a_double: 0.1, a_bytes: Buffer.of(1), a_string: 'é' },
    ...{ f: Buffer.of(1, 2, 3), e: 'B', u: 7, m: { k: [1, -(2 ** 50)], none: [] } }
  }
  const value = {
    ...one,
    children: [
      { ...one, u: null, children: [] },
      { ...one, u: 'text', children: [] }
    ]
  }
  const serde = await avro<object>({ registry, schema: all, topic: 'orders' })
  const bytes = Buffer.from(serde.serialize(value, 'orders') as Uint8Array)
  assert.deepEqual(JSON.parse(JSON.stringify(serde.deserialize(bytes, 'orders'))), JSON.parse(JSON.stringify(value)))
  // Any byte changed or cut: a value or SERIALIZATION_FAILED, at once.
  for (let at = 5; at < bytes.length; at++)
    for (const wrong of [
      bytes.subarray(0, at),
      Buffer.from(bytes).fill(0xff, at, at + 1),
      Buffer.from(bytes).fill(0x7e, at, Math.min(at + 4, bytes.length))
    ])
      try {
        serde.deserialize(wrong, 'orders')
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, 'SERIALIZATION_FAILED')
      }
})
