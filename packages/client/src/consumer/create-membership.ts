// Which group protocol a consumer speaks: what group.protocol says; where it says nothing, that of KIP-848 if the coordinator has it, else
// the classic one. Settings that only the classic protocol knows choose that.
import type { ConsumerSettings } from '@odradek/config'
import { ApiKey, ErrorCode } from '@odradek/protocol'
import type { KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { invalidConfig } from '../options.ts'
import type { ConsumerAssignor } from './assignors/index.ts'
import { ClassicMembership } from './classic-membership.ts'
import { ConsumerMembership } from './consumer-membership.ts'
import type { Membership, MembershipHost, Subscription } from './membership.ts'
import type { ConsumerGroupMetadata } from './types.ts'

export interface MembershipInit {
  readonly cluster: Cluster
  readonly settings: ConsumerSettings
  readonly given: ReadonlySet<string>
  readonly groupId: string
  readonly assignors: readonly ConsumerAssignor[]
  readonly host: MembershipHost
}

const classicOnly = ['partition.assignment.strategy', 'session.timeout.ms', 'heartbeat.interval.ms']

export function createMembership(init: MembershipInit): Membership {
  const { settings, given } = init
  const protocol = settings['group.protocol'].toLowerCase()
  const classic = classicOnly.filter((name) => given.has(name))
  if (!given.has('group.protocol')) return classic.length > 0 ? createClassic(init) : new ChosenMembership(init)
  if (protocol === 'classic') {
    if (given.has('group.remote.assignor')) throw invalidConfig('group.remote.assignor is for group.protocol=consumer')
    return createClassic(init)
  }
  if (classic.length > 0) throw invalidConfig(`${classic.join(', ')}: not with group.protocol=consumer, where the brokers decide that`)
  return createConsumer(init)
}

function createClassic({ cluster, settings, groupId, assignors, host }: MembershipInit): Membership {
  const { 'heartbeat.interval.ms': heartbeatMs, 'session.timeout.ms': sessionMs } = settings
  if (heartbeatMs >= sessionMs)
    throw invalidConfig(`heartbeat.interval.ms (${heartbeatMs}) must be below session.timeout.ms (${sessionMs})`)
  return new ClassicMembership({
    cluster,
    groupId,
    groupInstanceId: settings['group.instance.id'],
    rackId: settings['client.rack'],
    assignors,
    sessionTimeoutMs: settings['session.timeout.ms'],
    heartbeatIntervalMs: settings['heartbeat.interval.ms'],
    maxPollIntervalMs: settings['max.poll.interval.ms'],
    host
  })
}

function createConsumer({ cluster, settings, groupId, host }: MembershipInit): Membership {
  return new ConsumerMembership({
    cluster,
    groupId,
    groupInstanceId: settings['group.instance.id'],
    rackId: settings['client.rack'],
    serverAssignor: settings['group.remote.assignor'],
    maxPollIntervalMs: settings['max.poll.interval.ms'],
    host
  })
}

/** Asks the coordinator what it speaks, inside the first poll; what it knows and refuses (group.coordinator.rebalance.protocols) it does not speak. */
class ChosenMembership implements Membership {
  readonly #init: MembershipInit
  #inner: Membership | undefined
  #choosing: Promise<void> | undefined
  #subscription: Subscription | undefined

  constructor(init: MembershipInit) {
    this.#init = init
  }

  get kind(): 'classic' | 'consumer' {
    return this.#inner?.kind ?? 'classic'
  }

  get watchedTopics(): readonly string[] {
    return this.#inner?.watchedTopics ?? []
  }

  identity(): ConsumerGroupMetadata {
    const { groupId, settings } = this.#init
    return this.#inner?.identity() ?? { groupId, generationId: -1, memberId: '', groupInstanceId: settings['group.instance.id'] }
  }

  subscribe(subscription: Subscription): void {
    this.#subscription = subscription
    this.#inner?.subscribe(subscription)
  }

  poll(signal: AbortSignal): Promise<void> | undefined {
    if (this.#inner !== undefined) return this.#inner.poll(signal)
    this.#choosing ??= this.#choose(signal).finally(() => {
      this.#choosing = undefined
    })
    return this.#choosing.then(() => this.#inner?.poll(signal))
  }

  onMetadata(): void {
    this.#inner?.onMetadata()
  }

  onFenced(error: KafkaError): void {
    this.#inner?.onFenced(error)
  }

  rejoin(reason: string): void {
    this.#inner?.rejoin(reason)
  }

  onPollTimeout(): void {
    this.#inner?.onPollTimeout()
  }

  async leave(options: { readonly leaves?: boolean; readonly timeoutMs: number }): Promise<void> {
    await this.#inner?.leave(options)
  }

  async #choose(signal: AbortSignal): Promise<void> {
    const { cluster, groupId } = this.#init
    const hasConsumerProtocol = await cluster.retry(`Finding the coordinator of group ${groupId}`, { signal }, async (own) => {
      const nodeId = await cluster.coordinator('group', groupId, { signal: own })
      const connection = await cluster.connection(nodeId, { signal: own })
      return connection.apiVersions.supports(ApiKey.CONSUMER_GROUP_HEARTBEAT)
    })
    const { host } = this.#init
    const fail = (error: KafkaError): void => {
      if (this.#isRefused(error)) this.#use(createClassic(this.#init))
      else host.fail(error)
    }
    this.#use(hasConsumerProtocol ? createConsumer({ ...this.#init, host: { ...host, fail } }) : createClassic(this.#init))
  }

  #isRefused({ errorCode }: KafkaError): boolean {
    const isJoining = this.#inner?.kind === 'consumer' && this.#inner.identity().generationId <= 0
    return isJoining && errorCode === ErrorCode.UNSUPPORTED_VERSION && this.#subscription?.regex === undefined
  }

  #use(membership: Membership): void {
    this.#inner = membership
    if (this.#subscription !== undefined) membership.subscribe(this.#subscription)
    this.#init.host.wake()
  }
}
