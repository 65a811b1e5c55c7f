// The moves of logs between directories that are under way on a node: one a log at most.

import { randomUuid } from '@odradek/base'
import { forgetDeparted } from './directory-files.ts'
import type { TopicPartition } from './layout.ts'
import { partitionName, renamedDirectory } from './layout.ts'
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
    await forgetDeparted(directory, log.name)
    const path = `${directory.path}/${this.renamed(log.topicPartition, 'future')}`
    await this.node.world.disk.mkdir(path)
    await this.resume(log, directory, path)
  }

  /** Goes on with the copy in `path`. */
  async resume(log: PartitionLog, directory: LogDirectory, path: string): Promise<void> {
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
    logger.log('INFO', 'kafka.server.ReplicaAlterLogDirsThread', `${log.name} moved from ${left.directory.path} to ${log.directory.path}`)
  }

  /** Gives a move up and deletes its copy. */
  async cancel(name: string): Promise<void> {
    const move = this.moves.get(name)
    if (move === undefined) return
    move.cancel()
    await move.done
    if (this.moves.get(name) === move) this.moves.delete(name)
    const { future } = move
    if (future.isClosed || future.directory.isOffline) return
    await future.abandon()
    await this.node.world.disk.removeTree(future.path)
  }

  /** Stops all; the next start goes on with them. */
  async stop(): Promise<void> {
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
