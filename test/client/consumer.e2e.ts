// The consumer against a real broker: Odradek's by default, Apache Kafka's with ODRADEK_INTEROP_BROKER=apache.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { describe, test } from 'node:test'
import { backoff, type Consumer, type ConsumerOptions, Kafka, string, type TopicPartition, topic } from '@odradek/client'
import { defaultKind, startBroker, temporaryDir } from '../interop/support/brokers.ts'
import { brokerOfSuite, withoutKafka } from './broker-of-suite.ts'
import { eventually } from './eventually.ts'

const text = (name: string) => topic(name, { key: string(), value: string() })

describe(`the consumer against ${defaultKind}`, { skip: withoutKafka(), timeout: 240_000 }, () => {
  const own = brokerOfSuite()

  async function filled(name: string, partitions: number, count: number, keys = 50): Promise<void> {
    await own.kafka.admin().createTopics([{ name, numPartitions: partitions, replicationFactor: 1 }])
    await produce(name, count, keys)
  }

  async function produce(name: string, count: number, keys = 50, from = 0): Promise<void> {
    const producer = own.kafka.producer({ lingerMs: 2 })
    await producer.sendBatch(
      text(name),
      Array.from({ length: count }, (_, at) => ({ key: `k${(from + at) % keys}`, value: String(from + at) }))
    )
    await producer.close()
  }

  const all = (name: string, count: number): TopicPartition[] =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition }))

  test('assign, seek, pause, time offsets and lag', async () => {
    await filled('plain', 2, 400)
    await using consumer = own.kafka.consumer({ autoOffsetReset: 'earliest', maxPollRecords: 100 })
    consumer.assign(all('plain', 2))
    let count = 0
    while (count < 400) count += (await consumer.poll()).count
    assert.equal(count, 400)
    assert.deepEqual(
      consumer.lag(),
      all('plain', 2).map((each) => ({ ...each, lag: 0 }))
    )
    assert.equal(consumer.currentLag({ topic: 'plain', partition: 0 }), 0)
    const ends = await consumer.endOffsets(all('plain', 2))
    assert.equal((ends.get('plain-0') ?? 0) + (ends.get('plain-1') ?? 0), 400)
    assert.equal((await consumer.beginningOffsets(all('plain', 1))).get('plain-0'), 0)
    consumer.seek({ topic: 'plain', partition: 0 }, 5)
    consumer.pause([{ topic: 'plain', partition: 1 }])
    const [first] = await consumer.poll()
    assert.deepEqual([first.partition, first.offset], [0, 5])
    consumer.seekToBeginning()
    consumer.resume(consumer.paused())
    assert.equal(await consumer.position({ topic: 'plain', partition: 1 }), 0)
    const times = await consumer.offsetsForTimes([
      { topic: 'plain', partition: 0, timestamp: 0 },
      { topic: 'plain', partition: 1, timestamp: Date.now() + 1e7 }
    ])
    assert.equal(times.get('plain-0')?.offset, 0)
    assert.equal(times.get('plain-1'), undefined)
  })

  test('partitionsFor and listTopics tell leaders and replicas; what is not there has none, and what cannot be is an error', async () => {
    await own.kafka.admin().createTopics([{ name: 'placed', numPartitions: 2, replicationFactor: 1 }])
    const [{ id, host, port, rack }] = (await own.kafka.admin().describeCluster()).nodes
    const self = { id, host, port, rack }
    await using consumer = own.kafka.consumer({ allowAutoCreateTopics: false })
    const expected = [0, 1].map((partition) => ({
      ...{ topic: 'placed', partition, leader: self },
      ...{ replicas: [self], inSyncReplicas: [self], offlineReplicas: [] }
    }))
    await eventually(async () => assert.deepEqual(await consumer.partitionsFor('placed'), expected))
    assert.deepEqual((await consumer.listTopics()).get('placed'), expected)
    assert.deepEqual(await consumer.partitionsFor('placed-nowhere'), [])
    await assert.rejects(consumer.partitionsFor('not a name'), { code: 'INVALID_TOPIC_EXCEPTION' })
    await using producer = own.kafka.producer()
    assert.deepEqual(await producer.partitionsFor('placed'), expected)
  })

  const protocols: [string, ConsumerOptions<string, string>][] = [
    ['the protocol of the broker', {}],
    ['range', { partitionAssignmentStrategy: 'range' }],
    ['cooperative-sticky', { partitionAssignmentStrategy: 'cooperative-sticky' }]
  ]
  for (const [name, options] of protocols) {
    test(`three members under load: nothing is lost, nothing comes again after its commit, keys keep their order (${name})`, async () => {
      const topicName = `load-${name.replaceAll(' ', '-')}`
      await filled(topicName, 6, 2000)
      const seen = new Map<string, number[]>()
      const committed = new Set<string>()
      let total = 0
      const members: { consumer: Consumer<string, string>; stop: AbortController; done: Promise<void> }[] = []
      const start = (): void => {
        const consumer = own.kafka.consumer({
          ...options,
          groupId: `g-${topicName}`,
          autoOffsetReset: 'earliest',
          enableAutoCommit: false,
          maxPollRecords: 50
        })
        const stop = new AbortController()
        const work = async (): Promise<void> => {
          consumer.subscribe([text(topicName)] as never)
          while (!stop.signal.aborted) {
            const records = await consumer.poll({ timeoutMs: 100 })
            for (const record of records.toArray()) {
              const place = `${record.partition}:${record.offset}`
              assert.ok(!committed.has(place), `${place} came again after its commit`)
              seen.set(record.key as string, [...(seen.get(record.key as string) ?? []), Number(record.value)])
              total++
            }
            if (records.isEmpty) continue
            try {
              await consumer.commitSync()
              for (const record of records.toArray()) committed.add(`${record.partition}:${record.offset}`)
            } catch (error) {
              assert.match(
                String((error as { code?: string }).code),
                /REBALANCE_IN_PROGRESS|UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION|STALE_MEMBER_EPOCH/
              )
            }
          }
          await consumer.close()
        }
        members.push({ consumer, stop, done: work() })
      }
      start()
      await until(() => total > 0)
      start()
      await produce(topicName, 2000, 50, 2000)
      start()
      await until(() => members.every(({ consumer }) => consumer.assignment().length === 2))
      await produce(topicName, 2000, 50, 4000)
      members[0].stop.abort()
      await members[0].done
      await until(() => members.slice(1).every(({ consumer }) => consumer.assignment().length === 3))
      await produce(topicName, 2000, 50, 6000)
      await until(() => new Set([...seen.values()].flat()).size === 8000)
      for (const { stop } of members) stop.abort()
      await Promise.all(members.map(({ done }) => done))
      for (const [key, values] of seen) {
        const firsts = values.filter((value, at) => values.indexOf(value) === at)
        assert.deepEqual(
          firsts,
          firsts.toSorted((a, b) => a - b),
          `order of ${key}`
        )
      }
    })
  }

  test('run finishes keys in order, retries, writes dead letters and commits no unfinished record', async () => {
    await filled('jobs', 3, 300, 10)
    await own.kafka.admin().createTopics([{ name: 'jobs.dlq', numPartitions: 1, replicationFactor: 1 }])
    const stop = new AbortController()
    const done = new Map<string, number[]>()
    let running = 0
    let most = 0
    let failures = 0
    await using consumer = own.kafka.consumer({ groupId: 'g-jobs', autoOffsetReset: 'earliest' })
    await consumer.run(
      text('jobs'),
      async (record, { attempt }) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        if (record.value === '42') throw new Error('never')
        if (record.value === '43' && attempt < 3) {
          failures++
          throw new Error('not yet')
        }
        done.set(record.key as string, [...(done.get(record.key as string) ?? []), Number(record.value)])
        if ([...done.values()].flat().length === 299) stop.abort()
      },
      { signal: stop.signal, concurrency: { by: 'key', max: 8 }, retry: backoff(2, { initialMs: 1 }), deadLetter: 'jobs.dlq' }
    )
    assert.equal(failures, 2)
    assert.ok(most > 1 && most <= 8)
    for (const values of done.values())
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b)
      )
    const committed = await consumer.committed(all('jobs', 3))
    assert.equal(
      [...committed.values()].reduce((sum, each) => sum + (each?.offset ?? 0), 0),
      300
    )
    await using letters = own.kafka.consumer({ autoOffsetReset: 'earliest' })
    letters.assign(all('jobs.dlq', 1))
    const [letter] = await letters.poll(10_000)
    assert.equal(letter.rawValue?.toString(), '42')
    assert.equal(letter.header('dlq.error.message')?.toString(), 'never')
  })

  test('a handler that fails for good ends the run and its record is not committed', async () => {
    await filled('failing', 1, 20)
    await using consumer = own.kafka.consumer({ groupId: 'g-failing', autoOffsetReset: 'earliest' })
    const run = consumer.run(text('failing'), (record) => {
      if (record.offset === 7) throw new Error('handler')
    })
    await assert.rejects(run, /handler/)
    assert.equal((await consumer.committed(all('failing', 1))).get('failing-0')?.offset, 7)
  })

  test('a stream that is left by break commits what was finished and leaves the group', async () => {
    await filled('streamed', 1, 100)
    await using consumer = own.kafka.consumer({ groupId: 'g-streamed', autoOffsetReset: 'earliest' })
    for await (const record of consumer.stream(text('streamed'))) if (record.offset === 30) break
    assert.deepEqual(consumer.assignment(), [])
    assert.equal((await consumer.committed(all('streamed', 1))).get('streamed-0')?.offset, 30)
  })
})

test(`a member outlives the kill and restart of its coordinator (${defaultKind})`, { skip: withoutKafka(), timeout: 120_000 }, async () => {
  const dataDir = temporaryDir('consumer-restart')
  let broker = await startBroker({ dataDir })
  try {
    await using kafka = new Kafka({ brokers: broker.bootstrapServers, logger: { isEnabled: () => false, log() {} } })
    await kafka.admin().createTopics([{ name: 'restarted', numPartitions: 2 }])
    const producer = kafka.producer()
    const consumer = kafka.consumer({ groupId: 'g', autoOffsetReset: 'earliest', enableAutoCommit: false })
    consumer.subscribe(/^restarted$/)
    const seen: number[] = []
    const stop = new AbortController()
    const work = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const records = await consumer.poll({ timeoutMs: 100 })
        for (const { rawValue } of records.toArray()) seen.push(Number(rawValue?.toString()))
        if (!records.isEmpty) await consumer.commitSync()
      }
    }
    const done = work()
    for (let at = 0; at < 20; at++) await producer.send('restarted', { value: String(at), partition: at % 2 })
    await until(() => seen.length >= 20)
    await broker.kill()
    broker = await startBroker({ dataDir, port: broker.port })
    for (let at = 20; at < 40; at++) await producer.send('restarted', { value: String(at), partition: at % 2 })
    await until(() => seen.length >= 40)
    stop.abort()
    await done
    assert.deepEqual(
      seen.toSorted((a, b) => a - b),
      Array.from({ length: 40 }, (_, at) => at)
    )
  } finally {
    await broker.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not within a minute: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
