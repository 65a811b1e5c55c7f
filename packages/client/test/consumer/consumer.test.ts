// The consumer in virtual time against scripted brokers: a log of one partition that can lose its leader, its tail and its start.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConsumerSettings, consumerConfigDefinitions } from '@odradek/config'
import {
  ApiKey,
  type ConsumerGroupHeartbeatRequest,
  ErrorCode,
  encodeBatch,
  encodeConsumerSubscription,
  type FetchRequest,
  type JoinGroupRequest,
  type ListOffsetsRequest,
  type MetadataRequest,
  type OffsetCommitRequest,
  type OffsetFetchRequest,
  type SyncGroupRequest
} from '@odradek/protocol'
import { Consumer } from '../../src/consumer/consumer.ts'
import { resolveOptions } from '../../src/options.ts'
import { FakeCluster, settled } from '../support/fake-cluster.ts'

const ID = 'AAAAAAAAQACAAAAAAAAAAQ'
const place = { topic: 'a', partition: 0 }

interface Log {
  fake: FakeCluster
  start: number
  end: number
  /** Of the answers to Fetch: how many records at most. */
  perFetch: number
  valueBytes: number
  consumer(options?: object): Consumer
}

async function logOf(end: number): Promise<Log> {
  const fake = await FakeCluster.start([1, 2])
  fake.topics.set('a', { topicId: ID, partitions: [{ leader: 1, epoch: 1 }] })
  const log: Log = {
    fake,
    start: 0,
    end,
    perFetch: 10,
    valueBytes: 1,
    consumer(options = {}) {
      const { settings, given } = resolveOptions<ConsumerSettings>('consumer', consumerConfigDefinitions, options, ['prefetchBytes'])
      return new Consumer({ cluster: fake.connect(), settings, given, ...options })
    }
  }
  const epoch = (): number => fake.topics.get('a')?.partitions[0].epoch ?? 0
  const leader = (): number => fake.topics.get('a')?.partitions[0].leader ?? 0
  fake.handlers.set(ApiKey.LIST_OFFSETS, ({ body }) => ({
    topics: (body as ListOffsetsRequest).topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp }) => ({
        partitionIndex,
        offset: timestamp === -2 ? log.start : log.end,
        timestamp: -1,
        leaderEpoch: -1
      }))
    }))
  }))
  fake.handlers.set(ApiKey.FETCH, ({ body }, broker) => {
    const request = body as FetchRequest
    const partitions = request.topics.flatMap((topic) => topic.partitions)
    if (partitions.length === 0) return { sessionId: 0, responses: [] }
    const [{ fetchOffset, currentLeaderEpoch }] = partitions
    const answer = (data: object) => ({
      sessionId: 0,
      responses: [{ topicId: ID, topic: 'a', partitions: [{ partitionIndex: 0, records: null, ...data }] }]
    })
    if (broker.id !== leader()) return answer({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER })
    if (currentLeaderEpoch < epoch()) return answer({ errorCode: ErrorCode.FENCED_LEADER_EPOCH })
    if (fetchOffset < log.start || fetchOffset > log.end) return answer({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE })
    const count = Math.min(log.perFetch, log.end - fetchOffset)
    if (count === 0) return 'silence'
    const records = Array.from({ length: count }, () => ({ key: null, value: Buffer.alloc(log.valueBytes), timestamp: 1 }))
    return answer({ highWatermark: log.end, records: encodeBatch({ baseOffset: fetchOffset, records, partitionLeaderEpoch: epoch() }) })
  })
  return log
}

async function take(log: Log, consumer: Consumer, count: number): Promise<number[]> {
  const offsets: number[] = []
  while (offsets.length < count) {
    const records = await log.fake.sim.complete(consumer.poll({ timeoutMs: 5000 }))
    assert.ok(!records.isEmpty, `nothing within 5 s after ${offsets}`)
    for (const { offset } of records) offsets.push(offset)
  }
  return offsets
}

const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at)

test('a new leader is found and reading goes on where it stood', async () => {
  const log = await logOf(30)
  const consumer = log.consumer({ autoOffsetReset: 'earliest', maxPollRecords: 10, prefetchBytes: 1 })
  consumer.assign([place])
  log.perFetch = 5
  assert.deepEqual(await take(log, consumer, 5), upTo(0, 5))
  log.fake.topics.set('a', { topicId: ID, partitions: [{ leader: 2, epoch: 2 }] })
  log.fake.handlers.set(ApiKey.OFFSET_FOR_LEADER_EPOCH, () => ({
    topics: [{ topic: 'a', partitions: [{ partition: 0, errorCode: 0, leaderEpoch: 1, endOffset: 30 }] }]
  }))
  assert.deepEqual((await take(log, consumer, 25)).at(-1), 29)
  assert.ok(log.fake.broker(2).count(ApiKey.FETCH) > 0)
  await log.fake.sim.complete(consumer.close())
})

test('a log that was cut behind what was read is read again from where the logs part; with auto.offset.reset=none that is an error', async () => {
  for (const autoOffsetReset of ['earliest', 'none']) {
    const log = await logOf(20)
    const consumer = log.consumer({ autoOffsetReset })
    consumer.assign([place])
    consumer.seek(place, 0)
    assert.equal((await take(log, consumer, 20)).length, 20)
    log.end = 25
    log.fake.topics.set('a', { topicId: ID, partitions: [{ leader: 2, epoch: 2 }] })
    log.fake.handlers.set(ApiKey.OFFSET_FOR_LEADER_EPOCH, () => ({
      topics: [{ topic: 'a', partitions: [{ partition: 0, errorCode: 0, leaderEpoch: 1, endOffset: 12 }] }]
    }))
    if (autoOffsetReset === 'earliest') assert.deepEqual((await take(log, consumer, 10))[0], 12)
    else {
      const outcome = await log.fake.sim.complete(settled(consumer.poll({ timeoutMs: 10_000 })))
      assert.equal(outcome.code, 'LOG_TRUNCATED')
    }
    await log.fake.sim.complete(consumer.close())
  }
})

test('an offset that the log lost is reset by auto.offset.reset, or is an error that names it', async () => {
  const log = await logOf(50)
  log.start = 40
  const consumer = log.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign([place])
  consumer.seek(place, 3)
  assert.deepEqual((await take(log, consumer, 10))[0], 40)
  const strict = log.consumer({ autoOffsetReset: 'none' })
  strict.assign([place])
  strict.seek(place, 3)
  const outcome = await log.fake.sim.complete(settled(strict.poll({ timeoutMs: 10_000 })))
  assert.equal(outcome.code, 'OFFSET_OUT_OF_RANGE')
  assert.match(String(outcome.message), /a-0 has no offset 3/)
  for (const each of [consumer, strict]) await log.fake.sim.complete(each.close())
})

test('what was fetched ahead of the place where logs part is fetched again from the new leader', async () => {
  const log = await logOf(20)
  const consumer = log.consumer({ autoOffsetReset: 'earliest', maxPollRecords: 5 })
  consumer.assign([place])
  assert.deepEqual(await take(log, consumer, 5), upTo(0, 5))
  await log.fake.sim.advance(1_000)
  // Elected uncleanly: from offset 7 on it has other records.
  log.fake.topics.set('a', { topicId: ID, partitions: [{ leader: 2, epoch: 2 }] })
  log.fake.handlers.set(ApiKey.OFFSET_FOR_LEADER_EPOCH, () => ({
    topics: [{ topic: 'a', partitions: [{ partition: 0, errorCode: 0, leaderEpoch: 1, endOffset: 7 }] }]
  }))
  log.fake.sim.network.resetConnections('client', 'b1')
  await log.fake.sim.advance(2_000)
  const left: [number, number | undefined][] = []
  while (left.length < 15)
    for (const { offset, leaderEpoch } of await log.fake.sim.complete(consumer.poll({ timeoutMs: 5000 }))) left.push([offset, leaderEpoch])
  const of = new Map(left)
  assert.deepEqual([...of.keys()], upTo(5, 20))
  for (let offset = 7; offset < 20; offset++) assert.equal(of.get(offset), 2, `offset ${offset} is of the old leader`)
  await log.fake.sim.complete(consumer.close())
})

test('a position that the log lost is reset only after the handlers of what was read before', async () => {
  const log = await logOf(10)
  const consumer = log.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign([place])
  consumer.seek(place, 0)
  const handled: number[] = []
  const stop = new AbortController()
  const { timers } = log.fake.client.world
  const done = consumer.run(
    undefined,
    async ({ offset }) => {
      // Retention takes what is read, and what comes next.
      log.start = 100
      log.end = 105
      await new Promise<void>((resolve) => void timers.schedule(300, resolve))
      handled.push(offset)
    },
    { signal: stop.signal }
  )
  await log.fake.sim.run({ until: () => handled.includes(104), maxVirtualMs: 30_000 })
  assert.deepEqual(handled, [...upTo(0, 10), ...upTo(100, 105)])
  stop.abort()
  await log.fake.sim.complete(settled(done))
  await log.fake.sim.complete(consumer.close())
})

test('a reader that acknowledges nothing keeps a position that the log lost from being reset for a minute only', async () => {
  const log = await logOf(10)
  const consumer = log.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign([place])
  consumer.seek(place, 0)
  const stream = consumer.stream(undefined, { ack: 'manual' })
  const next = async () => (await log.fake.sim.complete(stream.next(), { maxVirtualMs: 120_000 })).value?.offset
  for (const offset of upTo(0, 10)) {
    assert.equal(await next(), offset)
    Object.assign(log, { start: 100, end: 105 })
  }
  const startMs = log.fake.sim.nowMs
  assert.equal(await next(), 100)
  assert.ok(log.fake.sim.nowMs - startMs > 50_000)
  await log.fake.sim.complete(consumer.close())
})

test('a partition without a leader does not hold up the first position of another', async () => {
  const log = await logOf(10)
  log.fake.topics.get('a')?.partitions.push({ leader: -1, epoch: 1 })
  const consumer = log.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign([place, { topic: 'a', partition: 1 }])
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  await log.fake.sim.complete(consumer.close())
})

test('pause acts at once on what was fetched already, and resume gives it', async () => {
  const log = await logOf(30)
  const consumer = log.consumer({ autoOffsetReset: 'earliest', maxPollRecords: 3 })
  consumer.assign([place])
  assert.deepEqual(await take(log, consumer, 3), [0, 1, 2])
  consumer.pause([place])
  assert.equal((await log.fake.sim.complete(consumer.poll({ timeoutMs: 2000 }))).count, 0)
  consumer.resume([place])
  assert.deepEqual(await take(log, consumer, 3), [3, 4, 5])
  await log.fake.sim.complete(consumer.close())
})

test('a reader that stops keeps what is fetched ahead within its bound', async () => {
  const log = await logOf(1e9)
  log.valueBytes = 1000
  const consumer = log.consumer({ autoOffsetReset: 'earliest', maxPollRecords: 1, prefetchBytes: 100_000 })
  consumer.assign([place])
  await take(log, consumer, 1)
  await log.fake.sim.advance(60_000)
  const fetches = log.fake.count(ApiKey.FETCH)
  assert.ok(fetches <= 12, `${fetches} fetches of 10 kB each`)
  await log.fake.sim.complete(consumer.close())
})

test('wakeup, a signal and close end a poll that waits', async () => {
  const log = await logOf(0)
  const consumer = log.consumer({ autoOffsetReset: 'earliest' })
  consumer.assign([place])
  const woken = settled(consumer.poll({ timeoutMs: 60_000 }))
  await log.fake.sim.advance(1000)
  consumer.wakeup()
  assert.equal((await log.fake.sim.complete(woken)).code, 'WAKEUP')
  const controller = new AbortController()
  const aborted = settled(consumer.poll({ timeoutMs: 60_000, signal: controller.signal }))
  await log.fake.sim.advance(1000)
  controller.abort(new Error('enough'))
  assert.equal((await log.fake.sim.complete(aborted)).message, 'enough')
  const closed = settled(consumer.poll({ timeoutMs: 60_000 }))
  await log.fake.sim.advance(1000)
  await log.fake.sim.complete(consumer.close())
  assert.equal((await log.fake.sim.complete(closed)).code, 'CLIENT_CLOSED')
})

test('a coordinator that refuses the protocol of KIP-848 is spoken to in the classic one, unless group.protocol says otherwise', async () => {
  const log = await logOf(10)
  const { handlers } = log.fake
  handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, () => ({ errorCode: ErrorCode.UNSUPPORTED_VERSION }))
  handlers.set(ApiKey.JOIN_GROUP, ({ body }) => {
    const [{ name: protocolName, metadata }] = (body as JoinGroupRequest).protocols
    const me = { leader: 'm', memberId: 'm', members: [{ memberId: 'm', groupInstanceId: null, metadata }] }
    return { generationId: 1, protocolType: 'consumer', protocolName, ...me }
  })
  handlers.set(ApiKey.SYNC_GROUP, ({ body }) => ({ assignment: (body as SyncGroupRequest).assignments[0].assignment }))
  handlers.set(ApiKey.HEARTBEAT, () => ({}))
  handlers.set(ApiKey.LEAVE_GROUP, () => ({}))
  handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId }) => ({ groupId, topics: [] }))
  }))
  const consumer = log.consumer({ groupId: 'g', autoOffsetReset: 'earliest', enableAutoCommit: false })
  consumer.subscribe('a')
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  assert.equal(consumer.groupMetadata().generationId, 1)
  assert.equal(log.fake.count(ApiKey.CONSUMER_GROUP_HEARTBEAT), 1)
  await log.fake.sim.complete(consumer.close())
  const strict = log.consumer({ groupId: 'g', groupProtocol: 'consumer' })
  strict.subscribe('a')
  assert.equal((await log.fake.sim.complete(settled(strict.poll({ timeoutMs: 5000 })))).code, 'UNSUPPORTED_VERSION')
  await log.fake.sim.complete(strict.close())
})

test('a leader does not forget the topics of other members, and assigns anew when one of them gets partitions', async () => {
  const log = await logOf(1_000_000)
  const { fake } = log
  fake.topics.set('other', { topicId: 'AAAAAAAAQACAAAAAAAAAAw', partitions: [{ leader: 1, epoch: 1 }] })
  const metadata = encodeConsumerSubscription({ topics: ['other'] })
  fake.handlers.set(ApiKey.JOIN_GROUP, ({ body }) => {
    const [mine] = (body as JoinGroupRequest).protocols
    const members = [
      { memberId: 'm', groupInstanceId: null, metadata: mine.metadata },
      { memberId: 'n', groupInstanceId: null, metadata }
    ]
    return { generationId: 1, protocolType: 'consumer', protocolName: mine.name, leader: 'm', memberId: 'm', members }
  })
  fake.handlers.set(ApiKey.SYNC_GROUP, ({ body }) => {
    const mine = (body as SyncGroupRequest).assignments.find(({ memberId }) => memberId === 'm')
    return { assignment: mine?.assignment ?? Buffer.alloc(0) }
  })
  for (const api of [ApiKey.HEARTBEAT, ApiKey.LEAVE_GROUP]) fake.handlers.set(api, () => ({}))
  fake.handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId }) => ({ groupId, topics: [] }))
  }))
  const options = { groupId: 'g', groupProtocol: 'classic', autoOffsetReset: 'earliest', enableAutoCommit: false }
  const { settings, given } = resolveOptions<ConsumerSettings>('consumer', consumerConfigDefinitions, options)
  const consumer = new Consumer({ cluster: fake.connect({ metadataMaxAgeMs: 10_000 }), settings, given })
  consumer.subscribe('a')
  fake.delayMs = ({ apiKey }) => (apiKey === ApiKey.FETCH ? 500 : 0)
  const idle = async (): Promise<void> => {
    const untilMs = fake.sim.nowMs + 15_000
    while (fake.sim.nowMs < untilMs) await fake.sim.complete(consumer.poll({ timeoutMs: 1_000 }))
  }
  for (let times = 0; times < 3; times++) await idle()
  assert.equal(fake.count(ApiKey.JOIN_GROUP), 1)
  fake.topics.get('other')?.partitions.push({ leader: 1, epoch: 1 })
  await idle()
  assert.equal(fake.count(ApiKey.JOIN_GROUP), 2)
  await fake.sim.complete(consumer.close())
})

test('a member of KIP-848 reads what it was assigned in an answer that got lost', async () => {
  const log = await logOf(10)
  const { handlers } = log.fake
  let beats = 0
  handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, ({ body }) => {
    const { memberEpoch, rebalanceTimeoutMs, subscribedTopicNames, topicPartitions } = body as ConsumerGroupHeartbeatRequest
    beats++
    // As Apache's: the assignment comes when it changes and with whole requests.
    const isWhole = memberEpoch === 0 || (rebalanceTimeoutMs !== -1 && subscribedTopicNames !== null && topicPartitions !== null)
    if (beats === 1) return { memberEpoch: 1, heartbeatIntervalMs: 100, assignment: { topicPartitions: [] } }
    if (beats === 3) return 'hang up'
    return {
      memberEpoch: memberEpoch === -1 ? -1 : 1,
      heartbeatIntervalMs: 100,
      assignment: beats > 3 && isWhole ? { topicPartitions: [{ topicId: ID, partitions: [0] }] } : null
    }
  })
  handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId }) => ({ groupId, topics: [] }))
  }))
  const consumer = log.consumer({ groupId: 'g', groupProtocol: 'consumer', autoOffsetReset: 'earliest', enableAutoCommit: false })
  consumer.subscribe('a')
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  assert.ok(beats > 3)
  await log.fake.sim.complete(consumer.close())
})

/** One member of a classic group; a rebalance whenever `rebalances` is set, in which the first join is refused. */
async function rejoining(protocol: 'range' | 'cooperative-sticky', options: object = {}) {
  const log = await logOf(10)
  const { handlers } = log.fake
  const state = { rebalances: false, isRefused: false, joins: 0, committed: -1, commits: 0 }
  const fetch = handlers.get(ApiKey.FETCH)
  handlers.set(ApiKey.FETCH, (request, broker) => {
    const answer = fetch?.(request, broker)
    return answer === 'silence' ? { responses: [] } : answer
  })
  log.fake.delayMs = ({ apiKey }, answer) =>
    apiKey === ApiKey.FETCH && (answer as { responses: unknown[] }).responses.length === 0 ? 300 : 0
  handlers.set(ApiKey.JOIN_GROUP, ({ body }) => {
    if (state.rebalances && !state.isRefused) {
      state.isRefused = true
      return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID }
    }
    state.rebalances = false
    const [{ name: protocolName, metadata }] = (body as JoinGroupRequest).protocols
    const me = { leader: 'm', memberId: 'm', members: [{ memberId: 'm', groupInstanceId: null, metadata }] }
    return { generationId: ++state.joins, protocolType: 'consumer', protocolName, ...me }
  })
  handlers.set(ApiKey.SYNC_GROUP, ({ body }) => ({ assignment: (body as SyncGroupRequest).assignments[0].assignment }))
  handlers.set(ApiKey.HEARTBEAT, () => ({ errorCode: state.rebalances ? ErrorCode.REBALANCE_IN_PROGRESS : 0 }))
  handlers.set(ApiKey.LEAVE_GROUP, () => ({}))
  handlers.set(ApiKey.OFFSET_COMMIT, ({ body }) => {
    const { topics } = body as OffsetCommitRequest
    state.committed = topics[0].partitions[0].committedOffset
    state.commits++
    return {
      topics: topics.map(({ topicId, partitions }) => ({
        topicId,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex }))
      }))
    }
  })
  handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId }) => ({ groupId, topics: [] }))
  }))
  const heard: string[] = []
  const consumer = log.consumer({
    groupId: 'g',
    autoOffsetReset: 'earliest',
    partitionAssignmentStrategy: protocol,
    heartbeatIntervalMs: 100,
    sessionTimeoutMs: 6_000,
    autoCommitIntervalMs: 60_000,
    ...options
  })
  consumer.subscribe('a', {
    onAssigned: (list) => void heard.push(`assigned ${list.length}`),
    onRevoked: (list) => void heard.push(`revoked ${list.length}`),
    onLost: (list) => void heard.push(`lost ${list.length}`)
  })
  const poll = () => log.fake.sim.complete(consumer.poll({ timeoutMs: 1_000 }))
  return { log, consumer, state, heard, poll }
}

test('a member that the group forgot while it gave up its partitions has lost none of those it gets then', async () => {
  const { log, consumer, state, heard, poll } = await rejoining('range')
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  state.rebalances = true
  while (state.joins < 2) await poll()
  log.end = 20
  await take(log, consumer, 10)
  Object.assign(state, { rebalances: true, isRefused: true, committed: -1 })
  while (state.joins < 3) await poll()
  assert.deepEqual(heard.slice(0, 4), ['assigned 1', 'revoked 1', 'assigned 1', 'revoked 1'])
  assert.ok(state.committed > 0, 'what was finished was committed before the partitions went')
  await log.fake.sim.complete(consumer.close())
})

test('a cooperative member that the group forgot says that its partitions are lost before it has new ones', async () => {
  const { log, consumer, state, heard, poll } = await rejoining('cooperative-sticky')
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  state.rebalances = true
  while (state.joins < 2) await poll()
  await poll()
  assert.deepEqual(heard, ['assigned 1', 'lost 1', 'assigned 1'])
  await log.fake.sim.complete(consumer.close())
})

test('what a member joined for and left again before it polled is not given to it', async () => {
  const { log, consumer, state, heard } = await rejoining('range', { maxPollIntervalMs: 1_000 })
  const delayMs = log.fake.delayMs
  log.fake.delayMs = (request, answer) => (request.apiKey === ApiKey.JOIN_GROUP ? 200 : (delayMs?.(request, answer) ?? 0))
  await log.fake.sim.complete(consumer.poll({ timeoutMs: 100 }))
  await log.fake.sim.advance(3_000)
  assert.equal(log.fake.count(ApiKey.LEAVE_GROUP), 1)
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  assert.deepEqual([state.joins, heard], [2, ['assigned 1']])
  await log.fake.sim.complete(consumer.close())
})

test('a commit without an answer may arrive late: for a while all is committed again, so that the group does not stay behind', async () => {
  const { log, consumer, state, poll } = await rejoining('range', { autoCommitIntervalMs: 500 })
  const { handlers, sim } = log.fake
  const honest = handlers.get(ApiKey.OFFSET_COMMIT)
  let isLost = true
  handlers.set(ApiKey.OFFSET_COMMIT, (request, broker) => {
    if (!isLost) return honest?.(request, broker)
    isLost = false
    return 'hang up'
  })
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  while (state.commits === 0) await poll()
  // What was lost arrives behind what came after it.
  state.committed = 3
  await poll()
  await poll()
  assert.equal(state.committed, 10)
  const untilMs = sim.nowMs + 10_000
  while (sim.nowMs < untilMs) await poll()
  const { commits } = state
  await poll()
  await poll()
  assert.equal(state.commits, commits, 'what is certain is not committed again')
  await sim.complete(consumer.close())
})

test('a position is found although the epoch of the member grows, or the member is fenced, while it is asked for', async () => {
  const log = await logOf(10)
  const { handlers } = log.fake
  let fetches = 0
  let isFenced = false
  const refusals = [ErrorCode.STALE_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID]
  // While the heartbeat that fences waits for its answer, the second fetch goes.
  log.fake.delayMs = (_, answer) => ((answer as { errorCode?: number }).errorCode === ErrorCode.FENCED_MEMBER_EPOCH ? 400 : 0)
  handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, ({ body }) => {
    const { memberEpoch } = body as ConsumerGroupHeartbeatRequest
    if (fetches === 1 && memberEpoch > 0 && !isFenced) {
      isFenced = true
      return { errorCode: ErrorCode.FENCED_MEMBER_EPOCH }
    }
    const assignment = memberEpoch === 0 ? { topicPartitions: [{ topicId: ID, partitions: [0] }] } : null
    return { memberEpoch: memberEpoch + 1, heartbeatIntervalMs: 100, assignment }
  })
  handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId }) => ({
      groupId,
      topics: [],
      errorCode: refusals[fetches++] ?? ErrorCode.NONE
    }))
  }))
  const consumer = log.consumer({ groupId: 'g', groupProtocol: 'consumer', autoOffsetReset: 'earliest', enableAutoCommit: false })
  consumer.subscribe('a')
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  assert.ok(fetches >= 3)
  await log.fake.sim.complete(consumer.close())
})

test('a member of KIP-848 keeps its assignment while the names of the topics cannot be had', async () => {
  const log = await logOf(10)
  const { handlers, sim } = log.fake
  handlers.set(ApiKey.CONSUMER_GROUP_HEARTBEAT, ({ body }) => {
    const { memberEpoch } = body as ConsumerGroupHeartbeatRequest
    const assignment = memberEpoch === 0 ? { topicPartitions: [{ topicId: ID, partitions: [0] }] } : null
    return { memberEpoch: memberEpoch === 0 ? 1 : memberEpoch, heartbeatIntervalMs: 500, assignment }
  })
  handlers.set(ApiKey.OFFSET_FETCH, ({ body }) => ({
    groups: (body as OffsetFetchRequest).groups.map(({ groupId }) => ({ groupId, topics: [] }))
  }))
  let isLost = true
  handlers.set(ApiKey.METADATA, ({ body }) => (isLost && (body as MetadataRequest).topics?.length === 1 ? 'hang up' : undefined))
  const consumer = log.consumer({ groupId: 'g', groupProtocol: 'consumer', autoOffsetReset: 'earliest', enableAutoCommit: false })
  consumer.subscribe({ regex: 'a' })
  while (sim.nowMs < 5_000) await sim.complete(consumer.poll({ timeoutMs: 500 }))
  isLost = false
  assert.deepEqual(await take(log, consumer, 10), upTo(0, 10))
  await sim.complete(consumer.close())
})

test('the replica that the leader prefers is read from; what it does not have is asked of the leader again', async () => {
  const log = await logOf(20)
  const leaderAnswers = log.fake.handlers.get(ApiKey.FETCH)
  const racks: string[] = []
  log.fake.handlers.set(ApiKey.FETCH, (request, broker) => {
    const { rackId, topics } = request.body as FetchRequest
    if (topics.length === 0) return { responses: [] }
    racks.push(`${broker.id}${rackId}`)
    const answer = (data: object) => ({
      responses: [{ topicId: ID, topic: 'a', partitions: [{ partitionIndex: 0, records: null, ...data }] }]
    })
    if (broker.id === 1) return log.end > 20 ? leaderAnswers?.(request, broker) : answer({ preferredReadReplica: 2 })
    const { fetchOffset } = topics[0].partitions[0]
    if (fetchOffset >= 10) {
      log.end = 30
      return answer({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE })
    }
    const records = Array.from({ length: 10 }, () => ({ key: null, value: Buffer.alloc(1), timestamp: 1 }))
    return answer({ highWatermark: 10, records: encodeBatch({ baseOffset: fetchOffset, records, partitionLeaderEpoch: 1 }) })
  })
  const consumer = log.consumer({ autoOffsetReset: 'earliest', clientRack: '-near', maxPollRecords: 10, prefetchBytes: 1 })
  consumer.assign([place])
  assert.deepEqual(await take(log, consumer, 30), upTo(0, 30))
  assert.deepEqual(racks.slice(0, 4), ['1-near', '2-near', '2-near', '1-near'])
  await log.fake.sim.complete(consumer.close())
})

test('a setting that does not exist is an error that says what was meant', () => {
  assert.throws(() => resolveOptions('consumer', consumerConfigDefinitions, { autoOffsetRest: 'latest' }), {
    message: /did you mean autoOffsetReset/
  })
})
