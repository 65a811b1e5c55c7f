import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  ErrorCode,
  encodeBatch,
  FetchRequest,
  FetchResponse,
  type Input
} from '@odradek/protocol'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, type TestBroker, valuesOf } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
let producer: RawClient
before(async () => {
  broker = await startBroker({ overrides: { 'max.incremental.fetch.session.cache.slots': '5' } })
  client = await broker.connect()
  producer = await broker.connect()
})
after(() => broker[Symbol.asyncDispose]())

describe('Fetch', () => {
  for (let version = 4; version <= 18; version++) {
    test(`version ${version} reads what was produced`, async () => {
      const topic = `v${version}`
      const topicId = await createTopic(client, topic)
      await produce(client, topic, batchOf('a', 'b', 'c'))
      const response = await client.call(FetchRequest, FetchResponse, version, {
        maxWaitMs: 0,
        minBytes: 1,
        topics: [
          { ...(version >= 13 ? { topicId } : { topic }), partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }] }
        ]
      })
      const [{ partitions, topic: name, topicId: id }] = response.responses
      assert.equal(version >= 13 ? id : name, version >= 13 ? topicId : topic)
      assert.deepEqual(valuesOf(partitions[0].records), ['a', 'b', 'c'])
      assert.equal(partitions[0].highWatermark, 3)
      assert.equal(partitions[0].lastStableOffset, 3)
      assert.equal(partitions[0].abortedTransactions, null)
      assert.equal(response.sessionId, 0)
    })
  }

  test('inside of a batch gives the whole batch', async () => {
    await createTopic(client, 'inside')
    await produce(client, 'inside', batchOf('a', 'b', 'c'))
    await produce(client, 'inside', batchOf('d'))
    assert.deepEqual(valuesOf((await fetchOne(client, 'inside', 1)).records), ['a', 'b', 'c', 'd'])
    assert.deepEqual(valuesOf((await fetchOne(client, 'inside', 3)).records), ['d'])
  })

  test('gives at least one batch, however small the limits, and no second one beyond them', async () => {
    await createTopic(client, 'limits')
    await produce(client, 'limits', batchOf('x'.repeat(500)))
    await produce(client, 'limits', batchOf('y'.repeat(500)))
    assert.equal(valuesOf((await fetchOne(client, 'limits', 0, { partitionMaxBytes: 1 })).records).length, 1)
    assert.equal(valuesOf((await fetchOne(client, 'limits', 0, { maxBytes: 1 })).records).length, 1)
    assert.equal(valuesOf((await fetchOne(client, 'limits', 0, { maxBytes: 2000 })).records).length, 2)
  })

  test('shares the limit of the request among partitions, the first batch aside', async () => {
    await createTopic(client, 'shared', { partitions: 2 })
    for (const partition of [0, 1]) await produce(client, 'shared', batchOf('z'.repeat(1000)), { partition })
    const response = await client.call(FetchRequest, FetchResponse, 12, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 100,
      topics: [{ topic: 'shared', partitions: [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 5000 })) }]
    })
    const sizes = response.responses[0].partitions.map(({ records }) => valuesOf(records).length)
    assert.deepEqual(sizes, [1, 0])
  })

  test('at the end of the log is empty, beyond it and before it out of range', async () => {
    await createTopic(client, 'ends')
    await produce(client, 'ends', batchOf('a'))
    assert.deepEqual(valuesOf((await fetchOne(client, 'ends', 1)).records), [])
    assert.equal((await fetchOne(client, 'ends', 2)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
    const before = await fetchOne(client, 'ends', -1)
    assert.deepEqual([before.errorCode, before.highWatermark], [ErrorCode.OFFSET_OUT_OF_RANGE, -1])
  })

  test('of what is not here says so', async () => {
    assert.equal((await fetchOne(client, 'nowhere', 0)).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert.equal((await fetchOne(client, 'ends', 0, { partition: 7 })).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert.equal((await fetchOne(client, 'ends', 0, { partition: -1 })).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    const byId = await client.call(FetchRequest, FetchResponse, 13, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topicId: 'AAAAAAAAQACAAAAAAAAAAA', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100 }] }]
    })
    assert.equal(byId.responses[0].partitions[0].errorCode, ErrorCode.UNKNOWN_TOPIC_ID)
  })

  test('with another leader epoch than ours is fenced', async () => {
    await createTopic(client, 'fenced')
    const fetchWith = async (currentLeaderEpoch: number) => {
      const response = await client.call(FetchRequest, FetchResponse, 12, {
        maxWaitMs: 0,
        minBytes: 1,
        topics: [{ topic: 'fenced', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100, currentLeaderEpoch }] }]
      })
      return response.responses[0].partitions[0].errorCode
    }
    const epoch = broker.server.replicas.get('fenced', 0)?.leaderEpoch as number
    assert.equal(await fetchWith(epoch), ErrorCode.NONE)
    assert.equal(await fetchWith(-1), ErrorCode.NONE)
    assert.equal(await fetchWith(epoch + 1), ErrorCode.UNKNOWN_LEADER_EPOCH)
    assert.equal(await fetchWith(epoch - 1), epoch === 0 ? ErrorCode.NONE : ErrorCode.FENCED_LEADER_EPOCH)
  })

  test('as a replica is refused: there is no other broker', async () => {
    const response = await client.call(FetchRequest, FetchResponse, 12, { replicaId: 2, maxWaitMs: 0, minBytes: 1, topics: [] })
    assert.equal(response.errorCode, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    const v17 = await client.call(FetchRequest, FetchResponse, 17, {
      replicaState: { replicaId: 1, replicaEpoch: 5 },
      maxWaitMs: 0,
      minBytes: 1,
      topics: []
    })
    assert.equal(v17.errorCode, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    assert.equal((await fetchOne(client, '__cluster_metadata', 0)).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('read_committed stops before an open transaction and names aborted ones', async () => {
    await createTopic(client, 'tx')
    await produce(client, 'tx', batchOf('plain'))
    const partition = broker.server.replicas.get('tx', 0)
    const open = encodeBatch({
      records: [{ value: 'open' }],
      timestamp: Date.now(),
      producerId: 99,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true
    })
    partition?.append(open, { origin: 'client', now: Date.now() })
    await produce(client, 'tx', batchOf('after'))
    const committed = await fetchOne(client, 'tx', 0, { isolationLevel: 1 })
    assert.deepEqual(valuesOf(committed.records), ['plain'])
    assert.deepEqual([committed.lastStableOffset, committed.highWatermark], [1, 3])
    assert.deepEqual(committed.abortedTransactions, [])
    assert.equal(valuesOf((await fetchOne(client, 'tx', 0)).records).length, 3)
  })
})

describe('a fetch that waits', () => {
  const waiting = (topic: string, fields: Input<FetchRequest> & { fetchOffset?: number } = {}) => {
    const { fetchOffset = 0, ...request } = fields
    return {
      maxWaitMs: 5_000,
      minBytes: 1,
      ...request,
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }]
    }
  }

  test('is answered by the produce that it waited for', async () => {
    await createTopic(client, 'wait')
    client.request(FetchRequest, 12, waiting('wait', { maxWaitMs: 60_000 }))
    await produce(producer, 'wait', batchOf('here'))
    const { body } = await client.response(FetchResponse, 12)
    assert.deepEqual(valuesOf(body.responses[0].partitions[0].records), ['here'])
    assert.equal(broker.server.replicas.get('wait', 0)?.fetchWaiters.size, 0)
  })

  test('waits for as many bytes as it asked for', async () => {
    await createTopic(client, 'many')
    const one = batchOf('x'.repeat(100))
    client.request(FetchRequest, 12, waiting('many', { minBytes: 3 * one.length, maxWaitMs: 60_000 }))
    await produce(producer, 'many', one)
    await produce(producer, 'many', batchOf('x'.repeat(100)))
    assert.equal(broker.server.replicas.get('many', 0)?.fetchWaiters.size, 1)
    await produce(producer, 'many', batchOf('x'.repeat(100)))
    const { body } = await client.response(FetchResponse, 12)
    assert.equal(valuesOf(body.responses[0].partitions[0].records).length, 3)
  })

  test('ends when its time is over', async () => {
    await createTopic(client, 'timed')
    const started = performance.now()
    const response = await client.call(FetchRequest, FetchResponse, 12, waiting('timed', { maxWaitMs: 120 }))
    assert.ok(performance.now() - started >= 119)
    assert.deepEqual(valuesOf(response.responses[0].partitions[0].records), [])
  })

  test('ends with an error when its topic is deleted', async () => {
    await createTopic(client, 'doomed')
    client.request(FetchRequest, 12, waiting('doomed', { maxWaitMs: 60_000 }))
    await producer.call(DeleteTopicsRequest, DeleteTopicsResponse, 5, { topicNames: ['doomed'], timeoutMs: 5_000 })
    const { body } = await client.response(FetchResponse, 12)
    assert.equal(body.responses[0].partitions[0].errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('does not wait when a partition has an error, nor for nothing', async () => {
    const error = await client.call(FetchRequest, FetchResponse, 12, waiting('nowhere', { maxWaitMs: 60_000 }))
    assert.equal(error.responses[0].partitions[0].errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    const nothing = await client.call(FetchRequest, FetchResponse, 12, { maxWaitMs: 60_000, minBytes: 1, topics: [] })
    assert.deepEqual(nothing.responses, [])
  })

  test('with odd numbers is bounded', async () => {
    await createTopic(client, 'odd')
    const negative = await client.call(FetchRequest, FetchResponse, 12, waiting('odd', { maxWaitMs: -5, minBytes: -7, maxBytes: -9 }))
    assert.equal(negative.responses[0].partitions[0].errorCode, ErrorCode.NONE)
    client.request(FetchRequest, 12, waiting('odd', { maxWaitMs: 2147483647, minBytes: 2147483647, maxBytes: 100 }))
    await produce(producer, 'odd', batchOf('x'.repeat(200)))
    const { body } = await client.response(FetchResponse, 12)
    assert.equal(valuesOf(body.responses[0].partitions[0].records).length, 1)
  })

  test('leaves nothing behind when its client goes', async () => {
    await createTopic(client, 'gone')
    const other = await broker.connect()
    other.request(FetchRequest, 12, waiting('gone', { maxWaitMs: 2147483647 }))
    while (broker.server.replicas.get('gone', 0)?.fetchWaiters.size !== 1) await new Promise(setImmediate)
    other.close()
    while (broker.server.replicas.get('gone', 0)?.fetchWaiters.size !== 0) await new Promise(setImmediate)
  })
})

describe('a fetch session', () => {
  const partitions = (...offsets: number[]) =>
    offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: 1 << 20 }))
  const call = (body: Input<FetchRequest>) => client.call(FetchRequest, FetchResponse, 12, { maxWaitMs: 0, minBytes: 1, ...body })

  test('tells only what changed', async () => {
    await createTopic(client, 'session', { partitions: 3 })
    const full = await call({ sessionId: 0, sessionEpoch: 0, topics: [{ topic: 'session', partitions: partitions(0, 0, 0) }] })
    const { sessionId } = full
    assert.ok(sessionId > 0)
    assert.equal(full.responses[0].partitions.length, 3)
    assert.deepEqual((await call({ sessionId, sessionEpoch: 1 })).responses, [])
    await produce(producer, 'session', batchOf('new'), { partition: 1 })
    const changed = await call({ sessionId, sessionEpoch: 2 })
    assert.deepEqual(
      changed.responses.map(({ partitions: found }) => found.map(({ partitionIndex, records }) => [partitionIndex, valuesOf(records)])),
      [[[1, ['new']]]]
    )
    const moved = await call({
      sessionId,
      sessionEpoch: 3,
      topics: [{ topic: 'session', partitions: [{ partition: 1, fetchOffset: 1, partitionMaxBytes: 100 }] }]
    })
    assert.deepEqual(moved.responses, [])
    const forgotten = await call({ sessionId, sessionEpoch: 4, forgottenTopicsData: [{ topic: 'session', partitions: [1] }] })
    assert.deepEqual(forgotten.responses, [])
    await produce(producer, 'session', batchOf('unseen'), { partition: 1 })
    assert.deepEqual((await call({ sessionId, sessionEpoch: 5 })).responses, [])
  })

  test('that does not exist or is at another epoch is refused', async () => {
    assert.equal((await call({ sessionId: 123456, sessionEpoch: 1 })).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    const { sessionId } = await call({ sessionId: 0, sessionEpoch: 0, topics: [{ topic: 'session', partitions: partitions(0) }] })
    const refused = await call({ sessionId, sessionEpoch: 9 })
    assert.deepEqual([refused.errorCode, refused.sessionId, refused.responses], [ErrorCode.INVALID_FETCH_SESSION_EPOCH, 0, []])
  })

  test('is not given when all slots are taken', async () => {
    const ids: number[] = []
    for (let i = 0; i < 8; i++)
      ids.push((await call({ sessionId: 0, sessionEpoch: 0, topics: [{ topic: 'session', partitions: partitions(0) }] })).sessionId)
    assert.equal(ids.at(-1), 0)
    assert.equal(broker.server.fetchSessions.size, 5)
  })
})

test('a fetch of a session that waited brings what it waited for', async () => {
  await using own = await startBroker()
  const reader = await own.connect()
  await createTopic(reader, 'awaited')
  const topics = [{ topic: 'awaited', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }]
  const fields = { maxWaitMs: 10_000, minBytes: 1, maxBytes: 1_000_000 }
  const { sessionId } = await reader.call(FetchRequest, FetchResponse, 12, { ...fields, maxWaitMs: 0, sessionEpoch: 0, topics })
  assert.notEqual(sessionId, 0)
  const answer = reader.call(FetchRequest, FetchResponse, 12, { ...fields, sessionId, sessionEpoch: 1, topics: [] })
  while (own.server.replicas.get('awaited', 0)?.fetchWaiters.size !== 1) await new Promise((resolve) => setImmediate(resolve))
  await produce(await own.connect(), 'awaited', batchOf('news'))
  const { responses } = await answer
  assert.equal(responses.length, 1)
  assert.ok((responses[0].partitions[0].records as Buffer).length > 0)
})

test('a fetch waits while answers that nobody reads fill the memory, and is forgotten with its connection', async () => {
  await using own = await startBroker()
  const [reader, leaving] = [await own.connect(), await own.connect()]
  await createTopic(reader, 'full')
  await produce(reader, 'full', batchOf('x'))
  const { responseMemory } = own.server
  responseMemory.reserve(responseMemory.limitBytes)
  const topics = [{ topic: 'full', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }] }]
  const fields = { maxWaitMs: 0, minBytes: 1, maxBytes: 1_000, sessionEpoch: -1, topics }
  let isAnswered = false
  const answer = reader.call(FetchRequest, FetchResponse, 12, fields).finally(() => {
    isAnswered = true
  })
  while (own.server.requestCount < 1) await new Promise((resolve) => setImmediate(resolve))
  leaving.request(FetchRequest, 12, fields)
  await new Promise((resolve) => setTimeout(resolve, 50))
  leaving.close()
  while (own.server.connectionCount > 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isAnswered, false)
  responseMemory.release(responseMemory.limitBytes)
  assert.deepEqual(valuesOf((await answer).responses[0].partitions[0].records), ['x'])
  assert.equal(responseMemory.usedBytes, 0)
})
