import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '@odradek/protocol'
import { GroupBench } from '../support/group-bench.ts'

test('a first member gets its id, waits the initial delay and leads generation 1', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { memberId, joined } = await group.enter({ clientId: 'app' })
  assert.match(memberId, /^app-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  await joined.expectParked()
  assert.equal(group.state, 'PreparingRebalance')
  await bench.advance(2999)
  await joined.expectParked()
  await bench.advance(1)
  const response = await joined.expect({
    errorCode: 0,
    generationId: 1,
    leader: memberId,
    memberId,
    protocolName: 'range',
    protocolType: 'consumer',
    skipAssignment: false
  })
  assert.deepEqual(
    response.members.map((member) => [member.memberId, member.metadata.toString()]),
    [[memberId, `about ${memberId}`]]
  )
  assert.equal(group.state, 'CompletingRebalance')
  await group
    .sync(memberId, 1, { [memberId]: 'all' })
    .expect({ errorCode: 0, assignment: Buffer.from('all'), protocolName: 'range', protocolType: 'consumer' })
  assert.equal(group.state, 'Stable')
  await group.heartbeat(memberId, 1).expect({ errorCode: 0 })
  bench.assertQuiet()
})

test('the initial delay grows while members come, up to the rebalance timeout', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const first = await group.enter({ rebalanceTimeoutMs: 7000 })
  for (let index = 0; index < 3; index++) {
    await bench.advance(2900)
    if (index < 2) await group.enter({ rebalanceTimeoutMs: 7000 })
  }
  // 3000 + 3000 + 1000 of the rebalance timeout have passed.
  await first.joined.expect({ errorCode: 0, generationId: 1 })
  const { members } = await first.joined.value()
  assert.equal(members.length, 3)
})

test('a new member of a stable group makes it rebalance, and the join phase ends with the last to join', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members, generationId } = await group.stable(2)
  const third = await group.enter()
  assert.equal(group.state, 'PreparingRebalance')
  for (const memberId of members) await group.heartbeat(memberId, generationId).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await group.sync(members[0], generationId).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  const first = group.join(members[0])
  await first.expectParked()
  const second = group.join(members[1])
  await first.expect({ errorCode: 0, generationId: 2, leader: members[0] })
  assert.equal((await first.value()).members.length, 3)
  for (const joined of [second, third.joined])
    assert.deepEqual((await joined.expect({ errorCode: 0, generationId: 2, leader: members[0] })).members, [])
})

test('who does not join again in the rebalance timeout is out, and another leads in its place', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(2)
  const third = await group.enter()
  const second = group.join(members[1])
  await bench.advance(9_000)
  await group.heartbeat(members[0], 1).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await bench.advance(9_000)
  await group.heartbeat(members[0], 1).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await bench.advance(9_000)
  await group.heartbeat(members[0], 1).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await second.expectParked()
  await bench.advance(3_000)
  await second.expect({ errorCode: 0, generationId: 2, leader: members[1] })
  await third.joined.expect({ errorCode: 0, generationId: 2, leader: members[1] })
  await group.heartbeat(members[0], 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
})

test('a session ends without heartbeats, and the last one leaves an empty generation in the log', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(1)
  await bench.advance(9_999)
  assert.equal(group.state, 'Stable')
  await group.heartbeat(members[0], 1).expect({ errorCode: 0 })
  await bench.advance(9_999)
  assert.equal(group.state, 'Stable')
  await bench.advance(1)
  assert.equal(group.state, 'Empty')
  await group.heartbeat(members[0], 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  await bench.failOver()
  assert.equal(group.state, 'Empty')
  const again = await group.stable(1)
  assert.equal(again.generationId, 3)
})

test('a commit keeps a session alive', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(1)
  for (let round = 0; round < 3; round++) {
    await bench.advance(9_000)
    await group.commit({ 0: round }, { memberId: members[0], generationIdOrMemberEpoch: 1 }).value()
  }
  assert.equal(group.state, 'Stable')
})

test('a member id that nobody comes back with holds the join phase up for its session only', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(1, { sessionTimeoutMs: 20_000 })
  await group.join('', { sessionTimeoutMs: 7_000 }).expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
  assert.equal(group.state, 'Stable', 'giving out an id starts no rebalance')
  const rejoined = group.join(members[0], { sessionTimeoutMs: 20_000 })
  await bench.advance(6_999)
  await rejoined.expectParked()
  await bench.advance(1)
  await rejoined.expect({ errorCode: 0, generationId: 2 })
})

test('members that do not ask for their assignment in the rebalance timeout are out', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const one = await group.enter()
  const two = await group.enter()
  await bench.advance(6_000)
  await one.joined.expect({ errorCode: 0, leader: one.memberId })
  await group.sync(one.memberId, 1, { [one.memberId]: 'all' }).expect({ errorCode: 0 })
  assert.equal(group.state, 'Stable')
  for (let second = 0; second < 30; second += 5) {
    for (const { memberId } of [one, two]) await group.heartbeat(memberId, 1).expect({ errorCode: 0 })
    await bench.advance(5_000)
  }
  await group.heartbeat(one.memberId, 1).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await group.heartbeat(two.memberId, 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  await group.join(one.memberId).expect({ errorCode: 0, generationId: 2 })
})

test('a leader that never brings assignments is replaced by one of those who wait for them', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const leader = await group.enter()
  const follower = await group.enter()
  await bench.advance(6_000)
  const waiting = group.sync(follower.memberId, 1)
  for (let second = 0; second < 30; second += 5) {
    await waiting.expectParked()
    await group.heartbeat(leader.memberId, 1).expect({ errorCode: 0 })
    await bench.advance(5_000)
  }
  await waiting.expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await group.join(follower.memberId).expect({ errorCode: 0, generationId: 2, leader: follower.memberId })
})

test('assignments reach all who wait, byte for byte, and an empty one those whom the leader left out', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const leader = await group.enter()
  const left = await group.enter()
  const out = await group.enter()
  await bench.advance(6_000)
  const bytes = Buffer.from([0, 255, 254, 13, 10, 0])
  const waiting = group.sync(left.memberId, 1)
  const led = group.sync(
    leader.memberId,
    1,
    {},
    {
      assignments: [
        { memberId: left.memberId, assignment: bytes },
        { memberId: 'stranger', assignment: bytes }
      ]
    }
  )
  await waiting.expect({ errorCode: 0, assignment: bytes })
  await led.expect({ errorCode: 0, assignment: Buffer.alloc(0) })
  await group.sync(out.memberId, 1).expect({ errorCode: 0, assignment: Buffer.alloc(0) })
  await group.sync(left.memberId, 1).expect({ errorCode: 0, assignment: bytes })
})

test('a group whose leader assigns nothing to anybody is stable', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { memberId } = await group.enter()
  await bench.advance(3_000)
  await group.sync(memberId, 1).expect({ errorCode: 0, assignment: Buffer.alloc(0) })
  assert.equal(group.state, 'Stable')
})

test('SyncGroup of another generation, member or protocol is refused', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { memberId } = await group.enter()
  await group.sync(memberId, 0).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS, assignment: Buffer.alloc(0) })
  await bench.advance(3_000)
  await group.sync(memberId, 2).expect({ errorCode: ErrorCode.ILLEGAL_GENERATION })
  await group.sync('stranger', 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  await group.sync(memberId, 1, {}, { protocolName: 'roundrobin' }).expect({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  await group.sync(memberId, 1, {}, { protocolType: 'connect' }).expect({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  await group.sync(memberId, 1, {}, { protocolType: null }).expect({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  await bench.group('other').sync(memberId, 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  await bench.group('').sync(memberId, 1).expect({ errorCode: ErrorCode.INVALID_GROUP_ID })
  await group.sync(memberId, 1, {}, { version: 4, protocolType: null, protocolName: null }).expect({ errorCode: 0 })
})

test('a member of the new generation that joins again with the same metadata gets the same answer', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const leader = await group.enter()
  const follower = await group.enter()
  await bench.advance(6_000)
  const again = await group.join(leader.memberId).expect({ errorCode: 0, generationId: 1, leader: leader.memberId })
  assert.equal(again.members.length, 2)
  assert.deepEqual((await group.join(follower.memberId).expect({ errorCode: 0, generationId: 1 })).members, [])
  const waiting = group.sync(follower.memberId, 1)
  await waiting.expectParked()
  const changed = group.join(leader.memberId, { protocols: [{ name: 'range', metadata: Buffer.from('changed') }] })
  await waiting.expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await changed.expectParked()
  await group.join(follower.memberId).expect({ errorCode: 0, generationId: 2 })
})

test('in a stable group the leader rebalances by joining again, a follower by changed metadata only', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(2)
  await group.join(members[1]).expect({ errorCode: 0, generationId: 1, leader: members[0], members: [] })
  assert.equal(group.state, 'Stable')
  const led = group.join(members[0])
  await led.expectParked()
  await group.join(members[1]).expect({ errorCode: 0, generationId: 2 })
  await led.expect({ generationId: 2 })
  await group.sync(members[0], 2).expect({ errorCode: 0 })
  await group.join(members[1], { protocols: [{ name: 'range', metadata: Buffer.from('more topics') }] }).expectParked()
  assert.equal(group.state, 'PreparingRebalance')
})

test('a JoinGroup sent again while the first is parked takes its place', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { memberId, joined } = await group.enter()
  const again = group.join(memberId)
  await joined.expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await bench.advance(3_000)
  await again.expect({ errorCode: 0, generationId: 1 })
})

test('a new member whose client went away while it was parked is out after five minutes', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(1, { rebalanceTimeoutMs: 900_000, sessionTimeoutMs: 900_000 })
  const { joined } = await group.enter({ rebalanceTimeoutMs: 900_000 })
  await bench.advance(299_999)
  await joined.expectParked()
  await bench.advance(1)
  await joined.expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  await group.join(members[0], { rebalanceTimeoutMs: 900_000 }).expect({ errorCode: 0, generationId: 2 })
})

test('200 members rebalance in a moment, and heartbeats cost no more for the company', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(200)
  const started = performance.now()
  const joins = members.map((memberId) => group.join(memberId))
  await joins[199].expect({ errorCode: 0, generationId: 2 })
  const assignments = Object.fromEntries(members.map((memberId) => [memberId, 'x'.repeat(100)]))
  const syncs = members.map((memberId, index) => group.sync(memberId, 2, index === 0 ? assignments : {}))
  await syncs[199].expect({ errorCode: 0 })
  const elapsed = performance.now() - started
  assert.ok(elapsed < 1_000, `a rebalance took ${elapsed} ms`)
  const appends = bench.log.appends
  for (let round = 0; round < 10; round++) for (const memberId of members) group.heartbeat(memberId, 2)
  await group.heartbeat(members[7], 2).expect({ errorCode: 0 })
  assert.equal(bench.log.appends, appends)
})
