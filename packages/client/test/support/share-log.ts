// Partitions of a share group that keep locks, sessions and delivery counts as Kafka does, and fail a test when a client breaks the protocol.
import assert from 'node:assert/strict'
import { AcknowledgeType, ApiKey, ErrorCode, encodeBatch, type ShareAcknowledgeRequest, type ShareFetchRequest } from '@odradek/protocol'
import { type FakeAnswer, type FakeBroker, FakeCluster } from './fake-cluster.ts'

export const SHARE_TOPIC_ID = 'AAAAAAAAQACAAAAAAAAAAQ'
export const LOCK_MS = 2000

type Body = ShareFetchRequest | ShareAcknowledgeRequest
type Partition = ShareFetchRequest['topics'][number]['partitions'][number]

interface SharedRecord {
  state: 'available' | 'acquired' | 'acknowledged'
  memberId: string
  deliveryCount: number
  untilMs: number
}

interface Session {
  epoch: number
  readonly partitions: Set<number>
}

/** Before or after the request has taken effect. */
export interface ShareFault {
  readonly errorCode?: number
  readonly drop?: 'hang up'
  readonly after?: boolean
}

export class ShareCluster {
  readonly fake: FakeCluster
  readonly logs: SharedRecord[][]
  /** A client that breaks the protocol fails the test. */
  isStrict = true
  fault: () => ShareFault | undefined = () => undefined
  readonly #sessions = new Map<string, Session>()

  constructor(fake: FakeCluster, partitions: number, perPartition: number) {
    this.fake = fake
    this.logs = Array.from({ length: partitions }, () =>
      Array.from({ length: perPartition }, () => ({ state: 'available', memberId: '', deliveryCount: 0, untilMs: 0 }))
    )
    const leaders = this.logs.map((_, partition) => ({ leader: 1 + (partition % fake.brokers.size), epoch: 1 }))
    fake.topics.set('t', { topicId: SHARE_TOPIC_ID, partitions: leaders })
    fake.handlers.set(ApiKey.SHARE_GROUP_HEARTBEAT, ({ body }) => {
      const { memberId } = body as { memberId: string }
      const assigned = [{ topicId: SHARE_TOPIC_ID, partitions: [...this.logs.keys()] }]
      return { memberId, memberEpoch: 1, heartbeatIntervalMs: 500, assignment: { topicPartitions: assigned } }
    })
    fake.handlers.set(ApiKey.SHARE_FETCH, ({ body }, broker) => this.#faulty(body, broker, () => this.#fetch(body, broker)))
    fake.handlers.set(ApiKey.SHARE_ACKNOWLEDGE, ({ body }, broker) => this.#faulty(body, broker, () => this.#acknowledge(body, broker)))
  }

  static async start(options: { brokers: number; partitions: number; perPartition: number; seed: number }): Promise<ShareCluster> {
    const ids = Array.from({ length: options.brokers }, (_, at) => at + 1)
    return new ShareCluster(await FakeCluster.start(ids, options.seed), options.partitions, options.perPartition)
  }

  /** The locks go with the leadership. */
  moveLeader(partition: number, leader: number): void {
    const at = this.#leaders()[partition]
    if (at.leader === leader) return
    at.leader = leader
    at.epoch++
    this.#release((record) => this.logs[partition].includes(record))
  }

  state(partition: number, offset: number): SharedRecord['state'] {
    return this.logs[partition][offset].state
  }

  get isDone(): boolean {
    return this.logs.every((log) => log.every(({ state }) => state === 'acknowledged'))
  }

  #expect(holds: boolean, what: string): void {
    if (this.isStrict) assert.ok(holds, what)
  }

  #leaders(): { leader: number; epoch: number }[] {
    return this.fake.topics.get('t')?.partitions ?? []
  }

  #faulty(body: Body, broker: FakeBroker, serve: () => FakeAnswer): FakeAnswer {
    const fault = body.shareSessionEpoch === -1 ? undefined : this.fault()
    const { memberId } = body as { memberId: string }
    if (fault === undefined) return serve()
    if (fault.errorCode !== undefined) {
      if (fault.errorCode === ErrorCode.SHARE_SESSION_NOT_FOUND) this.#endSession(broker, memberId)
      return { errorCode: fault.errorCode, responses: [] }
    }
    if (fault.after) serve()
    // The broker drops the session with the connection.
    this.#endSession(broker, memberId)
    return fault.drop ?? 'hang up'
  }

  #endSession(broker: FakeBroker, memberId: string): void {
    this.#sessions.delete(`${broker.id}/${memberId}`)
    const own = new Set(this.logs.filter((_, partition) => this.#leaders()[partition].leader === broker.id).flat())
    this.#release((record) => own.has(record) && record.memberId === memberId)
  }

  #release(of: (record: SharedRecord) => boolean): void {
    for (const record of this.logs.flat()) if (record.state === 'acquired' && of(record)) record.state = 'available'
  }

  #fetch(body: Body, broker: FakeBroker): FakeAnswer {
    const request = body as ShareFetchRequest & { memberId: string }
    const { memberId, shareSessionEpoch: epoch } = request
    const key = `${broker.id}/${memberId}`
    const named = request.topics.flatMap(({ partitions }) => partitions)
    const types = named.flatMap((each) => each.acknowledgementBatches.flatMap(({ acknowledgeTypes }) => acknowledgeTypes))
    this.#expect(!request.isRenewAck && !types.includes(AcknowledgeType.RENEW), 'a fetch with renewals')
    let session = this.#sessions.get(key)
    if (epoch === 0) {
      this.#expect(
        named.every(({ acknowledgementBatches }) => acknowledgementBatches.length === 0),
        'acknowledgements in a new session'
      )
      this.#endSession(broker, memberId)
      session = { epoch: 0, partitions: new Set() }
      this.#sessions.set(key, session)
    }
    if (session === undefined) return { errorCode: ErrorCode.SHARE_SESSION_NOT_FOUND, responses: [] }
    if (session.epoch !== epoch) return { errorCode: ErrorCode.INVALID_SHARE_SESSION_EPOCH, responses: [] }
    session.epoch++
    for (const { partitions } of request.forgottenTopicsData) for (const partition of partitions) session.partitions.delete(partition)
    for (const { partitionIndex } of named) session.partitions.add(partitionIndex)
    const acknowledged = new Map(named.map((each) => [each.partitionIndex, this.#apply(each, memberId, broker)]))
    let left = request.maxRecords
    const partitions = [...session.partitions].map((partitionIndex) => {
      if (this.#leaders()[partitionIndex]?.leader !== broker.id)
        return {
          partitionIndex,
          errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
          acknowledgeErrorCode: acknowledged.get(partitionIndex) ?? 0,
          records: Buffer.alloc(0)
        }
      const data = this.#acquire(partitionIndex, memberId, left)
      left -= data.count
      return { partitionIndex, acknowledgeErrorCode: acknowledged.get(partitionIndex) ?? 0, ...data.answer }
    })
    return { acquisitionLockTimeoutMs: LOCK_MS, responses: [{ topicId: SHARE_TOPIC_ID, partitions }] }
  }

  #acquire(partition: number, memberId: string, max: number) {
    const now = this.fake.sim.nowMs
    const log = this.logs[partition]
    const acquiredRecords: { firstOffset: number; lastOffset: number; deliveryCount: number }[] = []
    let count = 0
    for (let offset = 0; offset < log.length && count < max; offset++) {
      const record = log[offset]
      if (record.state === 'acquired' && record.untilMs <= now) record.state = 'available'
      if (record.state !== 'available') continue
      Object.assign(record, { state: 'acquired', memberId, deliveryCount: record.deliveryCount + 1, untilMs: now + LOCK_MS })
      count++
      const last = acquiredRecords.at(-1)
      if (last?.lastOffset === offset - 1 && last.deliveryCount === record.deliveryCount) last.lastOffset = offset
      else acquiredRecords.push({ firstOffset: offset, lastOffset: offset, deliveryCount: record.deliveryCount })
    }
    if (count === 0) return { count, answer: { records: Buffer.alloc(0), acquiredRecords } }
    const [{ firstOffset }] = acquiredRecords
    const length = (acquiredRecords.at(-1)?.lastOffset ?? 0) - firstOffset + 1
    const records = Array.from({ length }, () => ({ key: null, value: Buffer.from('v'), timestamp: 1 }))
    return { count, answer: { records: encodeBatch({ baseOffset: firstOffset, records }), acquiredRecords } }
  }

  #acknowledge(body: Body, broker: FakeBroker): FakeAnswer {
    const { memberId, shareSessionEpoch: epoch, topics } = body as ShareAcknowledgeRequest & { memberId: string }
    this.#expect(epoch !== 0, 'a session that begins with acknowledgements')
    const session = this.#sessions.get(`${broker.id}/${memberId}`)
    if (session === undefined) return { errorCode: ErrorCode.SHARE_SESSION_NOT_FOUND, responses: [] }
    if (epoch !== -1 && session.epoch !== epoch) return { errorCode: ErrorCode.INVALID_SHARE_SESSION_EPOCH, responses: [] }
    session.epoch++
    const partitions = topics
      .flatMap((topic) => topic.partitions)
      .map((each) => ({ partitionIndex: each.partitionIndex, errorCode: this.#apply(each as Partition, memberId, broker) }))
    if (epoch === -1) this.#endSession(broker, memberId)
    return { acquisitionLockTimeoutMs: LOCK_MS, responses: [{ topicId: SHARE_TOPIC_ID, partitions }] }
  }

  #apply({ partitionIndex, acknowledgementBatches }: Partition, memberId: string, broker: FakeBroker): number {
    if (this.#leaders()[partitionIndex]?.leader !== broker.id) return ErrorCode.NOT_LEADER_OR_FOLLOWER
    const now = this.fake.sim.nowMs
    const changes: [SharedRecord, number][] = []
    let end = -1
    for (const { firstOffset, lastOffset, acknowledgeTypes } of acknowledgementBatches) {
      this.#expect(firstOffset > end && lastOffset >= firstOffset, 'acknowledgements that overlap')
      if (lastOffset >= this.logs[partitionIndex].length) return ErrorCode.INVALID_RECORD_STATE
      end = lastOffset
      for (let offset = firstOffset; offset <= lastOffset; offset++)
        changes.push([this.logs[partitionIndex][offset], acknowledgeTypes[acknowledgeTypes.length === 1 ? 0 : offset - firstOffset]])
    }
    const isHeld = ({ state, memberId: holder, untilMs }: SharedRecord): boolean =>
      state === 'acquired' && holder === memberId && untilMs > now
    if (!changes.every(([record]) => isHeld(record))) return ErrorCode.INVALID_RECORD_STATE
    for (const [record, type] of changes) {
      if (type === AcknowledgeType.RENEW) record.untilMs = now + LOCK_MS
      else record.state = type === AcknowledgeType.RELEASE ? 'available' : 'acknowledged'
    }
    return ErrorCode.NONE
  }
}
