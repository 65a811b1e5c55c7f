// Where a consumer of Java's says no, starts anew or is interrupted, in virtual time against a scripted coordinator.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConsumerSettings, consumerConfigDefinitions } from '@odradek/config'
import {
  ApiKey,
  ErrorCode,
  encodeBatch,
  type FetchRequest,
  type JoinGroupRequest,
  type ListOffsetsRequest,
  type OffsetCommitRequest,
  type OffsetFetchRequest,
  type SyncGroupRequest
} from '@odradek/protocol'
import { createSimulation } from '@odradek/world/sim'
import { Consumer } from '../../src/consumer/consumer.ts'
import { namesOf } from '../../src/consumer/subscriber.ts'
import { resolveOptions } from '../../src/options.ts'
import { FakeCluster, settled } from '../support/fake-cluster.ts'

const ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const place = { topic: 'a', partition: 0 }
const nowhere = { topic: 'b', partition: 0 }

interface Commit {
  readonly memberId: string
  readonly generation: number
  readonly offset: number
}

/** A log of ten records, and a coordinator of which the newest member alone, or nobody, may commit. */
async function groupOf(onLog?: (line: string) => void) {
  const fake = await FakeCluster.start([1], createSimulation({ seed: 1, network: { delayMs: [0.1, 0.3], slowChance: 0 }, onLog }))
  fake.topics.set('a', { topicId: ID, partitions: [{ leader: 1, epoch: 1 }] })
  const { handlers } = fake
  const commits: Commit[] = []
  let generation = 0
  handlers.set(ApiKey.LIST_OFFSETS, ({ body }) => ({
    topics: (body as ListOffsetsRequest).topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, offset: 0, timestamp: -1, leaderEpoch: -1 }))
    }))
  }))
  handlers.set(ApiKey.FETCH, ({ body }) => {
    const asked = (body as FetchRequest).topics.flatMap((topic) => topic.partitions)[0]
    if (asked === undefined || asked.fetchOffset >= 10) return { responses: [] }
    const records = Array.from({ length: 10 - asked.fetchOffset }, () => ({ key: null, value: Buffer.from('v'), timestamp: 1 }))
    const batch = encodeBatch({ baseOffset: asked.fetchOffset, records, partitionLeaderEpoch: 1 })
    return { responses: [{ topicId: ID, topic: 'a', partitions: [{ partitionIndex: 0, highWatermark: 10, records: batch }] }] }
  })
  fake.delayMs = ({ apiKey }, answer) => (apiKey === ApiKey.FETCH && (answer as { responses: unknown[] }).responses.length === 0 ? 500 : 0)
  handlers.set(ApiKey.JOIN_GROUP, ({ body }) => {
    const [{ name: protocolName, metadata }] = (body as JoinGroupRequest).protocols
    const memberId = `m${++generation}`
    const members = [{ memberId, groupInstanceId: null, metadata }]
    return { generationId: generation, protocolType: 'consumer', protocolName, leader: memberId, memberId, members }
  })
  handlers.set(ApiKey.SYNC_GROUP, ({ body }) => ({ assignment: (body as SyncGroupRequest).assignments[0].assignment }))
  for (const api of [ApiKey.HEARTBEAT, ApiKey.LEAVE_GROUP]) handlers.set(api, () => ({}))
  handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId }) => ({ groupId, topics: [] }))
  }))
  handlers.set(ApiKey.OFFSET_COMMIT, ({ body }) => {
    const { memberId, generationIdOrMemberEpoch, topics } = body as OffsetCommitRequest
    const isAnybody = memberId === '' && generationIdOrMemberEpoch === -1
    const isMember = memberId === `m${generation}` && generationIdOrMemberEpoch === generation
    const errorCode = isAnybody || isMember ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
    if (errorCode === ErrorCode.NONE)
      commits.push({ memberId, generation: generationIdOrMemberEpoch, offset: topics[0].partitions[0].committedOffset })
    return { topics: topics.map((topic) => ({ ...topic, partitions: topic.partitions.map((each) => ({ ...each, errorCode })) })) }
  })
  const consumer = (options: object = {}): Consumer => {
    const all = { groupId: 'g', groupProtocol: 'classic', autoOffsetReset: 'earliest', enableAutoCommit: false, ...options }
    const { settings, given } = resolveOptions<ConsumerSettings>('consumer', consumerConfigDefinitions, all)
    return new Consumer({ cluster: fake.connect(), settings, given })
  }
  return { fake, commits, consumer }
}

test('offsets below 0, times below 0 and partitions that cannot be are refused where they are said', async () => {
  const { fake, commits, consumer } = await groupOf()
  const reader = consumer()
  const refused = async (call: () => unknown): Promise<void> => {
    const outcome = await fake.sim.complete(settled(Promise.resolve().then(call) as Promise<unknown>))
    assert.equal((outcome as { code?: string }).code, 'INVALID_CONFIG', String(call))
  }
  reader.assign([place])
  for (const offset of [-1, 1.5, Number.NaN]) {
    await refused(() => reader.commitSync([{ ...place, offset }]))
    await refused(() => reader.commitAsync([{ ...place, offset }]))
    await refused(() => reader.seek(place, offset))
  }
  // -1 on the wire is the end of a log, -2 its beginning.
  await refused(() => reader.offsetsForTimes([{ ...place, timestamp: -1 }]))
  await refused(() => reader.assign([{ topic: '', partition: 0 }]))
  await refused(() => reader.assign([{ topic: 'a', partition: -1 }]))
  for (const topics of [[], [''], [null], null, { patern: 'a' }]) await refused(() => namesOf(topics as never))
  assert.deepEqual(reader.assignment(), [place])
  assert.equal(commits.length, 0)
  await fake.sim.complete(reader.close())
})

test('a consumer with partitions assigned by hand commits as nobody, whatever its protocol', async () => {
  for (const groupProtocol of ['classic', 'consumer']) {
    const { fake, commits, consumer } = await groupOf()
    const reader = consumer({ groupProtocol })
    reader.assign([place])
    await fake.sim.complete(reader.commitSync([{ ...place, offset: 3 }]))
    assert.deepEqual(commits, [{ memberId: '', generation: -1, offset: 3 }], groupProtocol)
    await fake.sim.complete(reader.close())
  }
})

test('a commit that meets the loss of the membership on its way fails, and is not taken as that of nobody', async () => {
  const { fake, commits, consumer } = await groupOf()
  const reader = consumer({ maxPollIntervalMs: 5000, sessionTimeoutMs: 4000 })
  reader.subscribe('a')
  assert.equal((await fake.sim.complete(reader.poll({ timeoutMs: 5000 }))).count, 10)
  await fake.sim.advance(20_000)
  const told = Promise.withResolvers<Error | undefined>()
  reader.commitAsync((error) => told.resolve(error))
  // Poll tells of the loss before the commit is on the wire.
  await fake.sim.complete(reader.poll({ timeoutMs: 1000 }))
  assert.equal(((await fake.sim.complete(told.promise)) as { code?: string } | undefined)?.code, 'UNKNOWN_MEMBER_ID')
  assert.equal(commits.length, 0)
  await fake.sim.complete(reader.commitSync())
  assert.equal(commits[0].memberId, 'm2')
  await fake.sim.complete(reader.close())
})

test('the callback of a commit is called once, also when it throws', async () => {
  const { fake, consumer } = await groupOf()
  const reader = consumer()
  reader.assign([place])
  let calls = 0
  reader.commitAsync([{ ...place, offset: 1 }], () => {
    calls++
    throw new Error('in the callback')
  })
  // As an unhandled rejection, which fails a simulation.
  await assert.rejects(fake.sim.advance(1000), /in the callback/)
  assert.equal(calls, 1)
})

test('nothing is committed, and nothing said to be, after close', async () => {
  const { fake, commits, consumer } = await groupOf()
  const reader = consumer()
  reader.subscribe('a', { onRevoked: () => reader.commitSync([{ ...place, offset: 4 }]) })
  await fake.sim.complete(reader.poll({ timeoutMs: 5000 }))
  await fake.sim.complete(reader.close())
  assert.equal(commits.at(-1)?.offset, 4, 'a listener commits while the consumer closes')
  assert.equal(((await settled(reader.commitSync())) as { code?: string }).code, 'CLIENT_CLOSED')
  assert.throws(() => reader.commitAsync(), { code: 'CLIENT_CLOSED' })
})

test('wakeup ends what waits for brokers, or the next that would, and nothing else', async () => {
  const { fake, consumer } = await groupOf()
  const reader = consumer()
  reader.assign([place, nowhere])
  const waiting = settled(reader.position(nowhere, { timeoutMs: 60_000 }))
  await fake.sim.advance(1000)
  reader.wakeup()
  assert.equal((await fake.sim.complete(waiting)).code, 'WAKEUP')
  assert.equal(await fake.sim.complete(reader.position(place)), 0)
  reader.wakeup()
  assert.equal((await fake.sim.complete(settled(reader.commitSync([{ ...place, offset: 1 }])))).code, 'WAKEUP')
  await fake.sim.complete(reader.commitSync([{ ...place, offset: 1 }]))
  await fake.sim.complete(reader.close())
})

test('a wakeup during a poll is for that poll: its listeners commit', async () => {
  const { fake, commits, consumer } = await groupOf()
  const reader = consumer()
  reader.subscribe('a', {
    onAssigned: async () => {
      reader.wakeup()
      await reader.commitSync([{ ...place, offset: 2 }])
    }
  })
  assert.equal((await fake.sim.complete(settled(reader.poll({ timeoutMs: 5000 })))).code, 'WAKEUP')
  assert.equal(commits[0]?.offset, 2)
  await fake.sim.complete(reader.close())
})

test('without a committed offset and auto.offset.reset each poll says so at once', async () => {
  const { fake, consumer } = await groupOf()
  const reader = consumer({ autoOffsetReset: 'none' })
  reader.assign([place])
  for (let times = 0; times < 3; times++) {
    const beganMs = fake.sim.nowMs
    const outcome = await fake.sim.complete(settled(reader.poll({ timeoutMs: 1000 })))
    assert.equal(outcome.code, 'NO_OFFSET_FOR_PARTITION')
    assert.ok(fake.sim.nowMs - beganMs < 50, `${fake.sim.nowMs - beganMs} ms`)
  }
  const asked = fake.count(ApiKey.OFFSET_FETCH)
  await fake.sim.advance(10_000)
  assert.equal(fake.count(ApiKey.OFFSET_FETCH), asked, 'nobody asks between polls')
  await fake.sim.complete(reader.close())
})

test('a member whose group.instance.id is taken says so once, and joins when it is free', async () => {
  const told: string[] = []
  const { fake, consumer } = await groupOf((line) => void told.push(line))
  let isTaken = true
  fake.handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, ({ body }) => {
    if (isTaken) return { errorCode: ErrorCode.UNRELEASED_INSTANCE_ID, errorMessage: 'i is taken' }
    const { memberId } = body as { memberId: string }
    return { memberId, memberEpoch: 1, heartbeatIntervalMs: 1000, assignment: { topicPartitions: [{ topicId: ID, partitions: [0] }] } }
  })
  const reader = consumer({ groupProtocol: 'consumer', groupInstanceId: 'i' })
  reader.subscribe('a')
  assert.equal((await fake.sim.complete(reader.poll({ timeoutMs: 20_000 }))).count, 0)
  isTaken = false
  assert.equal((await fake.sim.complete(reader.poll({ timeoutMs: 20_000 }))).count, 10)
  assert.equal(told.filter((line) => line.includes('until its group.instance.id is free: i is taken')).length, 1)
  await fake.sim.complete(reader.close())
})

test('settings that Java’s consumer refuses are refused', async () => {
  const { consumer } = await groupOf()
  for (const options of [{ heartbeatIntervalMs: 3000, sessionTimeoutMs: 3000 }, { groupRemoteAssignor: 'range' }])
    assert.throws(() => consumer(options), { code: 'INVALID_CONFIG' })
})

test('who subscribes while unsubscribe is under way is told, and is not left without a subscription', async () => {
  const { fake, consumer } = await groupOf()
  const reader = consumer()
  const heard: string[] = []
  reader.subscribe('a', { onRevoked: () => void heard.push('revoked') })
  assert.equal((await fake.sim.complete(reader.poll({ timeoutMs: 5000 }))).count, 10)
  const leaving = reader.unsubscribe()
  assert.throws(() => reader.subscribe('a'), { code: 'ILLEGAL_STATE', message: /await it/ })
  await fake.sim.complete(leaving)
  assert.deepEqual(heard, ['revoked'])
  reader.subscribe('a')
  assert.equal((await fake.sim.complete(reader.poll({ timeoutMs: 5000 }))).count, 10)
  await fake.sim.complete(reader.close())
})
