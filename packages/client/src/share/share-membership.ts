// Membership in a share group (KIP-932): heartbeats in the background; each answer may bring another assignment, which counts at once, for
// partitions are shared and nothing has to be given up first.
import { randomUuid } from '@odradek/base'
import { ErrorCode, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from '@odradek/protocol'
import { ConsumerMember, type TopicIdPartitions } from '../consumer/consumer-member.ts'
import { HeartbeatLoop } from '../consumer/heartbeat-loop.ts'
import { KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { backoffMs } from '../network/retry.ts'

export interface ShareMembershipOptions {
  readonly cluster: Cluster
  readonly groupId: string
  readonly rackId: string
  readonly onAssignment: (assigned: readonly TopicIdPartitions[]) => void
  readonly onError: (error: KafkaError) => void
}

const LEAVE_EPOCH = -1
const FIRST_INTERVAL_MS = 5000

export class ShareMembership {
  readonly memberId: string
  readonly #options: ShareMembershipOptions
  readonly #target: { readonly coordinator: string; readonly type: 'group' }
  readonly #member = new ConsumerMember()
  readonly #beats: HeartbeatLoop
  #intervalMs = FIRST_INTERVAL_MS
  #failures = 0

  constructor(options: ShareMembershipOptions) {
    this.#options = options
    this.memberId = randomUuid((size) => options.cluster.world.random.bytes(size))
    this.#target = { coordinator: options.groupId, type: 'group' }
    this.#beats = new HeartbeatLoop(options.cluster.world, (signal) => this.#beat(signal))
  }

  subscribe(topics: readonly string[]): void {
    this.#member.subscribe(topics, undefined)
    this.#beats.soon()
  }

  /** Joins, or goes on. */
  start(): void {
    this.#beats.start()
  }

  /** Idempotent. */
  async leave(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { isMember } = this.#member
    this.#beats.stop()
    this.#member.fence()
    this.#options.onAssignment([])
    if (!isMember) return
    const { cluster, groupId } = this.#options
    const body = { groupId, memberId: this.memberId, memberEpoch: LEAVE_EPOCH }
    await cluster.call(this.#target, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, body, { timeoutMs, signal })
  }

  /** Resolves to the ms before the next one. */
  async #beat(signal: AbortSignal): Promise<number> {
    const { cluster, onAssignment } = this.#options
    const member = this.#member
    try {
      const answer = await this.#send(signal)
      if (signal.aborted) return 0
      if (answer.heartbeatIntervalMs > 0) this.#intervalMs = answer.heartbeatIntervalMs
      const verdict = member.onAnswer(answer)
      if (answer.errorCode !== ErrorCode.NONE) cluster.noticeError(this.#target, new KafkaError(answer.errorCode))
      if (verdict.kind === 'fatal') this.#fail(verdict.error)
      if (verdict.kind === 'fenced') {
        onAssignment([])
        return 0
      }
      if (verdict.kind === 'retry') return this.#backoff()
      if (!(await this.#publish(signal))) return this.#backoff()
      this.#failures = 0
      return member.hasNews ? 0 : this.#intervalMs
    } catch (error) {
      if (signal.aborted) return 0
      const failure = toKafkaError(error)
      if (failure.fatal) this.#fail(failure)
      member.answerLost()
      return this.#backoff()
    }
  }

  /** False: the names of the topics are not known yet. */
  async #publish(signal: AbortSignal): Promise<boolean> {
    const { cluster, onAssignment } = this.#options
    const { target } = this.#member
    if (target === undefined) return true
    const ids = target.map(({ topicId }) => topicId)
    await cluster.metadataOfIds(ids, { signal, timeoutMs: cluster.requestTimeoutMs })
    if (signal.aborted || this.#member.target !== target || ids.some((id) => cluster.topicName(id) === undefined)) return false
    this.#member.target = undefined
    onAssignment(target)
    return true
  }

  #send(signal: AbortSignal): Promise<ShareGroupHeartbeatResponse> {
    const { cluster, groupId, rackId } = this.#options
    const { isFull, memberEpoch, subscribedTopicNames } = this.#member.next()
    const body = { groupId, memberId: this.memberId, memberEpoch, rackId: isFull && rackId !== '' ? rackId : null, subscribedTopicNames }
    return cluster.attempt(this.#target, ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, body, { signal })
  }

  #backoff(): number {
    const { cluster } = this.#options
    return backoffMs(cluster.backoff, this.#failures++, cluster.world)
  }

  #fail(error: KafkaError): void {
    this.#beats.stop()
    this.#options.onError(error)
  }
}
