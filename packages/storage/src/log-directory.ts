// One of `log.dirs` while the node runs, and what all directories of a node share. A failed operation on a directory takes
// it offline until the node starts again (no retry: after a failed fsync the kernel may have dropped the pages). A full
// disk makes it read-only: reads go on, appends are refused, and it comes back when there is room.

import type { Uuid } from '@odradek/base'
import { BufferPool } from '@odradek/base'
import { type DiskError, systemMessageOf, type World } from '@odradek/world'
import { DelayedJobs } from './delayed-jobs.ts'
import { writeLogStartOffsets } from './directory-files.ts'
import { FilePool } from './file-pool.ts'
import { CHECKPOINTS } from './layout.ts'
import type { PartitionLog } from './partition-log.ts'
import { patientDisk } from './patient-disk.ts'
import { ReadAhead } from './read-ahead.ts'
import { SharedRun } from './shared-run.ts'
import { IndexCache } from './sparse-index.ts'
import { SyncGroup } from './sync-group.ts'
import { TailCache } from './tail-cache.ts'

const MIB = 1024 * 1024

export interface StorageLimits {
  /** Bytes of appended records kept in memory for readers at the end of a log. */
  tailCacheBytes: number
  /** Unused read buffers kept for the next read. */
  readPoolBytes: number
  /** Ranges read before anybody asked for them. */
  readAheadBytes: number
  indexCacheBytes: number
  openFiles: number
}

export const defaultStorageLimits: StorageLimits = {
  tailCacheBytes: 48 * MIB,
  readPoolBytes: 32 * MIB,
  readAheadBytes: 16 * MIB,
  indexCacheBytes: 16 * MIB,
  openFiles: 512
}

/** What the logs of one node share. */
export class StorageNode {
  readonly world: World
  readonly files: FilePool
  readonly tail: TailCache
  readonly buffers: BufferPool
  readonly ahead: ReadAhead
  readonly indexes: IndexCache
  readonly jobs: DelayedJobs
  /** `producer.id.expiration.ms`: a snapshot's older producers are not loaded. */
  producerIdExpirationMs = 86400000

  constructor(world: World, limits: Partial<StorageLimits> = {}) {
    const all = { ...defaultStorageLimits, ...limits }
    this.world = { ...world, disk: patientDisk(world, () => this.files.closeIdle()) }
    this.files = new FilePool(this.world.disk, all.openFiles)
    this.tail = new TailCache(all.tailCacheBytes)
    this.buffers = new BufferPool(all.readPoolBytes)
    this.ahead = new ReadAhead(this.buffers, all.readAheadBytes)
    this.indexes = new IndexCache(all.indexCacheBytes)
    this.jobs = new DelayedJobs(this.world)
  }
}

export type DirectoryState = 'online' | 'readOnly' | 'offline'

export class LogDirectory {
  readonly path: string
  readonly node: StorageNode
  readonly syncs: SyncGroup
  directoryId: Uuid | undefined
  state: DirectoryState = 'online'
  /** Why it went offline. */
  failure = ''
  readonly logs = new Set<PartitionLog>()
  /** Many are made at once: each must see that the others come here. */
  logsInMaking = 0
  haveHighWatermarksMoved = false
  /** What may be appended before the reserve of the disk begins; unlimited until somebody has looked. */
  private roomBytes = Number.POSITIVE_INFINITY
  /** Partitions whose logs are not here any more, and the checkpoint files that may still name them. */
  readonly departed = new Map<string, Set<string>>()
  forgetting: Promise<void> | undefined
  private readonly nameSyncs = new SharedRun(() => this.node.world.disk.syncDir(this.path))
  private readonly startWrites = new SharedRun(() => writeLogStartOffsets(this))
  /** Set by the manager: the directory went offline. */
  onOffline: (directory: LogDirectory, error: unknown) => void = () => undefined
  /** Set by the manager: the directory was full and has room again. */
  onWritable: () => void = () => undefined

  constructor(path: string, node: StorageNode, directoryId?: Uuid) {
    this.path = path
    this.node = node
    this.directoryId = directoryId
    this.syncs = new SyncGroup(node.world)
  }

  /** Makes the names of the folders in it survive a power loss. */
  syncNames(): Promise<void> {
    return this.nameSyncs.run()
  }

  /** DeleteRecords moved the start of logs: it is on disk when this resolves, or the directory is offline or full. */
  async keepLogStarts(): Promise<void> {
    try {
      await this.startWrites.run()
    } catch (error) {
      this.failUnlessFull(error, 'writing the start offsets of logs')
    }
  }

  /** A log left: what the checkpoints say of it must not be taken for the next one of its name. */
  onDeparted(name: string): void {
    this.departed.set(name, new Set(CHECKPOINTS))
  }

  get isOffline(): boolean {
    return this.state === 'offline'
  }

  /** An operation on the directory failed. Every log in it is failed, once. */
  fail(error: unknown, what: string): void {
    if (this.state === 'offline') return
    this.state = 'offline'
    const reason = systemMessageOf(error)
    this.failure = `${what} failed${reason === undefined ? '' : ` (${reason})`}`
    this.node.world.logger.log(
      'ERROR',
      'kafka.log.LogManager',
      `log directory ${this.path} goes offline: ${this.failure}; replace the disk and start the node again`,
      reason === undefined ? error : undefined
    )
    for (const log of this.logs) log.onDirectoryFailed(error)
    this.onOffline(this, error)
  }

  /** As {@link fail}, but a full disk only makes the directory read-only. */
  failUnlessFull(error: unknown, what: string): void {
    if (isDiskFull(error)) this.setReadOnly()
    else this.fail(error, what)
  }

  /** Appended, and not in a file yet. */
  unwrittenBytes(): number {
    let bytes = 0
    for (const { segments } of this.logs) {
      // a log that is being loaded has none yet
      const last = segments.at(-1)
      if (last !== undefined) bytes += last.size - last.writtenSize
    }
    return bytes
  }

  setRoom(bytes: number): void {
    this.roomBytes = bytes
    if (bytes < 0) this.setReadOnly()
  }

  /** Appends between two looks at the disk: who is fast does not get past the reserve. */
  spend(bytes: number): void {
    this.roomBytes -= bytes
    if (this.roomBytes < 0) this.setReadOnly()
  }

  /** The disk is full: nothing was lost, nothing more is taken until there is room. */
  setReadOnly(): void {
    if (this.state !== 'online') return
    this.state = 'readOnly'
    const { logger } = this.node.world
    logger.log(
      'ERROR',
      'kafka.log.LogManager',
      `log directory ${this.path} is full and takes no more records; free space and it goes on by itself`
    )
  }

  setWritable(): void {
    if (this.state !== 'readOnly') return
    this.state = 'online'
    this.node.world.logger.log('INFO', 'kafka.log.LogManager', `log directory ${this.path} has room again and takes records`)
    for (const log of this.logs) log.onDirectoryWritable()
    this.onWritable()
  }
}

export function isDiskFull(error: unknown): boolean {
  const code = (error as Partial<DiskError> | undefined)?.code
  return code === 'ENOSPC' || code === 'EDQUOT'
}
