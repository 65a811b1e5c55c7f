import { DecodeError } from '@odradek/base'
import { ErrorCode } from '../errors.ts'

/** `compression.type` of a batch; the id in the attributes is the place in {@link COMPRESSION_TYPES}. */
export type CompressionType = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
export const COMPRESSION_TYPES: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** `NoTimestampType` is what message sets of magic 0 have. */
export type TimestampType = 'CreateTime' | 'LogAppendTime' | 'NoTimestampType'

export interface RecordHeader {
  key: string
  value: Buffer | null
}

/** One record as read. `key`, `value` and header values are views into the batch (or into its decompressed bytes). */
export interface KafkaRecord {
  offset: number
  timestamp: number
  key: Buffer | null
  value: Buffer | null
  headers: readonly RecordHeader[]
}

/** One record to write. Text is written as UTF-8. */
export interface RecordInput {
  key?: Buffer | string | null
  value?: Buffer | string | null
  headers?: readonly { key: string; value?: Buffer | string | null }[]
  /** Milliseconds; the batch's `timestamp` where absent. */
  timestamp?: number | bigint
  /** Offset minus the base offset; counts on by one where absent. */
  offsetDelta?: number
}

export const NO_TIMESTAMP = -1
export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1
export const NO_PARTITION_LEADER_EPOCH = -1

export const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

/** Batch or record bytes that do not decode. `errorCode` is what Apache Kafka answers a producer that sent them. */
export class RecordDecodeError extends DecodeError {
  readonly errorCode: number

  constructor(errorCode: number, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.errorCode = errorCode
  }
}

export const corrupt = (message: string): RecordDecodeError => new RecordDecodeError(ErrorCode.CORRUPT_MESSAGE, message)
export const invalid = (message: string): RecordDecodeError => new RecordDecodeError(ErrorCode.INVALID_RECORD, message)
