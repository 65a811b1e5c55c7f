// What is left of one batch after cleaning: the same bytes, a new batch of the records that stay, an empty one that keeps a
// producer's sequence or the end of the range, or nothing. Offsets never change. A tombstone, and a marker that decides
// nothing any more, first get a delete horizon (KIP-534) and go in a later pass after it.

import type { RecordBatch } from '@odradek/protocol'
import { BatchLayout, decompress, RecordBatchBuilder, RecordReader } from '@odradek/protocol'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { KeyMap } from './key-map.ts'

/** The last batch of a producer that must not forget its sequence, by what its state says. */
export interface LastRecord {
  /** -1 when its last entry is a marker. */
  lastDataOffset: number
  producerEpoch: number
}

export interface FilterContext {
  keys: KeyMap
  transactions: CleanedTransactions
  lastRecords: ReadonlyMap<number, LastRecord>
  now: number
  deleteRetentionMs: number
  /** The batch that ends here keeps its header even when empty. */
  endOffset: number
  decompressedBytesMax: number
}

/** The bytes that stay; undefined for none. A view of the batch where all of it stays. */
export function filterBatch(batch: RecordBatch, context: FilterContext): Buffer | undefined {
  const { transactions, now } = context
  const canDiscard = batch.isControl ? transactions.passMarker(batch) : transactions.passData(batch)
  const isPastHorizon = batch.deleteHorizonMs !== undefined && batch.deleteHorizonMs <= now
  const dropsRecords = canDiscard && (!batch.isControl || isPastHorizon)
  const keepsHeader = isLastOfProducer(batch, context.lastRecords) || batch.nextOffset === context.endOffset
  // Nothing writes magic 0 and 1 any more; what old logs hold of them stays.
  if (batch.magic < 2) return batch.bytes()
  const isEmpty = dropsRecords || batch.count === 0
  const kept = isEmpty ? undefined : keepRecords(batch, context, batch.isControl && canDiscard)
  return kept ?? (keepsHeader ? emptyBatch(batch) : undefined)
}

function isLastOfProducer(batch: RecordBatch, lastRecords: ReadonlyMap<number, LastRecord>): boolean {
  if (batch.producerId < 0) return false
  const last = lastRecords.get(batch.producerId)
  if (last === undefined) return false
  return last.lastDataOffset >= 0 ? batch.lastOffset === last.lastDataOffset : batch.isControl && batch.producerEpoch === last.producerEpoch
}

interface Kept {
  tailStart: number
  tailEnd: number
  timestamp: number
  offsetDelta: number
}

/** Undefined when no record stays. */
function keepRecords(batch: RecordBatch, context: FilterContext, isMarkerOfNothing: boolean): Buffer | undefined {
  const { isCompressed, isControl, count } = batch
  const bytes = isCompressed
    ? decompress(batch.compression, batch.buffer.subarray(batch.position + BatchLayout.records, batch.end), {
        outputBytesMax: context.decompressedBytesMax
      })
    : batch.buffer
  const reader = isCompressed
    ? new RecordReader(bytes, 0, bytes.length)
    : new RecordReader(bytes, batch.position + BatchLayout.records, batch.end)
  const kept: Kept[] = []
  let hasTombstone = false
  for (let i = 0; i < count; i++) {
    reader.next()
    if (!isControl && !staysRecord(batch, reader, context)) continue
    if (reader.valueLength < 0) hasTombstone = true
    kept.push({
      tailStart: reader.tailStart,
      tailEnd: reader.position,
      timestamp: batch.isLogAppendTime ? batch.maxTimestamp : batch.baseTimestamp + reader.timestampDelta,
      offsetDelta: reader.offsetDelta
    })
  }
  if (kept.length === 0) return undefined
  const needsHorizon = (hasTombstone || isMarkerOfNothing) && batch.deleteHorizonMs === undefined
  if (kept.length === count && !needsHorizon) return batch.bytes()
  return rebuild(batch, bytes, kept, needsHorizon ? context.now + context.deleteRetentionMs : batch.deleteHorizonMs)
}

function staysRecord(batch: RecordBatch, reader: RecordReader, context: FilterContext): boolean {
  const offset = batch.baseOffset + reader.offsetDelta
  if (offset > context.keys.latestOffset) return true
  // A compacted topic takes no record without a key; one that became compacted later may hold some, and drops them.
  if (reader.keyLength < 0) return false
  if (offset < context.keys.get(reader.buffer, reader.keyStart, reader.keyStart + reader.keyLength)) return false
  return reader.valueLength >= 0 || batch.deleteHorizonMs === undefined || context.now < batch.deleteHorizonMs
}

function rebuild(batch: RecordBatch, bytes: Buffer, kept: readonly Kept[], deleteHorizonMs: number | undefined): Buffer {
  const builder = new RecordBatchBuilder(
    {
      ...identityOf(batch),
      compression: batch.compression,
      ...(batch.isLogAppendTime ? { logAppendTimeMs: batch.maxTimestamp } : {}),
      deleteHorizonMs
    },
    batch.sizeInBytes
  )
  for (const { timestamp, offsetDelta, tailStart, tailEnd } of kept) builder.appendTail(timestamp, offsetDelta, bytes, tailStart, tailEnd)
  return builder.close({ lastOffsetDelta: batch.lastOffsetDelta })
}

function emptyBatch(batch: RecordBatch): Buffer {
  const type = batch.isLogAppendTime ? { logAppendTimeMs: batch.maxTimestamp } : {}
  return new RecordBatchBuilder({ ...identityOf(batch), ...type }, 0).close({
    lastOffsetDelta: batch.lastOffsetDelta,
    maxTimestamp: batch.maxTimestamp
  })
}

function identityOf(batch: RecordBatch): {
  baseOffset: number
  partitionLeaderEpoch: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  isTransactional: boolean
  isControl: boolean
} {
  const { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence, isTransactional, isControl } = batch
  return { baseOffset, partitionLeaderEpoch, producerId, producerEpoch, baseSequence, isTransactional, isControl }
}
