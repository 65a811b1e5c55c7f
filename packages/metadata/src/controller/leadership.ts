// The partitions that a change of brokers or directories touches, and their change records.
import type { Uuid } from '@odradek/base'
import type { TopicConfig } from '@odradek/config'
import { ELR_FEATURE } from '../features.ts'
import { hasOnlineDirectory, isActive } from '../image/cluster.ts'
import { CONFIG_RESOURCE_TOPIC, type MetadataImage, type TopicImage } from '../image/metadata-image.ts'
import {
  DIRECTORY_MIGRATING,
  DIRECTORY_UNASSIGNED,
  directoryOf,
  NO_LEADER,
  type PartitionRegistration
} from '../image/partition-registration.ts'
import type { MetadataRecord } from '../records.ts'
import type { ControllerOptions } from './controller-state.ts'
import { type PartitionChange, partitionChangeRecord } from './partition-change.ts'

/** The two things that a decision on a partition needs. */
export interface LeadershipView {
  readonly image: MetadataImage
  readonly options: ControllerOptions
}

export interface PartitionAt {
  readonly topic: TopicImage
  readonly partitionId: number
  readonly partition: PartitionRegistration
}

export function isElrEnabled(image: MetadataImage): boolean {
  return (image.featureLevels.get(ELR_FEATURE) ?? 0) > 0 && image.metadataVersion.elr
}

function topicConfig(view: LeadershipView, topicName: string): TopicConfig {
  return view.options.configRules.topicConfig(view.image.configs(CONFIG_RESOURCE_TOPIC, topicName), view.image)
}

export function isUncleanElectionEnabled(view: LeadershipView, topicName: string): boolean {
  return topicConfig(view, topicName).get('unclean.leader.election.enable')
}

/** min.insync.replicas, but never more than there are replicas. */
function effectiveMinIsr(view: LeadershipView, topic: TopicImage): number {
  const configured = topicConfig(view, topic.name).get('min.insync.replicas')
  return Math.min(configured, topic.partitions.get(0)?.replicas.length ?? configured)
}

/** The directory of a replica that a broker is about to get: its only one, or one that it will choose and report. */
export function defaultDirectory(image: MetadataImage, brokerId: number): Uuid {
  const directories = image.brokers.get(brokerId)?.directories
  if (directories === undefined) return DIRECTORY_UNASSIGNED
  if (directories.length === 0) return DIRECTORY_MIGRATING
  return directories.length === 1 ? directories[0] : DIRECTORY_UNASSIGNED
}

/** What the record of a changed partition is planned from; the caller adds its targets. */
export function partitionChange(view: LeadershipView, at: PartitionAt): PartitionChange {
  const { image } = view
  return {
    topicId: at.topic.id,
    partitionId: at.partitionId,
    partition: at.partition,
    metadataVersion: image.metadataVersion,
    isElrEnabled: isElrEnabled(image),
    minIsr: effectiveMinIsr(view, at.topic),
    isAcceptableLeader: (brokerId) => {
      const broker = image.brokers.get(brokerId)
      return isActive(broker) && hasOnlineDirectory(broker, directoryOf(at.partition, brokerId) ?? DIRECTORY_UNASSIGNED)
    },
    defaultDirectory: (brokerId) => defaultDirectory(image, brokerId)
  }
}

export function* partitionsWhere(image: MetadataImage, matches: (partition: PartitionRegistration) => boolean): Generator<PartitionAt> {
  for (const topic of image.topics()) {
    for (const [partitionId, partition] of topic.partitions.entries()) {
      if (matches(partition)) yield { topic, partitionId, partition }
    }
  }
}

export interface BrokerChange {
  /** Leaves every ISR and leads nothing. */
  readonly removed?: number
  /** Counts as live although the image does not say so yet. */
  readonly added?: number
  /** Leaves every ISR, leads nothing, and what it had not synced is gone. */
  readonly uncleanShutdown?: number
}

/** New leaders and ISRs for `partitions` after a broker came, went, or lost records. */
export function leaderAndIsrRecords(view: LeadershipView, partitions: Iterable<PartitionAt>, change: BrokerChange): MetadataRecord[] {
  const { removed = NO_LEADER, added = NO_LEADER, uncleanShutdown = NO_LEADER } = change
  const records: MetadataRecord[] = []
  for (const at of partitions) {
    const plan = partitionChange(view, at)
    const record = partitionChangeRecord({
      ...plan,
      isAcceptableLeader: (brokerId) => {
        if (brokerId === removed || brokerId === uncleanShutdown) return false
        if (brokerId !== added) return plan.isAcceptableLeader(brokerId)
        const broker = view.image.brokers.get(brokerId)
        if (broker === undefined || broker.inControlledShutdown) return false
        return hasOnlineDirectory(broker, directoryOf(at.partition, brokerId) ?? DIRECTORY_UNASSIGNED)
      },
      election: isUncleanElectionEnabled(view, at.topic.name) ? 'unclean' : 'online',
      targetIsr: at.partition.isr.filter((replica) => replica !== removed && replica !== uncleanShutdown),
      ...(uncleanShutdown === NO_LEADER ? {} : { uncleanShutdownReplica: uncleanShutdown })
    })
    if (record !== undefined) records.push(record)
  }
  return records
}
