// Bringing a log to the disk: fdatasync of what was written, index files, producer snapshots, leader epochs. Runs as tasks of
// the log, one at a time. Files are complete before the recovery point passes them, because recovery trusts what is below it.

import { formatEpochCheckpoint, formatPartitionMetadata } from './checkpoints.ts'
import { LEADER_EPOCH_CHECKPOINT, offsetName, PARTITION_METADATA, SNAPSHOT_SUFFIX } from './layout.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

/** Everything below `wanted` is on disk when this resolves, as far as the log was not cut meanwhile. */
export async function flushLog(log: PartitionLog, wanted: number): Promise<void> {
  const offset = Math.min(wanted, log.logEndOffset)
  await log.writer.whenWritten(offset)
  const first = firstUnfinished(log)
  if (offset <= log.syncedOffset && offset <= log.recoveryPoint && isFinished(log.segments[first])) return
  const { disk } = log.node.world
  const target = log.writtenOffset
  const segments = log.segments.slice(first).filter((segment) => segment.baseOffset < target && segment.file.isCreated)
  for (const segment of segments) {
    if (segment.isSealed) await segment.saveIndexes(disk, log.path, { sync: true })
    await syncSegment(log, segment)
  }
  if (log.epochs.version !== log.epochsSyncedVersion) await saveEpochs(log, true)
  const isFolderNew = !log.isFolderSynced
  if (isFolderNew && log.topicId !== undefined) await syncPartitionMetadata(log)
  if (isFolderNew || segments.some((segment) => !segment.isNameSynced)) {
    await synced(log, disk.syncDir(log.path))
    for (const segment of segments) segment.isNameSynced = true
  }
  if (isFolderNew) {
    await synced(log, log.directory.syncNames())
    log.isFolderSynced = true
  }
  log.recoveryPoint = Math.max(log.recoveryPoint, Math.min(target, log.writtenOffset))
  log.lastFlushMs = log.node.world.clock.monotonicMs()
  log.onSynced(log.recoveryPoint)
}

/** The segment of the recovery point, or an earlier one that was sealed after its last bytes had been synced. */
function firstUnfinished(log: PartitionLog): number {
  let first = Math.max(log.segmentIndexFor(log.recoveryPoint), 0)
  while (first > 0 && !isFinished(log.segments[first - 1])) first--
  return first
}

function isFinished(segment: Segment): boolean {
  return !segment.isSealed || segment.areIndexesSynced
}

export async function syncSegment(log: PartitionLog, segment: Segment): Promise<void> {
  const { writtenSize } = segment
  if (segment.syncedSize === writtenSize) return
  await synced(log, segment.file.sync())
  segment.syncedSize = writtenSize
}

/** Whatever made a sync fail, what was written before it may be gone, and no later sync would tell: the directory is done. */
async function synced(log: PartitionLog, sync: Promise<void>): Promise<void> {
  try {
    await sync
  } catch (error) {
    log.directory.fail(error, `sync of ${log.path}`)
    throw error
  }
}

/** The last steps of a log: with these files the next start scans nothing. */
export async function closeLog(log: PartitionLog): Promise<void> {
  const { disk } = log.directory.node.world
  const { producers, activeSegment: segment } = log
  await log.writer.whenWritten(log.logEndOffset)
  if (segment.file.isCreated) {
    segment.addLastTimestamp()
    await segment.saveIndexes(disk, log.path, { sync: true })
  }
  if (producers.mapEndOffset > producers.snapshotOffset) {
    await saveProducerSnapshot(log, producers.mapEndOffset, producers.snapshot())
    producers.snapshotOffset = producers.mapEndOffset
  }
  await flushLog(log, log.logEndOffset)
  if (log.epochs.version !== log.epochsSavedVersion) await saveEpochs(log, false)
}

/** Moves the older entries of a growing segment's indexes to their files. */
export async function spillIndexes(log: PartitionLog, segment: Segment): Promise<void> {
  if (segment.wantsSpill) await segment.saveIndexes(log.directory.node.world.disk, log.path, { sync: false })
}

export async function saveProducerSnapshot(log: PartitionLog, offset: number, bytes: Buffer): Promise<void> {
  await log.directory.node.world.disk.writeFileAtomic(`${log.path}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`, bytes, { sync: false })
  if (log.snapshots[log.snapshots.length - 1] !== offset) log.snapshots.push(offset)
}

/** Writes leader-epoch-checkpoint. Without `sync` a crash may leave an older one: recovery reads the epochs from the batches. */
export async function saveEpochs(log: PartitionLog, sync: boolean): Promise<void> {
  const { version } = log.epochs
  if (sync ? version === log.epochsSyncedVersion : version === log.epochsSavedVersion) return
  await log.directory.node.world.disk.writeFileAtomic(`${log.path}/${LEADER_EPOCH_CHECKPOINT}`, formatEpochCheckpoint(log.epochs.entries), {
    sync
  })
  log.epochsSavedVersion = version
  if (sync) log.epochsSyncedVersion = version
}

/** Written without a sync when the log is made: a crash before the first flush loses a log without records. */
export async function savePartitionMetadata(log: PartitionLog): Promise<void> {
  if (log.topicId === undefined) return
  await log.node.world.disk.writeFileAtomic(`${log.path}/${PARTITION_METADATA}`, formatPartitionMetadata(log.topicId), { sync: false })
  log.savedTopicId = log.topicId
}

async function syncPartitionMetadata(log: PartitionLog): Promise<void> {
  if (log.savedTopicId !== log.topicId) await savePartitionMetadata(log)
  const file = await log.node.world.disk.open(`${log.path}/${PARTITION_METADATA}`, 'write')
  try {
    await synced(log, file.sync())
  } finally {
    await file.close()
  }
}
