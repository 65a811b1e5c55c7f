/**
 * What a log does to records before it appends them. `validateAndAssign` is the whole of it: sizes, CRC (once), the
 * rules on batches, then for client and coordinator records the deep check and offsets (assign-offsets.ts); records
 * that bring their offsets (followers, the raft leader) are only analysed. Outcomes are values, nothing is thrown.
 *
 * The caller's buffer is patched in place wherever the bytes may stay as they are; after an error its contents are
 * undefined. Nothing is kept.
 */
import { ErrorCode } from '../errors.ts'
import { assignOffsets } from './assign-offsets.ts'
import type { RecordBatch } from './record-batch.ts'
import { nextBatch } from './record-batch.ts'
import type { CompressionType } from './types.ts'
import { COMPRESSION_TYPES, NO_TIMESTAMP, RecordDecodeError } from './types.ts'
import type { AssignOptions, ValidatedRecords } from './validate-types.ts'
import { Rejection } from './validate-types.ts'

export interface ValidateOptions extends AssignOptions {
  records: Buffer
}

const NO_BATCHES: readonly RecordBatch[] = Object.freeze([])
const EMPTY = Buffer.alloc(0)

export function validateAndAssign(options: ValidateOptions): ValidatedRecords {
  try {
    const analysis = analyze(options)
    const { origin } = options
    if (origin === 'raft' || origin === 'replication') return givenOffsets(options, analysis)
    return assigned(options, analysis)
  } catch (error) {
    if (error instanceof RecordDecodeError) return rejected(error)
    throw error
  }
}

interface Analysis {
  batches: RecordBatch[]
  validBytes: number
  sourceCompression: CompressionType
  isMonotonic: boolean
}

/** Every whole batch's size, CRC and, from clients, base offset. Throws the first thing wrong. */
function analyze(options: ValidateOptions): Analysis {
  const { records, origin, config, topicPartition } = options
  const batches: RecordBatch[] = []
  let validBytes = 0
  let sourceCompression: CompressionType = 'none'
  let isMonotonic = true
  let lastOffset = -1
  for (;;) {
    const batch = nextBatch(records, validBytes)
    if (batch === undefined) return { batches, validBytes, sourceCompression, isMonotonic }
    if (origin === 'raft' && batch.partitionLeaderEpoch !== options.partitionLeaderEpoch) {
      throw new Rejection(ErrorCode.INVALID_RECORD, 'Append from Raft leader did not set the batch epoch correctly')
    }
    if (origin === 'client' && batch.magic >= 2 && batch.baseOffset !== 0) {
      throw new Rejection(
        ErrorCode.INVALID_RECORD,
        `The baseOffset of the record batch in the append to ${topicPartition} should be 0, but it is ${batch.baseOffset}`
      )
    }
    if (lastOffset >= batch.lastOffset) isMonotonic = false
    lastOffset = batch.lastOffset
    if (origin !== 'replication' && batch.sizeInBytes > config.maxMessageBytes) {
      throw new Rejection(
        ErrorCode.MESSAGE_TOO_LARGE,
        `The record batch size in the append to ${topicPartition} is ${batch.sizeInBytes} bytes which exceeds the maximum configured value of ${config.maxMessageBytes}.`
      )
    }
    if (!batch.isValid()) {
      throw new Rejection(
        ErrorCode.CORRUPT_MESSAGE,
        `Record is corrupt (stored crc = ${batch.crc}) in topic partition ${topicPartition}.`,
        { reason: 'crc' }
      )
    }
    if (batch.isCompressed) sourceCompression = batch.compression
    batches.push(batch)
    validBytes += batch.sizeInBytes
  }
}

function assigned(options: ValidateOptions, analysis: Analysis): ValidatedRecords {
  const { records, config, topicPartition } = options
  const { batches, validBytes, sourceCompression } = analysis
  const trimmed = validBytes === records.length ? records : records.subarray(0, validBytes)
  const result = assignOffsets(trimmed, batches, sourceCompression, options)
  if (result.messageSizeMaybeChanged) {
    for (const batch of result.batches) {
      if (batch.sizeInBytes <= config.maxMessageBytes) continue
      throw new Rejection(
        ErrorCode.MESSAGE_TOO_LARGE,
        `Message batch size is ${batch.sizeInBytes} bytes in append to partition ${topicPartition} which exceeds the maximum configured size of ${config.maxMessageBytes}.`
      )
    }
  }
  return {
    errorCode: ErrorCode.NONE,
    message: null,
    recordErrors: [],
    records: result.records,
    batches: result.batches,
    firstOffset: options.firstOffset,
    lastOffset: result.nextOffset - 1,
    maxTimestampMs: result.maxTimestampMs,
    offsetOfMaxTimestamp: result.offsetOfMaxTimestamp,
    logAppendTimeMs: config.timestampType === 'LogAppendTime' ? options.now : NO_TIMESTAMP,
    messageSizeMaybeChanged: result.messageSizeMaybeChanged,
    sourceCompression
  }
}

/** Offsets are taken as they come; that they follow the log's end is for the log to say. */
function givenOffsets(options: ValidateOptions, analysis: Analysis): ValidatedRecords {
  const { records, topicPartition } = options
  const { batches, validBytes, sourceCompression } = analysis
  if (!analysis.isMonotonic) {
    throw new Rejection(
      ErrorCode.UNKNOWN_SERVER_ERROR,
      `Out of order offsets found in append to ${topicPartition}: ${batches.map((batch) => batch.lastOffset)}`
    )
  }
  let maxTimestampMs = NO_TIMESTAMP
  let offsetOfMaxTimestamp = -1
  for (const batch of batches) {
    if (batch.maxTimestamp <= maxTimestampMs) continue
    maxTimestampMs = batch.maxTimestamp
    offsetOfMaxTimestamp = batch.lastOffset
  }
  const first = batches[0] as RecordBatch | undefined
  return {
    errorCode: ErrorCode.NONE,
    message: null,
    recordErrors: [],
    records: validBytes === records.length ? records : records.subarray(0, validBytes),
    batches,
    firstOffset: first !== undefined && first.magic >= 2 ? first.baseOffset : -1,
    lastOffset: batches.at(-1)?.lastOffset ?? -1,
    maxTimestampMs,
    offsetOfMaxTimestamp,
    logAppendTimeMs: NO_TIMESTAMP,
    messageSizeMaybeChanged: false,
    sourceCompression
  }
}

function rejected(error: RecordDecodeError): ValidatedRecords {
  const rejection = error instanceof Rejection ? error : undefined
  return {
    errorCode: error.errorCode,
    message: error.message,
    recordErrors: rejection?.recordErrors ?? [],
    reason: rejection?.reason,
    records: EMPTY,
    batches: NO_BATCHES,
    firstOffset: -1,
    lastOffset: -1,
    maxTimestampMs: NO_TIMESTAMP,
    offsetOfMaxTimestamp: -1,
    logAppendTimeMs: NO_TIMESTAMP,
    messageSizeMaybeChanged: false,
    sourceCompression: 'none'
  }
}

const FIRST_VERSION_WITH_ZSTD = 7

/**
 * What a Produce request of version 3 or later may hold for one partition: exactly one batch of magic 2, and zstd from
 * version 7 on. Comes before `validateAndAssign`. Returns undefined where it is so.
 */
export function checkProduceRecords(records: Buffer | null, version: number): { errorCode: number; message: string } | undefined {
  const of = `Produce requests with version ${version}`
  const refuse = (message: string): { errorCode: number; message: string } => ({
    errorCode: ErrorCode.INVALID_RECORD,
    message: `${of} ${message}`
  })
  try {
    const batch = records === null ? undefined : nextBatch(records)
    if (records === null || batch === undefined) return refuse('must have at least one record batch per partition')
    if (batch.magic !== 2) return refuse('are only allowed to contain record batches with magic version 2')
    if (batch.compressionId >= COMPRESSION_TYPES.length) {
      return { errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message: `Unknown compression type id: ${batch.compressionId}` }
    }
    if (version < FIRST_VERSION_WITH_ZSTD && batch.compression === 'zstd') {
      return { errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message: `${of} are not allowed to use ZStandard compression` }
    }
    if (nextBatch(records, batch.sizeInBytes) !== undefined)
      return refuse('are only allowed to contain exactly one record batch per partition')
    return undefined
  } catch (error) {
    if (error instanceof RecordDecodeError) return { errorCode: error.errorCode, message: error.message }
    throw error
  }
}
