// The files of a log directory that are about all its logs: checkpoints, meta.properties, the mark of a clean stop.

import type { Uuid } from '@odradek/base'
import type { Disk } from '@odradek/world'
import type { MetaProperties, OffsetEntry } from './checkpoints.ts'
import {
  formatCleanShutdown,
  formatMetaProperties,
  formatOffsetCheckpoint,
  parseCleanShutdown,
  parseMetaProperties,
  parseOffsetCheckpoint
} from './checkpoints.ts'
import {
  CLEAN_SHUTDOWN_FILE,
  CLEANER_CHECKPOINT,
  FUTURE_SUFFIX,
  HIGH_WATERMARK_CHECKPOINT,
  LOG_START_OFFSET_CHECKPOINT,
  META_PROPERTIES,
  METADATA_TOPIC,
  partitionName,
  RECOVERY_POINT_CHECKPOINT
} from './layout.ts'
import type { LogDirectory } from './log-directory.ts'
import type { PartitionLog } from './partition-log.ts'

export async function readMetaProperties(disk: Disk, directory: string): Promise<MetaProperties | undefined> {
  const path = `${directory}/${META_PROPERTIES}`
  return (await disk.exists(path)) ? parseMetaProperties(await disk.readFile(path), path) : undefined
}

export async function writeMetaProperties(
  disk: Disk,
  directory: string,
  meta: { clusterId: string; nodeId: number; directoryId: Uuid }
): Promise<void> {
  await disk.writeFileAtomic(`${directory}/${META_PROPERTIES}`, formatMetaProperties(meta))
}

/** Whether the last process stopped cleanly; the mark is removed, so that a crash from here on is seen as one. */
export async function takeCleanShutdown(disk: Disk, directory: string): Promise<{ wasClean: boolean; brokerEpoch: number | undefined }> {
  const path = `${directory}/${CLEAN_SHUTDOWN_FILE}`
  if (!(await disk.exists(path))) return { wasClean: false, brokerEpoch: undefined }
  const brokerEpoch = parseCleanShutdown(await disk.readFile(path))
  await disk.unlink(path)
  await disk.syncDir(directory)
  return { wasClean: true, brokerEpoch }
}

export async function writeCleanShutdown(disk: Disk, directory: string, brokerEpoch: number): Promise<void> {
  await disk.writeFileAtomic(`${directory}/${CLEAN_SHUTDOWN_FILE}`, formatCleanShutdown(brokerEpoch))
}

export interface DirectoryCheckpoints {
  recoveryPoints: Map<string, number>
  logStartOffsets: Map<string, number>
  highWatermarks: Map<string, number>
  /** Where the cleaner goes on. */
  cleanerOffsets: Map<string, number>
}

/** By partition name. A damaged checkpoint counts as empty: recovery then scans more, and nothing is lost. */
export async function readCheckpoints(directory: LogDirectory): Promise<DirectoryCheckpoints> {
  return {
    recoveryPoints: await readCheckpoint(directory, RECOVERY_POINT_CHECKPOINT),
    logStartOffsets: await readCheckpoint(directory, LOG_START_OFFSET_CHECKPOINT),
    highWatermarks: await readCheckpoint(directory, HIGH_WATERMARK_CHECKPOINT),
    cleanerOffsets: await readCheckpoint(directory, CLEANER_CHECKPOINT)
  }
}

export function namesIn(checkpoints: DirectoryCheckpoints): Set<string> {
  return new Set(Object.values(checkpoints as unknown as Record<string, Map<string, number>>).flatMap((offsets) => [...offsets.keys()]))
}

export async function readCheckpoint(directory: LogDirectory, name: string): Promise<Map<string, number>> {
  const { disk, logger } = directory.node.world
  const path = `${directory.path}/${name}`
  const offsets = new Map<string, number>()
  if (!(await disk.exists(path))) return offsets
  try {
    for (const { topic, partition, offset } of parseOffsetCheckpoint(await disk.readFile(path), path))
      offsets.set(partitionName(topic, partition), offset)
  } catch (error) {
    if ((error as { code?: string }).code !== 'STORAGE_CHECKPOINT_MALFORMED') throw error
    logger.log('WARN', 'kafka.server.LogDirFailureChannel', `${path} is damaged and not used`, error)
  }
  return offsets
}

export async function writeCheckpoint(directory: LogDirectory, name: string, entries: Iterable<OffsetEntry>, sync: boolean): Promise<void> {
  const gone = [...directory.departed.keys()]
  await directory.node.world.disk.writeFileAtomic(`${directory.path}/${name}`, formatOffsetCheckpoint(entries), { sync })
  for (const partition of gone) {
    const files = directory.departed.get(partition)
    files?.delete(name)
    if (files?.size === 0) directory.departed.delete(partition)
  }
}

/**
 * Before a log begins under the name of one that was here: no checkpoint may tell of the old one. A start offset or a recovery
 * point of it would make the next recovery drop the new one's records, or trust what it must scan.
 */
export async function forgetDeparted(directory: LogDirectory, name: string): Promise<void> {
  while (directory.departed.has(name)) {
    directory.forgetting ??= Promise.all([
      writeRecoveryPoints(directory),
      writeLogStartOffsets(directory),
      writeHighWatermarks(directory),
      writeCleanerOffsets(directory)
    ])
      .then(() => undefined)
      .finally(() => {
        directory.forgetting = undefined
      })
    await directory.forgetting
  }
}

/** The metadata log keeps no offsets here: raft knows them, and it is always recovered. Nor does the copy of a log that moves here. */
function checkpointed(directory: LogDirectory): PartitionLog[] {
  return [...directory.logs].filter((log) => log.topicPartition.topic !== METADATA_TOPIC && !log.path.endsWith(FUTURE_SUFFIX))
}

export async function writeRecoveryPoints(directory: LogDirectory): Promise<void> {
  const entries = checkpointed(directory).map((log) => ({ ...log.topicPartition, offset: log.recoveryPoint }))
  await writeCheckpoint(directory, RECOVERY_POINT_CHECKPOINT, entries, true)
}

/** Only starts that the segments do not tell. */
export async function writeLogStartOffsets(directory: LogDirectory): Promise<void> {
  const moved = checkpointed(directory).filter((log) => log.logStartOffset > log.segments[0].baseOffset)
  const entries = moved.map((log) => ({ ...log.topicPartition, offset: log.logStartOffset }))
  await writeCheckpoint(directory, LOG_START_OFFSET_CHECKPOINT, entries, true)
}

export async function writeHighWatermarks(directory: LogDirectory): Promise<void> {
  const entries = checkpointed(directory).map((log) => ({ ...log.topicPartition, offset: log.highWatermark }))
  await writeCheckpoint(directory, HIGH_WATERMARK_CHECKPOINT, entries, false)
}

export async function writeCleanerOffsets(directory: LogDirectory): Promise<void> {
  const cleaned = checkpointed(directory).filter((log) => log.cleanedOffset > 0)
  const entries = cleaned.map((log) => ({ ...log.topicPartition, offset: log.cleanedOffset }))
  await writeCheckpoint(directory, CLEANER_CHECKPOINT, entries, true)
}
