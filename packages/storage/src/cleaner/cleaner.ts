// Log compaction over all compacted logs of a node: one log at a time, the dirtiest first, in slices of a few ms.

import { writeCleanerOffsets } from '../directory-files.ts'
import type { LogManager } from '../log-manager.ts'
import type { PartitionLog } from '../partition-log.ts'
import { deleteOldSegments } from '../retention.ts'
import { cleanLog } from './clean-log.ts'
import type { CleanableRange } from './cleanable.ts'
import { cleanableRange } from './cleanable.ts'
import { Slicer, Stopped } from './slicer.ts'

const LOGGER = 'org.apache.kafka.storage.internals.log.LogCleaner'

export class Cleaner {
  private readonly manager: LogManager
  private isStopped = false
  /** Logs that cannot be cleaned (damaged records), until the node starts again. */
  private readonly uncleanable = new WeakSet<PartitionLog>()

  constructor(manager: LogManager) {
    this.manager = manager
  }

  stop(): void {
    this.isStopped = true
  }

  /** Cleans what needs it, then deletes what compacted logs need not keep. */
  async runOnce(): Promise<void> {
    if (!this.manager.settings.cleaner.isEnabled) return
    while (!this.isStopped && (await this.cleanDirtiest())) {
      // the next one
    }
    for (const log of this.compactedLogs()) {
      if (this.isStopped) return
      await this.guarded(log, async () => {
        await deleteOldSegments(log)
      })
    }
  }

  private compactedLogs(): PartitionLog[] {
    // a copy must not get the value of a key from before a pass, and miss the tombstone that a later one drops
    return [...this.manager.logs()].filter((log) => log.config.isCompact && log.isWritable && !this.manager.isMoving(log))
  }

  private async cleanDirtiest(): Promise<boolean> {
    const now = this.manager.node.world.clock.now()
    let dirtiest: CleanableRange | undefined
    for (const log of this.compactedLogs()) {
      if (this.uncleanable.has(log)) continue
      await this.guarded(log, async () => {
        const range = await cleanableRange(log, now)
        if (range !== undefined && (dirtiest === undefined || range.dirtyRatio > dirtiest.dirtyRatio)) dirtiest = range
      })
    }
    return dirtiest !== undefined && (await this.clean(dirtiest))
  }

  /** True when the log is cleaner than before. */
  private async clean(range: CleanableRange): Promise<boolean> {
    const { log } = range
    const { settings, node } = this.manager
    const { cleaner } = settings
    const slicer = new Slicer(node.world, {
      maxBytesPerSecond: () => settings.cleaner.maxBytesPerSecond,
      isStopped: () => this.isStopped || log.isClosed || log.directory.isOffline
    })
    const before = log.sizeInBytes
    let cleanedOffset: number | undefined
    await this.guarded(log, async () => {
      cleanedOffset = await cleanLog(range, { slicer, keyMapBytes: cleaner.dedupeBufferBytes * cleaner.loadFactor })
      if (cleanedOffset === undefined) return
      log.cleanedOffset = cleanedOffset
      await writeCleanerOffsets(log.directory)
    })
    if (cleanedOffset === undefined) return false
    node.world.logger.log(
      'INFO',
      LOGGER,
      `Cleaned ${log.name} up to offset ${cleanedOffset}: ${before} bytes before, ${log.sizeInBytes} after`
    )
    return cleanedOffset > range.firstDirtyOffset
  }

  private async guarded(log: PartitionLog, work: () => Promise<void>): Promise<void> {
    const { generation } = log
    try {
      await work()
    } catch (error) {
      if (error instanceof Stopped || log.isClosed || log.directory.isOffline || generation !== log.generation) return
      if (typeof (error as { code?: unknown }).code === 'string' && /^E[A-Z]+$/.test((error as { code: string }).code)) {
        log.directory.failUnlessFull(error, `cleaning ${log.path}`)
        return
      }
      this.uncleanable.add(log)
      this.manager.node.world.logger.log(
        'ERROR',
        LOGGER,
        `${log.path} cannot be cleaned and is left as it is until the node starts again`,
        error
      )
    }
  }
}
