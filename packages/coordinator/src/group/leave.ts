/** LeaveGroup, one member or many: members themselves, or an administrator who names static members by their instance. */
import type { LeaveGroupRequest, LeaveGroupResponse } from '@odradek/protocol'
import { ErrorCode, LeaveGroupResponse as LeaveGroupResponseCodec } from '@odradek/protocol'
import type { LeavingMember } from '../types.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { GroupState } from './group-state.ts'
import { sessionTimer } from './group-state.ts'
import { completeJoinIfAllJoined, evictMember, rebalanceOrCompleteJoin } from './rebalance.ts'
import type { GroupResult, GroupStep } from './result.ts'
import { answer, DONE } from './result.ts'

export function leaveGroup(state: GroupState, request: LeaveGroupRequest): GroupResult<LeaveGroupResponse> {
  const group = state.classicGroup(request.groupId)
  if (group === undefined) return answer(response(request, () => ErrorCode.UNKNOWN_MEMBER_ID))
  let hasLeft = false
  const answered = response(request, (identity) => {
    const errorCode = leave(state, group, identity)
    hasLeft ||= errorCode === ErrorCode.NONE
    return errorCode
  })
  const step = hasLeft ? goOn(state, group) : DONE
  if (step.records.length === 0) state.forgetIfIdle(group)
  return { ...step, response: answered }
}

function goOn(state: GroupState, group: ClassicGroup): GroupStep {
  switch (group.state) {
    case 'Stable':
    case 'CompletingRebalance':
      return rebalanceOrCompleteJoin(state, group, 'members left')
    case 'PreparingRebalance':
      return completeJoinIfAllJoined(state, group)
    default:
      return DONE
  }
}

function leave(state: GroupState, group: ClassicGroup, identity: LeavingMember): number {
  const { groupInstanceId } = identity
  const memberId = identity.memberId === '' && groupInstanceId !== null ? group.staticMemberId(groupInstanceId) : identity.memberId
  if (memberId === undefined || memberId === '') return ErrorCode.UNKNOWN_MEMBER_ID
  if (!group.pendingJoins.has(memberId)) {
    const errorCode = group.validateMember(memberId, groupInstanceId)
    if (errorCode !== ErrorCode.NONE) return errorCode
  }
  state.environment.timers.cancel(sessionTimer(group.groupId, memberId))
  const member = group.members.get(memberId)
  if (member === undefined) group.removeMember(memberId)
  else evictMember(group, member)
  state.log(
    'INFO',
    group.groupId,
    `member ${JSON.stringify(memberId)} left; client reason: ${JSON.stringify(identity.reason ?? 'not provided')}`
  )
  return ErrorCode.NONE
}

function response(request: LeaveGroupRequest, errorCodeOf: (identity: LeavingMember) => number): LeaveGroupResponse {
  return LeaveGroupResponseCodec.create({
    members: request.members.map((identity) => ({
      memberId: identity.memberId,
      groupInstanceId: identity.groupInstanceId,
      errorCode: errorCodeOf(identity)
    }))
  })
}
