/** The rules that each record of a batch must meet: timestamp in range, key on a compacted topic. Collects what does not. */
import { ErrorCode } from '../errors.ts'
import type { LegacyRecord } from './legacy.ts'
import type { RecordBatch } from './record-batch.ts'
import { BatchLayout } from './record-batch.ts'
import type { RecordReader } from './record-reader.ts'
import { COMPRESSION_TYPES, corrupt, NO_TIMESTAMP } from './types.ts'
import type { AssignOptions, RecordError, RejectionReason } from './validate-types.ts'
import { Rejection } from './validate-types.ts'
import { addInt64, readInt64Exact } from './wire.ts'

/** More are counted, not told: the answer to a bad batch stays smaller than the batch. */
const RECORD_ERRORS_MAX = 10_000
const TWO_63 = 2n ** 63n

/** How Kafka calls a record in a message about it; it depends on how it was read. */
type RecordName = 'DefaultRecord' | 'PartialDefaultRecord' | 'LegacyRecordBatch'

export class RecordChecks {
  /** Greatest timestamp of the records that passed. */
  maxTimestamp = NO_TIMESTAMP
  /** True while each record's offset is its place in the batch, counted from 0. */
  hasConsecutiveOffsets: boolean
  private readonly batch: RecordBatch
  private readonly options: AssignOptions
  private readonly name: RecordName
  readonly isCompacted: boolean
  private readonly checksRange: boolean
  private readonly isLogAppendTimeBatch: boolean
  private readonly baseTimestamp: number
  /** Timestamps allowed for CreateTime. */
  readonly timestampMin: number
  readonly timestampMax: number
  private errors: RecordError[] | undefined
  private errorCount = 0
  private isTimestampError = false
  private reason: RejectionReason | undefined

  constructor(batch: RecordBatch, options: AssignOptions, name: RecordName) {
    const { config, now } = options
    this.batch = batch
    this.options = options
    this.name = name
    this.isCompacted = config.isCompacted
    this.checksRange = config.timestampType === 'CreateTime'
    this.isLogAppendTimeBatch = batch.isLogAppendTime
    this.baseTimestamp = batch.baseTimestamp
    this.timestampMin = now - config.timestampBeforeMaxMs
    this.timestampMax = now + config.timestampAfterMaxMs
    this.hasConsecutiveOffsets = batch.baseOffset === 0
  }

  get hasErrors(): boolean {
    return this.errors !== undefined
  }

  timestampOf(reader: RecordReader): number {
    if (this.isLogAppendTimeBatch) return this.batch.maxTimestamp
    const timestamp = this.baseTimestamp + reader.timestampDelta
    return Number.isSafeInteger(timestamp) ? timestamp : addInt64(this.baseTimestamp, reader.timestampDelta)
  }

  /** Checks the record that `reader` stands on, the `index`th of the batch. */
  check(reader: RecordReader, index: number): void {
    if (this.isCompacted && reader.keyLength < 0) {
      this.addMissingKey(index)
      return
    }
    const timestamp = this.timestampOf(reader)
    if (this.checksRange && timestamp !== NO_TIMESTAMP) {
      if (timestamp < this.timestampMin || timestamp > this.timestampMax) {
        this.addOutOfRange(index, timestamp, this.exactOffset(reader))
        return
      }
    } else if (this.isLogAppendTimeBatch) {
      this.addWrongType(index, this.describe(reader, timestamp))
      return
    }
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
    if (reader.offsetDelta !== index) this.hasConsecutiveOffsets = false
  }

  checkLegacy(record: LegacyRecord, index: number): void {
    const { topicPartition } = this.options
    if (record.magic !== this.batch.magic) {
      this.reason = 'magic'
      this.add(
        index,
        `Record ${describeLegacy(record)}'s magic does not match outer magic ${this.batch.magic} in topic partition ${topicPartition}`
      )
      return
    }
    if (this.batch.isCompressed && record.computeCrc() !== record.crc) {
      throw corrupt(`Record is corrupt (stored crc = ${record.crc}, computed crc = ${record.computeCrc()})`)
    }
    if (this.isCompacted && record.key === null) {
      this.addMissingKey(index)
      return
    }
    const { timestamp } = record
    if (this.checksRange && timestamp !== NO_TIMESTAMP) {
      if (timestamp < this.timestampMin || timestamp > this.timestampMax) {
        this.addOutOfRange(index, timestamp, BigInt(record.offset))
        return
      }
    } else if (this.batch.isLogAppendTime) {
      this.addWrongType(index, describeLegacy(record))
      return
    }
    if (record.magic > 0 && timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
  }

  /** Throws the {@link Rejection} of the batch if a record did not pass. */
  finish(): void {
    const { errors } = this
    if (errors === undefined) return
    const options = { recordErrors: errors, reason: this.reason }
    if (this.isTimestampError)
      throw new Rejection(ErrorCode.INVALID_TIMESTAMP, 'One or more records have been rejected due to invalid timestamp', options)
    const shown = errors
      .slice(0, 3)
      .map((error) => `RecordError(batchIndex=${error.batchIndex}, message='${error.message}')`)
      .join(', ')
    throw new Rejection(
      ErrorCode.INVALID_RECORD,
      `One or more records have been rejected due to ${this.errorCount} record errors in total, and only showing the first three errors at most: [${shown}]`,
      options
    )
  }

  private addMissingKey(index: number): void {
    this.reason ??= 'no-key'
    this.add(index, `Compacted topic cannot accept message without key in topic partition ${this.options.topicPartition}`)
  }

  private addOutOfRange(index: number, timestamp: number, offset: bigint): void {
    this.isTimestampError = true
    const { now, config } = this.options
    const low = exact(now) - exact(config.timestampBeforeMaxMs)
    const high = exact(now) + exact(config.timestampAfterMaxMs)
    this.add(
      index,
      `Timestamp ${exact(timestamp)} of message with offset ${offset} is out of range. The timestamp should be within [${BigInt.asIntN(64, low)}, ${BigInt.asIntN(64, high)}]`
    )
  }

  private addWrongType(index: number, record: string): void {
    this.isTimestampError = true
    this.add(index, `Invalid timestamp type in message ${record}. Producer should not set timestamp type to LogAppendTime.`)
  }

  private add(batchIndex: number, message: string): void {
    this.errors ??= []
    this.errorCount++
    if (this.errors.length < RECORD_ERRORS_MAX) this.errors.push({ batchIndex, message })
  }

  private exactOffset(reader: RecordReader): bigint {
    return BigInt.asIntN(64, readInt64Exact(this.batch.buffer, this.batch.position + BatchLayout.baseOffset) + BigInt(reader.offsetDelta))
  }

  private describe(reader: RecordReader, timestamp: number): string {
    // Kafka shows the length of a missing key or value as 0, or as -1 where it did not read the record whole.
    const least = this.name === 'PartialDefaultRecord' ? -1 : 0
    const key = Math.max(least, reader.keyLength)
    const value = Math.max(least, reader.valueLength)
    return `${this.name}(offset=${this.exactOffset(reader)}, timestamp=${exact(timestamp)}, key=${key} bytes, value=${value} bytes)`
  }
}

function describeLegacy(record: LegacyRecord): string {
  const time = record.magic > 0 ? ` ${record.timestampType}=${record.timestamp},` : ''
  return (
    `LegacyRecordBatch(offset=${record.offset}, Record(magic=${record.magic}, attributes=${(record.attributes << 24) >> 24}, ` +
    `compression=${COMPRESSION_TYPES[record.compressionId] ?? 'none'}, crc=${record.crc},${time} ` +
    `key=${record.key?.length ?? 0} bytes, value=${record.value?.length ?? 0} bytes))`
  )
}

/** A double that came from an int64, back: 2^63 stands for Long.MAX_VALUE. */
function exact(value: number): bigint {
  const big = BigInt(value)
  return big >= TWO_63 ? TWO_63 - 1n : big
}
