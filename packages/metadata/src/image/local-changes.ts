// What a delta means for one broker's replicas.
import type { Uuid } from '@odradek/base'
import type { MetadataDelta, TopicDelta } from './metadata-delta.ts'
import type { MetadataImage } from './metadata-image.ts'
import type { PartitionRegistration } from './partition-registration.ts'

export interface LocalPartition {
  readonly topic: string
  readonly topicId: Uuid
  readonly partition: number
}

export interface LocalReplica extends LocalPartition {
  readonly registration: PartitionRegistration
  /** The leader epoch is not the one that the base image had. */
  readonly isNewLeaderEpoch: boolean
}

export interface LocalChanges {
  /** Replicas of the base image that are this broker's no more. `isTopicDeleted` tells a deletion from a move. */
  readonly deleted: (LocalPartition & { readonly isTopicDeleted: boolean })[]
  /** Replicas that this broker leads and whose registration is new or changed. */
  readonly leaders: LocalReplica[]
  /** Replicas that this broker follows (or that have no leader) and whose registration is new or changed. */
  readonly followers: LocalReplica[]
}

export function localChanges(delta: MetadataDelta, image: MetadataImage, brokerId: number): LocalChanges {
  const changes: LocalChanges = { deleted: [], leaders: [], followers: [] }
  for (const topic of delta.deletedTopics.values()) {
    for (const [partition, registration] of topic.partitions.entries()) {
      if (registration.replicas.includes(brokerId))
        changes.deleted.push({ topic: topic.name, topicId: topic.id, partition, isTopicDeleted: true })
    }
  }
  for (const topicDelta of delta.changedTopics.values()) addTopic(changes, topicDelta, image, brokerId)
  return changes
}

function addTopic(changes: LocalChanges, delta: TopicDelta, image: MetadataImage, brokerId: number): void {
  const topic = image.topicById(delta.id)
  for (const partition of delta.changedPartitions) {
    const registration = topic?.partitions.get(partition)
    if (registration === undefined) continue
    const before = delta.before?.partitions.get(partition)
    const local = { topic: delta.name, topicId: delta.id, partition }
    if (!registration.replicas.includes(brokerId)) {
      if (before?.replicas.includes(brokerId)) changes.deleted.push({ ...local, isTopicDeleted: false })
      continue
    }
    if (before?.partitionEpoch === registration.partitionEpoch) continue
    const replica = { ...local, registration, isNewLeaderEpoch: before?.leaderEpoch !== registration.leaderEpoch }
    if (registration.leader === brokerId) changes.leaders.push(replica)
    else changes.followers.push(replica)
  }
}
