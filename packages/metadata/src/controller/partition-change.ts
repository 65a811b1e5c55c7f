// What happens to one partition when its ISR, its replicas or the brokers around it change: the new ISR and ELR
// (KIP-966), the leader, the end of a reassignment, as one PartitionChangeRecord. Pure: the same partition and the same
// question give the same record. Everything that alters an existing partition goes through here.
import type { Uuid } from '@odradek/base'
import type { Input, MetadataVersionLevel, PartitionChangeRecord } from '@odradek/protocol'
import { directoryOf, isReassigning, NO_LEADER, type PartitionRegistration, RECOVERING } from '../image/partition-registration.ts'
import { type MetadataRecord, metadataRecord } from '../records.ts'

export type Election =
  /** The current leader stays while it can. */
  | 'online'
  /** The first replica leads when it can. */
  | 'preferred'
  /** When no replica of ISR or ELR can lead, any live one may, and records can be lost. */
  | 'unclean'

export interface PartitionChange {
  readonly topicId: Uuid
  readonly partitionId: number
  readonly partition: PartitionRegistration
  readonly metadataVersion: MetadataVersionLevel
  readonly isElrEnabled: boolean
  /** min.insync.replicas of the topic, at most its replication factor. */
  readonly minIsr: number
  readonly election?: Election
  isAcceptableLeader(replica: number): boolean
  /** The directory of a replica that has none yet. */
  defaultDirectory(replica: number): Uuid
  readonly targetIsr?: readonly number[]
  readonly targetReplicas?: readonly number[]
  readonly targetRemoving?: readonly number[]
  readonly targetAdding?: readonly number[]
  readonly targetLeaderRecoveryState?: number
  /** Replicas whose unsynced records are gone: they cannot be in the ELR. */
  readonly uncleanShutdownReplica?: number
  readonly assignedDirectory?: { readonly replica: number; readonly directory: Uuid }
}

interface Targets {
  isr: readonly number[]
  replicas: readonly number[]
  removing: readonly number[]
  adding: readonly number[]
  elr: readonly number[]
}

type ChangeFields = Input<PartitionChangeRecord>

/** The record that makes the change, or undefined when nothing changes. */
export function partitionChangeRecord(change: PartitionChange): MetadataRecord | undefined {
  const { partition } = change
  const targets: Targets = {
    isr: change.targetIsr ?? partition.isr,
    replicas: change.targetReplicas ?? partition.replicas,
    removing: change.targetRemoving ?? partition.removingReplicas,
    adding: change.targetAdding ?? partition.addingReplicas,
    elr: partition.elr
  }
  completeReassignment(targets)
  populateElr(change, targets)
  const fields: ChangeFields = {}
  elect(change, targets, fields)
  // A replica that leaves must learn from a new leader epoch that it is out.
  if (fields.leader === undefined && !includesAll(targets.replicas, partition.replicas)) fields.leader = partition.leader
  setElr(change, targets, fields)
  if (fields.isr === undefined && (targets.isr.length > 0 || change.isElrEnabled) && !isSame(targets.isr, partition.isr))
    fields.isr = targets.isr
  if (change.metadataVersion.leaderEpochBumpOnIsrShrink && fields.leader === undefined && fields.isr !== undefined) {
    if (!includesAll(fields.isr as readonly number[], partition.isr)) fields.leader = partition.leader
  }
  setLastKnownLeader(change, fields)
  setAssignment(change, targets, fields)
  const recoveryState = change.targetLeaderRecoveryState ?? partition.leaderRecoveryState
  if (recoveryState !== partition.leaderRecoveryState) fields.leaderRecoveryState = recoveryState
  if (Object.keys(fields).length === 0) return undefined
  return metadataRecord('PartitionChangeRecord', change.metadataVersion.partitionChangeRecord, {
    topicId: change.topicId,
    partitionId: change.partitionId,
    ...fields
  })
}

/** Once every replica that stays is in sync, those that leave do. */
function completeReassignment(targets: Targets): void {
  if (targets.removing.length === 0 && targets.adding.length === 0) return
  const isr = targets.isr.filter((replica) => !targets.removing.includes(replica))
  const replicas = targets.replicas.filter((replica) => !targets.removing.includes(replica))
  if (isr.length === 0 || replicas.length === 0 || !includesAll(isr, replicas)) return
  targets.isr = isr
  targets.replicas = replicas
  targets.removing = []
  targets.adding = []
}

/** Replicas that leave an ISR below the minimum have all committed records: they stay eligible. */
function populateElr(change: PartitionChange, targets: Targets): void {
  if (!change.isElrEnabled) return
  if (targets.isr.length >= change.minIsr) {
    targets.elr = []
    return
  }
  const candidates = [...new Set([...targets.elr, ...change.partition.isr])].sort((a, b) => a - b)
  targets.elr = candidates.filter((replica) => !targets.isr.includes(replica) && replica !== change.uncleanShutdownReplica)
}

function elect(change: PartitionChange, targets: Targets, fields: ChangeFields): void {
  const { partition } = change
  const { leader, isUnclean } = electedLeader(change, targets)
  if (leader === partition.leader) return
  if (targets.elr.includes(leader)) {
    targets.isr = [leader]
    targets.elr = targets.elr.filter((replica) => replica !== leader)
  }
  fields.leader = leader
  if (isUnclean) {
    fields.isr = [leader]
    if (partition.leaderRecoveryState !== RECOVERING) fields.leaderRecoveryState = RECOVERING
  }
}

function electedLeader(change: PartitionChange, targets: Targets): { leader: number; isUnclean: boolean } {
  const { partition } = change
  const canLead = (replica: number): boolean =>
    (targets.isr.includes(replica) || (targets.isr.length === 0 && targets.elr.includes(replica))) && change.isAcceptableLeader(replica)
  const preferred = targets.replicas[0]
  if (change.election === 'preferred' && canLead(preferred)) return { leader: preferred, isUnclean: false }
  if (canLead(partition.leader)) return { leader: partition.leader, isUnclean: false }
  const online = targets.replicas.find(canLead)
  if (online !== undefined) return { leader: online, isUnclean: false }
  // With nothing in ISR and ELR, the leader of last resort is the one that led last: it has every committed record
  // unless its disk lost some when it went down.
  if (change.isElrEnabled && targets.isr.length === 0 && targets.elr.length === 0 && partition.lastKnownElr.length === 1) {
    if (change.isAcceptableLeader(partition.lastKnownElr[0])) return { leader: partition.lastKnownElr[0], isUnclean: true }
  }
  const unclean = change.election === 'unclean' ? targets.replicas.find((replica) => change.isAcceptableLeader(replica)) : undefined
  return unclean === undefined ? { leader: NO_LEADER, isUnclean: false } : { leader: unclean, isUnclean: true }
}

function setElr(change: PartitionChange, targets: Targets, fields: ChangeFields): void {
  if (fields.isr !== undefined || !change.isElrEnabled) targets.elr = []
  if (!isSame(targets.elr, change.partition.elr)) fields.eligibleLeaderReplicas = targets.elr
}

/** Remembers who led last while nobody leads: the leader of last resort. */
function setLastKnownLeader(change: PartitionChange, fields: ChangeFields): void {
  if (!change.isElrEnabled || fields.leader === undefined) return
  const { lastKnownElr, leader } = change.partition
  if (fields.leader === NO_LEADER && leader !== NO_LEADER && lastKnownElr.length === 0) fields.lastKnownElr = [leader]
  else if (fields.leader >= 0 && lastKnownElr.length > 0) fields.lastKnownElr = []
}

function setAssignment(change: PartitionChange, targets: Targets, fields: ChangeFields): void {
  const { partition } = change
  if (targets.replicas.length > 0) {
    if (change.metadataVersion.dirAssignment) {
      const directories = targets.replicas.map((replica) =>
        change.assignedDirectory?.replica === replica
          ? change.assignedDirectory.directory
          : (directoryOf(partition, replica) ?? change.defaultDirectory(replica))
      )
      if (!isSame(directories, partition.directories)) fields.directories = directories
    }
    if (!isSame(targets.replicas, partition.replicas)) fields.replicas = targets.replicas
  }
  if (!isSame(targets.removing, partition.removingReplicas)) fields.removingReplicas = targets.removing
  if (!isSame(targets.adding, partition.addingReplicas)) fields.addingReplicas = targets.adding
}

/** What a reassignment to `target` needs: replicas to add, to remove, and both kinds together while it goes on. */
export function reassignmentTo(
  partition: PartitionRegistration,
  target: readonly number[]
): { replicas: readonly number[]; adding: readonly number[]; removing: readonly number[] } {
  // A second reassignment starts from what the first one has added so far.
  const removing = partition.replicas.filter((replica) => !target.includes(replica)).sort((a, b) => a - b)
  const adding = target.filter((replica) => !partition.replicas.includes(replica)).sort((a, b) => a - b)
  return { replicas: [...target, ...removing], adding, removing }
}

/** The way back out of a reassignment. `isUnclean` when no original replica is in sync. */
export function reassignmentReverted(partition: PartitionRegistration): {
  replicas: readonly number[]
  isr: readonly number[]
  isUnclean: boolean
} {
  const replicas = isReassigning(partition)
    ? partition.replicas.filter((replica) => !partition.addingReplicas.includes(replica))
    : partition.replicas
  const isr = partition.isr.filter((replica) => !partition.addingReplicas.includes(replica))
  return isr.length > 0 ? { replicas, isr, isUnclean: false } : { replicas, isr: replicas.slice(0, 1), isUnclean: true }
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}

function includesAll(list: readonly number[], values: readonly number[]): boolean {
  return values.every((value) => list.includes(value))
}
