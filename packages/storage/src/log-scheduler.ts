// What the log manager does by the clock. Each job runs, ends, and is then scheduled again, so that no job overlaps itself;
// a failed disk operation inside is the directory's affair and does not stop the job.

import { Cleaner } from './cleaner/cleaner.ts'
import type { DelayedJobs } from './delayed-jobs.ts'
import { writeHighWatermarks, writeLogStartOffsets, writeRecoveryPoints } from './directory-files.ts'
import type { LogDirectory } from './log-directory.ts'
import type { LogManager } from './log-manager.ts'
import type { PartitionLog } from './partition-log.ts'
import { deleteOldSegments } from './retention.ts'

const DAY_MS = 86400000
/** How often free space is looked at. */
const SPACE_CHECK_MS = 5000
const MIB = 1024 * 1024
const RESERVE_BYTES_MAX = 1024 * MIB
const RESERVE_SHARE = 0.01
/** A hundredth of a small disk is gone before it is looked at again: there it is 64 MiB, or a twentieth. */
const SMALL_RESERVE_BYTES = 64 * MIB
const SMALL_RESERVE_SHARE = 0.05

const reserveOf = (totalBytes: number): number =>
  Math.min(RESERVE_BYTES_MAX, Math.max(totalBytes * RESERVE_SHARE, Math.min(SMALL_RESERVE_BYTES, totalBytes * SMALL_RESERVE_SHARE)))

export class LogScheduler {
  private readonly manager: LogManager
  private readonly cleaner: Cleaner
  private readonly jobs: DelayedJobs

  constructor(manager: LogManager) {
    this.manager = manager
    this.jobs = manager.node.jobs
    this.cleaner = new Cleaner(manager)
  }

  start(): void {
    const { settings } = this.manager
    const { initialTaskDelayMs } = settings
    this.every(
      () => settings.retentionCheckMs,
      initialTaskDelayMs,
      () => this.retain()
    )
    this.every(
      () => settings.recoveryPointCheckpointMs,
      initialTaskDelayMs,
      () => this.perDirectory(writeRecoveryPoints)
    )
    this.every(
      () => settings.startOffsetCheckpointMs,
      initialTaskDelayMs,
      () => this.perDirectory(writeLogStartOffsets)
    )
    this.every(
      () => settings.highWatermarkCheckpointMs,
      settings.highWatermarkCheckpointMs,
      () => this.checkpointHighWatermarks()
    )
    this.every(
      () => settings.flushSchedulerMs,
      initialTaskDelayMs,
      () => this.flushDirty()
    )
    this.every(
      () => settings.producerIdExpirationCheckMs,
      settings.producerIdExpirationCheckMs,
      () => this.expireProducers()
    )
    this.every(
      () => settings.cleaner.backoffMs,
      settings.cleaner.backoffMs,
      () => this.cleaner.runOnce()
    )
    this.every(
      () => SPACE_CHECK_MS,
      0,
      () => this.checkSpace()
    )
  }

  async stop(): Promise<void> {
    this.cleaner.stop()
    await this.jobs.stop()
  }

  private every(intervalMs: () => number, firstMs: number, job: () => Promise<void>): void {
    const again = (delayMs: number): void => this.jobs.after(Math.min(delayMs, DAY_MS), () => run(delayMs))
    const run = async (delayMs: number): Promise<void> => {
      if (delayMs <= DAY_MS) await job()
      again(intervalMs())
    }
    again(Math.min(firstMs, intervalMs()))
  }

  /** Removes a renamed folder after `delayMs`. */
  removeLater(directory: LogDirectory, path: string, delayMs: number): void {
    this.jobs.after(delayMs, async () => {
      await this.onDirectory(directory, () => this.manager.node.world.disk.removeTree(path))
    })
  }

  private async perDirectory(job: (directory: LogDirectory) => Promise<void>): Promise<void> {
    for (const directory of this.manager.liveDirectories) await this.onDirectory(directory, () => job(directory))
  }

  private async onDirectory(directory: LogDirectory, job: () => Promise<void>): Promise<void> {
    try {
      await job()
    } catch (error) {
      directory.failUnlessFull(error, 'a scheduled job')
    }
  }

  private async perLog(job: (log: PartitionLog) => Promise<unknown>): Promise<void> {
    for (const log of [...this.manager.logs()]) {
      if (this.jobs.isStopped) return
      if (log.isClosed || log.directory.isOffline) continue
      const { generation } = log
      await this.onDirectory(log.directory, async () => {
        try {
          await job(log)
        } catch (error) {
          // its files went away under the job: that is no failure of the disk, and what is one the log has told
          if (!log.isClosed && generation === log.generation) throw error
        }
      })
    }
  }

  private retain(): Promise<void> {
    return this.perLog(async (log) => {
      // The cleaner deletes from compacted logs, between its passes.
      if (!log.config.isCompact || !this.manager.settings.cleaner.isEnabled) await deleteOldSegments(log)
    })
  }

  private async checkpointHighWatermarks(): Promise<void> {
    await this.perDirectory(async (directory) => {
      if (!directory.haveHighWatermarksMoved) return
      directory.haveHighWatermarksMoved = false
      await writeHighWatermarks(directory)
    })
  }

  private flushDirty(): Promise<void> {
    const now = this.manager.node.world.clock.monotonicMs()
    return this.perLog(async (log) => {
      if (log.syncedOffset < log.logEndOffset && now - log.lastFlushMs >= log.config.flushMs) await log.flush()
    })
  }

  private async expireProducers(): Promise<void> {
    const now = this.manager.node.world.clock.now()
    for (const log of this.manager.logs()) log.producers.expire(now, this.manager.settings.producerIdExpirationMs)
  }

  /** Keeps a reserve free on every file system: what is appended there must never be torn by a full disk. */
  private async checkSpace(): Promise<void> {
    await this.perDirectory(async (directory) => {
      const { freeBytes, totalBytes } = await this.manager.space(directory.path)
      const reserve = reserveOf(totalBytes)
      const room = freeBytes - directory.unwrittenBytes() - reserve
      directory.setRoom(room)
      if (room > reserve * 0.1) directory.setWritable()
    })
  }
}
