// When a log begins a new segment: by size, by age, when an index is full, or when offsets outgrow the index's 32 bits.

import type { Random } from '@odradek/world'
import type { LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

const INT32_MAX = 2147483647

export interface ComingBatches {
  bytes: number
  lastOffset: number
  maxTimestamp: number
  now: number
}

export function shouldRoll(segment: Segment, config: LogConfig, jitterMs: number, coming: ComingBatches): boolean {
  if (isOffsetTooFar(segment, coming.lastOffset)) return true
  if (segment.size === 0) return false
  return (
    segment.size > config.segmentBytes - coming.bytes ||
    waitedMs(segment, coming) > config.segmentMs - jitterMs ||
    segment.isIndexFull(config.segmentIndexBytes)
  )
}

/** Indexes count offsets from the segment's base, in 32 bits. */
export function isOffsetTooFar(segment: Segment, lastOffset: number): boolean {
  return lastOffset - segment.baseOffset > INT32_MAX
}

/** By the records' own time where they have one, so that replayed old data makes segments as it did at first. */
function waitedMs(segment: Segment, { maxTimestamp, now }: ComingBatches): number {
  return segment.firstTimestamp >= 0 && maxTimestamp >= 0 ? maxTimestamp - segment.firstTimestamp : now - segment.createdMs
}

/** Logs that were made together must not all roll together. */
export function drawRollJitter(config: LogConfig, random: Random): number {
  const bound = Math.min(config.segmentJitterMs, INT32_MAX)
  return bound > 0 ? random.below(bound) : 0
}
