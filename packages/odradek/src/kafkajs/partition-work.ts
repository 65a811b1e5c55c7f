// One partition of a consumer: what is to be processed of it, what is resolved, what is committed. Plain state.
import type { ConsumerRecord } from '@odradek/client'
import type { PartitionOffset } from './topic-offsets.ts'
import type { Batch, IHeaders, KafkaMessage } from './types.ts'

export class PartitionWork {
  readonly topic: string
  readonly partition: number
  /** What the last fetch gave, until it is processed. */
  batch: Batch | undefined
  /** Its processing, while that runs. */
  busy: Promise<void> | undefined
  /** Of the next message; undefined: nothing is resolved yet. */
  next: number | undefined
  committed: number | undefined
  /** Resolved since the last commit. */
  resolvedCount = 0
  /** Grows with each seek: what was fetched before one is stale. */
  version = 0
  failures = 0
  /** The group takes the partition away. */
  isLeaving = false

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  resolve(offset: string, version: number): void {
    const next = Number(offset) + 1
    if (!Number.isSafeInteger(next) || version !== this.version) return
    this.resolvedCount += 1
    this.next = next
  }

  seekTo(offset: number | undefined): void {
    this.version += 1
    this.batch = undefined
    this.next = offset
    this.committed = undefined
    this.failures = 0
  }

  get uncommitted(): PartitionOffset | undefined {
    if (this.next === undefined || this.next === this.committed) return undefined
    return { partition: this.partition, offset: String(this.next) }
  }
}

/** `lag`: messages behind the last of these. */
export function batchOf(topic: string, partition: number, records: readonly ConsumerRecord[], lag: number): Batch {
  const first = records[0].offset
  const last = records[records.length - 1].offset
  return {
    topic,
    partition,
    highWatermark: String(last + 1 + lag),
    messages: records.map(messageOf),
    isEmpty: () => records.length === 0,
    firstOffset: () => String(first),
    lastOffset: () => String(last),
    offsetLag: () => String(lag),
    offsetLagLow: () => String(last + lag - first)
  }
}

function messageOf(record: ConsumerRecord): KafkaMessage {
  const headers: IHeaders = {}
  for (const { key, value } of record.headers) {
    const before = headers[key]
    const bytes = value as Buffer
    headers[key] = before === undefined ? bytes : [before, bytes].flat()
  }
  return {
    key: record.key,
    value: record.value,
    timestamp: String(record.timestamp),
    attributes: 0,
    offset: String(record.offset),
    headers
  }
}
