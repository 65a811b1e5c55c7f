// What the compiler infers at the public face and what it refuses: `npm run types` is the test. Of the producer: producer/types.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  backoff,
  bigint,
  buffer,
  type ClusterMetadata,
  type Consumer,
  type ConsumerRecord,
  type ConsumerRecords,
  type CreatedTopic,
  json,
  Kafka,
  type KafkaError,
  type KeyedResult,
  type ListedOffset,
  number,
  type OffsetAndMetadata,
  type Outcomes,
  type RecordStream,
  type ResourceConfig,
  retryTopics,
  type ShareConsumer,
  type StandardSchema,
  string,
  type Topic,
  type TopicDescription,
  type TopicListing,
  type TopicPartition,
  topic,
  uuid
} from '../src/index.ts'

interface Order {
  readonly total: number
}

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Does not compile unless the two are the same type. */
const same = <A, B>(_: Equal<A, B>): void => {}

declare const schema: StandardSchema<{ total: string }, { total: number }>

export function topicsAndSerdes(): void {
  same<ReturnType<typeof string>['deserialize'], (bytes: Buffer, topic: string) => string>(true)
  const plain = topic('plain')
  same<typeof plain, Topic<Buffer, Buffer, Uint8Array | string, Uint8Array | string>>(true)
  const numbers = topic('numbers', { key: uuid(), value: number('int') })
  same<typeof numbers, Topic<string, number, string, number>>(true)
  const big = topic('big', { value: bigint() })
  same<ReturnType<typeof big.value.deserialize>, bigint>(true)
  const bytes = topic('bytes', { key: buffer(), value: json<Order[]>() })
  same<ReturnType<typeof bytes.value.deserialize>, Order[]>(true)
  const parsed = topic('parsed', { key: string(), value: json(schema) })
  same<typeof parsed, Topic<string, { total: number }, string, { total: string }>>(true)
  // @ts-expect-error a serde is no function
  topic('wrong', { key: string })
  // @ts-expect-error an option that does not exist
  topic('wrong', { keys: string() })
  // @ts-expect-error json of a schema sends what goes into it
  parsed.value.serialize({ total: 1 }, 'parsed')
}

export async function consumers(kafka: Kafka): Promise<void> {
  const orders = topic('orders', { key: string(), value: json<Order>() })
  const raw = kafka.consumer({ groupId: 'g', 'auto.offset.reset': 'earliest' })
  same<typeof raw, Consumer<Buffer, Buffer>>(true)
  same<Awaited<ReturnType<typeof raw.poll>>, ConsumerRecords<Buffer, Buffer>>(true)
  const typed = kafka.consumer({ groupId: 'g', keyDeserializer: string(), valueDeserializer: json(schema) })
  same<typeof typed, Consumer<string, { total: number }>>(true)
  const half = kafka.consumer({ 'value.deserializer': number('double') })
  same<typeof half, Consumer<Buffer, number>>(true)
  for (const record of await typed.poll({ timeoutMs: 5, signal: AbortSignal.timeout(5) })) {
    same<typeof record, ConsumerRecord<string, { total: number }>>(true)
    // Tombstones and records without a key exist whatever the types.
    same<typeof record.value, { total: number } | null>(true)
    same<typeof record.key, string | null>(true)
    same<typeof record.offset, number>(true)
  }

  const stream = raw.stream(orders, { ack: 'manual' })
  same<typeof stream, RecordStream<string, Order>>(true)
  for await (const record of stream) {
    same<typeof record.value, Order | null>(true)
    record.ack()
  }
  const parsed = raw.stream(topic('parsed', { value: json(schema) }))
  same<typeof parsed, RecordStream<Buffer, { total: number }>>(true)
  const named = typed.stream(['a', 'b'])
  same<typeof named, RecordStream<string, { total: number }>>(true)

  await raw.run(
    orders,
    (record, { attempt, signal }) => {
      same<typeof record, ConsumerRecord<string, Order>>(true)
      same<typeof attempt, number>(true)
      same<typeof signal, AbortSignal>(true)
    },
    { concurrency: { by: 'key', max: 8 }, retry: backoff(3), deadLetter: orders }
  )
  const retry = retryTopics({ delaysMs: [1000, 60_000], topic: (name, attempt) => `${name}-${attempt}`, create: true })
  await raw.run(orders, (record) => same<typeof record, ConsumerRecord<string, Order>>(true), { retry, deadLetter: 'orders.dlq' })
  // @ts-expect-error how long records wait is said
  retryTopics({ create: true })
  // @ts-expect-error a delay is a number of ms
  retryTopics({ delaysMs: ['1s'] })
  same<Awaited<ReturnType<typeof raw.committed>>, Map<string, OffsetAndMetadata | undefined>>(true)
  same<ReturnType<typeof raw.assignment>, TopicPartition[]>(true)
  raw.commitAsync((error) => same<typeof error, Error | undefined>(true))

  // @ts-expect-error a handler of another type of value
  await raw.run(orders, (record: ConsumerRecord<string, string>) => record)
  // @ts-expect-error a lane that does not exist
  await raw.run(orders, () => {}, { concurrency: { by: 'topic', max: 8 } })
  // @ts-expect-error an option of run that does not exist
  await raw.run(orders, () => {}, { deadLetters: 'orders.dlq' })
  // @ts-expect-error an option of stream that does not exist
  raw.stream(orders, { ack: 'never' })
  // @ts-expect-error settings that do not exist
  kafka.consumer({ group: 'g' })
  // @ts-expect-error a value that is neither a number nor the text of one
  kafka.consumer({ maxPollRecords: true })
  // @ts-expect-error a deserializer is an object
  kafka.consumer({ valueDeserializer: (bytes: Buffer) => bytes.toString() })
  // @ts-expect-error a partition without its topic
  raw.seek({ partition: 0 }, 5)
}

export async function shareConsumers(kafka: Kafka): Promise<void> {
  const orders = topic('orders', { key: string(), value: json<Order>() })
  const typed = kafka.shareConsumer({ groupId: 's', valueDeserializer: string() })
  same<typeof typed, ShareConsumer<Buffer, string>>(true)
  await kafka.shareConsumer({ groupId: 's' }).run(orders, (record) => same<typeof record.value, Order | null>(true))
  // @ts-expect-error a handler of another type of value
  await kafka.shareConsumer({ groupId: 's' }).run(orders, (record: ConsumerRecord<string, string>) => record)
  // @ts-expect-error settings that do not exist
  kafka.shareConsumer({ enableAutoCommit: true })
}

export async function administration(kafka: Kafka): Promise<void> {
  const admin = kafka.admin()
  const created = admin.createTopics([{ name: 'a', numPartitions: 1 }], { validateOnly: true })
  same<typeof created, KeyedResult<CreatedTopic>>(true)
  same<Awaited<typeof created>, ReadonlyMap<string, CreatedTopic>>(true)
  const outcomes = await created.outcomes()
  same<typeof outcomes, Outcomes<CreatedTopic>>(true)
  for (const error of outcomes.errors.values()) same<typeof error, KafkaError>(true)
  const described = (await admin.describeTopics(['a'])).get('a')
  same<typeof described, TopicDescription | undefined>(true)
  const listed = await admin.listTopics()
  same<typeof listed, ReadonlyMap<string, TopicListing>>(true)
  const offsets = await admin.listOffsets([{ topic: 'a', partition: 0, spec: 'latest' }])
  same<typeof offsets, ReadonlyMap<string, ListedOffset>>(true)
  const configs = (await admin.describeConfigs([{ type: 'TOPIC', name: 'a' }])).get('TOPIC:a')
  same<typeof configs, ResourceConfig | undefined>(true)
  const group = (await admin.listConsumerGroupOffsets(['g'])).get('g')
  same<Exclude<typeof group, undefined>['groupId'], string>(true)
  same<ClusterMetadata['topics'] extends ReadonlyMap<string, unknown> ? true : false, true>(true)

  // @ts-expect-error partitions are numbers
  admin.createTopics([{ name: 'a', numPartitions: '1' }])
  // @ts-expect-error an offset that does not exist
  admin.listOffsets([{ topic: 'a', partition: 0, spec: 'newest' }])
  // @ts-expect-error a type of resource that does not exist
  admin.describeConfigs([{ type: 'TABLE', name: 'a' }])
  // @ts-expect-error settings that do not exist
  new Kafka({ broker: 'localhost:9092' })
}

test('what the compiler accepts also makes sense at run time', () => {
  topicsAndSerdesRun()
  assert.equal(typeof Kafka, 'function')
})

function topicsAndSerdesRun(): void {
  const numbers = topic('numbers', { key: uuid(), value: number('int') })
  assert.equal(numbers.value.deserialize(Buffer.from([0, 0, 0, 7]), 'numbers'), 7)
}
