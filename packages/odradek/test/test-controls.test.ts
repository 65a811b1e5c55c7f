// The controls of an embedded broker for tests, by what clients see of them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Kafka, type ProducerOptions, string, topic } from '@odradek/client'
import { startKafka, TestClock } from '../src/index.ts'

const orders = topic('orders', { value: string() })
const orders0 = { topic: 'orders', partition: 0 }

/** A broker with a topic of one partition, and a client of it. */
async function started(options: Parameters<typeof startKafka>[0] = {}) {
  const kafka = await startKafka({ topics: ['orders'], ...options })
  const client = new Kafka({ brokers: kafka.bootstrapServers, clientId: 'tested' })
  const written = async (values: string[], settings?: ProducerOptions) => {
    await using producer = client.producer(settings)
    return await Promise.all(values.map((value) => producer.send(orders, { value })))
  }
  return {
    kafka,
    client,
    written,
    async offsets() {
      await using admin = client.admin()
      const of = async (spec: 'earliest' | 'latest') => (await admin.listOffsets([{ ...orders0, spec }])).get('orders-0')?.offset
      return [await of('earliest'), await of('latest')]
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await kafka.close()
    }
  }
}

async function valuesOf(client: Kafka, count: number): Promise<(string | null)[]> {
  await using consumer = client.consumer({ groupId: 'reader', autoOffsetReset: 'earliest', enableAutoCommit: false })
  const values: (string | null)[] = []
  for await (const record of consumer.stream(orders)) if (values.push(record.value) === count) break
  return values
}

describe('inject', () => {
  test('answers requests with an error, which a client gets over', async () => {
    await using it = await started()
    const fault = it.kafka.inject('Produce', { error: 'NOT_LEADER_OR_FOLLOWER', times: 2 })
    assert.equal((await it.written(['one'], { retryBackoffMs: 1 }))[0].offset, 0)
    assert.equal(fault.count, 2)
    assert.deepEqual(await it.offsets(), [0, 1])
  })

  test('an error that no retry helps against comes to the caller', async () => {
    await using it = await started()
    using fault = it.kafka.inject('Produce', { error: 'TOPIC_AUTHORIZATION_FAILED' })
    await assert.rejects(it.written(['one']), { code: 'TOPIC_AUTHORIZATION_FAILED' })
    fault.remove()
    assert.equal((await it.written(['one']))[0].offset, 0)
    assert.equal(fault.count, 1)
  })

  test('loses an answer: the record is there, and its repetition does not double it', async () => {
    await using it = await started()
    const fault = it.kafka.inject('Produce', { close: 'after', times: 1 })
    assert.equal((await it.written(['one'], { retryBackoffMs: 1 }))[0].offset, 0)
    assert.equal(fault.count, 1)
    assert.deepEqual(await it.offsets(), [0, 1])
  })

  test('loses a request: what was not handled is sent again', async () => {
    await using it = await started()
    it.kafka.inject('Produce', { close: 'before', times: 1 })
    assert.equal((await it.written(['one'], { retryBackoffMs: 1 }))[0].offset, 0)
    assert.deepEqual(await it.offsets(), [0, 1])
  })

  test('delays a request on the clock of the broker', async () => {
    await using it = await started()
    const fault = it.kafka.inject('ListOffsets', { delayMs: 3_600_000, times: 1 })
    let isAnswered = false
    const offsets = it.offsets().finally(() => {
      isAnswered = true
    })
    while (fault.count === 0) await new Promise(setImmediate)
    await it.kafka.clock.advance(3_599_000)
    assert.equal(isAnswered, false)
    await it.kafka.clock.advance(1_000)
    assert.deepEqual(await offsets, [0, 0])
  })

  test('what is delayed is not overtaken on its connection', async () => {
    await using it = await started()
    const values = Array.from({ length: 20 }, (_, index) => `${index}`)
    const fault = it.kafka.inject('Produce', { delayMs: 50, times: 1 })
    await using producer = it.client.producer({ enableIdempotence: false, maxInFlightRequestsPerConnection: 5, batchSize: 0, retries: 0 })
    await Promise.all(values.map((value) => producer.send(orders, { value })))
    assert.equal(fault.count, 1)
    assert.deepEqual(await valuesOf(it.client, 20), values)
  })

  test('meets the requests of one client only when told so', async () => {
    await using it = await started()
    const fault = it.kafka.inject('Produce', { error: 'TOPIC_AUTHORIZATION_FAILED', clientId: 'another' })
    assert.equal((await it.written(['one']))[0].offset, 0)
    assert.equal(fault.count, 0)
  })

  test('refuses what Kafka does not have', async () => {
    await using it = await started()
    const refuses = (api: string, fault: object, message: string) =>
      assert.throws(() => it.kafka.inject(api as 'Fetch', fault), { code: 'CONFIG_INVALID', message })
    refuses('Produse', {}, 'Kafka has no request Produse: did you mean Produce?')
    refuses('Produce', { eror: 'NONE' }, 'A fault has no option eror: did you mean error?')
    refuses('Produce', { error: 'NOT_LEADER' }, 'Kafka has no error NOT_LEADER')
    refuses('Produce', { delayMs: -1 }, 'delayMs is -1: it must be 0 or more')
    refuses('Produce', { close: 'now' }, "close is now: it must be 'before' or 'after'")
    refuses('Produce', { times: 0 }, 'times is 0: it must be a whole number from 1')
  })
})

describe('a broker that is', () => {
  test('paused answers nobody, and all when it is resumed', async () => {
    await using it = await started()
    await using impatient = new Kafka({ brokers: it.kafka.bootstrapServers, requestTimeoutMs: 100, defaultApiTimeoutMs: 300 })
    await using admin = impatient.admin()
    assert.deepEqual([...(await admin.listTopics()).keys()], ['orders'])
    it.kafka.pause()
    const patient = it.written(['one'])
    await assert.rejects(admin.listTopics(), { code: 'REQUEST_TIMED_OUT' })
    it.kafka.resume()
    assert.equal((await patient)[0].offset, 0)
    assert.deepEqual([...(await admin.listTopics()).keys()], ['orders'])
  })

  test('paused can be stopped', async () => {
    await using it = await started()
    it.kafka.pause()
    const lost = it.offsets().catch(() => {})
    await it.kafka.stop()
    await it.client.close()
    await lost
  })

  for (const kind of ['in memory', 'on a disk']) {
    test(`stopped and started again has its port and its data (${kind})`, async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'odradek-restart-'))
      try {
        await using it = await started(kind === 'in memory' ? {} : { dataDir })
        await using producer = it.client.producer({ retryBackoffMs: 5, reconnectBackoffMs: 5, reconnectBackoffMaxMs: 20 })
        await producer.send(orders, { value: 'before' })
        const { bootstrapServers } = it.kafka
        await it.kafka.stop()
        await assert.rejects(it.kafka.createTopics(['more']), { code: 'BROKER_NOT_RUNNING' })
        const meanwhile = producer.send(orders, { value: 'meanwhile' })
        await it.kafka.start()
        assert.equal(it.kafka.bootstrapServers, bootstrapServers)
        assert.equal((await meanwhile).offset, 1)
        assert.deepEqual(await valuesOf(it.client, 2), ['before', 'meanwhile'])
      } finally {
        rmSync(dataDir, { recursive: true })
      }
    })
  }

  test('closed is not started again', async () => {
    const kafka = await startKafka()
    await kafka.close()
    await kafka.close()
    await assert.rejects(kafka.start(), { code: 'BROKER_NOT_RUNNING' })
  })

  test('on a full disk refuses records and loses none; with room it goes on', async () => {
    await using it = await started()
    assert.equal((await it.written(['one']))[0].offset, 0)
    it.kafka.isDiskFull = true
    await assert.rejects(it.written(['two'], { deliveryTimeoutMs: 400, requestTimeoutMs: 200, lingerMs: 0 }), { code: 'REQUEST_TIMED_OUT' })
    const values = valuesOf(it.client, 2)
    await using admin = it.client.admin()
    while (!(await admin.listTopics({ listInternal: true })).has('__consumer_offsets')) await it.kafka.clock.advance(0)
    assert.deepEqual(await it.offsets(), [0, 1])
    it.kafka.isDiskFull = false
    await it.kafka.clock.advance(60_000)
    await it.written(['three'])
    assert.deepEqual(await values, ['one', 'three'])
  })

  test('on a disk of its own cannot be told that it is full', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'odradek-full-'))
    await using kafka = await startKafka({ dataDir })
    assert.throws(() => {
      kafka.isDiskFull = true
    }, /only without dataDir/)
    await kafka.close()
    rmSync(dataDir, { recursive: true })
  })
})

describe('the clock', () => {
  test('lets retention pass without waiting', async () => {
    await using it = await started({ topics: [{ name: 'orders', config: { 'retention.ms': '60000' } }] })
    await it.written(['one', 'two'])
    await it.kafka.clock.advance(30_000)
    assert.deepEqual(await it.offsets(), [0, 2])
    await it.kafka.clock.advance(600_000)
    assert.deepEqual(await it.offsets(), [2, 2])
  })

  test('lets the session of a silent member pass', async () => {
    await using it = await started()
    await using consumer = it.client.consumer({ groupId: 'group', groupProtocol: 'classic', heartbeatIntervalMs: 14_000 })
    await consumer.subscribe(['orders'])
    await using admin = it.client.admin()
    const state = async () => (await admin.describeConsumerGroups(['group'])).get('group')?.groupState
    while (consumer.assignment().length === 0) await consumer.poll(10)
    assert.equal(await state(), 'Stable')
    await it.kafka.clock.advance(46_000)
    assert.equal(await state(), 'Empty')
  })

  test('is shared by brokers that are given one, and runs on', async () => {
    const clock = new TestClock()
    await using one = await started({ clock })
    await using two = await started({ clock })
    const before = Date.now()
    await clock.advance(600_000)
    assert.ok(clock.now() >= before + 600_000)
    for (const it of [one, two]) {
      await it.kafka.createTopics([{ name: 'stamped', config: { 'message.timestamp.type': 'LogAppendTime' } }])
      await using producer = it.client.producer()
      const { timestamp } = await producer.send(topic('stamped', { value: string() }), { value: 'now' })
      assert.ok(timestamp >= before + 600_000)
    }
  })

  test('fires what falls due in its order and at its time, and lets what it began finish first', async () => {
    const clock = new TestClock()
    const start = clock.monotonicMs()
    const fired: string[] = []
    const note = (name: string) => fired.push(`${name} ${Math.round((clock.monotonicMs() - start) / 1000)}`)
    clock.schedule(3_000, () => {
      note('c')
      clock.schedule(1_000, () => note('d'))
    })
    clock.schedule(1_000, () => {
      void Promise.resolve().then(() => clock.schedule(1_000, () => note('b')))
      note('a')
    })
    clock.schedule(2_500, () => note('never')).cancel()
    const late = clock.schedule(9_000, () => note('late'))
    await Promise.all([clock.advance(2_000), clock.advance(4_000)])
    late.cancel()
    assert.deepEqual(fired, ['a 1', 'b 2', 'c 3', 'd 4'])
    await assert.rejects(clock.advance(-1), RangeError)
    await assert.rejects(clock.advance(Number.POSITIVE_INFINITY), RangeError)
  })

  test('what is due after a leap comes that much sooner', async () => {
    const clock = new TestClock()
    const waited = new Promise<void>((resolve) => clock.schedule(10_020, resolve))
    await clock.advance(10_000)
    const before = performance.now()
    await waited
    assert.ok(performance.now() - before < 5_000)
  })
})
