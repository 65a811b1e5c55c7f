// One partition as the metadata log has it. Immutable; a change record gives a new one.
import type { Uuid } from '@odradek/base'
import { OdradekError } from '@odradek/base'
import type { MetadataVersionLevel, PartitionChangeRecord, PartitionRecord } from '@odradek/protocol'
import type { MetadataRecord } from '../records.ts'
import { metadataRecord } from '../records.ts'

export const NO_LEADER = -1
/** A change record that leaves the leader, and with it the leader epoch, alone. */
export const NO_LEADER_CHANGE = -2
export const RECOVERED = 0
export const RECOVERING = 1
const NO_RECOVERY_CHANGE = -1

/** Reserved directory ids (KIP-858): a migrated replica, one not yet assigned, one whose directory is lost. */
export const DIRECTORY_MIGRATING: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA'
export const DIRECTORY_UNASSIGNED: Uuid = 'AAAAAAAAAAAAAAAAAAAAAQ'
export const DIRECTORY_LOST: Uuid = 'AAAAAAAAAAAAAAAAAAAAAg'

/** The first 100 ids are reserved and name no directory. */
export function isReservedDirectory(id: Uuid): boolean {
  const bytes = Buffer.from(id, 'base64url')
  return bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] < 100
}

export interface PartitionRegistration {
  readonly replicas: readonly number[]
  /** One for each replica, in its order. */
  readonly directories: readonly Uuid[]
  readonly isr: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly elr: readonly number[]
  readonly lastKnownElr: readonly number[]
  /** -1 when there is none. */
  readonly leader: number
  readonly leaderRecoveryState: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
}

export function partitionFromRecord(record: PartitionRecord): PartitionRegistration {
  const directories = record.directories.length === 0 ? record.replicas.map(() => DIRECTORY_MIGRATING) : record.directories
  if (directories.length !== record.replicas.length) {
    throw new OdradekError(
      'METADATA_RECORD_INVALID',
      `Partition ${record.topicId}:${record.partitionId} has ${record.replicas.length} replicas in ${directories.length} directories.`
    )
  }
  return {
    replicas: record.replicas,
    directories,
    isr: record.isr,
    removingReplicas: record.removingReplicas,
    addingReplicas: record.addingReplicas,
    elr: record.eligibleLeaderReplicas ?? [],
    lastKnownElr: record.lastKnownElr ?? [],
    leader: record.leader,
    leaderRecoveryState: record.leaderRecoveryState,
    leaderEpoch: record.leaderEpoch,
    partitionEpoch: record.partitionEpoch
  }
}

/** Only records from before directory assignment (3.7-IV2) change replicas without saying where they are. */
function mergedDirectories(partition: PartitionRegistration, record: PartitionChangeRecord): readonly Uuid[] {
  if (record.directories !== null) return record.directories
  if (record.replicas === null) return partition.directories
  return record.replicas.map((replica) => directoryOf(partition, replica) ?? DIRECTORY_MIGRATING)
}

export function mergePartitionChange(partition: PartitionRegistration, record: PartitionChangeRecord): PartitionRegistration {
  const isLeaderChanged = record.leader !== NO_LEADER_CHANGE
  return {
    replicas: record.replicas ?? partition.replicas,
    directories: mergedDirectories(partition, record),
    isr: record.isr ?? partition.isr,
    removingReplicas: record.removingReplicas ?? partition.removingReplicas,
    addingReplicas: record.addingReplicas ?? partition.addingReplicas,
    elr: record.eligibleLeaderReplicas ?? partition.elr,
    lastKnownElr: record.lastKnownElr ?? partition.lastKnownElr,
    leader: isLeaderChanged ? record.leader : partition.leader,
    leaderRecoveryState: record.leaderRecoveryState === NO_RECOVERY_CHANGE ? partition.leaderRecoveryState : record.leaderRecoveryState,
    leaderEpoch: isLeaderChanged ? partition.leaderEpoch + 1 : partition.leaderEpoch,
    partitionEpoch: partition.partitionEpoch + 1
  }
}

export function partitionToRecord(
  partition: PartitionRegistration,
  topicId: Uuid,
  partitionId: number,
  metadataVersion: MetadataVersionLevel
): MetadataRecord {
  return metadataRecord('PartitionRecord', metadataVersion.partitionRecord, {
    partitionId,
    topicId,
    replicas: partition.replicas,
    isr: partition.isr,
    removingReplicas: partition.removingReplicas,
    addingReplicas: partition.addingReplicas,
    leader: partition.leader,
    leaderRecoveryState: partition.leaderRecoveryState,
    leaderEpoch: partition.leaderEpoch,
    partitionEpoch: partition.partitionEpoch,
    ...(metadataVersion.dirAssignment ? { directories: partition.directories } : {}),
    ...(metadataVersion.elr && partition.elr.length > 0 ? { eligibleLeaderReplicas: partition.elr } : {}),
    ...(metadataVersion.elr && partition.lastKnownElr.length > 0 ? { lastKnownElr: partition.lastKnownElr } : {})
  })
}

/** The directory of `replica`, or undefined when it is no replica. */
export function directoryOf(partition: PartitionRegistration, replica: number): Uuid | undefined {
  const index = partition.replicas.indexOf(replica)
  return index < 0 ? undefined : partition.directories[index]
}

export function isReassigning(partition: PartitionRegistration): boolean {
  return partition.removingReplicas.length > 0 || partition.addingReplicas.length > 0
}

export function hasPreferredLeader(partition: PartitionRegistration): boolean {
  return partition.leader === partition.replicas[0]
}
