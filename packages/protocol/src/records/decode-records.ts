/** Records out of v2 batches, as objects. For tools, coordinators and consumers; the produce path does not come here. */
import { decompress } from '../compression/index.ts'
import { decodeLegacyRecords } from './legacy.ts'
import type { RecordBatch } from './record-batch.ts'
import { BatchLayout } from './record-batch.ts'
import { RecordReader } from './record-reader.ts'
import type { KafkaRecord, RecordHeader } from './types.ts'
import { invalid, NO_HEADERS } from './types.ts'
import { addInt64 } from './wire.ts'

export interface DecodeOptions {
  /** Decompressed bytes allowed for one batch; more is an error with code CORRUPT_MESSAGE. */
  outputBytesMax?: number
}

/** For readers that name no limit: what a batch of `max.message.bytes` (1 MiB) may grow to. */
export const DEFAULT_OUTPUT_BYTES_MAX = 32 * 1024 * 1024

/** All records of a batch. The CRC is not checked here. Throws {@link RecordDecodeError}. */
export function decodeRecords(batch: RecordBatch, options: DecodeOptions = {}): KafkaRecord[] {
  const records: KafkaRecord[] = []
  forEachRecord(batch, (record) => records.push(record), options)
  return records
}

/**
 * Calls `visit` with one record after the other. Damage in an uncompressed batch is met when the walk comes to it, so
 * the records before it were seen; a compressed batch is checked whole first.
 */
export function forEachRecord(batch: RecordBatch, visit: (record: KafkaRecord) => void, options: DecodeOptions = {}): void {
  const outputBytesMax = options.outputBytesMax ?? DEFAULT_OUTPUT_BYTES_MAX
  if (batch.magic < 2) {
    for (const record of decodeLegacyRecords(batch, outputBytesMax)) visit(record)
    return
  }
  const count = batch.count
  if (count === 0) return
  if (batch.isCompressed) {
    const bytes = decompress(batch.compression, batch.buffer.subarray(batch.position + BatchLayout.records, batch.end), { outputBytesMax })
    if (count < 0) throw invalid(`Found invalid record count ${count} in magic v${batch.magic} batch`)
    const records: KafkaRecord[] = []
    readAll(batch, new RecordReader(bytes, 0, bytes.length), (record) => records.push(record))
    records.forEach(visit)
    return
  }
  if (count < 0) throw invalid(`Found invalid record count ${count} in magic v${batch.magic} batch`)
  readAll(batch, new RecordReader(batch.buffer, batch.position + BatchLayout.records, batch.end), visit)
}

function readAll(batch: RecordBatch, reader: RecordReader, visit: (record: KafkaRecord) => void): void {
  const count = batch.count
  for (let i = 0; i < count; i++) {
    reader.next()
    if (i === count - 1 && !reader.isAtEnd) throw invalid('Incorrect declared batch size, records still remaining in file')
    visit(recordOf(batch, reader))
  }
}

/** The record that `reader` stands on, as an object. */
export function recordOf(batch: RecordBatch, reader: RecordReader): KafkaRecord {
  const { buffer, keyStart, keyLength, valueStart, valueLength } = reader
  return {
    offset: batch.baseOffset + reader.offsetDelta,
    timestamp: batch.isLogAppendTime ? batch.maxTimestamp : addInt64(batch.baseTimestamp, reader.timestampDelta),
    key: keyLength < 0 ? null : buffer.subarray(keyStart, keyStart + keyLength),
    value: valueLength < 0 ? null : buffer.subarray(valueStart, valueStart + valueLength),
    headers: reader.headerCount === 0 ? NO_HEADERS : headersOf(reader)
  }
}

function headersOf(reader: RecordReader): RecordHeader[] {
  const { buffer } = reader
  const at = new RecordReader(buffer, reader.headersStart, reader.position)
  const headers: RecordHeader[] = []
  for (let i = 0; i < reader.headerCount; i++) {
    const keyLength = at.varint(true)
    const key = buffer.toString('utf8', at.position, at.position + keyLength)
    at.position += keyLength
    const valueLength = at.varint(true)
    let value: Buffer | null = null
    if (valueLength >= 0) {
      value = buffer.subarray(at.position, at.position + valueLength)
      at.position += valueLength
    }
    headers.push({ key, value })
  }
  return headers
}
