/** OffsetCommit and TxnOffsetCommit: who may commit for a group, and what is written. */
import type { Uuid } from '@odradek/base'
import { ZERO_UUID } from '@odradek/base'
import type { OffsetCommitRequest, OffsetCommitResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '@odradek/protocol'
import {
  ErrorCode,
  OffsetCommitResponse as OffsetCommitResponseCodec,
  TxnOffsetCommitResponse as TxnOffsetCommitResponseCodec
} from '@odradek/protocol'
import type { ClassicGroup } from '../group/classic-group.ts'
import type { GroupState } from '../group/group-state.ts'
import { restartSession } from '../group/rebalance.ts'
import type { GroupRecord } from '../group/records.ts'
import { offsetCommitRecord } from '../group/records.ts'
import type { GroupResult } from '../group/result.ts'
import { answer } from '../group/result.ts'

interface Committer {
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** -1 from a consumer or an administrator outside of the group's membership. */
  readonly generationId: number
  readonly isTransactional: boolean
}

interface PartitionCommit {
  readonly committedOffset: number
  readonly committedLeaderEpoch: number
  readonly committedMetadata: string | null
}

const NO_RETENTION = -1
/** From this version on clients understand that a group does not exist. */
const GROUP_NOT_FOUND_VERSION = 9

/** The topics have name and id: whoever calls has looked one up by the other and has left out topics that are not there. */
export function commitOffsets(state: GroupState, apiVersion: number, request: OffsetCommitRequest): GroupResult<OffsetCommitResponse> {
  const committer = {
    groupId: request.groupId,
    memberId: request.memberId,
    groupInstanceId: request.groupInstanceId,
    generationId: request.generationIdOrMemberEpoch,
    isTransactional: false
  }
  const errorCode = validate(
    state,
    committer,
    apiVersion >= GROUP_NOT_FOUND_VERSION ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION
  )
  if (errorCode !== ErrorCode.NONE) return answer(commitError(request, errorCode))
  keepAlive(state, committer)
  const { now } = state
  // Whatever a client asks for has to fit the record.
  const expiry = Math.min(Math.max(now + request.retentionTimeMs, 0), Number.MAX_SAFE_INTEGER)
  const expireTimestamp = request.retentionTimeMs === NO_RETENTION ? -1 : expiry
  const records: GroupRecord[] = []
  const topics = request.topics.map((topic) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitions.map((partition) => ({
      partitionIndex: partition.partitionIndex,
      errorCode: commit(state, records, request.groupId, topic, partition, now, expireTimestamp)
    }))
  }))
  state.metrics.offsetCommits += records.length
  return { records, response: OffsetCommitResponseCodec.create({ topics }) }
}

/** The records belong to the producer's transaction: they count once its marker has come. */
export function commitTransactionalOffsets(state: GroupState, request: TxnOffsetCommitRequest): GroupResult<TxnOffsetCommitResponse> {
  const errorCode = validate(state, { ...request, isTransactional: true }, ErrorCode.ILLEGAL_GENERATION)
  if (errorCode !== ErrorCode.NONE) return answer(transactionalCommitError(request, errorCode))
  const { now } = state
  const records: GroupRecord[] = []
  const topics = request.topics.map((topic) => ({
    name: topic.name,
    partitions: topic.partitions.map((partition) => ({
      partitionIndex: partition.partitionIndex,
      errorCode: commit(state, records, request.groupId, { name: topic.name, topicId: ZERO_UUID }, partition, now, -1)
    }))
  }))
  state.metrics.offsetCommits += records.length
  return { records, response: TxnOffsetCommitResponseCodec.create({ topics }) }
}

export function commitError(request: OffsetCommitRequest, errorCode: number): OffsetCommitResponse {
  return OffsetCommitResponseCodec.create({
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
    }))
  })
}

export function transactionalCommitError(request: TxnOffsetCommitRequest, errorCode: number): TxnOffsetCommitResponse {
  return TxnOffsetCommitResponseCodec.create({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
    }))
  })
}

function validate(state: GroupState, committer: Committer, groupNotFound: number): number {
  const stored = state.groups.get(committer.groupId)
  // Offsets make a group of whoever commits without joining.
  if (stored === undefined) return committer.generationId < 0 ? ErrorCode.NONE : groupNotFound
  if (stored.type === 'share') return ErrorCode.GROUP_ID_NOT_FOUND
  if (stored.type !== 'classic') return committer.generationId < 0 && stored.isEmpty() ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
  return validateClassic(state.classicGroup(committer.groupId) as ClassicGroup, committer)
}

function validateClassic(group: ClassicGroup, { memberId, groupInstanceId, generationId, isTransactional }: Committer): number {
  if (generationId < 0 && group.state === 'Empty') return ErrorCode.NONE
  if (generationId >= 0 || memberId !== '' || groupInstanceId !== null) {
    const errorCode = group.validateMember(memberId, groupInstanceId)
    if (errorCode !== ErrorCode.NONE) return errorCode
    if (generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  } else if (!isTransactional && group.state !== 'Empty') {
    // Transactional commits of old clients do not say who they are.
    return ErrorCode.UNKNOWN_MEMBER_ID
  }
  // The next owner of the partitions may be reading the offsets now.
  return !isTransactional && group.state === 'CompletingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}

/** A member that commits is as alive as one that sends heartbeats. */
function keepAlive(state: GroupState, { groupId, memberId }: Committer): void {
  const group = state.classicGroup(groupId)
  const member = group?.members.get(memberId)
  if (group === undefined || member === undefined) return
  if (group.state === 'Stable' || group.state === 'PreparingRebalance') restartSession(state, group, member)
}

function commit(
  state: GroupState,
  records: GroupRecord[],
  groupId: string,
  topic: { name: string; topicId: Uuid },
  partition: PartitionCommit & { partitionIndex: number },
  now: number,
  expireTimestamp: number
): number {
  const metadata = partition.committedMetadata ?? ''
  if (metadata.length > state.config.offsetMetadataMax) return ErrorCode.OFFSET_METADATA_TOO_LARGE
  // The record version with an expiry has room for neither epoch nor topic id.
  const isExpiring = expireTimestamp !== -1
  records.push(
    offsetCommitRecord(groupId, topic.name, partition.partitionIndex, {
      offset: partition.committedOffset,
      leaderEpoch: isExpiring ? -1 : partition.committedLeaderEpoch,
      metadata,
      commitTimestamp: now,
      expireTimestamp,
      topicId: isExpiring ? ZERO_UUID : topic.topicId
    })
  )
  return ErrorCode.NONE
}
