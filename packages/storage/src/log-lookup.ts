// Questions about a log's content that its files answer: offsets by time, aborted transactions.

import type { RecordBatch } from '@odradek/protocol'
import { forEachRecord } from '@odradek/protocol'
import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'
import { ensureIndexes, withIndexes } from './segment-files.ts'
import { scanSegment } from './segment-scan.ts'
import type { AbortedTxn } from './txn-index.ts'
import { collectAbortedTxns } from './txn-index.ts'
import { abortedTxnsOf } from './txn-index-files.ts'

export interface TimestampAndOffset {
  timestamp: number
  offset: number
  /** -1 when the batch carries none. */
  leaderEpoch: number
}

export function abortedTransactions(log: PartitionLog, from: number, to: number): AbortedTxn[] | Promise<AbortedTxn[]> {
  const found: AbortedTxn[] = []
  for (let i = Math.max(log.segmentIndexFor(from), 0); i < log.segments.length; i++) {
    const { abortedTxns } = log.segments[i]
    if (abortedTxns === undefined) return settled(log, () => loadAndCollect(log, from, to))
    if (collectAbortedTxns(abortedTxns, from, to, found)) break
  }
  return found
}

/** Looks again when files of the log changed places under the look-up. */
async function settled<T>(log: PartitionLog, look: () => Promise<T>): Promise<T> {
  for (;;) {
    const { generation } = log
    try {
      const found = await look()
      if (generation === log.generation) return found
    } catch (error) {
      if (log.isClosed || !(await log.hasMovedSince(generation))) throw error
    }
  }
}

async function loadAndCollect(log: PartitionLog, from: number, to: number): Promise<AbortedTxn[]> {
  const found: AbortedTxn[] = []
  for (const segment of log.segments.slice(Math.max(log.segmentIndexFor(from), 0))) {
    if (collectAbortedTxns(await abortedTxnsOf(log, segment), from, to, found)) break
  }
  return found
}

export function findOffsetForTimestamp(log: PartitionLog, timestamp: number): Promise<TimestampAndOffset | undefined> {
  return settled(log, () => searchForTimestamp(log, timestamp))
}

async function searchForTimestamp(log: PartitionLog, timestamp: number): Promise<TimestampAndOffset | undefined> {
  await log.writer.whenWritten(log.logEndOffset)
  for (const segment of [...log.segments]) {
    if (segment.size === 0) continue
    await ensureMaxTimestamp(log, segment)
    if (segment.largestTimestamp < timestamp) continue
    return findInSegment(log, segment, timestamp)
  }
  return undefined
}

async function findInSegment(log: PartitionLog, segment: Segment, timestamp: number): Promise<TimestampAndOffset | undefined> {
  const { startOffset, from } = await withIndexes(log, segment, () => {
    const offset = Math.max(segment.times.lookup(timestamp), log.logStartOffset)
    return { startOffset: offset, from: segment.offsets.lookup(offset) }
  })
  let found: TimestampAndOffset | undefined
  await scanSegment(segment.file, log.node.buffers, { from, to: segment.writtenSize, checkCrc: false }, (batch) => {
    if (batch.maxTimestamp < timestamp || batch.lastOffset < startOffset) return true
    found = firstRecordFrom(batch, timestamp, log.logStartOffset)
    return found === undefined
  })
  return found
}

function firstRecordFrom(batch: RecordBatch, timestamp: number, startOffset: number): TimestampAndOffset | undefined {
  let found: TimestampAndOffset | undefined
  forEachRecord(batch, (record) => {
    if (found === undefined && record.timestamp >= timestamp && record.offset >= startOffset) {
      found = { timestamp: record.timestamp, offset: record.offset, leaderEpoch: batch.partitionLeaderEpoch }
    }
  })
  return found
}

export function findOffsetOfMaxTimestamp(log: PartitionLog): Promise<TimestampAndOffset | undefined> {
  return settled(log, () => searchMaxTimestamp(log))
}

async function searchMaxTimestamp(log: PartitionLog): Promise<TimestampAndOffset | undefined> {
  await log.writer.whenWritten(log.logEndOffset)
  let latest: Segment | undefined
  for (const segment of [...log.segments]) {
    if (segment.size === 0) continue
    await ensureMaxTimestamp(log, segment)
    if (segment.maxTimestamp >= 0 && (latest === undefined || segment.maxTimestamp > latest.maxTimestamp)) latest = segment
  }
  if (latest === undefined) return undefined
  const { maxTimestamp, offsets, offsetOfMaxTimestamp } = latest
  const from = await withIndexes(log, latest, () => offsets.lookup(offsetOfMaxTimestamp))
  let found: TimestampAndOffset | undefined
  await scanSegment(latest.file, log.node.buffers, { from, to: latest.writtenSize, checkCrc: false }, (batch) => {
    if (batch.maxTimestamp === maxTimestamp) found = firstRecordFrom(batch, maxTimestamp, 0)
    return found === undefined
  })
  return found
}

/** Sealed segments learn their greatest timestamp from the last entry of their time index, when someone asks. */
export async function ensureMaxTimestamp(log: PartitionLog, segment: Segment): Promise<void> {
  if (segment.maxTimestamp >= 0 || segment.isIndexLoaded) return
  await ensureIndexes(log, segment)
  if (segment.times.count > 0) {
    segment.maxTimestamp = segment.times.lastTimestamp
    segment.offsetOfMaxTimestamp = segment.times.lastOffset
  }
}
