/**
 * The walk over the records of an uncompressed v2 batch on the produce path. Records of the usual shape (varints of one
 * or two bytes, timestamps within range, no headers) pass in a loop over locals; any other is handed to RecordReader
 * and RecordChecks, which know every case and word every error. The two agree: a test walks each golden both ways.
 */
import type { RecordBatch } from './record-batch.ts'
import { BatchLayout } from './record-batch.ts'
import type { RecordChecks } from './record-checks.ts'
import { RecordReader } from './record-reader.ts'
import { invalid } from './types.ts'

/** Checks all records of `batch`; leaves what it learns in `checks`. Throws for framing that is wrong. */
export function walkPlainRecords(batch: RecordBatch, checks: RecordChecks): void {
  const { buffer: b, count } = batch
  const end = batch.end
  const reader = new RecordReader(b, batch.position + BatchLayout.records, end)
  // A batch of LogAppendTime needs its type looked at record by record: never usual.
  const isUsual = !batch.isLogAppendTime && Number.isSafeInteger(batch.baseTimestamp)
  const deltaMin = isUsual ? checks.timestampMin - batch.baseTimestamp : 1
  const deltaMax = isUsual ? checks.timestampMax - batch.baseTimestamp : 0
  const { isCompacted } = checks
  let maxDelta = Number.NEGATIVE_INFINITY
  let p = reader.position
  for (let i = 0; i < count; i++) {
    const start = p
    // The longest usual head: length, attributes, timestamp, offset, key length.
    if (end - p > 10) {
      let byte = b[p++]
      let length = byte
      if (byte >= 0x80) length = (byte & 0x7f) | (b[p++] << 7)
      const recordEnd = p + (length >>> 1)

      byte = b[++p]
      let delta = byte
      p++
      if (byte >= 0x80) delta = (byte & 0x7f) | (b[p++] << 7)
      byte = b[p++]
      let offset = byte
      if (byte >= 0x80) offset = (byte & 0x7f) | (b[p++] << 7)
      byte = b[p++]
      let size = byte
      if (byte >= 0x80) size = (byte & 0x7f) | (b[p++] << 7)

      // Two bytes hold 14 bits: a bit above says that the varint went on. An odd number is a negative one.
      if (((length | delta | offset | size) & 0x7fffc000) === 0 && (length & 1) === 0 && recordEnd <= end) {
        const hasKey = (size & 1) === 0
        if (hasKey) p += size >>> 1
        if (p < recordEnd) {
          byte = b[p++]
          size = byte
          if (byte >= 0x80) size = (byte & 0x7f) | (b[p++] << 7)
          if (size < 0x4000) {
            if ((size & 1) === 0) p += size >>> 1
            delta = (delta >>> 1) ^ -(delta & 1)
            if (p + 1 === recordEnd && b[p] === 0 && delta >= deltaMin && delta <= deltaMax && (hasKey || !isCompacted)) {
              if (delta > maxDelta) maxDelta = delta
              if (offset >>> 1 !== i || (offset & 1) === 1) checks.hasConsecutiveOffsets = false
              p = recordEnd
              continue
            }
          }
        }
      }
    }
    reader.position = start
    reader.next()
    checks.check(reader, i)
    p = reader.position
  }
  if (count < 0) throw invalid(`Found invalid record count ${count} in magic v${batch.magic} batch`)
  if (count > 0 && p !== end) throw invalid('Incorrect declared batch size, records still remaining in file')
  if (maxDelta > Number.NEGATIVE_INFINITY) checks.maxTimestamp = Math.max(checks.maxTimestamp, batch.baseTimestamp + maxDelta)
}
