// The whole producer in virtual time, against partitions that check sequences as Kafka does.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPrng } from '@odradek/base'
import { ApiKey, ErrorCode, type ProduceRequest } from '@odradek/protocol'
import { settled } from '../support/fake-cluster.ts'
import { type Fault, ProduceCluster } from '../support/produce-log.ts'

const faults: readonly Fault[] = [
  { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS },
  { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, after: true },
  { errorCode: ErrorCode.REQUEST_TIMED_OUT, after: true },
  { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER },
  { errorCode: ErrorCode.KAFKA_STORAGE_ERROR },
  { drop: 'hang up' },
  { drop: 'hang up', after: true },
  { drop: 'silence', after: true },
  { drop: 'silence' }
]

describe('an idempotent producer among failures', () => {
  for (let seed = 1; seed <= Number(process.env.SEEDS ?? 100); seed++) {
    test(`writes every record once and in order (seed ${seed})`, async () => {
      const prng = createPrng(`producer-${seed}`)
      const cluster = await ProduceCluster.start(3, [1, 2, 3], seed)
      cluster.tellsLeader = prng.chance(0.5)
      cluster.fault = () => (prng.chance(0.15) ? prng.pick(faults) : undefined)
      const producer = cluster.producer({
        batchSize: 200,
        lingerMs: 1,
        deliveryTimeoutMs: 600_000,
        compressionType: prng.pick(['none', 'lz4'])
      })
      const sent: string[][] = [[], [], []]
      const outcomes: ReturnType<typeof settled>[] = []
      for (let i = 0; i < 400; i++) {
        const partition = prng.below(3)
        sent[partition].push(`v${i}`)
        outcomes.push(settled(producer.send('t', { partition, value: `v${i}` })))
        if (prng.chance(0.2)) await cluster.fake.sim.advance(prng.below(5))
        if (prng.chance(0.02)) cluster.moveLeader(prng.below(3), 1 + prng.below(3))
      }
      const results = await cluster.fake.sim.complete(Promise.all(outcomes))
      assert.deepEqual(
        results.filter(({ code }) => code !== undefined),
        []
      )
      for (let partition = 0; partition < 3; partition++) assert.deepEqual(cluster.log(partition).values, sent[partition])
      for (const [i, { value }] of (results as { value: { partition: number; offset: number } }[]).entries())
        if (value.offset >= 0) assert.equal(cluster.log(value.partition).values[value.offset], `v${i}`)
      await cluster.fake.sim.complete(producer.close())
      assert.equal(await cluster.fake.openSockets(), 0)
    })
  }

  test('goes on under a new epoch when batches were given up: no later record is lost or doubled', async () => {
    const cluster = await ProduceCluster.start(1)
    let isDown = false
    cluster.fault = () => (isDown ? { drop: 'silence' } : undefined)
    const producer = cluster.producer({ lingerMs: 0, deliveryTimeoutMs: 3_000 })
    await cluster.fake.sim.complete(producer.send('t', { value: 'a' }))
    isDown = true
    const lost = settled(producer.send('t', { value: 'lost' }))
    assert.equal((await cluster.fake.sim.complete(lost)).code, 'REQUEST_TIMED_OUT')
    isDown = false
    const after = await cluster.fake.sim.complete(Promise.all(['b', 'c'].map((value) => producer.send('t', { value }))))
    assert.deepEqual(
      after.map(({ offset }) => offset),
      [1, 2]
    )
    assert.deepEqual(cluster.log(0).values, ['a', 'b', 'c'])
    assert.deepEqual(
      cluster.log(0).batches.map(({ batch }) => [batch.producerEpoch, batch.baseSequence]),
      [
        [0, 0],
        [1, 0]
      ]
    )
    await cluster.fake.sim.complete(producer.close())
  })

  test('goes on under a new epoch when the broker has lost what it knew of it', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 0 })
    await cluster.fake.sim.complete(producer.send('t', { value: 'a' }))
    let isForgotten = true
    cluster.fault = () => {
      if (!isForgotten) return undefined
      isForgotten = false
      return { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER }
    }
    await cluster.fake.sim.complete(producer.send('t', { value: 'b' }))
    assert.deepEqual(cluster.log(0).values, ['a', 'b'])
    assert.equal(cluster.log(0).batches[1].batch.producerEpoch, 1)
    await cluster.fake.sim.complete(producer.close())
  })

  test('doubles nothing when a killed broker comes back and knows its last batch only', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 0, batchSize: 1 })
    await cluster.fake.sim.complete(producer.send('t', { partition: 0, value: 'a' }))
    // All of them are written, and none is acknowledged.
    cluster.fault = () => ({ errorCode: ErrorCode.REQUEST_TIMED_OUT, after: true })
    const sends = ['b', 'c', 'd', 'e'].map((value) => producer.send('t', { partition: 0, value }))
    await cluster.fake.sim.run({ until: () => cluster.log(0).values.length === 5, maxVirtualMs: 1_000 })
    cluster.log(0).forgetAllButLast()
    cluster.fault = () => undefined
    await cluster.fake.sim.complete(Promise.all(sends))
    await cluster.fake.sim.complete(producer.send('t', { partition: 0, value: 'f' }))
    assert.deepEqual(cluster.log(0).values, ['a', 'b', 'c', 'd', 'e', 'f'])
    assert.equal(cluster.log(0).batches.at(-1)?.batch.producerEpoch, 0)
    await cluster.fake.sim.complete(producer.close())
  })

  test('gives the numbers of a refused batch to those behind it', async () => {
    const cluster = await ProduceCluster.start(1)
    cluster.fault = ({ bytes }) => (bytes.includes('bad') ? { errorCode: ErrorCode.INVALID_RECORD } : undefined)
    const producer = cluster.producer({ lingerMs: 0, batchSize: 1 })
    const outcomes = ['a', 'bad', 'b', 'c', 'd'].map((value) => settled(producer.send('t', { partition: 0, value })))
    const codes = (await cluster.fake.sim.complete(Promise.all(outcomes))).map(({ code }) => code)
    assert.deepEqual(codes, [undefined, 'INVALID_RECORD', undefined, undefined, undefined])
    assert.deepEqual(cluster.log(0).values, ['a', 'b', 'c', 'd'])
    await cluster.fake.sim.complete(producer.close())
  })
})

describe('batches', () => {
  test('leave when linger.ms has passed, all records of the time in one', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 50 })
    await cluster.fake.sim.complete(producer.partitionsFor('t'))
    const start = cluster.fake.sim.nowMs
    const sends = [producer.send('t', { value: 'a' })]
    await cluster.fake.sim.advance(20)
    sends.push(producer.send('t', { value: 'b' }))
    await cluster.fake.sim.complete(Promise.all(sends))
    const tookMs = cluster.fake.sim.nowMs - start
    assert.ok(tookMs >= 50 && tookMs < 60, `${tookMs}`)
    assert.equal(cluster.requests.length, 1)
    assert.equal(cluster.log(0).batches.length, 1)
    await cluster.fake.sim.complete(producer.close())
  })

  test('leave at once when they are full or flushed, whatever linger.ms says', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 20_000, batchSize: 200 })
    const first = producer.send('t', { value: 'x'.repeat(100) })
    const second = producer.send('t', { value: 'y'.repeat(100) })
    await cluster.fake.sim.complete(first)
    assert.deepEqual(cluster.log(0).values, ['x'.repeat(100)])
    await cluster.fake.sim.complete(producer.flush())
    assert.equal(cluster.log(0).values.length, 2)
    assert.equal((await second).offset, 1)
    assert.ok(cluster.fake.sim.nowMs < 1_000)
    await cluster.fake.sim.complete(producer.close())
  })

  test('are split when the broker finds them too large, and every record learns its place', async () => {
    const cluster = await ProduceCluster.start(1)
    cluster.fault = ({ bytes }) => (bytes.length > 300 ? { errorCode: ErrorCode.MESSAGE_TOO_LARGE } : undefined)
    const producer = cluster.producer({ lingerMs: 5, batchSize: 2_000 })
    const values = Array.from({ length: 20 }, (_, i) => `${i}-${'x'.repeat(50)}`)
    const results = await cluster.fake.sim.complete(
      producer.sendBatch(
        't',
        values.map((value) => ({ value, headers: { h: 'v' } }))
      )
    )
    assert.deepEqual(
      results.map(({ offset }) => offset),
      values.map((_, i) => i)
    )
    assert.deepEqual(cluster.log(0).values, values)
    assert.ok((producer.metrics().get('batch-split-total') ?? 0) >= 2)
    const single = await cluster.fake.sim.complete(settled(producer.send('t', { value: 'z'.repeat(400) })))
    assert.equal(single.code, 'MESSAGE_TOO_LARGE')
    await cluster.fake.sim.complete(producer.close())
    assert.equal(producer.metrics().get('buffer-available-bytes'), producer.metrics().get('buffer-total-bytes'))
  })

  test('of one broker share requests of at most max.request.size, at most five unanswered', async () => {
    const cluster = await ProduceCluster.start(8)
    let isHeld = false
    cluster.fault = () => (isHeld ? { drop: 'silence' } : undefined)
    const producer = cluster.producer({ lingerMs: 0, batchSize: 1_000, maxRequestSize: 2_500 })
    await cluster.fake.sim.complete(
      producer.sendBatch(
        't',
        Array.from({ length: 8 }, (_, partition) => ({ partition, value: 'first' }))
      )
    )
    cluster.fake.broker(1).asked.length = 0
    isHeld = true
    const sends: Promise<unknown>[] = []
    for (let i = 0; i < 80; i++) sends.push(settled(producer.send('t', { partition: i % 8, value: 'x'.repeat(900) })))
    await cluster.fake.sim.advance(1_000)
    const asked = cluster.fake.broker(1).asked.filter(({ apiKey }) => apiKey === ApiKey.PRODUCE)
    assert.equal(asked.length, 5)
    for (const { body } of asked) assert.equal((body as ProduceRequest).topicData[0].partitionData.length, 2)
    isHeld = false
    await cluster.fake.sim.complete(Promise.all(sends))
    for (let partition = 0; partition < 8; partition++) assert.equal(cluster.log(partition).values.length, 11)
    await cluster.fake.sim.complete(producer.close())
  })
})

describe('bounds', () => {
  test('hold memory to buffer.memory: later sends wait in their order and nothing is lost', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 0, batchSize: 1_000, bufferMemory: 3_000 })
    await cluster.fake.sim.complete(producer.partitionsFor('t'))
    const values = Array.from({ length: 200 }, (_, i) => `${i}-${'x'.repeat(100)}`)
    const sends = values.map((value) => producer.send('t', { value }))
    assert.ok(producer.isFull)
    assert.ok((producer.metrics().get('waiting-threads') ?? 0) > 100)
    await cluster.fake.sim.complete(producer.ready())
    const results = await cluster.fake.sim.complete(Promise.all(sends))
    assert.deepEqual(
      results.map(({ offset }) => offset),
      values.map((_, i) => i)
    )
    assert.deepEqual(cluster.log(0).values, values)
    await cluster.fake.sim.complete(producer.close())
  })

  test('end a send that finds no memory after max.block.ms, and one that is aborted at once', async () => {
    const cluster = await ProduceCluster.start(1)
    cluster.fault = () => ({ drop: 'silence' })
    const producer = cluster.producer({ lingerMs: 0, batchSize: 1_000, bufferMemory: 1_000, maxBlockMs: 500 })
    await cluster.fake.sim.complete(producer.partitionsFor('t'))
    const first = settled(producer.send('t', { value: 'x'.repeat(900) }))
    const controller = new AbortController()
    const aborted = settled(producer.send('t', { value: 'y'.repeat(900) }, { signal: controller.signal }))
    const second = settled(producer.send('t', { value: 'y'.repeat(900) }))
    controller.abort(new Error('enough'))
    assert.match((await cluster.fake.sim.complete(aborted)).message ?? '', /enough/)
    assert.match((await cluster.fake.sim.complete(second)).message ?? '', /buffer\.memory/)
    assert.ok(cluster.fake.sim.nowMs < 600)
    assert.equal((await cluster.fake.sim.complete(first)).code, 'REQUEST_TIMED_OUT')
    assert.ok(cluster.fake.sim.nowMs >= 30_000 && cluster.fake.sim.nowMs < 31_000)
    await cluster.fake.sim.complete(producer.close())
  })

  test('end a send to a topic or a partition that does not come about after max.block.ms, and hold up no other', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 0, maxBlockMs: 3_000 })
    const missing = settled(producer.send('nowhere', { value: 'x' }))
    const beyond = settled(producer.send('t', { value: 'x', partition: 7 }))
    cluster.addTopic('u', 1)
    await cluster.fake.sim.complete(producer.send('u', { value: 'x' }))
    assert.ok(cluster.fake.sim.nowMs < 1_000)
    assert.match((await cluster.fake.sim.complete(missing)).message ?? '', /Topic nowhere: The cluster does not have it/)
    assert.match((await cluster.fake.sim.complete(beyond)).message ?? '', /1 partition\(s\), no 7/)
    assert.ok(cluster.fake.sim.nowMs >= 3_000 && cluster.fake.sim.nowMs < 4_000)
    await cluster.fake.sim.complete(producer.close())
  })

  test('give each send to a topic that does not come about its own max.block.ms', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ maxBlockMs: 3_000 })
    const first = settled(producer.send('late', { value: 'a' }))
    await cluster.fake.sim.advance(2_000)
    const second = settled(producer.send('late', { value: 'b' }))
    assert.equal((await cluster.fake.sim.complete(first)).code, 'REQUEST_TIMED_OUT')
    assert.ok(cluster.fake.sim.nowMs >= 3_000 && cluster.fake.sim.nowMs < 3_100)
    cluster.addTopic('late', 1)
    assert.equal((await cluster.fake.sim.complete(second)).code, undefined)
    assert.deepEqual(cluster.log(0, 'late').values, ['b'])
    await cluster.fake.sim.complete(producer.close())
  })

  test('send in order to a topic that is only just made', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 0 })
    const sends = ['a', 'b', 'c'].map((value) => producer.send('new', { value }))
    await cluster.fake.sim.advance(500)
    cluster.addTopic('new', 1)
    await cluster.fake.sim.complete(Promise.all(sends))
    assert.deepEqual(cluster.log(0, 'new').values, ['a', 'b', 'c'])
    await cluster.fake.sim.complete(producer.close())
  })

  test('refuse a record larger than max.request.size without asking anybody', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ maxRequestSize: 1_000 })
    const outcome = await settled(producer.send('t', { value: Buffer.alloc(1_000) }))
    assert.equal(outcome.code, 'MESSAGE_TOO_LARGE')
    assert.match(outcome.message ?? '', /max\.request\.size=1000/)
    assert.equal(cluster.fake.broker(1).accepted, 0)
    await cluster.fake.sim.complete(producer.close())
  })
})

describe('leaders and acks', () => {
  test('follow a leader that the old one names without asking for metadata or waiting', async () => {
    const cluster = await ProduceCluster.start(1, [1, 2])
    const producer = cluster.producer({ lingerMs: 0 })
    await cluster.fake.sim.complete(producer.send('t', { value: 'a' }))
    await cluster.fake.sim.advance(1_000)
    const before = cluster.fake.count(3)
    const startMs = cluster.fake.sim.nowMs
    cluster.moveLeader(0, 2)
    await cluster.fake.sim.complete(producer.send('t', { value: 'b' }))
    assert.equal(cluster.fake.count(3), before)
    assert.ok(cluster.fake.sim.nowMs - startMs < 20, `${cluster.fake.sim.nowMs - startMs}`)
    assert.deepEqual(cluster.log(0).values, ['a', 'b'])
    await cluster.fake.sim.complete(producer.close())
  })

  test('without an answer (acks=0) a record is done when its bytes are with the socket, and has no offset', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ acks: 0, lingerMs: 0 })
    const { offset } = await cluster.fake.sim.complete(producer.send('t', { value: 'a' }))
    assert.equal(offset, -1)
    await cluster.fake.sim.complete(producer.close())
    await cluster.fake.sim.advance(10)
    assert.deepEqual(cluster.log(0).values, ['a'])
    assert.equal(cluster.log(0).batches[0].batch.producerId, -1)
  })

  test('a broker that leaves a partition out of its answer costs a retry, not a hang', async () => {
    const cluster = await ProduceCluster.start(1)
    let isLying = true
    const honest = cluster.fake.handlers.get(0)
    cluster.fake.handlers.set(0, (request, broker) => {
      const answer = honest?.(request, broker)
      if (!isLying) return answer
      isLying = false
      return { responses: [], throttleTimeMs: 0, nodeEndpoints: [] }
    })
    const producer = cluster.producer({ lingerMs: 0 })
    await cluster.fake.sim.complete(producer.send('t', { value: 'a' }))
    assert.deepEqual(cluster.log(0).values, ['a'])
    await cluster.fake.sim.complete(producer.close())
  })

  test('a closed producer has sent what it had, and takes nothing more', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 20_000 })
    const sent = producer.send('t', { value: 'a' })
    await cluster.fake.sim.complete(Promise.all([producer.close(), producer.close()]))
    assert.equal((await sent).offset, 0)
    assert.equal((await settled(producer.send('t', { value: 'b' }))).code, 'CLIENT_CLOSED')
    assert.equal(await cluster.fake.openSockets(), 0)
  })

  test('closing with a time limit fails what did not get out', async () => {
    const cluster = await ProduceCluster.start(1)
    cluster.fault = () => ({ drop: 'silence' })
    const producer = cluster.producer({ lingerMs: 0 })
    const sent = settled(producer.send('t', { value: 'a' }))
    await cluster.fake.sim.advance(100)
    await cluster.fake.sim.complete(producer.close({ timeoutMs: 300 }))
    assert.equal((await sent).code, 'CLIENT_CLOSED')
    assert.ok(cluster.fake.sim.nowMs < 500)
  })
})
