/** OffsetFetch: committed offsets of a group, of given partitions or of all. */
import type { Uuid } from '@odradek/base'
import { ZERO_UUID } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import type { GroupState } from '../group/group-state.ts'
import type { OffsetFetchRequestGroup, OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic } from '../types.ts'
import type { CommittedOffset } from './offset-store.ts'
import { partitionKey } from './offset-store.ts'

const NO_OFFSET = -1
const NO_LEADER_EPOCH = -1

/** Before this version errors of a group were told for each partition. */
const TOP_LEVEL_ERROR_VERSION = 2

/**
 * `committedOffset` undefined asks for the newest state and flags partitions that wait for the end of a transaction
 * (`require_stable`); otherwise it is the state as of that offset. Topics have their names.
 */
export function fetchOffsets(
  state: GroupState,
  request: OffsetFetchRequestGroup,
  committedOffset: number | undefined
): OffsetFetchResponseGroup {
  const { groupId, topics } = request
  const stored = state.groups.get(groupId, committedOffset)
  if (stored !== undefined && stored.type !== 'classic' && request.memberId !== null && request.memberEpoch >= 0) {
    // Members of such groups talk to a coordinator that serves their protocol.
    return { groupId, topics: [], errorCode: ErrorCode.UNKNOWN_MEMBER_ID }
  }
  if (topics === null) return { groupId, topics: fetchAll(state, groupId, committedOffset), errorCode: ErrorCode.NONE }
  const offsets = stored === undefined ? undefined : state.offsets.ofGroup(groupId, committedOffset)
  return {
    groupId,
    errorCode: ErrorCode.NONE,
    topics: topics.map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map((partition) => {
        if (committedOffset === undefined && state.offsets.isUnstable(groupId, name, partition)) return unstable(partition)
        const committed = offsets?.get(partitionKey(name, partition), committedOffset)
        return committed !== undefined && isOfTopic(committed, topicId) ? found(committed) : missing(partition, ErrorCode.NONE)
      })
    }))
  }
}

export function fetchError(request: OffsetFetchRequestGroup, errorCode: number, apiVersion: number): OffsetFetchResponseGroup {
  if (apiVersion >= TOP_LEVEL_ERROR_VERSION) return { groupId: request.groupId, topics: [], errorCode }
  const topics = (request.topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((partition) => missing(partition, errorCode))
  }))
  return { groupId: request.groupId, topics, errorCode }
}

function fetchAll(state: GroupState, groupId: string, committedOffset: number | undefined): OffsetFetchResponseTopic[] {
  const byTopic = new Map<string, OffsetFetchResponsePartition[]>()
  for (const committed of state.offsets.ofGroup(groupId, committedOffset)?.values(committedOffset) ?? []) {
    const { topic, partition } = committed
    const isUnstable = committedOffset === undefined && state.offsets.isUnstable(groupId, topic, partition)
    const partitions = byTopic.get(topic)
    const entry = isUnstable ? unstable(partition) : found(committed)
    if (partitions === undefined) byTopic.set(topic, [entry])
    else partitions.push(entry)
  }
  return Array.from(byTopic, ([name, partitions]) => ({ name, topicId: ZERO_UUID, partitions }))
}

/** A topic that was deleted and made again under its name starts without offsets. */
function isOfTopic(committed: CommittedOffset, topicId: Uuid): boolean {
  return committed.topicId === topicId || committed.topicId === ZERO_UUID || topicId === ZERO_UUID
}

function found({ partition, offset, leaderEpoch, metadata }: CommittedOffset): OffsetFetchResponsePartition {
  return { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: ErrorCode.NONE }
}

function missing(partition: number, errorCode: number): OffsetFetchResponsePartition {
  return { partitionIndex: partition, committedOffset: NO_OFFSET, committedLeaderEpoch: NO_LEADER_EPOCH, metadata: '', errorCode }
}

function unstable(partition: number): OffsetFetchResponsePartition {
  return missing(partition, ErrorCode.UNSTABLE_OFFSET_COMMIT)
}
