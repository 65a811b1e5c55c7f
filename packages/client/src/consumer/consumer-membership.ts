// The consumer group protocol (KIP-848): heartbeats in the background, the assignment from the coordinator, revoking and assigning with
// their listeners inside poll.
import { randomUuid } from '@odradek/base'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ErrorCode } from '@odradek/protocol'
import { KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { backoffMs } from '../network/retry.ts'
import { partitionKey, type TopicPartition } from '../types.ts'
import { ConsumerMember, type TopicIdPartitions } from './consumer-member.ts'
import { HeartbeatLoop } from './heartbeat-loop.ts'
import type { Membership, MembershipHost, Subscription } from './membership.ts'
import type { ConsumerGroupMetadata } from './types.ts'

export interface ConsumerMembershipOptions {
  readonly cluster: Cluster
  readonly groupId: string
  readonly groupInstanceId: string | null
  readonly rackId: string
  readonly serverAssignor: string | null
  readonly maxPollIntervalMs: number
  readonly host: MembershipHost
}

const LEAVE_EPOCH = -1
const STATIC_LEAVE_EPOCH = -2
const FIRST_INTERVAL_MS = 5000

export class ConsumerMembership implements Membership {
  readonly kind = 'consumer'
  readonly watchedTopics: readonly string[] = []
  readonly #options: ConsumerMembershipOptions
  readonly #memberId: string
  readonly #target: { readonly coordinator: string; readonly type: 'group' }
  readonly #member = new ConsumerMember()
  readonly #beats: HeartbeatLoop
  #intervalMs = FIRST_INTERVAL_MS
  #failures = 0

  constructor(options: ConsumerMembershipOptions) {
    this.#options = options
    this.#memberId = randomUuid((size) => options.cluster.world.random.bytes(size))
    this.#target = { coordinator: options.groupId, type: 'group' }
    this.#beats = new HeartbeatLoop(options.cluster.world, (signal) => this.#beat(signal))
  }

  identity(): ConsumerGroupMetadata {
    const { groupId, groupInstanceId } = this.#options
    const { committerEpoch } = this.#member
    // Who is no member commits as anybody may, where the group has no members: with an epoch or id the coordinator looks for the member.
    if (committerEpoch <= 0) return { groupId, groupInstanceId, memberId: '', generationId: -1 }
    return { groupId, groupInstanceId, memberId: this.#memberId, generationId: committerEpoch }
  }

  subscribe({ topics, regex }: Subscription): void {
    this.#member.subscribe(topics, regex)
    this.#beats.soon()
  }

  rejoin(): void {
    // The coordinator decides; it needs no push.
  }

  onMetadata(): void {
    // The coordinator watches the topics.
  }

  onFenced(error: KafkaError): void {
    if (error.errorCode === ErrorCode.STALE_MEMBER_EPOCH || error.errorCode === ErrorCode.REBALANCE_IN_PROGRESS) return
    this.#member.fence()
    this.#options.host.wake()
    this.#beats.soon()
  }

  poll(): Promise<void> | undefined {
    this.#beats.start()
    if (!this.#member.hasLostPartitions && this.#member.target === undefined) return undefined
    return this.#reconcile()
  }

  onPollTimeout(): void {
    this.#beats.stop()
    if (this.#member.isMember) this.#sendLeave(undefined, 5000).catch(() => {})
    this.#member.fence()
  }

  async leave({ leaves, timeoutMs }: { readonly leaves?: boolean; readonly timeoutMs: number }): Promise<void> {
    const { isMember } = this.#member
    this.#beats.stop()
    if (isMember && leaves !== false)
      await this.#sendLeave(leaves, timeoutMs).catch((error) => this.#log('The group was not told that this member left', error))
    this.#member.fence()
    this.#member.hasLostPartitions = false
  }

  /** Inside poll. */
  async #reconcile(): Promise<void> {
    const { host, cluster } = this.#options
    const member = this.#member
    if (member.hasLostPartitions) {
      member.hasLostPartitions = false
      await host.lose(host.assigned())
    }
    const target = member.target
    if (target === undefined) return
    member.target = undefined
    const resolved = await this.#resolve(target)
    if (resolved === undefined) {
      // The names are not known yet: metadata lags behind the coordinator.
      member.target ??= target
      return
    }
    const wanted = new Map(resolved.map((each) => [partitionKey(each.topic, each.partition), each]))
    const revoked = host.assigned().filter(({ topic, partition }) => !wanted.has(partitionKey(topic, partition)))
    if (revoked.length > 0) await host.revoke(revoked)
    if (member.hasLostPartitions) return
    const owned = new Set(host.assigned().map(({ topic, partition }) => partitionKey(topic, partition)))
    await host.assign([...wanted].filter(([key]) => !owned.has(key)).map(([, each]) => each))
    // What listeners took their time for may have ended the membership.
    if (!member.isMember || member.hasLostPartitions) return
    member.own(target.filter(({ topicId }) => cluster.topicName(topicId) !== undefined))
    this.#beats.soon()
  }

  async #resolve(target: readonly TopicIdPartitions[]): Promise<TopicPartition[] | undefined> {
    const { cluster } = this.#options
    const ids = target.map(({ topicId }) => topicId)
    try {
      await cluster.metadataOfIds(ids, { signal: this.#beats.signal, timeoutMs: cluster.requestTimeoutMs })
    } catch (error) {
      // The names come with other metadata; the next heartbeat wakes poll for them.
      if (this.#beats.signal.aborted || toKafkaError(error).retriable) return undefined
      this.#member.target ??= target
      throw error
    }
    const partitions: TopicPartition[] = []
    for (const { topicId, partitions: list } of target) {
      const topic = cluster.topicName(topicId)
      if (topic === undefined) return undefined
      for (const partition of list) partitions.push({ topic, partition })
    }
    return partitions
  }

  /** Resolves to the ms before the next one. */
  /** Java's client ends here. This one waits: a restarted member finds its place taken until the session of the old one is over. */
  #tellOfWaiting(message: string | null): void {
    const text = `This member waits until its group.instance.id is free: ${message}`
    this.#options.cluster.world.logger.log('WARN', 'odradek.client.Consumer', text)
  }

  async #beat(signal: AbortSignal): Promise<number> {
    const { cluster, host } = this.#options
    const member = this.#member
    try {
      const answer = await this.#send(signal)
      if (signal.aborted) return 0
      if (answer.heartbeatIntervalMs > 0) this.#intervalMs = answer.heartbeatIntervalMs
      const verdict = member.onAnswer(answer)
      if (answer.errorCode !== ErrorCode.NONE) cluster.noticeError(this.#target, new KafkaError(answer.errorCode))
      if (member.target !== undefined || member.hasLostPartitions) host.wake()
      if (verdict.kind === 'fatal') this.#fail(verdict.error)
      if (verdict.kind === 'fenced') return 0
      if (answer.errorCode === ErrorCode.UNRELEASED_INSTANCE_ID && this.#failures === 0) this.#tellOfWaiting(answer.errorMessage)
      if (verdict.kind === 'retry') return backoffMs(cluster.backoff, this.#failures++, cluster.world)
      this.#failures = 0
      return member.hasNews && member.target === undefined ? 0 : this.#intervalMs
    } catch (error) {
      if (signal.aborted) return 0
      const failure = toKafkaError(error)
      if (failure.fatal) this.#fail(failure)
      member.answerLost()
      return backoffMs(cluster.backoff, this.#failures++, cluster.world)
    }
  }

  #fail(error: KafkaError): void {
    this.#beats.stop()
    this.#options.host.fail(error)
  }

  #send(signal: AbortSignal): Promise<ConsumerGroupHeartbeatResponse> {
    const { cluster, groupId, groupInstanceId, rackId, serverAssignor, maxPollIntervalMs } = this.#options
    const { isFull, ...changes } = this.#member.next()
    const body = {
      groupId,
      memberId: this.#memberId,
      instanceId: groupInstanceId,
      rackId: isFull && rackId !== '' ? rackId : null,
      rebalanceTimeoutMs: isFull ? maxPollIntervalMs : -1,
      serverAssignor: isFull ? serverAssignor : null,
      ...changes
    }
    // Version 1: the member names itself, and patterns.
    return cluster.attempt(
      this.#target,
      ConsumerGroupHeartbeatRequest,
      ConsumerGroupHeartbeatResponse,
      (version) => (version === 0 ? { ...body, subscribedTopicRegex: undefined, memberId: this.#memberId } : body),
      { signal }
    )
  }

  async #sendLeave(leaves: boolean | undefined, timeoutMs: number): Promise<void> {
    const { cluster, groupId, groupInstanceId } = this.#options
    const memberEpoch = groupInstanceId !== null && leaves !== true ? STATIC_LEAVE_EPOCH : LEAVE_EPOCH
    const body = { groupId, memberId: this.#memberId, memberEpoch, instanceId: groupInstanceId }
    await cluster.call(this.#target, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, body, { timeoutMs })
  }

  #log(message: string, error: unknown): void {
    this.#options.cluster.world.logger.log('WARN', 'odradek.client.Consumer', message, error)
  }
}
