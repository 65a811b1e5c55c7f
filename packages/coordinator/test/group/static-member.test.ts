import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '@odradek/protocol'
import { GroupBench, type GroupDsl } from '../support/group-bench.ts'

async function stableStatic(bench: GroupBench, group: GroupDsl, instances: string[], version = 9): Promise<string[]> {
  const joins = instances.map((groupInstanceId) => group.join('', { groupInstanceId, version }))
  await bench.advance(6_000)
  const members: string[] = []
  for (const joined of joins) members.push((await joined.expect({ errorCode: 0 })).memberId)
  const assignments = Object.fromEntries(members.map((memberId, index) => [memberId, `for ${instances[index]}`]))
  const syncs = members.map((memberId, index) =>
    group.sync(memberId, 1, index === 0 ? assignments : {}, { groupInstanceId: instances[index] })
  )
  for (const sync of syncs) await sync.expect({ errorCode: 0 })
  return members
}

test('a static member joins at once, under an id that names its instance', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const [memberId] = await stableStatic(bench, group, ['pod-1'])
  assert.match(memberId, /^pod-1-[0-9a-f-]{36}$/)
  assert.equal(group.describe().members[0].groupInstanceId, 'pod-1')
})

test('a static member that comes back in a stable group keeps its assignment and nobody rebalances', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const [leader, follower] = await stableStatic(bench, group, ['a', 'b'])
  const back = await group
    .join('', { groupInstanceId: 'b' })
    .expect({ errorCode: 0, generationId: 1, leader, members: [], skipAssignment: false })
  assert.notEqual(back.memberId, follower)
  await group.sync(back.memberId, 1, {}, { groupInstanceId: 'b' }).expect({ errorCode: 0, assignment: Buffer.from('for b') })
  assert.equal(group.state, 'Stable')
  await group.heartbeat(leader, 1, 'a').expect({ errorCode: 0 })
  await group.heartbeat(follower, 1, 'b').expect({ errorCode: ErrorCode.FENCED_INSTANCE_ID })
  await group.heartbeat(follower, 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  await bench.failOver()
  await group.heartbeat(back.memberId, 1, 'b').expect({ errorCode: 0 })
})

test('the old member id of an instance is fenced in every request', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const [, old] = await stableStatic(bench, group, ['a', 'b'])
  await group.join('', { groupInstanceId: 'b' }).expect({ errorCode: 0 })
  const errorCode = ErrorCode.FENCED_INSTANCE_ID
  await group.join(old, { groupInstanceId: 'b' }).expect({ errorCode, memberId: old })
  await group.sync(old, 1, {}, { groupInstanceId: 'b' }).expect({ errorCode })
  await group.heartbeat(old, 1, 'b').expect({ errorCode })
  const { topics } = await group.commit({ 0: 1 }, { memberId: old, groupInstanceId: 'b', generationIdOrMemberEpoch: 1 }).value()
  assert.equal(topics[0].partitions[0].errorCode, errorCode)
  const left = await group.leave({ memberId: old, groupInstanceId: 'b' }).value()
  assert.equal(left.members[0].errorCode, errorCode)
  await group.join('x', { groupInstanceId: 'unknown' }).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
})

test('a static leader that comes back leads on and is told to skip the assignment from version 9 on', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const [leader] = await stableStatic(bench, group, ['a', 'b'])
  const back = await group.join('', { groupInstanceId: 'a' }).expect({ errorCode: 0, generationId: 1, skipAssignment: true })
  assert.equal(back.leader, back.memberId)
  assert.equal(back.members.length, 2)
  await group.sync(back.memberId, 1, {}, { groupInstanceId: 'a' }).expect({ errorCode: 0, assignment: Buffer.from('for a') })
  const older = await group
    .join('', { groupInstanceId: 'a', version: 8 })
    .expect({ errorCode: 0, generationId: 1, skipAssignment: false, members: [] })
  assert.equal(older.leader, back.memberId, 'an older client is told of the leader before, lest it assigns anew')
  assert.notEqual(older.memberId, older.leader)
  assert.notEqual(back.memberId, leader)
})

test('a static member that comes back with another protocol choice makes the group rebalance', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const both = (first: string, second: string) => [first, second].map((name) => ({ name, metadata: Buffer.from(name) }))
  const joined = group.join('', { groupInstanceId: 'a', protocols: both('x', 'y') })
  await bench.advance(3_000)
  const { memberId } = await joined.expect({ errorCode: 0, protocolName: 'x' })
  await group.sync(memberId, 1, {}, { groupInstanceId: 'a', protocolName: 'x' }).expect({ errorCode: 0 })
  await group.join('', { groupInstanceId: 'a', protocols: both('x', 'z') }).expect({ errorCode: 0, generationId: 1 })
  await group.join('', { groupInstanceId: 'a', protocols: both('y', 'x') }).expect({ errorCode: 0, generationId: 2, protocolName: 'y' })
})

test('a static member that comes back while assignments are made starts another rebalance', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const joins = ['a', 'b'].map((groupInstanceId) => group.join('', { groupInstanceId }))
  await bench.advance(6_000)
  const leader = await joins[0].expect({ errorCode: 0 })
  const follower = await joins[1].expect({ errorCode: 0 })
  const waiting = group.sync(follower.memberId, 1, {}, { groupInstanceId: 'b' })
  const back = group.join('', { groupInstanceId: 'b' })
  await waiting.expect({ errorCode: ErrorCode.FENCED_INSTANCE_ID })
  await back.expectParked()
  await group.join(leader.memberId, { groupInstanceId: 'a' }).expect({ errorCode: 0, generationId: 2 })
  await back.expect({ errorCode: 0, generationId: 2 })
})

test('two clients of one instance id: the later one fences the parked join of the earlier', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const earlier = group.join('', { groupInstanceId: 'a' })
  await bench.advance(1_000)
  const later = group.join('', { groupInstanceId: 'a' })
  await earlier.expect({ errorCode: ErrorCode.FENCED_INSTANCE_ID })
  await bench.advance(5_000)
  await later.expect({ errorCode: 0, generationId: 1 })
})

test('a static member that misses a rebalance stays until its session ends', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const [leader, absent] = await stableStatic(bench, group, ['a', 'b'])
  const rejoined = group.join(leader, { groupInstanceId: 'a', rebalanceTimeoutMs: 8_000 })
  await rejoined.expectParked()
  for (let second = 0; second < 30; second += 5) {
    await group.heartbeat(absent, 1, 'b').expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
    await bench.advance(5_000)
  }
  const { members } = await rejoined.expect({ errorCode: 0, generationId: 2 })
  assert.equal(members.length, 2, 'the absent member gets an assignment too')
  await bench.advance(10_000)
  await group.heartbeat(absent, 2, 'b').expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
})

test('when no static member comes back the group waits for sessions, not for ever', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const members = await stableStatic(bench, group, ['a', 'b'])
  await group.leave({ memberId: '', groupInstanceId: 'a' }).expect({ errorCode: 0 })
  for (let second = 0; second < 45; second += 5) {
    await group.heartbeat(members[1], 1, 'b').expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
    await bench.advance(5_000)
  }
  await bench.advance(10_000)
  assert.equal(group.state, 'Empty')
})

test('an administrator removes static members by their instance', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await stableStatic(bench, group, ['a', 'b'])
  const left = await group.leave({ groupInstanceId: 'a' }, { groupInstanceId: 'nobody' }, { groupInstanceId: 'b' }).expect({ errorCode: 0 })
  assert.deepEqual(
    left.members.map(({ groupInstanceId, errorCode }) => [groupInstanceId, errorCode]),
    [
      ['a', 0],
      ['nobody', ErrorCode.UNKNOWN_MEMBER_ID],
      ['b', 0]
    ]
  )
  assert.equal(group.state, 'Empty')
})

test('a static member whose replacement could not be written is the old one again', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const [leader, follower] = await stableStatic(bench, group, ['a', 'b'])
  bench.log.failures.push(ErrorCode.NOT_ENOUGH_REPLICAS)
  await group.join('', { groupInstanceId: 'b' }).expect({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, memberId: '', leader })
  await group.heartbeat(follower, 1, 'b').expect({ errorCode: 0 })
  assert.deepEqual(
    group
      .describe()
      .members.map(({ memberId }) => memberId)
      .sort(),
    [leader, follower].sort()
  )
  await group.sync(follower, 1, {}, { groupInstanceId: 'b' }).expect({ errorCode: 0, assignment: Buffer.from('for b') })
})

test('a static member cannot come back under a pending id', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { memberId } = await group.join('').expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
  await group.join(memberId, { groupInstanceId: 'a' }).expect({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR })
  await group.join(memberId).expectParked()
})
