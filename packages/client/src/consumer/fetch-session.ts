// The client side of incremental fetch sessions (KIP-227) with one broker: which partitions a request has to name, given what the
// broker already knows. Synchronous; the fetcher sends what `next` builds and tells how it ended. One request at a time.
//
// A session holds on to ids of topics: a topic that was made anew is forgotten under its old id and added under its new one.
import { type Uuid, ZERO_UUID } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'

export interface SessionPartition {
  readonly topic: string
  /** undefined: the broker does not tell ids; the request goes by name. */
  readonly topicId: Uuid | undefined
  readonly partition: number
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly partitionMaxBytes: number
}

export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly send: readonly SessionPartition[]
  readonly forget: readonly SessionPartition[]
  /** For answers that name topics by id. */
  readonly topicNames: ReadonlyMap<Uuid, string>
}

const INITIAL_EPOCH = 0
const FINAL_EPOCH = -1

export class FetchSession {
  #id = 0
  #epoch = INITIAL_EPOCH
  #usesTopicIds = true
  /** What the broker knows, by topic and partition. */
  #partitions = new Map<string, SessionPartition>()

  next(wanted: ReadonlyMap<string, SessionPartition>): SessionRequest {
    const usesTopicIds = [...wanted.values()].every(({ topicId }) => topicId !== undefined && topicId !== ZERO_UUID)
    // The way of naming topics is one for the whole session.
    if (wanted.size > 0 && usesTopicIds !== this.#usesTopicIds) {
      this.#epoch = INITIAL_EPOCH
      this.#usesTopicIds = usesTopicIds
    }
    const topicNames = new Map<Uuid, string>()
    const request = { sessionId: this.#id, sessionEpoch: this.#epoch, usesTopicIds: this.#usesTopicIds, topicNames }
    if (this.#epoch === INITIAL_EPOCH) {
      this.#partitions = new Map(wanted)
      this.#name(topicNames)
      return { ...request, send: [...wanted.values()], forget: [] }
    }
    const send: SessionPartition[] = []
    const forget: SessionPartition[] = []
    for (const [key, known] of this.#partitions) {
      const partition = wanted.get(key)
      if (partition !== undefined && partition.topicId === known.topicId) continue
      forget.push(known)
      this.#partitions.delete(key)
    }
    for (const [key, partition] of wanted) {
      const known = this.#partitions.get(key)
      if (known !== undefined && isSame(known, partition)) continue
      send.push(partition)
      this.#partitions.set(key, partition)
    }
    this.#name(topicNames)
    return { ...request, send, forget }
  }

  /** False: the session is over and the answer has nothing to read. */
  onResponse(errorCode: number, sessionId: number): boolean {
    if (errorCode !== ErrorCode.NONE) {
      if (errorCode === ErrorCode.FETCH_SESSION_ID_NOT_FOUND) this.#id = 0
      this.#epoch = INITIAL_EPOCH
      return false
    }
    if (sessionId === 0) {
      this.#id = 0
      this.#epoch = INITIAL_EPOCH
    } else if (this.#epoch === INITIAL_EPOCH) {
      this.#id = sessionId
      this.#epoch = 1
    } else if (sessionId !== this.#id) {
      this.#epoch = INITIAL_EPOCH
    } else this.#epoch = this.#epoch === 0x7fffffff ? 1 : this.#epoch + 1
    return true
  }

  /** The request has no answer: what the broker knows is not certain any more. The id stays, so that the broker can drop the session. */
  onFailure(): void {
    this.#epoch = INITIAL_EPOCH
  }

  /** The request that ends the session, if there is one. */
  final(): { sessionId: number; sessionEpoch: number } | undefined {
    return this.#id === 0 ? undefined : { sessionId: this.#id, sessionEpoch: FINAL_EPOCH }
  }

  #name(names: Map<Uuid, string>): void {
    for (const { topic, topicId } of this.#partitions.values()) if (topicId !== undefined) names.set(topicId, topic)
  }
}

function isSame(a: SessionPartition, b: SessionPartition): boolean {
  return a.fetchOffset === b.fetchOffset && a.currentLeaderEpoch === b.currentLeaderEpoch && a.partitionMaxBytes === b.partitionMaxBytes
}
