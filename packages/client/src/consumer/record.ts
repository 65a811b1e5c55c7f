// One record as the consumer hands it out: a view. Key, value and headers are read from the bytes of the answer when they are asked
// for, so that a record costs one small object. The bytes stay in memory as long as one record of them does: keep what a getter
// gives (`Buffer.from(record.rawValue)` for a copy), not the record, when only a few of many are kept for long.
import { type KafkaRecord, type RecordHeader, RecordReader, type TimestampType } from '@odradek/protocol'
import type { Deserializer } from '../serdes/serde.ts'

/** What the records of one batch share. */
export interface RecordSource<K, V> {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly timestampType: TimestampType
  readonly key: Deserializer<K> | undefined
  readonly value: Deserializer<V> | undefined
  readonly onAck: ((offset: number) => void) | undefined
  readonly deliveryCountOf?: ((offset: number) => number) | undefined
}

const noHeaders: readonly RecordHeader[] = Object.freeze([])

export class ConsumerRecord<K = Buffer, V = Buffer> {
  readonly offset: number
  /** ms */
  readonly timestamp: number
  private readonly source: RecordSource<K, V>
  private readonly buffer: Buffer
  private readonly keyStart: number
  private readonly keyLength: number
  private readonly valueStart: number
  private readonly valueLength: number
  /** With the count of the headers before them; the headers themselves for records of old formats. */
  private readonly headersStart: number
  private readonly headerCount: number
  private readonly given: readonly RecordHeader[] | undefined

  constructor(
    source: RecordSource<K, V>,
    offset: number,
    timestamp: number,
    at: Pick<RecordReader, 'buffer' | 'keyStart' | 'keyLength' | 'valueStart' | 'valueLength' | 'headersStart' | 'headerCount'>,
    headers?: readonly RecordHeader[]
  ) {
    this.offset = offset
    this.timestamp = timestamp
    this.source = source
    this.buffer = at.buffer
    this.keyStart = at.keyStart
    this.keyLength = at.keyLength
    this.valueStart = at.valueStart
    this.valueLength = at.valueLength
    this.headersStart = at.headersStart
    this.headerCount = at.headerCount
    this.given = headers
  }

  get topic(): string {
    return this.source.topic
  }

  get partition(): number {
    return this.source.partition
  }

  /** Of the leader that appended the record; undefined when the broker does not tell. */
  get leaderEpoch(): number | undefined {
    return this.source.leaderEpoch < 0 ? undefined : this.source.leaderEpoch
  }

  /** From 1; of records of share groups only. */
  get deliveryCount(): number | undefined {
    return this.source.deliveryCountOf?.(this.offset)
  }

  get timestampType(): TimestampType {
    return this.source.timestampType
  }

  /** A view into the answer of the broker. */
  get rawKey(): Buffer | null {
    return this.keyLength < 0 ? null : this.buffer.subarray(this.keyStart, this.keyStart + this.keyLength)
  }

  /** A view into the answer of the broker. null: a tombstone. */
  get rawValue(): Buffer | null {
    return this.valueLength < 0 ? null : this.buffer.subarray(this.valueStart, this.valueStart + this.valueLength)
  }

  /** Deserialized at each use; null: the record has no key. */
  get key(): K | null {
    const { key, topic } = this.source
    const bytes = this.rawKey
    return bytes === null || key === undefined ? (bytes as K | null) : key.deserialize(bytes, topic)
  }

  /** Deserialized at each use; null: a tombstone. */
  get value(): V | null {
    const { value, topic } = this.source
    const bytes = this.rawValue
    return bytes === null || value === undefined ? (bytes as V | null) : value.deserialize(bytes, topic)
  }

  /** In the order of the record; names may repeat. */
  get headers(): readonly RecordHeader[] {
    if (this.given !== undefined) return this.given
    return this.headerCount === 0 ? noHeaders : readHeaders(this.buffer, this.headersStart, this.headerCount)
  }

  /** The value of the last header of the name; undefined: there is none. */
  header(name: string): Buffer | null | undefined {
    return this.headers.findLast(({ key }) => key === name)?.value
  }

  /** Bytes; -1 for null. */
  get serializedKeySize(): number {
    return Math.max(-1, this.keyLength)
  }

  get serializedValueSize(): number {
    return Math.max(-1, this.valueLength)
  }

  /** The record is finished: it and all before it that are finished may be committed. */
  ack(): void {
    this.source.onAck?.(this.offset)
  }

  toJSON(): object {
    const { topic, partition, offset, timestamp, key, value, headers } = this
    return { topic, partition, offset, timestamp, key, value, headers }
  }
}

function readHeaders(buffer: Buffer, start: number, count: number): RecordHeader[] {
  const reader = new RecordReader(buffer, start, buffer.length)
  const headers: RecordHeader[] = []
  for (let i = 0; i < count; i++) {
    const keyLength = reader.varint(true)
    const key = buffer.toString('utf8', reader.position, reader.position + keyLength)
    reader.position += keyLength
    const length = reader.varint(true)
    const value = length < 0 ? null : buffer.subarray(reader.position, reader.position + length)
    reader.position += Math.max(0, length)
    headers.push({ key, value })
  }
  return headers
}

/** A record of the formats before 2, whose reader makes objects. */
export function legacyRecord<K, V>(source: RecordSource<K, V>, record: KafkaRecord): ConsumerRecord<K, V> {
  const { key, value, offset, timestamp, headers } = record
  const buffer = Buffer.concat([key ?? Buffer.alloc(0), value ?? Buffer.alloc(0)])
  const keyLength = key === null ? -1 : key.length
  const valueStart = Math.max(0, keyLength)
  const at = {
    buffer,
    keyStart: 0,
    keyLength,
    valueStart,
    valueLength: value === null ? -1 : value.length,
    headersStart: 0,
    headerCount: 0
  }
  return new ConsumerRecord(source, offset, timestamp, at, headers)
}
