// Cutting a log: followers that diverged, a disk that filled up in the middle of a write, a log replaced by a snapshot.
// Runs as a task of the log while its status keeps appends away. Producer state is rebuilt from the newest snapshot below
// the cut and the batches after it.

import { INDEX_SUFFIX, offsetName, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX } from './layout.ts'
import { saveEpochs } from './log-flush.ts'
import type { PartitionLog } from './partition-log.ts'
import { loadProducers } from './producer-rebuild.ts'
import type { Segment } from './segment.ts'
import { cutIndexFile, locate, removeFiles, resumeSegment, unlinkIfThere, withIndexes } from './segment-files.ts'
import { loadAbortedTxns } from './txn-index-files.ts'

export async function truncateLog(log: PartitionLog, wanted: number): Promise<void> {
  // What stays and is in memory only goes to the file first; where the disk takes no more, the log ends where the file does.
  await log.writer.whenWritten(Math.min(wanted, log.logEndOffset)).catch(() => undefined)
  if (log.directory.isOffline) throw new Error(`${log.directory.path} is offline`)
  const offset = Math.min(wanted, log.writtenOffset)
  if (offset <= log.segments[0].baseOffset) {
    await truncateFully(log, offset)
    return
  }
  await log.writer.stop(new Error(`the log is truncated to ${offset}`))
  log.tail.clear()
  const kept = log.segmentIndexFor(offset - 1)
  for (const segment of log.removeSegments(kept + 1, log.segments.length)) await removeSegment(log, segment)
  log.logEndOffset = offset
  await cutSegment(log, log.activeSegment, offset)
  log.epochs.truncateFromEnd(offset)
  log.logStartOffset = Math.min(log.logStartOffset, offset)
  log.onTruncated(offset)
  await dropSnapshots(log, (at) => at > offset)
  await loadProducers(log, offset)
  log.producers.onHighWatermark(log.highWatermark)
  await saveEpochs(log, true)
  await log.node.world.disk.syncDir(log.path)
  log.writer.restart(offset)
}

export async function truncateFully(log: PartitionLog, offset: number): Promise<void> {
  await log.writer.stop(new Error(`the log starts anew at ${offset}`))
  log.tail.clear()
  for (const segment of log.removeSegments(0, log.segments.length)) await removeSegment(log, segment)
  log.segments.push(log.newSegment(offset, log.directory.node.world.clock.now()))
  if (offset > 0) await log.activeSegment.file.create()
  log.epochs.clear()
  log.producers.clear(offset)
  await dropSnapshots(log, () => true)
  log.logStartOffset = offset
  log.logEndOffset = offset
  log.onTruncated(offset)
  log.writtenOffset = offset
  log.syncedOffset = offset
  log.recoveryPoint = offset
  log.highWatermark = offset
  await saveEpochs(log, true)
  await log.node.world.disk.syncDir(log.path)
  log.writer.restart(offset)
}

export async function removeSegment(log: PartitionLog, segment: Segment): Promise<void> {
  log.node.indexes.remove(segment.offsets)
  log.node.indexes.remove(segment.times)
  await segment.file.remove()
  await removeFiles(log, segment)
}

async function dropSnapshots(log: PartitionLog, isDropped: (offset: number) => boolean): Promise<void> {
  for (const offset of log.snapshots.filter(isDropped)) await unlinkIfThere(log.node, `${log.path}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`)
  log.snapshots = log.snapshots.filter((offset) => !isDropped(offset))
}

/** The segment that holds `offset` loses what is at or after it, and grows again. */
async function cutSegment(log: PartitionLog, segment: Segment, offset: number): Promise<void> {
  segment.isSealed = false
  if (!segment.file.isCreated) {
    segment.resetTo(0)
    return
  }
  await loadAbortedTxns(log, segment)
  const { position } = await locate(log, segment, offset)
  await segment.file.truncate(position)
  // What is cut must not come back with a power loss, between records that took its offsets.
  await segment.file.sync()
  await withIndexes(log, segment, () => {
    segment.offsets.truncateTo(offset)
    segment.times.truncateTo(offset)
  })
  await cutIndexFile(log, segment.path(log.path, INDEX_SUFFIX), segment.offsets)
  await cutIndexFile(log, segment.path(log.path, TIME_INDEX_SUFFIX), segment.times)
  const aborted = segment.abortedTxns!.filter((txn) => txn.lastOffset < offset)
  if (aborted.length < segment.abortedTxnsSaved) {
    await unlinkIfThere(log.node, segment.path(log.path, TXN_INDEX_SUFFIX))
    segment.abortedTxnsSaved = 0
    segment.abortedTxnsSynced = 0
  }
  segment.abortedTxns = aborted
  segment.writtenSize = position
  segment.syncedSize = position
  await resumeSegment(log, segment, position)
}
