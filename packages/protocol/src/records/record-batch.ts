/**
 * The header of a record batch (magic 2) or of a legacy message (magic 0, 1), read from bytes and patched in them.
 * Nothing here copies: a RecordBatch is a view, its buffer belongs to whoever gave it. Reading a header allocates one
 * object and touches no record. Fields are as the bytes say; only lengths and magic are checked here, `ensureValid`
 * checks the CRC.
 */
import { crc32 } from 'node:zlib'
import { crc32c } from '@odradek/base'
import { ErrorCode } from '../errors.ts'
import type { CompressionType, TimestampType } from './types.ts'
import { COMPRESSION_TYPES, corrupt, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, RecordDecodeError } from './types.ts'
import { readInt16, readInt32, readInt64, writeInt16, writeInt32, writeInt64 } from './wire.ts'

/** Where the fields of a batch lie (all magics have the first two and the magic in the same place). */
export const BatchLayout = {
  baseOffset: 0,
  length: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordsCount: 57,
  records: 61,
  legacyCrc: 12,
  legacyAttributes: 17,
  legacyTimestamp: 18
} as const

/** Bytes before the part that the length field counts. */
export const LOG_OVERHEAD = 12
/** Bytes of a batch without its records. */
export const RECORD_BATCH_OVERHEAD = 61
/** Bytes needed to know how long a batch is and whether its magic is known. */
export const BATCH_PREFIX_BYTES = 17
/** The smallest length field that any magic allows. */
const LENGTH_MIN = 14
const LENGTH_MAX = 0x7fffffff - LOG_OVERHEAD

const COMPRESSION_MASK = 0x07
const LOG_APPEND_TIME_BIT = 0x08
const TRANSACTIONAL_BIT = 0x10
const CONTROL_BIT = 0x20
const DELETE_HORIZON_BIT = 0x40

export class RecordBatch {
  readonly buffer: Buffer
  /** Where the batch starts in `buffer`. */
  readonly position: number
  readonly sizeInBytes: number
  readonly magic: number
  /** As stored. For a compressed legacy message set this is the offset of the last record. */
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  readonly crc: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Records in the batch; -1 for legacy messages, which do not say. Can lie until the records were read. */
  readonly count: number

  constructor(buffer: Buffer, position: number) {
    const p = position
    this.buffer = buffer
    this.position = position
    this.baseOffset = readInt64(buffer, p)
    this.sizeInBytes = readInt32(buffer, p + BatchLayout.length) + LOG_OVERHEAD
    this.magic = (buffer[p + BatchLayout.magic] << 24) >> 24
    if (this.magic >= 2) {
      this.partitionLeaderEpoch = readInt32(buffer, p + BatchLayout.partitionLeaderEpoch)
      this.crc = readInt32(buffer, p + BatchLayout.crc) >>> 0
      this.attributes = readInt16(buffer, p + BatchLayout.attributes)
      this.lastOffsetDelta = readInt32(buffer, p + BatchLayout.lastOffsetDelta)
      this.baseTimestamp = readInt64(buffer, p + BatchLayout.baseTimestamp)
      this.maxTimestamp = readInt64(buffer, p + BatchLayout.maxTimestamp)
      this.producerId = readInt64(buffer, p + BatchLayout.producerId)
      this.producerEpoch = readInt16(buffer, p + BatchLayout.producerEpoch)
      this.baseSequence = readInt32(buffer, p + BatchLayout.baseSequence)
      this.count = readInt32(buffer, p + BatchLayout.recordsCount)
    } else {
      this.partitionLeaderEpoch = -1
      this.crc = readInt32(buffer, p + BatchLayout.legacyCrc) >>> 0
      this.attributes = buffer[p + BatchLayout.legacyAttributes]
      this.lastOffsetDelta = 0
      this.baseTimestamp = NO_TIMESTAMP
      this.maxTimestamp = this.magic === 1 ? readInt64(buffer, p + BatchLayout.legacyTimestamp) : NO_TIMESTAMP
      this.producerId = NO_PRODUCER_ID
      this.producerEpoch = NO_PRODUCER_EPOCH
      this.baseSequence = NO_SEQUENCE
      this.count = -1
    }
  }

  /** The byte after the batch. */
  get end(): number {
    return this.position + this.sizeInBytes
  }
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }
  get nextOffset(): number {
    return this.baseOffset + this.lastOffsetDelta + 1
  }
  get lastSequence(): number {
    return this.baseSequence === NO_SEQUENCE ? NO_SEQUENCE : incrementSequence(this.baseSequence, this.lastOffsetDelta)
  }
  get hasProducerId(): boolean {
    return this.producerId > NO_PRODUCER_ID
  }
  get timestampType(): TimestampType {
    if (this.magic === 0) return 'NoTimestampType'
    return (this.attributes & LOG_APPEND_TIME_BIT) === 0 ? 'CreateTime' : 'LogAppendTime'
  }
  get isLogAppendTime(): boolean {
    return this.magic > 0 && (this.attributes & LOG_APPEND_TIME_BIT) !== 0
  }
  get isTransactional(): boolean {
    return this.magic >= 2 && (this.attributes & TRANSACTIONAL_BIT) !== 0
  }
  get isControl(): boolean {
    return this.magic >= 2 && (this.attributes & CONTROL_BIT) !== 0
  }
  get isCompressed(): boolean {
    return (this.attributes & COMPRESSION_MASK) !== 0
  }
  /** When tombstones and aborted markers of a compacted batch may go; the base timestamp field then holds it. */
  get deleteHorizonMs(): number | undefined {
    return this.magic >= 2 && (this.attributes & DELETE_HORIZON_BIT) !== 0 ? this.baseTimestamp : undefined
  }
  get compressionId(): number {
    return this.attributes & COMPRESSION_MASK
  }
  /** Throws a {@link RecordDecodeError} for the ids 5 to 7, which nobody defined. */
  get compression(): CompressionType {
    const id = this.attributes & COMPRESSION_MASK
    if (id > 4) throw new RecordDecodeError(ErrorCode.UNKNOWN_SERVER_ERROR, `Unknown compression type id: ${id}`)
    return COMPRESSION_TYPES[id]
  }

  /** The bytes of the whole batch. */
  bytes(): Buffer {
    return this.buffer.subarray(this.position, this.position + this.sizeInBytes)
  }

  computeCrc(): number {
    const { buffer, position } = this
    if (this.magic >= 2) return crc32c(buffer, position + BatchLayout.attributes, position + this.sizeInBytes)
    return crc32(buffer.subarray(position + BatchLayout.magic, position + this.sizeInBytes))
  }

  isValid(): boolean {
    return this.sizeInBytes >= minimumSize(this.magic) && this.computeCrc() === this.crc
  }

  /** Throws CORRUPT_MESSAGE unless the size holds a header and the stored CRC is that of the bytes. The whole batch must be present. */
  ensureValid(): void {
    const minimum = minimumSize(this.magic)
    if (this.sizeInBytes < minimum) {
      if (this.magic >= 2)
        throw corrupt(`Record batch is corrupt (the size ${this.sizeInBytes} is smaller than the minimum allowed overhead ${minimum})`)
      throw corrupt(`Record is corrupt (crc could not be retrieved as the record is too small, size = ${this.sizeInBytes - LOG_OVERHEAD})`)
    }
    const computed = this.computeCrc()
    if (computed !== this.crc) throw corrupt(`Record is corrupt (stored crc = ${this.crc}, computed crc = ${computed})`)
  }
}

/** Only the header fields: what scanning code passes on. */
export type BatchHeader = RecordBatch

const minimumSize = (magic: number): number =>
  magic >= 2 ? RECORD_BATCH_OVERHEAD : magic === 1 ? LOG_OVERHEAD + 22 : LOG_OVERHEAD + LENGTH_MIN

/**
 * Reads the header at `position`. The header's bytes must be there (61, for legacy messages 26 or 34), the records
 * need not be. Throws {@link RecordDecodeError} when they are not, or when length or magic cannot be.
 */
export function readBatchHeader(buffer: Buffer, position = 0): RecordBatch {
  const size = batchSizeAt(buffer, position, buffer.length)
  if (size < 0 || position + minimumSize(buffer[position + BatchLayout.magic]) > buffer.length) {
    throw corrupt(`a batch header is cut: ${buffer.length - position} bytes are left at ${position}`)
  }
  return new RecordBatch(buffer, position)
}

/**
 * Size in bytes of the batch at `position`, header included, or -1 when fewer than {@link BATCH_PREFIX_BYTES} are left
 * before `end`. Throws CORRUPT_MESSAGE for a length or magic that no batch has. The size may reach beyond `end`.
 */
export function batchSizeAt(buffer: Buffer, position: number, end: number): number {
  if (end - position < LOG_OVERHEAD) return -1
  const length = readInt32(buffer, position + BatchLayout.length)
  if (length < LENGTH_MIN) throw corrupt(`Record size ${length} is less than the minimum record overhead (${LENGTH_MIN})`)
  if (end - position < BATCH_PREFIX_BYTES) return -1
  const magic = (buffer[position + BatchLayout.magic] << 24) >> 24
  if (magic < 0 || magic > 2) throw corrupt(`Invalid magic found in record: ${magic}`)
  // No batch is of 2 GiB. Kafka's arithmetic overflows here; its answer is kept.
  if (length > LENGTH_MAX)
    throw new RecordDecodeError(ErrorCode.UNKNOWN_SERVER_ERROR, `Record size ${length} is beyond what a batch can have`)
  return length + LOG_OVERHEAD
}

/**
 * The whole batch at `position`, or undefined when it is cut or nothing is left. Throws for a corrupt length or magic.
 * A batch whose size is too small for its header is given with the fields that are there; `ensureValid` refuses it.
 */
export function nextBatch(buffer: Buffer, position = 0, end = buffer.length): RecordBatch | undefined {
  const size = batchSizeAt(buffer, position, end)
  if (size < 0 || position + size > end) return undefined
  return new RecordBatch(buffer, position)
}

/** All whole batches in `buffer[start, end)`; a cut one at the end is left out. Throws for a corrupt length or magic. */
export function iterateBatches(buffer: Buffer, start = 0, end = buffer.length): RecordBatch[] {
  const batches: RecordBatch[] = []
  for (let position = start; ; ) {
    const batch = nextBatch(buffer, position, end)
    if (batch === undefined) return batches
    batches.push(batch)
    position += batch.sizeInBytes
  }
}

/** The sequence `increment` after `sequence`; sequences wrap from 2^31-1 to 0. */
export function incrementSequence(sequence: number, increment: number): number {
  return sequence > 0x7fffffff - increment ? increment - (0x7fffffff - sequence) - 1 : sequence + increment
}

/** The sequence `decrement` before `sequence`. */
export function decrementSequence(sequence: number, decrement: number): number {
  return sequence < decrement ? 0x7fffffff - (decrement - sequence) + 1 : sequence - decrement
}

// Patchers. They change bytes, not the RecordBatch objects read before: read the header again where it matters.

/** Not under the CRC. */
export function setBaseOffset(buffer: Buffer, position: number, baseOffset: number): void {
  writeInt64(buffer, position, baseOffset)
}

/** Not under the CRC. */
export function setPartitionLeaderEpoch(buffer: Buffer, position: number, epoch: number): void {
  writeInt32(buffer, position + BatchLayout.partitionLeaderEpoch, epoch)
}

/** Sets the base offset so that the last record has `lastOffset`. Not under the CRC. */
export function setLastOffset(buffer: Buffer, position: number, lastOffset: number): void {
  writeInt64(buffer, position, lastOffset - readInt32(buffer, position + BatchLayout.lastOffsetDelta))
}

/**
 * Sets timestamp type and max timestamp of a v2 batch and its CRC anew; does nothing when both are so already. Clears
 * attribute bits that have no meaning, and keeps the delete horizon.
 */
export function setMaxTimestamp(buffer: Buffer, position: number, timestampType: TimestampType, maxTimestamp: number): void {
  const attributes = readInt16(buffer, position + BatchLayout.attributes)
  const isLogAppendTime = timestampType === 'LogAppendTime'
  if (
    ((attributes & LOG_APPEND_TIME_BIT) !== 0) === isLogAppendTime &&
    readInt64(buffer, position + BatchLayout.maxTimestamp) === maxTimestamp
  )
    return
  const kept = attributes & (COMPRESSION_MASK | TRANSACTIONAL_BIT | CONTROL_BIT | DELETE_HORIZON_BIT)
  writeInt16(buffer, position + BatchLayout.attributes, kept | (isLogAppendTime ? LOG_APPEND_TIME_BIT : 0))
  writeInt64(buffer, position + BatchLayout.maxTimestamp, maxTimestamp)
  updateCrc(buffer, position)
}

/** Writes the CRC of a v2 batch after something under it changed. */
export function updateCrc(buffer: Buffer, position: number): void {
  const end = position + LOG_OVERHEAD + readInt32(buffer, position + BatchLayout.length)
  writeInt32(buffer, position + BatchLayout.crc, crc32c(buffer, position + BatchLayout.attributes, end))
}

export function batchAttributes(fields: {
  compressionId: number
  timestampType?: TimestampType
  isTransactional?: boolean
  isControl?: boolean
  hasDeleteHorizon?: boolean
}): number {
  return (
    fields.compressionId |
    (fields.timestampType === 'LogAppendTime' ? LOG_APPEND_TIME_BIT : 0) |
    (fields.isTransactional ? TRANSACTIONAL_BIT : 0) |
    (fields.isControl ? CONTROL_BIT : 0) |
    (fields.hasDeleteHorizon ? DELETE_HORIZON_BIT : 0)
  )
}
