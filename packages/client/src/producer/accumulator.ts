// Records that wait to be sent: batches per partition, within one bound of bytes.
//
// Contract: plain state, no I/O, time comes in. A record is appended to the last batch of its partition or begins a new one; when
// buffer.memory is full `append` says so and changes nothing. A batch is ready when it is full, when linger.ms has passed, when
// somebody flushes or memory is short; one that failed is ready after its back-off and stays in front of those behind it.
// Memory is given back when a batch is done, not when it is sent: the bytes are the socket's until then.
import {
  type CompressionType,
  decodeRecords,
  MAX_RECORD_OVERHEAD,
  RECORD_BATCH_OVERHEAD,
  RecordBatch,
  type RecordInput
} from '@odradek/protocol'
import type { PartitionQueue } from './partition-queue.ts'
import { type BatchSettings, type Bytes, ProducerBatch } from './producer-batch.ts'

export interface AccumulatorOptions {
  /** batch.size */
  readonly batchBytes: number
  readonly lingerMs: number
  /** buffer.memory */
  readonly memoryBytes: number
  /** max.request.size */
  readonly requestBytesMax: number
  readonly deliveryTimeoutMs: number
  readonly compression: CompressionType
  readonly compressionLevel: number | undefined
  readonly isTransactional: boolean
}

/** Where a record went. */
export interface Appended {
  readonly batch: ProducerBatch
  readonly index: number
}

const FIRST_BATCH_BYTES = 1024
/** Batches that compress well take more records, but not without end. */
const RATIO_MIN = 0.1
const RATIO_SLACK = 1.05
const RATIO_STEP = 0.005

export class Accumulator {
  readonly #options: AccumulatorOptions
  readonly #settings: BatchSettings
  /** Queues with batches that wait. */
  readonly active = new Set<PartitionQueue>()
  /** All batches that are not done, sent or not. */
  readonly incomplete = new Set<ProducerBatch>()
  #usedBytes = 0
  /** Flushes under way: everything is ready. */
  flushes = 0
  /** Senders wait for memory: what there is leaves now. */
  isShort = false

  constructor(options: AccumulatorOptions) {
    this.#options = options
    const { compression, compressionLevel, isTransactional } = options
    this.#settings = { compression, compressionLevel, isTransactional }
  }

  get availableBytes(): number {
    return Math.max(0, this.#options.memoryBytes - this.#usedBytes)
  }

  get isEmpty(): boolean {
    return this.incomplete.size === 0
  }

  /** undefined: no memory now. `sizeMax` is what the record takes at most. */
  append(
    queue: PartitionQueue,
    now: number,
    record: { timestamp: number; key: Bytes; value: Bytes; headers: RecordInput['headers']; sizeMax: number }
  ): Appended | undefined {
    const { sizeMax } = record
    let batch: ProducerBatch | undefined = queue.batches.at(-1)
    if (batch === undefined || !this.#hasRoom(batch, sizeMax)) batch = this.#open(queue, now, sizeMax)
    if (batch === undefined) return undefined
    const index = batch.append(record.timestamp, record.key, record.value, record.headers)
    return { batch, index }
  }

  /** The first batch of the queue is to be sent now. */
  isReady(queue: PartitionQueue, now: number): boolean {
    const first = queue.batches[0]
    if (first === undefined) return false
    if (first.attempts > 0) return now >= first.retryAtMs
    if (this.flushes > 0 || this.isShort || queue.batches.length > 1 || first.isSealed) return true
    return now - first.createdMs >= this.#options.lingerMs || this.isFull(first)
  }

  /** When the first batch of the queue will be ready by the clock alone. */
  readyAtMs(queue: PartitionQueue): number {
    const [first] = queue.batches
    return first.attempts > 0 ? first.retryAtMs : first.createdMs + this.#options.lingerMs
  }

  deadlineMs(batch: ProducerBatch): number {
    return batch.createdMs + this.#options.deliveryTimeoutMs
  }

  /** Takes the first batch off its queue, to be sent. */
  take(queue: PartitionQueue): ProducerBatch {
    const batch = queue.batches.shift() as ProducerBatch
    if (queue.batches.length === 0) this.active.delete(queue)
    const before = batch.sizeInBytes
    if (!batch.isSealed) {
      batch.seal()
      queue.sizeHint = before
      this.#learnRatio(queue, batch.sizeInBytes / before)
    }
    return batch
  }

  /** Back to where it was, to be sent again. */
  putBack(batch: ProducerBatch): void {
    const { queue } = batch
    // By age and, where they have one, by sequence: several may come back, in any order.
    let at = 0
    while (at < queue.batches.length && queue.batches[at].attempts > 0 && isBefore(queue, queue.batches[at], batch)) at++
    queue.batches.splice(at, 0, batch)
    this.active.add(queue)
  }

  /** Off its queue, if it is there: it failed before it was sent again. */
  remove(batch: ProducerBatch): void {
    const { queue } = batch
    const at = queue.batches.indexOf(batch)
    if (at >= 0) queue.batches.splice(at, 1)
    if (queue.batches.length === 0) this.active.delete(queue)
  }

  /** The batch is done: its memory is free. */
  release(batch: ProducerBatch): void {
    if (!this.incomplete.delete(batch)) return
    this.#usedBytes -= batch.reservedBytes
  }

  /** Batches of at most batch.size instead of one that the broker found too large. They take over its memory, and are in no queue yet. */
  split(batch: ProducerBatch, now: number): ProducerBatch[] {
    const { queue } = batch
    const bytes = Buffer.concat(batch.encode())
    const records = decodeRecords(new RecordBatch(bytes, 0), { outputBytesMax: Number.MAX_SAFE_INTEGER })
    const bytesMax = Math.max(1, Math.min(this.#options.batchBytes, Math.floor(batch.sizeInBytes / 2)))
    const parts: ProducerBatch[] = []
    for (const { timestamp, key, value, headers } of records) {
      const sizeMax = MAX_RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0) + headersSize(headers)
      let part = parts.at(-1)
      if (part === undefined || part.sizeInBytes + sizeMax > bytesMax) {
        part = new ProducerBatch(queue, batch.createdMs, this.#settings, RECORD_BATCH_OVERHEAD + sizeMax)
        parts.push(part)
      }
      part.append(timestamp, key, value, headers)
    }
    this.incomplete.delete(batch)
    for (const part of parts) {
      part.seal()
      part.attempts = batch.attempts
      part.retryAtMs = now
      part.reservedBytes = batch.reservedBytes / parts.length
      this.incomplete.add(part)
    }
    queue.compressionRatio = 1
    return parts
  }

  #hasRoom(batch: ProducerBatch, sizeMax: number): boolean {
    if (batch.isSealed || batch.attempts > 0) return false
    const size = batch.sizeInBytes + sizeMax
    if (size > this.#batchBytesMax(batch.queue)) return false
    return size <= batch.reservedBytes || this.#reserve(batch, size)
  }

  /** It takes no other record, however small. */
  isFull(batch: ProducerBatch): boolean {
    return batch.sizeInBytes + MAX_RECORD_OVERHEAD > this.#batchBytesMax(batch.queue)
  }

  /** Uncompressed bytes that make a batch of about batch.size. */
  #batchBytesMax(queue: PartitionQueue): number {
    const { batchBytes, compression, requestBytesMax } = this.#options
    if (compression === 'none') return batchBytes
    return Math.max(batchBytes, Math.min(requestBytesMax, batchBytes / Math.max(RATIO_MIN, queue.compressionRatio * RATIO_SLACK)))
  }

  #reserve(batch: ProducerBatch, size: number): boolean {
    const more = Math.max(
      size - batch.reservedBytes,
      Math.min(this.#options.batchBytes, this.#batchBytesMax(batch.queue) - batch.reservedBytes)
    )
    if (more > this.availableBytes) return false
    batch.reservedBytes += more
    this.#usedBytes += more
    return true
  }

  #open(queue: PartitionQueue, now: number, sizeMax: number): ProducerBatch | undefined {
    const reservedBytes = Math.max(this.#options.batchBytes, RECORD_BATCH_OVERHEAD + sizeMax)
    // One record as large as all the memory still goes, alone.
    if (reservedBytes > this.availableBytes && this.#usedBytes > 0) return undefined
    const initialBytes = Math.max(
      RECORD_BATCH_OVERHEAD + sizeMax,
      FIRST_BATCH_BYTES,
      Math.min(queue.sizeHint + 64, this.#batchBytesMax(queue))
    )
    const batch = new ProducerBatch(queue, now, this.#settings, initialBytes)
    batch.reservedBytes = reservedBytes
    this.#usedBytes += reservedBytes
    queue.batches.push(batch)
    this.active.add(queue)
    this.incomplete.add(batch)
    return batch
  }

  /** Quick to believe that batches compress worse, slow to believe that they compress better. */
  #learnRatio(queue: PartitionQueue, ratio: number): void {
    const old = queue.compressionRatio
    queue.compressionRatio = ratio > old ? Math.max(old + 0.05, ratio) : Math.max(old - RATIO_STEP, ratio)
  }
}

function isBefore(queue: PartitionQueue, a: ProducerBatch, b: ProducerBatch): boolean {
  if (a.hasSequence && b.hasSequence) return queue.outstanding.indexOf(a) < queue.outstanding.indexOf(b)
  return a.createdMs <= b.createdMs
}

function headersSize(headers: readonly { key: string; value: Buffer | null }[]): number {
  let size = 0
  for (const { key, value } of headers) size += 10 + Buffer.byteLength(key) + (value?.length ?? 0)
  return size
}
