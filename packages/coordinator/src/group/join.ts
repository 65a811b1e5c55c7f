/** JoinGroup: who may join, under which member id, and whether the group has to rebalance for it. */
import type { JoinGroupRequest, JoinGroupResponse } from '@odradek/protocol'
import { ErrorCode, JoinGroupResponse as JoinGroupResponseCodec } from '@odradek/protocol'
import type { ClassicGroup, ClassicMember, MemberProtocol } from './classic-group.ts'
import { areSameProtocols, NO_BYTES } from './classic-group.ts'
import { ALL_METADATA_BYTES_MAX, GROUP_METADATA_BYTES_MAX, NEW_MEMBER_JOIN_TIMEOUT_MS, PENDING_MEMBERS_MAX } from './config.ts'
import type { GroupRequestContext } from './context.ts'
import type { GroupState } from './group-state.ts'
import { sessionTimer } from './group-state.ts'
import {
  completeJoinIfAllJoined,
  joinSuccess,
  onSessionEnd,
  prepareRebalance,
  rebalanceOrCompleteJoin,
  restartSession
} from './rebalance.ts'
import { groupMetadataRecord } from './records.ts'
import type { GroupStep } from './result.ts'
import { clientError, DONE } from './result.ts'

type Answer = (response: JoinGroupResponse) => void

interface Joining {
  readonly context: GroupRequestContext
  readonly request: JoinGroupRequest
  readonly protocols: readonly MemberProtocol[]
  readonly answer: Answer
}

const MEMBER_ID_REQUIRED_VERSION = 4
const SKIP_ASSIGNMENT_VERSION = 9

export function joinGroup(state: GroupState, context: GroupRequestContext, request: JoinGroupRequest, answer: Answer): GroupStep {
  const { groupId, memberId } = request
  const joining: Joining = { context, request, protocols: ownedProtocols(request), answer }
  if (!hasMemoryFor(state, joining)) return refuse(joining, memberId, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  const stored = state.groups.get(groupId)
  if (stored !== undefined && stored.type !== 'classic') {
    // An empty group of a newer type gives way to a classic one; members of both kinds in one group are not built yet.
    if (stored.type === 'share' || !stored.isEmpty()) return refuse(joining, '', ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    if (memberId !== '') return refuse(joining, memberId, ErrorCode.UNKNOWN_MEMBER_ID)
    return joinNewGroup(state, joining, stored.tombstones())
  }
  const group = state.classicGroup(groupId)
  if (group !== undefined) {
    state.keep(group)
    const step = joinExistingGroup(state, group, joining)
    if (step.records.length === 0) state.forgetIfIdle(group)
    return step
  }
  return memberId === '' ? joinNewGroup(state, joining, []) : refuse(joining, memberId, ErrorCode.UNKNOWN_MEMBER_ID)
}

function joinNewGroup(state: GroupState, joining: Joining, tombstones: GroupStep['records']): GroupStep {
  // Nonsense makes no group (Kafka would write one).
  if (joining.request.protocolType === '' || joining.protocols.length === 0)
    return refuse(joining, '', ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  const { group, records, onAppended } = state.createClassicGroup(joining.request.groupId)
  // A new group has nobody to finish a rebalance with: the step writes nothing of its own.
  joinExistingGroup(state, group, joining)
  return { records: [...tombstones, ...records], response: undefined, onAppended }
}

function joinExistingGroup(state: GroupState, group: ClassicGroup, joining: Joining): GroupStep {
  const { memberId } = joining.request
  if (!hasRoomFor(state, group, joining)) {
    refuse(joining, '', ErrorCode.GROUP_MAX_SIZE_REACHED)
    state.environment.timers.cancel(sessionTimer(group.groupId, memberId))
    group.removeMember(memberId)
    return completeJoinIfAllJoined(state, group)
  }
  if (!group.supportsProtocols(joining.request.protocolType, joining.protocols))
    return refuse(joining, memberId, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  return memberId === '' ? joinWithoutMemberId(state, group, joining) : joinWithMemberId(state, group, joining)
}

function joinWithoutMemberId(state: GroupState, group: ClassicGroup, joining: Joining): GroupStep {
  const { context, request } = joining
  const { groupInstanceId } = request
  if (groupInstanceId !== null) {
    const newMemberId = state.newMemberId(groupInstanceId)
    const oldMemberId = group.staticMemberId(groupInstanceId)
    return oldMemberId === undefined
      ? addMember(state, group, joining, newMemberId)
      : replaceStaticMember(state, group, joining, groupInstanceId, oldMemberId, newMemberId)
  }
  const newMemberId = state.newMemberId(context.clientId)
  if (context.apiVersion < MEMBER_ID_REQUIRED_VERSION) return addMember(state, group, joining, newMemberId)
  // KIP-394: who does not come back with the id never becomes a member.
  group.pendingJoins.add(newMemberId)
  state.environment.timers.schedule(sessionTimer(group.groupId, newMemberId), request.sessionTimeoutMs, () =>
    onSessionEnd(state, group, newMemberId)
  )
  return refuse(joining, newMemberId, ErrorCode.MEMBER_ID_REQUIRED)
}

function joinWithMemberId(state: GroupState, group: ClassicGroup, joining: Joining): GroupStep {
  const { memberId, groupInstanceId, reason } = joining.request
  if (group.pendingJoins.has(memberId)) {
    // A static member never got a pending id.
    if (groupInstanceId !== null) return refuse(joining, '', ErrorCode.UNKNOWN_SERVER_ERROR)
    return addMember(state, group, joining, memberId)
  }
  const errorCode = group.validateMember(memberId, groupInstanceId)
  const member = group.members.get(memberId)
  if (errorCode !== ErrorCode.NONE || member === undefined) return refuse(joining, memberId, errorCode)
  const isSame = areSameProtocols(member.protocols, joining.protocols)
  const why = `member ${memberId} joins again; client reason: ${reason || 'not provided'}`
  switch (group.state) {
    case 'PreparingRebalance':
      return rejoin(state, group, member, joining, why)
    case 'CompletingRebalance':
      // The answer to its JoinGroup got lost: give it again. The leader gets the members again.
      if (!isSame) return rejoin(state, group, member, joining, why)
      joining.answer(JoinGroupResponseCodec.create(joinSuccess(group, member, group.isLeader(memberId) ? group.membersForLeader() : [])))
      return DONE
    case 'Stable':
      // The leader joins again when something changed that its metadata does not show, such as the partitions of a topic.
      if (group.isLeader(memberId) || !isSame) return rejoin(state, group, member, joining, why)
      joining.answer(JoinGroupResponseCodec.create(joinSuccess(group, member, [])))
      return DONE
    default:
      return refuse(joining, memberId, ErrorCode.UNKNOWN_MEMBER_ID)
  }
}

function addMember(state: GroupState, group: ClassicGroup, joining: Joining, memberId: string): GroupStep {
  const { context, request, protocols } = joining
  if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.hasNewMember = true
  const member: ClassicMember = {
    memberId,
    groupInstanceId: request.groupInstanceId,
    clientId: context.clientId,
    clientHost: context.clientHost,
    protocolType: request.protocolType,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocols,
    assignment: NO_BYTES,
    isNew: true,
    awaitingJoin: joining.answer,
    awaitingSync: undefined
  }
  group.addMember(member)
  // Its connection says nothing while the request is parked, so a client that is gone would stay for ever.
  restartSession(state, group, member, NEW_MEMBER_JOIN_TIMEOUT_MS)
  return rebalanceOrCompleteJoin(state, group, `member ${memberId} is new; client reason: ${request.reason || 'not provided'}`)
}

function rejoin(state: GroupState, group: ClassicGroup, member: ClassicMember, joining: Joining, reason: string): GroupStep {
  update(group, member, joining)
  return rebalanceOrCompleteJoin(state, group, reason)
}

/** KIP-345: in a stable group the instance goes on with the assignment it had, and nobody rebalances. */
function replaceStaticMember(
  state: GroupState,
  group: ClassicGroup,
  joining: Joining,
  groupInstanceId: string,
  oldMemberId: string,
  newMemberId: string
): GroupStep {
  const leaderBefore = group.leaderId
  const { timers } = state.environment
  timers.cancel(sessionTimer(group.groupId, oldMemberId))
  group.pendingSyncs.delete(oldMemberId)
  const member = group.replaceStaticMember(groupInstanceId, oldMemberId, newMemberId)
  const before = {
    protocols: member.protocols,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
    awaitingJoin: undefined
  }
  update(group, member, joining)
  restartSession(state, group, member)
  if (group.state === 'CompletingRebalance') {
    // The leader may be assigning to the old member id.
    return prepareRebalance(state, group, `static member ${groupInstanceId} came back as ${newMemberId}`)
  }
  if (group.state !== 'Stable') return completeJoinIfAllJoined(state, group)
  if (group.selectProtocol() !== group.protocolName) {
    return rebalanceOrCompleteJoin(state, group, `static member ${groupInstanceId} came back with other protocols`)
  }
  return {
    records: [groupMetadataRecord(group.groupId, group.toRecordValue())],
    response: undefined,
    onAppended: (errorCode) => {
      if (!state.isCurrent(group) || group.members.get(newMemberId) !== member) return
      if (errorCode === ErrorCode.NONE) {
        const canSkip = joining.context.apiVersion >= SKIP_ASSIGNMENT_VERSION
        const isLeader = canSkip && group.isLeader(newMemberId)
        group.completeJoin(member, {
          ...joinSuccess(group, member, isLeader ? group.membersForLeader() : []),
          // An older client told that it leads would assign anew, so it hears of the leader before.
          leader: (canSkip ? group.leaderId : leaderBefore) ?? '',
          skipAssignment: isLeader
        })
        return
      }
      group.completeJoin(member, {
        ...joinSuccess(group, member, []),
        errorCode: clientError(errorCode),
        memberId: '',
        leader: leaderBefore ?? ''
      })
      group.updateMember(member, before)
      timers.cancel(sessionTimer(group.groupId, newMemberId))
      restartSession(state, group, group.replaceStaticMember(groupInstanceId, newMemberId, oldMemberId))
    }
  }
}

function update(group: ClassicGroup, member: ClassicMember, { request, protocols, answer }: Joining): void {
  // A client that gave up waiting sends the request again; its first answer goes nowhere, but it must go.
  group.completeJoin(member, { memberId: member.memberId, errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  group.updateMember(member, {
    protocols,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    sessionTimeoutMs: request.sessionTimeoutMs,
    awaitingJoin: answer
  })
}

function refuse(joining: Joining, memberId: string, errorCode: number): GroupStep {
  joining.answer(JoinGroupResponseCodec.create({ memberId, errorCode, protocolName: null }))
  return DONE
}

/** Who is a member already takes no more than it gives back, nearly. */
function hasMemoryFor(state: GroupState, { request, protocols }: Joining): boolean {
  if (state.activeGroup(request.groupId)?.members.has(request.memberId) === true) return true
  return state.metrics.memberMetadataBytes + bytesOf(protocols) <= ALL_METADATA_BYTES_MAX
}

function bytesOf(protocols: readonly MemberProtocol[]): number {
  return protocols.reduce((sum, { metadata }) => sum + metadata.length, 0)
}

function hasRoomFor(state: GroupState, group: ClassicGroup, { request, protocols }: Joining): boolean {
  const { memberId } = request
  const member = group.members.get(memberId)
  if (group.metadataBytes + bytesOf(protocols) - bytesOf(member?.protocols ?? []) > GROUP_METADATA_BYTES_MAX) return false
  if (memberId === '' && group.pendingJoins.size >= PENDING_MEMBERS_MAX) return false
  const max = state.config.groupMembersMax
  switch (group.state) {
    case 'PreparingRebalance':
      // Counted by those who have joined: when the limit was lowered, the last to come are the ones to go.
      return member?.awaitingJoin !== undefined || group.awaitingJoins < max
    case 'CompletingRebalance':
    case 'Stable':
      return member !== undefined || group.members.size < max
    default:
      return true
  }
}

/** The request's protocols as the group may keep them: the first of each name, with bytes of their own. */
function ownedProtocols(request: JoinGroupRequest): MemberProtocol[] {
  const names = new Set<string>()
  const protocols: MemberProtocol[] = []
  for (const { name, metadata } of request.protocols) {
    if (names.has(name)) continue
    names.add(name)
    protocols.push({ name, metadata: Buffer.from(metadata) })
  }
  return protocols
}
