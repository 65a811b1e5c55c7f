// Gets records and gives acknowledgements: one request in flight a leader, all leaders at once, in a share session each.
//
// Contract: nothing is fetched unless a poll waits and nothing is buffered, for what is buffered holds locks that run out; the bytes of all
// answers together are bounded by `maxBytes`. What `flush` took from the partitions is in the outbox of its leader until the broker has
// answered for it: with the next fetch, or by itself. An acknowledgement that may have been lost is not sent again in a new session, for
// the old one took the locks with it: it fails, and the record comes again.
import { ErrorCode, ShareAcknowledgeRequest, ShareAcknowledgeResponse, ShareFetchRequest, ShareFetchResponse } from '@odradek/protocol'
import type { ClientConnection } from '@odradek/transport'
import type { TopicIdPartitions } from '../consumer/consumer-member.ts'
import type { Taken } from '../consumer/consumer-records.ts'
import type { Deserializers } from '../consumer/fetched-records.ts'
import { PartitionState } from '../consumer/partition-state.ts'
import type { ConsumerRecord } from '../consumer/record.ts'
import { KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { LeaderHint } from '../network/metadata.ts'
import { backoffMs } from '../network/retry.ts'
import { type AcknowledgementRun, isRenewal, mergeRuns } from './acknowledgements.ts'
import { AcquiredRecords, type ShareFetchedPartition } from './acquired-records.ts'
import { Outbox, type Parcel } from './outbox.ts'
import { SharePartition } from './share-partition.ts'
import { ShareSession, shareKey } from './share-session.ts'

export interface ShareFetcherOptions {
  readonly cluster: Cluster
  readonly groupId: string
  readonly memberId: string
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxWaitMs: number
  readonly maxRecords: number
  /** share.acquire.mode=record_limit: never more than `maxRecords`, from one leader at a time. */
  readonly isRecordLimit: boolean
  readonly checksCrc: boolean
  readonly onAck: (partition: SharePartition, offset: number) => void
  readonly wake: () => void
  /** What is known of the topic is wrong. */
  readonly refresh: (topic: string) => void
  /** The broker has answered for these records. */
  readonly onAcknowledged: (partition: SharePartition, offsets: readonly number[], error: KafkaError | undefined) => void
  readonly onError: (error: KafkaError) => void
}

interface Leader {
  readonly id: number
  readonly session: ShareSession
  readonly outbox: Outbox
  isBusy: boolean
  failures: number
  retryAtMs: number
}

interface Wanted {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

const noSuchLeader: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID,
  ErrorCode.KAFKA_STORAGE_ERROR
])

export class ShareFetcher {
  readonly #options: ShareFetcherOptions
  readonly #leaders = new Map<number, Leader>()
  /** By leader and partition: what is held or still to be said. */
  readonly #partitions = new Map<string, SharePartition>()
  #assigned: readonly TopicIdPartitions[] = []
  #arrived: AcquiredRecords[] = []
  #isWanted = false
  /** The last leader that was asked, when one is asked at a time. */
  #turn = -1
  #isClosed = false
  readonly #closing = new AbortController()
  acquisitionLockTimeoutMs: number | undefined

  constructor(options: ShareFetcherOptions) {
    this.#options = options
  }

  assign(assigned: readonly TopicIdPartitions[]): void {
    this.#assigned = assigned
    this.pump()
  }

  get assigned(): readonly TopicIdPartitions[] {
    return this.#assigned
  }

  get bufferedBytes(): number {
    return this.#arrived.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
  }

  partitions(): Iterable<SharePartition> {
    return this.#partitions.values()
  }

  /** Not strict, unless share.acquire.mode is record_limit: what was acquired as one is handed out as one. */
  collect<K, V>(deserializersOf: (topic: string) => Deserializers<K, V>, out: ConsumerRecord<K, V>[]): Taken[] {
    const { maxRecords, isRecordLimit } = this.#options
    const taken: Taken[] = []
    for (const acquired of this.#arrived) {
      if (out.length >= maxRecords) break
      const max = isRecordLimit ? maxRecords - out.length : Infinity
      try {
        const some = acquired.take(max, deserializersOf(acquired.partition.place.topic), out)
        if (some !== undefined) taken.push(some)
      } catch (error) {
        if (out.length === 0) {
          this.#sweep()
          throw error
        }
        break
      }
    }
    this.#sweep()
    return taken
  }

  takeRenewed<K, V>(out: ConsumerRecord<K, V>[]): Taken[] {
    const taken: Taken[] = []
    for (const partition of this.#partitions.values()) {
      const renewed = partition.takeRenewed()
      if (renewed.length === 0) continue
      const from = out.length
      for (const record of renewed) out.push(record as ConsumerRecord<K, V>)
      taken.push({ state: new PartitionState(partition.place.topic, partition.place.partition), from, to: out.length })
    }
    return taken
  }

  /** What is buffered is for others. */
  release(): void {
    for (const acquired of this.#arrived) acquired.giveUp('release')
    this.#arrived = []
  }

  /** A poll waits for records: fetches, and sends what is acknowledged with it. */
  want(deadlineMs: number): void {
    this.#pack(deadlineMs)
    this.#isWanted = true
    this.pump()
  }

  /** No poll waits any more: what is under way comes, nothing new is asked for. */
  wantNot(): void {
    this.#isWanted = false
  }

  /** Everything acknowledged so far is sent. Resolves when the broker has answered for it, to the errors by partition. */
  flush(deadlineMs: number): Promise<Map<string, KafkaError | undefined>> {
    this.#pack(deadlineMs)
    const answers: Promise<readonly [string, KafkaError | undefined]>[] = []
    for (const [key, partition] of this.#partitions) {
      const answer = this.#leader(partition.place.nodeId).outbox.answered(partition)
      if (answer !== undefined) answers.push(answer.then((error) => [partition.key, error] as const))
      else if (partition.isIdle && !this.#arrived.some((acquired) => acquired.partition === partition)) this.#partitions.delete(key)
    }
    this.pump()
    return Promise.all(answers).then((settled) => {
      const errors = new Map<string, KafkaError | undefined>()
      for (const [key, error] of settled) errors.set(key, error ?? errors.get(key))
      return errors
    })
  }

  /** Sends what may be sent. */
  pump(): void {
    if (this.#isClosed) return
    const now = this.#now()
    for (const leader of this.#leaders.values()) {
      this.#fail(leader.outbox.expired(now), new KafkaError(ErrorCode.REQUEST_TIMED_OUT))
      if (leader.isBusy || leader.retryAtMs > now || leader.outbox.isEmpty) continue
      // A renewal cannot ride on a fetch that waits.
      if (!this.#wants || leader.outbox.hasRenewals) this.#send(leader, (connection) => this.#acknowledge(leader, connection))
    }
    if (!this.#wants) return
    const byLeader = this.#wanted()
    const { isRecordLimit } = this.#options
    const ids = isRecordLimit ? this.#nextInTurn([...byLeader.keys()], now) : [...byLeader.keys()]
    for (const id of ids) {
      const leader = this.#leader(id)
      if (leader.isBusy || leader.retryAtMs > now) continue
      this.#turn = id
      this.#send(leader, (connection) => this.#fetch(leader, connection, byLeader.get(id) ?? [], ids.length))
    }
    // What waits for a leader that is asked for nothing goes by itself.
    for (const leader of this.#leaders.values())
      if (!leader.isBusy && leader.retryAtMs <= now && !leader.outbox.isEmpty)
        this.#send(leader, (connection) => this.#acknowledge(leader, connection))
  }

  /** Ends the sessions, with the last acknowledgements: the brokers release whatever else is locked for this member. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#arrived = []
    const deadlineMs = this.#now() + timeoutMs
    this.#pack(deadlineMs)
    const ends = [...this.#leaders.values()].map((leader) => this.#end(leader, timeoutMs))
    await Promise.allSettled(ends)
    this.#closing.abort()
    for (const leader of this.#leaders.values()) this.#fail(leader.outbox.takeAll(), new KafkaError(ErrorCode.NETWORK_EXCEPTION))
  }

  #pack(deadlineMs: number): void {
    for (const partition of this.#partitions.values()) {
      const runs = partition.takePending()
      if (runs.length > 0) this.#leader(partition.place.nodeId).outbox.put(partition, runs, deadlineMs)
    }
  }

  get #wants(): boolean {
    return this.#isWanted && this.#arrived.length === 0
  }

  #leader(id: number): Leader {
    let leader = this.#leaders.get(id)
    if (leader === undefined) {
      leader = { id, session: new ShareSession(), outbox: new Outbox(), isBusy: false, failures: 0, retryAtMs: 0 }
      this.#leaders.set(id, leader)
    }
    return leader
  }

  #wanted(): Map<number, Wanted[]> {
    const { cluster, refresh } = this.#options
    const byLeader = new Map<number, Wanted[]>()
    for (const { topicId, partitions } of this.#assigned) {
      const topic = cluster.topicName(topicId)
      if (topic === undefined) continue
      for (const partition of partitions) {
        const leader = cluster.leaderOf(topic, partition)
        if (leader === undefined) refresh(topic)
        else byLeader.set(leader.nodeId, [...(byLeader.get(leader.nodeId) ?? []), { topic, topicId, partition }])
      }
    }
    return byLeader
  }

  #nextInTurn(ids: number[], now: number): number[] {
    if (ids.some((id) => this.#leaders.get(id)?.isBusy)) return []
    const ready = ids.filter((id) => this.#leader(id).retryAtMs <= now).sort((a, b) => a - b)
    const next = ready.find((id) => id > this.#turn) ?? ready[0]
    return next === undefined ? [] : [next]
  }

  #send(leader: Leader, request: (connection: ClientConnection) => Promise<void>): void {
    const { cluster } = this.#options
    leader.isBusy = true
    const { signal } = this.#closing
    const connection = cluster.peek(leader.id)
    const sent = connection === undefined ? cluster.connection(leader.id, { signal }).then(request) : request(connection)
    sent
      .catch((error) => this.#onFailure(leader, error))
      .finally(() => {
        leader.isBusy = false
        this.pump()
        this.#options.wake()
      })
  }

  async #fetch(leader: Leader, connection: ClientConnection, wanted: readonly Wanted[], leaders: number): Promise<void> {
    const { cluster, groupId, memberId, minBytes, maxBytes, maxWaitMs, maxRecords, isRecordLimit } = this.#options
    const { session } = leader
    if (!session.isOpen) this.#fail(leader.outbox.takeAll(), lostSession())
    const parcels = leader.outbox.takeAll()
    const { added, forgotten } = session.next(wanted)
    const topics = byTopic(added, parcels)
    const body = {
      groupId,
      memberId,
      shareSessionEpoch: session.epoch,
      maxWaitMs,
      minBytes,
      maxBytes: Math.max(1, Math.floor(maxBytes / leaders)),
      maxRecords,
      batchSize: maxRecords,
      shareAcquireMode: isRecordLimit ? 1 : 0,
      topics,
      forgottenTopicsData: [...Map.groupBy(forgotten, ({ topicId }) => topicId)].map(([topicId, list]) => ({
        topicId,
        partitions: list.map(({ partition }) => partition)
      }))
    }
    let response: ShareFetchResponse
    try {
      response = await connection.send(ShareFetchRequest, ShareFetchResponse, body, {
        version: connection.versionFor(ShareFetchRequest),
        signal: this.#closing.signal
      })
    } catch (error) {
      this.#fail(parcels, toKafkaError(error))
      throw error
    }
    if (!this.#isGood(leader, response, parcels)) return
    const names = new Map(wanted.map(({ topicId, topic }) => [topicId, topic]))
    const hints: LeaderHint[] = []
    let hasErrors = false
    for (const { topicId, partitions } of response.responses) {
      for (const data of partitions) {
        const parcel = parcels.find(({ partition: { place } }) => place.topicId === topicId && place.partition === data.partitionIndex)
        if (parcel !== undefined) this.#answered(leader, parcel, data.acknowledgeErrorCode, data.acknowledgeErrorMessage)
        const topic = names.get(topicId) ?? cluster.topicName(topicId)
        if (topic === undefined) continue
        if (data.errorCode !== ErrorCode.NONE) hasErrors = true
        this.#onPartition(leader, topic, topicId, data)
        hints.push({ topic, partition: data.partitionIndex, ...data.currentLeader })
      }
    }
    this.#unanswered(parcels)
    this.#learn(hints, response.nodeEndpoints)
    if (hasErrors) this.#backOff(leader)
  }

  async #acknowledge(leader: Leader, connection: ClientConnection): Promise<void> {
    const { groupId, memberId } = this.#options
    if (!leader.session.isOpen) {
      this.#fail(leader.outbox.takeAll(), lostSession())
      return
    }
    const parcels = leader.outbox.takeAll()
    const response = await this.#sendAcknowledgements(connection, parcels, {
      groupId,
      memberId,
      shareSessionEpoch: leader.session.epoch
    })
    if (!this.#isGood(leader, response, parcels)) return
    this.#onAcknowledged(leader, response, parcels)
  }

  async #sendAcknowledgements(
    connection: ClientConnection,
    parcels: readonly Parcel[],
    head: { groupId: string; memberId: string; shareSessionEpoch: number },
    timeoutMs?: number
  ): Promise<ShareAcknowledgeResponse> {
    const isRenewAck = parcels.some(({ runs }) => runs.some(isRenewal))
    try {
      const version = connection.versionFor(ShareAcknowledgeRequest, isRenewAck ? { min: 2 } : undefined)
      const body = { ...head, isRenewAck, topics: byTopic([], parcels) }
      return await connection.send(ShareAcknowledgeRequest, ShareAcknowledgeResponse, body, {
        version,
        signal: this.#closing.signal,
        timeoutMs
      })
    } catch (error) {
      this.#fail(parcels, toKafkaError(error))
      throw error
    }
  }

  #onAcknowledged(leader: Leader, response: ShareAcknowledgeResponse, parcels: Parcel[]): void {
    const hints: LeaderHint[] = []
    for (const { topicId, partitions } of response.responses) {
      for (const { partitionIndex, errorCode, errorMessage, currentLeader } of partitions) {
        const parcel = parcels.find(({ partition: { place } }) => place.topicId === topicId && place.partition === partitionIndex)
        if (parcel === undefined) continue
        this.#answered(leader, parcel, errorCode, errorMessage)
        hints.push({ topic: parcel.partition.place.topic, partition: partitionIndex, ...currentLeader })
      }
    }
    this.#unanswered(parcels)
    this.#learn(hints, response.nodeEndpoints)
  }

  /** False: the request was refused as a whole. */
  #isGood(leader: Leader, response: ShareFetchResponse | ShareAcknowledgeResponse, parcels: readonly Parcel[]): boolean {
    if (response.acquisitionLockTimeoutMs > 0) this.acquisitionLockTimeoutMs = response.acquisitionLockTimeoutMs
    if (leader.session.onAnswer(response.errorCode)) {
      leader.failures = 0
      return true
    }
    const error = new KafkaError(response.errorCode, { message: response.errorMessage })
    this.#fail(parcels, error)
    this.#backOff(leader)
    if (response.errorCode === ErrorCode.UNKNOWN_TOPIC_ID) for (const topic of this.#topics()) this.#options.refresh(topic)
    else if (error.fatal && !isSessionError(response.errorCode)) this.#options.onError(error)
    return false
  }

  #onPartition(leader: Leader, topic: string, topicId: string, data: ShareFetchedPartition): void {
    const { refresh, onError, checksCrc, onAck } = this.#options
    if (data.errorCode !== ErrorCode.NONE) {
      const error = new KafkaError(data.errorCode, { message: data.errorMessage })
      if (noSuchLeader.has(data.errorCode)) refresh(topic)
      else if (error.fatal && data.errorCode !== ErrorCode.UNKNOWN_SERVER_ERROR) onError(error)
    }
    if (data.acquiredRecords.length === 0) return
    const key = `${leader.id}/${shareKey({ topicId, partition: data.partitionIndex })}`
    let partition = this.#partitions.get(key)
    if (partition === undefined) {
      partition = new SharePartition({ nodeId: leader.id, topic, topicId, partition: data.partitionIndex })
      this.#partitions.set(key, partition)
    }
    if (!this.#isClosed) this.#arrived.push(new AcquiredRecords(partition, data, { checksCrc, onAck }))
  }

  #answered(leader: Leader, parcel: Parcel, errorCode: number, message: string | null): void {
    if (errorCode === ErrorCode.NONE) {
      this.#settle(parcel, undefined)
      return
    }
    const error = new KafkaError(errorCode, { message })
    if (noSuchLeader.has(errorCode)) this.#options.refresh(parcel.partition.place.topic)
    else if (error.retriable && this.#now() < parcel.deadlineMs && !this.#isClosed) {
      parcel.isAnswered = true
      leader.outbox.putBack(parcel)
      this.#backOff(leader)
      return
    }
    this.#settle(parcel, error)
  }

  /** What the answer left out. */
  #unanswered(parcels: readonly Parcel[]): void {
    const left = parcels.filter(({ isAnswered }) => !isAnswered)
    const message = 'The broker did not answer for an acknowledgement'
    this.#fail(left, new KafkaError(-1, { code: 'PROTOCOL_VIOLATION', message, retriable: false }))
    for (const parcel of parcels) parcel.isAnswered = false
  }

  #fail(parcels: readonly Parcel[], error: KafkaError): void {
    for (const parcel of parcels) this.#settle(parcel, error)
  }

  #settle(parcel: Parcel, error: KafkaError | undefined): void {
    parcel.isAnswered = true
    const { partition, runs } = parcel
    const offsets = partition.onAnswer(runs, error === undefined)
    parcel.resolve(error)
    if (offsets.length > 0) this.#options.onAcknowledged(partition, offsets, error)
    this.#options.wake()
  }

  #learn(hints: readonly LeaderHint[], endpoints: ShareFetchResponse['nodeEndpoints']): void {
    const news = hints.filter(({ leaderId, leaderEpoch }) => leaderId >= 0 && leaderEpoch >= 0)
    const nodes = endpoints.map(({ nodeId: id, host, port, rack }) => ({ id, host, port, rack }))
    if (news.length > 0) this.#options.cluster.updateLeaders(news, nodes)
  }

  #onFailure(leader: Leader, error: unknown): void {
    leader.session.reset()
    if (this.#isClosed) return
    this.#fail(leader.outbox.takeAll(), toKafkaError(error))
    this.#backOff(leader)
    for (const topic of this.#topics()) this.#options.refresh(topic)
    this.#options.cluster.invalidate()
    const failure = toKafkaError(error)
    if (failure.fatal) this.#options.onError(failure)
  }

  #backOff(leader: Leader): void {
    const { cluster } = this.#options
    const waitMs = backoffMs(cluster.backoff, leader.failures++, cluster.world)
    leader.retryAtMs = this.#now() + waitMs
    cluster.world.timers.schedule(waitMs + 1, () => this.pump())
  }

  async #end(leader: Leader, timeoutMs: number): Promise<void> {
    const { cluster, groupId, memberId } = this.#options
    const connection = cluster.peek(leader.id)
    if (!leader.session.isOpen || connection === undefined) return
    const parcels = leader.outbox.takeAll()
    const head = { groupId, memberId, shareSessionEpoch: leader.session.finalEpoch }
    const response = await this.#sendAcknowledgements(connection, parcels, head, timeoutMs)
    if (response.errorCode === ErrorCode.NONE) this.#onAcknowledged(leader, response, parcels)
    else this.#fail(parcels, new KafkaError(response.errorCode, { message: response.errorMessage }))
  }

  #topics(): string[] {
    return this.#assigned.flatMap(({ topicId }) => this.#options.cluster.topicName(topicId) ?? [])
  }

  #sweep(): void {
    this.#arrived = this.#arrived.filter(({ isDrained }) => !isDrained)
  }

  #now(): number {
    return this.#options.cluster.world.clock.monotonicMs()
  }
}

function lostSession(): KafkaError {
  return new KafkaError(ErrorCode.SHARE_SESSION_NOT_FOUND)
}

function isSessionError(errorCode: number): boolean {
  return errorCode === ErrorCode.SHARE_SESSION_NOT_FOUND || errorCode === ErrorCode.INVALID_SHARE_SESSION_EPOCH
}

function byTopic(added: readonly { topicId: string; partition: number }[], parcels: readonly Parcel[]) {
  const rows = new Map<string, { topicId: string; partition: number; runs: AcknowledgementRun[] }>()
  for (const each of added) rows.set(shareKey(each), { ...each, runs: [] })
  for (const { partition, runs } of parcels) {
    const { topicId, partition: index } = partition.place
    const key = shareKey({ topicId, partition: index })
    rows.set(key, { topicId, partition: index, runs: mergeRuns([...(rows.get(key)?.runs ?? []), ...runs]) })
  }
  return [...Map.groupBy(rows.values(), ({ topicId }) => topicId)].map(([topicId, list]) => ({
    topicId,
    partitions: list.map(({ partition, runs }) => ({
      partitionIndex: partition,
      acknowledgementBatches: runs.map(({ firstOffset, lastOffset, type }) => ({ firstOffset, lastOffset, acknowledgeTypes: [type] }))
    }))
  }))
}
