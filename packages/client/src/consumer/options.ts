// The options of a consumer: every setting of Kafka's, and what JavaScript can say better than a class name.
import type { ConsumerSettings } from '@odradek/config'
import type { Cluster } from '../network/cluster.ts'
import type { ClientOptions } from '../options.ts'
import type { Deserializer } from '../serdes/serde.ts'
import type { ConsumerAssignor } from './assignors/types.ts'
import type { ConsumerInterceptor } from './interceptors.ts'
import type { DeadLetterSender } from './run-options.ts'

type Replaced =
  | 'key.deserializer'
  | 'keyDeserializer'
  | 'value.deserializer'
  | 'valueDeserializer'
  | 'partition.assignment.strategy'
  | 'partitionAssignmentStrategy'
  | 'interceptor.classes'
  | 'interceptorClasses'

type Strategy = string | readonly (string | ConsumerAssignor)[]

export interface ConsumerOptions<K = Buffer, V = Buffer> extends Omit<ClientOptions<ConsumerSettings>, Replaced> {
  /** For topics that are named without their types. Default: the bytes. */
  readonly keyDeserializer?: Deserializer<K>
  readonly 'key.deserializer'?: Deserializer<K>
  readonly valueDeserializer?: Deserializer<V>
  readonly 'value.deserializer'?: Deserializer<V>
  /** By name (range, roundrobin, sticky, cooperative-sticky, Kafka's class names) or assignors of your own. */
  readonly partitionAssignmentStrategy?: Strategy
  readonly 'partition.assignment.strategy'?: Strategy
  readonly interceptorClasses?: readonly ConsumerInterceptor[]
  readonly 'interceptor.classes'?: readonly ConsumerInterceptor[]
  /** Bytes fetched ahead of the reader, all partitions together. Default: 32 MiB, or fetch.max.bytes where that is less. */
  readonly prefetchBytes?: number
}

export const ownConsumerOptions = ['prefetchBytes']

/** What the Kafka object gives to a consumer that it makes. */
export interface ConsumerInit {
  readonly cluster: Cluster
  readonly settings: ConsumerSettings
  /** Dotted names that the user gave. */
  readonly given: ReadonlySet<string>
  readonly prefetchBytes?: number
  readonly deadLetters?: () => DeadLetterSender
}
