// From the settings of a producer to what its parts take, with the checks that Java's producer makes across settings.
import type { ProducerSettings } from '@odradek/config'
import type { COMPRESSION_LEVELS, CompressionType } from '@odradek/protocol'
import { invalidConfig, type ResolvedOptions } from '../options.ts'
import { bigint, number } from '../serdes/number.ts'
import { buffer, type Serializer, string, uuid } from '../serdes/serde.ts'
import type { Partitioner, ProducerInterceptor } from './types.ts'

export interface ProducerConfig {
  /** -1: all. */
  readonly acks: number
  readonly isIdempotent: boolean
  readonly inFlightMax: number
  readonly retries: number
  readonly compression: CompressionType
  readonly compressionLevel: number | undefined
  readonly transactionalId: string | null
}

type LevelledCodec = keyof typeof COMPRESSION_LEVELS

/** Throws INVALID_CONFIG. Idempotence that nobody asked for by name gives way to acks and retries that contradict it, as in Java. */
export function producerConfig({ settings, given }: ResolvedOptions<ProducerSettings>): ProducerConfig {
  const acks = settings.acks === 'all' ? -1 : Number(settings.acks)
  const inFlightMax = settings['max.in.flight.requests.per.connection']
  const transactionalId = settings['transactional.id']
  const isWanted = given.has('enable.idempotence') || transactionalId !== null
  if (transactionalId !== null && !settings['enable.idempotence']) throw invalidConfig('transactional.id needs enable.idempotence=true')
  if (settings['enable.idempotence'] && inFlightMax > 5)
    throw invalidConfig(
      `max.in.flight.requests.per.connection must be at most 5 for an idempotent producer, not ${inFlightMax} (or give enable.idempotence=false)`
    )
  const against = contradictions(acks, settings.retries)
  if (settings['enable.idempotence'] && isWanted && against !== undefined) throw invalidConfig(against)
  const { 'linger.ms': lingerMs, 'request.timeout.ms': requestMs, 'delivery.timeout.ms': deliveryMs } = settings
  if (deliveryMs < lingerMs + requestMs && given.has('delivery.timeout.ms'))
    throw invalidConfig('delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms')
  if (settings['transaction.two.phase.commit.enable']) throw invalidConfig('transaction.two.phase.commit.enable is not built')
  return {
    acks,
    isIdempotent: settings['enable.idempotence'] && against === undefined,
    inFlightMax,
    retries: settings.retries,
    compression: settings['compression.type'] as CompressionType,
    compressionLevel: levelOf(settings),
    transactionalId
  }
}

function contradictions(acks: number, retries: number): string | undefined {
  if (acks !== -1) return `acks must be all for an idempotent producer, not ${acks}`
  if (retries === 0) return 'retries must be above 0 for an idempotent producer'
  return undefined
}

function levelOf(settings: ProducerSettings): number | undefined {
  const type = settings['compression.type']
  if (type !== 'gzip' && type !== 'lz4' && type !== 'zstd') return undefined
  const level = settings[`compression.${type satisfies LevelledCodec}.level`]
  return type === 'gzip' && level === -1 ? undefined : level
}

const kafkaSerializers: Readonly<Record<string, () => Serializer<never>>> = {
  StringSerializer: string,
  ByteArraySerializer: buffer,
  BytesSerializer: buffer,
  UUIDSerializer: uuid,
  ShortSerializer: () => number('short'),
  IntegerSerializer: () => number('int'),
  LongSerializer: longSerializer,
  FloatSerializer: () => number('float'),
  DoubleSerializer: () => number('double')
}

function longSerializer(): Serializer<never> {
  const [exact, long] = [bigint(), number('long')] as const
  return {
    serialize: (value: number | bigint, topic) => (typeof value === 'bigint' ? exact.serialize(value, topic) : long.serialize(value, topic))
  }
}

/** `key.serializer` and `value.serializer`: an object with `serialize`, or the name of one of Kafka's own classes. */
export function serializerOf(setting: string, value: unknown, fallback: Serializer<never>): Serializer<never> {
  if (value === null || value === undefined) return fallback
  if (typeof value === 'object' && 'serialize' in value) return value as Serializer<never>
  const known = kafkaSerializers[classOf(value, 'org.apache.kafka.common.serialization.')]
  if (known !== undefined) return known()
  throw invalidConfig(`${setting} is an object with serialize(value, topic), or the name of one of Kafka's serializers`)
}

export function partitionerOf(value: unknown): Partitioner | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'function') return value as Partitioner
  if (classOf(value, 'org.apache.kafka.clients.producer.') === 'RoundRobinPartitioner') return roundRobin()
  throw invalidConfig('partitioner.class is a function of a record that gives its partition, or RoundRobinPartitioner')
}

/** Each partition in turn, whatever the key. */
export function roundRobin(): Partitioner {
  const next = new Map<string, number>()
  return ({ topic, partitionCount, availablePartitions }) => {
    const at = next.get(topic) ?? 0
    next.set(topic, (at + 1) % 0x7fffffff)
    return availablePartitions.length > 0 ? availablePartitions[at % availablePartitions.length] : at % partitionCount
  }
}

export function interceptorsOf(value: unknown): readonly ProducerInterceptor[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : []
  for (const each of list)
    if (typeof each !== 'object' || each === null)
      throw invalidConfig('interceptor.classes is a list of objects with onSend or onAcknowledgement')
  return list as readonly ProducerInterceptor[]
}

function classOf(value: unknown, prefix: string): string {
  const name = String(value)
  return name.startsWith(prefix) ? name.slice(prefix.length) : name
}
