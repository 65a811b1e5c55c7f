import type { HeartbeatRequest, HeartbeatResponse } from '@odradek/protocol'
import { ErrorCode, HeartbeatResponse as HeartbeatResponseCodec } from '@odradek/protocol'
import type { GroupState } from './group-state.ts'
import { restartSession } from './rebalance.ts'
import type { GroupResult } from './result.ts'
import { answer } from './result.ts'

export function heartbeat(state: GroupState, request: HeartbeatRequest): GroupResult<HeartbeatResponse> {
  return answer(HeartbeatResponseCodec.create({ errorCode: check(state, request) }))
}

function check(state: GroupState, request: HeartbeatRequest): number {
  const group = state.classicGroup(request.groupId)
  if (group === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  const errorCode = group.validateMember(request.memberId, request.groupInstanceId)
  const member = group.members.get(request.memberId)
  if (errorCode !== ErrorCode.NONE || member === undefined) return errorCode
  if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  if (group.state === 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID
  restartSession(state, group, member)
  return group.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}
