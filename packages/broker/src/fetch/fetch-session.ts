// Incremental fetch sessions (KIP-227), the core: no clock, no I/O. A session remembers what a client fetches and what it
// was told last, so that a request names only what changed and an answer holds only what is new.
import { ZERO_UUID } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'

export const INVALID_SESSION_ID = 0
/** Asks for a new session (with a full request). */
export const INITIAL_EPOCH = 0
/** Ends the session; the request is full and sessionless. */
export const FINAL_EPOCH = -1

/** One partition of a fetch: what the client asks, and what it was told last. */
export interface FetchPartition {
  /** Empty when the request names an id that is not known here. */
  topic: string
  /** ZERO_UUID when the request names topics by name. */
  readonly topicId: string
  readonly partition: number
  maxBytes: number
  currentLeaderEpoch: number
  fetchOffset: number
  lastFetchedEpoch: number
  logStartOffset: number
  sentHighWatermark: number
  sentLogStartOffset: number
}

export interface FetchSession {
  readonly id: number
  /** The epoch the next request must have. */
  epoch: number
  readonly usesTopicIds: boolean
  readonly createdMs: number
  lastUsedMs: number
  readonly partitions: Map<string, FetchPartition>
}

export interface FetchSessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly partitions: readonly FetchPartition[]
  readonly forgotten: readonly { topic: string; topicId: string; partition: number }[]
}

/** What to fetch and how to answer: `session` is set when the answer is incremental. */
export interface FetchScope {
  readonly errorCode: number
  readonly session: FetchSession | undefined
  /** A full request that asks for a session. */
  readonly wantsSession: boolean
  /** A list: a fetch that waits reads it again. */
  readonly partitions: readonly FetchPartition[]
}

/** Sessions used within this time are evicted only for bigger ones that are older than it. */
const EVICTION_MS = 120_000
/** Partitions remembered by all sessions together: beyond it no session is made (ours; Apache Kafka has no such bound). */
const PARTITIONS_MAX = 250_000

export class FetchSessionCache {
  readonly #slots: () => number
  readonly #randomId: () => number
  /** In the order of last use. */
  readonly #sessions = new Map<number, FetchSession>()
  #partitionCount = 0

  /** `randomId` gives whole numbers in [1, 2^31). */
  constructor(slots: () => number, randomId: () => number) {
    this.#slots = slots
    this.#randomId = randomId
  }

  get size(): number {
    return this.#sessions.size
  }

  get partitionCount(): number {
    return this.#partitionCount
  }

  /** Finds or ends the session that the request names and takes its changes. */
  begin(request: FetchSessionRequest, now: number): FetchScope {
    const { sessionId, sessionEpoch, partitions } = request
    if (sessionEpoch === INITIAL_EPOCH || sessionEpoch === FINAL_EPOCH) {
      if (sessionId !== INVALID_SESSION_ID) this.#remove(sessionId)
      return { errorCode: ErrorCode.NONE, session: undefined, wantsSession: sessionEpoch === INITIAL_EPOCH, partitions }
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return failed(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    if (session.epoch !== sessionEpoch) return failed(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    if (session.usesTopicIds !== request.usesTopicIds) return failed(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
    this.#update(session, request)
    if (session.partitions.size === 0) {
      this.#remove(sessionId)
      return { errorCode: ErrorCode.NONE, session: undefined, wantsSession: false, partitions: [] }
    }
    if (this.#partitionCount > PARTITIONS_MAX) {
      this.#remove(sessionId)
      return failed(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    }
    session.epoch = session.epoch === 0x7fffffff ? 1 : session.epoch + 1
    this.#touch(session, now)
    return { errorCode: ErrorCode.NONE, session, wantsSession: false, partitions: [...session.partitions.values()] }
  }

  /** Makes a session for a full request that was answered; 0 when there is no room. */
  create(partitions: readonly FetchPartition[], usesTopicIds: boolean, now: number): number {
    if (this.#partitionCount + partitions.length > PARTITIONS_MAX) return INVALID_SESSION_ID
    if (this.#sessions.size >= this.#slots() && !this.#evictFor(partitions.length, now)) return INVALID_SESSION_ID
    let id = this.#randomId()
    while (this.#sessions.has(id)) id = this.#randomId()
    const map = new Map<string, FetchPartition>()
    for (const partition of partitions) map.set(keyOf(partition), partition)
    this.#sessions.set(id, { id, epoch: 1, usesTopicIds, createdMs: now, lastUsedMs: now, partitions: map })
    this.#partitionCount += map.size
    return id
  }

  #update(session: FetchSession, request: FetchSessionRequest): void {
    const before = session.partitions.size
    for (const wanted of request.partitions) {
      const key = keyOf(wanted)
      const known = session.partitions.get(key)
      if (known === undefined) {
        session.partitions.set(key, wanted)
      } else {
        known.topic = wanted.topic
        known.maxBytes = wanted.maxBytes
        known.currentLeaderEpoch = wanted.currentLeaderEpoch
        known.fetchOffset = wanted.fetchOffset
        known.lastFetchedEpoch = wanted.lastFetchedEpoch
        known.logStartOffset = wanted.logStartOffset
      }
    }
    for (const gone of request.forgotten) session.partitions.delete(keyOf(gone))
    this.#partitionCount += session.partitions.size - before
  }

  #touch(session: FetchSession, now: number): void {
    session.lastUsedMs = now
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  #evictFor(size: number, now: number): boolean {
    const [oldest] = this.#sessions.values()
    if (oldest === undefined) return false
    if (now - oldest.lastUsedMs > EVICTION_MS) return this.#remove(oldest.id)
    let smallest: FetchSession | undefined
    for (const session of this.#sessions.values()) {
      const isEvictable = now - session.createdMs > EVICTION_MS
      if (isEvictable && (smallest === undefined || session.partitions.size < smallest.partitions.size)) smallest = session
    }
    if (smallest === undefined || smallest.partitions.size >= size) return false
    return this.#remove(smallest.id)
  }

  #remove(id: number): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined) return false
    this.#partitionCount -= session.partitions.size
    return this.#sessions.delete(id)
  }
}

function failed(errorCode: number): FetchScope {
  return { errorCode, session: undefined, wantsSession: false, partitions: [] }
}

function keyOf(partition: { topic: string; topicId: string; partition: number }): string {
  return partition.topicId === ZERO_UUID ? `${partition.partition}:${partition.topic}` : `${partition.partition}#${partition.topicId}`
}

/** What an incremental answer says of a partition. */
export interface FetchOutcome {
  readonly errorCode: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly sizeInBytes: number
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | undefined
}

/** True when the client must hear of this outcome; remembers what it hears. Errors are told each time. */
export function noteOutcome(partition: FetchPartition, outcome: FetchOutcome): boolean {
  let mustAnswer = outcome.sizeInBytes > 0 || outcome.divergingEpoch !== undefined
  if (partition.sentHighWatermark !== outcome.highWatermark) {
    partition.sentHighWatermark = outcome.highWatermark
    mustAnswer = true
  }
  if (partition.sentLogStartOffset !== outcome.logStartOffset) {
    partition.sentLogStartOffset = outcome.logStartOffset
    mustAnswer = true
  }
  if (outcome.errorCode !== ErrorCode.NONE) {
    partition.sentHighWatermark = -1
    mustAnswer = true
  }
  return mustAnswer
}

/** Partitions that gave records go to the end of the line, so that all get their turn when answers are full. */
export function rotate(session: FetchSession, served: readonly FetchPartition[]): void {
  for (const partition of served) {
    const key = keyOf(partition)
    if (session.partitions.delete(key)) session.partitions.set(key, partition)
  }
}
