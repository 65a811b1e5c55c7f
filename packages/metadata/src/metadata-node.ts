// One a process: the member of the metadata quorum, the controller while it leads, and the images for everyone else.
//
// A call is handled on the newest image (uncommitted records included); its records go into the log as one batch and
// make the next image at once; its answer waits until the high watermark has passed that batch, and so does the answer
// of a call without records that may have seen uncommitted ones. Publications come before the answers they belong to: a
// caller finds what it did in `image`. A disk that fails stops the node: what it had not synced was never answered.
import { AssertionError, OdradekError, randomUuid, type Uuid, ZERO_UUID } from '@odradek/base'
import type { BrokerConfig } from '@odradek/config'
import { encodeBatch } from '@odradek/protocol'
import { type QuorumMembership, RaftNode, SnapshotStore } from '@odradek/raft'
import type { PartitionLog } from '@odradek/storage'
import type { TimerHandle, World } from '@odradek/world'
import { readBootstrapRecords } from './bootstrap.ts'
import { activationRecords } from './controller/activation.ts'
import { apiError } from './controller/api-error.ts'
import { BrokerSessions } from './controller/broker-sessions.ts'
import { ConfigRules } from './controller/config-rules.ts'
import {
  type ControllerApi,
  type ControllerRequest,
  type ControllerResponse,
  handleControllerRequest,
  refuseControllerRequest
} from './controller/controller-api.ts'
import {
  type ControllerOptions,
  type ControllerOutcome,
  type ControllerState,
  isRefused,
  MAX_RECORDS_PER_OPERATION
} from './controller/controller-state.ts'
import { ControllerTasks } from './controller-tasks.ts'
import { KRAFT_VERSION_FEATURE, supportedFeatures } from './features.ts'
import type { ImageChain } from './image/image-chain.ts'
import { deltaFromEmpty } from './image/image-writer.ts'
import type { MetadataDelta } from './image/metadata-delta.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import { type LoadedMetadata, loadMetadata } from './metadata-loader.ts'
import { PartitionRaftLog } from './partition-raft-log.ts'
import { encodeMetadataRecord, type MetadataRecord } from './records.ts'
import { MetadataSnapshots } from './snapshot-writer.ts'

const LOGGER = 'org.apache.kafka.controller.QuorumController'
/** For requests that name no timeout of their own. */
const CALL_TIMEOUT_MS = 60_000

export interface ControllerEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly securityProtocol: number
}

export interface MetadataNodeOptions {
  readonly world: World
  readonly config: BrokerConfig
  readonly clusterId: string
  /** Of the directory that holds the metadata log. */
  readonly directoryId: Uuid
  /** The open log of `__cluster_metadata-0`, with {@link metadataLogConfig}. The node closes it. */
  readonly log: PartitionLog
  /** Where other nodes find this controller. */
  readonly controllerEndpoints: readonly ControllerEndpoint[]
}

export interface MetadataPublisher {
  readonly name: string
  /** `delta` leads from the image before to `image`. The first call of a publisher has a delta from the empty image. */
  onImage(delta: MetadataDelta, image: MetadataImage): void
}

interface Waiter {
  readonly offset: number
  resolve(): void
}

export class MetadataNode {
  readonly #options: MetadataNodeOptions
  readonly #incarnationId: Uuid
  readonly #log: PartitionRaftLog
  readonly #controllerOptions: ControllerOptions
  readonly #sessions: BrokerSessions
  readonly #snapshots: MetadataSnapshots
  readonly #tasks: ControllerTasks
  readonly #publishers: MetadataPublisher[] = []
  readonly #bootstrapRecords: readonly MetadataRecord[]
  readonly #isLogEmpty: boolean
  /** What the log that this node began with deletes, as far back as its newest snapshot. */
  readonly topicsDeletedBefore: ReadonlySet<Uuid>
  #raft!: RaftNode
  #chain: ImageChain
  /** Answers wait here, by ascending offset. */
  #waiters: Waiter[] = []
  /** Calls that came before the controller was ready. */
  #onActive: (() => void)[] = []
  #isActive = false
  #isClosed = false
  readonly #batchBytesMax: number
  #epochStartOffset: number | undefined
  /** Appended and not yet published. */
  #unpublishedBytes = 0

  private constructor(
    options: MetadataNodeOptions,
    log: PartitionRaftLog,
    store: SnapshotStore,
    loaded: LoadedMetadata,
    bootstrapRecords: readonly MetadataRecord[]
  ) {
    const { world, config, clusterId } = options
    this.#options = options
    this.#log = log
    this.#chain = loaded.chain
    this.topicsDeletedBefore = loaded.deletedTopics
    this.#isLogEmpty = loaded.isEmpty
    this.#batchBytesMax = Math.min(options.log.config.maxMessageBytes, options.log.config.segmentBytes)
    this.#bootstrapRecords = bootstrapRecords
    this.#incarnationId = randomUuid((size) => world.random.bytes(size))
    this.#controllerOptions = {
      nodeId: config.nodeId,
      clusterId,
      brokerSessionTimeoutMs: config.get('broker.session.timeout.ms'),
      defaultPartitions: config.get('num.partitions'),
      defaultReplicationFactor: config.get('default.replication.factor'),
      isTopicDeletionEnabled: config.get('delete.topic.enable'),
      supportedFeatures: supportedFeatures(config.get('unstable.feature.versions.enable')),
      configRules: new ConfigRules(config)
    }
    this.#sessions = new BrokerSessions(this.#controllerOptions.brokerSessionTimeoutMs)
    this.#snapshots = new MetadataSnapshots({ world, config, store, log, bytesSinceSnapshot: loaded.bytesSinceSnapshot })
    this.#tasks = new ControllerTasks({ world, config, sessions: this.#sessions, propose: (handle) => this.#propose(handle) })
  }

  /** Loads snapshot and log, wins the election, and resolves when the controller answers and `image` is what is committed. */
  static async open(options: MetadataNodeOptions): Promise<MetadataNode> {
    const { world, config } = options
    const log = new PartitionRaftLog(options.log)
    const store = await SnapshotStore.open(world.disk, options.log.path)
    const loaded = await loadMetadata(store, log, world.logger)
    const bootstrapRecords = loaded.isEmpty ? await readBootstrapRecords(world.disk, config.metadataLogDir) : []
    const node = new MetadataNode(options, log, store, loaded, bootstrapRecords)
    node.#raft = await RaftNode.open({
      world,
      log,
      directory: options.log.path,
      snapshotEpoch: store.latest?.epoch ?? 0,
      node: { id: config.nodeId, directoryId: options.directoryId },
      membership: loaded.membership ?? staticMembership(config),
      isMembershipInLog: loaded.isMembershipInLog,
      listener: {
        onLeader: (_, epochStartOffset) => node.#onLeader(epochStartOffset),
        onResigned: () => node.#onResigned(),
        onHighWatermark: (offset) => node.#onHighWatermark(offset),
        onFailed: (error) => node.#fail('The metadata log failed', error)
      }
    })
    node.#raft.start()
    await new Promise<void>((resolve, reject) => {
      node.#onActive.push(() =>
        node.#isClosed ? reject(new OdradekError('METADATA_FAILED', 'The metadata quorum could not be started.')) : resolve()
      )
    })
    return node
  }

  /** What is committed. */
  get image(): MetadataImage {
    return this.#chain.published
  }

  get isLeader(): boolean {
    return this.#raft.isLeader
  }

  /** -1: none is known. */
  get leaderId(): number {
    return this.#raft.leaderId
  }

  get leaderEpoch(): number {
    return this.#raft.epoch
  }

  /** kraft.version and voters: what DescribeQuorum and finalized features tell. */
  get membership(): QuorumMembership {
    return this.#raft.membership
  }

  /** Everything below is committed. */
  get highWatermark(): number {
    return this.#raft.highWatermark
  }

  get logEndOffset(): number {
    return this.#raft.logEndOffset
  }

  /** Publishers are called in the order of this call, and at once with all there is. */
  addPublisher(publisher: MetadataPublisher): void {
    this.#publishers.push(publisher)
    publisher.onImage(deltaFromEmpty(this.image), this.image)
  }

  removePublisher(publisher: MetadataPublisher): void {
    const index = this.#publishers.indexOf(publisher)
    if (index >= 0) this.#publishers.splice(index, 1)
  }

  /** The controller's answer, once what it says is committed. Outcomes are in the answer; it rejects only on a bug. */
  async call<K extends ControllerApi>(api: K, request: ControllerRequest<K>): Promise<ControllerResponse<K>> {
    const timeoutMs = 'timeoutMs' in request ? request.timeoutMs : CALL_TIMEOUT_MS
    const { clock } = this.#options.world
    const deadline = clock.monotonicMs() + timeoutMs
    if (!this.#isActive && !this.#isClosed && !(await this.#settled((done) => this.#onActive.push(done), timeoutMs))) {
      return refuseControllerRequest(api, request, apiError('REQUEST_TIMED_OUT'))
    }
    if (!this.#isActive) return refuseControllerRequest(api, request, apiError('NOT_CONTROLLER'))
    const { records, response, kraftVersion } = this.#guarded(() => handleControllerRequest(this.#state(), api, request))
    const batches = encodeBatches(records, this.#options.world.clock.now())
    if (batches.some(({ bytes }) => bytes.length > this.#batchBytesMax)) {
      return refuseControllerRequest(api, request, apiError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.'))
    }
    if (kraftVersion !== undefined) this.#upgradeKRaftVersion(kraftVersion)
    const offset = this.#append(batches)
    this.#tasks.onCall()
    if (offset < this.#raft.highWatermark) return response
    const isCommitted = await this.#settled(
      (resolve) => this.#waiters.push({ offset, resolve }),
      Math.max(deadline - clock.monotonicMs(), 0)
    )
    return isCommitted && !this.#isClosed ? response : refuseControllerRequest(api, request, apiError('REQUEST_TIMED_OUT'))
  }

  /** A snapshot of the committed image, on disk when it resolves. The node writes them by itself too. */
  async writeSnapshot(): Promise<void> {
    await this.#snapshots.write(this.image, this.membership)
  }

  /** Ends leadership and completes the log. Calls under way are refused. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#raft.resign()
    this.#stop()
    await this.#snapshots.close()
    await this.#log.close()
  }

  // ---- leadership

  #onLeader(epochStartOffset: number): void {
    this.#epochStartOffset = epochStartOffset
    this.#options.world.logger.log('INFO', LOGGER, `Becoming the active controller at epoch ${this.#raft.epoch}`)
    this.#activate()
  }

  /** The controller works once everything before its epoch is committed and published: from there its own log is the truth. */
  #activate(): void {
    if (this.#isActive || this.#isClosed || this.#epochStartOffset === undefined) return
    if (this.#raft.highWatermark <= this.#epochStartOffset) return
    const { config, world } = this.#options
    const { nodeId } = this.#controllerOptions
    const image = this.#chain.newest
    // The broker of this very node lived in this very process: its session died with it, and it may register at once.
    const alive = [...image.brokers.values()].filter((broker) => !broker.fenced && !(broker.id === nodeId && config.isBroker))
    this.#sessions.reset(
      alive.map((broker) => broker.id),
      world.clock.monotonicMs()
    )
    const records = activationRecords({
      isLogEmpty: this.#isLogEmpty,
      isInTransaction: this.#chain.isInTransaction,
      metadataVersion: image.metadataVersion,
      bootstrapRecords: this.#bootstrapRecords,
      minInSyncReplicas: this.#controllerOptions.configRules.staticMinInSyncReplicas
    })
    this.#epochStartOffset = undefined
    const offset = this.#append(encodeBatches(records, world.clock.now()))
    this.#waiters.push({ offset, resolve: () => this.#onActivated() })
    if (records.length === 0) this.#onHighWatermark(this.#raft.highWatermark)
  }

  #onActivated(): void {
    if (this.#isClosed) return
    this.#isActive = true
    for (const done of this.#onActive.splice(0)) done()
    this.#tasks.start()
    void this.#registerSelf()
  }

  async #registerSelf(): Promise<void> {
    if (this.image.metadataVersion.registerControllerRecord === null) return
    const features = Array.from(this.#controllerOptions.supportedFeatures, ([name, range]) => ({
      name,
      minSupportedVersion: range.minVersion,
      maxSupportedVersion: range.maxVersion
    }))
    const { controllerEndpoints } = this.#options
    await this.call('registerController', {
      controllerId: this.#controllerOptions.nodeId,
      incarnationId: this.#incarnationId,
      zkMigrationReady: false,
      listeners: controllerEndpoints.map(({ name, host, port, securityProtocol }) => ({ name, host, port, securityProtocol })),
      features
    })
  }

  #onResigned(): void {
    this.#isActive = false
    this.#tasks.stop()
  }

  // ---- records in, images out

  #state(): ControllerState {
    const { world } = this.#options
    return {
      image: this.#chain.newest,
      committedImage: this.#chain.published,
      sessions: this.#sessions,
      kraftVersion: this.membership.kraftVersion,
      options: this.#controllerOptions,
      nextOffset: this.#raft.logEndOffset,
      now: world.clock.monotonicMs(),
      randomBytes: (size) => world.random.bytes(size),
      randomBelow: (bound) => world.random.below(bound)
    }
  }

  /** What the controller does of itself, without an answer to anyone. */
  #propose(handle: (state: ControllerState) => ControllerOutcome<unknown>): void {
    if (!this.#isActive) return
    const outcome = this.#guarded(() => handle(this.#state()))
    if (!isRefused(outcome)) this.#append(encodeBatches(outcome.records, this.#options.world.clock.now()))
  }

  /** Appends the batches and makes their images. Returns the offset that must be committed for an answer to hold. */
  #append(batches: readonly RecordsBatch[]): number {
    for (const { bytes, records, timestampMs } of batches) {
      const baseOffset = this.#raft.append(bytes, records.length)
      const lastOffset = baseOffset + records.length - 1
      try {
        this.#chain.append({ baseOffset, lastOffset, epoch: this.#raft.epoch, timestampMs, records })
      } catch (error) {
        this.#fail('The controller cannot replay its own records', error)
        throw error
      }
      this.#unpublishedBytes += bytes.length
      this.#tasks.onAppend()
    }
    return this.#raft.logEndOffset - 1
  }

  /** KIP-853: from now on the log says who votes, with their directories, and controller.quorum.voters no longer. */
  #upgradeKRaftVersion(kraftVersion: number): void {
    const { directoryId, controllerEndpoints } = this.#options
    const { minVersion, maxVersion } = this.#controllerOptions.supportedFeatures.get(KRAFT_VERSION_FEATURE) ?? {
      minVersion: 0,
      maxVersion: 0
    }
    const voters = this.membership.voters.map((voter) => ({
      ...voter,
      directoryId,
      endpoints: controllerEndpoints.map(({ name, host, port }) => ({ name, host, port })),
      minSupportedVersion: minVersion,
      maxSupportedVersion: maxVersion
    }))
    this.#raft.changeMembership({ kraftVersion, voters })
  }

  #onHighWatermark(offset: number): void {
    if (this.#isClosed) return
    for (const { delta, image } of this.#chain.commit(offset)) {
      for (const publisher of this.#publishers) this.#publish(publisher, delta, image)
    }
    this.#activate()
    const due = this.#waiters.findIndex((waiter) => waiter.offset >= offset)
    for (const waiter of this.#waiters.splice(0, due < 0 ? this.#waiters.length : due)) waiter.resolve()
    this.#snapshots.onPublished(this.image, this.#unpublishedBytes, this.membership)
    this.#unpublishedBytes = 0
  }

  #publish(publisher: MetadataPublisher, delta: MetadataDelta, image: MetadataImage): void {
    try {
      publisher.onImage(delta, image)
    } catch (error) {
      this.#fail(`The publisher ${publisher.name} failed`, error)
    }
  }

  // ---- the end

  /** A broken assertion is a bug: going on would spread it. */
  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      const isFault = error instanceof AssertionError || (error instanceof OdradekError && error.code.startsWith('METADATA_'))
      if (isFault) this.#fail('The controller met a fault', error)
      throw error
    }
  }

  #fail(reason: string, error: unknown): void {
    if (this.#isClosed) return
    this.#stop()
    this.#options.world.halt(
      `${reason} (${error instanceof Error ? error.message : String(error)}); the node stops so that it tells no lies`,
      error
    )
  }

  #stop(): void {
    this.#isClosed = true
    this.#isActive = false
    this.#tasks.stop()
    for (const done of this.#onActive.splice(0)) done()
    for (const waiter of this.#waiters.splice(0)) waiter.resolve()
  }

  /** Waits for the callback that `register` is given; false when it did not come in time. */
  #settled(register: (done: () => void) => void, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: TimerHandle | undefined
      register(() => {
        timer?.cancel()
        resolve(true)
      })
      timer = this.#options.world.timers.schedule(timeoutMs, () => resolve(false))
    })
  }
}

interface RecordsBatch {
  readonly bytes: Buffer
  readonly records: readonly MetadataRecord[]
  readonly timestampMs: number
}

/** What must be done whole is in one batch; only what the controller does of itself (fencing, elections) can need more. */
function encodeBatches(records: readonly MetadataRecord[], timestampMs: number): RecordsBatch[] {
  const batches: RecordsBatch[] = []
  for (let start = 0; start < records.length; start += MAX_RECORDS_PER_OPERATION) {
    const part = records.slice(start, start + MAX_RECORDS_PER_OPERATION)
    const bytes = encodeBatch({ timestamp: timestampMs, records: part.map((record) => ({ value: encodeMetadataRecord(record) })) })
    batches.push({ bytes, records: part, timestampMs })
  }
  return batches
}

/** Voters from controller.quorum.voters; none when the quorum is dynamic. */
function staticMembership(config: BrokerConfig): QuorumMembership {
  return {
    kraftVersion: 0,
    voters: config.quorumVoters.map(({ id, host, port }) => ({
      id,
      directoryId: ZERO_UUID,
      endpoints: [{ name: config.controllerListenerNames[0], host, port }],
      minSupportedVersion: 0,
      maxSupportedVersion: 0
    }))
  }
}
