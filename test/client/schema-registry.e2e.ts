// Typed topics with schemas through a real broker, and a registry of this process.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { topic } from '@odradek/client'
import { avro, jsonSchema, loadSchemas, protobuf, SchemaRegistry, withSchemas } from '@odradek/schema-registry'
import { type FakeRegistry, startFakeRegistry } from '../../packages/schema-registry/test/fake-registry.ts'
import { brokerOfSuite } from './broker-of-suite.ts'

interface Order {
  total: number
}
const schemaOf = (...names: string[]) => ({
  type: 'record',
  name: 'Order',
  fields: names.map((name) => ({ name, type: 'int', default: 0 }))
})

describe('topics with schemas', { timeout: 120_000 }, () => {
  const own = brokerOfSuite({ kind: 'odradek' })
  let fake: FakeRegistry
  let registry: SchemaRegistry

  before(async () => {
    fake = await startFakeRegistry()
    registry = new SchemaRegistry({ url: fake.url })
  })
  after(async () => {
    await fake?.[Symbol.asyncDispose]()
  })

  /** What a program of its own writes, with a newer schema than the reader has seen. */
  async function writeLater(name: string): Promise<void> {
    const value = await avro<object>({ registry, topic: name, schema: schemaOf('total', 'tax') })
    await own.kafka.producer().send(topic(name, { value }), { value: { total: 2, tax: 1 } })
  }

  test('keys and values in three formats come back typed', async () => {
    const key = await jsonSchema<{ id: string }>({ registry, topic: 'mixed', isKey: true, schema: { required: ['id'] } })
    const value = await protobuf<{ total: number }>({
      registry,
      topic: 'mixed',
      schema: 'syntax = "proto3"; message Order { int32 total = 1; }'
    })
    const mixed = topic('mixed', { key, value })
    await own.kafka.admin().createTopics(['mixed'])
    await own.kafka.producer().sendBatch(mixed, [
      { key: { id: 'a' }, value: { total: 3 } },
      { key: { id: 'b' }, value: null }
    ])
    await assert.rejects(async () => own.kafka.producer().send(mixed, { value: { total: 'three' } as never }), {
      code: 'SERIALIZATION_FAILED'
    })
    const consumer = own.kafka.consumer({ groupId: 'mixed', autoOffsetReset: 'earliest' })
    const read: unknown[] = []
    for await (const record of withSchemas(consumer.stream(mixed), mixed)) if (read.push([record.key, record.value]) === 2) break
    await consumer.close()
    assert.deepEqual(read, [
      [{ id: 'a' }, { total: 3 }],
      [{ id: 'b' }, null]
    ])
    assert.deepEqual(await registry.subjects(), ['mixed-key', 'mixed-value'])
  })

  test('a stream, a handler and a poll wait for the schema of a program that is newer, and nobody has to ask for it', async () => {
    const orders = topic('streamed', { value: await avro<Order>({ registry, topic: 'streamed', schema: schemaOf('total') }) })
    const reader = async () => topic('streamed', { value: await avro<Order>({ registry, schema: schemaOf('total'), readOnly: true }) })
    await own.kafka.admin().createTopics([orders.name])
    await own.kafka.producer().send(orders, { value: { total: 1 } })
    const consumer = own.kafka.consumer({ groupId: 'streamed', autoOffsetReset: 'earliest' })
    const totals: unknown[] = []
    for await (const record of consumer.stream(orders)) {
      totals.push(record.value?.total)
      if (totals.length === 1) await writeLater(orders.name)
      else break
    }
    await consumer.close()
    const stop = new AbortController()
    const running = own.kafka.consumer({ groupId: 'handled', autoOffsetReset: 'earliest' })
    await running.run(await reader(), ({ value }) => totals.push(value?.total) === 4 && stop.abort(), { signal: stop.signal })
    await running.close()
    const polling = own.kafka.consumer({ groupId: 'polled', autoOffsetReset: 'earliest' })
    polling.subscribe(await reader())
    while (totals.length < 6) for (const { value } of await polling.poll()) totals.push((value as unknown as Order).total)
    await polling.close()
    assert.deepEqual(totals, [1, 2, 1, 2, 1, 2])
  })

  test('a record whose schema the registry does not have says so, and holds up no other', async () => {
    await own.kafka.admin().createTopics(['astray'])
    const value = await avro<Order>({ registry, topic: 'astray', schema: schemaOf('total') })
    await own.kafka.producer().send('astray', { value: Buffer.from([0, 0, 0, 0x30, 0x39, 2]) })
    await writeLater('astray')
    const consumer = own.kafka.consumer({ groupId: 'astray', autoOffsetReset: 'earliest' })
    const read: unknown[] = []
    const orders = topic('astray', { value: await avro<Order>({ registry, schema: schemaOf('total'), readOnly: true }) })
    for await (const record of consumer.stream(orders)) {
      try {
        read.push(record.value?.total)
      } catch (error) {
        read.push((error as { code?: string }).code)
      }
      if (read.length === 2) break
    }
    await consumer.close()
    assert.equal(value.subject, 'astray-value')
    assert.deepEqual(read, ['REGISTRY_REFUSED', 2])
  })

  test('by hand the schemas of a record are awaited too', async () => {
    const orders = topic('awaited', { value: await avro<Order>({ registry, topic: 'awaited', schema: schemaOf('total') }) })
    await own.kafka.admin().createTopics(['awaited'])
    await writeLater('awaited')
    const consumer = own.kafka.consumer({ groupId: 'awaited', autoOffsetReset: 'earliest' })
    consumer.subscribe('awaited')
    let records = await consumer.poll()
    while (records.isEmpty) records = await consumer.poll()
    for await (const { rawValue } of withSchemas(records, orders))
      assert.equal(orders.value.deserialize(rawValue as Buffer, 'awaited').total, 2)
    for (const record of records) assert.equal(loadSchemas(orders, record), undefined)
    await consumer.close()
  })
})
