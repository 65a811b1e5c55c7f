// kafkajs and its stand-in, and what the tests of both share.
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import type * as real from 'kafkajs'
import * as shim from 'odradek/kafkajs'

export const original = createRequire(import.meta.url)('kafkajs') as typeof real

/** The tests are typed by kafkajs: that the shim can stand in for it is shown by kafkajs-types.test.ts. */
export type KafkaJS = Pick<
  typeof real,
  | 'Kafka'
  | 'Partitioners'
  | 'CompressionTypes'
  | 'ConfigResourceTypes'
  | 'AssignerProtocol'
  | 'PartitionAssigners'
  | 'logLevel'
  | 'KafkaJSError'
  | 'KafkaJSNonRetriableError'
  | 'KafkaJSProtocolError'
>
export const implementations: [string, KafkaJS][] = [
  ['kafkajs', original],
  ['odradek/kafkajs', shim as unknown as KafkaJS]
]
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

export const unique = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`

export async function setUp(kafkajs: KafkaJS, name: string, options: { partitions?: number; brokers: string; retries?: number }) {
  const { partitions = 1, brokers, retries = 3 } = options
  const kafka = new kafkajs.Kafka({
    clientId: 'examples',
    brokers: [brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries }
  })
  const open: { disconnect(): Promise<void> }[] = []
  const keep = async <C extends { connect(): Promise<void>; disconnect(): Promise<void> }>(client: C): Promise<C> => {
    await client.connect()
    open.push(client)
    return client
  }
  const topic = unique(name)
  const admin = await keep(kafka.admin())
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] })
  return {
    topic,
    admin,
    kafka,
    producer: (config?: real.ProducerConfig) => keep(kafka.producer(config)),
    consumer: (config: Partial<real.ConsumerConfig> = {}) =>
      keep(kafka.consumer({ groupId: unique('group'), maxWaitTimeInMs: 100, ...config })),
    [Symbol.asyncDispose]: async () => {
      for (const client of open.reverse()) await client.disconnect()
    }
  }
}

export const values = (...list: string[]): { value: string }[] => list.map((value) => ({ value }))
export const text = (message: real.KafkaMessage): string => message.value?.toString() ?? ''
