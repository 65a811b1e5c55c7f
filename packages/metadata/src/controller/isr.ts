// Leaders change their ISR (AlterPartition), and say in which directory a replica lies (AssignReplicasToDirs).
import { ZERO_UUID } from '@odradek/base'
import {
  type AlterPartitionRequest,
  type AlterPartitionResponse,
  type AssignReplicasToDirsRequest,
  type AssignReplicasToDirsResponse,
  ErrorCode
} from '@odradek/protocol'
import { hasOnlineDirectory } from '../image/cluster.ts'
import type { TopicImage } from '../image/metadata-image.ts'
import {
  mergePartitionChange,
  NO_LEADER_CHANGE,
  type PartitionRegistration,
  RECOVERED,
  RECOVERING
} from '../image/partition-registration.ts'
import type { MetadataRecord } from '../records.ts'
import { apiError } from './api-error.ts'
import { staleBrokerEpoch } from './cluster-control.ts'
import type { ControllerOutcome, ControllerState } from './controller-state.ts'
import { isUncleanElectionEnabled, leaderAndIsrRecords, type PartitionAt, partitionChange } from './leadership.ts'
import { partitionChangeRecord } from './partition-change.ts'

type AlteredPartition = AlterPartitionRequest['topics'][number]['partitions'][number]
type AlterResult = AlterPartitionResponse['topics'][number]['partitions'][number]

export function alterPartition(state: ControllerState, request: AlterPartitionRequest): ControllerOutcome<AlterPartitionResponse> {
  const broker = state.image.brokers.get(request.brokerId)
  if (broker === undefined || broker.epoch !== request.brokerEpoch) return staleBrokerEpoch(request, broker)
  const records: MetadataRecord[] = []
  const topics = request.topics.map(({ topicId, partitions }) => {
    const topic = topicId === ZERO_UUID ? undefined : state.image.topicById(topicId)
    return { topicId, partitions: partitions.map((altered) => alterOne(state, request.brokerId, topic, altered, records)) }
  })
  return { records, response: { throttleTimeMs: 0, errorCode: 0, topics } }
}

function failed(partitionIndex: number, errorCode: number): AlterResult {
  return { partitionIndex, errorCode, leaderId: 0, leaderEpoch: 0, isr: [], leaderRecoveryState: 0, partitionEpoch: 0 }
}

function alterOne(
  state: ControllerState,
  brokerId: number,
  topic: TopicImage | undefined,
  altered: AlteredPartition,
  records: MetadataRecord[]
): AlterResult {
  if (topic === undefined) return failed(altered.partitionIndex, ErrorCode.UNKNOWN_TOPIC_ID)
  const partition = topic.partitions.get(altered.partitionIndex)
  if (partition === undefined) return failed(altered.partitionIndex, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  // Version 2 names brokers without their epochs.
  const newIsr =
    altered.newIsrWithEpochs.length > 0 ? altered.newIsrWithEpochs : altered.newIsr.map((id) => ({ brokerId: id, brokerEpoch: -1 }))
  const problem = alterationProblem(state, brokerId, partition, altered, newIsr)
  if (problem !== undefined) return failed(altered.partitionIndex, problem)
  const at: PartitionAt = { topic, partitionId: altered.partitionIndex, partition }
  const record = partitionChangeRecord({
    ...partitionChange(state, at),
    election: isUncleanElectionEnabled(state, topic.name) ? 'unclean' : 'online',
    targetIsr: newIsr.map((member) => member.brokerId),
    targetLeaderRecoveryState: altered.leaderRecoveryState
  })
  let result = partition
  if (record?.type === 'PartitionChangeRecord') {
    records.push(record)
    result = mergePartitionChange(partition, record.data)
    // The change completed a reassignment that moved the leader: the sender leads no more.
    if (record.data.leader !== brokerId && record.data.leader !== NO_LEADER_CHANGE)
      return failed(altered.partitionIndex, ErrorCode.NEW_LEADER_ELECTED)
  }
  return {
    partitionIndex: altered.partitionIndex,
    errorCode: 0,
    leaderId: result.leader,
    leaderEpoch: result.leaderEpoch,
    isr: [...result.isr],
    leaderRecoveryState: result.leaderRecoveryState,
    partitionEpoch: result.partitionEpoch
  }
}

interface IsrMember {
  readonly brokerId: number
  readonly brokerEpoch: number
}

function alterationProblem(
  state: ControllerState,
  brokerId: number,
  partition: PartitionRegistration,
  altered: AlteredPartition,
  newIsr: readonly IsrMember[]
): number | undefined {
  // A broker that knows a newer state than this controller is talking to a controller of the past.
  if (altered.leaderEpoch > partition.leaderEpoch || altered.partitionEpoch > partition.partitionEpoch) return ErrorCode.NOT_CONTROLLER
  if (altered.leaderEpoch < partition.leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH
  if (brokerId !== partition.leader) return ErrorCode.INVALID_REQUEST
  if (altered.partitionEpoch < partition.partitionEpoch) return ErrorCode.INVALID_UPDATE_VERSION
  const ids = newIsr.map((member) => member.brokerId)
  const isValidIsr = ids.length > 0 && new Set(ids).size === ids.length && ids.every((id) => partition.replicas.includes(id))
  if (!isValidIsr || !ids.includes(partition.leader)) return ErrorCode.INVALID_REQUEST
  if (altered.leaderRecoveryState === RECOVERING && (ids.length > 1 || partition.leaderRecoveryState === RECOVERED))
    return ErrorCode.INVALID_REQUEST
  return newIsr.every((member) => isEligible(state, member)) ? undefined : ErrorCode.INELIGIBLE_REPLICA
}

/** A broker of another epoch than the leader thinks restarted meanwhile: it may have lost records (KIP-903). */
function isEligible(state: ControllerState, { brokerId, brokerEpoch }: IsrMember): boolean {
  const broker = state.image.brokers.get(brokerId)
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown && (brokerEpoch === -1 || broker.epoch === brokerEpoch)
}

export function assignReplicasToDirs(
  state: ControllerState,
  request: AssignReplicasToDirsRequest
): ControllerOutcome<AssignReplicasToDirsResponse> {
  if (!state.image.metadataVersion.dirAssignment) return apiError('UNSUPPORTED_VERSION', 'Directory assignment is not supported yet.')
  const broker = state.image.brokers.get(request.brokerId)
  if (broker === undefined || broker.epoch !== request.brokerEpoch) return staleBrokerEpoch(request, broker)
  const records: MetadataRecord[] = []
  const offline: PartitionAt[] = []
  const directories = request.directories.map(({ id, topics }) => ({
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partitionIndex }) => {
        const at = replicaAt(state, topicId, partitionIndex, request.brokerId)
        if (typeof at === 'number') return { partitionIndex, errorCode: at }
        const record = partitionChangeRecord({
          ...partitionChange(state, at),
          assignedDirectory: { replica: request.brokerId, directory: id }
        })
        if (record !== undefined) records.push(record)
        if (!hasOnlineDirectory(broker, id)) offline.push(at)
        return { partitionIndex, errorCode: 0 }
      })
    }))
  }))
  records.push(...leaderAndIsrRecords(state, offline, { removed: request.brokerId }))
  return { records, response: { throttleTimeMs: 0, errorCode: 0, directories } }
}

/** The partition, or the error code of what is missing. */
function replicaAt(state: ControllerState, topicId: string, partitionId: number, brokerId: number): PartitionAt | number {
  const topic = state.image.topicById(topicId)
  if (topic === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  const partition = topic.partitions.get(partitionId)
  if (partition === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  return partition.replicas.includes(brokerId) ? { topic, partitionId, partition } : ErrorCode.NOT_LEADER_OR_FOLLOWER
}
