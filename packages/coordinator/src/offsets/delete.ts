/** What deletes committed offsets on request: OffsetDelete, DeleteGroups, the deletion of topics. */
import type { Uuid } from '@odradek/base'
import { ZERO_UUID } from '@odradek/base'
import type { OffsetDeleteRequest, OffsetDeleteResponse } from '@odradek/protocol'
import { ErrorCode, OffsetDeleteResponse as OffsetDeleteResponseCodec } from '@odradek/protocol'
import type { GroupState } from '../group/group-state.ts'
import type { GroupRecord } from '../group/records.ts'
import { groupTombstone, offsetTombstone } from '../group/records.ts'
import type { GroupResult, GroupStep } from '../group/result.ts'
import { answer } from '../group/result.ts'
import type { DeletableGroupResult } from '../types.ts'

export function deleteOffsets(state: GroupState, request: OffsetDeleteRequest): GroupResult<OffsetDeleteResponse> {
  const { groupId } = request
  const errorCode = validateOffsetDelete(state, groupId)
  if (errorCode !== ErrorCode.NONE) return answer(OffsetDeleteResponseCodec.create({ errorCode }))
  const group = state.classicGroup(groupId)
  const records: GroupRecord[] = []
  const topics = request.topics.map(({ name, partitions }) => {
    const isSubscribed = group?.isSubscribedToTopic(name) ?? false
    for (const { partitionIndex } of isSubscribed ? [] : partitions) {
      const exists =
        state.offsets.get(groupId, name, partitionIndex) !== undefined || state.offsets.isUnstable(groupId, name, partitionIndex)
      if (exists) records.push(offsetTombstone(groupId, name, partitionIndex))
    }
    const partitionError = isSubscribed ? ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC : ErrorCode.NONE
    return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: partitionError })) }
  })
  state.metrics.offsetDeletions += records.length
  return { records, response: OffsetDeleteResponseCodec.create({ topics }) }
}

function validateOffsetDelete(state: GroupState, groupId: string): number {
  const stored = state.groups.get(groupId)
  if (stored === undefined || stored.type === 'share') return ErrorCode.GROUP_ID_NOT_FOUND
  if (stored.type !== 'classic') return stored.isEmpty() ? ErrorCode.NONE : ErrorCode.NON_EMPTY_GROUP
  const group = state.classicGroup(groupId)
  // Of consumers the subscriptions are known, so a topic that nobody reads may go.
  return group === undefined || group.state === 'Empty' || group.usesConsumerProtocol ? ErrorCode.NONE : ErrorCode.NON_EMPTY_GROUP
}

export function deleteGroups(state: GroupState, groupIds: readonly string[]): GroupResult<DeletableGroupResult[]> {
  const records: GroupRecord[] = []
  const results = [...new Set(groupIds)].map((groupId) => {
    const errorCode = validateDeleteGroup(state, groupId)
    if (errorCode === ErrorCode.NONE) {
      const offsets = offsetTombstones(state, groupId)
      state.metrics.offsetDeletions += offsets.length
      records.push(...offsets, ...groupTombstones(state, groupId))
    }
    return { groupId, errorCode }
  })
  return { records, response: results }
}

function validateDeleteGroup(state: GroupState, groupId: string): number {
  const stored = state.groups.get(groupId)
  if (stored === undefined) return ErrorCode.GROUP_ID_NOT_FOUND
  // The state of a share group lies with the share coordinator, which has to let go of it first.
  if (stored.type === 'share') return ErrorCode.UNSUPPORTED_VERSION
  const isEmpty = stored.type === 'classic' ? state.classicGroup(groupId)?.state === 'Empty' : stored.isEmpty()
  return isEmpty ? ErrorCode.NONE : ErrorCode.NON_EMPTY_GROUP
}

/** Records that end an empty group; its timers and soft state end now. */
export function groupTombstones(state: GroupState, groupId: string): readonly GroupRecord[] {
  const stored = state.groups.get(groupId)
  if (stored === undefined) return []
  if (stored.type !== 'classic') return stored.tombstones()
  state.forget(groupId)
  return [groupTombstone(groupId)]
}

function offsetTombstones(state: GroupState, groupId: string): GroupRecord[] {
  const committed = [...(state.offsets.ofGroup(groupId)?.values() ?? [])]
  const pending = state.offsets
    .unstablePartitions(groupId)
    .filter(({ topic, partition }) => state.offsets.get(groupId, topic, partition) === undefined)
  return [...committed, ...pending].map(({ topic, partition }) => offsetTombstone(groupId, topic, partition))
}

export interface DeletedTopic {
  readonly topicId: Uuid
  readonly name: string
}

/** Offsets of a deleted topic mean nothing to a new one of its name. */
export function onTopicsDeleted(state: GroupState, topics: readonly DeletedTopic[]): GroupStep {
  const idByName = new Map(topics.map(({ name, topicId }) => [name, topicId]))
  const records = new Map<string, GroupRecord>()
  const remove = (groupId: string, { topic, partition, topicId }: { topic: string; partition: number; topicId: Uuid }): void => {
    const deletedId = idByName.get(topic)
    if (deletedId === undefined || (topicId !== ZERO_UUID && topicId !== deletedId)) return
    records.set(`${partition}:${topic.length}:${topic}${groupId}`, offsetTombstone(groupId, topic, partition))
  }
  for (const [groupId, offsets] of state.offsets.groups()) for (const committed of offsets.values()) remove(groupId, committed)
  for (const pending of state.offsets.pendingCommits()) remove(pending.groupId, pending)
  return { records: [...records.values()], response: undefined, isSplittable: true }
}
