// Words of the consumer that its users see.
import type { CallOptions, TopicPartition } from '../types.ts'

export interface OffsetAndMetadata {
  /** Of the next record to read. */
  readonly offset: number
  /** Of the last record read; lets the broker's log be checked for truncation. */
  readonly leaderEpoch?: number
  readonly metadata?: string
}

export interface OffsetAndTimestamp {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number | undefined
}

export interface TopicPartitionOffset extends TopicPartition, OffsetAndMetadata {}

/**
 * Awaited: partitions move on only after the promise settles. A listener that throws fails the poll it runs in; the rebalance
 * goes on. Called inside `poll` (or `stream`, `run`, `close`), so that records are never handed out at the same time.
 */
export interface RebalanceListener {
  onAssigned?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** Before the partitions go: what is committed here counts. */
  onRevoked?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** They are gone already; others may have them. Default: onRevoked. */
  onLost?(partitions: readonly TopicPartition[]): void | Promise<void>
}

export interface ConsumerGroupMetadata {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface PollOptions {
  /** Default 1000. 0: what is there. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface CloseOptions extends CallOptions {
  /** False: a member without group.instance.id stays a member until its session times out. Default: leave, unless static. */
  readonly leaveGroup?: boolean
}

export type CommitCallback = (error: Error | undefined, offsets: readonly TopicPartitionOffset[]) => void
