// The moves of logs between directories that are under way on a node: one a log at most.

import { OdradekError, randomUuid } from '@odradek/base'
import { parsePartitionMetadata } from './checkpoints.ts'
import { forgetDeparted, writeCleanerOffsets, writeLogStartOffsets } from './directory-files.ts'
import type { TopicPartition } from './layout.ts'
import { PARTITION_METADATA, parsePartitionDirectory, partitionName, renamedDirectory } from './layout.ts'
import type { LogDirectory, StorageNode } from './log-directory.ts'
import { savePartitionMetadata } from './log-flush.ts'
import { openLog } from './log-loader.ts'
import { LogMove } from './log-move.ts'
import type { LogScheduler } from './log-scheduler.ts'
import type { PartitionLog } from './partition-log.ts'

export class LogMoves {
  private readonly node: StorageNode
  private readonly scheduler: LogScheduler
  private readonly maxBytesPerSecond: () => number
  private readonly moves = new Map<string, LogMove>()
  private readonly starting = new Map<string, Promise<void>>()

  constructor(node: StorageNode, scheduler: LogScheduler, maxBytesPerSecond: () => number) {
    this.node = node
    this.scheduler = scheduler
    this.maxBytesPerSecond = maxBytesPerSecond
  }

  /** The copies that grow. */
  futures(): PartitionLog[] {
    return [...this.moves.values()].map(({ future }) => future)
  }

  get(topicPartition: TopicPartition): LogMove | undefined {
    return this.moves.get(partitionName(topicPartition.topic, topicPartition.partition))
  }

  /** Begins to move `log` to `directory`. A move to another directory is given up; one to where it is ends every move. */
  async start(log: PartitionLog, directory: LogDirectory): Promise<void> {
    const current = this.moves.get(log.name)
    if (current?.future.directory === directory) return
    await this.cancel(log.name)
    if (log.directory === directory) return
    const name = this.renamed(log.topicPartition, 'future')
    if (parsePartitionDirectory(name)?.topic !== log.topicPartition.topic)
      throw new OdradekError('STORAGE_NO_DIRECTORY', `no directory takes the copy of ${log.name}: its name would be too long`)
    await this.starts(log, async () => {
      await forgetDeparted(directory, log.name)
      const path = `${directory.path}/${name}`
      await this.node.world.disk.mkdir(path)
      await this.grow(log, directory, path)
    })
  }

  /** Goes on with the copy in `path`, unless it is one of another topic of the same name. */
  async resume(log: PartitionLog, directory: LogDirectory, path: string): Promise<void> {
    const { disk } = this.node.world
    const metadata = `${path}/${PARTITION_METADATA}`
    const topicId = (await disk.exists(metadata)) ? parsePartitionMetadata(await disk.readFile(metadata)) : undefined
    if (topicId === undefined || topicId !== log.topicId) await disk.removeTree(path)
    else await this.starts(log, () => this.grow(log, directory, path))
  }

  /** Who cancels waits for a start under way. */
  private async starts(log: PartitionLog, start: () => Promise<void>): Promise<void> {
    const starting = start().finally(() => {
      if (this.starting.get(log.name) === starting) this.starting.delete(log.name)
    })
    this.starting.set(log.name, starting)
    await starting
  }

  private async grow(log: PartitionLog, directory: LogDirectory, path: string): Promise<void> {
    const future = await openLog({
      directory,
      path,
      topicPartition: log.topicPartition,
      config: log.config,
      topicId: log.topicId,
      wasCleanlyShutDown: false,
      recoveryPoint: 0,
      logStartOffset: 0,
      highWatermark: 0
    })
    future.topicId = log.topicId
    // The copy may have more than its log: what was in memory when a crash came between. The log goes on another way now.
    await future.truncateTo(log.logEndOffset)
    log.cutOffset = Number.POSITIVE_INFINITY
    await savePartitionMetadata(future)
    if (log.isClosed) {
      await this.discard(future)
      throw new OdradekError('STORAGE_NO_LOG', `${log.name} was deleted`)
    }
    const move = new LogMove(log, future, { maxBytesPerSecond: this.maxBytesPerSecond, finish: (moved, left) => this.finish(moved, left) })
    this.moves.set(log.name, move)
    void move.done.finally(() => {
      if (this.moves.get(log.name) === move) this.moves.delete(log.name)
    })
  }

  /** The log is in its new place: the old folder goes, the new one gets its name. */
  private async finish(log: PartitionLog, left: { directory: LogDirectory; path: string }): Promise<void> {
    const { disk, logger } = this.node.world
    left.directory.onDeparted(log.name)
    const target = `${left.directory.path}/${this.renamed(log.topicPartition, 'delete')}`
    try {
      await disk.rename(left.path, target)
      // Before the new folder has the name: there must never be two.
      await disk.syncDir(left.directory.path)
      this.scheduler.removeLater(left.directory, target, log.config.fileDeleteDelayMs)
    } catch (error) {
      left.directory.fail(error, `renaming ${left.path}`)
    }
    await log.moveFolder(`${log.directory.path}/${log.name}`)
    await disk.syncDir(log.directory.path)
    if (log.cleanedOffset > 0) await writeCleanerOffsets(log.directory)
    if (log.logStartOffset > log.segments[0].baseOffset) await writeLogStartOffsets(log.directory)
    logger.log('INFO', 'kafka.server.ReplicaAlterLogDirsThread', `${log.name} moved from ${left.directory.path} to ${log.directory.path}`)
  }

  /** Gives a move up and deletes its copy. */
  async cancel(name: string): Promise<void> {
    await this.starting.get(name)?.catch(() => undefined)
    const move = this.moves.get(name)
    if (move === undefined) return
    move.cancel()
    await move.done
    if (this.moves.get(name) === move) this.moves.delete(name)
    const { future } = move
    if (future.isClosed || future.directory.isOffline) return
    await this.discard(future)
  }

  /** By another name first: a copy of which a crash left a part must not be gone on with. */
  private async discard(future: PartitionLog): Promise<void> {
    const { disk } = this.node.world
    const { directory } = future
    await future.abandon()
    const target = `${directory.path}/${this.renamed(future.topicPartition, 'delete')}`
    await disk.rename(future.path, target)
    await directory.syncNames()
    await disk.removeTree(target)
  }

  /** Stops all; the next start goes on with them. */
  async stop(): Promise<void> {
    await Promise.all([...this.starting.values()].map((starting) => starting.catch(() => undefined)))
    for (const move of this.moves.values()) move.cancel()
    await Promise.all([...this.moves.values()].map(({ done }) => done))
    for (const { future } of this.moves.values()) await future.abandon()
    this.moves.clear()
  }

  private renamed({ topic, partition }: TopicPartition, kind: 'delete' | 'future'): string {
    return renamedDirectory(
      topic,
      partition,
      randomUuid((size) => this.node.world.random.bytes(size)),
      kind
    )
  }
}
