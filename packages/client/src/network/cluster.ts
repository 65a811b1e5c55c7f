// A Kafka cluster as one client sees it: bootstrap, metadata, connections, coordinators, and calls that find their broker.
//
// Contract: nothing is opened before it is needed; every wait ends by a deadline or a signal; what a broker says is believed only as
// far as the protocol allows (metadata.ts, client-connection.ts). `call` retries inside what may pass by itself, and throws a
// KafkaError. Hot paths take `leaderOf` and `peek` (plain values) and send on the connection themselves.
import type { Uuid } from '@odradek/base'
import { ErrorCode, type Input, type MessageCodec } from '@odradek/protocol'
import type { ClientConnection, ClientSecurity, SendOptions } from '@odradek/transport'
import type { TimerHandle, World } from '@odradek/world'
import { publish } from '../diagnostics.ts'
import { closedError, KafkaError } from '../errors.ts'
import { ClientMetrics } from '../metrics/client-metrics.ts'
import { NetworkMetrics } from '../metrics/network-metrics.ts'
import type { SensorOptions } from '../metrics/sensor.ts'
import type { CallOptions } from '../types.ts'
import { type Endpoint, parseBrokers } from './bootstrap.ts'
import { ConnectionPool, type Purpose } from './connection-pool.ts'
import { CoordinatorCache, type CoordinatorKind } from './coordinators.ts'
import { type ClusterMetadata, emptyMetadata, type LeaderHint, type Node, type TopicMetadata, withLeaders } from './metadata.ts'
import { MetadataLoader, type Wants } from './metadata-loader.ts'
import { type Backoff, retrying, unlessAborted } from './retry.ts'

export interface ClusterOptions {
  readonly world: World
  /** bootstrap.servers */
  readonly brokers: string | readonly string[]
  /** client.dns.lookup=resolve_canonical_bootstrap_servers_only */
  readonly usesCanonicalNames?: boolean
  /** The addresses are of controllers (bootstrap.controllers): only requests that controllers serve work. */
  readonly usesControllers?: boolean
  readonly clientId?: string | null
  readonly security?: ClientSecurity
  readonly requestTimeoutMs?: number
  /** default.api.timeout.ms */
  readonly apiTimeoutMs?: number
  readonly retryBackoffMs?: number
  readonly retryBackoffMaxMs?: number
  /** Default: until the deadline. */
  readonly retries?: number
  readonly reconnectBackoffMs?: number
  readonly reconnectBackoffMaxMs?: number
  readonly connectTimeoutMs?: number
  readonly connectTimeoutMaxMs?: number
  /** connections.max.idle.ms */
  readonly idleMs?: number
  readonly inFlightMax?: number
  readonly metadataMaxAgeMs?: number
  /** A topic that nobody asked for or holds for so long is forgotten. Default: metadataMaxAgeMs. */
  readonly topicIdleMs?: number
  /** metadata.recovery.rebootstrap.trigger.ms */
  readonly rebootstrapTriggerMs?: number
  /** What the groups of metrics begin with: producer, consumer. Default: admin-client. */
  readonly kind?: string
  readonly sensors?: SensorOptions
  /** metadata.recovery.strategy is not none. */
  readonly rebootstraps?: boolean
}

export type Target =
  | { readonly node: number }
  | { readonly anyNode: true }
  | { readonly controller: true }
  | { readonly coordinator: string; readonly type: CoordinatorKind }

export interface AttemptOptions extends Pick<SendOptions, 'minVersion' | 'maxVersion' | 'expectsResponse'> {
  readonly signal?: AbortSignal
  /** Of one request; default request.timeout.ms. */
  readonly requestTimeoutMs?: number
}

export interface RequestOptions<R> extends AttemptOptions, CallOptions {
  /** The error of the whole answer, if it has one: a retriable one is retried inside, another one thrown. */
  readonly errorOf?: (response: R) => KafkaError | undefined
}

export interface MetadataOptions extends CallOptions {
  readonly allowAutoTopicCreation?: boolean
  /** Asks the cluster even when the answer is known. */
  readonly refresh?: boolean
  /** Nobody wants to hear of all topics from now on. */
  readonly isOnce?: boolean
}

const coordinatorErrors: ReadonlySet<number> = new Set([
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.REQUEST_TIMED_OUT
])
const metadataErrors: ReadonlySet<number> = new Set([ErrorCode.NOT_CONTROLLER, ErrorCode.NETWORK_EXCEPTION])

export class Cluster {
  readonly world: World
  readonly backoff: Backoff
  readonly apiTimeoutMs: number
  readonly requestTimeoutMs: number
  /** The addresses are of controllers. */
  readonly usesControllers: boolean
  readonly retries: number
  readonly metrics: ClientMetrics
  readonly networkMetrics: NetworkMetrics
  /** Of KIP-714, once a broker has given it. */
  clientInstanceId: Uuid | undefined
  /** Asks for it, once for all who ask. Set while metrics are pushed. */
  askInstanceId: (() => Promise<void>) | undefined
  /** Called before the connections close, with an open one if there is any. */
  onClosing: ((connection: ClientConnection | undefined) => void) | undefined
  /** Gives what tells whether somebody is at work with a topic: then it is not forgotten. */
  topicHolder: () => (name: string) => boolean = () => () => false
  readonly #metadataMaxAgeMs: number
  readonly #topicIdleMs: number
  readonly #bootstrap: readonly Endpoint[]
  readonly #pool: ConnectionPool
  readonly #loader: MetadataLoader
  readonly #coordinators = new CoordinatorCache()
  readonly #closing = new AbortController()
  readonly #staleTopics = new Set<string>()
  readonly #listeners = new Set<(metadata: ClusterMetadata) => void>()
  /** When topics were last asked for by name, monotonic ms; kept up to date while there are listeners. */
  readonly #tracked = new Map<string, number>()
  #tracksAll = false
  #areNodesStale = false
  /** Names by topic id, of the topics in `#namesOf`. */
  #names: ReadonlyMap<Uuid | undefined, string> = new Map()
  #namesOf: ReadonlyMap<string, TopicMetadata> | undefined
  #metadata: ClusterMetadata = emptyMetadata
  #refreshTimer: TimerHandle | undefined

  constructor(options: ClusterOptions) {
    const { world, clientId, security, requestTimeoutMs, idleMs, inFlightMax } = options
    this.world = world
    this.backoff = { initialMs: options.retryBackoffMs ?? 100, maxMs: options.retryBackoffMaxMs ?? 1_000 }
    this.requestTimeoutMs = requestTimeoutMs ?? 30_000
    this.usesControllers = options.usesControllers ?? false
    this.apiTimeoutMs = options.apiTimeoutMs ?? 60_000
    this.retries = options.retries ?? Infinity
    this.#metadataMaxAgeMs = options.metadataMaxAgeMs ?? 300_000
    this.#topicIdleMs = options.topicIdleMs ?? this.#metadataMaxAgeMs
    this.#bootstrap = parseBrokers(options.brokers)
    const now = (): number => world.clock.monotonicMs()
    this.metrics = new ClientMetrics({ kind: options.kind ?? 'admin-client', clientId: clientId ?? '', sensors: options.sensors, now })
    this.networkMetrics = new NetworkMetrics(this.metrics)
    this.#pool = new ConnectionPool({
      world,
      connection: { clientId, security, requestTimeoutMs, idleMs, inFlightMax },
      reconnectBackoff: { initialMs: options.reconnectBackoffMs ?? 50, maxMs: options.reconnectBackoffMaxMs ?? 1_000 },
      connectTimeout: { initialMs: options.connectTimeoutMs ?? 10_000, maxMs: options.connectTimeoutMaxMs ?? 30_000 },
      metrics: this.networkMetrics,
      onFailure: () => this.invalidate()
    })
    this.#loader = new MetadataLoader({
      world,
      pool: this.#pool,
      bootstrap: this.#bootstrap,
      usesCanonicalNames: options.usesCanonicalNames ?? false,
      usesControllers: this.usesControllers,
      rebootstraps: options.rebootstraps ?? true,
      rebootstrapTriggerMs: options.rebootstrapTriggerMs ?? 300_000,
      backoff: this.backoff,
      timeoutMs: this.apiTimeoutMs,
      closing: this.#closing.signal,
      known: () => this.#metadata,
      onLoaded: (metadata) => this.#onLoaded(metadata)
    })
  }

  /** What is known now, without asking. */
  get current(): ClusterMetadata {
    return this.#metadata
  }

  /** Since when what is known of the cluster is from. */
  get metadataAgeMs(): number {
    return this.world.clock.monotonicMs() - this.#metadata.nodesFetchedAtMs
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  // ---- metadata

  /**
   * Of these topics; of all without a list; of the brokers only with an empty one. A topic that does not exist is there with its
   * `errorCode`: nothing is thrown for it, and the next call asks again. Rejects when no broker answers.
   */
  async metadata(topics?: readonly string[], options: MetadataOptions = {}): Promise<ClusterMetadata> {
    const { signal, refresh = false, allowAutoTopicCreation = false } = options
    const wants: Wants = { isAll: topics === undefined, names: new Set(topics), ids: new Set(), allowAutoTopicCreation }
    if (this.isClosed) throw closedError()
    for (const name of wants.names) this.#tracked.set(name, this.world.clock.monotonicMs())
    if (wants.isAll && !options.isOnce) this.#tracksAll = true
    if (refresh || !this.#isFresh(wants)) await this.#load(wants, signal, options.timeoutMs)
    return this.#metadata
  }

  /** As `metadata`, for topics known by their id only (KIP-848 assignments). */
  async metadataOfIds(ids: readonly Uuid[], options: CallOptions = {}): Promise<ClusterMetadata> {
    const unknown = ids.filter((id) => this.topicName(id) === undefined)
    if (unknown.length > 0) {
      const wants: Wants = { isAll: false, names: new Set(), ids: new Set(unknown), allowAutoTopicCreation: false }
      await this.#load(wants, options.signal, options.timeoutMs)
    }
    return this.#metadata
  }

  /** Called after each answer to Metadata. While there are listeners, topics that are asked for or held are kept up to date. */
  onMetadata(listener: (metadata: ClusterMetadata) => void): () => void {
    this.#listeners.add(listener)
    this.#scheduleRefresh()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#refreshTimer?.cancel()
      this.#refreshTimer = undefined
    }
  }

  leaderOf(topic: string, partition: number): { nodeId: number; leaderEpoch: number } | undefined {
    const found = this.partitionOf(topic, partition)
    return found === undefined || found.leaderId < 0 ? undefined : { nodeId: found.leaderId, leaderEpoch: found.leaderEpoch }
  }

  partitionOf(topic: string, partition: number): TopicMetadata['partitions'][number] | undefined {
    const partitions = this.#metadata.topics.get(topic)?.partitions
    const at = partitions?.[partition]
    return at?.partition === partition ? at : partitions?.find((each) => each.partition === partition)
  }

  topicId(name: string): Uuid | undefined {
    return this.#metadata.topics.get(name)?.topicId
  }

  topicName(id: Uuid): string | undefined {
    if (this.#namesOf !== this.#metadata.topics) {
      this.#namesOf = this.#metadata.topics
      this.#names = new Map([...this.#namesOf.values()].map((topic) => [topic.topicId, topic.name]))
    }
    return this.#names.get(id)
  }

  /** What is known of the topic (or of the brokers) is wrong: the next use asks. */
  invalidate(topic?: string): void {
    if (topic === undefined) this.#areNodesStale = true
    else this.#staleTopics.add(topic)
  }

  /** Leaders that an answer to Produce or Fetch told (KIP-951); older news change nothing. */
  updateLeaders(hints: readonly LeaderHint[], nodes: readonly Node[] = []): void {
    this.#metadata = withLeaders(this.#metadata, hints, nodes)
  }

  /** All topics were of interest, and are no longer. */
  untrackAll(): void {
    this.#tracksAll = false
  }

  // ---- coordinators

  /** The node id of the coordinator, asked for when it is not known; retriable errors are retried inside. */
  async coordinator(type: CoordinatorKind, key: string, options: CallOptions = {}): Promise<number> {
    const found = this.#coordinators.get(type, key)
    if (found !== undefined) return found.id
    const node = await this.#retry(`Finding the coordinator of ${type} ${key}`, options, async (signal) => {
      const result = (await this.findCoordinators(type, [key], signal)).get(key)
      if (result === undefined || result instanceof KafkaError) throw result
      return result
    })
    return node.id
  }

  /** One try for many keys. */
  async findCoordinators(type: CoordinatorKind, keys: readonly string[], signal?: AbortSignal): Promise<Map<string, Node | KafkaError>> {
    const found = new Map<string, Node | KafkaError>()
    const missing: string[] = []
    for (const key of keys) {
      const node = this.#coordinators.get(type, key)
      if (node === undefined) missing.push(key)
      else found.set(key, node)
    }
    if (missing.length === 0) return found
    const connection = await this.#connect({ anyNode: true }, signal)
    for (const [key, result] of await this.#coordinators.find(connection, type, missing, signal)) found.set(key, result)
    return found
  }

  forgetCoordinator(type: CoordinatorKind, key: string): void {
    this.#coordinators.forget(type, key)
  }

  // ---- connections and calls

  /** Rejects with a retriable KafkaError when the broker is not known or does not answer. */
  async connection(nodeId: number, options: { signal?: AbortSignal; purpose?: Purpose } = {}): Promise<ClientConnection> {
    return this.#pool.get(await this.#node(nodeId, options.signal), options.purpose ?? 'data', options.signal)
  }

  /** The open connection to the node, if there is one. */
  peek(nodeId: number, purpose: Purpose = 'data'): ClientConnection | undefined {
    const node = this.#metadata.nodes.get(nodeId)
    return node === undefined ? undefined : this.#pool.peek(node, purpose)
  }

  /** Finds the broker, sends, and retries what may pass by itself until the deadline. */
  call<Q, R>(
    target: Target,
    request: MessageCodec<Q>,
    response: MessageCodec<R>,
    body: Input<Q> | ((version: number) => Input<Q>),
    options: RequestOptions<R> = {}
  ): Promise<R> {
    return this.#retry(request.name.replace(/Request$/, ''), options, async (signal) => {
      const answer = await this.attempt(target, request, response, body, { ...options, signal })
      const error = options.errorOf?.(answer)
      if (error === undefined) return answer
      this.noticeError(target, error)
      throw error
    })
  }

  /** One try. Rejects with a KafkaError or, as the connection gives them, an OdradekError; or the reason of the signal. */
  async attempt<Q, R>(
    target: Target,
    request: MessageCodec<Q>,
    response: MessageCodec<R>,
    body: Input<Q> | ((version: number) => Input<Q>),
    options: AttemptOptions = {}
  ): Promise<R> {
    const { signal, minVersion, maxVersion, expectsResponse, requestTimeoutMs: timeoutMs } = options
    try {
      const connection = await this.#connect(target, signal)
      const version = connection.versionFor(request, { min: minVersion, max: maxVersion })
      const input = typeof body === 'function' ? (body as (version: number) => Input<Q>)(version) : body
      return await connection.send(request, response, input, { version, timeoutMs, signal, expectsResponse })
    } catch (error) {
      if (!signal?.aborted) this.noticeError(target, error)
      throw error
    }
  }

  /** Forgets what the error shows to be wrong, so that the next try looks again. */
  noticeError(target: Target, error: unknown): void {
    const errorCode = error instanceof KafkaError ? error.errorCode : ErrorCode.NETWORK_EXCEPTION
    if ('coordinator' in target) {
      if (coordinatorErrors.has(errorCode)) this.#coordinators.forget(target.type, target.coordinator)
    } else if (metadataErrors.has(errorCode)) this.invalidate()
  }

  /** Runs `attempt` under the rules of this client: back-off, deadline, signal. */
  retry<T>(what: string, options: CallOptions, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#retry(what, options, attempt)
  }

  /** Why no broker answers, while none does. */
  get obstacle(): KafkaError | undefined {
    return this.#loader.lastFailure
  }

  /** Idempotent. What waits is rejected. */
  close(): void {
    if (this.isClosed) return
    this.onClosing?.(this.#pool.anyOpen())
    this.#closing.abort(closedError())
    this.#refreshTimer?.cancel()
    this.#listeners.clear()
    this.#pool.close()
  }

  #retry<T>(what: string, { signal, timeoutMs }: CallOptions, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.isClosed) return Promise.reject(closedError())
    const { world, backoff, retries } = this
    const closing = this.#closing.signal
    const obstacle = (): KafkaError | undefined => this.obstacle
    return retrying({ world, what, timeoutMs: timeoutMs ?? this.apiTimeoutMs, signal, closing, backoff, retries, obstacle }, attempt)
  }

  async #connect(target: Target, signal?: AbortSignal): Promise<ClientConnection> {
    if ('node' in target) return this.connection(target.node, { signal })
    if ('coordinator' in target) {
      const { type, coordinator: key } = target
      const found = (await this.findCoordinators(type, [key], signal)).get(key)
      if (found === undefined || found instanceof KafkaError) throw found
      return this.#pool.get(found, 'coordinator', signal)
    }
    await this.#knowNodes(signal)
    const nodes = [...this.#metadata.nodes.values()]
    if ('controller' in target) {
      const controller = this.#metadata.nodes.get(this.#metadata.controllerId)
      if (controller === undefined) {
        this.invalidate()
        throw new KafkaError(ErrorCode.NOT_CONTROLLER, { message: 'No controller is known at this time' })
      }
      return this.#pool.get(controller, 'data', signal)
    }
    const [best] = nodes.sort((a, b) => this.#pool.rank(a) - this.#pool.rank(b))
    return this.#pool.get(best, 'data', signal)
  }

  async #node(nodeId: number, signal?: AbortSignal): Promise<Node> {
    await this.#knowNodes(signal)
    let node = this.#metadata.nodes.get(nodeId)
    if (node === undefined) {
      await this.#load(nothing, signal)
      node = this.#metadata.nodes.get(nodeId)
    }
    if (node !== undefined) return node
    this.invalidate()
    throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, { message: `Broker ${nodeId} is not in the cluster now`, retriable: true })
  }

  async #knowNodes(signal?: AbortSignal): Promise<void> {
    if (this.isClosed) throw closedError()
    if (!this.#isFresh(nothing)) await this.#load(nothing, signal)
  }

  #isFresh({ isAll, names }: Wants): boolean {
    const oldest = this.world.clock.monotonicMs() - this.#metadataMaxAgeMs
    if (this.#areNodesStale || this.#metadata.nodesFetchedAtMs <= oldest) return false
    if (isAll) return this.#metadata.allTopicsFetchedAtMs > oldest && this.#staleTopics.size === 0
    for (const name of names) {
      const topic = this.#metadata.topics.get(name)
      if (topic === undefined || topic.errorCode !== ErrorCode.NONE || topic.fetchedAtMs <= oldest || this.#staleTopics.has(name))
        return false
    }
    return true
  }

  async #load(wants: Wants, signal: AbortSignal | undefined, timeoutMs?: number): Promise<void> {
    if (timeoutMs === undefined) {
      await unlessAborted(this.#loader.load(wants), signal)
      return
    }
    // The load itself goes on for others; this caller waits no longer.
    await retrying({ world: this.world, what: 'Fetching metadata', timeoutMs, signal, backoff: this.backoff, retries: 0 }, (own) =>
      unlessAborted(this.#loader.load(wants), own)
    )
  }

  #onLoaded(metadata: ClusterMetadata): void {
    const now = metadata.nodesFetchedAtMs
    this.#metadata = this.#tracksAll ? metadata : this.#withoutIdle(metadata)
    this.#areNodesStale = false
    for (const name of this.#staleTopics) if ((this.#metadata.topics.get(name)?.fetchedAtMs ?? now) >= now) this.#staleTopics.delete(name)
    this.#pool.retain(metadata.nodes.values())
    this.#scheduleRefresh()
    publish('network:metadata', () => ({ clientId: this.metrics.clientId, brokers: metadata.nodes.size, topics: metadata.topics.size }))
    for (const listener of this.#listeners) listener(metadata)
  }

  #withoutIdle(metadata: ClusterMetadata): ClusterMetadata {
    const oldest = metadata.nodesFetchedAtMs - this.#topicIdleMs
    const holds = this.topicHolder()
    const topics = new Map(metadata.topics)
    for (const [name, { fetchedAtMs }] of metadata.topics)
      if ((this.#tracked.get(name) ?? fetchedAtMs) <= oldest && !holds(name)) topics.delete(name)
    for (const [name, askedAtMs] of this.#tracked) if (askedAtMs <= oldest && !holds(name)) this.#tracked.delete(name)
    return topics.size === metadata.topics.size ? metadata : { ...metadata, topics }
  }

  /** However often some topics are asked for meanwhile: it is all of them that are refreshed. */
  #scheduleRefresh(): void {
    if (this.#refreshTimer !== undefined || this.#listeners.size === 0 || this.isClosed) return
    // A client that was never used keeps no process alive.
    if (this.#metadata === emptyMetadata) return
    this.#refreshTimer = this.world.timers.schedule(this.#metadataMaxAgeMs, () => {
      this.#refreshTimer = undefined
      const names = new Set(this.#tracked.keys())
      this.#loader.load({ isAll: this.#tracksAll, names, ids: new Set(), allowAutoTopicCreation: false }).catch((error) => {
        if (this.isClosed) return
        this.world.logger.log('WARN', 'odradek.client.Metadata', 'The metadata of the cluster cannot be refreshed', error)
        this.#scheduleRefresh()
      })
    })
  }
}

const nothing: Wants = { isAll: false, names: new Set(), ids: new Set(), allowAutoTopicCreation: false }
