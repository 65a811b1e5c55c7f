// What the compiler infers and refuses: `npx tsc` is the test; here the same calls run against nobody.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, Kafka, number, type RecordMetadata, type StandardSchema, string, type Topic, topic } from '../../src/index.ts'

interface Order {
  readonly total: number
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Equal<A, B>): void => {}

declare const schema: StandardSchema<{ total: string }, { total: number }>

export async function checkedByTheCompiler(kafka: Kafka): Promise<void> {
  const orders = topic('orders', { key: string(), value: json<Order>() })
  same<typeof orders, Topic<string, Order, string, Order>>(true)
  const parsed = topic('parsed', { value: json(schema) })
  same<ReturnType<typeof parsed.value.deserialize>, { total: number }>(true)
  same<ReturnType<typeof parsed.key.deserialize>, Buffer>(true)

  const producer = kafka.producer({ acks: 1, 'linger.ms': 5, compressionType: 'zstd' })
  const metadata = await producer.send(orders, { key: 'a', value: { total: 1 } })
  same<typeof metadata, RecordMetadata>(true)
  same<Awaited<ReturnType<typeof producer.sendBatch>>, RecordMetadata[]>(true)
  await producer.send(orders, { value: null })
  await producer.send({ topic: orders, value: { total: 1 } }, { signal: AbortSignal.timeout(1) })
  await producer.send('raw', { key: 'text', value: Buffer.from('bytes'), headers: { a: ['1', null] } })
  await producer.send(parsed, { key: 'raw text', value: { total: '3' } })
  producer.send(orders, { value: { total: 1 } }, (error, result) => same<typeof result, RecordMetadata | null>(error === null || true))

  // @ts-expect-error a wrong value
  await producer.send(orders, { value: { total: '1' } })
  // @ts-expect-error a wrong key
  await producer.send(orders, { key: 1, value: { total: 1 } })
  // @ts-expect-error no value: a tombstone is null
  await producer.send(orders, { key: 'a' })
  // @ts-expect-error what is sent is the schema's input, not its output
  await producer.send(parsed, { value: { total: 3 } })
  // @ts-expect-error a codec that does not exist
  kafka.producer({ compressionType: 'brotli' })
  // @ts-expect-error a setting that does not exist
  kafka.producer({ lingerMillis: 5 })
  // @ts-expect-error a partitioner gives a number
  kafka.producer({ partitionerClass: () => 'first' })
  // @ts-expect-error a form that does not exist
  number('byte')
}

test('what the compiler accepts also makes sense at run time', () => {
  assert.equal(topic('orders', { key: string(), value: json<Order>() }).value.serialize({ total: 1 }, 'orders'), '{"total":1}')
  assert.equal(typeof Kafka, 'function')
})
