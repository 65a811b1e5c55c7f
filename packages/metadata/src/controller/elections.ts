// Leaders by request (ElectLeaders), and those that the controller elects by itself from time to time.
import type { ElectLeadersRequest, ElectLeadersResponse } from '@odradek/protocol'
import { hasPreferredLeader, NO_LEADER } from '../image/partition-registration.ts'
import type { MetadataRecord } from '../records.ts'
import { type ApiError, apiError, NO_ERROR } from './api-error.ts'
import { type ControllerOutcome, type ControllerState, MAX_RECORDS_PER_OPERATION } from './controller-state.ts'
import { isUncleanElectionEnabled, type PartitionAt, partitionChange, partitionsWhere } from './leadership.ts'
import { partitionChangeRecord } from './partition-change.ts'

const PREFERRED = 0
const UNCLEAN = 1
/** The controller's own elections go in portions, so that they do not hold up requests. */
const MAX_ELECTIONS = 1000

export function electLeaders(state: ControllerState, request: ElectLeadersRequest): ControllerOutcome<ElectLeadersResponse> {
  const { electionType, topicPartitions } = request
  if (electionType !== PREFERRED && electionType !== UNCLEAN) return apiError('INVALID_REQUEST', `Unknown election type ${electionType}`)
  const records: MetadataRecord[] = []
  const replicaElectionResults =
    topicPartitions === null
      ? electAll(state, electionType, records)
      : topicPartitions.map(({ topic, partitions }) => ({
          topic,
          partitionResult: partitions.map((partitionId) => ({ partitionId, ...elect(state, topic, partitionId, electionType, records) }))
        }))
  if (records.length > MAX_RECORDS_PER_OPERATION)
    return apiError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  return { records, response: { throttleTimeMs: 0, errorCode: 0, replicaElectionResults } }
}

/** The error is told at the top and of each partition that was named. */
export function refusedElections({ topicPartitions }: ElectLeadersRequest, error: ApiError): ElectLeadersResponse {
  const replicaElectionResults = (topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, ...error }))
  }))
  return { throttleTimeMs: 0, errorCode: error.errorCode, replicaElectionResults }
}

/** Of all partitions, those that need no election are left out of the answer. */
function electAll(state: ControllerState, electionType: number, records: MetadataRecord[]): ElectLeadersResponse['replicaElectionResults'] {
  const notNeeded = apiError('ELECTION_NOT_NEEDED').errorCode
  return Array.from(state.image.topics(), ({ name, partitions }) => ({
    topic: name,
    partitionResult: Array.from(partitions.entries(), ([partitionId]) => ({
      partitionId,
      ...elect(state, name, partitionId, electionType, records)
    })).filter((result) => result.errorCode !== notNeeded)
  }))
}

function elect(state: ControllerState, name: string, partitionId: number, electionType: number, records: MetadataRecord[]): ApiError {
  const topic = state.image.topic(name)
  if (topic === undefined) return apiError('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${name}`)
  const partition = topic.partitions.get(partitionId)
  if (partition === undefined) return apiError('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${name}-${partitionId}`)
  const isNeeded = electionType === PREFERRED ? !hasPreferredLeader(partition) : partition.leader === NO_LEADER
  if (!isNeeded) return apiError('ELECTION_NOT_NEEDED')
  const record = electionRecord(state, { topic, partitionId, partition }, electionType === PREFERRED ? 'preferred' : 'unclean')
  if (record === undefined)
    return apiError(electionType === PREFERRED ? 'PREFERRED_LEADER_NOT_AVAILABLE' : 'ELIGIBLE_LEADERS_NOT_AVAILABLE')
  records.push(record)
  return NO_ERROR
}

function electionRecord(state: ControllerState, at: PartitionAt, election: 'preferred' | 'unclean'): MetadataRecord | undefined {
  return partitionChangeRecord({ ...partitionChange(state, at), election })
}

/** Moves leadership back to the first replica where that can lead (auto.leader.rebalance.enable). */
export function balanceLeaders(state: ControllerState): ControllerOutcome<undefined> {
  return { records: electWhere(state, (at) => !hasPreferredLeader(at.partition), 'preferred'), response: undefined }
}

/** Elects any live replica for partitions without a leader whose topic prefers availability. */
export function electUncleanLeaders(state: ControllerState): ControllerOutcome<undefined> {
  const isDue = (at: PartitionAt): boolean => at.partition.leader === NO_LEADER && isUncleanElectionEnabled(state, at.topic.name)
  return { records: electWhere(state, isDue, 'unclean'), response: undefined }
}

function electWhere(state: ControllerState, isDue: (at: PartitionAt) => boolean, election: 'preferred' | 'unclean'): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const at of partitionsWhere(state.image, () => true)) {
    if (records.length >= MAX_ELECTIONS) break
    const record = isDue(at) ? electionRecord(state, at, election) : undefined
    if (record !== undefined) records.push(record)
  }
  return records
}
