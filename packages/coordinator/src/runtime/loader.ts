/**
 * Replays a partition of the record topic into a shard: reads from the log's start to its end in slices, one slice a
 * turn of the event loop, so that a large partition does not stop the node. Transaction markers end the pending writes
 * of their producer. A record type that this version does not know is skipped with a warning; bytes that do not decode
 * fail the load.
 */
import { OdradekError } from '@odradek/base'
import type { RecordBatch } from '@odradek/protocol'
import { decodeControlRecord, ErrorCode, forEachRecord, iterateBatches, NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '@odradek/protocol'
import type { CoordinatorLog, CoordinatorReadResult } from './log.ts'
import type { CoordinatorShard, CoordinatorWorld, RecordSerde } from './shard.ts'

export class LoadError extends OdradekError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('COORDINATOR_LOAD', message, { ...options, retriable: true })
  }
}

export interface LoadSummary {
  /** Where the next record goes. */
  nextOffset: number
  records: number
  bytes: number
}

export interface LoaderOptions<Rec> {
  readonly world: CoordinatorWorld
  readonly log: CoordinatorLog
  readonly serde: RecordSerde<Rec>
  readonly partition: number
  readonly bufferBytes: number
  readonly shard: CoordinatorShard<Rec>
  readonly onBatch: (nextOffset: number, highWatermark: number) => void
}

/** Bytes replayed in one turn of the event loop, whatever offsets.load.buffer.size allows. */
const SLICE_BYTES_MAX = 512 * 1024

export class PartitionLoader<Rec> {
  readonly #options: LoaderOptions<Rec>
  readonly #summary: LoadSummary = { nextOffset: 0, records: 0, bytes: 0 }
  readonly #unknownTypes = new Set<number>()
  #isStopped = false

  constructor(options: LoaderOptions<Rec>) {
    this.#options = options
  }

  stop(): void {
    this.#isStopped = true
  }

  /** `onDone` runs once, unless the loader is stopped before. */
  run(onDone: (error: LoadError | undefined, summary: LoadSummary) => void): void {
    const { log, partition } = this.#options
    const finish = (error?: unknown): void => {
      if (this.#isStopped) return
      this.#isStopped = true
      onDone(error === undefined || error instanceof LoadError ? error : new LoadError(String(error), { cause: error }), this.#summary)
    }
    const offsets = log.offsets(partition)
    if (offsets === undefined) {
      finish(new LoadError('this node does not lead the partition'))
      return
    }
    this.#summary.nextOffset = offsets.logStartOffset
    this.#options.onBatch(offsets.logStartOffset, offsets.highWatermark)
    this.#step(finish)
  }

  #step(finish: (error?: unknown) => void): void {
    if (this.#isStopped) return
    const { world, log, partition, bufferBytes } = this.#options
    const offsets = log.offsets(partition)
    if (offsets === undefined || this.#summary.nextOffset >= offsets.logEndOffset) {
      finish(offsets === undefined ? new LoadError('this node leads the partition no longer') : undefined)
      return
    }
    const onRead = (result: CoordinatorReadResult): void => {
      if (this.#isStopped) return
      try {
        if (this.#replay(result, offsets.highWatermark)) world.timers.schedule(0, () => this.#step(finish))
        else finish()
      } catch (error) {
        finish(error)
      }
    }
    const result = log.read(partition, this.#summary.nextOffset, Math.min(bufferBytes, SLICE_BYTES_MAX))
    if (result instanceof Promise) result.then(onRead, finish)
    else onRead(result)
  }

  /** False when there was nothing to replay. */
  #replay(result: CoordinatorReadResult, highWatermark: number): boolean {
    if (result.errorCode !== ErrorCode.NONE) throw new LoadError(`the log could not be read: error code ${result.errorCode}`)
    const bytes = result.buffers.length === 1 ? result.buffers[0] : Buffer.concat(result.buffers)
    if (bytes.length === 0) return false
    for (const batch of iterateBatches(bytes)) {
      if (batch.isControl) this.#replayControl(batch)
      else this.#replayData(batch)
      this.#summary.nextOffset = batch.lastOffset + 1
      this.#options.onBatch(this.#summary.nextOffset, highWatermark)
    }
    this.#summary.bytes += bytes.length
    return true
  }

  #replayControl(batch: RecordBatch): void {
    const { shard } = this.#options
    forEachRecord(batch, ({ key, value }) => {
      this.#summary.records++
      const type = key === null || value === null ? undefined : decodeControlRecord(key, value)?.type
      if (type === 'COMMIT' || type === 'ABORT') shard.replayEndTransactionMarker(batch.producerId, batch.producerEpoch, type === 'COMMIT')
    })
  }

  #replayData(batch: RecordBatch): void {
    const { shard, serde } = this.#options
    const producerId = batch.isTransactional ? batch.producerId : NO_PRODUCER_ID
    const producerEpoch = batch.isTransactional ? batch.producerEpoch : NO_PRODUCER_EPOCH
    forEachRecord(batch, ({ offset, key, value }) => {
      this.#summary.records++
      if (key === null) throw new LoadError(`the record at offset ${offset} has no key`)
      const record = serde.decode(key, value)
      if (record === undefined) this.#warnUnknown(key)
      else shard.replay(offset, producerId, producerEpoch, record)
    })
  }

  #warnUnknown(key: Buffer): void {
    const type = key.length >= 2 ? key.readInt16BE(0) : -1
    if (this.#unknownTypes.has(type)) return
    this.#unknownTypes.add(type)
    const { world, partition } = this.#options
    world.logger.log(
      'WARN',
      'kafka.coordinator.runtime',
      `partition ${partition} has records of the unknown type ${type}; they are kept in the log and otherwise ignored`
    )
  }
}
