/**
 * Committed offsets of a shard's groups, and those of open transactions that wait for their marker. Timeline
 * collections, changed by replay alone.
 */
import type { SnapshotRegistry, Uuid } from '@odradek/base'
import { TimelineCell, TimelineMap, TimelineSet } from '@odradek/base'
import type { OffsetCommitRecord } from '../group/records.ts'

export interface CommittedOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** -1 when the client did not say. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** -1 unless the commit brought an expiry of its own (OffsetCommit up to version 4). */
  readonly expireTimestampMs: number
  /** All zero when the record does not say. */
  readonly topicId: Uuid
  /** Where the commit lies in the record topic: of a plain and a transactional commit the later record wins. */
  readonly recordOffset: number
}

/** By {@link partitionKey}. */
export type GroupOffsets = TimelineMap<string, CommittedOffset>

type PendingCommit = CommittedOffset & { readonly groupId: string }

const NO_PRODUCER_ID = -1

export function partitionKey(topic: string, partition: number): string {
  return `${partition}:${topic}`
}

export class OffsetStore {
  readonly #registry: SnapshotRegistry
  readonly #byGroup: TimelineMap<string, GroupOffsets>
  /** By producer id, then by group and partition. */
  readonly #pending: TimelineMap<number, TimelineMap<string, PendingCommit>>
  /** Producers with a pending commit, by group, then by partition. */
  readonly #openTransactions: TimelineMap<string, TimelineMap<string, TimelineSet<number>>>
  readonly #size: TimelineCell<number>

  constructor(registry: SnapshotRegistry) {
    this.#registry = registry
    this.#byGroup = new TimelineMap(registry)
    this.#pending = new TimelineMap(registry)
    this.#openTransactions = new TimelineMap(registry)
    this.#size = new TimelineCell(registry, 0)
  }

  /** Committed offsets of all groups. */
  get size(): number {
    return this.#size.get()
  }

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#byGroup.get(groupId)?.get(partitionKey(topic, partition))
  }

  ofGroup(groupId: string, epoch?: number): GroupOffsets | undefined {
    return this.#byGroup.get(groupId, epoch)
  }

  groups(): IterableIterator<[string, GroupOffsets]> {
    return this.#byGroup.entries()
  }

  /** Commits of open transactions, of all producers. */
  *pendingCommits(): IterableIterator<PendingCommit> {
    for (const commits of this.#pending.values()) yield* commits.values()
  }

  hasOpenTransactions(groupId: string): boolean {
    return this.#openTransactions.has(groupId)
  }

  /** Is a commit of an open transaction waiting for this partition? */
  isUnstable(groupId: string, topic: string, partition: number): boolean {
    return this.#openTransactions.get(groupId)?.has(partitionKey(topic, partition)) ?? false
  }

  /** Partitions of the group that have commits of open transactions. */
  unstablePartitions(groupId: string): { topic: string; partition: number }[] {
    return Array.from(this.#openTransactions.get(groupId)?.keys() ?? [], (key) => {
      const colon = key.indexOf(':')
      return { topic: key.slice(colon + 1), partition: Number(key.slice(0, colon)) }
    })
  }

  replay(recordOffset: number, producerId: number, { key, value }: OffsetCommitRecord): void {
    if (value === null) {
      this.#remove(key.group, partitionKey(key.topic, key.partition))
      return
    }
    const committed = {
      topic: key.topic,
      partition: key.partition,
      offset: value.offset,
      leaderEpoch: value.leaderEpoch,
      metadata: value.metadata,
      commitTimestampMs: value.commitTimestamp,
      expireTimestampMs: value.expireTimestamp,
      topicId: value.topicId,
      recordOffset
    }
    if (producerId === NO_PRODUCER_ID) this.#put(key.group, committed)
    else this.#putPending(producerId, { ...committed, groupId: key.group })
  }

  replayEndTransactionMarker(producerId: number, isCommit: boolean): void {
    const commits = this.#pending.get(producerId)
    if (commits === undefined) return
    this.#pending.delete(producerId)
    for (const { groupId, ...committed } of commits.values()) {
      const key = partitionKey(committed.topic, committed.partition)
      this.#closeTransaction(groupId, key, producerId)
      // After compaction a plain commit that came later can stand before the transaction's in the log.
      const existing = this.#byGroup.get(groupId)?.get(key)
      if (isCommit && (existing === undefined || committed.recordOffset > existing.recordOffset)) this.#put(groupId, committed)
    }
  }

  #put(groupId: string, committed: CommittedOffset): void {
    let offsets = this.#byGroup.get(groupId)
    if (offsets === undefined) {
      offsets = new TimelineMap(this.#registry)
      this.#byGroup.set(groupId, offsets)
    }
    if (offsets.set(partitionKey(committed.topic, committed.partition), committed) === undefined) this.#size.set(this.#size.get() + 1)
  }

  #putPending(producerId: number, commit: PendingCommit): void {
    const key = partitionKey(commit.topic, commit.partition)
    let commits = this.#pending.get(producerId)
    if (commits === undefined) {
      commits = new TimelineMap(this.#registry)
      this.#pending.set(producerId, commits)
    }
    commits.set(pendingKey(commit.groupId, key), commit)
    let partitions = this.#openTransactions.get(commit.groupId)
    if (partitions === undefined) {
      partitions = new TimelineMap(this.#registry)
      this.#openTransactions.set(commit.groupId, partitions)
    }
    let producers = partitions.get(key)
    if (producers === undefined) {
      producers = new TimelineSet(this.#registry)
      partitions.set(key, producers)
    }
    producers.add(producerId)
  }

  /** A tombstone takes the pending commits of the partition with it. */
  #remove(groupId: string, key: string): void {
    const offsets = this.#byGroup.get(groupId)
    if (offsets?.delete(key)) {
      this.#size.set(this.#size.get() - 1)
      if (offsets.size === 0) this.#byGroup.delete(groupId)
    }
    for (const producerId of [...(this.#openTransactions.get(groupId)?.get(key) ?? [])]) {
      this.#pending.get(producerId)?.delete(pendingKey(groupId, key))
      this.#closeTransaction(groupId, key, producerId)
    }
  }

  #closeTransaction(groupId: string, key: string, producerId: number): void {
    const partitions = this.#openTransactions.get(groupId)
    const producers = partitions?.get(key)
    if (partitions === undefined || producers === undefined) return
    producers.delete(producerId)
    if (producers.size > 0) return
    partitions.delete(key)
    if (partitions.size === 0) this.#openTransactions.delete(groupId)
  }
}

/** The group id comes last: it may hold any character. */
function pendingKey(groupId: string, key: string): string {
  return `${key.length}:${key}${groupId}`
}
