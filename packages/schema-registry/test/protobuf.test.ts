import assert from 'node:assert/strict'
import { test } from 'node:test'
import { protobuf, SchemaRegistry } from '../src/index.ts'
import { startFakeRegistry } from './fake-registry.ts'

const hex = (bytes: Uint8Array | string) => Buffer.from(bytes as Uint8Array).toString('hex')
const file = `syntax = "proto3";
package shop.v1;
enum Before { NOTHING = 0; }
message Order {
  message Line { string name = 1; int32 count = 2; message Deep { bool is = 1; } }
  map<string, uint64> sums = 4;
  int64 total_cents = 1;
  repeated Line lines = 2;
  oneof payment { string card = 5; int64 cash = 6; }
  Before state = 7;
}
message Second { sint32 value = 1; bytes raw = 2; }`

test('the first message of a file has the short form of its index', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await protobuf<{ totalCents: bigint }, { totalCents: number }>({ registry, schema: file, topic: 'orders' })
  assert.equal(hex(serde.serialize({ totalCents: 150 }, 'orders')), '00' + '00000001' + '00' + '089601')
})

test('other messages have the path to them, counted among messages alone', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const at = async (message: string, value: object) =>
    hex((await protobuf<object>({ registry, schema: file, topic: 'orders', message })).serialize(value, 'orders')).slice(10)
  assert.equal(await at('Second', { value: -1 }), '0202' + '0801')
  assert.equal(await at('shop.v1.Second', { value: -1 }), '0202' + '0801')
  assert.equal(await at('Order.Line', { name: 'a' }), '040000' + '0a0161')
  assert.equal(await at('Order.Line.Deep', { is: true }), '06000000' + '0801')
})

test('every kind of field comes back as it was given', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await protobuf<object>({ registry, schema: file, topic: 'orders' })
  const value = {
    totalCents: -(2n ** 63n),
    lines: [
      { name: 'a', count: 1 },
      { name: 'b', count: -2 }
    ],
    sums: { max: 2n ** 64n - 1n, none: 0n },
    cash: 7n,
    payment: 'cash',
    state: 'NOTHING'
  }
  const bytes = Buffer.from(serde.serialize(value, 'orders') as Uint8Array)
  assert.deepEqual(serde.deserialize(bytes, 'orders'), value)
  // What was read can be written.
  assert.deepEqual(serde.serialize(serde.deserialize(bytes, 'orders') as object, 'orders'), bytes)
  const second = await protobuf<object>({ registry, schema: file, topic: 'orders', message: 'Second' })
  const raw = { value: -5, raw: Buffer.of(1, 2) }
  assert.deepEqual(second.deserialize(Buffer.from(second.serialize(raw, 'orders') as Uint8Array), 'orders'), raw)
})

test('a program with another version of the file reads what it knows', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const written = await protobuf<object>({ registry, schema: file, topic: 'orders' })
  const bytes = Buffer.from(written.serialize({ totalCents: 5, card: 'c' }, 'orders') as Uint8Array)
  const schema = 'syntax = "proto3"; package shop.v1; message Zero {} message Order { int64 cents = 1; string note = 9; }'
  const serde = await protobuf<object>({ registry, schema, message: 'Order', topic: 'orders' })
  assert.deepEqual(serde.deserialize(bytes, 'orders'), { cents: 5n, note: '' })
  const other = await protobuf<object>({ registry, schema, message: 'Zero', topic: 'orders' })
  assert.throws(() => other.deserialize(bytes, 'orders'), {
    code: 'SERIALIZATION_FAILED',
    message: /is a shop\.v1\.Order, not a shop\.v1\.Zero/
  })
})

test('values that protobufjs would bend to fit are refused with their path', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await protobuf<unknown>({ registry, schema: file, topic: 'orders' })
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ total: 1 }, /total is no field of Order/],
    [{ totalCents: 'abc' }, /totalCents is a bigint/],
    [{ totalCents: 2n ** 63n }, /totalCents is a bigint/],
    [{ totalCents: 1.5 }, /totalCents is a bigint/],
    [{ lines: [{ name: 'a' }, { count: 2 ** 31 }] }, /lines\[1\]\.count is no int32/],
    [{ lines: {} }, /lines is a list/],
    [{ sums: { a: -1n } }, /sums\.a is a bigint/],
    [{ card: 5 }, /card is no string/],
    [{ state: 'UNKNOWN' }, /state is no value of Before/],
    [{ state: 'constructor' }, /state is no value of Before/],
    ['text', /Order is an object/]
  ]
  for (const [value, message] of wrong) assert.throws(() => serde.serialize(value, 'orders'), { code: 'SERIALIZATION_FAILED', message })
})

test('bytes that lie are refused', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await protobuf<unknown>({ registry, schema: file, topic: 'orders' })
  for (const payload of ['', '0209', '0201', '06000002', '0012ff7f', '000affffffffffffffffff7f'])
    assert.throws(() => serde.deserialize(Buffer.from(`0000000001${payload}`, 'hex'), 'orders'), { code: 'SERIALIZATION_FAILED' }, payload)
})

test('imports are the references of the schema, and the files that come with Protobuf', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  await registry.register('money', {
    schemaType: 'PROTOBUF',
    schema: 'syntax = "proto3"; package shop.v1; message Money { int32 cents = 1; }'
  })
  const schema = `syntax = "proto3"; package shop.v1; import "shop/money.proto"; import "google/protobuf/timestamp.proto";
    message Sale { Money sum = 1; google.protobuf.Timestamp at = 2; }`
  const references = [{ name: 'shop/money.proto', subject: 'money', version: 1 }]
  const serde = await protobuf<object>({ registry, schema, references, topic: 'sales' })
  const value = { sum: { cents: 3 }, at: { seconds: 5n, nanos: 6 } }
  const bytes = Buffer.from(serde.serialize(value, 'sales') as Uint8Array)
  // The messages of an imported file do not count.
  assert.equal(hex(bytes), '0000000002' + '00' + '0a020803' + '120408051006')
  assert.deepEqual(serde.deserialize(bytes, 'sales'), value)
  await assert.rejects(protobuf({ registry, schema, topic: 'sales' }), {
    code: 'SCHEMA_INVALID',
    message: /shop\/money\.proto, which is not among its references/
  })
})

test('what is no Protobuf schema, or has not the message, says so', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  for (const schema of ['nonsense', 'syntax = "proto3";', 'syntax = "proto3"; message A { Missing b = 1; }'])
    await assert.rejects(protobuf({ registry, schema, topic: 't' }), { code: 'SCHEMA_INVALID' }, schema)
  await assert.rejects(protobuf({ registry, schema: file, message: 'Third', topic: 't' }), {
    code: 'SCHEMA_INVALID',
    message: /no message Third/
  })
  assert.throws(() => protobuf({ registry, schema: {}, topic: 't' }), { code: 'CONFIG_INVALID' })
})

// What confluent-kafka 2.16 for Python registers and writes: Confluent's own registry turns the descriptors into texts, others do not.
const itemDescriptor = 'CgppdGVtLnByb3RvEgRzaG9wIhMKBEl0ZW0SCwoDc2t1GAEgASgJYgZwcm90bzM='
const cartDescriptor = [
  'CgpjYXJ0LnByb3RvEgRzaG9wGgppdGVtLnByb3RvGh9nb29nbGUvcHJvdG9idWYvdGltZXN0YW1wLnByb3RvIhIKBU90aGVyEgkKAWEYASABKAUiuwIKBENh',
  'cnQSGQoFaXRlbXMYASADKAsyCi5zaG9wLkl0ZW0SLQoJcGxhY2VkX2F0GAIgASgLMhouZ29vZ2xlLnByb3RvYnVmLlRpbWVzdGFtcBIkCgVub3RlcxgDIAMo',
  'CzIVLnNob3AuQ2FydC5Ob3Rlc0VudHJ5Eh0KBGxpbmUYBCABKAsyDy5zaG9wLkNhcnQuTGluZRIbCgZzdGF0ZXMYBSADKA4yCy5zaG9wLlN0YXRlEg4KBGNh',
  'cmQYBiABKAlIABIPCgV0b2tlbhgHIAEoDEgAEgsKA2JpZxgIIAEoBhosCgpOb3Rlc0VudHJ5EgsKA2tleRgBIAEoCRINCgV2YWx1ZRgCIAEoAzoCOAEaJAoE',
  'TGluZRIMCgR0ZXh0GAEgASgJEg4KBmRlbHRhcxgCIAMoEUIFCgNwYXkqGgoFU3RhdGUSBwoDTkVXEAASCAoEUEFJRBABYgZwcm90bzM='
].join('')

test('a file that is registered as its descriptor is read and written as one that is a text', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  await registry.register('item.proto', { schemaType: 'PROTOBUF', schema: itemDescriptor })
  const references = [{ name: 'item.proto', subject: 'item.proto', version: 1 }]
  const id = await registry.register('carts-value', { schemaType: 'PROTOBUF', schema: cartDescriptor, references })
  const framed = (payload: string) => Buffer.from(`000000000${id}${payload}`, 'hex')
  const reader = await protobuf<object>({ registry, topic: 'carts', readOnly: true })
  const cart = framed('02020a030a0161120208051a050a016b10072a01013a026869')
  const value = {
    items: [{ sku: 'a' }],
    placedAt: { seconds: 5n, nanos: 0 },
    notes: { k: 7n },
    line: null,
    states: ['PAID'],
    pay: 'token',
    token: Buffer.from('hi'),
    big: 0n
  }
  assert.deepEqual(reader.deserialize(cart, 'carts'), value)
  // the entry of the map is message 0 of the cart
  assert.deepEqual(reader.deserialize(framed('0402020a0174'), 'carts'), { text: 't', deltas: [] })
  assert.throws(() => reader.deserialize(framed('0402000a0174'), 'carts'), { code: 'SERIALIZATION_FAILED', message: /no message \[1, 0\]/ })
  const writer = await protobuf<object>({ registry, topic: 'carts', useLatestVersion: true, message: 'shop.Cart.Line' })
  assert.equal(hex(writer.serialize({ text: 't' }, 'carts')), hex(framed('0402020a0174')))
})

test('descriptors that lie, or whose imports are missing, say so', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const made = (schema: string) => protobuf({ registry, topic: 'orders', schema })
  await assert.rejects(made(cartDescriptor), { code: 'SCHEMA_INVALID', message: /item\.proto, which is not among its references/ })
  await assert.rejects(made(cartDescriptor.slice(0, 200)), { code: 'SCHEMA_INVALID' })
  await assert.rejects(made('message'), { code: 'SCHEMA_INVALID' })
})
