// Which part of which log is to be cleaned next: the share of dirty bytes decides, and the age of the oldest dirty record.

import { ensureMaxTimestamp } from '../log-lookup.ts'
import type { PartitionLog } from '../partition-log.ts'
import type { Segment } from '../segment.ts'
import { firstTimestampOf } from '../segment-files.ts'

export interface CleanableRange {
  log: PartitionLog
  firstDirtyOffset: number
  /** The base of the first segment that stays as it is. */
  firstUncleanableOffset: number
  dirtyRatio: number
}

/** Undefined when the log needs no cleaning now. */
export async function cleanableRange(log: PartitionLog, now: number): Promise<CleanableRange | undefined> {
  const firstDirtyOffset = firstDirty(log)
  const uncleanable = await firstUncleanable(log, firstDirtyOffset, now)
  const { segments } = log
  const cleanBytes = bytesOf(segments.filter((_, i) => log.segmentEnd(i) <= firstDirtyOffset))
  const dirty = segments.filter((segment, i) => log.segmentEnd(i) > firstDirtyOffset && segment.baseOffset < uncleanable)
  const dirtyBytes = bytesOf(dirty)
  if (dirtyBytes === 0) return undefined
  const dirtyRatio = dirtyBytes / (cleanBytes + dirtyBytes)
  const isDue = dirtyRatio > log.config.minCleanableDirtyRatio || (await isOverdue(log, dirty, now))
  return isDue ? { log, firstDirtyOffset, firstUncleanableOffset: uncleanable, dirtyRatio } : undefined
}

function firstDirty(log: PartitionLog): number {
  const { cleanedOffset, logStartOffset, logEndOffset } = log
  return cleanedOffset < logStartOffset || cleanedOffset > logEndOffset ? logStartOffset : cleanedOffset
}

/** Never the growing segment, nothing undecided, nothing younger than min.compaction.lag.ms. */
async function firstUncleanable(log: PartitionLog, firstDirtyOffset: number, now: number): Promise<number> {
  let offset = Math.min(log.lastStableOffset, log.activeSegment.baseOffset)
  const { minCompactionLagMs } = log.config
  if (minCompactionLagMs > 0) {
    for (let i = 0; i < log.segments.length - 1; i++) {
      if (log.segmentEnd(i) <= firstDirtyOffset) continue
      const segment = log.segments[i]
      await ensureMaxTimestamp(log, segment)
      if (segment.largestTimestamp > now - minCompactionLagMs) {
        offset = Math.min(offset, segment.baseOffset)
        break
      }
    }
  }
  const index = log.segmentIndexFor(offset)
  return index < 0 ? log.segments[0].baseOffset : Math.min(log.segments[index].baseOffset, log.activeSegment.baseOffset)
}

/** A dirty record is older than max.compaction.lag.ms. */
async function isOverdue(log: PartitionLog, dirty: readonly Segment[], now: number): Promise<boolean> {
  const oldestAllowed = now - log.config.maxCompactionLagMs
  if (oldestAllowed <= 0) return false
  for (const segment of dirty) {
    const first = await firstTimestampOf(log, segment)
    if (first > 0 && first < oldestAllowed) return true
  }
  return false
}

function bytesOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.size, 0)
}
