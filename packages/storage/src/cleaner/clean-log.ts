// Cleans one log: reads the dirty range for the latest offset of each key, writes what stays of it and of all before it into
// new segments, and swaps those in. Reads go on meanwhile; everything else that cuts the log (truncation, retention,
// deletion) makes the swap void. A crash at any point leaves the old segments or the new ones (log-loader.ts finishes).

import type { RecordBatch } from '@odradek/protocol'
import { BatchLayout, decompress, RecordReader, readBatchHeader } from '@odradek/protocol'
import { LogFile } from '../file-pool.ts'
import { CLEANED_SUFFIX, LOG_SUFFIX, SEGMENT_SUFFIXES } from '../layout.ts'
import { decompressedBytesMax, defaultLogConfig } from '../log-config.ts'
import type { PartitionLog } from '../partition-log.ts'
import { Segment } from '../segment.ts'
import { unlinkIfThere } from '../segment-files.ts'
import { batchesOf } from '../segment-scan.ts'
import type { FilterContext, LastRecord } from './batch-filter.ts'
import { filterBatch } from './batch-filter.ts'
import type { CleanableRange } from './cleanable.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { KeyMap } from './key-map.ts'
import { dropCleaned, swapSegments } from './segment-swap.ts'
import type { Slicer } from './slicer.ts'
import { Stopped } from './slicer.ts'

const OUTPUT_BYTES = 1024 * 1024
const INT32_MAX = 2147483647

export interface CleanOptions {
  slicer: Slicer
  keyMapBytes: number
}

/** Returns the offset up to which the log is clean now; undefined when the log changed under the cleaner. */
export async function cleanLog(range: CleanableRange, options: CleanOptions): Promise<number | undefined> {
  const { log, firstUncleanableOffset } = range
  const now = log.node.world.clock.now()
  const { generation } = log
  const keys = await latestOffsets(range, options)
  const endOffset = keys.latestOffset + 1
  const cleanable = log.segments.filter((segment) => segment.baseOffset < endOffset && segment.baseOffset < firstUncleanableOffset)
  const context: FilterContext = {
    keys,
    transactions: new CleanedTransactions(),
    lastRecords: lastRecordsOf(log),
    now,
    deleteRetentionMs: log.config.deleteRetentionMs,
    endOffset,
    decompressedBytesMax: cleanedBytesMax(log)
  }
  if (generation !== log.generation) return undefined
  for (const group of groupsOf(log, cleanable)) {
    const cleaned = await cleanGroup(log, group, context, options.slicer)
    if (!(await swapSegments(log, cleaned, group))) return undefined
  }
  return endOffset
}

/** Batches that are there already were let in under the settings of their time: what is twice as large is damaged. */
function cleanedBytesMax({ config }: PartitionLog): number {
  return (
    2 *
    Math.max(
      decompressedBytesMax(config),
      decompressedBytesMax({ ...config, decompressionRatioMax: defaultLogConfig.decompressionRatioMax })
    )
  )
}

/** The latest offset of each key in the dirty range, as far as the budget reaches. */
async function latestOffsets(range: CleanableRange, { slicer, keyMapBytes }: CleanOptions): Promise<KeyMap> {
  const { log, firstDirtyOffset, firstUncleanableOffset } = range
  const keys = new KeyMap(keyMapBytes)
  const transactions = new CleanedTransactions()
  transactions.add(await log.abortedTransactions(firstDirtyOffset, firstUncleanableOffset))
  const limit = cleanedBytesMax(log)
  const dirty = log.segments.filter((segment, i) => log.segmentEnd(i) > firstDirtyOffset && segment.baseOffset < firstUncleanableOffset)
  for (const segment of dirty) {
    for await (const batch of batchesIn(log, segment)) {
      await slicer.pause(batch.sizeInBytes)
      if (batch.isControl) transactions.passMarker(batch)
      else if (!transactions.passData(batch) && batch.lastOffset >= firstDirtyOffset && !putKeys(batch, firstDirtyOffset, keys, limit))
        return keys
      if (batch.lastOffset >= firstDirtyOffset) keys.latestOffset = Math.max(keys.latestOffset, batch.lastOffset)
    }
  }
  return keys
}

/** The batches of a sealed segment; offsets, which no CRC covers, must follow each other and belong here. */
async function* batchesIn(log: PartitionLog, segment: Segment): AsyncGenerator<RecordBatch, void> {
  let next = segment.baseOffset
  const index = log.segments.indexOf(segment)
  if (index < 0) throw new Stopped()
  const end = log.segmentEnd(index)
  for await (const batch of batchesOf(segment.file, log.node.buffers, { from: 0, to: segment.writtenSize })) {
    if (batch.baseOffset < next || batch.lastOffset < batch.baseOffset || batch.lastOffset >= end) {
      throw new Error(`a batch of ${segment.file.path} has offsets ${batch.baseOffset} to ${batch.lastOffset}`)
    }
    next = batch.nextOffset
    yield batch
  }
}

/** False when the map is full: nothing after the last key put counts. */
function putKeys(batch: RecordBatch, from: number, keys: KeyMap, outputBytesMax: number): boolean {
  const { isCompressed, count, magic } = batch
  if (magic < 2) return true
  const bytes = isCompressed
    ? decompress(batch.compression, batch.buffer.subarray(batch.position + BatchLayout.records, batch.end), { outputBytesMax })
    : batch.buffer
  const reader = isCompressed
    ? new RecordReader(bytes, 0, bytes.length)
    : new RecordReader(bytes, batch.position + BatchLayout.records, batch.end)
  for (let i = 0; i < count; i++) {
    reader.next()
    const offset = batch.baseOffset + reader.offsetDelta
    if (reader.keyLength < 0 || offset < from) continue
    if (keys.isFull) return false
    keys.put(bytes, reader.keyStart, reader.keyStart + reader.keyLength, offset)
  }
  return true
}

/** What the producer state needs to find in the log: nobody who is active may lose its last sequence or epoch. */
function lastRecordsOf(log: PartitionLog): Map<number, LastRecord> {
  const records = new Map<number, LastRecord>()
  for (const { producerId, producerEpoch, batches } of log.producers.entries) {
    const last = batches.length === 0 ? -1 : batches[batches.length - 1].lastOffset
    records.set(producerId, { lastDataOffset: last, producerEpoch })
  }
  return records
}

/** Neighbours become one segment while it stays within the limits. */
function groupsOf(log: PartitionLog, segments: readonly Segment[]): Segment[][] {
  const { segmentBytes, segmentIndexBytes } = log.config
  const groups: Segment[][] = []
  let bytes = 0
  let entries = 0
  segments.forEach((segment) => {
    const group = groups[groups.length - 1]
    const end = log.segmentEnd(log.segments.indexOf(segment))
    const fits =
      group !== undefined &&
      bytes + segment.size <= segmentBytes &&
      (entries + segment.times.count) * 12 <= segmentIndexBytes &&
      end - group[0].baseOffset <= INT32_MAX
    if (fits) group.push(segment)
    else groups.push([segment])
    bytes = (fits ? bytes : 0) + segment.size
    entries = (fits ? entries : 0) + segment.times.count
  })
  return groups
}

async function cleanGroup(log: PartitionLog, group: readonly Segment[], context: FilterContext, slicer: Slicer): Promise<Segment> {
  const { baseOffset } = group[0]
  for (const suffix of SEGMENT_SUFFIXES) await unlinkIfThere(log.node, group[0].path(log.path, suffix + CLEANED_SUFFIX))
  const file = new LogFile(log.node.files, group[0].path(log.path, LOG_SUFFIX + CLEANED_SUFFIX), false)
  const cleaned = new Segment(baseOffset, file, log.node.world.clock.now())
  const output = new SegmentOutput(cleaned, log.config.indexIntervalBytes)
  await file.truncate(0)
  try {
    for (const segment of group) {
      context.transactions.add(await log.abortedTransactions(segment.baseOffset, log.segmentEnd(log.segments.indexOf(segment))))
      for await (const batch of batchesIn(log, segment)) {
        await slicer.pause(batch.sizeInBytes)
        // A new batch gets a new CRC: damage must not be hidden by it.
        if (!batch.isValid()) throw new Error(`the batch at offset ${batch.baseOffset} is damaged`)
        const kept = filterBatch(batch, context)
        if (kept !== undefined && output.add(kept, batch)) await output.write()
      }
    }
    await output.write()
    cleaned.abortedTxns = context.transactions.kept
    context.transactions.kept = []
    cleaned.lastModifiedMs = group[group.length - 1].lastModifiedMs
    cleaned.seal()
    await cleaned.saveIndexes(log.node.world.disk, log.path, { sync: true, suffix: CLEANED_SUFFIX })
    await file.sync()
  } catch (error) {
    // a full disk must not stay full of it
    await dropCleaned(log, cleaned).catch(() => undefined)
    throw error
  }
  return cleaned
}

class SegmentOutput {
  private readonly segment: Segment
  private readonly indexIntervalBytes: number
  private pending: Buffer[] = []
  private pendingBytes = 0

  constructor(segment: Segment, indexIntervalBytes: number) {
    this.segment = segment
    this.indexIntervalBytes = indexIntervalBytes
  }

  /** Takes the bytes of one batch (copied when they are only lent). True when enough gathered to be written. */
  add(bytes: Buffer, source: RecordBatch): boolean {
    const owned = bytes.buffer === source.buffer.buffer ? Buffer.from(bytes) : bytes
    this.segment.addBatch(source.lastOffset, readBatchHeader(owned).maxTimestamp, owned.length, this.indexIntervalBytes)
    this.pending.push(owned)
    this.pendingBytes += owned.length
    return this.pendingBytes >= OUTPUT_BYTES
  }

  async write(): Promise<void> {
    const { segment, pending } = this
    this.pending = []
    this.pendingBytes = 0
    if (pending.length > 0) await segment.file.write(segment.writtenSize, pending)
    segment.writtenSize = segment.size
    segment.syncedSize = segment.size
  }
}
