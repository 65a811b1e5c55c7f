/** SyncGroup: the leader brings the assignments, the others wait for theirs. */
import type { SyncGroupRequest, SyncGroupResponse } from '@odradek/protocol'
import { ErrorCode, SyncGroupResponse as SyncGroupResponseCodec } from '@odradek/protocol'
import type { ClassicGroup, ClassicMember } from './classic-group.ts'
import type { GroupState } from './group-state.ts'
import { syncTimer } from './group-state.ts'
import { distributeAssignments, rebalanceOrCompleteJoin, resetAssignments } from './rebalance.ts'
import { groupMetadataRecord } from './records.ts'
import type { GroupStep } from './result.ts'
import { clientError, DONE } from './result.ts'

type Answer = (response: SyncGroupResponse) => void

export function syncGroup(state: GroupState, request: SyncGroupRequest, answer: Answer): GroupStep {
  const group = state.classicGroup(request.groupId)
  const errorCode = group === undefined ? ErrorCode.UNKNOWN_MEMBER_ID : validate(group, request)
  const member = group?.members.get(request.memberId)
  if (errorCode !== ErrorCode.NONE || group === undefined || member === undefined) {
    answer(SyncGroupResponseCodec.create({ errorCode }))
    return DONE
  }
  group.pendingSyncs.delete(member.memberId)
  if (group.pendingSyncs.size === 0) state.environment.timers.cancel(syncTimer(group.groupId))
  if (group.state === 'Stable') {
    const { assignment } = member
    answer(
      SyncGroupResponseCodec.create({ protocolType: group.protocolType ?? null, protocolName: group.protocolName ?? null, assignment })
    )
    return DONE
  }
  // A client that gave up waiting sends the request again; its first answer goes nowhere, but it must go.
  group.completeSync(member, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  member.awaitingSync = answer
  return group.isLeader(member.memberId) ? acceptAssignments(state, group, member, request) : DONE
}

function validate(group: ClassicGroup, request: SyncGroupRequest): number {
  const errorCode = group.validateMember(request.memberId, request.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  // KIP-559: a member that works with another protocol than the group must not take the assignment for one of its own.
  if (isOther(request.protocolType, group.protocolType) || isOther(request.protocolName, group.protocolName)) {
    return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
  }
  return group.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}

function isOther(ofMember: string | null, ofGroup: string | undefined): boolean {
  return ofMember !== null && ofGroup !== undefined && ofMember !== ofGroup
}

/** Members get their assignments once the log has them. Whom the leader left out gets an empty one. */
function acceptAssignments(state: GroupState, group: ClassicGroup, leader: ClassicMember, request: SyncGroupRequest): GroupStep {
  const assignments = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)]))
  const { generationId } = group
  return {
    records: [groupMetadataRecord(group.groupId, group.toRecordValue(assignments))],
    response: undefined,
    onAppended: (appendError) => {
      // Members may have come or gone while the record was on its way: then another rebalance has begun.
      if (!state.isCurrent(group) || group.state !== 'CompletingRebalance' || group.generationId !== generationId) return
      if (appendError === ErrorCode.NONE) {
        distributeAssignments(state, group, assignments)
        return
      }
      resetAssignments(state, group, clientError(appendError))
      // Members are there and none has joined, so this step has nothing to write.
      rebalanceOrCompleteJoin(state, group, `the assignments of leader ${leader.memberId} could not be stored`)
    }
  }
}
