// No request holds the event loop for more than 20 ms, the largest that clients send and the worst that they can included. Measured in CPU
// time of the broker's main thread between two turns of its loop, so that what else runs does not count; of some rounds the best one counts,
// because the garbage collector comes and goes, and a slow machine gets more time.
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { crc32c } from '@odradek/base'
import * as protocol from '@odradek/protocol'
import { type CompressionType, ErrorCode, encodeBatch, type Input, type MessageCodec } from '@odradek/protocol'
import { RawClient } from './support/raw-client.ts'

const HOLD_MS_MAX = 20
/** Of the machine on which 20 ms were measured. */
const CALIBRATION_MS = 21
const ROUNDS = 8
const TOPICS = 500
const PARTITIONS = 20
const MEMBERS = 1_000

const topicNames = Array.from({ length: TOPICS }, (_, index) => `topic-${index}`)
const indexes = Array.from({ length: PARTITIONS }, (_, index) => index)

let child: ChildProcess
let client: RawClient
let port = 0

interface FromBroker {
  readonly port: number
  readonly longestMs: number
  readonly calibrationMs: number
}

async function ask(message?: string): Promise<FromBroker> {
  const answer = once(child, 'message')
  if (message !== undefined) child.send(message)
  return (await answer)[0]
}

const call = <Q, R>(request: MessageCodec<Q>, response: MessageCodec<R>, version: number, body: Input<Q>) =>
  client.call(request, response, version, body)

before(async () => {
  const program = join(import.meta.dirname, 'support/loop-broker.ts')
  child = fork(program)
  port = (await ask()).port
  client = await RawClient.connect(port, { answerTimeoutMs: 60_000 })
  for (let begin = 0; begin < TOPICS; begin += 50) {
    const topics = topicNames.slice(begin, begin + 50).map((name) => ({ name, numPartitions: PARTITIONS, replicationFactor: 1 }))
    const created = await call(protocol.CreateTopicsRequest, protocol.CreateTopicsResponse, 7, { topics, timeoutMs: 60_000 })
    assert.deepEqual(new Set(created.topics.map(({ errorCode }) => errorCode)), new Set([ErrorCode.NONE]))
  }
  const batches = indexes.map((index) => batchOf(`record ${index}`))
  for (let begin = 0; begin < TOPICS; begin += 50) {
    const names = topicNames.slice(begin, begin + 50)
    while ((await produce(names, batches)).some((code) => code !== ErrorCode.NONE));
  }
})
after(() => {
  client.close()
  child.disconnect()
})

/** The shortest of the rounds' longest turns, in ms of a machine of usual speed. */
async function holdMs(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    await ask('measure')
    await run()
    best = Math.min(best, (await ask('take')).longestMs)
  }
  const { calibrationMs } = await ask('calibrate')
  return best / Math.max(1, calibrationMs / CALIBRATION_MS)
}

function holds(name: string, run: () => Promise<unknown>): void {
  test(name, { timeout: 60_000 }, async () => {
    const held = await holdMs(run)
    assert.ok(held <= HOLD_MS_MAX, `held the event loop for ${held.toFixed(1)} ms`)
  })
}

const batchOf = (value: string) => encodeBatch({ records: [{ value }], timestamp: Date.now() })

/** Error codes of all partitions in which the batches are put. */
async function produce(names: readonly string[], batches: readonly Buffer[]): Promise<number[]> {
  const topicData = names.map((name) => ({ name, partitionData: batches.map((records, index) => ({ index, records })) }))
  const body = { acks: -1, timeoutMs: 30_000, topicData }
  const { responses } = await call(protocol.ProduceRequest, protocol.ProduceResponse, 12, body)
  return responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode))
}

/** Each of the 10,000 partitions. */
const every = <P>(of: (partition: number) => P) => topicNames.map((name) => ({ name, topic: name, partitions: indexes.map(of) }))

const fetchAll = (fields: Input<protocol.FetchRequest>) =>
  call(protocol.FetchRequest, protocol.FetchResponse, 12, {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 50 << 20,
    topics: every((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 << 20 })),
    ...fields
  })

describe('10,000 partitions hold the event loop for 20 ms at most', () => {
  const asked = every((partitionIndex) => ({ partitionIndex, timestamp: -1 }))
  holds('Metadata of all', () => call(protocol.MetadataRequest, protocol.MetadataResponse, 12, { topics: null }))
  holds('Metadata by name', () =>
    call(protocol.MetadataRequest, protocol.MetadataResponse, 12, { topics: topicNames.map((name) => ({ name })) })
  )
  holds('Produce to 500 of them', async () => {
    const codes = await produce(
      topicNames.slice(0, 25),
      Array.from({ length: PARTITIONS }, () => batchOf('x'))
    )
    assert.deepEqual(new Set(codes), new Set([ErrorCode.NONE]))
  })
  holds('Fetch', () => fetchAll({}))
  holds('Fetch that opens a session', () => fetchAll({ sessionId: 0, sessionEpoch: 0 }))
  holds('Fetch of what is not there, 20,000 partitions', () =>
    fetchAll({
      topics: [{ topic: 'nowhere', partitions: Array.from({ length: 20_000 }, (_, partition) => ({ partition, fetchOffset: 0 })) }]
    })
  )
  for (const timestamp of [-1, 5, -3])
    holds(`ListOffsets of timestamp ${timestamp}`, () =>
      call(protocol.ListOffsetsRequest, protocol.ListOffsetsResponse, 7, {
        replicaId: -1,
        topics: asked.map(({ name, partitions }) => ({ name, partitions: partitions.map((partition) => ({ ...partition, timestamp })) }))
      })
    )
  holds('OffsetForLeaderEpoch', () =>
    call(protocol.OffsetForLeaderEpochRequest, protocol.OffsetForLeaderEpochResponse, 4, {
      topics: every((partition) => ({ partition, leaderEpoch: 0 }))
    })
  )
  holds('DeleteRecords', () =>
    call(protocol.DeleteRecordsRequest, protocol.DeleteRecordsResponse, 2, {
      topics: every((partitionIndex) => ({ partitionIndex, offset: 0 })),
      timeoutMs: 10_000
    })
  )
  holds('DescribeConfigs of all topics', () =>
    call(protocol.DescribeConfigsRequest, protocol.DescribeConfigsResponse, 4, {
      includeSynonyms: true,
      resources: topicNames.map((resourceName) => ({ resourceType: 2, resourceName, configurationKeys: null }))
    })
  )
  holds('IncrementalAlterConfigs of all topics', () =>
    call(protocol.IncrementalAlterConfigsRequest, protocol.IncrementalAlterConfigsResponse, 1, {
      resources: topicNames.map((resourceName) => ({
        resourceType: 2,
        resourceName,
        configs: [{ name: 'retention.ms', configOperation: 0, value: '1000000' }]
      })),
      validateOnly: true
    })
  )
  holds('CreateTopics with validateOnly', () =>
    call(protocol.CreateTopicsRequest, protocol.CreateTopicsResponse, 7, {
      topics: [{ name: 'large', numPartitions: 10_000, replicationFactor: 1 }],
      timeoutMs: 10_000,
      validateOnly: true
    })
  )
  holds('ElectLeaders', () =>
    call(protocol.ElectLeadersRequest, protocol.ElectLeadersResponse, 2, { electionType: 0, topicPartitions: null, timeoutMs: 10_000 })
  )
  holds('DescribeLogDirs', () => call(protocol.DescribeLogDirsRequest, protocol.DescribeLogDirsResponse, 4, { topics: null }))
  holds('DescribeProducers', () =>
    call(protocol.DescribeProducersRequest, protocol.DescribeProducersResponse, 0, {
      topics: topicNames.map((name) => ({ name, partitionIndexes: indexes }))
    })
  )
})

async function findCoordinator(group: string): Promise<void> {
  for (;;) {
    const body = { keyType: 0, coordinatorKeys: [group] }
    const { coordinators } = await call(protocol.FindCoordinatorRequest, protocol.FindCoordinatorResponse, 4, body)
    if (coordinators[0].errorCode === ErrorCode.NONE) return
  }
}

describe('groups hold the event loop for 20 ms at most', () => {
  const commit = async () => {
    const topics = every((partitionIndex) => ({ partitionIndex, committedOffset: 1, committedMetadata: 'meta' })).slice(0, TOPICS / 2)
    const answer = await call(protocol.OffsetCommitRequest, protocol.OffsetCommitResponse, 8, { groupId: 'offsets', topics })
    return answer.topics[TOPICS / 2 - 1].partitions[0].errorCode
  }
  before(async () => {
    await findCoordinator('offsets')
    while ((await commit()) !== ErrorCode.NONE);
  })
  holds('OffsetCommit of 5,000 partitions', async () => assert.equal(await commit(), ErrorCode.NONE))
  holds('OffsetFetch of 5,000 partitions', async () => {
    const body = { groups: [{ groupId: 'offsets', topics: null }] }
    const { groups } = await call(protocol.OffsetFetchRequest, protocol.OffsetFetchResponse, 8, body)
    assert.equal(groups[0].topics.length, TOPICS / 2)
  })

  describe(`of ${MEMBERS} members`, () => {
    const members: RawClient[] = []
    let joined: protocol.JoinGroupResponse[] = []
    /** Members that are known join again by their ids: the group is rebalanced. */
    const joinAll = async () => {
      joined = await Promise.all(
        members.map((member, index) =>
          member.call(protocol.JoinGroupRequest, protocol.JoinGroupResponse, 3, {
            groupId: 'large',
            sessionTimeoutMs: 60_000,
            rebalanceTimeoutMs: 30_000,
            memberId: joined[index]?.memberId ?? '',
            protocolType: 'consumer',
            protocols: [{ name: 'range', metadata: Buffer.alloc(200) }]
          })
        )
      )
    }
    before(async () => {
      await findCoordinator('large')
      for (let index = 0; index < MEMBERS - 10; index++) members.push(await RawClient.connect(port, { answerTimeoutMs: 60_000 }))
      await joinAll()
    })
    after(() => {
      for (const member of members) member.close()
    })
    holds('SyncGroup by the leader, and DescribeGroups', async () => {
      const { leader, generationId } = joined[0]
      const assignments = joined.map(({ memberId }) => ({ memberId, assignment: Buffer.alloc(500) }))
      const body = { groupId: 'large', generationId, memberId: leader, assignments }
      await call(protocol.SyncGroupRequest, protocol.SyncGroupResponse, 3, body)
      const described = await call(protocol.DescribeGroupsRequest, protocol.DescribeGroupsResponse, 5, { groups: ['large'] })
      assert.equal(described.groups[0].members.length, members.length)
    })
  })
})

/** A batch of one record whose compressed bytes are given as they are. */
function compressed(codec: number, bytes: Buffer): Buffer {
  const batch = Buffer.concat([batchOf('x').subarray(0, 61), bytes])
  batch.writeInt16BE(codec, 21)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(crc32c(batch, 21) | 0, 17)
  return batch
}

function gzipBomb(): Buffer {
  const member = gzipSync(Buffer.alloc(16 << 20))
  return compressed(1, Buffer.concat(Array.from({ length: 60 }, () => member)))
}

/** Blocks of four bytes that stand for 128 KiB each. */
function zstdBomb(): Buffer {
  const blocks = 240_000
  const frame = Buffer.alloc(6 + blocks * 4)
  frame.writeUInt32LE(0xfd2fb528, 0)
  frame.writeUInt8(0x58, 5)
  const block = (0x20000 << 3) | 2
  for (let index = 0; index < blocks; index++) frame.writeUIntLE(block | (index === blocks - 1 ? 1 : 0), 6 + index * 4, 3)
  return compressed(4, frame)
}

describe('records hold the event loop for 20 ms at most', () => {
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] satisfies CompressionType[]) {
    const records = Array.from({ length: 15_000 }, (_, index) => ({ value: Buffer.alloc(50, index) }))
    const batch = encodeBatch({ records, compression, timestamp: Date.now() })
    holds(`a megabyte, ${compression}`, async () => assert.deepEqual(await produce([topicNames[0]], [batch]), [ErrorCode.NONE]))
  }
  const bombs: [string, Buffer][] = [
    ['of a GiB of gzip', gzipBomb()],
    ['of 30 GiB of zstd', zstdBomb()],
    [
      'of 90,000 frames of zstd',
      compressed(4, Buffer.concat(Array.from({ length: 90_000 }, () => Buffer.from('28b52ffd2000010000', 'hex'))))
    ]
  ]
  for (const [name, bomb] of bombs)
    holds(`a bomb ${name}`, async () => assert.notDeepEqual(await produce([topicNames[0]], [bomb]), [ErrorCode.NONE]))
})
