// All logs of a node over its log directories: opens them (with locks and recovery), creates and deletes them, and runs what
// must happen by the clock: checkpoints, retention, flushing, producer expiry, cleaning. The metadata log lives in one of
// the directories but is opened by raft's owner through `openMetadataLog`.

import type { Uuid } from '@odradek/base'
import { OdradekError, randomUuid } from '@odradek/base'
import type { World } from '@odradek/world'
import { atMost } from './concurrency.ts'
import {
  forgetDeparted,
  namesIn,
  readCheckpoints,
  readMetaProperties,
  takeCleanShutdown,
  writeCleanShutdown,
  writeHighWatermarks,
  writeLogStartOffsets,
  writeMetaProperties,
  writeRecoveryPoints
} from './directory-files.ts'
import type { TopicPartition } from './layout.ts'
import { LOCK_FILE, META_PROPERTIES, METADATA_TOPIC, parsePartitionDirectory, partitionName, renamedDirectory } from './layout.ts'
import type { LogConfig } from './log-config.ts'
import type { StorageLimits } from './log-directory.ts'
import { LogDirectory, StorageNode } from './log-directory.ts'
import { savePartitionMetadata } from './log-flush.ts'
import { openLog } from './log-loader.ts'
import { LogMoves } from './log-moves.ts'
import { LogScheduler } from './log-scheduler.ts'
import type { LogManagerSettings } from './log-settings.ts'
import { defaultLogManagerSettings } from './log-settings.ts'
import type { PartitionLog } from './partition-log.ts'

const LOGGER = 'kafka.log.LogManager'

export interface LogManagerOptions {
  world: World
  /** `log.dirs`: absolute paths. */
  logDirs: readonly string[]
  nodeId: number
  clusterId: string
  /** The settings of a topic's logs, asked when a log is opened; `updateConfig` of the log changes them later. */
  configFor: (topic: string) => LogConfig
  /**
   * `open` only locks and reads what the directories are; `load` opens the logs. For a node that learns the topics' settings
   * from the metadata log, which lives in one of the directories.
   */
  deferLoading?: boolean
  settings?: Partial<LogManagerSettings>
  limits?: Partial<StorageLimits>
  /** `cordoned.log.dirs`: no new log is placed there. */
  isCordoned?: (path: string) => boolean
  /** A directory went offline while the node runs. */
  onDirectoryOffline?: (directory: DirectoryInfo, error: unknown) => void
  /** A directory that was full has room again: logs can be made there. */
  onDirectoryWritable?: () => void
}

export interface DirectoryInfo {
  readonly path: string
  readonly directoryId: Uuid | undefined
  readonly isOffline: boolean
  /** Full: reads go on, appends are refused. */
  readonly isReadOnly: boolean
}

interface OpenDirectory {
  directory: LogDirectory
  lock: { release(): Promise<void> } | undefined
  wasClean: boolean
  brokerEpoch: number | undefined
}

export class LogManager {
  readonly node: StorageNode
  readonly settings: LogManagerSettings
  private readonly options: LogManagerOptions
  private readonly opened: OpenDirectory[] = []
  private readonly logsByName = new Map<string, PartitionLog>()
  /** Folders on their way to `-delete`: a new log of the same name waits for it. */
  private readonly leaving = new Map<string, Promise<void>>()
  private readonly scheduler: LogScheduler
  private readonly moves: LogMoves
  private readonly foundFutures: { directory: LogDirectory; path: string; topicPartition: TopicPartition }[] = []
  private configFor: (topic: string) => LogConfig
  private areConfigsKnown = false
  private loading: 'before' | 'begun' | 'done' = 'before'
  private metadataLock: { release(): Promise<void> } | undefined

  private constructor(options: LogManagerOptions) {
    this.options = options
    this.node = new StorageNode(options.world, options.limits)
    this.settings = { ...defaultLogManagerSettings, ...options.settings }
    this.node.producerIdExpirationMs = this.settings.producerIdExpirationMs
    this.scheduler = new LogScheduler(this)
    this.moves = new LogMoves(this.node, this.scheduler, () => this.settings.moveMaxBytesPerSecond)
    this.configFor = options.configFor
  }

  /** Locks the directories, reads what they are, and opens every log in them. */
  static async open(options: LogManagerOptions): Promise<LogManager> {
    const manager = new LogManager(options)
    try {
      await manager.openDirectories()
      if (!options.deferLoading) await manager.loadAll()
    } catch (error) {
      for (const { lock } of manager.opened) await lock?.release()
      throw error
    }
    return manager
  }

  /** Opens every log, when `deferLoading` was said. `configFor` knows the topics now: recovery relies on it. */
  async load(configFor: (topic: string) => LogConfig): Promise<void> {
    this.configFor = configFor
    this.areConfigsKnown = true
    await this.loadAll()
  }

  private async loadAll(): Promise<void> {
    this.loading = 'begun'
    await Promise.all(this.opened.map((opened) => this.loadDirectory(opened)))
    this.requireDirectory()
    await this.loadFutures()
    this.requireDirectory()
    this.loading = 'done'
  }

  // ---- directories

  get liveDirectories(): LogDirectory[] {
    return this.opened.map(({ directory }) => directory).filter((directory) => !directory.isOffline)
  }

  directories(): DirectoryInfo[] {
    return this.opened.map(({ directory }) => infoOf(directory))
  }

  /** Free and total bytes of the file system of a directory. */
  space(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
    return this.node.world.disk.space(path)
  }

  /** The epoch that the last clean stop left, when all directories agree on it; -1 otherwise (KIP-966). */
  get previousBrokerEpoch(): number {
    const epochs = new Set(this.opened.map(({ brokerEpoch, wasClean }) => (wasClean ? brokerEpoch : undefined) ?? -1))
    return epochs.size === 1 ? [...epochs][0] : -1
  }

  private async openDirectories(): Promise<void> {
    const { world, logDirs } = this.options
    for (const path of logDirs) {
      const directory = new LogDirectory(path, this.node)
      directory.onOffline = (failed, error) => this.onOffline(failed, error)
      directory.onWritable = () => this.options.onDirectoryWritable?.()
      this.opened.push({ directory, lock: undefined, wasClean: false, brokerEpoch: undefined })
    }
    for (const opened of this.opened) opened.lock = await this.lockDirectory(opened.directory)
    await this.forEachLive('reading meta.properties', ({ directory }) => this.readIdentity(directory))
    this.checkIdentities()
    await this.forEachLive('reading the mark of the last stop', async (opened) => {
      const { wasClean, brokerEpoch } = await takeCleanShutdown(world.disk, opened.directory.path)
      opened.wasClean = wasClean
      opened.brokerEpoch = brokerEpoch
    })
    this.requireDirectory()
  }

  /** A node that starts tells what is wrong, and ends by that. */
  private requireDirectory(): void {
    if (this.liveDirectories.length > 0) return
    const failures = this.opened.map(({ directory }) => `${directory.path}: ${directory.failure}`).join('; ')
    throw new OdradekError('STORAGE_NO_DIRECTORY', `No directory of log.dirs can be used. Mend or replace them. ${failures}`)
  }

  /** A directory that its disk fails is left out; what must not be started at all throws. */
  private async forEachLive(what: string, work: (opened: OpenDirectory) => Promise<void>): Promise<void> {
    for (const opened of this.opened) {
      if (opened.directory.isOffline) continue
      try {
        await work(opened)
      } catch (error) {
        if (error instanceof OdradekError) throw error
        opened.directory.fail(error, what)
      }
    }
  }

  private async lockDirectory(directory: LogDirectory): Promise<{ release(): Promise<void> } | undefined> {
    const { disk } = this.options.world
    try {
      await disk.mkdir(directory.path)
      return await disk.lock(`${directory.path}/${LOCK_FILE}`)
    } catch (error) {
      if ((error as { code?: string }).code === 'EBUSY') {
        throw new OdradekError(
          'STORAGE_LOCKED',
          `${directory.path} is used by another process; stop it, or name another directory in log.dirs`,
          { cause: error }
        )
      }
      directory.fail(error, 'opening')
      return undefined
    }
  }

  /** meta.properties of every directory must name this cluster and node; a new directory gets one. */
  private async readIdentity(directory: LogDirectory): Promise<void> {
    const { world, clusterId, nodeId } = this.options
    const meta = await readMetaProperties(world.disk, directory.path)
    if (meta === undefined || meta.directoryId === undefined) {
      directory.directoryId = randomUuid((size) => world.random.bytes(size))
      const what = `${directory.path} has no directory.id in ${META_PROPERTIES} and is taken for a new directory`
      world.logger.log('WARN', LOGGER, `${what}; if it held logs before, stop, and bring back what is missing`)
      await this.syncParent(directory.path)
      await writeMetaProperties(world.disk, directory.path, { clusterId, nodeId, directoryId: directory.directoryId })
      return
    }
    if (meta.clusterId !== clusterId || meta.nodeId !== nodeId) {
      const message = `${directory.path} belongs to node ${meta.nodeId} of cluster ${meta.clusterId}, not to node ${nodeId} of cluster ${clusterId}`
      throw new OdradekError('STORAGE_WRONG_NODE', `${message}; correct node.id or log.dirs`)
    }
    directory.directoryId = meta.directoryId
  }

  /** The controller tells directories apart by their ids. */
  private checkIdentities(): void {
    const paths = new Map<Uuid, string>()
    for (const { path, directoryId } of this.liveDirectories) {
      const other = directoryId === undefined ? undefined : paths.get(directoryId)
      if (other !== undefined) {
        const both = `${other} and ${path} have the same directory.id in ${META_PROPERTIES}`
        throw new OdradekError('STORAGE_DUPLICATE_DIRECTORY', `${both}: one is a copy of the other; take the copy out of log.dirs`)
      }
      if (directoryId !== undefined) paths.set(directoryId, path)
    }
  }

  /** So that a new directory itself survives a power loss. Its parent may be closed to us: then it is its owner's affair. */
  private async syncParent(path: string): Promise<void> {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/'
    await this.node.world.disk.syncDir(parent).catch(() => undefined)
  }

  private onOffline(directory: LogDirectory, error: unknown): void {
    for (const [name, log] of this.logsByName) if (log.directory === directory) this.logsByName.delete(name)
    this.options.onDirectoryOffline?.(infoOf(directory), error)
    if (this.liveDirectories.length === 0 && this.loading === 'done') this.node.world.halt('all log directories are offline', error)
  }

  // ---- loading

  private async loadDirectory({ directory, wasClean }: OpenDirectory): Promise<void> {
    if (directory.isOffline) return
    const { world } = this.node
    const { disk, logger, clock } = world
    const started = clock.monotonicMs()
    try {
      const checkpoints = await readCheckpoints(directory)
      const names = await disk.readdir(directory.path)
      if (!wasClean && names.some((name) => parsePartitionDirectory(name)?.kind === 'live')) {
        logger.log('INFO', LOGGER, `Attempting recovery for all logs in ${directory.path} since no clean shutdown file was found`)
      }
      await atMost(this.settings.recoveryConcurrency * 4, names, async (name) => {
        const folder = parsePartitionDirectory(name)
        if (folder === undefined || folder.topic === METADATA_TOPIC) return
        const topicPartition = { topic: folder.topic, partition: folder.partition }
        const path = `${directory.path}/${name}`
        if (!(await disk.stat(path)).isDirectory) {
          logger.log('WARN', LOGGER, `${path} has the name of a log and is no folder: it is left alone`)
          return
        }
        if (folder.kind === 'delete') this.scheduler.removeLater(directory, path, this.configFor(folder.topic).fileDeleteDelayMs)
        if (folder.kind === 'future') this.foundFutures.push({ directory, path, topicPartition })
        if (folder.kind !== 'live') return
        const log = await openLog({
          directory,
          path,
          topicPartition,
          config: this.configFor(folder.topic),
          wasCleanlyShutDown: wasClean,
          recoveryPoint: checkpoints.recoveryPoints.get(name) ?? 0,
          logStartOffset: checkpoints.logStartOffsets.get(name) ?? 0,
          highWatermark: checkpoints.highWatermarks.get(name) ?? 0,
          mayHaveGaps: !this.areConfigsKnown || checkpoints.cleanerOffsets.has(name)
        })
        log.cleanedOffset = checkpoints.cleanerOffsets.get(name) ?? 0
        this.add(log)
      })
      for (const name of namesIn(checkpoints)) if (this.logsByName.get(name)?.directory !== directory) directory.onDeparted(name)
      logger.log(
        'INFO',
        LOGGER,
        `Loaded ${directory.logs.size} logs in ${Math.round(clock.monotonicMs() - started)}ms from ${directory.path}`
      )
    } catch (error) {
      if (error instanceof OdradekError) throw error
      directory.fail(error, 'loading the logs')
    }
  }

  /**
   * Copies whose move a stop interrupted go on. A copy without its log had taken its place already and only lacks the name,
   * unless the log may be in a directory that is offline.
   */
  private async loadFutures(): Promise<void> {
    for (const { directory, path, topicPartition } of this.foundFutures.splice(0)) {
      const log = this.get(topicPartition)
      if (log !== undefined && log.directory !== directory) await this.moves.resume(log, directory, path)
      else if (log !== undefined) await this.node.world.disk.removeTree(path)
      else if (this.opened.every((opened) => !opened.directory.isOffline)) await this.promoteFuture(directory, path, topicPartition)
    }
  }

  private async promoteFuture(directory: LogDirectory, future: string, topicPartition: TopicPartition): Promise<void> {
    const path = `${directory.path}/${partitionName(topicPartition.topic, topicPartition.partition)}`
    await this.node.world.disk.rename(future, path)
    const config = this.configFor(topicPartition.topic)
    const unknown = { wasCleanlyShutDown: false, recoveryPoint: 0, logStartOffset: 0, highWatermark: 0, mayHaveGaps: true }
    this.add(await openLog({ directory, path, topicPartition, config, ...unknown }))
  }

  private add(log: PartitionLog): void {
    const { topic, partition } = log.topicPartition
    const name = partitionName(topic, partition)
    const other = this.logsByName.get(name)
    if (other !== undefined) {
      throw new OdradekError('STORAGE_DUPLICATE_LOG', `${other.path} and ${log.path} are both the log of ${name}; move one of them away`)
    }
    this.logsByName.set(name, log)
  }

  // ---- logs

  get(topicPartition: TopicPartition): PartitionLog | undefined {
    return this.logsByName.get(partitionName(topicPartition.topic, topicPartition.partition))
  }

  logs(): IterableIterator<PartitionLog> {
    return this.logsByName.values()
  }

  /** Makes an empty log, in `directory` (a path of `log.dirs`) or where the fewest are. Returns the one that is there already. */
  async create(topicPartition: TopicPartition, options: { topicId: Uuid; config: LogConfig; directory?: string }): Promise<PartitionLog> {
    const { topic, partition } = topicPartition
    const name = partitionName(topic, partition)
    await this.leaving.get(name)
    const existing = this.logsByName.get(name)
    if (existing !== undefined) return existing
    const directory = this.place(options.directory)
    const path = `${directory.path}/${name}`
    let log: PartitionLog | undefined
    directory.logsInMaking++
    try {
      await forgetDeparted(directory, name)
      const isNew = await this.node.world.disk.mkdir(path)
      log = await openLog({
        directory,
        path,
        isNew,
        topicPartition: { topic, partition },
        config: options.config,
        topicId: options.topicId,
        wasCleanlyShutDown: false,
        recoveryPoint: 0,
        logStartOffset: 0,
        highWatermark: 0
      })
      log.topicId = options.topicId
      await savePartitionMetadata(log)
      this.add(log)
      return log
    } catch (error) {
      await log?.abandon()
      if (!(error instanceof OdradekError)) directory.failUnlessFull(error, `creating ${path}`)
      throw error
    } finally {
      directory.logsInMaking--
    }
  }

  private place(path: string | undefined): LogDirectory {
    const usable = this.liveDirectories.filter((directory) => directory.state === 'online')
    if (path !== undefined) {
      const named = usable.find((directory) => directory.path === path)
      if (named === undefined) throw new OdradekError('STORAGE_NO_DIRECTORY', `${path} is no usable directory of log.dirs`)
      return named
    }
    const open = usable.filter((directory) => this.options.isCordoned?.(directory.path) !== true)
    const [first] = open.sort((a, b) => a.logs.size + a.logsInMaking - (b.logs.size + b.logsInMaking))
    if (first === undefined)
      throw new OdradekError('STORAGE_NO_DIRECTORY', 'no directory of log.dirs takes new logs: all are offline, full or cordoned')
    return first
  }

  /** The log is gone at once; its files after file.delete.delay.ms. */
  async delete(topicPartition: TopicPartition): Promise<void> {
    const { topic, partition } = topicPartition
    const name = partitionName(topic, partition)
    const log = this.logsByName.get(name)
    if (log === undefined) return
    this.logsByName.delete(name)
    const gone = this.moves
      .cancel(name)
      .then(() => this.renameAway(log, 'delete'))
      .finally(() => this.leaving.delete(name))
    this.leaving.set(name, gone)
    await gone
  }

  private async renameAway(log: PartitionLog, kind: 'delete' | 'stray'): Promise<void> {
    const { directory } = log
    const { disk, random } = this.node.world
    const { topic, partition } = log.topicPartition
    await log.abandon()
    directory.onDeparted(log.name)
    const target = `${directory.path}/${renamedDirectory(
      topic,
      partition,
      randomUuid((size) => random.bytes(size)),
      kind
    )}`
    try {
      await disk.rename(log.path, target)
      if (kind === 'delete') this.scheduler.removeLater(directory, target, log.config.fileDeleteDelayMs)
    } catch (error) {
      directory.fail(error, `renaming ${log.path}`)
      throw error
    }
  }

  /** Takes a log that no topic of the cluster owns out of use and keeps its files (`-stray`). */
  async setAsideStray(topicPartition: TopicPartition): Promise<void> {
    const name = partitionName(topicPartition.topic, topicPartition.partition)
    const log = this.logsByName.get(name)
    if (log === undefined) return
    this.logsByName.delete(name)
    await this.moves.cancel(name)
    await this.renameAway(log, 'stray')
  }

  /**
   * AlterReplicaLogDirs: the log goes on in `path`, another of `log.dirs`, once a copy there has everything. Resolves when the
   * copy has begun to grow; `futures` shows it until the log has moved.
   */
  async move(topicPartition: TopicPartition, path: string): Promise<void> {
    const log = this.get(topicPartition)
    if (log === undefined)
      throw new OdradekError('STORAGE_NO_LOG', `there is no log of ${partitionName(topicPartition.topic, topicPartition.partition)} here`)
    await this.moves.start(log, this.place(path))
  }

  /** Resolves when no move of the log is under way any more. */
  async whenMoved(topicPartition: TopicPartition): Promise<void> {
    await this.moves.get(topicPartition)?.done
  }

  isMoving(log: PartitionLog): boolean {
    return this.moves.get(log.topicPartition) !== undefined
  }

  /** Copies of logs on their way to another directory. */
  futures(): PartitionLog[] {
    return this.moves.futures()
  }

  /** Opens (or makes) the log of the metadata quorum in `directoryPath`, which is one of `log.dirs` or `metadata.log.dir`. */
  async openMetadataLog(directoryPath: string, config: LogConfig, topicId: Uuid): Promise<PartitionLog> {
    const { world } = this.node
    const opened = this.opened.find(({ directory }) => directory.path === directoryPath)
    const directory = opened?.directory ?? (await this.openMetadataDirectory(directoryPath))
    const path = `${directoryPath}/${partitionName(METADATA_TOPIC, 0)}`
    const haltOnly = directory.onOffline
    directory.onOffline = (failed, error) => {
      haltOnly(failed, error)
      world.halt(`the log directory of the metadata log is offline: ${directoryPath}`, error)
    }
    await world.disk.mkdir(path)
    const log = await openLog({
      directory,
      path,
      topicPartition: { topic: METADATA_TOPIC, partition: 0 },
      config,
      topicId,
      wasCleanlyShutDown: false,
      isOnDisk: opened?.wasClean,
      recoveryPoint: 0,
      logStartOffset: 0,
      highWatermark: 0
    })
    log.topicId = topicId
    await savePartitionMetadata(log)
    return log
  }

  /** `metadata.log.dir` apart from `log.dirs`: no other process may write there either. */
  private async openMetadataDirectory(path: string): Promise<LogDirectory> {
    const directory = new LogDirectory(path, this.node)
    this.metadataLock = await this.lockDirectory(directory)
    if (directory.isOffline) throw new OdradekError('STORAGE_NO_DIRECTORY', `${path}, the directory of the metadata log, cannot be used`)
    await this.readIdentity(directory)
    return directory
  }

  // ---- by the clock

  /** Starts checkpoints, retention, flushing, expiry and cleaning. */
  start(): void {
    this.scheduler.start()
  }

  /**
   * With `clean`, completes every log and leaves the mark that the next start need not recover. Logs that were never loaded are as
   * the last process left them: neither a mark nor a checkpoint may say anything else.
   */
  async shutdown(options: { clean: boolean; brokerEpoch?: number }): Promise<void> {
    await this.scheduler.stop()
    await this.moves.stop()
    await Promise.all([...this.leaving.values()].map((gone) => gone.catch(() => undefined)))
    for (const { directory, lock, wasClean, brokerEpoch } of this.opened) {
      const isUntouched = this.loading === 'before' && wasClean
      const canBeClean = options.clean && !directory.isOffline && (this.loading === 'done' || isUntouched)
      const isClean = canBeClean && (await this.closeDirectory(directory))
      const epoch = isUntouched ? brokerEpoch : options.brokerEpoch
      if (isClean) await writeCleanShutdown(this.node.world.disk, directory.path, epoch ?? -1)
      else await Promise.all([...directory.logs].map((log) => log.abandon()))
      await lock?.release()
    }
    await this.metadataLock?.release()
    this.logsByName.clear()
  }

  private async closeDirectory(directory: LogDirectory): Promise<boolean> {
    const logs = [...directory.logs]
    try {
      await atMost(16, logs, (log) => log.complete())
      if (this.loading === 'done') {
        await writeRecoveryPoints(directory)
        await writeLogStartOffsets(directory)
        await writeHighWatermarks(directory)
      }
      await atMost(16, logs, (log) => log.abandon())
      return true
    } catch (error) {
      this.node.world.logger.log('ERROR', LOGGER, `${directory.path} is not cleanly shut down`, error)
      return false
    }
  }
}

function infoOf(directory: LogDirectory): DirectoryInfo {
  return {
    path: directory.path,
    directoryId: directory.directoryId,
    isOffline: directory.isOffline,
    isReadOnly: directory.state === 'readOnly'
  }
}
