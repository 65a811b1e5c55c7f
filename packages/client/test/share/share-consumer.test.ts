// The share consumer in virtual time against scripted brokers: one partition whose leader may lose sessions, move, lie or end connections.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ShareConsumerSettings, shareConsumerConfigDefinitions } from '@odradek/config'
import { ApiKey, ErrorCode, encodeBatch, type ShareAcknowledgeRequest, type ShareFetchRequest } from '@odradek/protocol'
import type { ConsumerRecord } from '../../src/consumer/record.ts'
import { resolveOptions } from '../../src/options.ts'
import { ShareConsumer } from '../../src/share/share-consumer.ts'
import { type FakeAnswer, type FakeBroker, FakeCluster, settled } from '../support/fake-cluster.ts'

const ID = 'AAAAAAAAQACAAAAAAAAAAQ'

interface Asked {
  readonly node: number
  readonly kind: 'fetch' | 'acknowledge'
  readonly epoch: number
  /** first-last:type */
  readonly runs: string[]
  readonly body: ShareFetchRequest | ShareAcknowledgeRequest
}

class Group {
  readonly fake: FakeCluster
  readonly asked: Asked[] = []
  next = 0
  end = 100
  perFetch = 10
  /** Instead of the answer. */
  answers: ((asked: Asked, broker: FakeBroker) => FakeAnswer | undefined)[] = []

  constructor(fake: FakeCluster) {
    this.fake = fake
    fake.topics.set('a', { topicId: ID, partitions: [{ leader: 1, epoch: 1 }] })
    fake.handlers.set(ApiKey.SHARE_GROUP_HEARTBEAT, ({ body }) => ({
      memberId: (body as { memberId: string }).memberId,
      memberEpoch: 1,
      heartbeatIntervalMs: 1000,
      assignment: { topicPartitions: [{ topicId: ID, partitions: [0] }] }
    }))
    fake.handlers.set(ApiKey.SHARE_FETCH, ({ body }, broker) => this.#answer('fetch', body, broker))
    fake.handlers.set(ApiKey.SHARE_ACKNOWLEDGE, ({ body }, broker) => this.#answer('acknowledge', body, broker))
  }

  static async start(): Promise<Group> {
    return new Group(await FakeCluster.start([1, 2]))
  }

  consumer(options: object = {}): ShareConsumer {
    const { settings } = resolveOptions<ShareConsumerSettings>('share consumer', shareConsumerConfigDefinitions, {
      groupId: 'g',
      ...options
    })
    const consumer = new ShareConsumer({ cluster: this.fake.connect(), settings })
    consumer.subscribe('a')
    return consumer
  }

  take(consumer: ShareConsumer): Promise<ConsumerRecord[]> {
    return this.fake.sim.complete(consumer.poll({ timeoutMs: 5000 }).then((records) => records.toArray()))
  }

  runs(): string[] {
    return this.asked.flatMap(({ runs }) => runs)
  }

  #answer(kind: Asked['kind'], body: ShareFetchRequest | ShareAcknowledgeRequest, broker: FakeBroker): FakeAnswer {
    const partitions = (body as ShareFetchRequest).topics.flatMap((topic) => topic.partitions)
    const batches = partitions.flatMap(({ acknowledgementBatches }) => acknowledgementBatches)
    const runs = batches.map(({ firstOffset, lastOffset, acknowledgeTypes }) => `${firstOffset}-${lastOffset}:${acknowledgeTypes}`)
    const asked: Asked = { node: broker.id, kind, epoch: body.shareSessionEpoch, runs, body }
    this.asked.push(asked)
    const own = this.answers.shift()?.(asked, broker)
    if (own !== undefined) return own
    if (kind === 'acknowledge')
      return { acquisitionLockTimeoutMs: 30_000, responses: [{ topicId: ID, partitions: [{ partitionIndex: 0 }] }] }
    if (broker.id !== this.fake.topics.get('a')?.partitions[0].leader)
      return this.records(0, { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, acknowledgeErrorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER })
    const count = Math.min(this.perFetch, this.end - this.next)
    if (count === 0) return runs.length > 0 ? this.records(0) : 'silence'
    const answer = this.records(count)
    this.next += count
    return answer
  }

  records(count: number, changes: object = {}): object {
    const records = Array.from({ length: count }, () => ({ key: null, value: Buffer.from('v'), timestamp: 1 }))
    const data = {
      partitionIndex: 0,
      records: count === 0 ? Buffer.alloc(0) : encodeBatch({ baseOffset: this.next, records }),
      acquiredRecords: count === 0 ? [] : [{ firstOffset: this.next, lastOffset: this.next + count - 1, deliveryCount: 1 }],
      ...changes
    }
    return { acquisitionLockTimeoutMs: 30_000, responses: [{ topicId: ID, partitions: [data] }] }
  }
}

test('what was handed out is accepted with the next fetch of the session', async () => {
  const group = await Group.start()
  const consumer = group.consumer({ maxPollRecords: 10 })
  for (let round = 0; round < 3; round++) assert.equal((await group.take(consumer)).length, 10)
  assert.deepEqual(
    group.asked.map(({ kind, epoch, runs }) => [kind, epoch, ...runs]),
    [
      ['fetch', 0],
      ['fetch', 1, '0-9:1'],
      ['fetch', 2, '10-19:1']
    ]
  )
  await group.fake.sim.complete(consumer.close())
  const { kind, epoch, runs } = group.asked[3]
  assert.deepEqual([kind, epoch, ...runs], ['acknowledge', -1, '20-29:1'])
  assert.equal(group.asked.length, 4)
  assert.equal(await group.fake.openSockets(), 0)
})

test('a lost session fails what waited for it, and a new one goes on', async () => {
  for (const lose of [ErrorCode.SHARE_SESSION_NOT_FOUND, 'hang up'] as const) {
    const group = await Group.start()
    const consumer = group.consumer()
    const answered: [number, string | undefined][] = []
    consumer.setAcknowledgementCommitCallback(({ offsets }, error) => answered.push([offsets.length, error?.code]))
    await group.take(consumer)
    group.answers = [() => (lose === 'hang up' ? lose : { errorCode: lose, responses: [] })]
    assert.deepEqual((await group.take(consumer)).at(0)?.offset, 10)
    assert.deepEqual(answered, [[10, lose === 'hang up' ? 'NETWORK_EXCEPTION' : 'SHARE_SESSION_NOT_FOUND']])
    assert.deepEqual(
      group.asked.map(({ epoch }) => epoch),
      [0, 1, 0]
    )
    await group.fake.sim.complete(consumer.close())
  }
})

test('a partition that moved is read from its new leader; what was acknowledged to the old one has failed', async () => {
  const group = await Group.start()
  const consumer = group.consumer({ shareAcknowledgementMode: 'explicit' })
  for (const record of await group.take(consumer)) record.ack()
  group.fake.topics.set('a', { topicId: ID, partitions: [{ leader: 2, epoch: 2 }] })
  const errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER
  group.answers = [() => ({ responses: [{ topicId: ID, partitions: [{ partitionIndex: 0, errorCode }] }] })]
  const errors = await group.fake.sim.complete(consumer.commitSync())
  assert.equal(errors.get('a-0')?.code, 'NOT_LEADER_OR_FOLLOWER')
  assert.equal((await group.take(consumer)).length, 10)
  assert.equal(group.asked.at(-1)?.node, 2)
  await group.fake.sim.complete(consumer.close())
})

test('what may pass is tried again until its deadline', async () => {
  const group = await Group.start()
  const consumer = group.consumer({ shareAcknowledgementMode: 'explicit' })
  const errorCode = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
  const loading = () => ({ responses: [{ topicId: ID, partitions: [{ partitionIndex: 0, errorCode }] }] })
  for (const record of await group.take(consumer)) record.ack()
  group.answers = [loading, loading]
  assert.deepEqual(await group.fake.sim.complete(consumer.commitSync()), new Map([['a-0', undefined]]))
  assert.deepEqual(group.runs(), ['0-9:1', '0-9:1', '0-9:1'])
  for (const record of await group.take(consumer)) record.ack()
  group.answers = Array.from({ length: 100 }, () => loading)
  const outcome = await group.fake.sim.complete(settled(consumer.commitSync({ timeoutMs: 2000 })))
  assert.equal(outcome.code ?? outcome.value?.get('a-0')?.code, 'REQUEST_TIMED_OUT')
  group.answers = []
  await group.fake.sim.complete(consumer.close())
})

test('nothing is fetched unless a poll waits, and the bytes asked for are bounded', async () => {
  const group = await Group.start()
  const consumer = group.consumer({ fetchMaxBytes: 1000, maxPollRecords: 7, shareAcquireMode: 'record_limit' })
  assert.equal((await group.take(consumer)).length, 7)
  assert.equal((await group.take(consumer)).length, 3)
  await group.fake.sim.advance(60_000)
  const fetches = group.asked.filter(({ kind }) => kind === 'fetch')
  assert.equal(fetches.length, 1)
  const { maxBytes, maxRecords, shareAcquireMode } = fetches[0].body as ShareFetchRequest
  assert.deepEqual([maxBytes, maxRecords, shareAcquireMode], [1000, 7, 1])
  await group.fake.sim.complete(consumer.close())
})

test('a member that is fenced, or that does not poll for max.poll.interval.ms, joins again', async () => {
  const group = await Group.start()
  const consumer = group.consumer({ maxPollIntervalMs: 10_000 })
  await group.take(consumer)
  const answer = group.fake.handlers.get(ApiKey.SHARE_GROUP_HEARTBEAT)
  const epochs: number[] = []
  let isFenced = false
  group.fake.handlers.set(ApiKey.SHARE_GROUP_HEARTBEAT, (request, broker) => {
    epochs.push((request.body as { memberEpoch: number }).memberEpoch)
    if (!isFenced) {
      isFenced = true
      return { errorCode: ErrorCode.UNKNOWN_MEMBER_ID }
    }
    return answer?.(request, broker)
  })
  await group.take(consumer)
  await group.fake.sim.advance(3000)
  assert.deepEqual(epochs.slice(0, 3), [1, 0, 1])
  await group.fake.sim.advance(20_000)
  assert.equal(epochs.at(-1), -1)
  assert.equal((await group.take(consumer)).length, 10)
  assert.equal(
    epochs.findLast((epoch) => epoch <= 0),
    0
  )
  await group.fake.sim.complete(consumer.close())
})

test('a broker that lies is a typed error, or costs nothing', async () => {
  const lies: [string, (group: Group) => object, RegExp | undefined][] = [
    ['an unknown error code', () => ({ errorCode: 9999, responses: [] }), /UNKNOWN_SERVER_ERROR/],
    [
      'a group that may not be read',
      () => ({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, responses: [] }),
      /GROUP_AUTHORIZATION_FAILED/
    ],
    [
      'partitions nobody asked for',
      () => ({
        responses: [
          { topicId: 'BBBBBBBBQACAAAAAAAAAAQ', partitions: [{ partitionIndex: 7, records: Buffer.alloc(0), acquiredRecords: [] }] }
        ]
      }),
      undefined
    ],
    [
      'records that are no batches',
      (group) => group.records(1, { records: Buffer.alloc(200, 7) }),
      /CORRUPT_MESSAGE|INVALID_RECORD|UNSUPPORTED/
    ],
    [
      'acquired records without bytes',
      (group) =>
        group.records(1, {
          records: Buffer.alloc(0),
          acquiredRecords: [{ firstOffset: 0, lastOffset: Number.MAX_SAFE_INTEGER - 1, deliveryCount: 1 }]
        }),
      undefined
    ]
  ]
  for (const [what, lie, expected] of lies) {
    const group = await Group.start()
    const consumer = group.consumer()
    group.answers = [() => lie(group)]
    const { code, value } = await group.fake.sim.complete(settled(consumer.poll({ timeoutMs: 5000 })))
    if (expected === undefined) assert.equal(value?.count, 10, what)
    else assert.match(String(code), expected, what)
    await group.fake.sim.complete(consumer.close())
    assert.equal(await group.fake.openSockets(), 0, what)
  }
})
