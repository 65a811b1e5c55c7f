// Deleting old segments: by time, by size, and those wholly below the log's start. Never past the high watermark. The last
// segment goes too when its records are too old: a new one begins first. Files are renamed to `.deleted` and removed after
// file.delete.delay.ms, so that reads under way end well.

import { DELETED_SUFFIX, offsetName, SEGMENT_SUFFIXES, SNAPSHOT_SUFFIX } from './layout.ts'
import { saveEpochs } from './log-flush.ts'
import { ensureMaxTimestamp } from './log-lookup.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'
import { unlinkIfThere } from './segment-files.ts'

/** Deletes what the settings say. Returns the number of segments. */
export async function deleteOldSegments(log: PartitionLog): Promise<number> {
  const { config } = log
  let deleted = 0
  if (config.isDelete) {
    deleted += await deleteByTime(log)
    deleted += await deleteBySize(log)
  }
  return deleted + (await deleteBelowStart(log))
}

async function deleteByTime(log: PartitionLog): Promise<number> {
  const { retentionMs } = log.config
  if (retentionMs < 0) return 0
  const now = log.node.world.clock.now()
  const isOld = (segment: Segment): boolean => isTimeKnown(segment) && now - segment.largestTimestamp > retentionMs
  for (const segment of [...log.segments]) {
    if (segment.isRemoved) return 0
    await ensureMaxTimestamp(log, segment)
    if (!isOld(segment)) break
  }
  return deleteFirst(log, () => {
    let count = 0
    while (count < log.segments.length && isDeletable(log, count) && isOld(log.segments[count])) count++
    return count
  })
}

/** Segments may have come since we looked. */
function isTimeKnown(segment: Segment): boolean {
  return segment.isIndexLoaded || segment.maxTimestamp >= 0
}

async function deleteBySize(log: PartitionLog): Promise<number> {
  const { retentionBytes } = log.config
  if (retentionBytes < 0) return 0
  return deleteFirst(log, () => {
    let excess = log.sizeInBytes - retentionBytes
    let count = 0
    while (count < log.segments.length && isDeletable(log, count) && excess - log.segments[count].size >= 0)
      excess -= log.segments[count++].size
    return count
  })
}

async function deleteBelowStart(log: PartitionLog): Promise<number> {
  return deleteFirst(log, () => {
    let count = 0
    while (count + 1 < log.segments.length && log.segments[count + 1].baseOffset <= log.logStartOffset && isDeletable(log, count)) count++
    return count
  })
}

/** All of it is below the high watermark, and it is not the empty last one. */
function isDeletable(log: PartitionLog, index: number): boolean {
  const isEmptyLast = index === log.segments.length - 1 && log.segments[index].size === 0
  return log.highWatermark >= log.segmentEnd(index) && !isEmptyLast
}

/** Counts once more in its turn: what was appended, cut, cleaned or moved before it is not what was looked at. */
async function deleteFirst(log: PartitionLog, countNow: () => number): Promise<number> {
  if (countNow() === 0) return 0
  const { clock, logger } = log.node.world
  let count = 0
  await log.runTask(async () => {
    count = countNow()
    if (count === 0) return
    if (count === log.segments.length) log.roll(clock.now())
    await keepEnd(log, log.segments[count])
    const segments = log.removeSegments(0, count)
    const newStart = log.segments[0].baseOffset
    logger.log('INFO', 'kafka.log.UnifiedLog', `deleting ${count} segments of ${log.path} below offset ${newStart}`)
    if (log.logStartOffset < newStart) log.moveLogStart(newStart)
    for (const segment of segments) await deleteSegment(log, segment)
    await saveEpochs(log, false)
  })
  return count
}

/** Only the name of a file tells where a log without records goes on: it must be there before the last records go. */
async function keepEnd(log: PartitionLog, next: Segment): Promise<void> {
  if (next.file.isCreated) return
  await next.file.create()
  await log.node.world.disk.syncDir(log.path)
}

/** Renames a segment's files out of the way and removes them later. */
export async function deleteSegment(log: PartitionLog, segment: Segment, options: { keepSnapshot?: boolean } = {}): Promise<void> {
  const { node } = log
  const { disk } = node.world
  node.indexes.remove(segment.offsets)
  node.indexes.remove(segment.times)
  const renamed: string[] = []
  await segment.loading?.catch(() => undefined)
  const suffixes = options.keepSnapshot ? SEGMENT_SUFFIXES : [...SEGMENT_SUFFIXES, SNAPSHOT_SUFFIX]
  const names = suffixes.map((suffix) => `${offsetName(segment.baseOffset)}${suffix}`)
  for (const name of names) {
    const path = `${log.path}/${name}`
    if (!(await disk.exists(path))) continue
    await disk.rename(path, path + DELETED_SUFFIX)
    renamed.push(path + DELETED_SUFFIX)
  }
  if (!options.keepSnapshot) log.snapshots = log.snapshots.filter((offset) => offset !== segment.baseOffset)
  segment.file.path += DELETED_SUFFIX
  node.jobs.after(log.config.fileDeleteDelayMs, () => removeLater(log, segment, renamed))
}

async function removeLater(log: PartitionLog, segment: Segment, paths: readonly string[]): Promise<void> {
  try {
    await segment.file.close()
    for (const path of paths) await unlinkIfThere(log.node, path)
  } catch (error) {
    if (!log.isClosed) log.directory.fail(error, `removal of deleted segments in ${log.path}`)
  }
}
