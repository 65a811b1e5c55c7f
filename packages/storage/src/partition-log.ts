// The log of one partition: the synchronous core. `append` checks, assigns offsets, patches the bytes in place, moves every
// piece of state (producers, epochs, indexes, tail cache) and queues the bytes; the writer brings them to the file and
// `onWritten` tells the replica how far an acknowledgement may reach. Reads below `writtenOffset` come from the tail cache
// as a plain value, or from the file as a promise.
//
// One owner: the event loop of the node. Maintenance that takes several turns (flush, truncation, deletion, cleaning, close)
// runs one after the other in `runTask`. A log in a failed directory refuses everything until the node starts again.

import type { Uuid } from '@odradek/base'
import { OdradekError } from '@odradek/base'
import type { RecordBatch, RecordError, RecordsConfig, ValidatedRecords } from '@odradek/protocol'
import { ErrorCode, validateAndAssign } from '@odradek/protocol'
import type { EpochEntry } from './checkpoints.ts'
import { parseEndTxnMarker } from './control-record.ts'
import type { EpochCache } from './epoch-cache.ts'
import { LogFile } from './file-pool.ts'
import type { TopicPartition } from './layout.ts'
import { LOG_SUFFIX, offsetName, partitionName } from './layout.ts'
import type { LogConfig } from './log-config.ts'
import { recordsConfigOf } from './log-config.ts'
import type { LogDirectory, StorageNode } from './log-directory.ts'
import { closeLog, flushLog, saveEpochs, saveProducerSnapshot, spillIndexes, syncSegment } from './log-flush.ts'
import type { TimestampAndOffset } from './log-lookup.ts'
import { abortedTransactions, findOffsetForTimestamp, findOffsetOfMaxTimestamp } from './log-lookup.ts'
import type { ReadOptions, ReadResult } from './log-reader.ts'
import { LogReader } from './log-reader.ts'
import { removeSegment, truncateFully, truncateLog } from './log-truncate.ts'
import type { AppendOptions, AppendResult, LogListener, PartitionLogState } from './log-types.ts'
import { refusedAppend, repeatedAppend } from './log-types.ts'
import type { WriterOwner } from './log-writer.ts'
import { LogWriter } from './log-writer.ts'
import type { ProducerStateEntry } from './producer-snapshot.ts'
import type { ProducerRejection, ProducerState } from './producer-state.ts'
import { drawRollJitter, isOffsetTooFar, shouldRoll } from './roll-policy.ts'
import { Segment } from './segment.ts'
import { LogTail } from './tail-cache.ts'
import type { AbortedTxn } from './txn-index.ts'

/** Of a writer whose log has left it. */
const DETACHED: WriterOwner = { beforeFirstWrite: () => undefined, onChunkWritten: () => undefined, onWriteFailed: () => undefined }

const NO_ERRORS: readonly RecordError[] = []

export class PartitionLog {
  readonly topicPartition: TopicPartition
  /** `topic-partition` */
  readonly name: string
  topicId: Uuid | undefined
  /** What partition.metadata holds. */
  savedTopicId: Uuid | undefined
  directory: LogDirectory
  path: string
  config: LogConfig
  private recordsConfig: RecordsConfig
  logStartOffset: number
  logEndOffset: number
  /** Everything below is in the file. */
  writtenOffset: number
  /** Everything below survives a power loss. */
  syncedOffset: number
  highWatermark: number
  /** Where recovery starts after an unclean stop; never above `syncedOffset`. */
  recoveryPoint: number
  /** Ascending; never empty. The last one grows. */
  readonly segments: Segment[]
  readonly epochs: EpochCache
  readonly producers: ProducerState
  /** Offsets of the producer snapshots on disk, ascending. */
  snapshots: number[]
  /** Below it only the latest value of each key is left; kept in cleaner-offset-checkpoint. */
  cleanedOffset = 0
  /** Counts truncations, deletions and swaps of segments: a read that spans one starts again. */
  generation = 0
  /** By the monotonic clock. */
  lastFlushMs: number
  /** The lowest offset that truncation cut the log at since a copy of it began to grow: what the copy has from there on is wrong. */
  cutOffset = Number.POSITIVE_INFINITY
  /** A copy that takes its last records before the log takes it over: no task may begin. */
  isAboutToMove = false
  /** Its folder is being renamed: what fails to open a file meanwhile tries again afterwards. */
  moving: Promise<void> | undefined
  readonly tail: LogTail
  writer: LogWriter
  epochsSavedVersion: number
  epochsSyncedVersion: number
  /** The folder and its partition.metadata survive a power loss. */
  isFolderSynced: boolean
  private readonly reader: LogReader
  private listener: LogListener | undefined
  private announced = 0
  private rollJitterMs = 0
  private isFlushQueued = false
  private unfinishedCut: (() => Promise<void>) | undefined
  private status: 'open' | 'truncating' | 'failed' | 'closed' = 'open'
  private tasks: Promise<unknown> | undefined

  constructor(state: PartitionLogState) {
    const { directory } = state
    const { world } = directory.node
    this.topicPartition = state.topicPartition
    this.name = partitionName(state.topicPartition.topic, state.topicPartition.partition)
    this.topicId = state.topicId
    this.savedTopicId = state.savedTopicId
    this.directory = directory
    this.path = state.path
    this.config = state.config
    this.recordsConfig = recordsConfigOf(state.config)
    this.segments = state.segments
    this.epochs = state.epochs
    this.producers = state.producers
    this.snapshots = state.snapshots
    this.logStartOffset = state.logStartOffset
    this.logEndOffset = state.logEndOffset
    this.writtenOffset = state.logEndOffset
    this.recoveryPoint = state.recoveryPoint
    this.syncedOffset = state.recoveryPoint
    this.highWatermark = state.highWatermark
    this.epochsSavedVersion = state.epochs.version
    this.epochsSyncedVersion = state.epochs.version
    this.isFolderSynced = state.isFolderSynced
    this.lastFlushMs = world.clock.monotonicMs()
    this.tail = new LogTail(directory.node.tail, (offset) => offset <= this.writtenOffset)
    this.writer = new LogWriter(world.timers, this, state.logEndOffset)
    this.reader = new LogReader(this)
    this.announced = this.ackOffset
    this.rollJitterMs = drawRollJitter(this.config, this.node.world.random)
    directory.logs.add(this)
    // What a crash left in the page cache may be acknowledged again only when it is on disk.
    if (this.ackOffset < this.logEndOffset) directory.syncs.request(this)
  }

  get node(): StorageNode {
    return this.directory.node
  }

  get indexIntervalBytes(): number {
    return this.config.indexIntervalBytes
  }

  get activeSegment(): Segment {
    return this.segments[this.segments.length - 1]
  }

  /** The offset that a read_committed reader may not pass: the first record of an undecided transaction, at most the high watermark. */
  get lastStableOffset(): number {
    const unstable = this.producers.firstUnstableOffset
    if (unstable === undefined || unstable >= this.highWatermark) return this.highWatermark
    return Math.max(unstable, this.logStartOffset)
  }

  /** Up to where an append may be acknowledged. */
  get ackOffset(): number {
    return this.acksAfterSync ? this.syncedOffset : this.writtenOffset
  }

  /** Kafka syncs within the append when flush.messages is 1: the acknowledgement follows the sync. */
  get acksAfterSync(): boolean {
    return this.config.durability === 'sync' || this.config.flushMessages <= 1
  }

  get latestEpoch(): number {
    return this.epochs.latestEpoch
  }

  get leaderEpochs(): readonly EpochEntry[] {
    return this.epochs.entries
  }

  get sizeInBytes(): number {
    let size = 0
    for (const segment of this.segments) size += segment.size
    return size
  }

  get isWritable(): boolean {
    return this.status === 'open' && this.directory.state === 'online'
  }

  get isClosed(): boolean {
    return this.status === 'closed'
  }

  setListener(listener: LogListener | undefined): void {
    this.listener = listener
  }

  // ---- appending

  append(records: Buffer, options: AppendOptions): AppendResult {
    // the reserve of a full directory is there for the metadata: without it the node could not go on until there is room
    const usesReserve = options.origin === 'raft' && this.status === 'open' && this.directory.state === 'readOnly'
    if (!this.isWritable && !usesReserve)
      return this.refusal(ErrorCode.KAFKA_STORAGE_ERROR, `log directory ${this.directory.path} takes no records (${this.directory.state})`)
    const validated = this.validate(records, options)
    if (validated.errorCode !== ErrorCode.NONE) return this.refusal(validated.errorCode, validated.message, validated.recordErrors)
    const { batches } = validated
    if (batches.length === 0) return this.refusal(ErrorCode.NONE, null)
    const bytes = validated.records.length
    const lastOffset = batches[batches.length - 1].lastOffset
    const coming = { bytes, lastOffset, maxTimestamp: validated.maxTimestampMs, now: options.now }
    const mustRoll = !this.isAboutToMove && shouldRoll(this.activeSegment, this.config, this.rollJitterMs, coming)
    if (options.origin === 'replication' && batches.length > 1 && !this.isAboutToMove) {
      if (mustRoll || bytes > this.config.segmentBytes) return this.appendEach(batches, options)
    }
    if (bytes > this.config.segmentBytes && options.origin !== 'replication') {
      const message = `Message batch size is ${bytes} bytes in append, which exceeds the segment size of ${this.config.segmentBytes}`
      return this.refusal(ErrorCode.RECORD_LIST_TOO_LARGE, message)
    }
    if (options.origin !== 'replication' && batches[0].producerId >= 0) {
      const duplicate = options.origin === 'client' ? this.producers.duplicateOf(batches[0]) : undefined
      if (duplicate !== undefined) return repeatedAppend(duplicate, this.logStartOffset)
      const rejection = this.checkProducer(batches, options)
      if (rejection !== undefined) return this.refusal(rejection.errorCode, rejection.message)
    }
    if (mustRoll) this.roll(options.now, isOffsetTooFar(this.activeSegment, lastOffset) ? batches[0].baseOffset : this.logEndOffset)
    const result: AppendResult = {
      errorCode: ErrorCode.NONE,
      message: null,
      recordErrors: NO_ERRORS,
      baseOffset: batches[0].baseOffset,
      lastOffset,
      logAppendTimeMs: validated.logAppendTimeMs,
      logStartOffset: this.logStartOffset,
      duplicate: false
    }
    this.take(validated, options.now)
    if (options.origin !== 'raft') this.directory.spend(bytes)
    return result
  }

  /** A leader's range may be greater than what is left of a segment, or than a whole one. */
  private appendEach(batches: readonly RecordBatch[], options: AppendOptions): AppendResult {
    const [first, ...rest] = batches.map((batch) => this.append(batch.bytes(), options))
    return { ...first, lastOffset: rest[rest.length - 1].lastOffset }
  }

  private validate(records: Buffer, options: AppendOptions): ValidatedRecords {
    const { origin, now, leaderEpoch } = options
    const { logEndOffset } = this
    const validated = validateAndAssign({
      records,
      topicPartition: this.name,
      firstOffset: logEndOffset,
      now,
      origin,
      partitionLeaderEpoch: leaderEpoch,
      config: this.recordsConfig
    })
    const isOutOfPlace =
      (origin === 'replication' && validated.firstOffset < logEndOffset) || (origin === 'raft' && validated.firstOffset !== logEndOffset)
    if (validated.errorCode !== ErrorCode.NONE || validated.batches.length === 0 || !isOutOfPlace) return validated
    const message = `records of ${this.name} begin at offset ${validated.firstOffset}, but the log goes on at ${logEndOffset}`
    return { ...validated, errorCode: ErrorCode.INVALID_RECORD, message }
  }

  private checkProducer(batches: readonly RecordBatch[], options: AppendOptions): ProducerRejection | undefined {
    if (batches.length > 1) return { errorCode: ErrorCode.INVALID_RECORD, message: 'a producer with an id appends one batch at a time' }
    const batch = batches[0]
    if (!batch.isControl) return this.producers.checkData(batch, options.origin === 'client', options.verification)
    const marker = parseEndTxnMarker(batch)
    return marker && this.producers.checkMarker(batch, marker.coordinatorEpoch, options.transactionVersion ?? 0)
  }

  /** Moves all state past the batches and queues their bytes. Nothing here may fail. */
  private take(validated: ValidatedRecords, now: number): void {
    const { batches } = validated
    const segment = this.activeSegment
    const position = segment.size
    const firstOffset = batches[0].baseOffset
    const { indexIntervalBytes } = this.config
    for (const batch of batches) {
      segment.addBatch(batch.lastOffset, batch.maxTimestamp, batch.sizeInBytes, indexIntervalBytes)
      if (batch.partitionLeaderEpoch > this.epochs.latestEpoch) this.assignEpoch(batch.partitionLeaderEpoch, batch.baseOffset)
      if (batch.producerId >= 0) this.applyToProducers(batch, segment)
    }
    segment.lastModifiedMs = now
    this.logEndOffset = batches[batches.length - 1].nextOffset
    this.producers.mapEndOffset = this.logEndOffset
    const bytes = this.tail.push(validated.records, firstOffset, this.logEndOffset)
    this.writer.enqueue(segment, position, bytes, this.logEndOffset)
    if (segment.wantsSpill && !this.isAboutToMove) this.inBackground(() => spillIndexes(this, segment))
  }

  private applyToProducers(batch: RecordBatch, segment: Segment): void {
    const completed = this.producers.apply(batch)
    if (completed?.isAborted) segment.abortedTxns!.push(completed)
  }

  private refusal(errorCode: number, message: string | null, recordErrors: readonly RecordError[] = NO_ERRORS): AppendResult {
    return refusedAppend(errorCode, message, recordErrors, this.logStartOffset)
  }

  // ---- segments

  /**
   * Begins a new segment at the log's end, or at `baseOffset` where the next batch of a leader is too far from it for an index.
   * The old one's files are completed and synced in the background.
   */
  roll(now: number, baseOffset = this.logEndOffset): void {
    const sealed = this.activeSegment
    if (baseOffset === sealed.baseOffset) return
    const offset = this.logEndOffset
    const next = this.newSegment(baseOffset, now)
    this.rollJitterMs = drawRollJitter(this.config, this.node.world.random)
    if (sealed.size === 0) {
      this.onSegmentsMoved(this.segments.splice(-1, 1, next))
      this.inBackground(() => removeSegment(this, sealed))
      return
    }
    sealed.seal()
    const snapshot = this.snapshotForRoll()
    this.segments.push(next)
    this.inBackground(async () => {
      if (snapshot) await saveProducerSnapshot(this, baseOffset, snapshot)
      await flushLog(this, offset)
    })
  }

  newSegment(baseOffset: number, now: number): Segment {
    return new Segment(
      baseOffset,
      new LogFile(this.directory.node.files, `${this.path}/${offsetName(baseOffset)}${LOG_SUFFIX}`, false),
      now
    )
  }

  private snapshotForRoll(): Buffer | undefined {
    const { producers } = this
    if (producers.mapEndOffset <= producers.snapshotOffset) return undefined
    producers.snapshotOffset = producers.mapEndOffset
    return producers.snapshot()
  }

  /** @internal for retention and truncation */
  removeSegments(start: number, count: number): Segment[] {
    const removed = this.segments.splice(start, count)
    this.onSegmentsMoved(removed)
    return removed
  }

  /** @internal for the cleaner */
  replaceSegments(start: number, count: number, segment: Segment): void {
    this.onSegmentsMoved(this.segments.splice(start, count, segment))
    this.tail.forgetBelow(this.segmentEnd(start))
  }

  /** Whether files of the log changed places since `generation`: what failed to find one tries again. */
  async hasMovedSince(generation: number): Promise<boolean> {
    await this.moving?.catch(() => undefined)
    return generation !== this.generation
  }

  /**
   * Takes over the files of `future`, a copy of this log in another directory that holds all of it (in memory at least), and
   * leaves its own behind. All in one turn: appends and reads notice nothing.
   */
  adopt(future: PartitionLog): void {
    const { writer } = this
    writer.owner = DETACHED
    void writer.stop(new Error('the log moved'))
    this.directory.logs.delete(this)
    future.directory.logs.delete(future)
    this.directory = future.directory
    this.directory.logs.add(this)
    this.path = future.path
    this.snapshots = future.snapshots
    this.writer = future.writer
    this.writer.owner = this
    this.writtenOffset = future.writtenOffset
    this.syncedOffset = future.syncedOffset
    this.recoveryPoint = future.recoveryPoint
    this.isFolderSynced = future.isFolderSynced
    this.epochsSavedVersion = -1
    this.epochsSyncedVersion = -1
    future.status = 'closed'
    this.onSegmentsMoved(this.segments.splice(0, this.segments.length, ...future.segments))
  }

  /** Gives the log's folder another name, while the writer pauses. */
  async moveFolder(path: string): Promise<void> {
    this.moving = this.node.world.disk.rename(this.path, path).then(() => {
      this.path = path
      for (const segment of this.segments) segment.file.path = segment.path(path, LOG_SUFFIX)
      this.generation++
    })
    await this.moving
    this.moving = undefined
  }

  /** Resolves when no task is under way. */
  async whenIdle(): Promise<void> {
    while (this.tasks !== undefined) await this.tasks.catch(() => undefined)
  }

  /** Reads under way in them start again. */
  private onSegmentsMoved(removed: readonly Segment[]): void {
    for (const segment of removed) segment.isRemoved = true
    this.generation++
    this.reader.forget()
  }

  /** The segment that holds `offset`, as an index into `segments`; -1 before the first. */
  segmentIndexFor(offset: number): number {
    let low = 0
    let high = this.segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.segments[middle].baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** The offset after the last that the segment at `index` can hold. */
  segmentEnd(index: number): number {
    return index + 1 < this.segments.length ? this.segments[index + 1].baseOffset : this.logEndOffset
  }

  // ---- reading

  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    return this.reader.read(offset, options)
  }

  /** Aborted transactions that a read_committed reader of [from, to) must know. */
  abortedTransactions(from: number, to: number): AbortedTxn[] | Promise<AbortedTxn[]> {
    return abortedTransactions(this, from, to)
  }

  /** The first record at or after `timestamp`; undefined when there is none. */
  offsetForTimestamp(timestamp: number): Promise<TimestampAndOffset | undefined> {
    return findOffsetForTimestamp(this, timestamp)
  }

  /** The first record with the greatest timestamp; undefined in an empty log. */
  offsetOfMaxTimestamp(): Promise<TimestampAndOffset | undefined> {
    return findOffsetOfMaxTimestamp(this)
  }

  // ---- offsets and epochs

  /** Sets the high watermark, kept within the log. Returns what it is now. */
  updateHighWatermark(offset: number): number {
    const bounded = Math.min(Math.max(offset, this.logStartOffset), this.logEndOffset)
    if (bounded !== this.highWatermark) this.directory.haveHighWatermarksMoved = true
    this.highWatermark = bounded
    this.producers.onHighWatermark(bounded)
    return bounded
  }

  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number } {
    return this.epochs.endOffsetFor(epoch, this.logEndOffset)
  }

  /** A leader epoch begins at `startOffset` (a new leader calls this with the log's end). */
  assignEpoch(epoch: number, startOffset: number): void {
    const { version } = this.epochs
    this.epochs.assign(epoch, startOffset)
    if (this.epochs.version !== version && !this.isAboutToMove) this.inBackground(() => saveEpochs(this, false))
  }

  /** DeleteRecords: nothing below `offset` is readable any more. False when it is beyond the high watermark. */
  advanceLogStartOffset(offset: number): boolean {
    if (offset > this.highWatermark) return false
    if (offset > this.logStartOffset) this.moveLogStart(offset)
    return true
  }

  /** @internal for retention, which deleted what is below. */
  moveLogStart(offset: number): void {
    this.logStartOffset = offset
    if (this.highWatermark < offset) this.updateHighWatermark(offset)
    const { version } = this.epochs
    this.epochs.truncateFromStart(offset)
    if (this.epochs.version !== version) this.inBackground(() => saveEpochs(this, false))
  }

  activeProducers(): readonly ProducerStateEntry[] {
    return [...this.producers.entries]
  }

  // ---- maintenance

  updateConfig(config: LogConfig): void {
    this.config = config
    this.recordsConfig = recordsConfigOf(config)
  }

  /** Everything appended so far is on disk when this resolves, and the recovery point is there. */
  flush(): Promise<void> {
    const offset = this.logEndOffset
    return this.runTask(() => flushLog(this, offset))
  }

  /** Drops everything at or after `offset`. No append is taken until it resolves. */
  truncateTo(offset: number): Promise<void> {
    if (offset >= this.logEndOffset) return Promise.resolve()
    return this.cut(() => truncateLog(this, offset))
  }

  /** Drops everything; the log goes on at `offset` (a follower far behind, or a snapshot that replaces a metadata log). */
  truncateFullyAndStartAt(offset: number): Promise<void> {
    return this.cut(() => truncateFully(this, offset))
  }

  /** Cutting may be done twice: what a full disk interrupts is done again when there is room. */
  private cut(task: () => Promise<void>): Promise<void> {
    if (this.status !== 'open') return Promise.reject(this.unusable())
    this.status = 'truncating'
    this.unfinishedCut = task
    return this.runTask(() => this.finishCut(task))
  }

  private async finishCut(task: () => Promise<void>): Promise<void> {
    if (this.unfinishedCut !== task) return
    await task()
    this.unfinishedCut = undefined
    if (this.status === 'truncating') this.status = 'open'
  }

  /** @internal for LogDirectory: there is room again. */
  onDirectoryWritable(): void {
    const task = this.unfinishedCut
    if (this.status === 'truncating' && task !== undefined) this.inBackground(() => this.finishCut(task))
    // what was written, and could not be completed on the full disk, is still to be acknowledged
    if (this.acksAfterSync && this.syncedOffset < this.logEndOffset) this.directory.syncs.request(this)
  }

  /** Completes the files so that the next start finds all as it is. */
  complete(): Promise<void> {
    return this.status === 'open' ? this.runTask(() => closeLog(this)) : Promise.reject(this.unusable())
  }

  /** Completes the files and closes them. */
  async close(): Promise<void> {
    if (this.status === 'open') await this.complete()
    await this.abandon()
  }

  /** Closes the files as they are, as a crash would. */
  async abandon(): Promise<void> {
    this.status = 'closed'
    this.directory.logs.delete(this)
    await this.writer.stop(new Error('the log is closed'))
    await this.tasks?.catch(() => undefined)
    this.tail.clear()
    this.reader.close()
    for (const segment of this.segments) {
      this.directory.node.indexes.remove(segment.offsets)
      this.directory.node.indexes.remove(segment.times)
      await segment.file.close().catch(() => undefined)
    }
  }

  /** Runs `task` after those before it. A failed operation of the disk takes the directory offline. */
  runTask(task: () => Promise<void>): Promise<void> {
    const run = async (): Promise<void> => {
      if (this.status === 'failed' || this.status === 'closed') throw this.unusable()
      try {
        await task()
      } catch (error) {
        this.onTaskFailed(error)
        throw error
      }
    }
    const previous = this.tasks ?? Promise.resolve()
    const current = previous.then(run, run) // never in this turn: a task of a task would not see that one is under way
    this.tasks = current
    const settle = (): void => {
      if (this.tasks === current) this.tasks = undefined
    }
    current.then(settle, settle)
    return current
  }

  private unusable(): OdradekError {
    return new OdradekError('STORAGE_LOG_UNUSABLE', `the log of ${this.name} in ${this.directory.path} is ${this.status}`)
  }

  /** A task that nobody waits for; its failure is the directory's. */
  private inBackground(task: () => Promise<void>): void {
    this.runTask(task).catch(() => undefined)
  }

  private onTaskFailed(error: unknown): void {
    if (this.isClosed || this.status === 'failed') return
    this.directory.failUnlessFull(error, `maintenance of ${this.path}`)
  }

  // ---- what the writer and the directory tell

  /**
   * Cleaning leaves gaps, so that recovery cannot see when the end of a segment is lost and the next one is not. In a
   * compacted log the next one is not begun before the last is on disk.
   */
  beforeFirstWrite(segment: Segment): Promise<void> | undefined {
    const previous = this.segments[this.segments.indexOf(segment) - 1]
    if (!this.config.isCompact || previous === undefined || !previous.file.isCreated) return undefined
    return syncSegment(this, previous)
  }

  onChunkWritten(endOffset: number): void {
    this.writtenOffset = endOffset
    if (this.acksAfterSync) this.directory.syncs.request(this)
    else this.announce(endOffset)
    if (endOffset - this.recoveryPoint >= this.config.flushMessages) this.flushSoon()
  }

  private flushSoon(): void {
    if (this.isFlushQueued) return
    this.isFlushQueued = true
    this.inBackground(async () => {
      this.isFlushQueued = false
      await flushLog(this, this.writtenOffset)
    })
  }

  /** @internal for SyncGroup */
  async syncWritten(): Promise<void> {
    const offset = this.writtenOffset
    await this.runTask(() => flushLog(this, offset)).catch(() => undefined)
  }

  onSynced(offset: number): void {
    if (offset > this.syncedOffset) this.syncedOffset = offset
    if (this.acksAfterSync) this.announce(offset)
  }

  private announce(offset: number): void {
    if (offset <= this.announced || this.status === 'failed') return
    this.announced = offset
    this.listener?.onWritten(offset)
  }

  onWriteFailed(error: unknown): void {
    if (this.status === 'failed' || this.status === 'closed') return
    this.directory.failUnlessFull(error, `write to ${this.path}`)
    if (this.directory.isOffline) return
    void this.writer.stop(error)
    // In the middle of a write: the file and all state go back to the last whole one; a cut under way does that by itself.
    if (this.status !== 'truncating') this.cut(() => truncateLog(this, this.writtenOffset)).catch(() => undefined)
    this.listener?.onFailed(error)
  }

  onDirectoryFailed(error: unknown): void {
    if (this.status === 'failed' || this.status === 'closed') return
    this.status = 'failed'
    void this.writer.stop(error)
    this.tail.clear()
    this.listener?.onFailed(error)
  }

  /** The log was cut at `offset` by truncation. */
  onTruncated(offset: number): void {
    this.generation++
    this.cutOffset = Math.min(this.cutOffset, offset)
    this.writtenOffset = Math.min(this.writtenOffset, offset)
    this.syncedOffset = Math.min(this.syncedOffset, offset)
    this.announced = Math.min(this.announced, offset)
    this.recoveryPoint = Math.min(this.recoveryPoint, offset)
    this.highWatermark = Math.min(this.highWatermark, offset)
    this.cleanedOffset = Math.min(this.cleanedOffset, offset)
    this.reader.forget()
  }
}
