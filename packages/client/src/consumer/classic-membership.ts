// The classic group protocol: join, sync, heartbeat, leave. Requests go on in the background; revoking, assigning and listeners happen
// inside poll only (`poll` returns the work). Eager assignors give up everything before joining; cooperative ones keep what they have and
// give up, after a rebalance, what went to others, and then join once more.
import {
  ConsumerProtocolAssignment,
  decodeConsumerAssignment,
  decodeConsumerSubscription,
  ErrorCode,
  encodeConsumerAssignment,
  encodeConsumerSubscription,
  HeartbeatRequest,
  HeartbeatResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'
import type { TimerHandle } from '@odradek/world'
import { closedError, KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { backoffMs, sleep, unlessAborted } from '../network/retry.ts'
import { partitionKey, type TopicPartition } from '../types.ts'
import { compareText } from './assignors/members.ts'
import type { AssignorPartition, ConsumerAssignor, MemberAssignment, MemberSubscription, RebalanceProtocol } from './assignors/types.ts'
import { ClassicMember, type Verdict } from './classic-member.ts'
import type { Membership, MembershipHost, Subscription } from './membership.ts'
import type { ConsumerGroupMetadata } from './types.ts'

export interface ClassicOptions {
  readonly cluster: Cluster
  readonly groupId: string
  readonly groupInstanceId: string | null
  readonly rackId: string
  readonly assignors: readonly ConsumerAssignor[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxPollIntervalMs: number
  readonly host: MembershipHost
}

/** Joins in a row without a back-off. */
const PROMPT_JOINS = 5

interface Joined {
  readonly assignment: MemberAssignment
  readonly assignor: ConsumerAssignor
}

export class ClassicMembership implements Membership {
  readonly kind = 'classic'
  readonly #options: ClassicOptions
  readonly #member = new ClassicMember()
  readonly #protocol: RebalanceProtocol
  readonly #target: { readonly coordinator: string; readonly type: 'group' }
  #topics: readonly string[] = []
  /** Of the last join: a change of subscription joins again. */
  #joinedTopics: readonly string[] = []
  #isLeader = false
  /** What the leader assigned from: partition counts by topic. */
  #leaderSnapshot = ''
  #leaderTopics: readonly string[] = []
  #joining: Promise<Joined | undefined> | undefined
  #isPrepared = false
  #heartbeatTimer: TimerHandle | undefined
  #isHeartbeating = false
  #failures = 0
  #lastAnswerMs = 0
  #closing = new AbortController()

  constructor(options: ClassicOptions) {
    this.#options = options
    this.#target = { coordinator: options.groupId, type: 'group' }
    const isCooperative = options.assignors.every(({ protocols }) => protocols?.includes('cooperative') === true)
    this.#protocol = isCooperative && options.assignors.length > 0 ? 'cooperative' : 'eager'
  }

  get watchedTopics(): readonly string[] {
    return this.#isLeader ? this.#leaderTopics : []
  }

  identity(): ConsumerGroupMetadata {
    const { groupId, groupInstanceId } = this.#options
    return { groupId, ...this.#member.committer, groupInstanceId }
  }

  subscribe({ topics, regex }: Subscription): void {
    if (regex !== undefined) {
      this.#options.host.fail(
        new KafkaError(ErrorCode.UNSUPPORTED_VERSION, {
          message: 'A pattern for the coordinator needs a group of the consumer protocol (KIP-848)'
        })
      )
      return
    }
    if (this.#closing.signal.aborted) this.#closing = new AbortController()
    this.#topics = topics
    const isSame = topics.length === this.#joinedTopics.length && topics.every((topic, at) => topic === this.#joinedTopics[at])
    if (!isSame) this.rejoin('the subscription changed')
  }

  rejoin(reason: string): void {
    this.#member.requestRejoin(reason)
    this.#options.host.wake()
  }

  onFenced(error: KafkaError): void {
    if (error.errorCode === ErrorCode.REBALANCE_IN_PROGRESS) this.#member.requestRejoin('the group rebalances')
    else this.#member.reset(error.message, error.errorCode === ErrorCode.ILLEGAL_GENERATION)
    this.#options.host.wake()
  }

  /** The leader watches the topics of all members. */
  onMetadata(): void {
    if (this.#isLeader && this.#member.phase === 'stable' && this.#snapshot() !== this.#leaderSnapshot)
      this.rejoin('partitions of the topics changed')
  }

  poll(signal: AbortSignal): Promise<void> | undefined {
    if (this.#member.phase === 'stable' && this.#joining === undefined) return undefined
    return this.#rebalance(signal)
  }

  onPollTimeout(): void {
    const { groupInstanceId } = this.#options
    const { memberId, generationId } = this.#member
    this.#stopHeartbeats()
    // A static member's place waits for it until its session is over.
    if (groupInstanceId === null && memberId !== '' && generationId >= 0)
      this.#sendLeave(memberId, 'consumer poll timeout has expired', 5000).catch(() => {})
    this.#member.reset('polls came too late')
  }

  async leave({ leaves, timeoutMs }: { readonly leaves?: boolean; readonly timeoutMs: number }): Promise<void> {
    this.#closing.abort(closedError())
    this.#stopHeartbeats()
    const { memberId } = this.#member
    this.#member.reset('the consumer left')
    this.#member.hasLostPartitions = false
    this.#joinedTopics = []
    this.#joining = undefined
    this.#isPrepared = false
    this.#isLeader = false
    if (memberId === '' || !(leaves ?? this.#options.groupInstanceId === null)) return
    await this.#sendLeave(memberId, 'the consumer is being closed', timeoutMs).catch((error) =>
      this.#log('The group was not told that this member left', error)
    )
  }

  /** Inside poll. */
  async #rebalance(signal: AbortSignal): Promise<void> {
    const { host } = this.#options
    const closing = this.#closing
    while (!closing.signal.aborted) {
      if (this.#joining === undefined) {
        if (this.#member.phase === 'stable') return
        if (!this.#isPrepared) await this.#prepare()
        this.#isPrepared = true
        this.#joining = this.#join(closing.signal)
        // Poll may not be there to see it fail.
        this.#joining.then(
          () => host.wake(),
          () => host.wake()
        )
      }
      let joined: Joined | undefined
      try {
        joined = await unlessAborted(this.#joining, signal)
      } catch (error) {
        if (signal.aborted) throw error
        this.#joining = undefined
        if (closing.signal.aborted) return
        throw error
      }
      this.#joining = undefined
      this.#isPrepared = false
      if (joined === undefined) continue
      // Thrown out meanwhile (and in again): what it has is not its own, and what it was to get only if it is in.
      if (this.#member.hasLostPartitions) {
        this.#member.hasLostPartitions = false
        await host.lose(host.assigned())
      }
      if (this.#member.isMember) await this.#complete(joined)
    }
  }

  async #prepare(): Promise<void> {
    const { host } = this.#options
    const owned = host.assigned()
    if (this.#member.hasLostPartitions) {
      this.#member.hasLostPartitions = false
      await host.lose(owned)
    } else if (this.#protocol === 'eager') await host.revoke(owned)
    else {
      const topics = new Set(this.#topics)
      const unwanted = owned.filter(({ topic }) => !topics.has(topic))
      if (unwanted.length > 0) await host.revoke(unwanted)
    }
  }

  async #complete({ assignment, assignor }: Joined): Promise<void> {
    const { host } = this.#options
    const wanted = new Map(assignment.partitions.map((each) => [partitionKey(each.topic, each.partition), each]))
    const owned = new Set(host.assigned().map(({ topic, partition }) => partitionKey(topic, partition)))
    const revoked = host.assigned().filter(({ topic, partition }) => !wanted.has(partitionKey(topic, partition)))
    assignor.onAssignment?.(assignment, this.#member.generationId)
    if (revoked.length > 0) {
      await host.revoke(revoked)
      // Others wait for what we gave up.
      if (this.#protocol === 'cooperative') this.#member.requestRejoin('partitions were given up for others')
    }
    await host.assign([...wanted].filter(([key]) => !owned.has(key)).map(([, each]) => each))
  }

  /** Until the group has an assignment for us; undefined: what this member still has was lost, which poll has to say first. In the background. */
  async #join(closing: AbortSignal): Promise<Joined | undefined> {
    const { cluster, host } = this.#options
    for (let failures = 0, prompt = 0; ; ) {
      closing.throwIfAborted()
      try {
        const outcome = await this.#joinOnce(closing)
        if (!('kind' in outcome)) return outcome
        if (outcome.kind === 'fatal') throw outcome.error
        if (this.#member.hasLostPartitions && host.assigned().length > 0) return undefined
        this.#member.hasLostPartitions = false
        // A coordinator that never has enough is not asked without a pause.
        if (outcome.kind === 'retry' && outcome.isSoon && ++prompt <= PROMPT_JOINS) continue
      } catch (error) {
        if (closing.aborted) throw error
        const failure = toKafkaError(error)
        this.#member.phase = 'unjoined'
        if (failure.fatal) throw failure
        cluster.noticeError(this.#target, failure)
      }
      await sleep(cluster.world, backoffMs(cluster.backoff, failures++, cluster.world), closing)
    }
  }

  async #joinOnce(signal: AbortSignal): Promise<Joined | Verdict> {
    const { cluster, groupId, groupInstanceId, assignors, sessionTimeoutMs, maxPollIntervalMs } = this.#options
    const member = this.#member
    this.#stopHeartbeats()
    member.phase = 'joining'
    const topics = this.#topics
    this.#joinedTopics = topics
    const answer = await cluster.attempt(
      this.#target,
      JoinGroupRequest,
      JoinGroupResponse,
      {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs: maxPollIntervalMs,
        memberId: member.memberId,
        groupInstanceId,
        protocolType: 'consumer',
        protocols: assignors.map((assignor) => ({ name: assignor.name, metadata: this.#subscription(assignor, topics) })),
        reason: member.reason.slice(0, 255)
      },
      { signal, requestTimeoutMs: Math.max(cluster.requestTimeoutMs, maxPollIntervalMs + 5000) }
    )
    const verdict = member.onJoin(answer.errorCode, answer)
    if (verdict.kind !== 'ok') {
      this.#notice(answer.errorCode)
      return verdict
    }
    const assignor = assignors.find(({ name }) => name === answer.protocolName)
    if (assignor === undefined) return { kind: 'fatal', error: new KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL) }
    this.#startHeartbeats()
    this.#isLeader = answer.leader === answer.memberId
    const assignments = this.#isLeader && !answer.skipAssignment ? await this.#assign(assignor, answer, signal) : []
    const synced = await cluster.attempt(
      this.#target,
      SyncGroupRequest,
      SyncGroupResponse,
      {
        groupId,
        generationId: member.generationId,
        memberId: member.memberId,
        groupInstanceId,
        protocolType: 'consumer',
        protocolName: assignor.name,
        assignments
      },
      { signal, requestTimeoutMs: Math.max(cluster.requestTimeoutMs, maxPollIntervalMs + 5000) }
    )
    const sync = member.onSync(synced.errorCode)
    if (sync.kind !== 'ok') {
      this.#notice(synced.errorCode)
      return sync
    }
    const bytes = synced.assignment.length === 0 ? encodeConsumerAssignment({}) : synced.assignment
    const { value } = decodeConsumerAssignment(bytes)
    const partitions = value.assignedPartitions.flatMap(({ topic, partitions: list }) => list.map((partition) => ({ topic, partition })))
    return { assignor, assignment: { partitions, userData: value.userData } }
  }

  #subscription(assignor: ConsumerAssignor, topics: readonly string[]): Buffer {
    const { host, rackId } = this.#options
    const owned = Map.groupBy(host.assigned(), ({ topic }) => topic)
    return encodeConsumerSubscription({
      topics: [...topics],
      userData: assignor.userData?.(topics) ?? null,
      ownedPartitions: [...owned].map(([topic, list]) => ({ topic, partitions: list.map(({ partition }) => partition) })),
      generationId: this.#member.generationId,
      rackId: rackId === '' ? null : rackId
    })
  }

  async #assign(
    assignor: ConsumerAssignor,
    answer: JoinGroupResponse,
    signal: AbortSignal
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const { cluster } = this.#options
    const members = new Map(
      answer.members.map(({ memberId, groupInstanceId, metadata }): [string, MemberSubscription] => {
        const { value } = decodeConsumerSubscription(metadata)
        const ownedPartitions = value.ownedPartitions.flatMap(({ topic, partitions }) =>
          partitions.map((partition) => ({ topic, partition }))
        )
        const { topics, userData, generationId, rackId } = value
        return [memberId, { memberId, groupInstanceId, topics, userData, generationId, rackId, ownedPartitions }]
      })
    )
    const topics = [...new Set([...members.values()].flatMap((each) => each.topics))]
    await cluster.metadata(topics, { signal })
    this.#leaderTopics = topics
    this.#leaderSnapshot = this.#snapshot()
    const assigned = assignor.assign({ partitions: partitionsOf(cluster, topics), members })
    return [...assigned].map(([memberId, { partitions, userData }]) => ({
      memberId,
      assignment: encodeAssignment(partitions, userData ?? null)
    }))
  }

  #snapshot(): string {
    const { topics } = this.#options.cluster.current
    return this.#leaderTopics.map((topic) => `${topic}:${topics.get(topic)?.partitions.length ?? 0}`).join(' ')
  }

  /** From the join on: an assignment may take its time. */
  #startHeartbeats(): void {
    this.#stopHeartbeats()
    this.#lastAnswerMs = this.#options.cluster.world.clock.monotonicMs()
    this.#failures = 0
    this.#armHeartbeat(this.#options.heartbeatIntervalMs)
  }

  #stopHeartbeats(): void {
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = undefined
  }

  #armHeartbeat(delayMs: number): void {
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = this.#options.cluster.world.timers.schedule(delayMs, () => void this.#heartbeat())
  }

  async #heartbeat(): Promise<void> {
    const { cluster, groupId, groupInstanceId, heartbeatIntervalMs, sessionTimeoutMs, host } = this.#options
    const { memberId, generationId } = this.#member
    if (this.#isHeartbeating || generationId < 0) return
    this.#isHeartbeating = true
    let delayMs = heartbeatIntervalMs
    try {
      const body = { groupId, memberId, generationId, groupInstanceId }
      const { signal } = this.#closing
      const { errorCode } = await cluster.attempt(this.#target, HeartbeatRequest, HeartbeatResponse, body, {
        signal,
        requestTimeoutMs: sessionTimeoutMs
      })
      this.#lastAnswerMs = cluster.world.clock.monotonicMs()
      this.#failures = 0
      const verdict = this.#member.onHeartbeat(errorCode, generationId)
      if (errorCode !== ErrorCode.NONE) {
        this.#notice(errorCode)
        host.wake()
      }
      if (verdict.kind === 'fatal') host.fail(verdict.error)
      if (verdict.kind === 'retry') delayMs = cluster.backoff.initialMs
    } catch (error) {
      if (this.#closing.signal.aborted) return
      cluster.noticeError(this.#target, error)
      delayMs = Math.min(heartbeatIntervalMs, backoffMs(cluster.backoff, this.#failures++, cluster.world))
      if (cluster.world.clock.monotonicMs() - this.#lastAnswerMs > sessionTimeoutMs && this.#member.generationId === generationId) {
        // The coordinator has given the partitions to others by now, or will before it hears of us.
        this.#member.reset('the session timed out without an answer of the coordinator')
        host.wake()
      }
    } finally {
      this.#isHeartbeating = false
    }
    if (this.#member.isMember && this.#heartbeatTimer !== undefined) this.#armHeartbeat(delayMs)
  }

  async #sendLeave(memberId: string, reason: string, timeoutMs: number): Promise<void> {
    const { cluster, groupId, groupInstanceId } = this.#options
    const body = (version: number) => (version < 3 ? { groupId, memberId } : { groupId, members: [{ memberId, groupInstanceId, reason }] })
    await cluster.call(this.#target, LeaveGroupRequest, LeaveGroupResponse, body, { timeoutMs, requestTimeoutMs: timeoutMs })
  }

  #notice(errorCode: number): void {
    this.#options.cluster.noticeError(this.#target, new KafkaError(errorCode))
  }

  #log(message: string, error: unknown): void {
    this.#options.cluster.world.logger.log('WARN', 'odradek.client.Consumer', message, error)
  }
}

/** As Kafka writes it: topics in the order of their first partitions. */
export function encodeAssignment(partitions: readonly TopicPartition[], userData: Buffer | null): Buffer {
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
  const assignedPartitions = [...byTopic].map(([topic, list]) => ({ topic, partitions: list.map(({ partition }) => partition) }))
  return encodeConsumerAssignment({ assignedPartitions, userData }, ConsumerProtocolAssignment.maxVersion)
}

function partitionsOf(cluster: Cluster, topics: readonly string[]): Map<string, AssignorPartition[]> {
  const { current } = cluster
  const found = new Map<string, AssignorPartition[]>()
  for (const topic of topics.toSorted(compareText)) {
    const partitions = current.topics.get(topic)?.partitions ?? []
    found.set(
      topic,
      partitions.map(({ partition, replicas }) => ({
        topic,
        partition,
        racks: replicas.flatMap((id) => current.nodes.get(id)?.rack ?? [])
      }))
    )
  }
  return found
}
