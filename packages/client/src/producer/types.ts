// What users of a producer see.
import type { Topic } from '../topic.ts'
import type { CallOptions } from '../types.ts'

/** A topic by its name, with text and bytes as they are (or the serializers of the producer), or with its types. */
export type TopicLike<K, V> = string | Pick<Topic<unknown, unknown, K, V>, 'name' | 'key' | 'value'>

/** Text is written as UTF-8. */
export type HeaderValue = Uint8Array | string | null

export interface Header {
  readonly key: string
  readonly value: HeaderValue
}

/** By name, with a list for a name that is there more than once; or a list in the order of the wire, duplicates kept. */
export type Headers = Readonly<Record<string, HeaderValue | readonly HeaderValue[]>> | readonly Header[]

export interface ProducerRecord<K, V> {
  /** Default: by the key, else the sticky partition. */
  readonly partition?: number
  /** null or left out: no key. An empty key is a key. */
  readonly key?: K | null
  /** null: a tombstone. An empty value is a value. */
  readonly value: V | null
  readonly headers?: Headers
  /** ms. Default: now. */
  readonly timestamp?: number
}

export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** -1: the broker does not tell (acks=0, or a retry whose first try had succeeded after all). */
  readonly offset: number
  /** ms: the record's, or the broker's where the topic has LogAppendTime. */
  readonly timestamp: number
}

export type SendCallback = (error: Error | null, metadata: RecordMetadata | null) => void

export type SendOptions = Pick<CallOptions, 'signal'>

/** A record as serialized: what partitioners and interceptors see of it. */
export interface PartitionerContext {
  readonly topic: string
  /** As given to send. */
  readonly key: unknown
  readonly value: unknown
  readonly keyBytes: Buffer | null
  readonly valueBytes: Buffer | null
  /** 0 … count - 1 */
  readonly partitionCount: number
  /** Those that have a leader now. */
  readonly availablePartitions: readonly number[]
}

export type Partitioner = (context: PartitionerContext) => number

export interface OutgoingRecord extends ProducerRecord<unknown, unknown> {
  readonly topic: string
}

/** Errors thrown here are logged and change nothing. */
export interface ProducerInterceptor {
  /** Before serializing. Returns the record to send instead. */
  onSend?(record: OutgoingRecord): OutgoingRecord
  /** With an error `offset` and `timestamp` are -1, and `partition` too where none was found. */
  onAcknowledgement?(metadata: RecordMetadata, error: Error | null): void
  close?(): void
}

/** Which member of the group consumed: without it a zombie is not fenced. */
export interface GroupMetadata {
  readonly groupId: string
  readonly generationId?: number
  readonly memberId?: string
  readonly groupInstanceId?: string | null
}
