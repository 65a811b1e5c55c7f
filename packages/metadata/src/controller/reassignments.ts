// Partitions move to other brokers (KIP-455): AlterPartitionReassignments and ListPartitionReassignments.
import type {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse
} from '@odradek/protocol'
import type { MetadataImage, TopicImage } from '../image/metadata-image.ts'
import { isReassigning } from '../image/partition-registration.ts'
import type { MetadataRecord } from '../records.ts'
import { type ApiError, apiError, NO_ERROR } from './api-error.ts'
import { type ControllerOutcome, type ControllerState, MAX_RECORDS_PER_OPERATION } from './controller-state.ts'
import { isUncleanElectionEnabled, type PartitionAt, partitionChange } from './leadership.ts'
import { type PartitionChange, partitionChangeRecord, reassignmentReverted, reassignmentTo } from './partition-change.ts'
import { assignmentError } from './topics.ts'

export function alterPartitionReassignments(
  state: ControllerState,
  request: AlterPartitionReassignmentsRequest
): ControllerOutcome<AlterPartitionReassignmentsResponse> {
  const records: MetadataRecord[] = []
  const responses = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => {
      const change = reassign(state, name, partitionIndex, replicas, request.allowReplicationFactorChange)
      if ('errorCode' in change) return { partitionIndex, ...change }
      const record = partitionChangeRecord(change)
      if (record !== undefined) records.push(record)
      return { partitionIndex, ...NO_ERROR }
    })
  }))
  if (records.length > MAX_RECORDS_PER_OPERATION)
    return apiError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  const { allowReplicationFactorChange } = request
  return { records, response: { throttleTimeMs: 0, allowReplicationFactorChange, ...NO_ERROR, responses } }
}

function reassign(
  state: ControllerState,
  name: string,
  partitionId: number,
  target: readonly number[] | null,
  allowReplicationFactorChange: boolean
): PartitionChange | ApiError {
  const topic = state.image.topic(name)
  if (topic === undefined) return apiError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`)
  const partition = topic.partitions.get(partitionId)
  if (partition === undefined) return apiError('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partitionId}.`)
  const at: PartitionAt = { topic, partitionId, partition }
  if (target === null) return cancellation(state, at)
  const error = assignmentError(state, target)
  if (error !== undefined) return error
  if (!allowReplicationFactorChange) {
    // A reassignment under way counts as done.
    const current = partition.replicas.filter((replica) => !partition.removingReplicas.includes(replica)).length
    if (target.length !== current)
      return apiError('INVALID_REPLICATION_FACTOR', `The replication factor is changed from ${current} to ${target.length}`)
  }
  const { replicas, adding, removing } = reassignmentTo(partition, target)
  return {
    ...partitionChange(state, at),
    targetReplicas: replicas,
    ...(removing.length > 0 ? { targetRemoving: removing } : {}),
    ...(adding.length > 0 ? { targetAdding: adding } : {})
  }
}

function cancellation(state: ControllerState, at: PartitionAt): PartitionChange | ApiError {
  if (!isReassigning(at.partition)) return apiError('NO_REASSIGNMENT_IN_PROGRESS')
  const reverted = reassignmentReverted(at.partition)
  const isUncleanAllowed = isUncleanElectionEnabled(state, at.topic.name)
  if (reverted.isUnclean && !isUncleanAllowed) {
    const message = `Unable to revert partition assignment for ${at.topic.name}:${at.partitionId} because it would require an unclean leader election.`
    return apiError('INVALID_REPLICA_ASSIGNMENT', message)
  }
  return {
    ...partitionChange(state, at),
    election: isUncleanAllowed ? 'unclean' : 'online',
    targetIsr: reverted.isr,
    targetReplicas: reverted.replicas,
    targetRemoving: [],
    targetAdding: []
  }
}

/** Answered from what is committed. */
export function listPartitionReassignments(
  state: ControllerState,
  request: ListPartitionReassignmentsRequest
): ControllerOutcome<ListPartitionReassignmentsResponse> {
  const image = state.committedImage
  const asked =
    request.topics?.flatMap(({ name, partitionIndexes }) => ongoing(image.topic(name), new Set(partitionIndexes))) ?? allOngoing(image)
  return { records: [], response: { throttleTimeMs: 0, ...NO_ERROR, topics: asked } }
}

function allOngoing(image: MetadataImage): ListPartitionReassignmentsResponse['topics'] {
  return [...image.topics()].flatMap((topic) => ongoing(topic))
}

function ongoing(topic: TopicImage | undefined, asked?: ReadonlySet<number>): ListPartitionReassignmentsResponse['topics'] {
  if (topic === undefined) return []
  const partitions = [...topic.partitions.entries()]
    .filter(([partitionIndex, partition]) => (asked === undefined || asked.has(partitionIndex)) && isReassigning(partition))
    .map(([partitionIndex, { replicas, addingReplicas, removingReplicas }]) => ({
      partitionIndex,
      replicas: [...replicas],
      addingReplicas: [...addingReplicas],
      removingReplicas: [...removingReplicas]
    }))
  return partitions.length === 0 ? [] : [{ name: topic.name, partitions }]
}
