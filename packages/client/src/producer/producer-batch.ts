// Records of one partition on their way, from the first append to the answer of the broker.
//
// Contract: open (records are appended) → sealed (bytes fixed; the producer id, epoch and sequence live in a header of its own) → done,
// once: acknowledged, failed, or split into smaller ones. Bytes given to a socket are never written to: a new sequence gets a new
// header buffer. Results are made when somebody asks: a record that nobody waits for costs one small object.
import { crc32c } from '@odradek/base'
import {
  BatchLayout,
  type BatchOptions,
  type CompressionType,
  NO_SEQUENCE,
  RECORD_BATCH_OVERHEAD,
  RecordBatchBuilder,
  type RecordInput
} from '@odradek/protocol'
import { KafkaError } from '../errors.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { RecordMetadata, SendCallback } from './types.ts'

export interface BatchSettings {
  readonly compression: CompressionType
  readonly compressionLevel: number | undefined
  readonly isTransactional: boolean
}

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export type Bytes = Buffer | string | null

export class ProducerBatch {
  readonly queue: PartitionQueue
  readonly createdMs: number
  readonly settings: BatchSettings
  /** Of buffer.memory. */
  reservedBytes = 0
  attempts = 0
  /** Not tried again before. */
  retryAtMs = 0
  isDone = false
  isInFlight = false
  error: KafkaError | undefined
  baseOffset = -1
  logAppendTimeMs = -1
  identity: ProducerIdentity | undefined
  baseSequence = NO_SEQUENCE
  /** Of the batches of its partition that got a sequence. */
  ordinal = -1
  /** The sequence was given anew after a failure: what the broker says of the old one is void. */
  isResequenced = false
  /** Where its records went when the broker found it too large. */
  parts: readonly ProducerBatch[] | undefined
  readonly #options: BatchOptions
  #builder: RecordBatchBuilder | undefined
  #header: Buffer | undefined
  #body: Buffer | undefined
  #count = 0
  #isHeaderStale = true
  #done: Promise<void> | undefined
  #resolveDone: (() => void) | undefined
  #observed = 0
  #lost: Promise<never> | undefined
  #reports: { index: number; timestamp: number; callback: SendCallback }[] | undefined
  #recordErrors: ReadonlyMap<number, KafkaError> | undefined

  constructor(queue: PartitionQueue, createdMs: number, settings: BatchSettings, initialBytes: number) {
    this.queue = queue
    this.createdMs = createdMs
    this.settings = settings
    const { compression, compressionLevel, isTransactional } = settings
    this.#options = { compression, compressionLevel, isTransactional }
    this.#builder = new RecordBatchBuilder(this.#options, initialBytes)
  }

  get count(): number {
    return this.#count
  }

  get isSealed(): boolean {
    return this.#builder === undefined
  }

  get hasSequence(): boolean {
    return this.baseSequence !== NO_SEQUENCE
  }

  /** Before compression while it is open, then as it is sent. */
  get sizeInBytes(): number {
    return this.#builder?.sizeInBytes ?? RECORD_BATCH_OVERHEAD + (this.#body as Buffer).length
  }

  append(timestamp: number, key: Bytes, value: Bytes, headers: RecordInput['headers']): number {
    ;(this.#builder as RecordBatchBuilder).append(timestamp, key, value, headers)
    return this.#count++
  }

  /** No record is added any more. */
  seal(): void {
    const builder = this.#builder
    if (builder === undefined) return
    const bytes = builder.close()
    this.#builder = undefined
    this.#header = bytes.subarray(0, RECORD_BATCH_OVERHEAD)
    this.#body = bytes.subarray(RECORD_BATCH_OVERHEAD)
    this.#isHeaderStale = false
  }

  /** The number of the batch in the stream of its producer. Before it is encoded, or again after a failure. */
  setSequence(identity: ProducerIdentity, baseSequence: number): void {
    this.isResequenced = this.hasSequence
    this.identity = identity
    this.baseSequence = baseSequence
    if (this.#builder === undefined) {
      this.#isHeaderStale = true
      return
    }
    this.#options.producerId = identity.producerId
    this.#options.producerEpoch = identity.producerEpoch
    this.#options.baseSequence = baseSequence
  }

  get lastSequence(): number {
    return addSequence(this.baseSequence, this.#count - 1)
  }

  /** The bytes to send; nothing writes to them afterwards. */
  encode(): readonly Buffer[] {
    this.seal()
    if (this.#isHeaderStale) this.#renewHeader()
    return [this.#header as Buffer, this.#body as Buffer]
  }

  #renewHeader(): void {
    const header = Buffer.from(this.#header as Buffer)
    const { producerId, producerEpoch } = this.identity as ProducerIdentity
    header.writeBigInt64BE(BigInt(producerId), BatchLayout.producerId)
    header.writeInt16BE(producerEpoch, BatchLayout.producerEpoch)
    header.writeInt32BE(this.baseSequence, BatchLayout.baseSequence)
    const seed = crc32c(header, BatchLayout.attributes, RECORD_BATCH_OVERHEAD)
    header.writeUInt32BE(crc32c(this.#body as Buffer, 0, (this.#body as Buffer).length, seed), BatchLayout.crc)
    this.#header = header
    this.#isHeaderStale = false
    // What the broker says from now on is about these numbers.
    this.isResequenced = false
  }

  // ---- results

  acknowledge(baseOffset: number, logAppendTimeMs: number): void {
    this.baseOffset = baseOffset
    this.logAppendTimeMs = logAppendTimeMs
    this.#finish()
  }

  /** `recordErrors`: what was wrong with single records, by their place in the batch. */
  fail(error: KafkaError, recordErrors?: ReadonlyMap<number, KafkaError>): void {
    if (this.isDone) return
    this.error = error
    this.#recordErrors = recordErrors
    this.#finish()
    // As a promise that nobody handles: a lost record does not pass in silence. Once a batch; a transaction tells at its commit.
    if (this.#observed < this.#count && !this.settings.isTransactional) this.#lost = Promise.reject(error)
  }

  replaceBy(parts: readonly ProducerBatch[]): void {
    this.parts = parts
    this.#finish()
    // Records of this batch that nobody waits for are those of its parts.
    let unobserved = this.#count - this.#observed
    for (const part of parts) {
      const own = Math.min(unobserved, part.#count)
      part.#observed = part.#count - own
      unobserved -= own
    }
  }

  /** A record of the batch has somebody who learns how it ends. As with any promise, until the end of the turn in which it failed. */
  observe(records = 1): void {
    this.#observed += records
    if (this.#observed >= this.#count) this.#lost?.catch(() => {})
  }

  /** Resolves when the batch is done, however. */
  done(): Promise<void> {
    this.#done ??= this.isDone
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#resolveDone = resolve
        })
    return this.#done
  }

  /** Calls back when the outcome of the record at `index` is known: one promise for all of them. */
  report(index: number, timestamp: number, callback: SendCallback): void {
    this.observe()
    if (this.#reports === undefined) {
      this.#reports = []
      this.done().then(() => this.#tell())
    }
    this.#reports.push({ index, timestamp, callback })
  }

  #tell(): void {
    const reports = this.#reports ?? []
    this.#reports = undefined
    for (const { index, timestamp, callback } of reports) {
      const outcome = this.outcome(index, timestamp)
      if ('batch' in outcome) {
        // It was observed here already, and with it its place in the part.
        outcome.batch.#observed--
        outcome.batch.report(outcome.index, timestamp, callback)
        continue
      }
      try {
        if (outcome instanceof KafkaError) callback(outcome, null)
        else callback(null, outcome)
      } catch (error) {
        // What a callback throws is told as what a promise's would: the other records are not its matter.
        Promise.reject(error)
      }
    }
  }

  /** Resolves when it and all it was split into are done. */
  async settled(): Promise<void> {
    await this.done()
    for (const part of this.parts ?? []) await part.settled()
  }

  /** Of the record at `index`, once the batch is done: where it went, its error, or the place in the batch that took it over. */
  outcome(index: number, timestamp: number): RecordMetadata | KafkaError | { batch: ProducerBatch; index: number } {
    if (this.parts !== undefined) {
      let at = index
      for (const batch of this.parts) {
        if (at < batch.count) return { batch, index: at }
        at -= batch.count
      }
    }
    if (this.error !== undefined) return this.#recordErrors?.get(index) ?? this.error
    const { topic, partition } = this.queue
    return {
      topic,
      partition,
      offset: this.baseOffset < 0 ? -1 : this.baseOffset + index,
      timestamp: this.logAppendTimeMs >= 0 ? this.logAppendTimeMs : timestamp
    }
  }

  #finish(): void {
    this.isDone = true
    this.#resolveDone?.()
    this.#builder = undefined
  }
}

/** Sequences count modulo 2^31. */
export function addSequence(sequence: number, count: number): number {
  return (sequence + count) % 2 ** 31
}
