// Typed topics with schemas through a real broker, and a registry of this process.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { backoff, Kafka, topic } from '@odradek/client'
import { avro, jsonSchema, loadSchemas, protobuf, SchemaRegistry, withSchemas } from '@odradek/schema-registry'
import { type FakeRegistry, startFakeRegistry } from '../../packages/schema-registry/test/fake-registry.ts'
import { type BrokerProcess, startBroker } from '../interop/support/brokers.ts'

interface Order {
  total: number
}
const schemaOf = (...names: string[]) => ({
  type: 'record',
  name: 'Order',
  fields: names.map((name) => ({ name, type: 'int', default: 0 }))
})

describe('topics with schemas', { timeout: 120_000 }, () => {
  let broker: BrokerProcess
  let kafka: Kafka
  let fake: FakeRegistry
  let registry: SchemaRegistry

  before(async () => {
    broker = await startBroker({ kind: 'odradek' })
    kafka = new Kafka({ brokers: broker.bootstrapServers })
    fake = await startFakeRegistry()
    registry = new SchemaRegistry({ url: fake.url })
  })
  after(async () => {
    await kafka?.close()
    await fake?.[Symbol.asyncDispose]()
    await broker?.[Symbol.asyncDispose]()
  })

  /** What a program of its own writes, with a newer schema than the reader has seen. */
  async function writeLater(name: string): Promise<void> {
    const value = await avro<object>({ registry, topic: name, schema: schemaOf('total', 'tax') })
    await kafka.producer().send(topic(name, { value }), { value: { total: 2, tax: 1 } })
  }

  test('keys and values in three formats come back typed', async () => {
    const key = await jsonSchema<{ id: string }>({ registry, topic: 'mixed', isKey: true, schema: { required: ['id'] } })
    const value = await protobuf<{ total: number }>({
      registry,
      topic: 'mixed',
      schema: 'syntax = "proto3"; message Order { int32 total = 1; }'
    })
    const mixed = topic('mixed', { key, value })
    await kafka.admin().createTopics(['mixed'])
    await kafka.producer().sendBatch(mixed, [
      { key: { id: 'a' }, value: { total: 3 } },
      { key: { id: 'b' }, value: null }
    ])
    await assert.rejects(async () => kafka.producer().send(mixed, { value: { total: 'three' } as never }), { code: 'SERIALIZATION_FAILED' })
    const consumer = kafka.consumer({ groupId: 'mixed', autoOffsetReset: 'earliest' })
    const read: unknown[] = []
    for await (const record of withSchemas(consumer.stream(mixed), mixed)) if (read.push([record.key, record.value]) === 2) break
    await consumer.close()
    assert.deepEqual(read, [
      [{ id: 'a' }, { total: 3 }],
      [{ id: 'b' }, null]
    ])
    assert.deepEqual(await registry.subjects(), ['mixed-key', 'mixed-value'])
  })

  test('a stream waits for the schema of a program that is newer', async () => {
    const orders = topic('streamed', { value: await avro<Order>({ registry, topic: 'streamed', schema: schemaOf('total') }) })
    await kafka.admin().createTopics([orders.name])
    await kafka.producer().send(orders, { value: { total: 1 } })
    const consumer = kafka.consumer({ groupId: 'streamed', autoOffsetReset: 'earliest' })
    const totals: unknown[] = []
    for await (const record of withSchemas(consumer.stream(orders), orders)) {
      totals.push(record.value?.total)
      if (totals.length === 1) await writeLater(orders.name)
      else break
    }
    await consumer.close()
    assert.deepEqual(totals, [1, 2])
  })

  for (const [name, awaits] of [
    ['a handler that awaits the schema needs no retry', true],
    ['a handler that does not is tried again', false]
  ] as const)
    test(name, async () => {
      const at = awaits ? 'awaited' : 'retried'
      const orders = topic(at, { value: await avro<Order>({ registry, topic: at, schema: schemaOf('total') }) })
      await kafka.admin().createTopics([at])
      await writeLater(at)
      const consumer = kafka.consumer({ groupId: at, autoOffsetReset: 'earliest' })
      const stop = new AbortController()
      const seen: unknown[] = []
      const run = consumer.run(
        orders,
        async (record, { attempt }) => {
          if (awaits) await loadSchemas(orders, record)
          seen.push([record.value?.total, attempt > 1])
          stop.abort()
        },
        { signal: stop.signal, retry: awaits ? backoff(0) : backoff(20, { initialMs: 20, maxMs: 200 }) }
      )
      await run
      await consumer.close()
      assert.deepEqual(seen, [[2, !awaits]])
    })
})
