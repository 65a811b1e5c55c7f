// The share consumer against Apache Kafka, which has share groups; Odradek's broker has none yet.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { type ConsumerRecord, KafkaError, type ShareConsumer, type ShareConsumerOptions, string, topic } from '@odradek/client'
import { runCommand } from '../../packages/cli/test/support/transcripts.ts'
import { startBroker, temporaryDir } from '../interop/support/brokers.ts'
import { brokerOfSuite, withoutKafka } from './broker-of-suite.ts'
import { eventually } from './eventually.ts'

const text = (name: string) => topic(name, { key: string(), value: string() })
const LOCK_MS = 2000

type Shared = ShareConsumer<string, string>

describe('the share consumer against apache', { skip: withoutKafka('apache'), timeout: 300_000 }, () => {
  const dataDir = temporaryDir('share')
  const overrides = {
    'group.share.min.record.lock.duration.ms': '1000',
    'group.share.min.heartbeat.interval.ms': '500',
    'group.share.heartbeat.interval.ms': '500',
    'share.coordinator.state.topic.num.partitions': '4'
  }

  const own = brokerOfSuite({ kind: 'apache', dataDir, overrides })
  after(() => rmSync(dataDir, { recursive: true, force: true }))

  async function prepared(name: string, partitions: number, values: readonly string[]): Promise<void> {
    const admin = own.kafka.admin()
    await eventually(() => admin.createTopics([{ name, numPartitions: partitions, replicationFactor: 1 }]), 30_000)
    const ops = [
      { name: 'share.auto.offset.reset', value: 'earliest' },
      { name: 'share.record.lock.duration.ms', value: LOCK_MS }
    ]
    await admin.incrementalAlterConfigs([{ type: 'GROUP', name: `g-${name}`, ops }])
    await produce(name, values)
    await admin.close()
  }

  async function produce(name: string, values: readonly string[]): Promise<void> {
    const producer = own.kafka.producer({ lingerMs: 20, batchSize: 1_000_000 })
    const records = values.map((value) => ({ key: value, value }))
    await producer.sendBatch(text(name), records)
    await producer.close()
  }

  const numbers = (count: number): string[] => Array.from({ length: count }, (_, at) => String(at))

  function member(name: string, options: ShareConsumerOptions<string, string> = {}): Shared {
    const consumer = own.kafka.shareConsumer<string, string>({ groupId: `g-${name}`, ...options })
    consumer.subscribe(text(name))
    return consumer
  }

  async function some(consumer: Shared): Promise<ConsumerRecord<string, string>[]> {
    return eventually(async () => {
      const records = await consumer.poll({ timeoutMs: 500 })
      assert.ok(!records.isEmpty, 'no records')
      return records.toArray()
    }, 30_000)
  }

  test('two members share the records of a topic, and none is lost', async () => {
    await prepared('shared', 3, numbers(3000))
    const seen = new Map<string, number>()
    const byMember = [0, 0]
    const stop = new AbortController()
    const members = byMember.map(async (_, at) => {
      await using consumer = member('shared', { maxPollRecords: 50, shareAcquireMode: 'record_limit' })
      while (!stop.signal.aborted) {
        const records = await consumer.poll({ timeoutMs: 100 })
        assert.ok(records.count <= 50)
        for (const { value, deliveryCount } of records) {
          assert.equal(deliveryCount, 1)
          seen.set(value as string, (seen.get(value as string) ?? 0) + 1)
          byMember[at]++
        }
      }
    })
    await eventually(() => assert.equal(seen.size, 3000), 60_000)
    stop.abort()
    await Promise.all(members)
    assert.ok([...seen.values()].every((times) => times === 1))
    assert.ok(
      byMember.every((count) => count > 0),
      `one member had them all: ${byMember}`
    )
  })

  test('release delivers again and counts it, reject never again, accept is done; a late acknowledgement fails', async () => {
    await prepared('each', 1, numbers(4))
    await using consumer = member('each', { shareAcknowledgementMode: 'explicit' })
    const answers: string[] = []
    consumer.setAcknowledgementCommitCallback(({ topic, partition, offsets }, error) => {
      answers.push(`${topic}-${partition}:${offsets.join()}:${error?.code ?? 'ok'}`)
    })
    const first = await some(consumer)
    assert.deepEqual(
      first.map(({ offset, deliveryCount }) => [offset, deliveryCount]),
      [0, 1, 2, 3].map((offset) => [offset, 1])
    )
    assert.equal(consumer.acquisitionLockTimeoutMs, LOCK_MS)
    await assert.rejects(consumer.poll(), { code: 'ILLEGAL_STATE' })
    first[0].ack()
    consumer.acknowledge(first[1], 'release')
    consumer.acknowledge(first[2], 'reject')
    consumer.acknowledge({ topic: 'each', partition: 0, offset: 3 }, 'release')
    assert.throws(() => consumer.acknowledge(first[0]), { code: 'ILLEGAL_STATE' })
    assert.deepEqual(await consumer.commitSync(), new Map([['each-0', undefined]]))
    assert.deepEqual(answers, ['each-0:0,1,2,3:ok'])
    assert.deepEqual(await consumer.commitSync(), new Map())
    const again: ConsumerRecord<string, string>[] = []
    while (again.length < 2) {
      const more = await some(consumer)
      for (const record of more) consumer.acknowledge(record, 'renew')
      await consumer.commitSync()
      const renewed = (await consumer.poll()).toArray()
      assert.deepEqual(renewed, more)
      for (const record of renewed) record.ack()
      again.push(...renewed)
    }
    assert.deepEqual(
      again.map(({ offset, deliveryCount }) => [offset, deliveryCount]).sort(),
      [1, 3].map((offset) => [offset, 2])
    )
    await consumer.commitSync()
    await produce('each', ['late'])
    const [late] = await some(consumer)
    await new Promise((resolve) => setTimeout(resolve, LOCK_MS + 500))
    late.ack()
    assert.equal((await consumer.commitSync()).get('each-0')?.code, 'INVALID_RECORD_STATE')
    assert.match(String(answers.at(-1)), /INVALID_RECORD_STATE$/)
    const [redelivered] = await some(consumer)
    assert.deepEqual([redelivered.offset, redelivered.deliveryCount], [4, 2])
    redelivered.ack()
  })

  test('what a member that is gone had goes to another: after its lock, and at once when it closed', async () => {
    await prepared('gone', 1, numbers(200))
    const script = `
      import { Kafka } from '@odradek/client'
      const kafka = new Kafka({ brokers: '${own.broker.bootstrapServers}' })
      const consumer = kafka.shareConsumer({ groupId: 'g-gone', maxPollRecords: 50, shareAcquireMode: 'record_limit' })
      consumer.subscribe('gone')
      for (;;) {
        const { count } = await consumer.poll()
        if (count === 0) continue
        console.log(count)
        await new Promise(() => setInterval(() => {}, 1000))
      }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    const [taken] = await once(child.stdout, 'data')
    child.kill('SIGKILL')
    const closing = member('gone', { shareAcknowledgementMode: 'explicit', maxPollRecords: 50, shareAcquireMode: 'record_limit' })
    const given = await some(closing)
    await closing.close()
    await using consumer = member('gone')
    const seen = new Set<string>()
    await eventually(async () => {
      for (const { value } of await consumer.poll({ timeoutMs: 500 })) seen.add(value as string)
      assert.equal(seen.size, 200)
    }, 30_000)
    assert.deepEqual([Number(taken), given.length], [50, 50])
  })

  test('implicit acknowledgement: close accepts what the last poll gave', async () => {
    await prepared('implicit', 1, numbers(10))
    const consumer = member('implicit')
    const [record] = await some(consumer)
    assert.throws(() => record.ack(), { code: 'ILLEGAL_STATE' })
    await consumer.close()
    await produce('implicit', ['after'])
    await using next = member('implicit')
    assert.deepEqual(
      (await some(next)).map(({ value, deliveryCount }) => [value, deliveryCount]),
      [['after', 1]]
    )
  })

  test('a stream accepts what it went past and gives back the rest; run renews locks and releases what failed', async () => {
    await prepared('work', 1, numbers(10))
    await using streaming = own.kafka.shareConsumer({ groupId: 'g-work' })
    for await (const { value } of streaming.stream(text('work'))) if (value === '4') break
    assert.deepEqual(streaming.subscription(), [])
    await using running = own.kafka.shareConsumer({ groupId: 'g-work' })
    const stop = new AbortController()
    const handled: [string, number | undefined][] = []
    let hasFailed = false
    await running.run(
      text('work'),
      async ({ value, deliveryCount }) => {
        if (value === '5') await new Promise((resolve) => setTimeout(resolve, 2 * LOCK_MS))
        if (value === '7' && !hasFailed) {
          hasFailed = true
          throw new Error('not now')
        }
        handled.push([value as string, deliveryCount])
        if (handled.length === 6) stop.abort()
      },
      { signal: stop.signal, concurrency: 3, onError: () => 'release' }
    )
    assert.deepEqual(handled.sort(), [
      ['4', 2],
      ['5', 2],
      ['6', 2],
      ['7', 3],
      ['8', 2],
      ['9', 2]
    ])
  })

  test('wakeup, a signal and close end a poll that waits; topics that do not exist are waited for', async () => {
    const consumer = own.kafka.shareConsumer({ groupId: 'g-nothing', allowAutoCreateTopics: false })
    await assert.rejects(consumer.poll(), { code: 'ILLEGAL_STATE' })
    consumer.subscribe('not-there')
    assert.ok((await consumer.poll({ timeoutMs: 300 })).isEmpty)
    const woken = consumer.poll({ timeoutMs: 60_000 })
    consumer.wakeup()
    await assert.rejects(woken, { code: 'WAKEUP' })
    const stop = new AbortController()
    const aborted = consumer.poll({ timeoutMs: 60_000, signal: stop.signal })
    stop.abort(new Error('enough'))
    await assert.rejects(aborted, /enough/)
    const closed = consumer.poll({ timeoutMs: 60_000 })
    const closing = consumer.close()
    await assert.rejects(closed, { code: 'CLIENT_CLOSED' })
    await closing
    assert.throws(() => own.kafka.shareConsumer({}), { code: 'INVALID_CONFIG' })
    assert.throws(() => own.kafka.shareConsumer({ groupId: 'g', isolationLevel: 'read_committed' } as never), KafkaError)
  })

  test('the verifiable and the measuring command tell what they did as those of Apache Kafka do', async () => {
    await prepared('told', 1, numbers(10))
    const around = { bootstrap: own.broker.bootstrapServers, controller: 'localhost:1', cwd: dataDir }
    const common = ['--bootstrap-server', '<BOOTSTRAP>', '--topic', 'told']
    const told = await runCommand(
      {
        tool: 'kafka-verifiable-share-consumer',
        args: [
          ...common,
          '--group-id',
          'g-verified',
          '--offset-reset-strategy',
          'earliest',
          '--max-messages',
          '10',
          '--acknowledgement-mode',
          'sync'
        ]
      },
      around
    )
    assert.deepEqual(told.stderr, '')
    const place = { topic: 'told', partition: 0, count: 10, offsets: numbers(10).map(Number) }
    const events: object[] = told.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      events.map((event) => ({ ...event, timestamp: 0 })),
      [
        { timestamp: 0, name: 'startup_complete' },
        { timestamp: 0, name: 'offset_reset_strategy_set', offsetResetStrategy: 'earliest' },
        { timestamp: 0, name: 'records_consumed', count: 10, partitions: [place] },
        { timestamp: 0, name: 'offsets_acknowledged', count: 10, partitions: [place], success: true },
        { timestamp: 0, name: 'shutdown_complete' }
      ]
    )
    const args = [...common, '--group', 'g-told', '--num-records', '10']
    const measured = await runCommand({ tool: 'kafka-share-consumer-perf-test', args }, around)
    assert.equal(measured.exitCode, 0)
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}`
    const [header, line] = measured.stdout.split('\n')
    assert.equal(header, 'start.time, end.time, data.consumed.in.MB, MB.sec, nMsg.sec, data.consumed.in.nMsg, fetch.time.ms')
    assert.match(line, new RegExp(String.raw`^${time}, ${time}, 0\.0000, 0\.0000, \d+\.\d{4}, 10, \d+$`))
  })

  test('a broker that is killed and comes back: everything is delivered', async () => {
    await prepared('restart', 2, numbers(500))
    await using consumer = member('restart', { maxPollRecords: 100, shareAcquireMode: 'record_limit' })
    const failed: string[] = []
    consumer.setAcknowledgementCommitCallback((_, error) => error !== undefined && failed.push(error.code))
    const seen = new Set<string>()
    const take = async (): Promise<void> => {
      for (const { value } of await consumer.poll({ timeoutMs: 500 })) seen.add(value as string)
    }
    while (seen.size === 0) await take()
    await own.broker.kill()
    await take()
    own.broker = await startBroker({ kind: 'apache', dataDir, overrides, port: own.broker.port })
    await eventually(async () => {
      await take()
      assert.equal(seen.size, 500)
    }, 60_000)
    assert.ok(failed.length > 0, 'acknowledgements of a lost session were said to have failed')
  })
})
