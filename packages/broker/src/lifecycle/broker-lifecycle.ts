// The broker in the eyes of the controller: registers, keeps its session alive with heartbeats, asks to be unfenced when it
// is ready and to be let go when it stops (KIP-631).
import { OdradekError, randomUuid, type Uuid } from '@odradek/base'
import type { BrokerConfig } from '@odradek/config'
import type { MetadataNode } from '@odradek/metadata'
import { type BrokerHeartbeatResponse, ErrorCode, errorByCode } from '@odradek/protocol'
import type { TimerHandle, World } from '@odradek/world'
import { isCordoned } from './cordoned.ts'

export interface BrokerLifecycleOptions {
  readonly world: World
  readonly config: BrokerConfig
  readonly clusterId: string
  readonly metadata: MetadataNode
  readonly listeners: () => { name: string; host: string; port: number; securityProtocol: number }[]
  readonly features: ReadonlyMap<string, { minVersion: number; maxVersion: number }>
  readonly directories: () => readonly { directoryId: Uuid | undefined; isOffline: boolean; path: string }[]
  readonly previousBrokerEpoch: number
  /** The offset of the last metadata record that is in force here. */
  readonly appliedOffset: () => number
}

const LOGGER = 'kafka.server.BrokerLifecycleManager'
/** Between attempts while the controller is not there, or has not come as far as this broker wants. */
const RETRY_MS = 10
const CONTROLLED_SHUTDOWN_MS = 5_000

export class BrokerLifecycle {
  readonly #options: BrokerLifecycleOptions
  readonly #nodeId: number
  #epoch = -1
  #state: 'STARTING' | 'RECOVERY' | 'RUNNING' | 'PENDING_CONTROLLED_SHUTDOWN' | 'NOT_RUNNING' = 'STARTING'
  #timer: TimerHandle | undefined

  constructor(options: BrokerLifecycleOptions) {
    this.#options = options
    this.#nodeId = options.config.nodeId
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Resolves when the controller knows this broker; it is fenced still. */
  async register(): Promise<void> {
    const { clusterId, config, world, metadata, listeners, features, directories, previousBrokerEpoch } = this.#options
    const request = {
      brokerId: this.#nodeId,
      clusterId,
      incarnationId: randomUuid((size) => world.random.bytes(size)),
      listeners: listeners(),
      features: Array.from(features, ([name, { minVersion, maxVersion }]) => ({
        name,
        minSupportedVersion: minVersion,
        maxSupportedVersion: maxVersion
      })),
      rack: config.get('broker.rack'),
      isMigratingZkBroker: false,
      logDirs: directories().flatMap(({ directoryId, isOffline }) => (directoryId === undefined || isOffline ? [] : [directoryId])),
      previousBrokerEpoch
    }
    const deadlineMs = world.clock.monotonicMs() + config.get('initial.broker.registration.timeout.ms')
    for (;;) {
      const response = await metadata.call('registerBroker', request)
      if (response.errorCode === ErrorCode.NONE) {
        this.#epoch = response.brokerEpoch
        break
      }
      const { name, retriable } = errorByCode(response.errorCode)
      // the session of an incarnation before runs out
      const mayPass = retriable || response.errorCode === ErrorCode.DUPLICATE_BROKER_REGISTRATION
      if (!mayPass || world.clock.monotonicMs() > deadlineMs)
        throw new OdradekError('REGISTRATION_FAILED', `The controller does not register this broker: ${name}`)
      await this.#delay(RETRY_MS)
    }
    this.#log('INFO', `Successfully registered broker ${this.#nodeId} with broker epoch ${this.#epoch}`)
    this.#state = 'RECOVERY'
  }

  /** Resolves when the controller lets this broker lead. Heartbeats go on from then. */
  async unfence(): Promise<void> {
    for (;;) {
      const response = await this.#beat({ wantFence: false, wantShutDown: false })
      if (response.errorCode === ErrorCode.NONE && !response.isFenced) break
      await this.#delay(RETRY_MS)
    }
    this.#state = 'RUNNING'
    this.#log('INFO', 'The broker has been unfenced. Transitioning from RECOVERY to RUNNING.')
    this.#schedule()
  }

  /** Gives up what this broker leads. Resolves when the controller agrees, or when it takes too long. */
  async controlledShutdown(): Promise<void> {
    this.#timer?.cancel()
    if (this.#state !== 'RUNNING') return
    this.#state = 'PENDING_CONTROLLED_SHUTDOWN'
    this.#log('INFO', 'Beginning controlled shutdown.')
    const { world } = this.#options
    const deadlineMs = world.clock.monotonicMs() + CONTROLLED_SHUTDOWN_MS
    while (world.clock.monotonicMs() < deadlineMs) {
      const response = await this.#beat({ wantFence: false, wantShutDown: true })
      if (response.errorCode === ErrorCode.NONE && response.shouldShutDown) {
        this.#log('INFO', 'The controller has asked us to exit controlled shutdown.')
        break
      }
      await this.#delay(RETRY_MS)
    }
  }

  close(): void {
    this.#state = 'NOT_RUNNING'
    this.#timer?.cancel()
  }

  #schedule(): void {
    const { config, world } = this.#options
    this.#timer = world.timers.schedule(config.get('broker.heartbeat.interval.ms'), () => void this.#keepAlive())
  }

  async #keepAlive(): Promise<void> {
    try {
      const { errorCode } = await this.#beat({ wantFence: false, wantShutDown: false })
      if (this.#state !== 'RUNNING') return
      if (errorCode === ErrorCode.BROKER_ID_NOT_REGISTERED || errorCode === ErrorCode.STALE_BROKER_EPOCH) {
        await this.#rejoin()
        return
      }
      if (errorCode !== ErrorCode.NONE)
        this.#log('WARN', `Broker ${this.#nodeId} sent a heartbeat request but received error ${errorByCode(errorCode).name}.`)
    } catch (error) {
      this.#options.world.logger.log('ERROR', LOGGER, 'A heartbeat failed', error)
    }
    if (this.#state === 'RUNNING') this.#schedule()
  }

  /** Somebody has unregistered this broker while it lives. */
  async #rejoin(): Promise<void> {
    this.#log('WARN', `Broker ${this.#nodeId} is no longer registered; it registers again.`)
    await this.register()
    await this.unfence()
  }

  #beat(wish: { wantFence: boolean; wantShutDown: boolean }): Promise<BrokerHeartbeatResponse> {
    const { metadata, appliedOffset, directories, config } = this.#options
    const idsWhere = (is: (directory: { isOffline: boolean; path: string }) => boolean) =>
      directories().flatMap(({ directoryId, ...rest }) => (directoryId !== undefined && is(rest) ? [directoryId] : []))
    return metadata.call('brokerHeartbeat', {
      brokerId: this.#nodeId,
      brokerEpoch: this.#epoch,
      currentMetadataOffset: appliedOffset(),
      offlineLogDirs: idsWhere(({ isOffline }) => isOffline),
      cordonedLogDirs: idsWhere(({ path }) => isCordoned(config, path)),
      ...wish
    })
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.world.timers.schedule(ms, resolve))
  }

  #log(level: 'INFO' | 'WARN', message: string): void {
    this.#options.world.logger.log(level, LOGGER, `[BrokerLifecycleManager id=${this.#nodeId}] ${message}`)
  }
}
