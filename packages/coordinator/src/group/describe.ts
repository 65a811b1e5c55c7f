/** ListGroups and DescribeGroups, as of a committed offset of the shard. */
import { ErrorCode } from '@odradek/protocol'
import type { DescribedGroup, ListedGroup } from '../types.ts'
import { ClassicGroup, NO_BYTES } from './classic-group.ts'
import type { GroupState } from './group-state.ts'
import type { StoredGroup } from './group-store.ts'

const GROUP_NOT_FOUND_VERSION = 6

export function listGroups(
  state: GroupState,
  filters: { states: readonly string[]; types: readonly string[] },
  committedOffset: number
): ListedGroup[] {
  const states = new Set(filters.states.map((name) => name.toLowerCase().trim()))
  const types = new Set(filters.types.map((name) => name.toLowerCase()))
  const listed: ListedGroup[] = []
  for (const [groupId, stored] of state.groups.entries(committedOffset)) {
    if (types.size > 0 && !types.has(stored.type)) continue
    const group = outlineOf(state, groupId, stored, committedOffset)
    if (states.size > 0 && !states.has(group.groupState.toLowerCase())) continue
    listed.push({ groupId, groupType: stored.type, ...group })
  }
  return listed
}

function outlineOf(
  state: GroupState,
  groupId: string,
  stored: StoredGroup,
  committedOffset: number
): { groupState: string; protocolType: string } {
  if (stored.type !== 'classic') return { groupState: stored.isEmpty(committedOffset) ? 'Empty' : 'Stable', protocolType: stored.type }
  const group = state.activeGroup(groupId)
  if (group !== undefined) return { groupState: group.state, protocolType: group.protocolType ?? '' }
  return { groupState: stored.value.members.length === 0 ? 'Empty' : 'Stable', protocolType: stored.value.protocolType }
}

export function describeGroup(state: GroupState, groupId: string, apiVersion: number, committedOffset: number): DescribedGroup {
  const stored = state.groups.get(groupId, committedOffset)
  if (stored === undefined || stored.type !== 'classic') {
    const errorMessage = stored === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a classic group.`
    // Before version 6 a group that is not there was described as a dead one.
    return apiVersion >= GROUP_NOT_FOUND_VERSION
      ? describedError(groupId, ErrorCode.GROUP_ID_NOT_FOUND, errorMessage)
      : describedError(groupId, ErrorCode.NONE)
  }
  const group = state.activeGroup(groupId) ?? ClassicGroup.restore(groupId, stored.value)
  const isStable = group.state === 'Stable'
  return {
    ...describedError(groupId, ErrorCode.NONE),
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: isStable ? (group.protocolName ?? '') : '',
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isStable ? group.metadataOf(member) : NO_BYTES,
      memberAssignment: member.assignment
    }))
  }
}

const AUTHORIZED_OPERATIONS_OMITTED = -2147483648

export function describedError(groupId: string, errorCode: number, errorMessage: string | null = null): DescribedGroup {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: errorCode === ErrorCode.NONE || errorCode === ErrorCode.GROUP_ID_NOT_FOUND ? 'Dead' : '',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: AUTHORIZED_OPERATIONS_OMITTED
  }
}
