// Groups through the broker: what its handlers add to the coordinator. The coordinator has its own tests.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeGroupsRequest,
  DescribeGroupsResponse,
  ErrorCode,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  type Input,
  JoinGroupRequest,
  JoinGroupResponse,
  ListGroupsRequest,
  ListGroupsResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'
import { createMemoryDisk } from '@odradek/world/node'
import type { RawClient } from './support/raw-client.ts'
import { createTopic, startBroker, type TestBroker } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
let topicId: string
const unknownId = 'AAAAAAAAQACAAAAAAAAAAA'
before(async () => {
  broker = await startBroker()
  client = await broker.connect()
  topicId = await createTopic(client, 'orders', { partitions: 2 })
})
after(() => broker[Symbol.asyncDispose]())

describe('FindCoordinator', () => {
  test('makes the topic of the groups and names this broker', async () => {
    assert.equal(broker.server.image.topic('__consumer_offsets'), undefined)
    const { coordinators } = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 6, {
      keyType: 0,
      coordinatorKeys: ['a', 'b']
    })
    assert.deepEqual(
      coordinators.map(({ key, nodeId, host, port, errorCode }) => [key, nodeId, host, port, errorCode]),
      ['a', 'b'].map((key) => [key, 1, '127.0.0.1', broker.port, ErrorCode.NONE])
    )
    assert.equal(broker.server.image.topic('__consumer_offsets')?.partitions.size, 4)
    assert.equal(broker.server.image.configs(2, '__consumer_offsets').get('cleanup.policy'), 'compact')
  })

  test('tells transactional producers at once that there is no coordinator for them', async () => {
    const expected = [ErrorCode.UNSUPPORTED_VERSION, 'This broker does not serve transactions.']
    const batched = { keyType: 1, coordinatorKeys: ['x'] }
    const [batch] = (await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 6, batched)).coordinators
    assert.deepEqual([batch.errorCode, batch.errorMessage], expected)
    const one = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 2, { keyType: 1, key: 'x' })
    assert.deepEqual([one.errorCode, one.errorMessage], expected)
  })

  test('has no coordinator for share groups yet, and none for other things ever', async () => {
    const codeOf = async (keyType: number, key = 'x') =>
      (await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 6, { keyType, coordinatorKeys: [key] })).coordinators[0].errorCode
    assert.equal(await codeOf(2, `group:${topicId}:0`), ErrorCode.COORDINATOR_NOT_AVAILABLE)
    assert.equal(await codeOf(2), ErrorCode.INVALID_REQUEST)
    assert.equal(await codeOf(7), ErrorCode.INVALID_REQUEST)
  })
})

const join = (fields: Input<JoinGroupRequest> = {}, from = client) =>
  from.call(JoinGroupRequest, JoinGroupResponse, 9, {
    groupId: 'workers',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 5_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('subscription') }],
    ...fields
  })

describe('a group', () => {
  test('joins, shares out, beats, commits, is described and deleted', async () => {
    const first = await join()
    assert.equal(first.errorCode, ErrorCode.MEMBER_ID_REQUIRED)
    const { memberId } = first
    const { errorCode, generationId, leader, members } = await join({ memberId })
    assert.deepEqual([errorCode, generationId, leader, members.length], [ErrorCode.NONE, 1, memberId, 1])
    const synced = await client.call(SyncGroupRequest, SyncGroupResponse, 5, {
      groupId: 'workers',
      generationId,
      memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId, assignment: Buffer.from('all') }]
    })
    assert.equal(String(synced.assignment), 'all')
    assert.equal(
      (await client.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId: 'workers', generationId, memberId })).errorCode,
      ErrorCode.NONE
    )
    const committed = await client.call(OffsetCommitRequest, OffsetCommitResponse, 9, {
      groupId: 'workers',
      generationIdOrMemberEpoch: generationId,
      memberId,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 1, committedOffset: 42, committedMetadata: 'note' }] }]
    })
    assert.equal(committed.topics[0].partitions[0].errorCode, ErrorCode.NONE)
    const { groups } = await client.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, {
      groups: ['workers'],
      includeAuthorizedOperations: true
    })
    const [{ groupState, members: described, authorizedOperations }] = groups
    assert.deepEqual([groupState, described[0].clientId, described[0].clientHost], ['Stable', 'raw', '/127.0.0.1'])
    assert.equal(authorizedOperations, 0b110101001000)
    assert.deepEqual(
      (await client.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: ['workers'] })).results[0].errorCode,
      ErrorCode.NON_EMPTY_GROUP
    )
  })

  test('is listed by state and type', async () => {
    const list = async (fields: object) =>
      (await client.call(ListGroupsRequest, ListGroupsResponse, 5, fields)).groups.map(({ groupId }) => groupId)
    assert.ok((await list({})).includes('workers'))
    assert.ok((await list({ statesFilter: ['Stable'], typesFilter: ['classic'] })).includes('workers'))
    assert.equal((await list({ statesFilter: ['Empty'] })).includes('workers'), false)
  })
})

describe('committed offsets', () => {
  const commit = async (version: number, topic: object) => {
    const response = await client.call(OffsetCommitRequest, OffsetCommitResponse, version, {
      groupId: 'plain',
      topics: [{ ...topic, partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: '' }] }]
    })
    return response.topics.map(({ partitions }) => partitions[0].errorCode)
  }

  test('of topics that do not exist are refused', async () => {
    assert.deepEqual(await commit(9, { name: 'nowhere' }), [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
    assert.deepEqual(await commit(10, { topicId: unknownId }), [ErrorCode.UNKNOWN_TOPIC_ID])
    assert.deepEqual(await commit(10, { topicId }), [ErrorCode.NONE])
  })

  test('are fetched by name, by id, and all of them', async () => {
    const old = await client.call(OffsetFetchRequest, OffsetFetchResponse, 7, {
      groupId: 'plain',
      topics: [{ name: 'orders', partitionIndexes: [0, 1] }]
    })
    assert.deepEqual(
      old.topics[0].partitions.map(({ committedOffset }) => committedOffset),
      [5, -1]
    )
    const all = await client.call(OffsetFetchRequest, OffsetFetchResponse, 8, { groups: [{ groupId: 'plain', topics: null }] })
    assert.deepEqual(
      all.groups[0].topics.map(({ name }) => name),
      ['orders']
    )
    const byId = await client.call(OffsetFetchRequest, OffsetFetchResponse, 10, {
      groups: [
        {
          groupId: 'plain',
          topics: [
            { topicId, partitionIndexes: [0] },
            { topicId: unknownId, partitionIndexes: [3] }
          ]
        }
      ]
    })
    assert.deepEqual(
      byId.groups[0].topics.map((topic) => [
        topic.topicId,
        topic.partitions.map(({ partitionIndex, committedOffset, errorCode }) => [partitionIndex, committedOffset, errorCode])
      ]),
      [
        [topicId, [[0, 5, ErrorCode.NONE]]],
        [unknownId, [[3, -1, ErrorCode.UNKNOWN_TOPIC_ID]]]
      ]
    )
    const allById = await client.call(OffsetFetchRequest, OffsetFetchResponse, 10, { groups: [{ groupId: 'plain', topics: null }] })
    assert.deepEqual(
      allById.groups[0].topics.map((topic) => topic.topicId),
      [topicId]
    )
  })

  test('are deleted one by one, and with their topic', async () => {
    const response = await client.call(OffsetDeleteRequest, OffsetDeleteResponse, 0, {
      groupId: 'plain',
      topics: [
        { name: 'orders', partitions: [{ partitionIndex: 0 }] },
        { name: 'nowhere', partitions: [{ partitionIndex: 2 }] }
      ]
    })
    assert.deepEqual(Object.fromEntries(response.topics.map(({ name, partitions }) => [name, partitions[0].errorCode])), {
      orders: ErrorCode.NONE,
      nowhere: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    })
    await createTopic(client, 'doomed')
    await commit(9, { name: 'doomed' })
    await client.call(DeleteTopicsRequest, DeleteTopicsResponse, 5, { topicNames: ['doomed'], timeoutMs: 1000 })
    const offsets = async () =>
      (
        await client.call(OffsetFetchRequest, OffsetFetchResponse, 8, { groups: [{ groupId: 'plain', topics: null }] })
      ).groups[0].topics.map(({ name }) => name)
    for (let i = 0; i < 100 && (await offsets()).length > 0; i++) await new Promise(setImmediate)
    assert.deepEqual(await offsets(), [])
  })

  test('and their groups live through a restart', async () => {
    const disk = createMemoryDisk()
    {
      await using first = await startBroker({ disk })
      const one = await first.connect()
      await createTopic(one, 'orders')
      await one.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, { coordinatorKeys: ['kept'] })
      const response = await one.call(OffsetCommitRequest, OffsetCommitResponse, 9, {
        groupId: 'kept',
        topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 77, committedMetadata: 'm' }] }]
      })
      assert.equal(response.topics[0].partitions[0].errorCode, ErrorCode.NONE)
    }
    await using second = await startBroker({ disk })
    const two = await second.connect()
    for (;;) {
      const { groups } = await two.call(OffsetFetchRequest, OffsetFetchResponse, 8, { groups: [{ groupId: 'kept', topics: null }] })
      if (groups[0].errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS || groups[0].errorCode === ErrorCode.NOT_COORDINATOR) continue
      assert.deepEqual(
        groups[0].topics[0].partitions.map(({ committedOffset, metadata }) => [committedOffset, metadata]),
        [[77, 'm']]
      )
      break
    }
  })
})
