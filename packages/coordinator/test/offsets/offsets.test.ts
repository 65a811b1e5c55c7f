import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeRecords, ErrorCode, iterateBatches, type OffsetCommitResponse } from '@odradek/protocol'
import { groupRecordSerde } from '../../src/group/records.ts'
import { type Answer, GroupBench, TOPIC_ID } from '../support/group-bench.ts'

const OTHER_ID = '2X273sNrSqy49meIdSSceQ'

async function errorOf(committed: Answer<OffsetCommitResponse>): Promise<number> {
  return (await committed.value()).topics[0].partitions[0].errorCode
}

test('whoever is no member of anything can commit, and the offsets make a simple group', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  assert.equal(await errorOf(group.commit({ 0: 5, 1: 9 }, { metadata: 'hello' })), 0)
  const { topics } = await group.fetch([0, 1, 2]).expect({ errorCode: 0, groupId: 'g' })
  assert.deepEqual(
    topics[0].partitions.map(({ partitionIndex, committedOffset, metadata }) => [partitionIndex, committedOffset, metadata]),
    [
      [0, 5, 'hello'],
      [1, 9, 'hello'],
      [2, -1, '']
    ]
  )
  assert.partialDeepStrictEqual(group.describe(), { groupState: 'Empty', protocolType: '', members: [] })
  assert.equal(bench.world.errors.length, 0)
})

test('a commit without metadata is fetched with empty metadata, and without an epoch with -1', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.commit({ 0: 5 }, { metadata: null }).value()
  const { topics } = await group.fetch([0]).value()
  assert.deepEqual(topics[0].partitions[0], { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: '', errorCode: 0 })
})

test('metadata beyond offset.metadata.max.bytes is refused for its partition only', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  assert.equal(await errorOf(group.commit({ 0: 1 }, { metadata: 'x'.repeat(4097) })), ErrorCode.OFFSET_METADATA_TOO_LARGE)
  assert.equal(await group.offset(0), -1)
  assert.equal(await errorOf(group.commit({ 0: 1 }, { metadata: '가'.repeat(4096) })), 0)
})

test('members commit in their generation; others, other generations and strangers do not', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(1)
  const [memberId] = members
  assert.equal(await errorOf(group.commit({ 0: 1 }, { memberId, generationIdOrMemberEpoch: 1 })), 0)
  assert.equal(await errorOf(group.commit({ 0: 2 }, { memberId, generationIdOrMemberEpoch: 0 })), ErrorCode.ILLEGAL_GENERATION)
  assert.equal(await errorOf(group.commit({ 0: 2 }, { memberId, generationIdOrMemberEpoch: 2 })), ErrorCode.ILLEGAL_GENERATION)
  assert.equal(await errorOf(group.commit({ 0: 2 }, { memberId: 'x', generationIdOrMemberEpoch: 1 })), ErrorCode.UNKNOWN_MEMBER_ID)
  assert.equal(await errorOf(group.commit({ 0: 2 })), ErrorCode.UNKNOWN_MEMBER_ID)
  assert.equal(await errorOf(group.commit({ 0: 2 }, { memberId })), ErrorCode.ILLEGAL_GENERATION)
  assert.equal(await group.offset(0), 1)
})

test('commits are taken while members join again, but not between join and sync', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(2)
  const rejoined = group.join(members[0])
  assert.equal(await errorOf(group.commit({ 0: 1 }, { memberId: members[1], generationIdOrMemberEpoch: 1 })), 0)
  await group.join(members[1]).value()
  await rejoined.expect({ generationId: 2 })
  assert.equal(
    await errorOf(group.commit({ 0: 2 }, { memberId: members[1], generationIdOrMemberEpoch: 2 })),
    ErrorCode.REBALANCE_IN_PROGRESS
  )
})

test('a generation of a group that does not exist is refused as the version of the client knows it', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const commit = { memberId: 'x', generationIdOrMemberEpoch: 3 }
  assert.equal(await errorOf(group.commit({ 0: 1 }, { ...commit, version: 9 })), ErrorCode.GROUP_ID_NOT_FOUND)
  assert.equal(await errorOf(group.commit({ 0: 1 }, { ...commit, version: 8 })), ErrorCode.ILLEGAL_GENERATION)
  assert.equal(await errorOf(bench.group('').commit({ 0: 1 })), 0, 'the empty group id may commit')
})

test('all offsets of a group are fetched by topic, and none of a group that does not exist', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.commit({ 0: 1, 1: 2 }, { topic: 'a' }).value()
  await group.commit({ 0: 3 }, { topic: 'b', topicId: OTHER_ID }).value()
  const { topics } = await group.fetch(null).expect({ errorCode: 0 })
  const outline = topics.map(({ name, partitions }) => [
    name,
    partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset])
  ])
  assert.deepEqual(outline, [
    [
      'a',
      [
        [0, 1],
        [1, 2]
      ]
    ],
    ['b', [[0, 3]]]
  ])
  await bench.group('nobody').fetch(null).expect({ errorCode: 0, topics: [] })
  const missing = await bench.group('nobody').fetch([4]).expect({ errorCode: 0 })
  assert.deepEqual(missing.topics[0].partitions[0], {
    partitionIndex: 4,
    committedOffset: -1,
    committedLeaderEpoch: -1,
    metadata: '',
    errorCode: 0
  })
})

test('before version 2 an error of the group is told for each partition', async () => {
  const bench = await GroupBench.start()
  bench.coordinator.onResignation(0)
  const { topics } = await bench.group().fetch([0], { version: 1 }).value()
  assert.equal(topics[0].partitions[0].errorCode, ErrorCode.NOT_COORDINATOR)
})

test('offsets of a topic that was made again under its name are not those of the old one', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.commit({ 0: 5 }).value()
  assert.equal(await group.offset(0, { topicId: OTHER_ID }), -1)
  assert.equal(await group.offset(0, { topicId: TOPIC_ID }), 5)
  await bench.coordinator.onTopicsDeleted([])
  await Promise.all([bench.coordinator.onTopicsDeleted([{ name: 'topic', topicId: OTHER_ID }]), bench.world.settle()])
  assert.equal(await group.offset(0), 5)
  await Promise.all([bench.coordinator.onTopicsDeleted([{ name: 'topic', topicId: TOPIC_ID }]), bench.world.settle()])
  assert.equal(await group.offset(0), -1)
  await bench.failOver()
  assert.equal(await group.offset(0), -1)
})

test('a stable fetch waits for the commits before it', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.commit({ 0: 1 }).value()
  bench.log.isAutoCommitting = false
  group.commit({ 0: 2 })
  const stable = group.fetch([0], { requireStable: true })
  assert.equal(await group.offset(0), 1)
  await stable.expectParked()
  bench.log.commit()
  assert.equal((await stable.value()).topics[0].partitions[0].committedOffset, 2)
})

test('commits of one turn of the event loop become one batch', async () => {
  const bench = await GroupBench.start()
  const answers = Array.from({ length: 50 }, (_, index) => bench.group(`g${index}`).commit({ 0: index }))
  for (const answer of answers) assert.equal(await errorOf(answer), 0)
  assert.equal(bench.log.appends, 1)
})

test('commits are written as Apache Kafka 4.3 writes them', async () => {
  const bench = await GroupBench.start()
  await bench.group().commit({ 3: 42 }, { metadata: 'm' }).value()
  const [batch] = iterateBatches(bench.log.bytes())
  assert.deepEqual(
    [batch.producerId, batch.producerEpoch, batch.baseSequence, batch.isTransactional, batch.timestampType],
    [-1, -1, 0, false, 'CreateTime']
  )
  const [record] = decodeRecords(batch)
  assert.equal(record.timestamp, bench.world.clock.now())
  const now = Buffer.alloc(8)
  now.writeBigInt64BE(BigInt(bench.world.clock.now()))
  // type 1, group, topic, partition
  assert.equal(record.key?.toString('hex'), '0001' + '0001' + '67' + '0005' + '746f706963' + '00000003')
  // version 4: offset, leader epoch, compact metadata, commit timestamp, one tagged field with the topic id
  const topicId = Buffer.from(TOPIC_ID, 'base64url').toString('hex')
  assert.equal(record.value?.toString('hex'), '0004' + '000000000000002a' + 'ffffffff' + '026d' + now.toString('hex') + '010010' + topicId)
})

test('a retention of its own (up to version 4) is kept in a record of version 1', async () => {
  const bench = await GroupBench.start({ config: { offsetsRetentionCheckIntervalMs: 1_000 } })
  const group = bench.group()
  await group.commit({ 0: 1 }, { version: 4, retentionTimeMs: 5_000 }).value()
  const [batch] = iterateBatches(bench.log.bytes())
  assert.equal(decodeRecords(batch)[0].value?.readInt16BE(0), 1)
  await bench.failOver()
  await bench.advance(4_000)
  assert.equal(await group.offset(0), 1)
  await bench.advance(2_000)
  assert.equal(await group.offset(0), -1)
})

test('offsets are deleted unless a consumer of the group subscribes to their topic', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const subscription = Buffer.from([0, 1, 0, 0, 0, 1, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
  await group.deleteOffsets('a', [0]).expect({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND })
  await bench.group('').deleteOffsets('a', [0]).expect({ errorCode: ErrorCode.INVALID_GROUP_ID })
  await group.commit({ 0: 1 }, { topic: 'a' }).value()
  await group.commit({ 0: 1 }, { topic: 'b' }).value()
  const { members } = await group.stable(1, { protocols: [{ name: 'range', metadata: subscription }] })
  const a = await group.deleteOffsets('a', [0]).expect({ errorCode: 0 })
  assert.equal(a.topics[0].partitions[0].errorCode, ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
  const b = await group.deleteOffsets('b', [0, 7]).expect({ errorCode: 0 })
  assert.deepEqual(
    b.topics[0].partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
    [
      [0, 0],
      [7, 0]
    ]
  )
  assert.equal(await group.offset(0, { topic: 'a' }), 1)
  assert.equal(await group.offset(0, { topic: 'b' }), -1)
  await group.leave({ memberId: members[0] }).value()
  await group.deleteOffsets('a', [0]).expect({ errorCode: 0 })
  assert.equal(await group.offset(0, { topic: 'a' }), -1)
})

test('offsets of a group of another protocol at work cannot be deleted', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.stable(1, { protocolType: 'connect', protocols: [{ name: 'sessioned', metadata: Buffer.alloc(0) }] })
  await group.deleteOffsets('a', [0]).expect({ errorCode: ErrorCode.NON_EMPTY_GROUP })
})

test('subscriptions that are garbage protect all offsets of the group', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  for (const garbage of [
    Buffer.alloc(0),
    Buffer.from([0]),
    Buffer.from('0000ffffffff', 'hex'),
    Buffer.from('00007fffffff', 'hex'),
    Buffer.from('ffff', 'hex')
  ]) {
    const bad = bench.group(`g-${garbage.toString('hex')}`)
    await bad.stable(1, { protocols: [{ name: 'range', metadata: garbage }] })
    const { topics } = await bad.deleteOffsets('a', [0]).expect({ errorCode: 0 })
    assert.equal(topics[0].partitions[0].errorCode, ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
  }
  assert.equal(group.state, 'Dead')
})

test('offsets expire the retention after their group became empty, and the group with the last of them', async () => {
  const bench = await GroupBench.start({ config: { offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 1_000 } })
  const group = bench.group()
  const { members } = await group.stable(1, { sessionTimeoutMs: 600_000 })
  await group.commit({ 0: 1 }, { memberId: members[0], generationIdOrMemberEpoch: 1 }).value()
  await bench.advance(120_000)
  assert.equal(await group.offset(0), 1, 'the group of garbage subscriptions is at work')
  await group.leave({ memberId: members[0] }).value()
  await bench.advance(59_000)
  assert.equal(await group.offset(0), 1)
  await bench.advance(2_000)
  assert.equal(await group.offset(0), -1)
  assert.equal(group.state, 'Dead')
  await bench.failOver()
  assert.equal(group.state, 'Dead')
})

test('of consumers at work only offsets of topics that nobody subscribes to expire', async () => {
  const bench = await GroupBench.start({ config: { offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 1_000 } })
  const group = bench.group()
  const subscription = Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff])
  const { members } = await group.stable(1, { sessionTimeoutMs: 600_000, protocols: [{ name: 'range', metadata: subscription }] })
  const asMember = { memberId: members[0], generationIdOrMemberEpoch: 1 }
  for (const topic of ['a', 'b']) await group.commit({ 0: 1 }, { topic, ...asMember }).value()
  await bench.advance(61_000)
  assert.equal(await group.offset(0, { topic: 'a' }), 1)
  assert.equal(await group.offset(0, { topic: 'b' }), -1)
  assert.equal(group.state, 'Stable')
})

test('a simple group expires by the commits of each of its partitions', async () => {
  const bench = await GroupBench.start({ config: { offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 1_000 } })
  const group = bench.group()
  await group.commit({ 0: 1, 1: 1 }).value()
  await bench.advance(30_000)
  await group.commit({ 1: 2 }).value()
  await bench.advance(31_000)
  assert.equal(await group.offset(0), -1)
  assert.equal(await group.offset(1), 2)
  await bench.advance(30_000)
  assert.equal(await group.offset(1), -1)
  assert.equal(group.state, 'Dead')
})

test('expiry goes over many groups in slices, and through several batches', async () => {
  const bench = await GroupBench.start({ config: { offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 10_000 } })
  bench.log.maxBytes = 100_000
  const partitions = Object.fromEntries(Array.from({ length: 1_000 }, (_, partition) => [partition, 1]))
  for (let index = 0; index < 45; index++) await bench.group(`g${index}`).commit(partitions).value()
  assert.equal(bench.coordinator.gauges().offsets, 45_000)
  const appends = bench.log.appends
  await bench.advance(80_000)
  assert.deepEqual(bench.coordinator.gauges().offsets, 0)
  assert.equal(bench.coordinator.gauges().groups, 0)
  assert.equal(bench.coordinator.metrics.offsetExpirations, 45_000)
  assert.ok(bench.log.appends - appends > 10)
  bench.assertQuiet()
})

test('old offset records of type 0 are read', () => {
  const key = Buffer.from('0000' + '0001' + '67' + '0001' + '74' + '00000002', 'hex')
  const value = Buffer.from('0000' + '0000000000000007' + '0001' + '6d' + '0000000000000009', 'hex')
  const record = groupRecordSerde.decode(key, value)
  assert.partialDeepStrictEqual(record, {
    kind: 'offsetCommit',
    key: { group: 'g', topic: 't', partition: 2 },
    value: { offset: 7, metadata: 'm', commitTimestamp: 9, leaderEpoch: -1 }
  })
})
