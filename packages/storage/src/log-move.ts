// Moves a log to another directory (AlterReplicaLogDirs): a copy grows in `<topic>-<partition>.<uuid>-future`, and when it has
// everything the log takes the copy's files over between two appends. A stop in the middle leaves the `-future` folder, and the
// next start goes on from there.

import { iterateBatches } from '@odradek/protocol'
import { Slicer, Stopped } from './cleaner/slicer.ts'
import { saveEpochs } from './log-flush.ts'
import type { PartitionLog } from './partition-log.ts'
import { isOffsetTooFar } from './roll-policy.ts'

const READ_BYTES = 1024 * 1024

export interface LogMoveOptions {
  /** `replica.alter.log.dirs.io.max.bytes.per.second`. */
  maxBytesPerSecond: () => number
  /** The old folder is of no more use; the new one wants its name. Called within a task of the log, while its writer pauses. */
  finish(log: PartitionLog, left: { directory: PartitionLog['directory']; path: string }): Promise<void>
}

export class LogMove {
  readonly log: PartitionLog
  readonly future: PartitionLog
  private readonly options: LogMoveOptions
  private isCancelled = false
  /** Up to where what is copied had been cleaned. */
  private readonly cleanedOffset: number
  /** Resolves when the move is done or given up. Does not reject. */
  readonly done: Promise<void>

  constructor(log: PartitionLog, future: PartitionLog, options: LogMoveOptions) {
    this.log = log
    this.future = future
    this.options = options
    this.cleanedOffset = future.logEndOffset > 0 ? 0 : log.cleanedOffset
    this.done = this.run()
  }

  cancel(): void {
    this.isCancelled = true
  }

  private get isOver(): boolean {
    const { log, future } = this
    return this.isCancelled || log.isClosed || future.isClosed || log.directory.isOffline || future.directory.isOffline
  }

  private async run(): Promise<void> {
    const { log, future } = this
    const { world } = log.node
    const slicer = new Slicer(world, { maxBytesPerSecond: this.options.maxBytesPerSecond, isStopped: () => this.isOver })
    try {
      while (!(await this.trySwap())) {
        const bytes = await this.copySome()
        await (slicer.pause(bytes) ?? new Promise<void>((resolve) => world.timers.defer(resolve)))
      }
    } catch (error) {
      if (this.isOver || error instanceof Stopped) return
      world.logger.log(
        'ERROR',
        'kafka.server.ReplicaAlterLogDirsThread',
        `the move of ${log.name} to ${future.directory.path} failed`,
        error
      )
    }
  }

  /** Copies up to a MiB; the copy has it in its file when this resolves. */
  private async copySome(): Promise<number> {
    const { log, future } = this
    if (this.isOver) throw new Stopped()
    if (log.cutOffset < future.logEndOffset) await future.truncateTo(log.cutOffset)
    log.cutOffset = Number.POSITIVE_INFINITY
    if (future.logEndOffset < log.logStartOffset || future.logEndOffset > log.logEndOffset) await this.restart()
    const { errorCode, buffers, sizeInBytes, release } = await log.read(Math.max(future.logEndOffset, log.logStartOffset), {
      maxBytes: READ_BYTES,
      minOneBatch: true
    })
    if (errorCode !== 0) throw new Error(`read of ${log.name} at ${future.logEndOffset} failed with error ${errorCode}`)
    for (const buffer of buffers) this.append(buffer)
    // The append has copied them.
    release?.()
    await future.writer.whenWritten(future.logEndOffset)
    return sizeInBytes
  }

  private append(buffer: Buffer): void {
    const { future } = this
    const { errorCode, message } = future.append(buffer, { origin: 'replication', leaderEpoch: -1, now: future.node.world.clock.now() })
    if (errorCode !== 0) throw new Error(`the copy takes no records: ${message} (error ${errorCode})`)
  }

  /** Begins at the batch that holds the log's start: what was copied is not part of the log any more. */
  private async restart(): Promise<void> {
    const { log, future } = this
    const { buffers, sizeInBytes } = await log.read(log.logStartOffset, { maxBytes: 1, minOneBatch: true })
    const start = sizeInBytes === 0 ? log.logStartOffset : iterateBatches(Buffer.concat(buffers))[0].baseOffset
    await future.truncateFullyAndStartAt(start)
  }

  /**
   * True when the log has the copy's files now. What was acknowledged is in the copy's file before the old folder gets out of
   * the way, and nothing is acknowledged from the copy before that: a crash finds either folder complete.
   */
  private async trySwap(): Promise<boolean> {
    const { log, future } = this
    if (this.isOver) throw new Stopped()
    if (!this.canCatchUp()) return false
    // what the old folder had on disk must be on disk in the new one; most of it before appends have to wait
    await future.flush()
    if (!this.canCatchUp()) return false
    const outcome: { isSwapped: boolean; failure?: unknown } = { isSwapped: false }
    await log.runTask(() =>
      log.writer.between(async () => {
        try {
          await this.bringUp()
        } catch (error) {
          outcome.failure = error
          return
        }
        await future.writer.between(() => this.swap(outcome))
      })
    )
    if (outcome.failure !== undefined) throw outcome.failure
    return outcome.isSwapped
  }

  /** Writes to the copy what the log has by now. */
  private async bringUp(): Promise<void> {
    const { future } = this
    await future.whenIdle()
    if (this.isOver || !this.canCatchUp()) return
    this.catchUp()
    await future.writer.whenWritten(future.logEndOffset)
    await future.flush()
    await future.whenIdle()
  }

  private async swap(outcome: { isSwapped: boolean; failure?: unknown }): Promise<void> {
    const { log, future } = this
    if (this.isOver || future.writtenOffset < log.writtenOffset || !this.canCatchUp()) return
    const left = { directory: log.directory, path: log.path }
    const oldSegments = [...log.segments]
    future.isAboutToMove = true
    try {
      this.catchUp()
    } catch (error) {
      outcome.failure = error
      return
    } finally {
      future.isAboutToMove = false
    }
    log.adopt(future)
    log.cleanedOffset = Math.min(log.cleanedOffset, this.cleanedOffset)
    outcome.isSwapped = true
    for (const segment of oldSegments) {
      log.node.indexes.remove(segment.offsets)
      log.node.indexes.remove(segment.times)
      await segment.file.close()
    }
    await this.options.finish(log, left)
    await saveEpochs(log, true)
  }

  private catchUp(): void {
    const { log, future } = this
    if (future.logEndOffset === log.logEndOffset) return
    const { buffers, release } = log.tail.collect(future.logEndOffset, Number.POSITIVE_INFINITY, log.logEndOffset, true)
    for (const buffer of buffers) this.append(buffer)
    release()
  }

  /** What the copy lacks is all in memory. */
  private canCatchUp(): boolean {
    const { log, future } = this
    const { logEndOffset: end } = future
    return (
      end >= log.logStartOffset &&
      end <= log.cutOffset &&
      (end === log.logEndOffset || (end >= log.tail.firstOffset && end < log.logEndOffset)) &&
      !isOffsetTooFar(future.activeSegment, log.logEndOffset - 1)
    )
  }
}
