import type { RecordBatch } from './record-batch.ts'
import type { CompressionType, TimestampType } from './types.ts'
import { RecordDecodeError } from './types.ts'

/**
 * Who appends. `client` and `coordinator` records get their offsets here; `raft` (the leader of the metadata log) and
 * `replication` bring theirs.
 */
export type AppendOrigin = 'client' | 'coordinator' | 'raft' | 'replication'

/** What of a topic's configuration bears on its records. */
export interface RecordsConfig {
  /** `max.message.bytes`: of one batch, as it arrives and as it is stored. */
  maxMessageBytes: number
  /** `compression.type`: `producer` keeps what the producer sent. */
  compressionType: CompressionType | 'producer'
  /** `compression.<codec>.level` of that codec; the codec's default where absent. */
  compressionLevel?: number
  /** `message.timestamp.type`. */
  timestampType: TimestampType
  /** `message.timestamp.before.max.ms` and `message.timestamp.after.max.ms`. */
  timestampBeforeMaxMs: number
  timestampAfterMaxMs: number
  /** True where `cleanup.policy` has `compact`. */
  isCompacted: boolean
  /** Decompressed bytes allowed for one batch; 32 × `maxMessageBytes` where absent. */
  decompressedBytesMax?: number
}

export interface AssignOptions {
  /** `topic-partition`, for messages. */
  topicPartition: string
  /** The offset the first record gets. */
  firstOffset: number
  /** The broker's clock in ms. */
  now: number
  origin: AppendOrigin
  /** The epoch of this leader: stamped on the batches, or for `raft` what they must carry. */
  partitionLeaderEpoch: number
  config: RecordsConfig
}

export interface RecordError {
  /** Place of the record in its batch. */
  batchIndex: number
  message: string
}

/** Which of the broker's meters of bad records counts a rejection. */
export type RejectionReason = 'magic' | 'crc' | 'offset-or-sequence' | 'no-key'

export interface ValidatedRecords {
  /** ErrorCode.NONE, or what the producer is answered. With an error only `message`, `recordErrors` and `reason` mean anything. */
  errorCode: number
  message: string | null
  recordErrors: readonly RecordError[]
  reason?: RejectionReason
  /** What to append: the caller's bytes, patched in place and cut after the last whole batch, or new ones. */
  records: Buffer
  /** Headers of `records`, read after patching. */
  batches: readonly RecordBatch[]
  /** -1 where unknown (legacy batches that keep their offsets). */
  firstOffset: number
  /** -1 where there is no batch. */
  lastOffset: number
  maxTimestampMs: number
  /** What Kafka puts beside it into the time index: the last offset of the batch that holds it. -1 where there is no timestamp. */
  offsetOfMaxTimestamp: number
  /** The broker's time for LogAppendTime, -1 for CreateTime: what a produce response carries. */
  logAppendTimeMs: number
  /** True where the batch was built anew (re-compressed or converted). */
  messageSizeMaybeChanged: boolean
  /** `none` unless a batch came compressed. */
  sourceCompression: CompressionType
}

/** Thrown within validation, a value outside of it. */
export class Rejection extends RecordDecodeError {
  readonly recordErrors: readonly RecordError[]
  readonly reason: RejectionReason | undefined

  constructor(errorCode: number, message: string, options: { recordErrors?: readonly RecordError[]; reason?: RejectionReason } = {}) {
    super(errorCode, message)
    this.recordErrors = options.recordErrors ?? []
    this.reason = options.reason
  }
}

/** 32 × the batch's limit, and no less than what a batch of the default limit may have. */
export function decompressedBytesMax(config: RecordsConfig): number {
  return config.decompressedBytesMax ?? Math.max(config.maxMessageBytes, 1024 * 1024) * 32
}
