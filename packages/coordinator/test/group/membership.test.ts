import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '@odradek/protocol'
import { GroupBench } from '../support/group-bench.ts'

const protocol = (name: string, metadata = name) => ({ name, metadata: Buffer.from(metadata) })

test('JoinGroup with a bad group id, session timeout or member id is refused', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await bench.group('').join('x').expect({ errorCode: ErrorCode.INVALID_GROUP_ID, memberId: 'x' })
  await group.join('x', { sessionTimeoutMs: 5_999 }).expect({ errorCode: ErrorCode.INVALID_SESSION_TIMEOUT, memberId: 'x' })
  await group.join('', { sessionTimeoutMs: 1_800_001 }).expect({ errorCode: ErrorCode.INVALID_SESSION_TIMEOUT })
  await group.join('', { sessionTimeoutMs: -2147483648 }).expect({ errorCode: ErrorCode.INVALID_SESSION_TIMEOUT })
  await group.join('made-up').expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, memberId: 'made-up' })
  assert.equal(group.state, 'Dead')
  await group.stable(1)
  await group.join('made-up').expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
})

test('JoinGroup without a protocol or a protocol type makes no group', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.join('', { protocols: [] }).expect({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  await group.join('', { protocolType: '' }).expect({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  assert.equal(bench.log.appends, 0)
})

test('members need the type of the group and a protocol that all support', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.stable(1, { protocols: [protocol('a'), protocol('b')] })
  await group.join('', { protocols: [protocol('c')] }).expect({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  await group.join('', { protocolType: 'connect', protocols: [protocol('a')] }).expect({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL })
  await group.join('', { protocols: [protocol('b')] }).expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
})

test('the protocol of a generation is the one that most members list first of those that all support', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const lists = [
    [protocol('only-mine'), protocol('b'), protocol('a')],
    [protocol('a'), protocol('b')],
    [protocol('b'), protocol('a')]
  ]
  const entered = []
  for (const protocols of lists) entered.push(await group.enter({ protocols }))
  await bench.advance(6_000)
  const response = await entered[0].joined.expect({ errorCode: 0, protocolName: 'b' })
  assert.deepEqual(
    response.members.map(({ metadata }) => metadata.toString()),
    ['b', 'b', 'b']
  )
})

test('a protocol named twice counts once', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { joined } = await group.enter({ protocols: [protocol('a', 'first'), protocol('a', 'second')] })
  await bench.advance(3_000)
  const { members } = await joined.expect({ errorCode: 0, protocolName: 'a' })
  assert.equal(members[0].metadata.toString(), 'first')
  await group.join('', { protocols: [protocol('a')] }).expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
})

test('metadata may be anything, and comes back byte for byte', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const metadata = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const { joined } = await group.enter({ protocols: [{ name: 'range', metadata }] })
  await bench.advance(3_000)
  const { members } = await joined.expect({ errorCode: 0 })
  assert.deepEqual(members[0].metadata, metadata)
  await group
    .sync(members[0].memberId, 1, {}, { assignments: [{ memberId: members[0].memberId, assignment: metadata }] })
    .expect({ assignment: metadata })
  await bench.failOver()
  const [described] = group.describe().members
  assert.deepEqual([described.memberMetadata, described.memberAssignment], [metadata, metadata])
})

test('clients before version 4 become members without asking for an id, and version 0 has one timeout for both', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const joined = group.join('', { version: 0, rebalanceTimeoutMs: -1 })
  await bench.advance(3_000)
  const { memberId } = await joined.expect({ errorCode: 0, generationId: 1, protocolName: 'range' })
  await group.sync(memberId, 1, {}, { version: 0, protocolType: null, protocolName: null }).expect({ errorCode: 0 })
  const second = group.join('', { version: 3 })
  await bench.advance(9_999)
  await second.expectParked()
  await bench.advance(1)
  await second.expect({ errorCode: 0, generationId: 2 })
})

test('before version 7 a missing protocol name is empty, not null', async () => {
  const bench = await GroupBench.start()
  await bench.group().join('x', { version: 6 }).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, protocolName: '' })
  await bench.group().join('x', { version: 7 }).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, protocolName: null })
})

test('group.max.size refuses new members of a stable group and the last to join again', async () => {
  const bench = await GroupBench.start({ config: { groupMembersMax: 2 } })
  const group = bench.group()
  const { members } = await group.stable(2)
  await group.join('').expect({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED, memberId: '' })
  await group.join(members[0]).expectParked()
  await group.join('').expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
  await group.join(members[1]).expectParked()
  await group.join('').expect({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED })
  assert.equal(group.describe().members.length, 2)
})

test('a group loaded with more members than group.max.size rebalances and keeps the first to join', async () => {
  const bench = await GroupBench.start()
  const { members } = await bench.group().stable(3)
  const small = await GroupBench.start({ config: { groupMembersMax: 2 }, log: (log) => log.put(0, bench.log.bytes()) })
  const group = small.group()
  assert.equal(group.state, 'PreparingRebalance')
  const joins = [group.join(members[2]), group.join(members[1]), group.join(members[0])]
  await joins[2].expect({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED })
  await joins[0].expect({ errorCode: 0, generationId: 2 })
  await joins[1].expect({ errorCode: 0, generationId: 2 })
})

test('metadata beyond the bound of a group is refused and costs nothing', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const huge = { protocols: [{ name: 'range', metadata: Buffer.alloc(30 * 1024 * 1024) }] }
  await group.enter(huge)
  await group.enter(huge)
  await group.join('', huge).expect({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED })
  await group.join('').expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
})

test('metadata beyond the bound of all groups together gets no new member in, and there is room again when a group goes', async () => {
  const bench = await GroupBench.start()
  const huge = { protocols: [{ name: 'range', metadata: Buffer.alloc(60 * 1024 * 1024) }] }
  const entered = []
  for (let index = 0; index < 4; index++) {
    const group = bench.group(`huge ${index}`)
    entered.push({ group, ...(await group.enter(huge)) })
  }
  await bench.group('one more').join('', huge).expect({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE })
  await entered[0].group.leave({ memberId: entered[0].memberId }).value()
  await bench.group('one more').join('', huge).expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
})

test('ids that nobody comes back with are bounded', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  for (let index = 0; index < 10_000; index++) group.join('')
  await group.join('').expect({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED })
  await bench.advance(10_000)
  await group.join('').expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
})

test('a heartbeat tells what became of the member', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  await group.heartbeat('x', 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  await bench.group('').heartbeat('x', 1).expect({ errorCode: ErrorCode.INVALID_GROUP_ID })
  const { memberId } = await group.enter()
  await group.heartbeat(memberId, 0).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await bench.advance(3_000)
  await group.heartbeat(memberId, 1).expect({ errorCode: 0 })
  await group.heartbeat(memberId, 2).expect({ errorCode: ErrorCode.ILLEGAL_GENERATION })
  await group.heartbeat('x', 1).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
})

test('members leave: the others rebalance, the last one leaves the group empty', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(2)
  const left = await group.leave({ memberId: members[0] }, { memberId: 'stranger' }).expect({ errorCode: 0 })
  assert.deepEqual(
    left.members.map(({ memberId, errorCode }) => [memberId, errorCode]),
    [
      [members[0], 0],
      ['stranger', ErrorCode.UNKNOWN_MEMBER_ID]
    ]
  )
  await group.heartbeat(members[1], 1).expect({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  await group.join(members[1]).expect({ errorCode: 0, generationId: 2, leader: members[1] })
  await group.leave({ memberId: members[1] }).expect({ errorCode: 0 })
  assert.equal(group.state, 'Empty')
  const unknown = await bench.group('other').leave({ memberId: 'x' }).expect({ errorCode: 0 })
  assert.equal(unknown.members[0].errorCode, ErrorCode.UNKNOWN_MEMBER_ID)
  await bench.group('').leave({ memberId: 'x' }).expect({ errorCode: ErrorCode.INVALID_GROUP_ID })
})

test('a member that leaves while its requests are parked has them answered', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const one = await group.enter()
  const two = await group.enter()
  await group.leave({ memberId: one.memberId }).expect({ errorCode: 0 })
  await one.joined.expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  const three = await group.enter()
  await bench.advance(6_000)
  await two.joined.expect({ errorCode: 0, leader: two.memberId })
  await three.joined.expect({ errorCode: 0 })
  const waiting = group.sync(three.memberId, 1)
  await group.leave({ memberId: three.memberId }).expect({ errorCode: 0 })
  await waiting.expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
})

test('a pending member can leave, and then the rebalance waits for it no longer', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(1)
  const { memberId } = await group.join('').expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
  const rejoined = group.join(members[0])
  await rejoined.expectParked()
  await group.leave({ memberId }).expect({ errorCode: 0 })
  await rejoined.expect({ errorCode: 0, generationId: 2 })
})

test('before version 3 one member leaves and its error is at the top', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  const { members } = await group.stable(1)
  const leave = (memberId: string) =>
    bench.coordinator.leaveGroup({ apiVersion: 2, clientId: 'c', clientHost: '/::1' }, { groupId: 'g', memberId, members: [] })
  await bench.answer(leave('stranger')).expect({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, members: [] })
  await bench.answer(leave(members[0])).expect({ errorCode: 0, members: [] })
  assert.equal(group.state, 'Empty')
})

test('groups are listed by state and type in whatever case, and described with their members', async () => {
  const bench = await GroupBench.start({ partitions: 3 })
  const context = { apiVersion: 5, clientId: 'c', clientHost: '/::1' }
  const { members } = await bench.group('stable').stable(1, { clientId: 'app' })
  await bench.group('simple').commit({ 0: 1 }).value()
  const list = (statesFilter: string[], typesFilter: string[]) =>
    bench.coordinator
      .listGroups(context, { statesFilter, typesFilter })
      .groups.map(({ groupId, groupState, groupType, protocolType }) => `${groupId} ${groupState} ${groupType} ${protocolType}`)
      .sort()
  assert.deepEqual(list([], []), ['simple Empty classic ', 'stable Stable classic consumer'])
  assert.deepEqual(list(['sTaBle '], []), ['stable Stable classic consumer'])
  assert.deepEqual(list(['Nonsense'], []), [])
  assert.deepEqual(list([], ['CLASSIC']).length, 2)
  assert.deepEqual(list(['Empty', 'Stable'], ['consumer', 'nonsense']), [])
  const described = bench.group('stable').describe()
  assert.partialDeepStrictEqual(described, { errorCode: 0, groupState: 'Stable', protocolType: 'consumer', protocolData: 'range' })
  assert.partialDeepStrictEqual(described.members, [{ memberId: members[0], clientId: 'app', clientHost: '/127.0.0.1' }])
  assert.partialDeepStrictEqual(bench.group('nobody').describe(), {
    errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
    errorMessage: 'Group nobody not found.',
    groupState: 'Dead'
  })
  assert.partialDeepStrictEqual(bench.group('nobody').describe(5), { errorCode: 0, errorMessage: null, groupState: 'Dead' })
})

test('a group with members cannot be deleted; an empty one goes with its offsets', async () => {
  const bench = await GroupBench.start()
  const group = bench.group()
  assert.equal(await group.delete(), ErrorCode.GROUP_ID_NOT_FOUND)
  const { members } = await group.stable(1)
  await group.commit({ 0: 5 }, { memberId: members[0], generationIdOrMemberEpoch: 1 }).value()
  assert.equal(await group.delete(), ErrorCode.NON_EMPTY_GROUP)
  await group.leave({ memberId: members[0] }).value()
  assert.equal(await group.delete(), 0)
  assert.equal(await group.offset(0), -1)
  assert.equal(group.state, 'Dead')
  await bench.failOver()
  assert.equal(await group.offset(0), -1)
  assert.equal(group.state, 'Dead')
  const { generationId } = await group.stable(1)
  assert.equal(generationId, 1, 'a group of the same name starts anew')
})

test('of ten thousand members group.max.size takes its number, 5 MiB of metadata reach the leader whole, and others notice nothing', async () => {
  const bench = await GroupBench.start({ config: { groupMembersMax: 1_000 } })
  const group = bench.group()
  const other = await bench.group('other').stable(1, { sessionTimeoutMs: 600_000 })
  const metadata = Buffer.alloc(5 * 1024 * 1024, 7)
  const big = group.join('', { version: 3, protocols: [{ name: 'range', metadata }] })
  const joins = Array.from({ length: 9_999 }, () => group.join('', { version: 3 }))
  await bench.advance(60_000)
  const { members } = await big.expect({ errorCode: 0 })
  assert.equal(members.length, 1_000)
  assert.ok(members[0].metadata.equals(metadata))
  let refused = 0
  for (const joined of joins) if ((await joined.value()).errorCode === ErrorCode.GROUP_MAX_SIZE_REACHED) refused++
  assert.equal(refused, 9_000)
  await bench.group('other').heartbeat(other.members[0], 1).expect({ errorCode: 0 })
})

test('the metadata of all groups together is bounded, and what is given back counts no more', async () => {
  const bench = await GroupBench.start()
  const { metrics } = bench.coordinator
  const large = { name: 'range', metadata: Buffer.alloc(60 * 1024 * 1024) }
  for (const name of ['a', 'b', 'c', 'd']) bench.group(name).join('', { protocols: [large], version: 3 })
  assert.equal(metrics.memberMetadataBytes, 4 * large.metadata.length)
  await bench
    .group('e')
    .join('', { protocols: [large], version: 3 })
    .expect({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE })
  await bench
    .group('f')
    .join('', { protocols: [protocol('range')] })
    .expect({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
  bench.coordinator.close()
  assert.equal(metrics.memberMetadataBytes, 0)
})
