import { RECORD_BATCH_OVERHEAD, recordSizeUpperBound } from '@odradek/protocol'
import type { TimerHandle } from '@odradek/world'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface EncodedRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** The records of one batch before it is written, and who waits for it. */
export class PendingBatch {
  readonly baseOffset: number
  readonly producer: ProducerIdentity
  readonly records: { key: Buffer; value: Buffer | null; timestamp: number }[] = []
  readonly completions: ((errorCode: number) => void)[] = []
  isFlushScheduled = false
  lingerAlarm: TimerHandle | undefined
  #sizeBytes = RECORD_BATCH_OVERHEAD

  constructor(baseOffset: number, producer: ProducerIdentity) {
    this.baseOffset = baseOffset
    this.producer = producer
  }

  /** An upper bound of the bytes that a batch of these records takes uncompressed. */
  static sizeOf(records: readonly EncodedRecord[]): number {
    let size = RECORD_BATCH_OVERHEAD
    for (const { key, value } of records) size += recordSizeUpperBound(key, value)
    return size
  }

  get nextOffset(): number {
    return this.baseOffset + this.records.length
  }

  hasRoomFor(sizeBytes: number, maxBytes: number): boolean {
    return this.#sizeBytes + sizeBytes - RECORD_BATCH_OVERHEAD <= maxBytes
  }

  add(record: EncodedRecord, timestamp: number): void {
    this.records.push({ key: record.key, value: record.value, timestamp })
    this.#sizeBytes += recordSizeUpperBound(record.key, record.value)
  }
}
