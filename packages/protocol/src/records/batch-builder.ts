/**
 * Writes v2 batches. A builder owns one growing buffer, appends records into it as they come and closes once into the
 * batch's bytes: the caller owns those, the builder is done. Field values follow Kafka's own builder: the base
 * timestamp is the first record's (or the delete horizon), the max timestamp the greatest (or the log append time).
 */
import { crc32c } from '@odradek/base'
import { compress } from '../compression/index.ts'
import { BatchLayout, batchAttributes, LOG_OVERHEAD, RECORD_BATCH_OVERHEAD } from './record-batch.ts'
import type { CompressionType, RecordInput } from './types.ts'
import { COMPRESSION_TYPES, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP } from './types.ts'
import { sizeOfVarint, sizeOfVarlong, writeInt16, writeInt32, writeInt64, writeVarint, writeVarlong } from './wire.ts'

export interface BatchOptions {
  baseOffset?: number | bigint
  partitionLeaderEpoch?: number
  compression?: CompressionType
  /** Level of gzip, lz4 or zstd; the codec's default where absent. */
  compressionLevel?: number
  /** With it the batch is of type LogAppendTime and this is its max timestamp; records keep the timestamps given. */
  logAppendTimeMs?: number
  producerId?: number | bigint
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  isControl?: boolean
  /** Set by compaction: takes the place of the base timestamp. */
  deleteHorizonMs?: number
}

type Bytes = Buffer | string | null | undefined
type Headers = NonNullable<RecordInput['headers']>

/** What a record takes at most beyond its key, value and headers (Kafka's MAX_RECORD_OVERHEAD). */
export const MAX_RECORD_OVERHEAD = 21

const INITIAL_BYTES = 1024

export class RecordBatchBuilder {
  private readonly options: BatchOptions
  private buffer: Buffer
  private position = RECORD_BATCH_OVERHEAD
  private baseTimestamp: number | bigint | undefined
  private maxTimestamp: number | bigint = NO_TIMESTAMP
  private lastOffsetDelta = -1
  private isClosed = false
  count = 0

  constructor(options: BatchOptions = {}, initialBytes = INITIAL_BYTES) {
    this.options = options
    this.baseTimestamp = options.deleteHorizonMs
    this.buffer = Buffer.allocUnsafe(Math.max(initialBytes, RECORD_BATCH_OVERHEAD))
  }

  /** Bytes of the batch now, before compression. */
  get sizeInBytes(): number {
    return this.position
  }

  /** True while a record of these parts surely keeps the uncompressed batch within `bytesMax`. The first always fits. */
  hasRoomFor(bytesMax: number, key: Bytes, value: Bytes, headers?: Headers): boolean {
    return this.count === 0 || this.position + recordSizeUpperBound(key, value, headers) <= bytesMax
  }

  /** Appends a record and returns its offset delta. `offsetDelta` counts on where it is not given; it must grow. */
  append(timestamp: number | bigint, key: Bytes, value: Bytes, headers: Headers = [], offsetDelta = this.lastOffsetDelta + 1): number {
    this.baseTimestamp ??= timestamp
    const timestampDelta = difference(timestamp, this.baseTimestamp)
    const keyLength = byteLength(key)
    const valueLength = byteLength(value)
    let length =
      1 +
      sizeOfVarlong(timestampDelta) +
      sizeOfVarint(offsetDelta) +
      sizeOfVarint(keyLength) +
      Math.max(0, keyLength) +
      sizeOfVarint(valueLength) +
      Math.max(0, valueLength)
    length += headers.length === 0 ? 1 : sizeOfHeaders(headers)
    this.reserve(length + 5)
    const buffer = this.buffer
    let p = writeVarint(buffer, this.position, length)
    buffer[p++] = 0
    p = writeVarlong(buffer, p, timestampDelta)
    p = writeVarint(buffer, p, offsetDelta)
    p = writeBytes(buffer, p, key, keyLength)
    p = writeBytes(buffer, p, value, valueLength)
    if (headers.length === 0) buffer[p++] = 0
    else p = writeHeaders(buffer, p, headers)
    this.position = p
    this.added(timestamp, offsetDelta)
    return offsetDelta
  }

  /**
   * Appends a record whose part from the key length on lies encoded in `source[start, end)`: what re-compression
   * and compaction do.
   */
  appendTail(timestamp: number, offsetDelta: number, source: Buffer, start: number, end: number): void {
    this.baseTimestamp ??= timestamp
    const timestampDelta = difference(timestamp, this.baseTimestamp)
    const length = 1 + sizeOfVarlong(timestampDelta) + sizeOfVarint(offsetDelta) + end - start
    this.reserve(length + 5)
    const buffer = this.buffer
    let p = writeVarint(buffer, this.position, length)
    buffer[p++] = 0
    p = writeVarlong(buffer, p, timestampDelta)
    p = writeVarint(buffer, p, offsetDelta)
    source.copy(buffer, p, start, end)
    this.position = p + end - start
    this.added(timestamp, offsetDelta)
  }

  /**
   * The batch's bytes. `lastOffsetDelta` and `maxTimestamp` may be set where they are not those of the records
   * (compaction keeps the first, an empty batch has neither).
   */
  close(overrides: { lastOffsetDelta?: number; maxTimestamp?: number | bigint } = {}): Buffer {
    if (this.isClosed) throw new Error('a batch is built once')
    this.isClosed = true
    const { options } = this
    const compression = options.compression ?? 'none'
    let batch: Buffer
    if (compression === 'none') {
      batch = this.buffer.subarray(0, this.position)
      // A batch may stay in memory for long (tail cache): it does not hold on to much more than its bytes.
      if (this.buffer.length > 4096 && this.position < this.buffer.length * 0.75) batch = Buffer.from(batch)
    } else {
      batch = compress(compression, this.buffer.subarray(RECORD_BATCH_OVERHEAD, this.position), {
        level: options.compressionLevel,
        reserve: RECORD_BATCH_OVERHEAD
      })
    }
    this.writeHeader(batch, compression, overrides)
    return batch
  }

  private writeHeader(
    batch: Buffer,
    compression: CompressionType,
    overrides: { lastOffsetDelta?: number; maxTimestamp?: number | bigint }
  ): void {
    const { options } = this
    const isLogAppendTime = options.logAppendTimeMs !== undefined
    writeInt64(batch, BatchLayout.baseOffset, options.baseOffset ?? 0)
    writeInt32(batch, BatchLayout.length, batch.length - LOG_OVERHEAD)
    writeInt32(batch, BatchLayout.partitionLeaderEpoch, options.partitionLeaderEpoch ?? NO_PARTITION_LEADER_EPOCH)
    batch[BatchLayout.magic] = 2
    writeInt16(
      batch,
      BatchLayout.attributes,
      batchAttributes({
        compressionId: COMPRESSION_TYPES.indexOf(compression),
        timestampType: isLogAppendTime ? 'LogAppendTime' : 'CreateTime',
        isTransactional: options.isTransactional,
        isControl: options.isControl,
        hasDeleteHorizon: options.deleteHorizonMs !== undefined
      })
    )
    writeInt32(batch, BatchLayout.lastOffsetDelta, overrides.lastOffsetDelta ?? this.lastOffsetDelta)
    writeInt64(batch, BatchLayout.baseTimestamp, this.baseTimestamp ?? NO_TIMESTAMP)
    writeInt64(batch, BatchLayout.maxTimestamp, overrides.maxTimestamp ?? options.logAppendTimeMs ?? this.maxTimestamp)
    writeInt64(batch, BatchLayout.producerId, options.producerId ?? NO_PRODUCER_ID)
    writeInt16(batch, BatchLayout.producerEpoch, options.producerEpoch ?? NO_PRODUCER_EPOCH)
    writeInt32(batch, BatchLayout.baseSequence, options.baseSequence ?? NO_SEQUENCE)
    writeInt32(batch, BatchLayout.recordsCount, this.count)
    writeInt32(batch, BatchLayout.crc, crc32c(batch, BatchLayout.attributes, batch.length))
  }

  private added(timestamp: number | bigint, offsetDelta: number): void {
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
    this.lastOffsetDelta = offsetDelta
    this.count++
  }

  private reserve(bytes: number): void {
    const needed = this.position + bytes
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.position)
    this.buffer = grown
  }
}

export interface EncodeBatchOptions extends BatchOptions {
  records: readonly RecordInput[]
  /** For records that have none of their own. */
  timestamp?: number | bigint
  lastOffsetDelta?: number
  maxTimestamp?: number | bigint
}

/** One batch of `records`. */
export function encodeBatch(options: EncodeBatchOptions): Buffer {
  let bytes = RECORD_BATCH_OVERHEAD
  for (const { key, value } of options.records) bytes += MAX_RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
  const builder = new RecordBatchBuilder(options, bytes)
  for (const record of options.records) {
    builder.append(record.timestamp ?? options.timestamp ?? NO_TIMESTAMP, record.key, record.value, record.headers, record.offsetDelta)
  }
  return builder.close(options)
}

/** What a record of these parts takes at most. */
export function recordSizeUpperBound(key: Bytes, value: Bytes, headers: Headers = []): number {
  return (
    MAX_RECORD_OVERHEAD +
    Math.max(0, byteLength(key)) +
    Math.max(0, byteLength(value)) +
    (headers.length === 0 ? 0 : sizeOfHeaders(headers))
  )
}

function difference(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const delta = a - b
    if (Number.isSafeInteger(delta)) return delta
  }
  return BigInt.asIntN(64, BigInt(a) - BigInt(b))
}

function byteLength(bytes: Bytes): number {
  if (bytes === null || bytes === undefined) return -1
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
}

function sizeOfHeaders(headers: Headers): number {
  let size = sizeOfVarint(headers.length)
  for (const header of headers) {
    const keyLength = Buffer.byteLength(header.key)
    const valueLength = byteLength(header.value)
    size += sizeOfVarint(keyLength) + keyLength + sizeOfVarint(valueLength) + Math.max(0, valueLength)
  }
  return size
}

function writeHeaders(buffer: Buffer, position: number, headers: Headers): number {
  let p = writeVarint(buffer, position, headers.length)
  for (const header of headers) {
    p = writeBytes(buffer, p, header.key, Buffer.byteLength(header.key))
    p = writeBytes(buffer, p, header.value, byteLength(header.value))
  }
  return p
}

function writeBytes(buffer: Buffer, position: number, bytes: Bytes, length: number): number {
  const p = writeVarint(buffer, position, length)
  if (length <= 0) return p
  if (typeof bytes === 'string') buffer.write(bytes, p, length, 'utf8')
  else (bytes as Buffer).copy(buffer, p)
  return p + length
}
