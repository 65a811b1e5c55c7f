// The bytes of one partition in one answer to Fetch, walked batch by batch: CRC, control batches, aborted transactions
// (read_committed), all codecs, all formats. Synchronous and lazy: work is done for what `take` is asked for.
//
// A batch may begin before the offset that was asked for; records before it are passed over. After a batch the next offset is the
// one after its last offset, though the log cleaner may have removed that record. Damage is an error at the offset where it is met;
// what lies before it was handed out.
import {
  DEFAULT_OUTPUT_BYTES_MAX,
  decodeControlRecords,
  decompress,
  ErrorCode,
  type FetchResponse,
  forEachRecord,
  nextBatch,
  type RecordBatch,
  RecordDecodeError,
  RecordReader
} from '@odradek/protocol'
import { KafkaError } from '../errors.ts'
import type { Deserializer } from '../serdes/serde.ts'
import type { PartitionState } from './partition-state.ts'
import { ConsumerRecord, legacyRecord, type RecordSource } from './record.ts'

export type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]

export interface DecodeSettings {
  readonly checksCrc: boolean
  readonly isReadCommitted: boolean
  /** Decompressed bytes allowed for one batch. */
  readonly outputBytesMax?: number
}

export interface Deserializers<K, V> {
  readonly key?: Deserializer<K>
  readonly value?: Deserializer<V>
}

/** What records call back, where that is not the accounting of `unfinished`. */
export type RecordHooks = Required<Pick<RecordSource<unknown, unknown>, 'onAck' | 'deliveryCountOf'>>

const RECORDS_AT = 61

export class FetchedRecords {
  readonly state: PartitionState
  /** `fetchVersion` of the state when the answer came. */
  readonly version: number
  readonly sizeInBytes: number
  /** Where the walk stands. */
  nextOffset: number
  /** Of the last batch that was begun; -1: none. */
  lastEpoch = -1
  /** One after the last offset in these bytes. */
  readonly endOffset: number
  readonly #bytes: Buffer
  readonly #settings: DecodeSettings
  readonly #hooks: RecordHooks | undefined
  readonly #aborted: { producerId: number; firstOffset: number }[]
  readonly #abortedProducers = new Set<number>()
  #position = 0
  #batch: RecordBatch | undefined
  #reader: RecordReader | undefined
  #source: RecordSource<unknown, unknown> | undefined
  #legacy: ConsumerRecord<unknown, unknown>[] | undefined
  #read = 0

  constructor(
    state: PartitionState,
    fetchOffset: number,
    data: Pick<FetchedPartition, 'records' | 'abortedTransactions'>,
    settings: DecodeSettings,
    hooks?: RecordHooks
  ) {
    this.state = state
    this.#hooks = hooks
    this.version = state.fetchVersion
    this.nextOffset = fetchOffset
    this.#bytes = data.records ?? Buffer.alloc(0)
    this.sizeInBytes = this.#bytes.length
    this.#settings = settings
    this.#aborted = (data.abortedTransactions ?? []).toSorted((a, b) => a.firstOffset - b.firstOffset)
    this.endOffset = endOf(this.#bytes, fetchOffset)
  }

  get isStale(): boolean {
    return this.state.isGone || this.state.fetchVersion !== this.version
  }

  get isDrained(): boolean {
    return this.#batch === undefined && this.#position >= this.#bytes.length
  }

  /** Appends up to `max` records to `out`. Throws KafkaError CORRUPT_MESSAGE (or what the damage is) only when it has appended none. */
  take<K, V>(max: number, deserializers: Deserializers<K, V>, out: ConsumerRecord<K, V>[]): number {
    const start = out.length
    try {
      while (out.length - start < max) {
        if (this.#batch === undefined && !this.#openBatch(deserializers)) break
        this.#takeFromBatch(max - (out.length - start), out as ConsumerRecord<unknown, unknown>[])
      }
    } catch (error) {
      if (out.length === start) throw this.#failure(error)
    }
    return out.length - start
  }

  #takeFromBatch(max: number, out: ConsumerRecord<unknown, unknown>[]): void {
    const batch = this.#batch as RecordBatch
    const reader = this.#reader
    if (reader === undefined) {
      const legacy = this.#legacy ?? []
      for (let taken = 0; taken < max && this.#read < legacy.length; taken++) {
        const record = legacy[this.#read++]
        out.push(record)
        this.nextOffset = record.offset + 1
      }
      if (this.#read === legacy.length)
        this.#closeBatch(batch.magic < 2 ? Math.max(this.nextOffset, batch.lastOffset + 1) : batch.nextOffset)
      return
    }
    const source = this.#source as RecordSource<unknown, unknown>
    this.lastEpoch = batch.partitionLeaderEpoch
    const { baseOffset, baseTimestamp, isLogAppendTime, maxTimestamp, count } = batch
    let left = max
    while (this.#read < count && left > 0) {
      reader.next()
      this.#read++
      const offset = baseOffset + reader.offsetDelta
      if (offset < this.nextOffset) continue
      out.push(new ConsumerRecord(source, offset, isLogAppendTime ? maxTimestamp : baseTimestamp + reader.timestampDelta, reader))
      this.nextOffset = offset + 1
      left--
    }
    if (this.#read < count) return
    if (!reader.isAtEnd) throw new RecordDecodeError(ErrorCode.INVALID_RECORD, 'records are left behind the number that the batch declares')
    this.#closeBatch(batch.nextOffset)
  }

  #closeBatch(nextOffset: number): void {
    this.lastEpoch = (this.#batch as RecordBatch).partitionLeaderEpoch
    if (nextOffset > this.nextOffset) this.nextOffset = nextOffset
    this.#batch = undefined
    this.#reader = undefined
    this.#legacy = undefined
    this.#source = undefined
  }

  /** The next batch with records to hand out; false: there is none. */
  #openBatch<K, V>(deserializers: Deserializers<K, V>): boolean {
    for (;;) {
      const batch = nextBatch(this.#bytes, this.#position, this.#bytes.length)
      if (batch === undefined) {
        // Brokers cut the answer at its size limit.
        this.#position = this.#bytes.length
        return false
      }
      if (this.#settings.checksCrc) batch.ensureValid()
      this.#batch = batch
      this.#read = 0
      // Markers too: one whose records lie before these bytes ends its transaction all the same.
      const isAborted = this.#isAborted(batch)
      const isSkipped = batch.isControl || (batch.magic >= 2 && batch.nextOffset <= this.nextOffset) || isAborted
      if (batch.isControl) this.#noteMarker(batch)
      this.#position += batch.sizeInBytes
      if (isSkipped) {
        this.#closeBatch(batch.nextOffset)
        continue
      }
      this.#openRecords(batch, deserializers)
      return true
    }
  }

  #openRecords<K, V>(batch: RecordBatch, { key, value }: Deserializers<K, V>): void {
    const { topic, partition } = this.state
    const { state } = this
    const { version } = state
    const hooks = this.#hooks ?? {
      onAck(offset: number): void {
        if (state.version === version) state.unfinished.finish(offset)
      }
    }
    const { partitionLeaderEpoch: leaderEpoch, timestampType } = batch
    const source: RecordSource<unknown, unknown> = { topic, partition, leaderEpoch, timestampType, key, value, ...hooks }
    this.#source = source
    const outputBytesMax = this.#settings.outputBytesMax ?? DEFAULT_OUTPUT_BYTES_MAX
    if (batch.magic < 2) {
      const records: ConsumerRecord<unknown, unknown>[] = []
      const visit = (record: Parameters<typeof legacyRecord>[1]): void => {
        if (record.offset >= this.nextOffset) records.push(legacyRecord(source, record))
      }
      forEachRecord(batch, visit, { outputBytesMax })
      this.#legacy = records
      return
    }
    if (batch.count < 0) throw new RecordDecodeError(ErrorCode.INVALID_RECORD, `a batch declares ${batch.count} records`)
    if (!batch.isCompressed) {
      this.#reader = new RecordReader(batch.buffer, batch.position + RECORDS_AT, batch.end)
      return
    }
    const compressed = batch.buffer.subarray(batch.position + RECORDS_AT, batch.end)
    const bytes = batch.count === 0 ? Buffer.alloc(0) : decompress(batch.compression, compressed, { outputBytesMax })
    this.#reader = new RecordReader(bytes, 0, bytes.length)
  }

  /** The broker lists the aborted transactions that reach into these bytes by their first offsets; markers end them. */
  #isAborted(batch: RecordBatch): boolean {
    if (!this.#settings.isReadCommitted || !batch.hasProducerId) return false
    while (this.#aborted.length > 0 && this.#aborted[0].firstOffset <= batch.lastOffset)
      this.#abortedProducers.add((this.#aborted.shift() as { producerId: number }).producerId)
    return batch.isTransactional && this.#abortedProducers.has(batch.producerId)
  }

  #noteMarker(batch: RecordBatch): void {
    if (!this.#settings.isReadCommitted) return
    const [marker] = decodeControlRecords(batch)
    if (marker?.record.type === 'ABORT') this.#abortedProducers.delete(batch.producerId)
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof RecordDecodeError)) return error
    const at = `${this.state.key} at offset ${this.nextOffset}`
    const message = `The bytes of ${at} cannot be read (seek past them to go on): ${error.message}`
    return new KafkaError(error.errorCode, { message, cause: error, retriable: false })
  }
}

/** By the headers alone; a damaged or cut one ends the walk. */
function endOf(bytes: Buffer, fetchOffset: number): number {
  let end = fetchOffset
  try {
    for (let position = 0; ; ) {
      const batch = nextBatch(bytes, position, bytes.length)
      if (batch === undefined) return end
      end = Math.max(end, batch.nextOffset)
      position += batch.sizeInBytes
    }
  } catch (error) {
    if (error instanceof RecordDecodeError) return end
    throw error
  }
}
