// The options of a share consumer, and words that its users see.
import type { ShareConsumerSettings } from '@odradek/config'
import type { ConsumerRecord } from '../consumer/record.ts'
import type { KafkaError } from '../errors.ts'
import type { ClientOptions } from '../options.ts'
import type { Deserializer } from '../serdes/serde.ts'
import type { TopicPartition } from '../types.ts'
import type { Acknowledgement } from './acknowledgements.ts'

type Replaced = 'key.deserializer' | 'keyDeserializer' | 'value.deserializer' | 'valueDeserializer'

export interface ShareConsumerOptions<K = Buffer, V = Buffer> extends Omit<ClientOptions<ShareConsumerSettings>, Replaced> {
  /** For topics that are named without their types. Default: the bytes. */
  readonly keyDeserializer?: Deserializer<K>
  readonly 'key.deserializer'?: Deserializer<K>
  readonly valueDeserializer?: Deserializer<V>
  readonly 'value.deserializer'?: Deserializer<V>
}

export interface AcknowledgedOffsets extends TopicPartition {
  readonly offsets: readonly number[]
}

/** The broker has answered for these records; with an error, they will be delivered again (or were, to another consumer). */
export type AcknowledgementCommitCallback = (acknowledged: AcknowledgedOffsets, error: KafkaError | undefined) => void

export interface ShareStreamOptions {
  /** Ends the loop without an error. */
  readonly signal?: AbortSignal
  /** auto: a record is accepted when the next one is asked for, unless it was acknowledged otherwise. manual: only by acknowledge or `record.ack()`. */
  readonly ack?: 'auto' | 'manual'
}

export interface ShareHandlerContext {
  /** Aborts when the run ends. */
  readonly signal: AbortSignal
}

/** 'release' and 'reject' are said to the broker when it returns them; anything else accepts. */
export type ShareHandler<K, V> = (record: ConsumerRecord<K, V>, context: ShareHandlerContext) => unknown

export type ShareVerdict = Exclude<Acknowledgement, 'renew'>

export interface ShareRunOptions<K = Buffer, V = Buffer> {
  readonly signal?: AbortSignal
  /** Handlers at once. Default 1. */
  readonly concurrency?: number
  /** What becomes of a record whose handler threw. Default: a warning, and release: it comes again, until its delivery count is used up. */
  readonly onError?: (error: unknown, record: ConsumerRecord<K, V>) => ShareVerdict
  /** How long handlers that still run may take once the signal has aborted, ms; then the run rejects. Default 30 000. */
  readonly endTimeoutMs?: number
}
