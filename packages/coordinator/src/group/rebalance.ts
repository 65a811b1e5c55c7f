/**
 * The phases of a rebalance of a classic group: prepare (members have to join again), complete the join phase (a new
 * generation), and the timers that force each of them. Steps return the records to write; what members are told goes to
 * their parked requests.
 */
import { ErrorCode, type Input, type JoinGroupResponse } from '@odradek/protocol'
import type { ClassicGroup, ClassicMember } from './classic-group.ts'
import { NO_BYTES } from './classic-group.ts'
import type { GroupState } from './group-state.ts'
import { joinTimer, sessionTimer, syncTimer } from './group-state.ts'
import { groupMetadataRecord } from './records.ts'
import type { GroupStep } from './result.ts'
import { DONE } from './result.ts'

export function rebalanceOrCompleteJoin(state: GroupState, group: ClassicGroup, reason: string): GroupStep {
  return group.canRebalance ? prepareRebalance(state, group, reason) : completeJoinIfAllJoined(state, group)
}

export function prepareRebalance(state: GroupState, group: ClassicGroup, reason: string): GroupStep {
  if (group.state === 'CompletingRebalance') resetAssignments(state, group, ErrorCode.REBALANCE_IN_PROGRESS)
  group.pendingSyncs.clear()
  const { timers } = state.environment
  timers.cancel(syncTimer(group.groupId))
  const isInitial = group.state === 'Empty'
  group.transitionTo('PreparingRebalance', state.now)
  state.log('INFO', group.groupId, `prepares to rebalance from generation ${group.generationId} (reason: ${JSON.stringify(reason)})`)
  if (isInitial) {
    // More members of a new group come soon: wait for them rather than rebalance for each.
    const delayMs = state.config.initialRebalanceDelayMs
    const remainingMs = Math.max(group.rebalanceTimeoutMs - delayMs, 0)
    group.hasNewMember = false
    scheduleInitialRebalance(state, group, delayMs, remainingMs)
    return DONE
  }
  if (group.hasAllMembersJoined) return completeJoin(state, group)
  scheduleJoinEnd(state, group)
  return DONE
}

/** Ends the join phase when nobody is missing. The initial rebalance waits for its delay all the same. */
export function completeJoinIfAllJoined(state: GroupState, group: ClassicGroup): GroupStep {
  const canComplete = group.state === 'PreparingRebalance' && group.previousState !== 'Empty' && group.hasAllMembersJoined
  return canComplete ? completeJoin(state, group) : DONE
}

/** Ends the join phase: who has not joined is out (static members stay), who has learns of the new generation. */
export function completeJoin(state: GroupState, group: ClassicGroup): GroupStep {
  const { timers } = state.environment
  timers.cancel(joinTimer(group.groupId))
  for (const member of [...group.members.values()]) {
    if (member.awaitingJoin !== undefined || member.groupInstanceId !== null) continue
    timers.cancel(sessionTimer(group.groupId, member.memberId))
    group.removeMember(member.memberId)
    state.log('INFO', group.groupId, `member ${JSON.stringify(member.memberId)} did not join in time and is removed`)
  }
  if (!group.electJoinedLeader() && group.members.size > 0) {
    // Only static members are left and none came: wait until one joins or their sessions end.
    scheduleJoinEnd(state, group)
    return DONE
  }
  group.startNextGeneration(state.now)
  if (group.state === 'Empty') {
    state.log('INFO', group.groupId, `with generation ${group.generationId} is now empty`)
    return {
      records: [groupMetadataRecord(group.groupId, group.toRecordValue())],
      response: undefined,
      onAppended: (errorCode) => {
        // Without the record the log knows an older generation with members; their sessions will end when it is loaded.
        if (errorCode === ErrorCode.NONE) state.forgetIfIdle(group)
        else state.log('WARN', group.groupId, `the record of its empty generation could not be written: error code ${errorCode}`)
      }
    }
  }
  state.log('INFO', group.groupId, `has generation ${group.generationId} with ${group.members.size} members`)
  const membersForLeader = group.membersForLeader()
  for (const member of group.members.values()) {
    group.completeJoin(member, joinSuccess(group, member, group.isLeader(member.memberId) ? membersForLeader : []))
    restartSession(state, group, member)
    member.isNew = false
    group.pendingSyncs.add(member.memberId)
  }
  const { generationId } = group
  timers.schedule(syncTimer(group.groupId), group.rebalanceTimeoutMs, () => onSyncTimeout(state, group, generationId))
  return DONE
}

export function joinSuccess(
  group: ClassicGroup,
  member: ClassicMember,
  members: ReturnType<ClassicGroup['membersForLeader']>
): Input<JoinGroupResponse> {
  return {
    errorCode: ErrorCode.NONE,
    memberId: member.memberId,
    generationId: group.generationId,
    protocolType: group.protocolType ?? null,
    protocolName: group.protocolName ?? null,
    leader: group.leaderId ?? '',
    members
  }
}

/** The member is alive: its session starts anew. */
export function restartSession(state: GroupState, group: ClassicGroup, member: ClassicMember, timeoutMs = member.sessionTimeoutMs): void {
  const { memberId } = member
  state.environment.timers.schedule(sessionTimer(group.groupId, memberId), timeoutMs, () => onSessionEnd(state, group, memberId))
}

/** Gives every member its assignment and makes the group stable. */
export function distributeAssignments(state: GroupState, group: ClassicGroup, assignments: ReadonlyMap<string, Buffer>): void {
  for (const member of group.members.values()) {
    member.assignment = assignments.get(member.memberId) ?? NO_BYTES
    const isAnswered = group.completeSync(member, {
      errorCode: ErrorCode.NONE,
      protocolType: group.protocolType ?? null,
      protocolName: group.protocolName ?? null,
      assignment: member.assignment
    })
    // A session that ended while the answer was on its way was let pass, and its timer is gone.
    if (isAnswered) restartSession(state, group, member)
  }
  group.transitionTo('Stable', state.now)
  state.metrics.completedRebalances++
}

/** The assignment in the making is void. */
export function resetAssignments(state: GroupState, group: ClassicGroup, errorCode: number): void {
  for (const member of group.members.values()) {
    member.assignment = NO_BYTES
    if (group.completeSync(member, { errorCode })) restartSession(state, group, member)
  }
}

/** Takes a member out for good and goes on without it. */
export function removeMember(state: GroupState, group: ClassicGroup, member: ClassicMember, reason: string): GroupStep {
  evictMember(group, member)
  switch (group.state) {
    case 'Stable':
    case 'CompletingRebalance':
      return rebalanceOrCompleteJoin(state, group, reason)
    case 'PreparingRebalance':
      return group.hasAllMembersJoined ? completeJoin(state, group) : DONE
    default:
      return DONE
  }
}

/** A parked JoinGroup is answered so that a consumer that is still alive tries again. */
export function evictMember(group: ClassicGroup, member: ClassicMember): void {
  group.completeJoin(member, { memberId: '', errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  group.completeSync(member, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  group.removeMember(member.memberId)
}

/** A member id was given out and nobody came with it, or its owner was heard of no longer. */
export function onSessionEnd(state: GroupState, group: ClassicGroup, memberId: string): GroupStep {
  if (!state.isCurrent(group)) return DONE
  if (group.pendingJoins.has(memberId)) {
    group.removeMember(memberId)
    state.log('INFO', group.groupId, `pending member ${JSON.stringify(memberId)} did not join in time`)
    if (group.state === 'PreparingRebalance' && group.hasAllMembersJoined) return completeJoin(state, group)
    state.forgetIfIdle(group)
    return DONE
  }
  const member = group.members.get(memberId)
  // Who waits for our answer is alive, except for a new member, whose client may have gone while its request is parked.
  if (member === undefined || (!member.isNew && (member.awaitingJoin !== undefined || member.awaitingSync !== undefined))) return DONE
  state.log('INFO', group.groupId, `the session of member ${JSON.stringify(memberId)} ended`)
  return removeMember(state, group, member, `the session of member ${memberId} ended`)
}

function onSyncTimeout(state: GroupState, group: ClassicGroup, generationId: number): GroupStep {
  const isStale = !state.isCurrent(group) || group.generationId !== generationId
  if (isStale || (group.state !== 'CompletingRebalance' && group.state !== 'Stable') || group.pendingSyncs.size === 0) return DONE
  const missing = [...group.pendingSyncs]
  for (const memberId of missing) {
    state.environment.timers.cancel(sessionTimer(group.groupId, memberId))
    group.removeMember(memberId)
  }
  return prepareRebalance(state, group, `${missing.length} members did not ask for their assignment in time`)
}

function scheduleJoinEnd(state: GroupState, group: ClassicGroup): void {
  state.environment.timers.schedule(joinTimer(group.groupId), group.rebalanceTimeoutMs, () => onJoinEnd(state, group))
}

function onJoinEnd(state: GroupState, group: ClassicGroup): GroupStep {
  return state.isCurrent(group) && group.state === 'PreparingRebalance' ? completeJoin(state, group) : DONE
}

function scheduleInitialRebalance(state: GroupState, group: ClassicGroup, delayMs: number, remainingMs: number): void {
  state.environment.timers.schedule(joinTimer(group.groupId), delayMs, () => {
    if (!state.isCurrent(group) || group.state !== 'PreparingRebalance') return DONE
    if (!group.hasNewMember || remainingMs === 0) return completeJoin(state, group)
    group.hasNewMember = false
    scheduleInitialRebalance(state, group, Math.min(state.config.initialRebalanceDelayMs, remainingMs), Math.max(remainingMs - delayMs, 0))
    return DONE
  })
}
