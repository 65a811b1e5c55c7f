// A node in combined mode: brings storage, metadata, replicas, groups and sockets up in order, and down again.
//
// Start: bind the listeners (a port in use is told first), lock and load the logs, open the metadata, register, apply the
// metadata, be unfenced, then read requests. Stop: leave the cluster, answer what is in handling, close groups, metadata and
// logs, the last with the mark of a clean shutdown. Whatever fails on the way up is undone.
import { METADATA_TOPIC_ID, OdradekError } from '@odradek/base'
import { type BrokerConfig, type HostPort, resolveTopicConfig } from '@odradek/config'
import { GroupCoordinator } from '@odradek/coordinator'
import {
  CONFIG_RESOURCE_TOPIC,
  type MetadataImage,
  MetadataNode,
  metadataIsMissing,
  metadataLogConfig,
  type SupportedRange,
  supportedFeatures
} from '@odradek/metadata'
import { CreateTopicsRequest } from '@odradek/protocol'
import { LogManager, logConfigFrom, logManagerSettingsFrom, readMetaProperties } from '@odradek/storage'
import type { MemoryBudget } from '@odradek/transport'
import type { World } from '@odradek/world'
import type { BrokerContext } from './broker-context.ts'
import type { LoggerLevels } from './broker-loggers.ts'
import { Dispatcher } from './dispatcher.ts'
import { FetchSessionCache } from './fetch/fetch-session.ts'
import { LOGS_AWAITED_MAX } from './forwarded.ts'
import { groupConfigFrom } from './groups/group-config.ts'
import { ReplicatedLog } from './groups/replicated-log.ts'
import type { RequestContext } from './handler.ts'
import { brokerHandlers, controllerHandlers } from './handler-tables.ts'
import type { RequestInterceptor } from './interceptor.ts'
import { GROUP_METADATA_TOPIC } from './internal-topics.ts'
import { BrokerLifecycle } from './lifecycle/broker-lifecycle.ts'
import { isCordoned } from './lifecycle/cordoned.ts'
import { DirectoryAssignments } from './lifecycle/directory-assignments.ts'
import { MetadataApplier } from './lifecycle/metadata-applier.ts'
import { openLogFilesFrom } from './limits.ts'
import { type BoundListener, bindError, Listeners } from './listeners.ts'
import { brokerMetrics } from './metrics/broker-metrics.ts'
import { MetricsServer } from './metrics/metrics-server.ts'
import { textOf } from './metrics/prometheus-text.ts'
import { RequestMetrics } from './metrics/request-metrics.ts'
import { ProducerIds } from './producer-ids.ts'
import type { Partition } from './replica/partition.ts'
import { ReplicaManager } from './replica/replica-manager.ts'
import { TopicCreation } from './topic-creation.ts'

export interface BrokerServerOptions {
  readonly world: World
  readonly config: BrokerConfig
  /** Memory that this node may count on; requests and responses get a share of it each. */
  readonly memoryBytes?: number
  /** Files and sockets that the process may have open, where that is known: connections get a share. */
  readonly openFilesMax?: number
  /** Levels of the world's logger, where they can be changed. */
  readonly loggers?: LoggerLevels
  /** Starts to measure the process: what it returns tells metrics under their full names, beside those of the broker. */
  readonly measureRuntime?: () => () => Readonly<Record<string, number>>
  /** Stands between the requests of clients and their handlers. */
  readonly interceptor?: RequestInterceptor
}

const LOGGER = 'kafka.server.KafkaRaftServer'
const SESSION_ID_BOUND = 0x7fffffff
/** A response may take this part of the memory for responses at most, but never less than a client's usual fetch. */
const RESPONSE_SHARE = 0.125
const RESPONSE_BYTES_MIN = 1024 * 1024

export class BrokerServer implements BrokerContext {
  readonly world: World
  readonly config: BrokerConfig
  readonly nodeId: number
  readonly supportedFeatures: ReadonlyMap<string, SupportedRange>
  readonly replicas: ReplicaManager
  readonly fetchSessions: FetchSessionCache
  readonly producerIds: ProducerIds
  readonly topicCreation: TopicCreation
  readonly groups: GroupCoordinator
  readonly loggers: LoggerLevels | undefined
  clusterId = ''
  #listeners!: Listeners
  #logs!: LogManager
  #metadata!: MetadataNode
  #applier!: MetadataApplier
  #lifecycle!: BrokerLifecycle
  #assignments!: DirectoryAssignments
  #metricsServer: MetricsServer | undefined
  /** What has to be undone, in the order in which it was done. */
  readonly #undo: (() => Promise<void> | void)[] = []
  #shutdown: Promise<void> | undefined

  /** Resolves when clients are served. Rejects with an OdradekError that says what to do; nothing is left behind then. */
  static async start(options: BrokerServerOptions): Promise<BrokerServer> {
    const server = new BrokerServer(options)
    try {
      await server.#start(options)
    } catch (error) {
      await server.#undoAll()
      throw error
    }
    return server
  }

  private constructor({ world, config, loggers }: BrokerServerOptions) {
    this.loggers = loggers
    this.world = world
    this.config = config
    this.nodeId = config.nodeId
    this.supportedFeatures = supportedFeatures(config.get('unstable.feature.versions.enable'))
    this.replicas = new ReplicaManager(world, {
      pin: (bytes) => this.#listeners.requestMemory.pin(bytes),
      unpin: (bytes) => this.#listeners.requestMemory.unpin(bytes)
    })
    this.fetchSessions = new FetchSessionCache(
      () => config.get('max.incremental.fetch.session.cache.slots'),
      () => world.random.below(SESSION_ID_BOUND - 1) + 1
    )
    this.producerIds = new ProducerIds(() => this.#allocateProducerIds())
    this.topicCreation = new TopicCreation({ config, createTopics: (request) => this.#createTopics(request), world })
    this.groups = new GroupCoordinator({
      world,
      config: groupConfigFrom(config),
      log: new ReplicatedLog({ world, replicas: this.replicas, topic: GROUP_METADATA_TOPIC }),
      partitions: () => this.image.topic(GROUP_METADATA_TOPIC)?.partitions.size ?? config.get('offsets.topic.num.partitions')
    })
  }

  // ---- what handlers see

  get metadata(): MetadataNode {
    return this.#metadata
  }

  get image(): MetadataImage {
    return this.#applier.image
  }

  get logs(): LogManager {
    return this.#logs
  }

  get listeners(): readonly BoundListener[] {
    return this.#listeners.bound
  }

  /** Where /metrics is served, when it is. */
  get metricsPort(): number | undefined {
    return this.#metricsServer?.port
  }

  get connectionCount(): number {
    return this.#listeners.connectionCount
  }

  get requestCount(): number {
    return this.#listeners.requestCount
  }

  get responseMemory(): MemoryBudget {
    return this.#listeners.responseMemory
  }

  controllerId(): number {
    return this.nodeId
  }

  ownEndpoint(context: RequestContext): { host: string; port: number } | undefined {
    return this.#listeners.endpointFor(context)
  }

  fetchBytesMax(): number {
    const { limitBytes, usedBytes } = this.#listeners.responseMemory
    const share = Math.max(RESPONSE_BYTES_MIN, Math.floor(Math.min(limitBytes * RESPONSE_SHARE, limitBytes - usedBytes)))
    return Math.min(this.config.get('fetch.max.bytes'), share)
  }

  onLogMoving(partition: Partition): void {
    const { topic, partition: index } = partition
    void this.#logs.whenMoved({ topic, partition: index }).then(() => this.#assignments.add(partition))
  }

  whenMetadataApplied(logsAwaitedMax?: number): Promise<void> {
    return this.#applier.whenApplied(logsAwaitedMax)
  }

  // ---- start

  async #start({ memoryBytes, openFilesMax, measureRuntime, interceptor }: BrokerServerOptions): Promise<void> {
    const { world, config } = this
    checkRoles(config)
    const metrics = config.metricsListener === undefined ? undefined : new RequestMetrics()
    const brokerHandler = new Dispatcher<BrokerContext>({ world, broker: this, handlers: brokerHandlers(), metrics, interceptor })
    const controllerHandler = new Dispatcher<BrokerContext>({ world, broker: this, handlers: controllerHandlers(), metrics })
    this.#listeners = await Listeners.bind({ world, config, brokerHandler, controllerHandler, memoryBytes, openFilesMax })
    this.#undo.push(() => this.#listeners.close())
    await this.#openStorage(openFilesMax)
    await this.#openMetadata()
    await this.#join()
    if (metrics !== undefined) await this.#tellMetrics(metrics, measureRuntime?.() ?? (() => ({})))
    this.#logs.start()
    await this.#lifecycle.unfence()
    await this.#applier.whenApplied()
    this.#listeners.open()
    // what serves clients goes first, before what it stands on; the one above is for starts that fail
    this.#undo.push(() => this.#listeners.close())
    for (const { name, host, port } of this.listeners) world.logger.log('INFO', LOGGER, `Listening on ${name}://${host}:${port}`)
    world.logger.log('INFO', LOGGER, `[KafkaRaftServer nodeId=${this.nodeId}] Kafka Server started`)
  }

  async #openStorage(openFilesMax: number | undefined): Promise<void> {
    const { world, config } = this
    this.clusterId = await readClusterId(world, config)
    this.#logs = await LogManager.open({
      world,
      logDirs: config.logDirs,
      nodeId: this.nodeId,
      clusterId: this.clusterId,
      configFor: () => logConfigFrom(resolveTopicConfig(config, new Map()), config),
      deferLoading: true,
      settings: logManagerSettingsFrom(config),
      limits: { openFiles: openLogFilesFrom(openFilesMax) },
      isCordoned: (path) => isCordoned(config, path),
      onDirectoryWritable: () => this.#applier.openAgain()
    })
    this.#undo.push(() => this.#logs.shutdown({ clean: true, brokerEpoch: this.#lifecycle?.epoch ?? -1 }))
  }

  async #openMetadata(): Promise<void> {
    const { world, config, clusterId } = this
    const { metadataLogDir } = config
    const meta = await readMetaProperties(world.disk, metadataLogDir)
    const controllers = this.listeners.filter(({ isController }) => isController)
    this.#metadata = await MetadataNode.open({
      world,
      config,
      clusterId,
      directoryId: meta?.directoryId ?? '',
      log: await this.#logs.openMetadataLog(metadataLogDir, metadataLogConfig(config), METADATA_TOPIC_ID),
      controllerEndpoints: controllers.map(({ name, host, port }) => ({
        name,
        host: host === '' ? 'localhost' : host,
        port,
        securityProtocol: 0
      }))
    })
    this.#undo.push(() => this.#metadata.close())
    await this.#logs.load((topic) => {
      const overrides = this.#metadata.image.configs(CONFIG_RESOURCE_TOPIC, topic)
      return logConfigFrom(resolveTopicConfig(config, overrides), config)
    })
  }

  /** Registers and brings the logs to where the metadata says they are. */
  async #join(): Promise<void> {
    const { world, config, nodeId, replicas, groups, clusterId } = this
    this.#undo.push(() => {
      groups.close()
      replicas.close()
    })
    this.#assignments = new DirectoryAssignments({ world, nodeId, metadata: this.#metadata, brokerEpoch: () => this.#lifecycle.epoch })
    this.#undo.push(() => this.#assignments.close())
    const onMisplaced = (partition: Partition) => this.#assignments.add(partition)
    const { topicsDeletedBefore } = this.#metadata
    this.#applier = new MetadataApplier({ world, config, nodeId, logs: this.#logs, replicas, groups, topicsDeletedBefore, onMisplaced })
    this.#metadata.addPublisher({ name: 'broker', onImage: (delta, image) => this.#applier.onImage(delta, image) })
    this.#lifecycle = new BrokerLifecycle({
      world,
      config,
      clusterId,
      metadata: this.#metadata,
      listeners: () => this.#listeners.registered(),
      features: this.supportedFeatures,
      directories: () => this.#logs.directories(),
      previousBrokerEpoch: this.#logs.previousBrokerEpoch,
      appliedOffset: () => this.#applier.appliedOffset
    })
    await this.#lifecycle.register()
    this.#undo.push(() => this.#lifecycle.close())
    await this.#applier.whenApplied()
    await this.#applier.setStraysAside()
  }

  async #tellMetrics(requests: RequestMetrics, runtime: () => Readonly<Record<string, number>>): Promise<void> {
    const { world, config, replicas, groups, fetchSessions } = this
    const { host, port } = config.metricsListener as HostPort
    const sources = { world, requests, replicas, groups, fetchSessions, runtime }
    const text = () =>
      textOf(brokerMetrics({ ...sources, image: this.image, logs: this.#logs, listeners: this.#listeners, metadata: this.#metadata }))
    try {
      this.#metricsServer = await MetricsServer.listen({ world, host, port, text })
    } catch (error) {
      throw bindError('odradek.metrics.listener', { host, port }, error)
    }
    this.#undo.push(() => this.#metricsServer?.close())
    world.logger.log('INFO', LOGGER, `Metrics at http://${host}:${this.#metricsServer.port}/metrics`)
  }

  // ---- stop

  /** Idempotent; resolves when all is closed. */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#stop()
    return this.#shutdown
  }

  async #stop(): Promise<void> {
    const { world, config } = this
    world.logger.log('INFO', LOGGER, `[KafkaRaftServer nodeId=${this.nodeId}] shutting down`)
    if (config.get('controlled.shutdown.enable')) await this.#lifecycle.controlledShutdown()
    await this.#undoAll()
    world.logger.log('INFO', LOGGER, `[KafkaRaftServer nodeId=${this.nodeId}] shut down completed`)
  }

  async #undoAll(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo()
      } catch (error) {
        this.world.logger.log('ERROR', LOGGER, 'A part of the node could not be closed', error)
      }
    }
  }

  // ---- calls to the controller

  async #allocateProducerIds(): Promise<{ firstProducerId: number; size: number }> {
    const response = await this.#metadata.call('allocateProducerIds', { brokerId: this.nodeId, brokerEpoch: this.#lifecycle.epoch })
    if (response.errorCode !== 0)
      throw new OdradekError('PRODUCER_IDS_UNAVAILABLE', `The controller gave no producer ids: error ${response.errorCode}`)
    return { firstProducerId: response.producerIdStart, size: response.producerIdLen }
  }

  async #createTopics(request: Parameters<typeof CreateTopicsRequest.create>[0]) {
    const response = await this.#metadata.call('createTopics', CreateTopicsRequest.create(request))
    await this.#applier.whenApplied(LOGS_AWAITED_MAX)
    return response
  }
}

function checkRoles(config: BrokerConfig): void {
  if (config.isBroker && config.isController) return
  throw new OdradekError('CONFIG_INVALID', 'process.roles must be broker,controller: nodes with one role are not built yet')
}

async function readClusterId(world: World, config: BrokerConfig): Promise<string> {
  const { logDirs, metadataLogDir } = config
  // what cannot be read is there: to format it would be the wrong advice
  const meta = await readMetaProperties(world.disk, metadataLogDir)
  if (meta !== undefined) return meta.clusterId
  for (const directory of logDirs) {
    const other = await readMetaProperties(world.disk, directory).catch(() => undefined)
    if (other !== undefined) throw metadataIsMissing(metadataLogDir, directory)
  }
  throw new OdradekError(
    'STORAGE_NOT_FORMATTED',
    `No meta.properties in ${config.logDirs.join(', ')}: format the directory first, with kafka-storage format --standalone -t $(kafka-storage random-uuid) -c FILE`
  )
}
