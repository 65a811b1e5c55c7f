// Opens the log in a partition's folder as the last process left it. After a clean stop the files are trusted: the end
// comes from the last index entry on. After anything else every segment at or above the recovery point is scanned, its
// indexes are rebuilt, and the log ends before the first bad batch; later segments go. What is below the recovery point is
// trusted but checked when used.

import { parseEpochCheckpoint, parsePartitionMetadata } from './checkpoints.ts'
import { EpochCache } from './epoch-cache.ts'
import { LogFile } from './file-pool.ts'
import type { TopicPartition } from './layout.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  INDEX_SUFFIX,
  LEADER_EPOCH_CHECKPOINT,
  LOG_SUFFIX,
  offsetName,
  PARTITION_METADATA,
  parseSegmentFile,
  SEGMENT_SUFFIXES,
  SNAPSHOT_SUFFIX,
  SWAP_SUFFIX,
  TEMPORARY_SUFFIX,
  TIME_INDEX_SUFFIX,
  TXN_INDEX_SUFFIX
} from './layout.ts'
import type { LogConfig } from './log-config.ts'
import type { LogDirectory, StorageNode } from './log-directory.ts'
import { saveEpochs } from './log-flush.ts'
import { PartitionLog } from './partition-log.ts'
import { loadProducers } from './producer-rebuild.ts'
import { ProducerState } from './producer-state.ts'
import { Segment } from './segment.ts'
import { loadIndexes, rebuildIndexes, removeFiles, resumeSegment, unlinkIfThere } from './segment-files.ts'
import { recoverSegments } from './segment-recovery.ts'
import { loadAbortedTxns } from './txn-index-files.ts'

export interface OpenLogOptions {
  directory: LogDirectory
  path: string
  /** The folder was made just now: nothing is in it. */
  isNew?: boolean
  topicPartition: TopicPartition
  config: LogConfig
  /** The id to trust when the folder holds none. */
  topicId?: string
  wasCleanlyShutDown: boolean
  /** All that is there is known to be on disk. Default: what `wasCleanlyShutDown` says. */
  isOnDisk?: boolean
  /** From the checkpoints of the directory; 0 when it knows none. */
  recoveryPoint: number
  logStartOffset: number
  highWatermark: number
  /** The log was cleaned, or nobody knows whether it is: a gap between segments is no sign of loss. */
  mayHaveGaps?: boolean
}

export async function openLog(options: OpenLogOptions): Promise<PartitionLog> {
  return new Loader(options).open()
}

class Loader {
  readonly options: OpenLogOptions
  readonly node: StorageNode
  readonly path: string
  readonly indexIntervalBytes: number
  readonly epochs = new EpochCache()
  readonly producers = new ProducerState()
  readonly mayHaveGaps: boolean
  readonly mustRewrite: boolean
  segments: Segment[] = []
  snapshots: number[] = []
  logStartOffset: number
  private topicId: string | undefined

  constructor(options: OpenLogOptions) {
    this.options = options
    this.node = options.directory.node
    this.path = options.path
    this.indexIntervalBytes = options.config.indexIntervalBytes
    this.logStartOffset = options.logStartOffset
    this.mayHaveGaps = options.config.isCompact || options.mayHaveGaps === true
    this.mustRewrite = options.config.durability === 'sync' && !(options.isOnDisk ?? options.wasCleanlyShutDown)
  }

  async open(): Promise<PartitionLog> {
    const { node } = this
    const now = node.world.clock.now()
    let names = this.options.isNew ? [] : await node.world.disk.readdir(this.path)
    if (names.some((name) => isGarbage(name) || name.endsWith(SWAP_SUFFIX))) {
      names = await this.finishInterrupted(names)
    }
    await this.readSmallFiles(names)
    await this.findSegments(names)
    const recovered = await this.loadSegments()
    let { logEndOffset } = recovered
    if (this.segments.length > 0 && logEndOffset < this.logStartOffset) await this.dropAll(logEndOffset)
    if (this.segments.length === 0) {
      logEndOffset = Math.max(logEndOffset, this.logStartOffset)
      const segment = this.newSegment(logEndOffset, now)
      this.segments.push(segment)
      // its name is what the next start knows the offset from
      if (logEndOffset > 0) await segment.file.create()
    }
    this.logStartOffset = Math.max(this.logStartOffset, this.segments[0].baseOffset)
    const { version } = this.epochs
    this.epochs.truncateFromEnd(logEndOffset)
    this.epochs.truncateFromStart(this.logStartOffset)
    const log = await this.build(logEndOffset, recovered.isClean, now)
    if (this.epochs.version !== version || recovered.epochsChanged) await saveEpochs(log, false)
    return log
  }

  private async build(logEndOffset: number, isClean: boolean, now: number): Promise<PartitionLog> {
    const { options } = this
    this.tellLoss(logEndOffset)
    await this.dropStraySnapshots(logEndOffset)
    if (isClean || this.producers.mapEndOffset !== logEndOffset) await loadProducers(this, logEndOffset)
    const log = new PartitionLog({
      directory: options.directory,
      path: this.path,
      topicPartition: options.topicPartition,
      topicId: this.topicId ?? this.options.topicId,
      savedTopicId: this.topicId,
      config: options.config,
      segments: this.segments,
      epochs: this.epochs,
      producers: this.producers,
      snapshots: this.snapshots,
      logStartOffset: this.logStartOffset,
      logEndOffset,
      recoveryPoint: isClean ? logEndOffset : Math.min(options.recoveryPoint, logEndOffset),
      highWatermark: Math.max(Math.min(options.highWatermark, logEndOffset), this.logStartOffset),
      isFolderSynced: isClean && this.topicId !== undefined
    })
    this.producers.expire(now, this.node.producerIdExpirationMs)
    log.updateHighWatermark(log.highWatermark)
    return log
  }

  /** What other hands than ours took away; nothing can be done, but somebody has to know. */
  private tellLoss(logEndOffset: number): void {
    const { recoveryPoint } = this.options
    const warn = (message: string) => this.node.world.logger.log('WARN', 'kafka.log.UnifiedLog', message)
    if (logEndOffset < recoveryPoint)
      warn(`${this.path} ends at offset ${logEndOffset}, and was on disk up to ${recoveryPoint} before: what is between is lost`)
    if (this.mayHaveGaps) return
    for (const { size, file } of this.segments.slice(0, -1))
      if (size === 0) warn(`${file.path} is empty, and segments come after it: its records are lost`)
  }

  private newSegment(baseOffset: number, now: number): Segment {
    return new Segment(baseOffset, new LogFile(this.node.files, `${this.path}/${offsetName(baseOffset)}${LOG_SUFFIX}`, false), now)
  }

  /**
   * Files in the middle of deletion, cleaning or being written. `.deleted`, `.cleaned` and `.tmp` go; a `.swap` is whole and replaces the segments
   * between its first and last offset, unless a `.cleaned` before it shows that the swap was not decided yet.
   */
  private async finishInterrupted(names: string[]): Promise<string[]> {
    const { disk } = this.node.world
    const cleaned = names.filter((name) => name.endsWith(CLEANED_SUFFIX)).map((name) => parseSegmentFile(name)?.baseOffset ?? 0)
    const firstCleaned = cleaned.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...cleaned)
    const swaps: string[] = []
    for (const name of names) {
      const file = parseSegmentFile(name)
      if (name.endsWith(SWAP_SUFFIX) && file !== undefined && file.baseOffset <= firstCleaned) swaps.push(name)
      else if (isGarbage(name) || name.endsWith(SWAP_SUFFIX)) await disk.unlink(`${this.path}/${name}`)
    }
    if (swaps.length > 0) await this.finishSwap(names, swaps)
    return disk.readdir(this.path)
  }

  private async finishSwap(names: string[], swaps: string[]): Promise<void> {
    const { disk } = this.node.world
    let first = Number.POSITIVE_INFINITY
    let end = 0
    for (const name of swaps.filter((swap) => swap.endsWith(LOG_SUFFIX + SWAP_SUFFIX))) {
      const { baseOffset } = parseSegmentFile(name)!
      const path = `${this.path}/${name}`
      const { size } = await disk.stat(path)
      const segment = new Segment(baseOffset, new LogFile(this.node.files, path, true), 0)
      const next = await resumeSegment(this, segment, size)
      await segment.file.close()
      first = Math.min(first, baseOffset)
      end = Math.max(end, next ?? baseOffset)
    }
    for (const name of names) {
      const file = parseSegmentFile(name)
      if (file === undefined || !(SEGMENT_SUFFIXES as readonly string[]).includes(file.suffix)) continue
      if (file.baseOffset >= first && file.baseOffset < end) await unlinkIfThere(this.node, `${this.path}/${name}`)
    }
    for (const name of swaps) await disk.rename(`${this.path}/${name}`, `${this.path}/${name.slice(0, -SWAP_SUFFIX.length)}`)
  }

  private async readSmallFiles(names: readonly string[]): Promise<void> {
    const { disk, logger } = this.node.world
    if (names.includes(PARTITION_METADATA)) this.topicId = parsePartitionMetadata(await disk.readFile(`${this.path}/${PARTITION_METADATA}`))
    if (!names.includes(LEADER_EPOCH_CHECKPOINT)) return
    try {
      this.epochs.reset(parseEpochCheckpoint(await disk.readFile(`${this.path}/${LEADER_EPOCH_CHECKPOINT}`)))
    } catch (error) {
      if ((error as { code?: string }).code !== 'STORAGE_CHECKPOINT_MALFORMED') throw error
      logger.log('WARN', 'kafka.log.UnifiedLog', `${this.path}/${LEADER_EPOCH_CHECKPOINT} is damaged; epochs come from the batches`, error)
    }
  }

  private async findSegments(names: readonly string[]): Promise<void> {
    const { disk, logger } = this.node.world
    const files = names.map((name) => ({ name, file: parseSegmentFile(name) }))
    const bases = new Set<number>()
    for (const { file } of files) if (file?.suffix === LOG_SUFFIX) bases.add(file.baseOffset)
    for (const { name, file } of files) {
      if (file === undefined) continue
      if (file.suffix === SNAPSHOT_SUFFIX) this.snapshots.push(file.baseOffset)
      const isIndex = file.suffix === INDEX_SUFFIX || file.suffix === TIME_INDEX_SUFFIX || file.suffix === TXN_INDEX_SUFFIX
      if (isIndex && !bases.has(file.baseOffset)) await disk.unlink(`${this.path}/${name}`)
    }
    const withTxns = new Set(files.filter(({ file }) => file?.suffix === TXN_INDEX_SUFFIX).map(({ file }) => file!.baseOffset))
    for (const baseOffset of [...bases].sort((a, b) => a - b)) {
      const path = `${this.path}/${offsetName(baseOffset)}${LOG_SUFFIX}`
      const { size, mtimeMs, isDirectory } = await disk.stat(path)
      if (isDirectory) {
        logger.log('WARN', 'kafka.log.UnifiedLog', `${path} has the name of a segment and is a folder: it is left alone`)
        continue
      }
      const segment = new Segment(baseOffset, new LogFile(this.node.files, path, true), Math.floor(mtimeMs))
      segment.resumeAt(size, 0)
      segment.isSealed = true
      segment.isIndexLoaded = false
      segment.abortedTxns = withTxns.has(baseOffset) ? undefined : []
      this.segments.push(segment)
    }
    this.snapshots.sort((a, b) => a - b)
    if (this.segments.length > 0) this.segments[this.segments.length - 1].isSealed = false
  }

  private async loadSegments(): Promise<{ logEndOffset: number; isClean: boolean; epochsChanged: boolean }> {
    const { options, segments } = this
    if (segments.length === 0) return { logEndOffset: this.logStartOffset, isClean: this.options.wasCleanlyShutDown, epochsChanged: false }
    if (options.wasCleanlyShutDown) {
      const active = segments[segments.length - 1]
      const logEndOffset = await this.resumeActive(active)
      for (const segment of segments) segment.isNameSynced = true
      if (logEndOffset !== undefined) return { logEndOffset, isClean: true, epochsChanged: false }
      this.node.world.logger.log(
        'WARN',
        'kafka.log.UnifiedLog',
        `${active.file.path} does not end as a clean stop leaves it; recovering it`
      )
    }
    const { version } = this.epochs
    const first = options.wasCleanlyShutDown ? segments.length - 1 : Math.max(this.segmentIndexFor(options.recoveryPoint), 0)
    const logEndOffset = await recoverSegments(this, first)
    return { logEndOffset, isClean: false, epochsChanged: this.epochs.version !== version }
  }

  private segmentIndexFor(offset: number): number {
    let index = this.segments.length - 1
    while (index >= 0 && this.segments[index].baseOffset > offset) index--
    return index
  }

  /** The end of the log, or undefined when the last segment must be recovered. */
  private async resumeActive(segment: Segment): Promise<number | undefined> {
    if (segment.size === 0) {
      await removeFiles(this, segment, [INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX])
      segment.isIndexLoaded = true
      segment.abortedTxns = []
      return segment.baseOffset
    }
    if (!(await loadIndexes(this, segment))) await rebuildIndexes(this, segment)
    await loadAbortedTxns(this, segment)
    return resumeSegment(this, segment, segment.size)
  }

  /** Offsets below the log's start were deleted before the crash: what is left lies below it and means nothing. */
  private async dropAll(logEndOffset: number): Promise<void> {
    const { logger } = this.node.world
    logger.log(
      'WARN',
      'kafka.log.UnifiedLog',
      `${this.path} ends at ${logEndOffset}, before its start ${this.logStartOffset}: dropping its segments`
    )
    for (const segment of this.segments.splice(0)) {
      await segment.file.close()
      await removeFiles(this, segment)
    }
    this.epochs.clear()
  }

  /** Keeps the snapshots of segments and the newest one; others would only be read after a loss of the better ones. */
  private async dropStraySnapshots(logEndOffset: number): Promise<void> {
    const bases = new Set(this.segments.map((segment) => segment.baseOffset))
    const inRange = this.snapshots.filter((offset) => offset <= logEndOffset && offset > this.logStartOffset)
    const newest = inRange[inRange.length - 1]
    const kept = inRange.filter((offset) => offset === newest || bases.has(offset))
    for (const offset of this.snapshots) {
      if (!kept.includes(offset)) await unlinkIfThere(this.node, `${this.path}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`)
    }
    this.snapshots = kept
  }
}

/** Of a segment: other files that are written by way of a `.tmp` have one name for ever, and are written again. */
function isGarbage(name: string): boolean {
  const isTemporary = name.endsWith(TEMPORARY_SUFFIX) && parseSegmentFile(name) !== undefined
  return isTemporary || name.endsWith(DELETED_SUFFIX) || name.endsWith(CLEANED_SUFFIX)
}
