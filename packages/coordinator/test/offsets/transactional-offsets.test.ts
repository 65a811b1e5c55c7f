import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, iterateBatches, TxnOffsetCommitRequest } from '@odradek/protocol'
import { GroupBench, type GroupDsl } from '../support/group-bench.ts'

const PRODUCER = { producerId: 7, producerEpoch: 2 }

async function commitInTransaction(
  bench: GroupBench,
  group: GroupDsl,
  partition: number,
  offset: number,
  fields: object = {}
): Promise<number> {
  const request = TxnOffsetCommitRequest.create({
    transactionalId: 'tx',
    groupId: group.groupId,
    ...PRODUCER,
    topics: [{ name: 'topic', partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: '' }] }],
    ...fields
  })
  const context = { apiVersion: 5, clientId: 'c', clientHost: '/::1' }
  const { topics } = await bench.answer(bench.coordinator.commitTransactionalOffsets(context, request)).value()
  return topics[0].partitions[0].errorCode
}

async function end(bench: GroupBench, isCommit: boolean, producer = PRODUCER): Promise<number> {
  const result = bench.coordinator.completeTransaction(0, { ...producer, coordinatorEpoch: 3, isCommit })
  await bench.world.settle()
  return await result
}

test('offsets of a transaction count when it is committed, on this coordinator and the next', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  assert.equal(await commitInTransaction(bench, group, 0, 5), 0)
  assert.equal(await group.offset(0), -1)
  const stable = await group.fetch([0, 1], { requireStable: true }).expect({ errorCode: 0 })
  assert.deepEqual(
    stable.topics[0].partitions.map(({ errorCode }) => errorCode),
    [ErrorCode.UNSTABLE_OFFSET_COMMIT, 0]
  )
  await bench.failOver()
  assert.equal(await group.offset(0), -1)
  assert.equal(await end(bench, true), 0)
  assert.equal(await group.offset(0), 5)
  assert.equal(await group.offset(0, { requireStable: true }), 5)
  await bench.failOver()
  assert.equal(await group.offset(0), 5)
  bench.assertQuiet()
})

test('offsets of an aborted transaction never were', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.commit({ 0: 1 }).value()
  await commitInTransaction(bench, group, 0, 5)
  assert.equal(await end(bench, false), 0)
  assert.equal(await group.offset(0, { requireStable: true }), 1)
  await bench.failOver()
  assert.equal(await group.offset(0, { requireStable: true }), 1)
})

test('the batch carries the producer and the marker is a control batch', async () => {
  const bench = await GroupBench.start()
  await commitInTransaction(bench, bench.group(), 0, 5)
  await end(bench, true)
  const batches = iterateBatches(bench.log.bytes())
  const outline = batches.map((batch) => [batch.producerId, batch.producerEpoch, batch.isTransactional, batch.isControl])
  assert.deepEqual(outline, [
    [7, 2, true, false],
    [7, 2, true, true]
  ])
})

test('a plain commit after the transactional one wins, whichever way the transaction ends', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await commitInTransaction(bench, group, 0, 5)
  await group.commit({ 0: 9 }).value()
  await end(bench, true)
  assert.equal(await group.offset(0), 9)
})

test('two producers with open transactions in one partition keep it unstable until both end', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await commitInTransaction(bench, group, 0, 5)
  await commitInTransaction(bench, group, 0, 6, { producerId: 8 })
  await end(bench, true)
  const stable = await group.fetch([0], { requireStable: true }).value()
  assert.equal(stable.topics[0].partitions[0].errorCode, ErrorCode.UNSTABLE_OFFSET_COMMIT)
  await end(bench, true, { producerId: 8, producerEpoch: 2 })
  assert.equal(await group.offset(0, { requireStable: true }), 6)
})

test('a transactional commit of a generation needs the member and the generation; one without is taken', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  assert.equal(await commitInTransaction(bench, group, 0, 1, { generationId: 1, memberId: 'x' }), ErrorCode.ILLEGAL_GENERATION)
  const { members } = await group.stable(1)
  assert.equal(await commitInTransaction(bench, group, 0, 1, { generationId: 1, memberId: members[0] }), 0)
  assert.equal(await commitInTransaction(bench, group, 0, 1, { generationId: 2, memberId: members[0] }), ErrorCode.ILLEGAL_GENERATION)
  assert.equal(await commitInTransaction(bench, group, 0, 1, { generationId: 1, memberId: 'x' }), ErrorCode.UNKNOWN_MEMBER_ID)
  assert.equal(await commitInTransaction(bench, group, 0, 1), 0)
  assert.equal(await commitInTransaction(bench, bench.group(''), 0, 1), ErrorCode.INVALID_GROUP_ID)
})

test('deleting a group takes the pending offsets of its transactions with it', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await commitInTransaction(bench, group, 0, 5)
  assert.equal(await group.delete(), 0)
  await end(bench, true)
  assert.equal(await group.offset(0), -1)
  assert.equal(group.state, 'Dead')
})

test('a group with an open transaction does not expire', async () => {
  const bench = await GroupBench.start({ config: { offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 1_000 } })
  const group = bench.group()
  await group.commit({ 0: 1 }).value()
  await commitInTransaction(bench, group, 0, 5)
  await bench.advance(120_000)
  assert.equal(await group.offset(0), 1)
  await end(bench, false)
  await bench.advance(2_000)
  assert.equal(await group.offset(0), -1)
})

test('a marker that cannot be written changes nothing', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await commitInTransaction(bench, group, 0, 5)
  bench.log.failures.push(ErrorCode.NOT_ENOUGH_REPLICAS)
  assert.equal(await end(bench, true), ErrorCode.NOT_ENOUGH_REPLICAS)
  const stable = await group.fetch([0], { requireStable: true }).value()
  assert.equal(stable.topics[0].partitions[0].errorCode, ErrorCode.UNSTABLE_OFFSET_COMMIT)
  assert.equal(await end(bench, true), 0)
  assert.equal(await group.offset(0), 5)
})
