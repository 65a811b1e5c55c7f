// What a producer may believe, and what it may not, when a broker did not answer or answered late.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  AddOffsetsToTxnResponse,
  AddPartitionsToTxnResponse,
  ApiKey,
  EndTxnResponse,
  ErrorCode,
  MetadataRequest,
  TxnOffsetCommitResponse
} from '@odradek/protocol'
import { type FakeHandler, settled } from '../support/fake-cluster.ts'
import { type Fault, ProduceCluster } from '../support/produce-log.ts'

/** Faults of the first requests to Produce; then all is well. */
function faultsOf(cluster: ProduceCluster, faults: Fault[]): void {
  cluster.fault = () => faults.shift()
}

describe('a record in doubt', () => {
  test('keeps its numbers when it is refused after a try without an answer: the next record is not taken for its copy', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 0 })
    await cluster.fake.sim.complete(producer.send('t', { value: 'a' }))
    faultsOf(cluster, [{ drop: 'hang up', after: true }, { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }])
    const refused = await cluster.fake.sim.complete(settled(producer.send('t', { value: 'b' })))
    assert.equal(refused.code, 'TOPIC_AUTHORIZATION_FAILED')
    await cluster.fake.sim.complete(producer.send('t', { value: 'c' }))
    assert.deepEqual(cluster.log(0).values, ['a', 'b', 'c'])
    await cluster.fake.sim.complete(producer.close())
  })

  test('is acknowledged by an answer that names its topic by an id that the cluster has lost meanwhile', async () => {
    const cluster = await ProduceCluster.start(1)
    const producer = cluster.producer({ lingerMs: 0, enableIdempotence: false })
    await cluster.fake.sim.complete(producer.send('t', { value: 'a' }))
    // Answers come in order: first that the topic is unknown, then where the record went.
    const { handlers, topics } = cluster.fake
    const known = topics.get('t')
    cluster.fake.delayMs = ({ apiKey }) => (apiKey === ApiKey.METADATA ? 200 : 0)
    cluster.addTopic('u', 1)
    handlers.set(ApiKey.METADATA, () => {
      topics.delete('t')
      const answer = cluster.fake.metadata(MetadataRequest.create({ topics: [{ name: 't' }, { name: 'u' }] }))
      if (known !== undefined) topics.set('t', known)
      handlers.delete(ApiKey.METADATA)
      return answer
    })
    const found = producer.partitionsFor('u')
    await cluster.fake.sim.advance(100)
    const sent = producer.send('t', { value: 'b' })
    await cluster.fake.sim.complete(found)
    assert.equal((await cluster.fake.sim.complete(sent)).offset, 1)
    assert.deepEqual(cluster.log(0).values, ['a', 'b'])
    await cluster.fake.sim.complete(producer.close())
  })
})

describe('a transaction in doubt', () => {
  async function start(endTxn: FakeHandler, addPartitions?: FakeHandler) {
    const cluster = await ProduceCluster.start(1)
    cluster.fake.handlers.set(ApiKey.END_TXN, endTxn)
    cluster.fake.handlers.set(
      ApiKey.ADD_PARTITIONS_TO_TXN,
      addPartitions ?? (() => AddPartitionsToTxnResponse.create({ resultsByTopicV3AndBelow: [] }))
    )
    const producer = cluster.producer({ transactionalId: 'x', lingerMs: 0 })
    await cluster.fake.sim.complete(producer.initTransactions())
    producer.beginTransaction()
    return { cluster, producer, complete: <T>(promise: Promise<T>) => cluster.fake.sim.complete(settled(promise)) }
  }
  const ok: FakeHandler = () => EndTxnResponse.create({})

  test('that cannot get a partition fails its records at once, and is aborted', async () => {
    const { cluster, producer, complete } = await start(ok, () =>
      AddPartitionsToTxnResponse.create({
        resultsByTopicV3AndBelow: [
          { name: 't', resultsByPartition: [{ partitionIndex: 0, partitionErrorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }] }
        ]
      })
    )
    const sent = settled(producer.send('t', { value: 'a' }))
    const beganMs = cluster.fake.sim.nowMs
    assert.equal((await complete(producer.commitTransaction())).code, 'TOPIC_AUTHORIZATION_FAILED')
    assert.equal((await sent).code, 'TOPIC_AUTHORIZATION_FAILED')
    assert.ok(cluster.fake.sim.nowMs - beganMs < 1_000, `${cluster.fake.sim.nowMs - beganMs} ms`)
    assert.equal((await complete(producer.abortTransaction())).code, undefined)
    await complete(producer.close())
  })

  test('of a fenced producer fails all its records at once', async () => {
    const { cluster, producer, complete } = await start(ok)
    cluster.fault = () => ({ errorCode: ErrorCode.PRODUCER_FENCED })
    const sends = ['a', 'b', 'c'].map((value) => settled(producer.send('t', { partition: 0, value: value.repeat(10_000) })))
    const beganMs = cluster.fake.sim.nowMs
    const codes = (await cluster.fake.sim.complete(Promise.all(sends))).map(({ code }) => code)
    assert.deepEqual(codes, ['PRODUCER_FENCED', 'PRODUCER_FENCED', 'PRODUCER_FENCED'])
    assert.ok(cluster.fake.sim.nowMs - beganMs < 1_000)
    assert.equal((await complete(producer.commitTransaction())).code, 'PRODUCER_FENCED')
    await complete(producer.close())
    assert.ok(cluster.fake.sim.nowMs - beganMs < 2_000)
  })

  test('whose commit got no answer takes no further record; the commit is made again', async () => {
    let isLost = true
    const { producer, complete } = await start((...args) => (isLost ? 'silence' : ok(...args)))
    assert.equal((await complete(producer.send('t', { value: 'a' }))).code, undefined)
    assert.equal((await complete(producer.commitTransaction({ timeoutMs: 5_000 }))).code, 'REQUEST_TIMED_OUT')
    assert.match((await complete(producer.send('t', { value: 'b' }))).message ?? '', /commit again, or abort/)
    isLost = false
    assert.equal((await complete(producer.commitTransaction())).code, undefined)
    producer.beginTransaction()
    assert.equal((await complete(producer.send('t', { value: 'c' }))).code, undefined)
    assert.equal((await complete(producer.commitTransaction())).code, undefined)
    await complete(producer.close())
  })

  test('that was committed without an answer cannot be aborted: the producer is done for, and says why the commit failed', async () => {
    const { producer, complete } = await start(({ body }) =>
      (body as { committed: boolean }).committed ? 'silence' : EndTxnResponse.create({ errorCode: ErrorCode.INVALID_TXN_STATE })
    )
    const first = producer.send('t', { value: 'a' })
    assert.equal((await complete(first)).code, undefined)
    assert.equal((await complete(producer.commitTransaction({ timeoutMs: 5_000 }))).code, 'REQUEST_TIMED_OUT')
    assert.equal((await complete(producer.abortTransaction())).code, 'INVALID_TXN_STATE')
    const next = await settled(Promise.resolve().then(() => producer.beginTransaction()))
    assert.equal(next.code, 'INVALID_TXN_STATE')
    await complete(producer.close())
  })

  test('whose signal has ended it is aborted all the same, and the next one begins', async () => {
    const ends: boolean[] = []
    const { producer, complete } = await start((request, broker) => {
      ends.push((request.body as { committed: boolean }).committed)
      return ok(request, broker)
    })
    assert.equal((await complete(producer.abortTransaction())).code, undefined)
    const controller = new AbortController()
    const first = producer.transaction(
      async ({ send }) => {
        await send('t', { value: 'a' })
        controller.abort(new Error('enough'))
      },
      { signal: controller.signal }
    )
    assert.equal((await complete(first)).message, 'enough')
    assert.deepEqual(ends, [false])
    const next = await complete(producer.transaction(async ({ send }) => send('t', { value: 'b' })))
    assert.equal(next.code, undefined)
    assert.deepEqual(ends, [false, true])
    await complete(producer.close())
  })

  test('that is aborted with a record in doubt leaves the next one a new epoch', async () => {
    const { cluster, producer, complete } = await start(ok)
    assert.equal((await complete(producer.send('t', { value: 'a' }))).code, undefined)
    cluster.fault = () => ({ drop: 'silence' })
    const lost = settled(producer.send('t', { value: 'lost' }))
    await cluster.fake.sim.advance(100)
    const aborted = settled(producer.abortTransaction())
    assert.equal((await cluster.fake.sim.complete(lost)).code, 'REQUEST_TIMED_OUT')
    cluster.fault = () => undefined
    assert.equal((await cluster.fake.sim.complete(aborted)).code, undefined)
    producer.beginTransaction()
    const beganMs = cluster.fake.sim.nowMs
    assert.equal((await complete(producer.send('t', { value: 'b' }))).code, undefined)
    assert.ok(cluster.fake.sim.nowMs - beganMs < 1_000, `${cluster.fake.sim.nowMs - beganMs} ms`)
    assert.deepEqual(cluster.log(0).values, ['a', 'b'])
    assert.equal((await complete(producer.commitTransaction())).code, undefined)
    await complete(producer.close())
  })

  test('takes no record once its commit has begun, and is none the worse for one that comes too late', async () => {
    const { cluster, producer, complete } = await start(ok)
    const first = producer.send('t', { value: 'a' })
    const committing = producer.commitTransaction()
    const late = await settled(producer.send('t', { value: 'b' }))
    assert.equal(late.code, 'INVALID_TXN_STATE')
    assert.equal((await complete(committing)).code, undefined)
    assert.equal((await complete(first)).code, undefined)
    assert.deepEqual(cluster.log(0).values, ['a'])
    producer.beginTransaction()
    assert.equal((await complete(producer.send('t', { value: 'c' }))).code, undefined)
    assert.equal((await complete(producer.commitTransaction())).code, undefined)
    await complete(producer.close())
  })

  test('whose commit is given up before its request goes on', async () => {
    const { cluster, producer, complete } = await start(ok)
    cluster.fault = () => ({ drop: 'silence' })
    const sent = settled(producer.send('t', { value: 'a' }))
    const given = await complete(producer.commitTransaction({ signal: AbortSignal.abort(new Error('enough')) }))
    assert.equal(given.message, 'enough')
    cluster.fault = () => undefined
    assert.equal((await complete(producer.send('t', { partition: 0, value: 'b' }))).code, undefined)
    assert.equal((await cluster.fake.sim.complete(sent)).code, undefined)
    assert.equal((await complete(producer.commitTransaction())).code, undefined)
    await complete(producer.close())
  })

  test('ends behind its offsets, which nobody has to await', async () => {
    for (const end of ['commitTransaction', 'abortTransaction'] as const) {
      const order: string[] = []
      const { cluster, producer, complete } = await start((...args) => {
        order.push('end')
        return ok(...args)
      })
      const { fake } = cluster
      fake.handlers.set(ApiKey.ADD_OFFSETS_TO_TXN, () => AddOffsetsToTxnResponse.create({}))
      fake.handlers.set(ApiKey.TXN_OFFSET_COMMIT, () => {
        order.push('offsets')
        return TxnOffsetCommitResponse.create({})
      })
      fake.delayMs = ({ apiKey }) => (apiKey === ApiKey.ADD_OFFSETS_TO_TXN ? 500 : 0)
      assert.equal((await complete(producer.send('t', { value: 'a' }))).code, undefined)
      void producer.sendOffsetsToTransaction([{ topic: 't', partition: 0, offset: 1 }], 'g')
      assert.equal((await complete(producer[end]())).code, undefined)
      assert.deepEqual(order, ['offsets', 'end'], end)
      await complete(producer.close())
    }
  })

  test('is committed before its producer closes', async () => {
    const ends: boolean[] = []
    const { producer, complete } = await start((request, broker) => {
      ends.push((request.body as { committed: boolean }).committed)
      return ok(request, broker)
    })
    producer.send('t', { value: 'a' })
    const committing = settled(producer.commitTransaction())
    assert.equal((await complete(producer.close())).code, undefined)
    assert.equal((await committing).code, undefined)
    assert.deepEqual(ends, [true])
  })

  test('refuses offsets below 0 where they are said', async () => {
    const { producer, complete } = await start(ok)
    const refused = await complete(producer.sendOffsetsToTransaction([{ topic: 't', partition: 0, offset: -1 }], 'g'))
    assert.equal(refused.code, 'INVALID_CONFIG')
    assert.equal((await complete(producer.commitTransaction())).code, undefined)
    await complete(producer.close())
  })

  test('that is aborted says so to the records that it drops', async () => {
    const { producer, complete } = await start(ok)
    const dropped = settled(producer.send('t', { value: 'a' }))
    assert.equal((await complete(producer.abortTransaction())).code, undefined)
    const { code } = await dropped
    assert.equal(code, 'TRANSACTION_ABORTED')
    await complete(producer.close())
  })
})

test('a record sent outside of a transaction that nobody awaits is not lost in silence', async () => {
  const cluster = await ProduceCluster.start(1)
  const producer = cluster.producer({ transactionalId: 'x' })
  await cluster.fake.sim.complete(producer.initTransactions())
  void producer.send('t', { value: 'a' })
  await assert.rejects(cluster.fake.sim.advance(1), /begin one first/)
})
