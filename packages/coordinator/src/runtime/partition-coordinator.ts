/**
 * One partition of the record topic: its shard, the batch being filled, the answers that wait for the high watermark,
 * its timers. States: loading → active → closed, or failed from the first two. The shard is changed by replay only;
 * a batch that could not be appended takes the shard back to the snapshot before it. One owner, the runtime; nothing
 * here waits: an answer that is not ready leaves as a promise.
 *
 * Limits: `maxPendingWrites` answers may wait, then new writes get COORDINATOR_NOT_AVAILABLE; a batch never outgrows
 * the topic's max.message.bytes; a write waits no longer than `writeTimeoutMs`.
 */
import { SnapshotRegistry } from '@odradek/base'
import type { CompressionType } from '@odradek/protocol'
import { ErrorCode, encodeBatch, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '@odradek/protocol'
import type { TimerHandle } from '@odradek/world'
import { DeadlineTimers } from './deadline-timers.ts'
import { DeferredQueue } from './deferred-queue.ts'
import type { EndTransactionMarker } from './end-transaction-marker.ts'
import { encodeEndTransactionMarker } from './end-transaction-marker.ts'
import { type LoadError, PartitionLoader } from './loader.ts'
import type { CoordinatorLog } from './log.ts'
import type { RuntimeMetrics } from './metrics.ts'
import type { EncodedRecord, ProducerIdentity } from './pending-batch.ts'
import { PendingBatch } from './pending-batch.ts'
import type { CoordinatorOperation, CoordinatorResult, CoordinatorShard, CoordinatorWorld, RecordSerde, ShardEnvironment } from './shard.ts'

export interface RuntimeConfig {
  /** `group.coordinator.append.linger.ms`: -1 ends a batch with the turn of the event loop, 0 at once. */
  readonly appendLingerMs: number
  readonly writeTimeoutMs: number
  readonly compression: CompressionType
  readonly loadBufferBytes: number
  readonly maxPendingWrites: number
}

export interface RuntimeParts<Shard extends CoordinatorShard<Rec>, Rec> {
  readonly world: CoordinatorWorld
  /** Of the record topic, for log lines. */
  readonly topic: string
  readonly log: CoordinatorLog
  readonly serde: RecordSerde<Rec>
  readonly config: RuntimeConfig
  createShard(environment: ShardEnvironment<Rec>): Shard
}

type State = 'loading' | 'active' | 'failed' | 'closed'
type Completion = (errorCode: number) => void

const NO_PRODUCER: ProducerIdentity = { producerId: NO_PRODUCER_ID, producerEpoch: NO_PRODUCER_EPOCH }

export class PartitionCoordinator<Shard extends CoordinatorShard<Rec>, Rec> {
  readonly partition: number
  readonly epoch: number
  /** The next attempt to load the partition, after a failure. */
  retry: TimerHandle | undefined
  readonly #parts: RuntimeParts<Shard, Rec>
  readonly #metrics: RuntimeMetrics
  readonly #onOutOfSync: () => void
  readonly #registry = new SnapshotRegistry()
  readonly #shard: Shard
  readonly #timers = new DeadlineTimers<() => CoordinatorResult<void, Rec>>()
  readonly #deferred = new DeferredQueue()
  #state: State = 'loading'
  #loader: PartitionLoader<Rec> | undefined
  #batch: PendingBatch | undefined
  #lastWrittenOffset = 0
  #lastCommittedOffset = 0
  #highWatermark = 0
  #isAppending = false
  #stopListening: (() => void) | undefined
  #timerAlarm: { atMs: number; handle: TimerHandle } | undefined
  #deferredAlarm: TimerHandle | undefined

  /** `onOutOfSync` asks for a fresh coordinator of the partition in place of this one. */
  constructor(parts: RuntimeParts<Shard, Rec>, metrics: RuntimeMetrics, partition: number, epoch: number, onOutOfSync: () => void) {
    this.#parts = parts
    this.#metrics = metrics
    this.#onOutOfSync = onOutOfSync
    this.partition = partition
    this.epoch = epoch
    const { world } = parts
    this.#shard = parts.createShard({
      partition,
      registry: this.#registry,
      timers: {
        schedule: (key, delayMs, operation) => {
          if (this.#state === 'closed' || this.#state === 'failed') return
          this.#timers.schedule(key, world.clock.monotonicMs() + Math.max(0, delayMs), operation)
          this.#armTimers()
        },
        cancel: (key) => this.#timers.cancel(key)
      },
      logger: world.logger,
      now: () => world.clock.now(),
      randomBytes: (size) => world.random.bytes(size)
    })
  }

  get state(): State {
    return this.#state
  }

  get lastWrittenOffset(): number {
    return this.#lastWrittenOffset
  }

  get lastCommittedOffset(): number {
    return this.#lastCommittedOffset
  }

  /** 0 when the shard answers, else what to tell the client. */
  get availability(): number {
    switch (this.#state) {
      case 'active':
        return 0
      case 'loading':
        return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
      default:
        return ErrorCode.NOT_COORDINATOR
    }
  }

  load(onLoaded: (error?: LoadError) => void): void {
    const { world, log, serde, config } = this.#parts
    const startMs = world.clock.monotonicMs()
    this.#loader = new PartitionLoader({
      world,
      log,
      serde,
      partition: this.partition,
      bufferBytes: config.loadBufferBytes,
      shard: this.#shard,
      onBatch: (nextOffset, highWatermark) => {
        // Only what lies above the high watermark can still be asked for at an older offset.
        if (nextOffset >= highWatermark) this.#registry.getOrCreateSnapshot(nextOffset)
      }
    })
    this.#loader.run((error, summary) => {
      if (this.#state !== 'loading') return
      this.#loader = undefined
      if (error === undefined) {
        this.#activate(summary.nextOffset)
        this.#metrics.partitionLoads++
        this.#metrics.partitionLoadTimeMsMax = Math.max(this.#metrics.partitionLoadTimeMsMax, world.clock.monotonicMs() - startMs)
        this.#info(`loaded ${summary.records} records, ${summary.bytes} bytes, up to offset ${summary.nextOffset} in epoch ${this.epoch}`)
      } else {
        this.#metrics.partitionLoadFailures++
        this.#error(`could not be loaded; requests for it are answered with NOT_COORDINATOR: ${error.message}`, error)
        this.#stop('failed')
      }
      onLoaded(error)
    })
  }

  unload(): void {
    this.retry?.cancel()
    if (this.#state === 'closed') return
    const wasFailed = this.#state === 'failed'
    this.#stop('closed', wasFailed)
  }

  read<Response>(operation: (shard: Shard, committedOffset: number) => Response, fail: (errorCode: number) => Response): Response {
    try {
      return operation(this.#shard, this.#lastCommittedOffset)
    } catch (error) {
      this.#error('a read failed', error)
      return fail(ErrorCode.UNKNOWN_SERVER_ERROR)
    }
  }

  write<Response>(
    name: string,
    operation: CoordinatorOperation<Shard, Response, Rec>,
    fail: (errorCode: number) => Response,
    producer: ProducerIdentity = NO_PRODUCER
  ): Response | Promise<Response> {
    if (this.#deferred.size >= this.#parts.config.maxPendingWrites) {
      this.#metrics.writesRejected++
      return fail(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    }
    let result: CoordinatorResult<Response, Rec>
    try {
      result = operation(this.#shard)
    } catch (error) {
      this.#error(`${name} failed`, error)
      return fail(ErrorCode.UNKNOWN_SERVER_ERROR)
    }
    return this.#settle(
      result.onAppended,
      () => result.response,
      fail,
      (complete) => this.#append(name, result, producer, complete)
    )
  }

  /** Ends a transaction of offsets: replays the marker and writes it. */
  completeTransaction<Response>(
    marker: EndTransactionMarker,
    response: Response,
    fail: (errorCode: number) => Response
  ): Response | Promise<Response> {
    return this.#settle(
      undefined,
      () => response,
      fail,
      (complete) => {
        const flushError = this.#flush()
        if (flushError !== ErrorCode.NONE) return flushError
        const baseOffset = this.#lastWrittenOffset
        this.#registry.getOrCreateSnapshot(baseOffset)
        this.#shard.replayEndTransactionMarker(marker.producerId, marker.producerEpoch, marker.isCommit)
        const batch = encodeEndTransactionMarker(marker, baseOffset, this.#parts.world.clock.now())
        const errorCode = this.#appendToLog(batch, baseOffset, baseOffset + 1)
        if (errorCode === ErrorCode.NONE) this.#defer(complete)
        else if (this.#state === 'active') this.#registry.revertToSnapshot(baseOffset)
        return errorCode
      }
    )
  }

  /**
   * Turns the completion that `start` takes into a plain value when it comes at once, else into a promise. `start`
   * returns the error code with which it failed at once, or NONE when the completion is called or will be.
   */
  #settle<Response>(
    onAppended: Completion | undefined,
    response: () => Response,
    fail: (errorCode: number) => Response,
    start: (complete: Completion) => number
  ): Response | Promise<Response> {
    let settled: { value: Response } | undefined
    let resolve: ((value: Response) => void) | undefined
    const complete = (errorCode: number): void => {
      onAppended?.(errorCode)
      settled = { value: errorCode === ErrorCode.NONE ? response() : fail(errorCode) }
      resolve?.(settled.value)
    }
    const errorCode = start(complete)
    if (errorCode !== ErrorCode.NONE) complete(errorCode)
    if (settled !== undefined) return settled.value
    return new Promise((settle) => {
      resolve = settle
    })
  }

  #append(name: string, result: CoordinatorResult<unknown, Rec>, producer: ProducerIdentity, complete: Completion): number {
    if (result.records.length === 0) {
      if (this.#batch !== undefined) this.#batch.completions.push(complete)
      else if (this.#lastWrittenOffset > this.#lastCommittedOffset) this.#defer(complete)
      else complete(ErrorCode.NONE)
      return ErrorCode.NONE
    }
    const encoded = this.#encode(name, result)
    if (encoded === undefined) return ErrorCode.UNKNOWN_SERVER_ERROR
    const sizeBytes = PendingBatch.sizeOf(encoded)
    const maxBytes = this.#parts.log.maxBatchBytes(this.partition)
    if (!result.isSplittable && sizeBytes > maxBytes) {
      this.#error(`${name} needs a batch of ${sizeBytes} bytes, more than max.message.bytes (${maxBytes}) of ${this.#parts.topic}`)
      return ErrorCode.RECORD_LIST_TOO_LARGE
    }
    const isTransactional = producer.producerId !== NO_PRODUCER_ID
    // A transaction has its own batch; so has what does not fit beside the records already there.
    if (this.#batch !== undefined && (isTransactional || (!result.isSplittable && !this.#batch.hasRoomFor(sizeBytes, maxBytes)))) {
      const errorCode = this.#flush()
      // What was read of the batch that is gone again must not be written.
      if (errorCode !== ErrorCode.NONE) return errorCode
    }
    const errorCode = this.#replay(name, result.records, encoded, producer, maxBytes)
    if (errorCode !== ErrorCode.NONE) return errorCode
    this.#batch?.completions.push(complete)
    if (isTransactional || this.#parts.config.appendLingerMs === 0) this.#flush()
    else this.#scheduleFlush()
    return ErrorCode.NONE
  }

  #encode(name: string, { records }: CoordinatorResult<unknown, Rec>): EncodedRecord[] | undefined {
    try {
      return records.map((record) => this.#parts.serde.encode(record))
    } catch (error) {
      this.#error(`a record of ${name} cannot be written`, error)
      return undefined
    }
  }

  /** Puts the records into the shard and into the open batch. */
  #replay(name: string, records: readonly Rec[], encoded: readonly EncodedRecord[], producer: ProducerIdentity, maxBytes: number): number {
    const timestamp = this.#parts.world.clock.now()
    for (let index = 0; index < encoded.length; index++) {
      if (this.#batch !== undefined && !this.#batch.hasRoomFor(PendingBatch.sizeOf([encoded[index]]), maxBytes)) {
        const errorCode = this.#flush()
        if (errorCode !== ErrorCode.NONE) return errorCode
      }
      this.#batch ??= this.#openBatch(producer)
      try {
        this.#shard.replay(this.#batch.nextOffset, producer.producerId, producer.producerEpoch, records[index])
      } catch (error) {
        this.#error(`a record of ${name} could not be replayed; the batch it belongs to is taken back`, error)
        this.#failBatch(ErrorCode.UNKNOWN_SERVER_ERROR)
        return ErrorCode.UNKNOWN_SERVER_ERROR
      }
      this.#batch.add(encoded[index], timestamp)
    }
    return ErrorCode.NONE
  }

  #openBatch(producer: ProducerIdentity): PendingBatch {
    this.#registry.getOrCreateSnapshot(this.#lastWrittenOffset)
    return new PendingBatch(this.#lastWrittenOffset, producer)
  }

  #scheduleFlush(): void {
    const batch = this.#batch
    if (batch === undefined || batch.isFlushScheduled) return
    batch.isFlushScheduled = true
    const flush = (): void => {
      if (this.#batch === batch) this.#flush()
    }
    const { timers } = this.#parts.world
    if (this.#parts.config.appendLingerMs < 0) timers.defer(flush)
    else batch.lingerAlarm = timers.schedule(this.#parts.config.appendLingerMs, flush)
  }

  /** Writes the open batch; 0 or the error code with which it failed. */
  #flush(): number {
    const batch = this.#batch
    if (batch === undefined) return 0
    batch.lingerAlarm?.cancel()
    const errorCode = this.#appendToLog(
      encodeBatch({
        baseOffset: batch.baseOffset,
        compression: this.#parts.config.compression,
        producerId: batch.producer.producerId,
        producerEpoch: batch.producer.producerEpoch,
        baseSequence: 0,
        isTransactional: batch.producer.producerId !== NO_PRODUCER_ID,
        records: batch.records
      }),
      batch.baseOffset,
      batch.nextOffset
    )
    if (errorCode !== ErrorCode.NONE) {
      if (this.#batch === batch) this.#failBatch(errorCode)
      return errorCode
    }
    this.#batch = undefined
    this.#metrics.batchesAppended++
    this.#metrics.recordsAppended += batch.records.length
    for (const complete of batch.completions) this.#defer(complete)
    return 0
  }

  /** Appends and moves on to `nextOffset`; the state before is at snapshot `baseOffset`. */
  #appendToLog(batch: Buffer, baseOffset: number, nextOffset: number): number {
    this.#isAppending = true
    const result = this.#parts.log.append(this.partition, batch, this.epoch)
    this.#isAppending = false
    if (result.errorCode !== ErrorCode.NONE) {
      this.#metrics.appendFailures++
      return result.errorCode
    }
    if (result.baseOffset !== baseOffset) {
      // Someone else wrote to the partition: what was replayed carries wrong offsets.
      this.#onLost(`the log put a batch at offset ${result.baseOffset} where ${baseOffset} was expected`)
      return ErrorCode.NOT_COORDINATOR
    }
    this.#lastWrittenOffset = nextOffset
    this.#registry.getOrCreateSnapshot(nextOffset)
    return 0
  }

  #failBatch(errorCode: number): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    batch.lingerAlarm?.cancel()
    this.#registry.revertToSnapshot(batch.baseOffset)
    for (const complete of batch.completions) complete(errorCode)
  }

  /** Completes once everything written so far is committed. */
  #defer(complete: Completion): void {
    if (this.#highWatermark >= this.#lastWrittenOffset) {
      this.#advance()
      complete(ErrorCode.NONE)
      return
    }
    const { world, config } = this.#parts
    this.#deferred.add(this.#lastWrittenOffset, world.clock.monotonicMs() + config.writeTimeoutMs, complete)
    this.#armDeferred()
  }

  /** What was replayed is not what the log has. */
  #onLost(reason: string): void {
    if (this.#state !== 'active') return
    this.#error(`${reason}; the partition is loaded again`)
    this.#stop('failed')
    this.#onOutOfSync()
  }

  #onHighWatermark(highWatermark: number): void {
    if (highWatermark <= this.#highWatermark) return
    this.#highWatermark = highWatermark
    if (!this.#isAppending) this.#advance()
  }

  #advance(): void {
    const committed = Math.min(this.#highWatermark, this.#lastWrittenOffset)
    if (committed > this.#lastCommittedOffset) {
      // Reads ask at a snapshot. There is one at the end of each batch, where high watermarks lie.
      const epoch = this.#registry.hasSnapshot(committed)
        ? committed
        : this.#registry.epochs().findLast((candidate) => candidate <= committed)
      if (epoch !== undefined && epoch > this.#lastCommittedOffset) {
        this.#lastCommittedOffset = epoch
        this.#registry.deleteSnapshotsUpTo(epoch)
      }
    }
    this.#deferred.completeUpTo(committed)
  }

  #armDeferred(): void {
    if (this.#deferredAlarm !== undefined) return
    const { clock, timers } = this.#parts.world
    const next = this.#deferred.nextDeadlineMs
    if (next === undefined) return
    this.#deferredAlarm = timers.schedule(Math.max(0, next - clock.monotonicMs()), () => {
      this.#deferredAlarm = undefined
      const before = this.#deferred.size
      this.#deferred.failDue(clock.monotonicMs(), ErrorCode.REQUEST_TIMED_OUT)
      this.#metrics.writeTimeouts += before - this.#deferred.size
      this.#armDeferred()
    })
  }

  #armTimers(): void {
    const next = this.#timers.nextDeadlineMs()
    if (next === undefined || this.#state !== 'active') return
    if (this.#timerAlarm !== undefined) {
      if (this.#timerAlarm.atMs <= next) return
      this.#timerAlarm.handle.cancel()
    }
    const { clock, timers } = this.#parts.world
    const handle = timers.schedule(Math.max(0, next - clock.monotonicMs()), () => {
      this.#timerAlarm = undefined
      this.#runTimers()
      this.#armTimers()
    })
    this.#timerAlarm = { atMs: next, handle }
  }

  #runTimers(): void {
    const now = this.#parts.world.clock.monotonicMs()
    for (;;) {
      const operation = this.#timers.takeDue(now)
      if (operation === undefined || this.#state !== 'active') return
      // The outcome of a timer is in its onAppended; nobody waits for the response.
      void this.write('timer', operation, () => undefined)
    }
  }

  #activate(nextOffset: number): void {
    const { log } = this.#parts
    const offsets = log.offsets(this.partition)
    this.#lastWrittenOffset = nextOffset
    this.#registry.getOrCreateSnapshot(nextOffset)
    this.#state = 'active'
    this.#stopListening = log.listen(this.partition, {
      onHighWatermark: (highWatermark) => this.#onHighWatermark(highWatermark),
      onLost: () => this.#onLost('records were lost before they were committed')
    })
    this.#highWatermark = Math.max(this.#highWatermark, offsets?.highWatermark ?? 0)
    this.#lastCommittedOffset = this.#registry.epochs()[0]
    this.#advance()
    try {
      this.#shard.onLoaded()
    } catch (error) {
      this.#error('what was loaded makes no sense; requests for it are answered with NOT_COORDINATOR', error)
      this.#stop('failed')
      return
    }
    this.#armTimers()
  }

  #stop(state: 'failed' | 'closed', isStopped = false): void {
    const wasActive = this.#state === 'active'
    this.#state = state
    if (isStopped) return
    this.#loader?.stop()
    this.#loader = undefined
    this.#stopListening?.()
    this.#timerAlarm?.handle.cancel()
    this.#deferredAlarm?.cancel()
    this.#timers.clear()
    this.#failBatch(ErrorCode.NOT_COORDINATOR)
    this.#deferred.failAll(ErrorCode.NOT_COORDINATOR)
    if (wasActive) this.#shard.onUnloaded()
    this.#info(`unloaded in epoch ${this.epoch}`)
  }

  #info(message: string): void {
    this.#parts.world.logger.log('INFO', 'kafka.coordinator.runtime', `${this.#parts.topic}-${this.partition} ${message}`)
  }

  #error(message: string, error?: unknown): void {
    this.#parts.world.logger.log('ERROR', 'kafka.coordinator.runtime', `${this.#parts.topic}-${this.partition} ${message}`, error)
  }
}
