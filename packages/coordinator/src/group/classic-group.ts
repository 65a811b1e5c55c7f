/**
 * The membership of one classic group while this node coordinates it: members, who waits in the rebalance, votes for a
 * protocol. This is soft state: it is lost with the coordinator by the protocol's design, and what must survive is the
 * GroupMetadata record that the handlers write when a generation is stable or empty. Handlers own all transitions and
 * timers; here are only the rules that hold inside one group. Every step is O(1) in the members except those that end a
 * phase of a rebalance.
 */
import { assert } from '@odradek/base'
import type { GroupMetadataValue, JoinGroupResponse, SyncGroupResponse } from '@odradek/protocol'
import {
  ErrorCode,
  GroupMetadataValue as GroupMetadataValueCodec,
  JoinGroupResponse as JoinGroupResponseCodec,
  SyncGroupResponse as SyncGroupResponseCodec
} from '@odradek/protocol'
import type { JoinedMember } from '../types.ts'
import { CONSUMER_PROTOCOL_TYPE, subscribedTopicsOf } from './consumer-protocol.ts'

export type ClassicGroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

export interface MemberProtocol {
  readonly name: string
  /** Opaque; owned by the group (a copy, not a view into a request). */
  readonly metadata: Buffer
}

export interface ClassicMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly protocolType: string
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  protocols: readonly MemberProtocol[]
  /** Opaque. */
  assignment: Buffer
  /** Joined since the last completed join phase: its session runs even while its JoinGroup is parked. */
  isNew: boolean
  awaitingJoin: ((response: JoinGroupResponse) => void) | undefined
  awaitingSync: ((response: SyncGroupResponse) => void) | undefined
}

export const NO_BYTES = Buffer.alloc(0)

const PREVIOUS_STATES: Record<ClassicGroupState, readonly ClassicGroupState[]> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Stable', 'CompletingRebalance', 'Empty'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Stable', 'PreparingRebalance', 'CompletingRebalance', 'Empty', 'Dead']
}

export class ClassicGroup {
  readonly groupId: string
  /** In the order of joining. */
  readonly members = new Map<string, ClassicMember>()
  /** Member ids given out that nobody has joined with yet (KIP-394). */
  readonly pendingJoins = new Set<string>()
  /** Members of the new generation that have not asked for their assignment yet. */
  readonly pendingSyncs = new Set<string>()
  state: ClassicGroupState = 'Empty'
  previousState: ClassicGroupState = 'Dead'
  generationId = 0
  protocolType: string | undefined
  protocolName: string | undefined
  leaderId: string | undefined
  /** Wall clock of the last transition; -1 when a group of an old record does not say. */
  currentStateTimestamp: number
  /** Someone joined while the initial rebalance waits: it may wait longer. */
  hasNewMember = false
  /** Topics of the consumers' subscriptions; undefined when unknown. */
  subscribedTopics: ReadonlySet<string> | undefined
  readonly #memberIdByInstance = new Map<string, string>()
  readonly #supporters = new Map<string, number>()
  #awaitingJoins = 0
  #metadataBytes = 0
  /** Where the bytes are counted while the group is at work. */
  #total: { memberMetadataBytes: number } | undefined

  constructor(groupId: string, currentStateTimestamp: number) {
    this.groupId = groupId
    this.currentStateTimestamp = currentStateTimestamp
  }

  /** The group as its last record says. */
  static restore(groupId: string, value: GroupMetadataValue): ClassicGroup {
    const group = new ClassicGroup(groupId, value.currentStateTimestamp)
    group.generationId = value.generation
    group.protocolName = value.protocol ?? undefined
    for (const member of value.members) {
      group.addMember({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        protocolType: value.protocolType,
        rebalanceTimeoutMs: member.rebalanceTimeout === -1 ? member.sessionTimeout : member.rebalanceTimeout,
        sessionTimeoutMs: member.sessionTimeout,
        protocols: [{ name: value.protocol ?? '', metadata: member.subscription }],
        assignment: member.assignment,
        isNew: false,
        awaitingJoin: undefined,
        awaitingSync: undefined
      })
    }
    group.protocolType = value.protocolType === '' ? undefined : value.protocolType
    group.leaderId = value.leader ?? undefined
    group.state = group.members.size === 0 ? 'Empty' : 'Stable'
    group.subscribedTopics = group.#computeSubscribedTopics()
    return group
  }

  get awaitingJoins(): number {
    return this.#awaitingJoins
  }

  /** Bytes of subscription metadata held for all members. */
  get metadataBytes(): number {
    return this.#metadataBytes
  }

  /** From now on `total` has the bytes of this group's metadata too; undefined: no longer. */
  countMetadataIn(total: { memberMetadataBytes: number } | undefined): void {
    if (this.#total !== undefined) this.#total.memberMetadataBytes -= this.#metadataBytes
    if (total !== undefined) total.memberMetadataBytes += this.#metadataBytes
    this.#total = total
  }

  get hasAllMembersJoined(): boolean {
    return this.members.size === this.#awaitingJoins && this.pendingJoins.size === 0
  }

  get canRebalance(): boolean {
    return PREVIOUS_STATES.PreparingRebalance.includes(this.state)
  }

  get usesConsumerProtocol(): boolean {
    return this.protocolType === CONSUMER_PROTOCOL_TYPE
  }

  get rebalanceTimeoutMs(): number {
    let max = 0
    for (const member of this.members.values()) max = Math.max(max, member.rebalanceTimeoutMs)
    return max
  }

  /** Nobody is a member or may become one without asking: the record says all there is. */
  get isIdle(): boolean {
    return this.state === 'Empty' && this.members.size === 0 && this.pendingJoins.size === 0
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.#memberIdByInstance.get(groupInstanceId)
  }

  /** 0, or why a request of this identity is refused. */
  validateMember(memberId: string, groupInstanceId: string | null): number {
    if (groupInstanceId !== null) {
      const current = this.#memberIdByInstance.get(groupInstanceId)
      if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
      if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID
    }
    return this.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
  }

  /** Could a member of this type and these protocols work with the members that are there? */
  supportsProtocols(protocolType: string, protocols: readonly { readonly name: string }[]): boolean {
    if (this.state === 'Empty') return protocolType !== '' && protocols.length > 0
    return this.protocolType === protocolType && protocols.some(({ name }) => (this.#supporters.get(name) ?? 0) === this.members.size)
  }

  addMember(member: ClassicMember): void {
    assert(!this.members.has(member.memberId), 'the member is in the group already')
    if (member.groupInstanceId !== null) {
      assert(!this.#memberIdByInstance.has(member.groupInstanceId), 'the group instance id is taken')
      this.#memberIdByInstance.set(member.groupInstanceId, member.memberId)
    }
    if (this.members.size === 0) this.protocolType = member.protocolType
    this.leaderId ??= member.memberId
    this.members.set(member.memberId, member)
    this.#countProtocols(member, 1)
    if (member.awaitingJoin !== undefined) this.#awaitingJoins++
    this.pendingJoins.delete(member.memberId)
  }

  /** Forgets a member or a pending member id. Its parked requests are the caller's to answer before. */
  removeMember(memberId: string): void {
    const member = this.members.get(memberId)
    if (member !== undefined) {
      this.members.delete(memberId)
      this.#countProtocols(member, -1)
      if (member.awaitingJoin !== undefined) this.#awaitingJoins--
      if (member.groupInstanceId !== null) this.#memberIdByInstance.delete(member.groupInstanceId)
    }
    if (this.leaderId === memberId) this.leaderId = this.members.keys().next().value
    this.pendingJoins.delete(memberId)
    this.pendingSyncs.delete(memberId)
  }

  updateMember(
    member: ClassicMember,
    update: Pick<ClassicMember, 'protocols' | 'rebalanceTimeoutMs' | 'sessionTimeoutMs' | 'awaitingJoin'>
  ): void {
    this.#countProtocols(member, -1)
    member.protocols = update.protocols
    this.#countProtocols(member, 1)
    member.rebalanceTimeoutMs = update.rebalanceTimeoutMs
    member.sessionTimeoutMs = update.sessionTimeoutMs
    this.#awaitingJoins += (update.awaitingJoin === undefined ? 0 : 1) - (member.awaitingJoin === undefined ? 0 : 1)
    member.awaitingJoin = update.awaitingJoin
  }

  /** KIP-345: the same instance comes back under a new member id and takes the old one's place; parked requests of the old one are fenced. */
  replaceStaticMember(groupInstanceId: string, oldMemberId: string, newMemberId: string): ClassicMember {
    const old = this.members.get(oldMemberId)
    assert(old !== undefined, 'a static member to replace is a member')
    this.completeJoin(old, { memberId: oldMemberId, errorCode: ErrorCode.FENCED_INSTANCE_ID, protocolName: null })
    this.completeSync(old, { errorCode: ErrorCode.FENCED_INSTANCE_ID })
    const replacement: ClassicMember = { ...old, memberId: newMemberId, isNew: false }
    this.members.delete(oldMemberId)
    this.members.set(newMemberId, replacement)
    this.#memberIdByInstance.set(groupInstanceId, newMemberId)
    if (this.leaderId === oldMemberId) this.leaderId = newMemberId
    return replacement
  }

  /** Answers a parked JoinGroup; false when none is parked. */
  completeJoin(member: ClassicMember, response: Parameters<typeof JoinGroupResponseCodec.create>[0]): boolean {
    const answer = member.awaitingJoin
    if (answer === undefined) return false
    member.awaitingJoin = undefined
    this.#awaitingJoins--
    answer(JoinGroupResponseCodec.create(response))
    return true
  }

  /** Answers a parked SyncGroup; false when none is parked. */
  completeSync(member: ClassicMember, response: Parameters<typeof SyncGroupResponseCodec.create>[0]): boolean {
    const answer = member.awaitingSync
    if (answer === undefined) return false
    member.awaitingSync = undefined
    answer(SyncGroupResponseCodec.create(response))
    return true
  }

  /** Makes sure that the leader is one who joined; false when nobody did. */
  electJoinedLeader(): boolean {
    if (this.leaderId === undefined) return false
    if (this.members.get(this.leaderId)?.awaitingJoin !== undefined) return true
    for (const member of this.members.values()) {
      if (member.awaitingJoin !== undefined) {
        this.leaderId = member.memberId
        return true
      }
    }
    return false
  }

  transitionTo(state: ClassicGroupState, now: number): void {
    assert(PREVIOUS_STATES[state].includes(this.state), `a group in state ${this.state} cannot become ${state}`)
    this.previousState = this.state
    this.state = state
    this.currentStateTimestamp = now
  }

  /** The join phase is over: the next generation starts with the members there are, or the group is empty. */
  startNextGeneration(now: number): void {
    this.generationId++
    const isEmpty = this.members.size === 0
    this.protocolName = isEmpty ? undefined : this.selectProtocol()
    this.subscribedTopics = this.#computeSubscribedTopics()
    this.transitionTo(isEmpty ? 'Empty' : 'CompletingRebalance', now)
    this.pendingSyncs.clear()
  }

  /** The protocol that most members list first among those that all support. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const vote = member.protocols.find(({ name }) => this.#supporters.get(name) === this.members.size)
      assert(vote !== undefined, 'the members of a group have a protocol in common')
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    let selected = ''
    let most = 0
    for (const [name, count] of votes) {
      if (count > most) [selected, most] = [name, count]
    }
    return selected
  }

  /** What the leader needs to assign partitions. */
  membersForLeader(): JoinedMember[] {
    return Array.from(this.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      metadata: this.metadataOf(member)
    }))
  }

  /** The member's metadata of the protocol that the generation uses. */
  metadataOf(member: ClassicMember): Buffer {
    return member.protocols.find(({ name }) => name === this.protocolName)?.metadata ?? NO_BYTES
  }

  /** Would deleting committed offsets of this topic take them from a consumer at work? */
  isSubscribedToTopic(topic: string): boolean {
    return this.subscribedTopics?.has(topic) ?? this.usesConsumerProtocol
  }

  /** What the log is to remember of the group; `assignments` stand in for those the members have. */
  toRecordValue(assignments?: ReadonlyMap<string, Buffer>): GroupMetadataValue {
    return GroupMetadataValueCodec.create({
      protocolType: this.protocolType ?? '',
      generation: this.generationId,
      protocol: this.protocolName ?? null,
      leader: this.leaderId ?? null,
      currentStateTimestamp: this.currentStateTimestamp,
      members: Array.from(this.members.values(), (member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: this.metadataOf(member),
        assignment: assignments === undefined ? member.assignment : (assignments.get(member.memberId) ?? NO_BYTES)
      }))
    })
  }

  #countProtocols(member: ClassicMember, by: 1 | -1): void {
    for (const { name, metadata } of member.protocols) {
      const count = (this.#supporters.get(name) ?? 0) + by
      if (count === 0) this.#supporters.delete(name)
      else this.#supporters.set(name, count)
      this.#metadataBytes += by * metadata.length
      if (this.#total !== undefined) this.#total.memberMetadataBytes += by * metadata.length
    }
  }

  #computeSubscribedTopics(): ReadonlySet<string> | undefined {
    if (!this.usesConsumerProtocol) return undefined
    const topics = new Set<string>()
    for (const member of this.members.values()) {
      const subscribed = subscribedTopicsOf(this.metadataOf(member))
      if (subscribed === undefined) return undefined
      for (const topic of subscribed) topics.add(topic)
    }
    return topics
  }
}

/** Two members mean the same when they list the same protocols in the same order with the same bytes. */
export function areSameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  return a.length === b.length && a.every(({ name, metadata }, index) => b[index].name === name && b[index].metadata.equals(metadata))
}
