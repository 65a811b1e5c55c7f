/**
 * Message sets of magic 0 and 1, read only: old logs hold them, no client writes them any more. A message is its own
 * batch unless it is compressed; then it wraps a message set whose offsets are absolute (0) or relative (1), and with
 * LogAppendTime its timestamp is that of all messages within.
 */
import { crc32 } from 'node:zlib'
import { decompress } from '../compression/index.ts'
import { ErrorCode } from '../errors.ts'
import type { RecordBatch } from './record-batch.ts'
import { LOG_OVERHEAD } from './record-batch.ts'
import type { KafkaRecord, RecordHeader, TimestampType } from './types.ts'
import { COMPRESSION_TYPES, corrupt, invalid, NO_HEADERS, NO_TIMESTAMP, RecordDecodeError } from './types.ts'
import { readInt32, readInt64 } from './wire.ts'

const CRC_AT = 0
const MAGIC_AT = 4
const ATTRIBUTES_AT = 5
const TIMESTAMP_AT = 6
const SIZE_MIN_V0 = 14
const SIZE_MIN_V1 = 22
const LOG_APPEND_TIME_BIT = 0x08

/** One message. `crc` and `attributes` are its own, the timestamp and its type may come from the wrapper. */
export class LegacyRecord implements KafkaRecord {
  offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[] = NO_HEADERS
  readonly magic: number
  readonly attributes: number
  readonly crc: number
  readonly timestampType: TimestampType
  private readonly bytes: Buffer

  /** `bytes` is the message from its CRC on. Throws INVALID_RECORD when key and value are not what the lengths say. */
  constructor(offset: number, bytes: Buffer, wrapper?: LegacyRecord) {
    this.offset = offset
    this.bytes = bytes
    this.crc = readInt32(bytes, CRC_AT) >>> 0
    this.magic = (bytes[MAGIC_AT] << 24) >> 24
    this.attributes = bytes[ATTRIBUTES_AT]
    if (this.magic < 0 || this.magic > 1) throw invalid(`Invalid magic ${this.magic} in a message set`)
    if (bytes.length < (this.magic === 0 ? SIZE_MIN_V0 : SIZE_MIN_V1)) throw corrupt(`Record is corrupt (size = ${bytes.length})`)
    if (this.magic === 0) {
      this.timestampType = 'NoTimestampType'
      this.timestamp = NO_TIMESTAMP
    } else {
      this.timestampType = wrapper?.timestampType ?? ((this.attributes & LOG_APPEND_TIME_BIT) === 0 ? 'CreateTime' : 'LogAppendTime')
      this.timestamp = wrapper?.timestampType === 'LogAppendTime' ? wrapper.timestamp : readInt64(bytes, TIMESTAMP_AT)
    }
    const keyAt = this.magic === 0 ? TIMESTAMP_AT : TIMESTAMP_AT + 8
    this.key = sizeDelimited(bytes, keyAt)
    this.value = sizeDelimited(bytes, keyAt + 4 + (this.key?.length ?? 0))
  }

  get compressionId(): number {
    return this.attributes & 0x07
  }

  computeCrc(): number {
    return crc32(this.bytes.subarray(MAGIC_AT))
  }

  get sizeInBytes(): number {
    return this.bytes.length + LOG_OVERHEAD
  }
}

function sizeDelimited(bytes: Buffer, position: number): Buffer | null {
  if (bytes.length - position < 4) throw invalid('Found invalid record structure')
  const size = readInt32(bytes, position)
  if (size < 0) return null
  if (size > bytes.length - position - 4) throw invalid('Found invalid record structure')
  return bytes.subarray(position + 4, position + 4 + size)
}

/** The messages of a batch of magic 0 or 1, with absolute offsets. CRCs within are not checked. Throws {@link RecordDecodeError}. */
export function decodeLegacyRecords(batch: RecordBatch, outputBytesMax: number): LegacyRecord[] {
  const outer = new LegacyRecord(batch.baseOffset, batch.buffer.subarray(batch.position + LOG_OVERHEAD, batch.end))
  const id = outer.compressionId
  if (id === 0) return [outer]
  if (id > 4) throw new RecordDecodeError(ErrorCode.UNKNOWN_SERVER_ERROR, `Unknown compression type id: ${id}`)
  if (id === 4) throw invalid(`Found zstd in a message set of magic ${outer.magic}`)
  if (outer.value === null) throw invalid(`Found invalid compressed record set with null value (magic = ${outer.magic})`)
  const bytes = decompress(COMPRESSION_TYPES[id], outer.value, { outputBytesMax, magic: outer.magic })
  return innerRecords(outer, bytes)
}

function innerRecords(outer: LegacyRecord, bytes: Buffer): LegacyRecord[] {
  const records: LegacyRecord[] = []
  for (let p = 0; bytes.length - p >= LOG_OVERHEAD; ) {
    const size = readInt32(bytes, p + 8)
    if (size < SIZE_MIN_V0) throw corrupt(`Record size is less than the minimum record overhead (${SIZE_MIN_V0})`)
    const end = p + LOG_OVERHEAD + size
    if (end > bytes.length) break
    const record = new LegacyRecord(readInt64(bytes, p), bytes.subarray(p + LOG_OVERHEAD, end), outer.magic === 1 ? outer : undefined)
    if (record.compressionId !== 0) throw invalid('Inner messages must not be compressed')
    records.push(record)
    p = end
  }
  const last = records.at(-1)
  if (last === undefined) throw invalid('Found invalid compressed record set with no inner records')
  // Some producers leave the wrapper's offset at 0: the inner offsets are then taken as they are.
  if (outer.magic === 1 && outer.offset !== 0) {
    const base = outer.offset - last.offset
    if (base < 0)
      throw invalid(
        `Found invalid wrapper offset in compressed v1 message set: ${outer.offset} is less than the last inner offset ${last.offset}`
      )
    for (const record of records) record.offset += base
  }
  return records
}

/** The first offset of a batch of any magic. For compressed message sets this decodes them. */
export function firstOffset(batch: RecordBatch, outputBytesMax: number): number {
  if (batch.magic >= 2 || !batch.isCompressed) return batch.baseOffset
  return decodeLegacyRecords(batch, outputBytesMax)[0].offset
}
