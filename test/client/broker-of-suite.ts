// What most suites of client tests begin and end with: a broker in a process of its own, and a client of it.
import { after, before } from 'node:test'
import { Kafka, type KafkaOptions } from '@odradek/client'
import { type BrokerKind, type BrokerOptions, type BrokerProcess, defaultKind, startBroker } from '../interop/support/brokers.ts'
import { kafkaLibs, toolchain } from '../interop/support/toolchains.ts'

export interface BrokerOfSuite {
  /** May be replaced by one that was started again. */
  broker: BrokerProcess
  kafka: Kafka
}

/** Started before the first test of the suite that calls this, ended after its last. */
export function brokerOfSuite(options: BrokerOptions = {}, clientOptions: Partial<KafkaOptions> = {}): BrokerOfSuite {
  const own = {} as BrokerOfSuite
  before(async () => {
    own.broker = await startBroker(options)
    own.kafka = new Kafka({ brokers: own.broker.bootstrapServers, ...clientOptions })
  })
  after(async () => {
    await own.kafka?.close()
    await own.broker?.[Symbol.asyncDispose]()
  })
  return own
}

/** Why a suite against such brokers is skipped: Apache Kafka is needed and not present. */
export function withoutKafka(kind: BrokerKind = defaultKind): string | false {
  let reason: string | undefined
  const skip = (message?: string): void => {
    reason = message
  }
  if (kind === 'apache') toolchain({ skip }, 'Java with Maven', kafkaLibs)
  return reason ?? false
}
