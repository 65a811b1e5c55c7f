// Fetches ahead of the reader: one request in flight a broker, all brokers at once, into buffers of bounded bytes.
//
// Contract: `collect` hands out what has arrived, in order a partition, taking turns among partitions; `pump` sends what may be sent.
// Everything of one turn is synchronous; the states of partitions say what may be fetched and handed out, so that pause, seek and
// revocation act at once. `bufferedBytes` never passes `bufferBytesMax` by more than one answer a broker.

import type { Uuid } from '@odradek/base'
import type { ConsumerSettings } from '@odradek/config'
import { ErrorCode, FetchRequest, FetchResponse, IsolationLevel } from '@odradek/protocol'
import type { ClientConnection } from '@odradek/transport'
import type { TimerHandle } from '@odradek/world'
import { KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { backoffMs } from '../network/retry.ts'
import { partitionKey } from '../types.ts'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import { FetchSession, type SessionPartition, type SessionRequest } from './fetch-session.ts'
import { type Deserializers, type FetchedPartition, FetchedRecords } from './fetched-records.ts'
import type { PartitionState } from './partition-state.ts'
import type { ConsumerRecord } from './record.ts'

export interface FetcherOptions {
  readonly cluster: Cluster
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxWaitMs: number
  readonly partitionMaxBytes: number
  readonly bufferBytesMax: number
  readonly isReadCommitted: boolean
  readonly checksCrc: boolean
  readonly rackId: string
  readonly metadataMaxAgeMs: number
  readonly metrics: ConsumerMetrics
  readonly states: () => Iterable<PartitionState>
  /** Records arrived, or something else that a waiting poll should look at. */
  readonly wake: () => void
  /** What is known of these topics is wrong. */
  readonly refresh: (topic: string) => void
  readonly onOutOfRange: (state: PartitionState) => void
  readonly onError: (error: KafkaError) => void
}

const PREFETCH_BYTES = 32 * 1024 * 1024

export function fetcherSettings(
  settings: ConsumerSettings,
  prefetchBytes = Math.min(PREFETCH_BYTES, settings['fetch.max.bytes'])
): Pick<FetcherOptions, FetcherSetting> {
  return {
    minBytes: settings['fetch.min.bytes'],
    maxBytes: settings['fetch.max.bytes'],
    maxWaitMs: settings['fetch.max.wait.ms'],
    partitionMaxBytes: settings['max.partition.fetch.bytes'],
    bufferBytesMax: prefetchBytes,
    checksCrc: settings['check.crcs'],
    rackId: settings['client.rack'],
    metadataMaxAgeMs: settings['metadata.max.age.ms']
  }
}

type FetcherSetting =
  | 'minBytes'
  | 'maxBytes'
  | 'maxWaitMs'
  | 'partitionMaxBytes'
  | 'bufferBytesMax'
  | 'checksCrc'
  | 'rackId'
  | 'metadataMaxAgeMs'

interface NodeFetch {
  readonly session: FetchSession
  isBusy: boolean
  failures: number
  /** Answers in a row that brought nothing and did not wait for it. */
  idleAnswers: number
  retryAtMs: number
}

/** Of one partition, counted in records of one `collect`. */
interface Taken {
  readonly state: PartitionState
  readonly from: number
  readonly to: number
}

const staleLeader: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.OFFSET_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID
])
interface SentFetch {
  readonly sent: ReadonlyMap<string, { readonly state: PartitionState; readonly version: number; readonly offset: number }>
  readonly atMs: number
}

const IDLE_ANSWERS = 5
/** Topic ids in requests. */
const TOPIC_ID_VERSION = 13

export class Fetcher {
  readonly #options: FetcherOptions
  readonly #nodes = new Map<number, NodeFetch>()
  /** In the order of arrival; a partition may be there twice. */
  #arrived: FetchedRecords[] = []
  #isClosed = false
  readonly #closing = new AbortController()
  readonly #timers = new Set<TimerHandle>()

  constructor(options: FetcherOptions) {
    this.#options = options
  }

  /** Of what may still be handed out. */
  get bufferedBytes(): number {
    let bytes = 0
    for (const fetched of this.#arrived) bytes += fetched.sizeInBytes
    return bytes
  }

  get hasRecords(): boolean {
    return this.#arrived.some((fetched) => fetched.isStale || fetched.state.canDeliver)
  }

  /** Up to `max` records of `accepts` partitions. What it throws belongs to the first partition in turn; `out` is empty then. */
  collect<K, V>(max: number, deserializersOf: (topic: string) => Deserializers<K, V>, out: ConsumerRecord<K, V>[]): Taken[] {
    const taken: Taken[] = []
    let hasDrained = false
    for (const fetched of this.#arrived) {
      if (out.length >= max) break
      const { state } = fetched
      if (fetched.isStale) {
        hasDrained = true
        continue
      }
      // What arrived later for the partition waits for what arrived earlier.
      if (!state.canDeliver) continue
      const from = out.length
      try {
        fetched.take(max - from, deserializersOf(state.topic), out)
      } catch (error) {
        if (from > 0) break
        throw error
      }
      if (out.length > from || fetched.isDrained) {
        const epoch = fetched.lastEpoch >= 0 ? fetched.lastEpoch : state.position.epoch
        state.position = { offset: Math.max(state.position.offset, fetched.nextOffset), epoch }
      }
      if (out.length > from) taken.push({ state, from, to: out.length })
      if (fetched.isDrained) hasDrained = true
    }
    if (hasDrained) this.#sweep()
    if (out.length > 0) this.#options.metrics.handedOut(out.length)
    return taken
  }

  /** Sends what may be sent. */
  pump(): void {
    if (this.#isClosed) return
    const room = this.#options.bufferBytesMax - this.bufferedBytes
    if (room <= 0) return
    const now = this.#options.cluster.world.clock.monotonicMs()
    for (const [nodeId, states] of this.#wanted(now)) this.#send(nodeId, states, room, now)
  }

  /** Partitions that are no longer read leave the buffers. */
  sweep(): void {
    this.#sweep()
  }

  /** Ends the sessions; what is under way is dropped. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#arrived = []
    const { cluster } = this.#options
    const ends = [...this.#nodes].map(async ([nodeId, { session }]) => {
      const final = session.final()
      const connection = cluster.peek(nodeId)
      if (final === undefined || connection === undefined) return
      const body = { ...this.#body(), ...final, maxWaitMs: 0, topics: [], forgottenTopicsData: [] }
      const version = connection.versionFor(FetchRequest)
      if (version < 7) return
      // Behind a fetch that waits for records the answer would wait as long.
      const isBehind = connection.inFlight > 0
      const ended = connection.send(FetchRequest, FetchResponse, body, { version, timeoutMs })
      if (isBehind) ended.catch(() => {})
      else await ended
    })
    // A broker drops sessions that are not used: nothing is lost when this fails.
    await Promise.allSettled(ends)
    this.#closing.abort()
  }

  #sweep(): void {
    const left: FetchedRecords[] = []
    for (const fetched of this.#arrived) {
      if (!fetched.isStale && !fetched.isDrained) left.push(fetched)
      else if (!fetched.isStale) fetched.state.bufferedBytes -= fetched.sizeInBytes
    }
    this.#arrived = left
  }

  #wanted(now: number): Map<number, PartitionState[]> {
    const { cluster, partitionMaxBytes } = this.#options
    const byNode = new Map<number, PartitionState[]>()
    for (const state of this.#options.states()) {
      if (!state.canFetch || state.retryAtMs > now || state.bufferedBytes >= partitionMaxBytes) continue
      const leader = cluster.leaderOf(state.topic, state.partition)
      if (leader === undefined) {
        this.#options.refresh(state.topic)
        continue
      }
      const nodeId = this.#readReplica(state, leader.nodeId, now)
      const node = this.#nodes.get(nodeId)
      if (node?.isBusy === true || (node?.retryAtMs ?? 0) > now) continue
      const states = byNode.get(nodeId)
      if (states === undefined) byNode.set(nodeId, [state])
      else states.push(state)
    }
    return byNode
  }

  /** The follower that the leader told us to read from (KIP-392), as long as that is fresh and it is there. */
  #readReplica(state: PartitionState, leaderId: number, now: number): number {
    if (state.preferredReplica < 0) return leaderId
    const isThere = this.#options.cluster.current.nodes.has(state.preferredReplica)
    const isInSync =
      this.#options.cluster.partitionOf(state.topic, state.partition)?.offlineReplicas.includes(state.preferredReplica) !== true
    if (isThere && isInSync && now < state.preferredUntilMs) return state.preferredReplica
    state.preferredReplica = -1
    return leaderId
  }

  #send(nodeId: number, states: readonly PartitionState[], room: number, now: number): void {
    const { cluster } = this.#options
    let node = this.#nodes.get(nodeId)
    if (node === undefined) {
      node = { session: new FetchSession(), isBusy: false, failures: 0, idleAnswers: 0, retryAtMs: 0 }
      this.#nodes.set(nodeId, node)
    }
    const at = node
    at.isBusy = true
    const connection = cluster.peek(nodeId)
    if (connection !== undefined) {
      this.#request(at, nodeId, connection, states, room)
      return
    }
    cluster.connection(nodeId, { signal: this.#closing.signal }).then(
      () => {
        at.isBusy = false
        at.failures = 0
        // What may be fetched has changed meanwhile.
        this.pump()
      },
      (error) => this.#failed(at, nodeId, states, error, now)
    )
  }

  #request(node: NodeFetch, nodeId: number, connection: ClientConnection, states: readonly PartitionState[], room: number): void {
    const { cluster, partitionMaxBytes } = this.#options
    const wanted = new Map<string, SessionPartition>()
    const sent = new Map<string, { state: PartitionState; version: number; offset: number }>()
    for (const state of states) {
      wanted.set(state.key, {
        topic: state.topic,
        topicId: cluster.topicId(state.topic),
        partition: state.partition,
        currentLeaderEpoch: cluster.leaderOf(state.topic, state.partition)?.leaderEpoch ?? -1,
        fetchOffset: state.fetchOffset,
        partitionMaxBytes
      })
      sent.set(state.key, { state, version: state.fetchVersion, offset: state.fetchOffset })
    }
    const now = cluster.world.clock.monotonicMs()
    let request: SessionRequest
    let version: number
    try {
      version = connection.versionFor(FetchRequest, { min: 4 })
      request = node.session.next(wanted)
      if (!request.usesTopicIds) version = Math.min(version, TOPIC_ID_VERSION - 1)
    } catch (error) {
      this.#failed(node, nodeId, states, error, now)
      return
    }
    const { sessionId, sessionEpoch } = request
    const body = {
      ...this.#body(),
      maxBytes: Math.max(1, Math.min(this.#options.maxBytes, room)),
      sessionId,
      sessionEpoch,
      topics: grouped(request.send).map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ partition, currentLeaderEpoch, fetchOffset }) => ({
          partition,
          currentLeaderEpoch,
          fetchOffset,
          partitionMaxBytes
        }))
      })),
      forgottenTopicsData: grouped(request.forget).map(({ topic, topicId, partitions }) => ({
        topic,
        topicId,
        partitions: partitions.map(({ partition }) => partition)
      }))
    }
    connection.send(FetchRequest, FetchResponse, body, { version, signal: this.#closing.signal }).then(
      (response) => this.#onResponse(node, nodeId, request, { sent, atMs: now }, response),
      (error) => {
        node.session.onFailure()
        this.#failed(node, nodeId, states, error, cluster.world.clock.monotonicMs())
      }
    )
  }

  #body() {
    const { minBytes, maxBytes, maxWaitMs, isReadCommitted, rackId } = this.#options
    const isolationLevel = isReadCommitted ? IsolationLevel.READ_COMMITTED : IsolationLevel.READ_UNCOMMITTED
    return { replicaId: -1, maxWaitMs, minBytes, maxBytes, isolationLevel, rackId }
  }

  #onResponse(node: NodeFetch, nodeId: number, request: SessionRequest, { sent, atMs }: SentFetch, response: FetchResponse): void {
    node.isBusy = false
    if (this.#isClosed) return
    const now = this.#options.cluster.world.clock.monotonicMs()
    if (!node.session.onResponse(response.errorCode, response.sessionId)) {
      node.failures++
      // A session that the broker dropped is nothing to wait for, once.
      if (node.failures > 1) node.retryAtMs = this.#later(now, node.failures - 2)
      if (response.errorCode === ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
        for (const { state } of sent.values()) this.#options.refresh(state.topic)
      this.pump()
      return
    }
    node.failures = 0
    let isIdle = true
    const endpoints = response.nodeEndpoints.map(({ nodeId: id, host, port, rack }) => ({ id, host, port, rack }))
    for (const { topic, topicId, partitions } of response.responses) {
      const name = request.usesTopicIds ? request.topicNames.get(topicId as Uuid) : topic
      if (name === undefined) continue
      for (const data of partitions) {
        const asked = sent.get(partitionKey(name, data.partitionIndex))
        if (asked === undefined) continue
        if (data.errorCode !== ErrorCode.NONE || (data.records?.length ?? 0) > 0) isIdle = false
        if (asked.state.isGone || asked.state.fetchVersion !== asked.version) continue
        this.#onPartition(asked.state, asked.offset, data, nodeId, now)
        const { leaderId, leaderEpoch } = data.currentLeader
        if (leaderId >= 0 && leaderEpoch >= 0)
          this.#options.cluster.updateLeaders([{ topic: name, partition: data.partitionIndex, leaderId, leaderEpoch }], endpoints)
      }
    }
    this.#pace(node, isIdle, now - atMs)
    this.#options.wake()
    this.pump()
  }

  /** A broker waits before it says that there is nothing; one that does not is not asked without a pause. */
  #pace(node: NodeFetch, isIdle: boolean, tookMs: number): void {
    node.idleAnswers = isIdle && tookMs < this.#options.maxWaitMs / 2 ? node.idleAnswers + 1 : 0
    if (node.idleAnswers < IDLE_ANSWERS) return
    node.retryAtMs = this.#later(this.#options.cluster.world.clock.monotonicMs(), node.idleAnswers - IDLE_ANSWERS)
  }

  #onPartition(state: PartitionState, offset: number, data: FetchedPartition, nodeId: number, now: number): void {
    const { errorCode } = data
    if (errorCode !== ErrorCode.NONE) {
      this.#onPartitionError(state, errorCode, now)
      return
    }
    if (data.highWatermark >= 0) state.highWatermark = data.highWatermark
    if (data.lastStableOffset >= 0) state.lastStableOffset = data.lastStableOffset
    if (data.logStartOffset >= 0) state.logStartOffset = data.logStartOffset
    if (data.preferredReadReplica >= 0 && data.preferredReadReplica !== nodeId) {
      state.preferredReplica = data.preferredReadReplica
      state.preferredUntilMs = now + this.#options.metadataMaxAgeMs
    }
    if (data.records === null || data.records.length === 0) return
    const { checksCrc, isReadCommitted } = this.#options
    const fetched = new FetchedRecords(state, offset, data, { checksCrc, isReadCommitted })
    state.bufferedBytes += fetched.sizeInBytes
    this.#options.metrics.fetched(fetched.sizeInBytes)
    state.fetchOffset = fetched.endOffset
    // Bytes without a whole batch at or after the offset: asking again at once would be a loop.
    if (fetched.endOffset === offset) state.retryAtMs = this.#later(now, 0)
    this.#arrived.push(fetched)
  }

  #onPartitionError(state: PartitionState, errorCode: number, now: number): void {
    state.retryAtMs = this.#later(now, 0)
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      // A follower may lag behind what the leader has: the leader decides.
      if (state.preferredReplica >= 0) {
        state.preferredReplica = -1
        state.retryAtMs = 0
      } else if (state.bufferedBytes === 0 && !state.waitsForWork(now)) this.#options.onOutOfRange(state)
      return
    }
    if (staleLeader.has(errorCode)) {
      state.preferredReplica = -1
      if (errorCode !== ErrorCode.UNKNOWN_LEADER_EPOCH) this.#options.refresh(state.topic)
      return
    }
    if (errorCode === ErrorCode.UNKNOWN_SERVER_ERROR) return
    const error = new KafkaError(errorCode, { message: `${state.key}: ${new KafkaError(errorCode).message}` })
    if (!error.retriable) this.#options.onError(error)
  }

  #failed(node: NodeFetch, nodeId: number, states: readonly PartitionState[], error: unknown, now: number): void {
    node.isBusy = false
    if (this.#isClosed) return
    node.retryAtMs = this.#later(now, node.failures++)
    const { cluster } = this.#options
    for (const state of states) {
      if (state.preferredReplica === nodeId) state.preferredReplica = -1
      this.#options.refresh(state.topic)
    }
    cluster.invalidate()
    if (error instanceof KafkaError ? error.fatal : !(error as { retriable?: boolean }).retriable) {
      const code = (error as { code?: string }).code
      if (code === 'PROTOCOL_VIOLATION' || code === 'UNSUPPORTED_VERSION')
        this.#options.onError(
          error instanceof KafkaError
            ? error
            : new KafkaError(-1, { code, message: String((error as Error).message), cause: error, retriable: false })
        )
    }
  }

  #later(now: number, failures: number): number {
    const { cluster, wake } = this.#options
    const waitMs = backoffMs(cluster.backoff, failures, cluster.world)
    const timer = cluster.world.timers.schedule(waitMs + 1, () => {
      this.#timers.delete(timer)
      this.pump()
      wake()
    })
    this.#timers.add(timer)
    return now + waitMs
  }
}

function grouped(partitions: readonly SessionPartition[]): { topic: string; topicId: Uuid | undefined; partitions: SessionPartition[] }[] {
  const topics = new Map<string, { topic: string; topicId: Uuid | undefined; partitions: SessionPartition[] }>()
  for (const partition of partitions) {
    const { topic, topicId } = partition
    const key = `${topic}/${topicId ?? ''}`
    const known = topics.get(key)
    if (known === undefined) topics.set(key, { topic, topicId, partitions: [partition] })
    else known.partitions.push(partition)
  }
  return [...topics.values()]
}
