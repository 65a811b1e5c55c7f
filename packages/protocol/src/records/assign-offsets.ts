/**
 * The deep check of batches on the leader, and the assignment of offsets, as Apache Kafka's log validator does both:
 * in place where the bytes may stay (base offset, leader epoch and, where they change, max timestamp and CRC are
 * patched), by building a new batch where codec or format differ. The walk over uncompressed records allocates nothing;
 * compressed ones are walked while they are decompressed, through a window.
 *
 * The CRC is not checked here. Throws {@link Rejection} or {@link RecordDecodeError}.
 */

import { decompress, openDecompressor } from '../compression/index.ts'
import { ErrorCode } from '../errors.ts'
import { RecordBatchBuilder } from './batch-builder.ts'
import type { LegacyRecord } from './legacy.ts'
import { decodeLegacyRecords } from './legacy.ts'
import { walkPlainRecords } from './plain-walk.ts'
import { BatchLayout, iterateBatches, RecordBatch, setLastOffset, setMaxTimestamp, setPartitionLeaderEpoch } from './record-batch.ts'
import { RecordChecks } from './record-checks.ts'
import { RecordReader } from './record-reader.ts'
import { RecordStream } from './record-stream.ts'
import type { CompressionType } from './types.ts'
import { invalid, NO_PRODUCER_ID, NO_TIMESTAMP } from './types.ts'
import type { AssignOptions, RecordsConfig } from './validate-types.ts'
import { decompressedBytesMax, Rejection } from './validate-types.ts'
import { readInt64Exact } from './wire.ts'

export interface AssignedRecords {
  records: Buffer
  batches: RecordBatch[]
  nextOffset: number
  maxTimestampMs: number
  offsetOfMaxTimestamp: number
  messageSizeMaybeChanged: boolean
}

/** `batches` are all whole batches of `records`, one after the other from its start. */
export function assignOffsets(
  records: Buffer,
  batches: RecordBatch[],
  sourceCompression: CompressionType,
  options: AssignOptions
): AssignedRecords {
  const { config } = options
  if (batches.length === 0) throw invalid('Record batch has no batches at all')
  const first = batches[0]
  if ((first.magic >= 2 || sourceCompression !== 'none') && batches.length > 1)
    throw invalid('Compressed outer record has more than one batch')
  const targetCompression = config.compressionType === 'producer' ? sourceCompression : config.compressionType
  if (first.magic < 2) return convertLegacy(batches, targetCompression, options)
  validateBatch(first, options)
  if (first.compression === 'none' && (targetCompression === 'none' || first.isControl)) return assignPlain(records, first, options)
  return assignCompressed(records, first, targetCompression, options)
}

/** What a batch from a client must be, whatever its records are. */
function validateBatch(batch: RecordBatch, options: AssignOptions): void {
  if (options.origin !== 'client') return
  const { topicPartition } = options
  const refuse = (message: string): Rejection =>
    new Rejection(ErrorCode.INVALID_RECORD, `${message} in topic partition ${topicPartition}`, { reason: 'offset-or-sequence' })
  if (batch.magic >= 2) {
    const { count } = batch
    const countFromOffsets = batch.lastOffsetDelta + 1
    if (countFromOffsets <= 0) throw refuse(`Batch has an invalid offset range: [${batch.baseOffset}, ${batch.lastOffset}]`)
    if (count <= 0) throw refuse(`Invalid reported count for record batch: ${count}`)
    if (countFromOffsets !== count)
      throw refuse(`Inconsistent batch offset range [${batch.baseOffset}, ${batch.lastOffset}] and count of records ${count}`)
  }
  if (batch.isControl) throw refuse('Clients are not allowed to write control records')
  if (batch.hasProducerId && batch.baseSequence < 0) {
    throw refuse(`Invalid sequence number ${batch.baseSequence} in record batch with producerId ${batch.producerId}`)
  }
}

function assignPlain(records: Buffer, batch: RecordBatch, options: AssignOptions): AssignedRecords {
  const checks = new RecordChecks(batch, options, 'DefaultRecord')
  const { count } = batch
  walkPlainRecords(batch, checks)
  checks.finish()
  const nextOffset = options.firstOffset + count
  const patched = patchBatch(batch, nextOffset - 1, checks.maxTimestamp, options)
  const isLogAppendTime = options.config.timestampType === 'LogAppendTime'
  return {
    records,
    batches: [patched],
    nextOffset,
    maxTimestampMs: isLogAppendTime ? options.now : checks.maxTimestamp,
    offsetOfMaxTimestamp: isLogAppendTime || checks.maxTimestamp > NO_TIMESTAMP ? nextOffset - 1 : -1,
    messageSizeMaybeChanged: false
  }
}

function patchBatch(batch: RecordBatch, lastOffset: number, maxTimestamp: number, options: AssignOptions): RecordBatch {
  const { buffer, position } = batch
  const { timestampType } = options.config
  setLastOffset(buffer, position, lastOffset)
  setPartitionLeaderEpoch(buffer, position, options.partitionLeaderEpoch)
  setMaxTimestamp(buffer, position, timestampType, timestampType === 'LogAppendTime' ? options.now : maxTimestamp)
  return new RecordBatch(buffer, position)
}

/** A v2 batch that comes compressed, or leaves so. */
function assignCompressed(records: Buffer, batch: RecordBatch, target: CompressionType, options: AssignOptions): AssignedRecords {
  const isInPlace = batch.compression === target
  const checks = new RecordChecks(batch, options, isInPlace ? 'PartialDefaultRecord' : 'DefaultRecord')
  const outputBytes = batch.compression === 'none' ? 0 : walkCompressed(batch, checks, options)
  if (!isInPlace) return rebuild(batch, target, outputBytes, checks, options)
  checks.finish()
  // Kafka's validator goes on to rebuild such a batch, without having kept its keys, and fails.
  if (!checks.hasConsecutiveOffsets) {
    throw new Rejection(
      ErrorCode.UNKNOWN_SERVER_ERROR,
      `The offsets of a compressed batch do not count on from 0 in topic partition ${options.topicPartition}`
    )
  }
  const nextOffset = options.firstOffset + batch.count
  const isLogAppendTime = options.config.timestampType === 'LogAppendTime'
  return {
    records,
    batches: [patchBatch(batch, nextOffset - 1, checks.maxTimestamp, options)],
    nextOffset,
    maxTimestampMs: isLogAppendTime ? options.now : checks.maxTimestamp,
    offsetOfMaxTimestamp: nextOffset - 1,
    messageSizeMaybeChanged: false
  }
}

/** Walks and checks all records of a compressed batch without keeping them; returns how many bytes they decompress to. */
function walkCompressed(batch: RecordBatch, checks: RecordChecks, options: AssignOptions): number {
  const input = batch.buffer.subarray(batch.position + BatchLayout.records, batch.end)
  const outputBytesMax = decompressedBytesMax(options.config)
  const source = openDecompressor(batch.compression, input, { outputBytesMax })
  try {
    const stream = new RecordStream(source, input.length, outputBytesMax)
    if (batch.count < 0) throw invalid(`Found invalid record count ${batch.count} in magic v${batch.magic} batch`)
    for (let i = 0; i < batch.count; i++) {
      stream.next()
      checks.check(stream.reader, i)
    }
    if (batch.count > 0) stream.ensureEnd()
    return stream.bytesRead
  } finally {
    source.close()
  }
}

/** Writes the records anew in another codec. Those of a compressed batch were checked before and are known to be of `outputBytes`. */
function rebuild(
  batch: RecordBatch,
  target: CompressionType,
  outputBytes: number,
  checks: RecordChecks,
  options: AssignOptions
): AssignedRecords {
  const { config, firstOffset, now } = options
  const isCompressed = batch.compression !== 'none'
  if (isCompressed) checks.finish()
  const body = batch.buffer.subarray(batch.position + BatchLayout.records, batch.end)
  const bytes = isCompressed ? decompress(batch.compression, body, { outputBytesMax: outputBytes }) : body
  const builder = newBuilder(target, options, batch, bytes.length)
  const reader = new RecordReader(bytes, 0, bytes.length)
  for (let i = 0; i < batch.count; i++) {
    reader.next()
    if (!isCompressed) checks.check(reader, i)
    if (!checks.hasErrors) builder.appendTail(checks.timestampOf(reader), i, bytes, reader.tailStart, reader.position)
  }
  if (!isCompressed) {
    if (batch.count > 0 && !reader.isAtEnd) throw invalid('Incorrect declared batch size, records still remaining in file')
    checks.finish()
  }
  return built(builder.close(), firstOffset + batch.count, now, config)
}

/** Message sets of magic 0 and 1 become one v2 batch. */
function convertLegacy(batches: RecordBatch[], target: CompressionType, options: AssignOptions): AssignedRecords {
  const { config, firstOffset, now } = options
  const outputBytesMax = decompressedBytesMax(config)
  let builder: RecordBatchBuilder | undefined
  let count = 0
  for (const batch of batches) {
    if (batch.magic !== batches[0].magic) {
      throw new Rejection(
        ErrorCode.INVALID_RECORD,
        `Batch magic ${batch.magic} is not the same as the first batch's magic byte ${batches[0].magic} in topic partition ${options.topicPartition}`,
        { reason: 'magic' }
      )
    }
    validateBatch(batch, options)
    const checks = new RecordChecks(batch, options, 'LegacyRecordBatch')
    const records: LegacyRecord[] = decodeLegacyRecords(batch, outputBytesMax)
    builder ??= newBuilder(target, options, batch, batch.sizeInBytes)
    records.forEach((record, index) => {
      checks.checkLegacy(record, index)
      if (!checks.hasErrors) builder?.append(record.timestamp, record.key, record.value)
    })
    checks.finish()
    count += records.length
  }
  return built((builder as RecordBatchBuilder).close(), firstOffset + count, now, config)
}

function newBuilder(compression: CompressionType, options: AssignOptions, batch: RecordBatch, bytes: number): RecordBatchBuilder {
  const { config } = options
  return new RecordBatchBuilder(
    {
      baseOffset: options.firstOffset,
      partitionLeaderEpoch: options.partitionLeaderEpoch,
      compression,
      compressionLevel: config.compressionType === compression ? config.compressionLevel : undefined,
      logAppendTimeMs: config.timestampType === 'LogAppendTime' ? options.now : undefined,
      // An id beyond 2^53 is nobody's, but it is stored as it came.
      producerId: batch.magic >= 2 ? readInt64Exact(batch.buffer, batch.position + BatchLayout.producerId) : NO_PRODUCER_ID,
      producerEpoch: batch.producerEpoch,
      baseSequence: batch.baseSequence,
      isTransactional: batch.isTransactional
    },
    bytes + 128
  )
}

function built(records: Buffer, nextOffset: number, now: number, config: RecordsConfig): AssignedRecords {
  const [batch] = iterateBatches(records)
  const maxTimestampMs = config.timestampType === 'LogAppendTime' ? now : batch.maxTimestamp
  return {
    records,
    batches: [batch],
    nextOffset,
    maxTimestampMs,
    offsetOfMaxTimestamp: maxTimestampMs > NO_TIMESTAMP ? nextOffset - 1 : -1,
    messageSizeMaybeChanged: true
  }
}
