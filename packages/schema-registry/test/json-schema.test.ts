import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonSchema, SchemaRegistry } from '../src/index.ts'
import { startFakeRegistry } from './fake-registry.ts'

const order = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Order',
  type: 'object',
  properties: { total: { type: 'number' }, at: { type: 'string', format: 'date-time' } },
  required: ['total'],
  additionalProperties: false
}

test('a value is its JSON behind a zero and the id', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await jsonSchema<{ total: number }>({ registry, schema: order, topic: 'orders' })
  const bytes = Buffer.from(serde.serialize({ total: 3 }, 'orders') as Uint8Array)
  assert.equal(bytes.toString('latin1'), '\0\0\0\0\x01{"total":3}')
  assert.deepEqual(serde.deserialize(bytes, 'orders'), { total: 3 })
})

test('what does not fit is refused with its place, when it is written and when it is read', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const serde = await jsonSchema<unknown>({ registry, schema: order, topic: 'orders' })
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ total: 'three' }, /\/total must be number/],
    [{}, /must have required property 'total'/],
    [{ total: 1, more: 2 }, /must NOT have additional properties/],
    [{ total: 1, at: 'yesterday' }, /\/at must match format/]
  ]
  for (const [value, message] of wrong) {
    assert.throws(() => serde.serialize(value, 'orders'), { code: 'SERIALIZATION_FAILED', message })
    const bytes = Buffer.from(`\0\0\0\0\x01${JSON.stringify(value)}`, 'latin1')
    assert.throws(() => serde.deserialize(bytes, 'orders'), { code: 'SERIALIZATION_FAILED', message })
  }
  assert.throws(() => serde.serialize(undefined, 'orders'), { code: 'SERIALIZATION_FAILED' })
  assert.throws(() => serde.deserialize(Buffer.from('0000000001', 'hex'), 'orders'), { code: 'SERIALIZATION_FAILED' })
  assert.ok(serde.serialize({ total: 1, at: new Date(0), no: undefined }, 'orders'))
})

test('a program with a schema reads every id by its own and asks for none; without one it reads by the schema of the record', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const written = await jsonSchema<object>({ registry, schema: order, topic: 'orders' })
  const bytes = Buffer.from(written.serialize({ total: 1 }, 'orders') as Uint8Array)
  const before = fake.requests.length
  const own = await jsonSchema<object>({ registry, schema: { type: 'object', required: ['sum'] }, topic: 'orders', readOnly: true })
  assert.throws(() => own.deserialize(bytes, 'orders'), { code: 'SERIALIZATION_FAILED', message: /'sum'/ })
  assert.equal(fake.requests.length, before)
  const generic = await jsonSchema<object>({ registry, topic: 'orders' })
  assert.deepEqual(generic.deserialize(bytes, 'orders'), { total: 1 })
})

test('references are resolved by the name in $ref, relative to $id where there is one', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const money = {
    $id: 'https://elsewhere.example/money',
    type: 'object',
    properties: { cents: { $ref: '#/definitions/c' } },
    definitions: { c: { type: 'integer' } }
  }
  await registry.register('money', { schemaType: 'JSON', schema: JSON.stringify(money) })
  const references = [{ name: 'money.json', subject: 'money', version: 1 }]
  for (const id of [{}, { $id: 'https://shop.example/schemas/order.json' }]) {
    const schema = { ...id, type: 'object', properties: { sum: { $ref: 'money.json' } } }
    const serde = await jsonSchema<object>({ registry, schema, references, topic: 'sales' })
    assert.ok(serde.serialize({ sum: { cents: 1 } }, 'sales'))
    assert.throws(() => serde.serialize({ sum: { cents: 1.5 } }, 'sales'), { message: /\/sum\/cents must be integer/ })
  }
  const schema = { type: 'object', properties: { sum: { $ref: 'money.json' } } }
  await assert.rejects(jsonSchema({ registry, schema, topic: 'sales' }), { code: 'SCHEMA_INVALID', message: /money\.json/ })
})

test('each draft is checked by its own rules, and one that is not known is said', async () => {
  await using fake = await startFakeRegistry()
  const registry = new SchemaRegistry({ url: fake.url })
  const tuple = async ($schema: string, words: object) => {
    const serde = await jsonSchema<unknown>({ registry, schema: { $schema, ...words }, topic: 't' })
    assert.ok(serde.serialize(['a', 1], 't'))
    assert.throws(() => serde.serialize(['a', 'b'], 't'), { message: /\/1 must be number/ }, $schema)
  }
  const items = [{ type: 'string' }, { type: 'number' }]
  await tuple('http://json-schema.org/draft-07/schema#', { items })
  await tuple('https://json-schema.org/draft/2019-09/schema', { items })
  await tuple('https://json-schema.org/draft/2020-12/schema', { prefixItems: items })
  const old = { $schema: 'http://json-schema.org/draft-04/schema#' }
  await assert.rejects(jsonSchema({ registry, schema: old, topic: 't' }), { code: 'SCHEMA_INVALID', message: /draft-04/ })
  await assert.rejects(jsonSchema({ registry, schema: 'no json', topic: 't' }), { code: 'SCHEMA_INVALID' })
})
