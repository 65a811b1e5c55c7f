// What a log takes and gives: the shapes of its append, and of what the loader makes it from.

import type { Uuid } from '@odradek/base'
import type { AppendOrigin, RecordError } from '@odradek/protocol'
import type { EpochCache } from './epoch-cache.ts'
import type { TopicPartition } from './layout.ts'
import type { LogConfig } from './log-config.ts'
import type { LogDirectory } from './log-directory.ts'
import type { BatchMetadata } from './producer-snapshot.ts'
import type { ProducerState, VerificationState } from './producer-state.ts'
import type { Segment } from './segment.ts'

export interface LogListener {
  /** Everything below `offset` may be acknowledged: it is written or, with `odradek.durability=sync`, on disk. */
  onWritten(offset: number): void
  /**
   * What was appended at or above `writtenOffset` is lost. Of a full disk (`isDiskFull`) the log goes on from there
   * when its directory has room; with any other the directory is offline.
   */
  onFailed(error: unknown): void
}

export interface AppendOptions {
  origin: AppendOrigin
  /** Of the leader that appends: stamped on batches of clients and coordinators; those of `raft` must carry it; not used by `replication`. */
  leaderEpoch: number
  /** Wall clock, ms. */
  now: number
  /** Of the end-of-transaction marker that is appended (KIP-890); 0 where not said. */
  transactionVersion?: number
  verification?: VerificationState
}

export interface AppendResult {
  /** 0, or what the client is told. */
  errorCode: number
  message: string | null
  recordErrors: readonly RecordError[]
  baseOffset: number
  lastOffset: number
  /** -1 unless the topic stamps records. */
  logAppendTimeMs: number
  logStartOffset: number
  /** The batch was here already; the offsets are those of the first time. */
  duplicate: boolean
}

export interface PartitionLogState {
  directory: LogDirectory
  path: string
  topicPartition: TopicPartition
  topicId: Uuid | undefined
  savedTopicId: Uuid | undefined
  config: LogConfig
  segments: Segment[]
  epochs: EpochCache
  producers: ProducerState
  snapshots: number[]
  logStartOffset: number
  logEndOffset: number
  recoveryPoint: number
  highWatermark: number
  isFolderSynced: boolean
}

const NO_ERRORS: readonly RecordError[] = []

export function refusedAppend(
  errorCode: number,
  message: string | null,
  recordErrors: readonly RecordError[],
  logStartOffset: number
): AppendResult {
  return { errorCode, message, recordErrors, baseOffset: -1, lastOffset: -1, logAppendTimeMs: -1, logStartOffset, duplicate: false }
}

/** The batch was appended before: it is answered with what it got then. */
export function repeatedAppend(batch: BatchMetadata, logStartOffset: number): AppendResult {
  const { lastOffset, offsetDelta, timestamp } = batch
  return {
    errorCode: 0,
    message: null,
    recordErrors: NO_ERRORS,
    baseOffset: lastOffset - offsetDelta,
    lastOffset,
    logAppendTimeMs: timestamp,
    logStartOffset,
    duplicate: true
  }
}
