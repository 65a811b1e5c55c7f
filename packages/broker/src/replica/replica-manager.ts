// The partitions that this broker leads, by topic name and by topic id, and the waits of producers and consumers on them.
// Partitions come and go with the metadata (metadata-applier.ts); requests only look them up.
import type { Uuid } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import type { World } from '@odradek/world'
import { DelayedFetch } from '../fetch/delayed-fetch.ts'
import { Traffic } from '../metrics/traffic.ts'
import { Deadlines } from './deadlines.ts'
import type { Partition } from './partition.ts'

/** The partitions of one topic that are here, by number, with holes. */
export interface LocalTopic {
  readonly name: string
  readonly id: Uuid
  readonly partitions: (Partition | undefined)[]
  readonly traffic: Traffic
}

/** Where bytes of requests are counted that no connection counts any more. */
export interface RequestMemory {
  pin(bytes: number): void
  unpin(bytes: number): void
}

export interface CommitWait {
  readonly partition: Partition
  readonly offset: number
  /** That were appended. */
  readonly bytes: number
  readonly onResult: (errorCode: number) => void
}

export class ReplicaManager {
  /** Of all topics, those that are gone too. */
  readonly traffic = new Traffic()
  readonly #world: World
  readonly #requestMemory: RequestMemory
  readonly #topics = new Map<string, LocalTopic>()
  readonly #topicsById = new Map<Uuid, LocalTopic>()
  readonly #deadlines: Deadlines
  /** Partitions of the metadata that should be here and could not be opened: the error they answer. */
  readonly #offline = new Map<string, number>()

  constructor(world: World, requestMemory: RequestMemory) {
    this.#world = world
    this.#requestMemory = requestMemory
    this.#deadlines = new Deadlines(world)
  }

  topic(name: string): LocalTopic | undefined {
    return this.#topics.get(name)
  }

  topicById(id: Uuid): LocalTopic | undefined {
    return this.#topicsById.get(id)
  }

  get(topic: string, partition: number): Partition | undefined {
    return this.#topics.get(topic)?.partitions[partition]
  }

  *partitions(): IterableIterator<Partition> {
    for (const topic of this.#topics.values()) {
      for (const partition of topic.partitions) if (partition !== undefined) yield partition
    }
  }

  topics(): IterableIterator<LocalTopic> {
    return this.#topics.values()
  }

  /** Partitions that should be here and could not be opened. */
  get offlineCount(): number {
    return this.#offline.size
  }

  /** Requests that wait for the high watermark. */
  get waitingCommits(): number {
    return this.#deadlines.size
  }

  get size(): number {
    let count = 0
    for (const _ of this.partitions()) count++
    return count
  }

  add(partition: Partition): void {
    let topic = this.#topics.get(partition.topic)
    if (topic === undefined) {
      topic = { name: partition.topic, id: partition.topicId, partitions: [], traffic: new Traffic() }
      this.#topics.set(topic.name, topic)
      this.#topicsById.set(topic.id, topic)
    }
    topic.partitions[partition.partition] = partition
    this.#offline.delete(`${partition.topic}-${partition.partition}`)
  }

  /** Ends the waits on the partition with UNKNOWN_TOPIC_OR_PARTITION or the error given. */
  remove(partition: Partition, errorCode: number = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION): void {
    const topic = this.#topics.get(partition.topic)
    if (topic?.partitions[partition.partition] !== partition) return
    delete topic.partitions[partition.partition]
    if (topic.partitions.every((other) => other === undefined)) {
      this.#topics.delete(topic.name)
      this.#topicsById.delete(topic.id)
    }
    partition.fail(errorCode)
  }

  setOffline(topic: string, partition: number, errorCode: number): void {
    this.#offline.set(`${topic}-${partition}`, errorCode)
  }

  /** The partition should not be here any more. */
  forgetOffline(topic: string, partition: number): void {
    this.#offline.delete(`${topic}-${partition}`)
  }

  /** What a request for a partition that is not here gets, when the metadata knows it. */
  missingCode(topic: string, partition: number): number {
    return this.#offline.get(`${topic}-${partition}`) ?? ErrorCode.NOT_LEADER_OR_FOLLOWER
  }

  /** Runs `onDone` when `missingBytes` became readable in the partitions or after `maxWaitMs`, unless it is abandoned before. */
  parkFetch(options: {
    partitions: Iterable<Partition>
    missingBytes: number
    isCommitted: boolean
    maxWaitMs: number
    onDone: () => void
  }): DelayedFetch {
    const fetch = new DelayedFetch(options)
    for (const partition of options.partitions) fetch.watch(partition)
    fetch.timer = this.#world.timers.schedule(options.maxWaitMs, () => fetch.finish())
    return fetch
  }

  /**
   * Calls `onDone` once all offsets are committed, or failed, or `timeoutMs` is over; without it nothing but the log ends the wait.
   * `onResult` is given an error code each. What is answered before it is written goes on counting as memory of requests: a disk
   * that stands still must stop those who write, whatever time they give themselves.
   */
  awaitCommits(waits: readonly CommitWait[], timeoutMs: number | undefined, onDone: () => void): void {
    let missing = waits.length
    let isExpired = false
    const answered: boolean[] = []
    const expire = (): void => {
      isExpired = true
      waits.forEach(({ bytes, onResult }, index) => {
        if (answered[index]) return
        this.#requestMemory.pin(bytes)
        onResult(ErrorCode.REQUEST_TIMED_OUT)
      })
      onDone()
    }
    const deadline = timeoutMs === undefined ? undefined : this.#deadlines.add(timeoutMs, expire)
    waits.forEach(({ partition, offset, bytes, onResult }, index) => {
      partition.whenCommitted(offset, (errorCode) => {
        if (isExpired) {
          this.#requestMemory.unpin(bytes)
          return
        }
        answered[index] = true
        onResult(errorCode)
        if (--missing > 0) return
        if (deadline !== undefined) this.#deadlines.remove(deadline)
        onDone()
      })
    })
  }

  close(): void {
    this.#deadlines.close()
  }
}
