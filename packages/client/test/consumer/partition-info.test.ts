// partitionsFor and listTopics of consumers and producers, as Java's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiKey, ErrorCode, type MetadataRequest, MetadataResponse } from '@odradek/protocol'
import { Kafka } from '../../src/kafka.ts'
import { FakeCluster, settled } from '../support/fake-cluster.ts'

const node = (id: number) => ({ id, host: `b${id}`, port: 9092, rack: null })

async function start() {
  const fake = await FakeCluster.start([1, 2])
  fake.topics.set('a', { topicId: 'AAAAAAAAQACAAAAAAAAAAQ', partitions: [{ leader: 1, epoch: 0 }] })
  fake.topics.set('b', { topicId: 'AAAAAAAAQACAAAAAAAAAAg', partitions: [{ leader: 2, epoch: 0 }] })
  const errors = new Map<string, number>()
  const kafka = new Kafka({ brokers: 'b1:9092', world: fake.client.world, requestTimeoutMs: 2_000, defaultApiTimeoutMs: 5_000 })
  fake.handlers.set(ApiKey.METADATA, ({ body }) => {
    const honest = fake.metadata(body)
    const topics = honest.topics.map((topic) => {
      const errorCode = errors.get(topic.name ?? '') ?? topic.errorCode
      if (errorCode !== ErrorCode.NONE) return { ...topic, errorCode, partitions: [] }
      const [first] = topic.partitions
      const second = { ...first, partitionIndex: 1, leaderId: -1, replicaNodes: [2, 7], isrNodes: [2], offlineReplicas: [7] }
      return { ...topic, partitions: topic.name === 'a' ? [first, second] : topic.partitions }
    })
    return MetadataResponse.create({ ...honest, topics })
  })
  fake.handlers.set(ApiKey.LIST_OFFSETS, () => 'silence')
  const asked = (): readonly MetadataRequest[] =>
    [...fake.brokers.values()].flatMap((broker) => broker.asked.filter(({ apiKey }) => apiKey === ApiKey.METADATA).map(({ body }) => body))
  return { fake, kafka, errors, asked, run: <T>(promise: Promise<T>) => fake.sim.complete(promise) }
}

const expected = [
  { topic: 'a', partition: 0, leader: node(1), replicas: [node(1)], inSyncReplicas: [node(1)], offlineReplicas: [] },
  {
    topic: 'a',
    partition: 1,
    leader: undefined,
    replicas: [node(2), { id: 7, host: '', port: -1, rack: null }],
    inSyncReplicas: [node(2)],
    offlineReplicas: [{ id: 7, host: '', port: -1, rack: null }]
  }
]

test('partitionsFor gives leader, replicas, those in sync and those that are offline', async () => {
  const { kafka, run } = await start()
  assert.deepEqual(await run(kafka.consumer().partitionsFor('a')), expected)
  assert.deepEqual(await run(kafka.producer().partitionsFor('a')), expected)
  await run(kafka.close())
})

test('listTopics gives all topics by name, and does not ask for all of them from then on', async () => {
  const { fake, kafka, errors, asked, run } = await start()
  const consumer = kafka.consumer({ metadataMaxAgeMs: 10_000 })
  consumer.assign([{ topic: 'b', partition: 0 }])
  const topics = await run(consumer.listTopics())
  assert.deepEqual([...topics.keys()].sort(), ['a', 'b'])
  assert.deepEqual(topics.get('a'), expected)
  const before = asked().length
  await fake.sim.advance(60_000)
  const later = asked().slice(before)
  assert.ok(later.length > 0)
  for (const { topics: names } of later) assert.notEqual(names, null)
  errors.set('b', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  assert.deepEqual([...(await run(consumer.listTopics())).keys()], ['a'])
  await run(kafka.close())
})

test('a topic that is not there has no partitions for a consumer; a producer waits for it until max.block.ms', async () => {
  const { fake, kafka, run } = await start()
  const consumer = kafka.consumer({ allowAutoCreateTopics: false })
  assert.deepEqual(await run(consumer.partitionsFor('none')), [])
  const producer = kafka.producer({ maxBlockMs: 3_000 })
  const startMs = fake.sim.nowMs
  assert.equal((await run(settled(producer.partitionsFor('none')))).code, 'REQUEST_TIMED_OUT')
  assert.ok(fake.sim.nowMs - startMs >= 3_000)
  await run(kafka.close())
})

test('what passes is tried again, what does not is a typed error, and a signal ends it', async () => {
  const { fake, kafka, errors, run } = await start()
  const consumer = kafka.consumer()
  errors.set('a', ErrorCode.LEADER_NOT_AVAILABLE)
  const pending = consumer.partitionsFor('a')
  await fake.sim.advance(1_000)
  errors.clear()
  assert.equal((await run(pending)).length, 2)
  for (const [errorCode, code] of [
    [ErrorCode.TOPIC_AUTHORIZATION_FAILED, 'TOPIC_AUTHORIZATION_FAILED'],
    [ErrorCode.INVALID_TOPIC_EXCEPTION, 'INVALID_TOPIC_EXCEPTION']
  ] as const) {
    errors.set('c', errorCode)
    for (const client of [consumer, kafka.producer()]) {
      const { code: given, message } = await run(settled<unknown>(client.partitionsFor('c')))
      assert.equal(given, code)
      assert.match(message ?? '', /\bc\b/)
    }
  }
  errors.set('b', ErrorCode.LEADER_NOT_AVAILABLE)
  const controller = new AbortController()
  const { signal } = controller
  const waiting = [
    consumer.partitionsFor('b', { signal }),
    consumer.listTopics({ signal }),
    kafka.producer().partitionsFor('b', { signal })
  ]
  const outcomes = Promise.all(waiting.map((each) => settled<unknown>(each)))
  await fake.sim.advance(500)
  controller.abort(new Error('enough'))
  for (const { message } of await run(outcomes)) assert.equal(message, 'enough')
  await run(consumer.close())
  for (const call of [settled<unknown>(consumer.partitionsFor('a')), settled<unknown>(consumer.listTopics())])
    assert.equal((await run(call)).code, 'CLIENT_CLOSED')
  await run(kafka.close())
})
