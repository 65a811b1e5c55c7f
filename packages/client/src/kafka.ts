// The door: one object for a cluster, which makes the clients that share its settings. Nothing connects before it is used.
import { randomUuid } from '@odradek/base'
import {
  type AdminSettings,
  adminConfigDefinitions,
  type ConsumerSettings,
  consumerConfigDefinitions,
  type ProducerSettings,
  producerConfigDefinitions,
  type ShareConsumerSettings,
  shareConsumerConfigDefinitions
} from '@odradek/config'
import type { Logger, World } from '@odradek/world'
import { createNodeWorld } from '@odradek/world/node'
import { Admin } from './admin/admin.ts'
import { type NamesOf, requireNames } from './call-checks.ts'
import { checkClients } from './checked-clients.ts'
import { Consumer } from './consumer/consumer.ts'
import { type ConsumerOptions, ownConsumerOptions } from './consumer/options.ts'
import type { DeadLetterSender } from './consumer/run-options.ts'
import { type ConsumeTransaction, type ConsumeTransactionOptions, TransactionalWork } from './consumer/transactional-work.ts'
import { Cluster } from './network/cluster.ts'
import { type ClusterIdentity, clusterOptions, type NetworkSettings } from './network/cluster-options.ts'
import {
  type ClientOptions,
  type Definitions,
  invalidConfig,
  mergeOptions,
  pickOptions,
  type ResolvedOptions,
  resolveOptions
} from './options.ts'
import { Producer, type ProducerOptions } from './producer/producer.ts'
import type { TypedSecurity } from './security/security.ts'
import type { ShareConsumerOptions } from './share/options.ts'
import { ShareConsumer } from './share/share-consumer.ts'
import { startTelemetry, type TelemetrySettings } from './telemetry/telemetry.ts'

export interface KafkaOptions extends ClientOptions<Omit<AdminSettings, 'bootstrap.servers'>>, TypedSecurity {
  /** `host:port`, several with commas or as a list: bootstrap.servers. */
  readonly brokers?: string | readonly string[]
  readonly bootstrapServers?: string | readonly string[]
  readonly 'bootstrap.servers'?: string | readonly string[]
  /** Default: warnings and errors, to standard error. */
  readonly logger?: Logger
  /** Clock, timers, network, chance. Default: the real ones. */
  readonly world?: World
}

export type AdminOptions = ClientOptions<AdminSettings>

/** What Kafka needs of a client it made. */
interface Closeable {
  close(...args: never[]): Promise<void>
}

checkClients()
const transactionOptions: NamesOf<ConsumeTransactionOptions> = { signal: true, timeoutMs: true, transactionalId: true, retries: true }

const ownOptions = ['brokers', 'logger', 'world']

export class Kafka implements AsyncDisposable {
  readonly #world: World
  readonly #options: Record<string, unknown>
  readonly #security: TypedSecurity
  readonly #clients = new Set<Closeable>()
  readonly #works = new WeakMap<object, TransactionalWork<unknown, unknown>>()
  #made = 0

  /** Throws INVALID_CONFIG for settings that do not exist (with what was probably meant) or have wrong values. */
  constructor(options: KafkaOptions) {
    const { brokers, logger, world, tls, sasl, ...settings } = options
    this.#security = { tls, sasl }
    this.#options = mergeOptions(adminConfigDefinitions, settings, { 'bootstrap.servers': brokers })
    resolveOptions('Kafka client', adminConfigDefinitions, this.#options, ownOptions)
    if (world !== undefined && logger !== undefined) throw invalidConfig('Give world or logger, not both: a world has a logger')
    this.#world = world ?? createNodeWorld({ logger: logger ?? standardErrorLogger, onHalt: () => {} })
  }

  admin(options: AdminOptions = {}): Admin {
    const { settings, given } = this.resolve<AdminSettings>('admin client', adminConfigDefinitions, options)
    const cluster = this.#cluster(settings, { given, kind: 'admin-client', clientId: this.nextClientId('adminclient') })
    return this.adopt(new Admin(cluster))
  }

  /** Throws INVALID_CONFIG for settings that do not exist, have wrong values or contradict each other. */
  producer(options: ProducerOptions = {}): Producer {
    const resolved = this.resolve<ProducerSettings>('producer', producerConfigDefinitions, options)
    const { settings, given } = resolved
    const clientId = settings['client.id'] || this.nextClientId('producer')
    const cluster = this.#cluster(
      { ...settings, 'default.api.timeout.ms': settings['max.block.ms'] },
      { given, kind: 'producer', clientId }
    )
    return this.adopt(new Producer(cluster, resolved, clientId))
  }

  /** Throws INVALID_CONFIG for settings that do not exist, have wrong values or contradict each other. */
  consumer<K = Buffer, V = Buffer>(options: ConsumerOptions<K, V> = {}): Consumer<K, V> {
    const resolved = this.resolve<ConsumerSettings>('consumer', consumerConfigDefinitions, options, ownConsumerOptions)
    const { settings, given } = resolved
    const cluster = this.#cluster(settings, { given, kind: 'consumer', clientId: this.nextClientId('consumer') })
    const { prefetchBytes } = options
    return this.adopt(new Consumer<K, V>({ cluster, settings, given, prefetchBytes, deadLetters: () => this.#deadLetters() }))
  }

  /** Throws INVALID_CONFIG for settings that do not exist, have wrong values or contradict each other. */
  shareConsumer<K = Buffer, V = Buffer>(options: ShareConsumerOptions<K, V> = {}): ShareConsumer<K, V> {
    const { settings, given } = this.resolve<ShareConsumerSettings>('share consumer', shareConsumerConfigDefinitions, options)
    const cluster = this.#cluster(settings, { given, kind: 'consumer', clientId: this.nextClientId('share-consumer') })
    return this.adopt(new ShareConsumer<K, V>({ cluster, settings }))
  }

  #cluster(settings: NetworkSettings & TelemetrySettings, identity: ClusterIdentity): Cluster {
    const cluster = new Cluster(clusterOptions(this.#world, settings, { ...this.#security, ...identity }))
    startTelemetry(cluster, settings)
    return cluster
  }

  /**
   * Consumes, transforms and produces exactly once: polls `consumer`, and runs `body` with the records in a transaction that has the offsets
   * too. A failure aborts it and puts the consumer back; what may pass is tried again. Resolves to the number of records.
   */
  transaction<K, V>(
    consumer: Consumer<K, V>,
    body: (transaction: ConsumeTransaction<K, V>) => Promise<unknown>,
    options: ConsumeTransactionOptions = {}
  ): Promise<number> {
    requireNames('transaction()', options, transactionOptions)
    if (consumer.commitsAutomatically) throw invalidConfig('Offsets go with the transaction: give the consumer enable.auto.commit=false')
    let work = this.#works.get(consumer) as unknown as TransactionalWork<K, V> | undefined
    if (work === undefined) {
      const made = new TransactionalWork(consumer, this.#world, (transactionalId) =>
        this.producer({ transactionalId: transactionalId ?? randomUuid((size) => this.#world.random.bytes(size)) })
      )
      this.#works.set(consumer, made as unknown as TransactionalWork<unknown, unknown>)
      work = made
    }
    return work.run(body, options)
  }

  #deadLetters(): DeadLetterSender {
    const producer = this.producer()
    return {
      send: ({ topic, key, value, headers, timestamp }) => producer.send(topic, { key, value, headers, timestamp }),
      close: () => producer.close()
    }
  }

  /** Closes all clients made by this object; waits for what they still have to do. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()))
    this.#clients.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The settings of a new client: its own before those of this object. For the rooms of this package. */
  protected resolve<S>(what: string, definitions: Definitions, options: object, own: readonly string[] = []): ResolvedOptions<S> {
    const merged = mergeOptions(definitions, pickOptions(definitions, this.#options), options)
    return resolveOptions<S>(what, definitions, merged, own)
  }

  protected adopt<C extends Closeable>(client: C): C {
    this.#clients.add(client)
    // Closed by its user, it is forgotten here.
    const close = client.close.bind(client)
    client.close = (...args) =>
      close(...args).finally(() => {
        this.#clients.delete(client)
        return this.#works.get(client)?.close()
      })
    return client
  }

  /** As Java names clients without client.id: producer-1. */
  protected nextClientId(kind: string): string {
    this.#made += 1
    return `${kind}-${this.#made}`
  }

  protected get world(): World {
    return this.#world
  }
}

const standardErrorLogger: Logger = {
  isEnabled: (level) => level === 'WARN' || level === 'ERROR' || level === 'FATAL',
  log(level, logger, message, error) {
    if (this.isEnabled(level, logger)) console.error(`${level} ${message} (${logger})`, ...(error === undefined ? [] : [error]))
  }
}
