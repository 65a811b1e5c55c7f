// One object for all that both sides of a topic must agree on: its name, its types and serdes, and how it is made.
import { aKind, invalidConfig } from './options.ts'
import type { Deserializer, Serde, Serializer } from './serdes/serde.ts'

export interface Topic<K = Buffer, V = Buffer, KeyIn = K, ValueIn = V> {
  readonly name: string
  readonly key: Serde<K, KeyIn>
  readonly value: Serde<V, ValueIn>
  /** Settings for whoever creates it; the client itself does not. */
  readonly config: TopicCreation
}

export interface TopicCreation {
  readonly numPartitions?: number
  readonly replicationFactor?: number
  /** By Kafka's names: `{ 'cleanup.policy': 'compact' }`. */
  readonly configs?: Readonly<Record<string, string | number | boolean>>
}

export interface TopicOptions<K, V, KeyIn, ValueIn> {
  /** Default: the bytes. */
  readonly key?: Serde<K, KeyIn>
  readonly value?: Serde<V, ValueIn>
  readonly config?: TopicCreation
}

/** What a key or value may be where no serde is named. */
export type Raw = Uint8Array | string

/** Text is written as UTF-8, bytes as they are; read as bytes. */
export const raw: Serializer<Raw> & Deserializer<Buffer> = {
  serialize(value) {
    if (typeof value === 'string' || value instanceof Uint8Array) return value
    throw invalidConfig(`A key or value is ${aKind(value)}: give text or bytes, or name a serde with topic() or value.serializer`)
  },
  deserialize: (bytes) => bytes
}

/** Throws INVALID_CONFIG for a name that no topic can have. */
export function topic<K = Buffer, V = Buffer, KeyIn = Buffer extends K ? Raw : K, ValueIn = Buffer extends V ? Raw : V>(
  name: string,
  options: TopicOptions<K, V, KeyIn, ValueIn> = {}
): Topic<K, V, KeyIn, ValueIn> {
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..')
    throw invalidConfig(`"${name}" is no name of a topic: 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'`)
  const key = (options.key ?? raw) as Serde<K, KeyIn>
  const value = (options.value ?? raw) as Serde<V, ValueIn>
  return { name, key, value, config: options.config ?? {} }
}
