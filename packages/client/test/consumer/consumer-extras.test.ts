// What stands around the reading of a consumer: interceptors, pipelines, handlers that hang, signals; in virtual time.
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { type ConsumerSettings, consumerConfigDefinitions } from '@odradek/config'
import { ApiKey, encodeBatch, type FetchRequest } from '@odradek/protocol'
import { createSimulation } from '@odradek/world/sim'
import { Consumer } from '../../src/consumer/consumer.ts'
import { ConsumerRecords } from '../../src/consumer/consumer-records.ts'
import type { ConsumerInterceptor } from '../../src/consumer/interceptors.ts'
import { PartitionState } from '../../src/consumer/partition-state.ts'
import { PollWait } from '../../src/consumer/poll-wait.ts'
import type { ConsumerRecord } from '../../src/consumer/record.ts'
import { Kafka } from '../../src/kafka.ts'
import { resolveOptions } from '../../src/options.ts'
import type { Producer } from '../../src/producer/producer.ts'
import { FakeCluster, type FakeHandler, settled } from '../support/fake-cluster.ts'

const ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const place = { topic: 'a', partition: 0 }

/** A log of `end` records, and a group that keeps offsets. */
async function reading(end: number, options: object = {}) {
  const fake = await FakeCluster.start([1])
  fake.topics.set('a', { topicId: ID, partitions: [{ leader: 1, epoch: 1 }] })
  const committed: number[] = []
  fake.handlers.set(ApiKey.FETCH, ({ body }) => {
    const [topic] = (body as FetchRequest).topics
    if (topic === undefined) return { responses: [] }
    const [{ fetchOffset }] = topic.partitions
    if (fetchOffset >= end) return 'silence'
    const records = Array.from({ length: end - fetchOffset }, (_, at) => ({
      key: null,
      value: Buffer.from(`${fetchOffset + at}`),
      timestamp: 1
    }))
    const partition = { partitionIndex: 0, highWatermark: end, records: encodeBatch({ baseOffset: fetchOffset, records }) }
    return { responses: [{ topicId: ID, topic: 'a', partitions: [partition] }] }
  })
  fake.handlers.set(ApiKey.LIST_OFFSETS, () => ({
    topics: [{ name: 'a', partitions: [{ partitionIndex: 0, offset: 0, timestamp: -1, leaderEpoch: -1 }] }]
  }))
  fake.handlers.set(ApiKey.OFFSET_FETCH, () => ({ groups: [{ groupId: 'g', topics: [] }] }))
  fake.handlers.set(ApiKey.OFFSET_COMMIT, ({ body }) => {
    const { topics } = body as { topics: { topicId: string; name: string; partitions: { committedOffset: number }[] }[] }
    committed.push(topics[0].partitions[0].committedOffset)
    return { topics: topics.map(({ topicId, name }) => ({ topicId, name, partitions: [{ partitionIndex: 0 }] })) }
  })
  const given = { groupId: 'g', autoOffsetReset: 'earliest', ...options }
  const resolved = resolveOptions<ConsumerSettings>('consumer', consumerConfigDefinitions, given)
  const consumer = new Consumer({ cluster: fake.connect(), ...resolved })
  consumer.assign([place])
  consumer.seek(place, 0)
  return { fake, consumer, committed }
}

/** A group of one member; `leave` is the answer to its last heartbeat. */
function answerGroup(fake: FakeCluster, leave: 'silence' | object): void {
  fake.handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, ({ body }) => {
    const { memberId, memberEpoch } = body as { memberId: string; memberEpoch: number }
    if (memberEpoch < 0) return leave
    return { memberId, memberEpoch: 1, heartbeatIntervalMs: 1000, assignment: { topicPartitions: [{ topicId: ID, partitions: [0] }] } }
  })
}

test('interceptors see what is handed out and committed, may leave records out, and may fail', async () => {
  const seen: string[] = []
  const interceptors: ConsumerInterceptor[] = [
    {
      onConsume(records) {
        seen.push(`consume ${records.length}`)
        return records.filter(({ offset }) => offset % 2 === 0)
      },
      onCommit: (offsets) => void seen.push(`commit ${offsets[0].offset}`),
      close: () => void seen.push('close')
    },
    {
      onConsume() {
        throw new Error('this changes nothing')
      }
    }
  ]
  const { fake, consumer } = await reading(10, { interceptorClasses: interceptors, enableAutoCommit: false })
  const records = await fake.sim.complete(consumer.poll())
  assert.deepEqual(
    records.records(place).map(({ offset }) => offset),
    [0, 2, 4, 6, 8]
  )
  await fake.sim.complete(consumer.commitSync())
  await fake.sim.complete(consumer.close())
  assert.deepEqual(seen, ['consume 10', 'commit 10', 'close'])
  await assert.rejects(reading(0, { interceptorClasses: [{}] }), { code: 'INVALID_CONFIG' })
})

test('a stream is a source for pipelines of Node and of the web, which finish records by ack', async () => {
  for (const kind of ['node', 'web'] as const) {
    const { fake, consumer, committed } = await reading(10)
    assert.throws(() => consumer.stream().toReadable(), { code: 'INVALID_CONFIG' })
    const stop = new AbortController()
    const stream = consumer.stream(undefined, { ack: 'manual', signal: stop.signal })
    const values: string[] = []
    const finish = (record: ConsumerRecord): void => {
      values.push(String(record.value))
      if (values.length > 7) return
      record.ack()
      if (values.length === 7) stop.abort()
    }
    const sink = new Writable({
      objectMode: true,
      write(record, _, done) {
        finish(record)
        done()
      }
    })
    const piped =
      kind === 'node' ? pipeline(stream.toReadable(), sink) : stream.toReadableStream().pipeTo(new WritableStream({ write: finish }))
    await fake.sim.complete(piped)
    assert.deepEqual(values.slice(0, 7), ['0', '1', '2', '3', '4', '5', '6'])
    await fake.sim.complete(consumer.close())
    assert.equal(committed.at(-1), 7)
  }
})

test('a handler that hangs holds up neither the end of a run nor close for ever, and its record stays uncommitted', async () => {
  const { fake, consumer, committed } = await reading(5)
  const stop = new AbortController()
  const run = consumer.run(undefined, ({ offset }) => (offset === 2 ? new Promise(() => stop.abort()) : undefined), {
    signal: stop.signal,
    endTimeoutMs: 1000
  })
  const { code } = await fake.sim.complete(settled(run))
  assert.equal(code, 'REQUEST_TIMED_OUT')
  await fake.sim.complete(consumer.close())
  assert.equal(committed.at(-1), 2)
})

test('close waits for handlers of a group no longer than its time', async () => {
  const { fake, consumer, committed } = await reading(5)
  await fake.sim.complete(consumer.unsubscribe())
  answerGroup(fake, {})
  let hasHung = false
  const run = settled(
    consumer.run('a', ({ offset }) => {
      hasHung ||= offset === 3
      return offset === 3 ? new Promise(() => {}) : undefined
    })
  )
  while (!hasHung) await fake.sim.advance(100)
  const before = fake.sim.nowMs
  await fake.sim.complete(consumer.close({ timeoutMs: 1000 }))
  assert.ok(fake.sim.nowMs - before < 1500)
  assert.equal((await fake.sim.complete(run)).code, 'CLIENT_CLOSED')
  assert.equal(committed.at(-1), 3)
})

test('a signal ends unsubscribe and close while the group does not answer', async () => {
  for (const method of ['unsubscribe', 'close'] as const) {
    const { fake, consumer } = await reading(5)
    await fake.sim.complete(consumer.unsubscribe())
    answerGroup(fake, 'silence')
    consumer.subscribe('a')
    assert.equal((await fake.sim.complete(consumer.poll({ timeoutMs: 5000 }))).count, 5)
    const before = fake.sim.nowMs
    const stop = new AbortController()
    const ended = settled(consumer[method]({ signal: stop.signal }))
    await fake.sim.advance(100)
    stop.abort(new Error('enough'))
    const outcome = await fake.sim.complete(ended)
    assert.equal(outcome.message, method === 'close' ? undefined : 'enough')
    assert.ok(fake.sim.nowMs - before < 5000)
    assert.deepEqual(consumer.subscription(), method === 'close' ? ['a'] : [])
    await fake.sim.complete(consumer.close())
  }
})

test('a loop over a stream that throws has ended: the consumer has left its group and may subscribe again', async () => {
  const { fake, consumer } = await reading(3)
  const { sim } = fake
  answerGroup(fake, {})
  const fetch = fake.handlers.get(ApiKey.FETCH) as FakeHandler
  fake.handlers.set(ApiKey.FETCH, (request, broker) => {
    const answer = fetch(request, broker)
    return answer === 'silence' ? { responses: [] } : answer
  })
  fake.delayMs = ({ apiKey }) => (apiKey === ApiKey.FETCH ? 100 : 0)
  await sim.complete(consumer.unsubscribe())
  const loop = async (): Promise<void> => {
    for await (const { offset } of consumer.stream('a')) if (offset === 1) consumer.wakeup()
  }
  assert.equal((await sim.complete(settled(loop()))).code, 'WAKEUP')
  assert.deepEqual([consumer.subscription(), consumer.assignment()], [[], []])
  const seen: number[] = []
  const again = async (): Promise<void> => {
    for await (const { offset } of consumer.stream('a')) if (seen.push(offset) === 3) break
  }
  await sim.complete(again())
  assert.deepEqual(seen, [0, 1, 2])
  await sim.complete(consumer.close())
})

test('close ends within its time although a listener hangs', async () => {
  const { fake, consumer } = await reading(3)
  const { sim } = fake
  answerGroup(fake, {})
  await sim.complete(consumer.unsubscribe())
  consumer.subscribe('a', { onRevoked: () => new Promise<void>(() => {}) })
  while ((await sim.complete(consumer.poll())).isEmpty);
  const startMs = sim.nowMs
  await sim.complete(consumer.close({ timeoutMs: 2_000 }))
  assert.ok(sim.nowMs - startMs < 6_000, `${sim.nowMs - startMs} ms`)
  assert.equal(await fake.openSockets(), 0)
})

test('a poll that waits is woken although position was asked for meanwhile', async () => {
  const wait = new PollWait(createSimulation({ seed: 1 }).node('client').world)
  const woken: string[] = []
  const both = [wait.changed(60_000).then(() => woken.push('poll')), wait.changed(60_000).then(() => woken.push('position'))]
  wait.wake()
  await Promise.all(both)
  assert.deepEqual(woken, ['poll', 'position'])
})

test('the producer of transactions of a consumer is closed with the consumer', async () => {
  const fake = await FakeCluster.start([1])
  const kafka = new Kafka({ brokers: 'b1:9092', world: fake.client.world })
  const consumer = kafka.consumer({ groupId: 'g', enableAutoCommit: false })
  const batch = new ConsumerRecords([{ offset: 0 } as ConsumerRecord], [{ state: new PartitionState('a', 0), from: 0, to: 1 }])
  consumer.poll = async () => batch
  const made: Producer[] = []
  const { producer } = kafka
  kafka.producer = (options) => {
    const one = producer.call(kafka, options)
    one.transaction = async () => undefined as never
    made.push(one)
    return one
  }
  assert.equal(await kafka.transaction(consumer, async () => {}), 1)
  assert.equal(await kafka.transaction(consumer, async () => {}), 1)
  assert.equal(made.length, 1)
  await fake.sim.complete(consumer.close())
  assert.throws(() => made[0].beginTransaction(), { code: 'CLIENT_CLOSED' })
  await fake.sim.complete(kafka.close())
})
