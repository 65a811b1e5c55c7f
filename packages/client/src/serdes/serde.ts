// How values become bytes and come back. Contract: null is never passed in or out of here: a null key or value is null in the record
// and an empty one is empty, whatever the serde. Synchronous; what a serializer returns is not written to again by anybody.
import { ErrorCode } from '@odradek/protocol'
import { KafkaError } from '../errors.ts'

/** Text is written as UTF-8, which saves a buffer. */
export type Serialized = Uint8Array | string

export interface Serializer<T> {
  serialize(value: T, topic: string): Serialized
}

export interface Deserializer<T> {
  /** `bytes` may be a view into a larger buffer: what is kept of it keeps all of that. */
  deserialize(bytes: Buffer, topic: string): T
  /**
   * Fetches what `deserialize` needs for these bytes (a schema); undefined: it is there. Consumers await it before they hand out the record.
   * When it fails, the record is handed out all the same: `deserialize` says why it cannot be read.
   */
  load?(bytes: Buffer, topic: string): Promise<void> | undefined
}

/** `In` differs from `T` where a schema transforms: what is sent, and what is received. */
export interface Serde<T, In = T> extends Serializer<In>, Deserializer<T> {}

/** A value that does not fit its serde, or bytes that it does not understand. Trying again cannot help. */
export function serializationError(message: string, cause?: unknown): KafkaError {
  return new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, { code: 'SERIALIZATION_FAILED', message, cause, retriable: false })
}

/** UTF-8: Kafka's StringSerializer. */
export function string(): Serde<string> {
  return {
    serialize(value) {
      if (typeof value !== 'string') throw serializationError(`string() got ${described(value)}`)
      return value
    },
    deserialize: (bytes) => bytes.toString('utf8')
  }
}

/** The bytes as they are: Kafka's ByteArraySerializer. */
export function buffer(): Serde<Buffer, Uint8Array> {
  return {
    serialize(value) {
      if (!(value instanceof Uint8Array)) throw serializationError(`buffer() got ${described(value)}`)
      return value
    },
    deserialize: (bytes) => bytes
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A UUID as text: Kafka's UUIDSerializer. */
export function uuid(): Serde<string> {
  return {
    serialize(value) {
      if (typeof value !== 'string' || !UUID.test(value)) throw serializationError(`uuid() got ${described(value)}`)
      return value.toLowerCase()
    },
    deserialize(bytes) {
      const text = bytes.toString('latin1')
      if (!UUID.test(text)) throw serializationError(`${bytes.length} bytes are no UUID`)
      return text
    }
  }
}

export function described(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return `the ${typeof value} ${value}`
  return value === null || value === undefined ? String(value) : `an ${typeof value}`
}
