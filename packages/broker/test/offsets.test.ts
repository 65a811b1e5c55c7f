import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  DeleteRecordsRequest,
  DeleteRecordsResponse,
  ErrorCode,
  encodeBatch,
  ListOffsetsRequest,
  ListOffsetsResponse,
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse
} from '@odradek/protocol'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, type TestBroker, valuesOf } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
const base = Date.now() - 60_000
before(async () => {
  broker = await startBroker()
  client = await broker.connect()
  await createTopic(client, 'times')
  const at = (...offsets: number[]) =>
    encodeBatch({ records: offsets.map((offset) => ({ value: `t${offset}`, timestamp: base + offset })) })
  await produce(client, 'times', at(0, 10, 20))
  await produce(client, 'times', at(50, 40))
  await produce(client, 'times', at(45))
})
after(() => broker[Symbol.asyncDispose]())

async function listOffset(
  timestamp: number,
  options: { topic?: string; version?: number; isolationLevel?: number; currentLeaderEpoch?: number } = {}
) {
  const { topic = 'times', version = 11, isolationLevel = 0, currentLeaderEpoch } = options
  const partition = { partitionIndex: 0, timestamp, ...(currentLeaderEpoch === undefined ? {} : { currentLeaderEpoch }) }
  const response = await client.call(ListOffsetsRequest, ListOffsetsResponse, version, {
    replicaId: -1,
    isolationLevel,
    topics: [{ name: topic, partitions: [partition] }]
  })
  return response.topics[0].partitions[0]
}

describe('ListOffsets', () => {
  test('gives the ends of the log', async () => {
    const latest = await listOffset(-1)
    assert.deepEqual([latest.offset, latest.timestamp, latest.leaderEpoch], [6, -1, broker.server.replicas.get('times', 0)?.leaderEpoch])
    assert.deepEqual([(await listOffset(-2)).offset, (await listOffset(-4)).offset], [0, 0])
  })

  test('gives the first record at or after a time', async () => {
    const found = async (offset: number) => {
      const { offset: at, timestamp } = await listOffset(base + offset)
      return [at, timestamp - base]
    }
    assert.deepEqual(await found(0), [0, 0])
    assert.deepEqual(await found(11), [2, 20])
    assert.deepEqual(await found(21), [3, 50])
    const none = await listOffset(base + 51)
    assert.deepEqual([none.offset, none.timestamp, none.errorCode], [-1, -1, ErrorCode.NONE])
  })

  test('gives the record with the greatest time', async () => {
    const { offset, timestamp } = await listOffset(-3)
    assert.deepEqual([offset, timestamp - base], [3, 50])
  })

  test('knows nothing tiered', async () => {
    assert.deepEqual([(await listOffset(-5)).offset, (await listOffset(-6)).offset], [-1, -1])
  })

  test('refuses questions that the version does not have', async () => {
    for (const [timestamp, version] of [
      [-3, 6],
      [-4, 7],
      [-5, 8],
      [-6, 10],
      [-7, 11]
    ]) {
      assert.equal(
        (await listOffset(timestamp, { version })).errorCode,
        ErrorCode.UNSUPPORTED_VERSION,
        `${timestamp} in version ${version}`
      )
    }
  })

  test('to read_committed ends before an open transaction', async () => {
    await createTopic(client, 'open')
    await produce(client, 'open', batchOf('a'))
    const batch = encodeBatch({
      records: [{ value: 'tx' }],
      timestamp: Date.now(),
      producerId: 7,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true
    })
    broker.server.replicas.get('open', 0)?.append(batch, { origin: 'client', now: Date.now() })
    await produce(client, 'open', batchOf('b'))
    assert.equal((await listOffset(-1, { topic: 'open', isolationLevel: 1 })).offset, 1)
    assert.equal((await listOffset(-1, { topic: 'open' })).offset, 3)
  })

  test('of what is not here, or with another leader epoch', async () => {
    assert.equal((await listOffset(-1, { topic: 'nowhere' })).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert.equal((await listOffset(-1, { currentLeaderEpoch: 99 })).errorCode, ErrorCode.UNKNOWN_LEADER_EPOCH)
  })
})

describe('OffsetForLeaderEpoch', () => {
  const endOf = async (leaderEpoch: number, topic = 'times') => {
    const response = await client.call(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, 4, {
      replicaId: -1,
      topics: [{ topic, partitions: [{ partition: 0, leaderEpoch }] }]
    })
    const { errorCode, leaderEpoch: epoch, endOffset } = response.topics[0].partitions[0]
    return [errorCode, epoch, endOffset]
  }

  test('gives where an epoch ends', async () => {
    const epoch = broker.server.replicas.get('times', 0)?.leaderEpoch as number
    assert.deepEqual(await endOf(epoch), [ErrorCode.NONE, epoch, 6])
    assert.deepEqual(await endOf(epoch + 5), [ErrorCode.NONE, -1, -1])
    assert.deepEqual(await endOf(0, 'nowhere'), [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1])
  })
})

describe('DeleteRecords', () => {
  const deleteBefore = async (topic: string, offset: number) => {
    const response = await client.call(DeleteRecordsRequest, DeleteRecordsResponse, 2, {
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }],
      timeoutMs: 1000
    })
    const { errorCode, lowWatermark } = response.topics[0].partitions[0]
    return [errorCode, lowWatermark]
  }

  test('moves the start of the log, at once and for all', async () => {
    await createTopic(client, 'shrink')
    for (const value of ['a', 'b', 'c', 'd']) await produce(client, 'shrink', batchOf(value))
    assert.deepEqual(await deleteBefore('shrink', 2), [ErrorCode.NONE, 2])
    assert.equal((await fetchOne(client, 'shrink', 1)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
    assert.deepEqual(valuesOf((await fetchOne(client, 'shrink', 2)).records), ['c', 'd'])
    assert.equal((await listOffset(-2, { topic: 'shrink' })).offset, 2)
    assert.deepEqual(await deleteBefore('shrink', 1), [ErrorCode.NONE, 2])
    assert.deepEqual(await deleteBefore('shrink', -1), [ErrorCode.NONE, 4])
    assert.deepEqual(await deleteBefore('shrink', 5), [ErrorCode.OFFSET_OUT_OF_RANGE, -1])
  })

  test('is answered when the new start would survive a crash', async () => {
    await createTopic(client, 'gone-for-good')
    for (const value of ['a', 'b', 'c']) await produce(client, 'gone-for-good', batchOf(value))
    assert.deepEqual(await deleteBefore('gone-for-good', 2), [ErrorCode.NONE, 2])
    assert.match(String(await broker.world.disk.readFile('/data/log-start-offset-checkpoint')), /^gone-for-good 0 2$/m)
  })

  test('takes the last word on a partition that is named twice, and answers it once', async () => {
    await createTopic(client, 'twice')
    for (const value of ['a', 'b', 'c', 'd']) await produce(client, 'twice', batchOf(value))
    const partitions = [4, 99].map((offset) => ({ partitionIndex: 0, offset }))
    const { topics } = await client.call(DeleteRecordsRequest, DeleteRecordsResponse, 2, {
      topics: [
        { name: 'twice', partitions: [...partitions, { partitionIndex: 7, offset: 0 }] },
        { name: 'shrink', partitions: [] },
        { name: 'twice', partitions: [{ partitionIndex: 0, offset: 3 }] }
      ],
      timeoutMs: 1000
    })
    assert.deepEqual(
      topics.map((topic) => [topic.name, topic.partitions.map(({ lowWatermark, errorCode }) => [lowWatermark, errorCode])]),
      [
        [
          'twice',
          [
            [3, ErrorCode.NONE],
            [-1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
          ]
        ]
      ]
    )
  })

  test('is refused where nothing may be deleted', async () => {
    await createTopic(client, 'kept', { configs: { 'cleanup.policy': 'compact' } })
    assert.deepEqual(await deleteBefore('kept', 0), [ErrorCode.POLICY_VIOLATION, -1])
    assert.deepEqual(await deleteBefore('nowhere', 0), [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1])
  })
})
