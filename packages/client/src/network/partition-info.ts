// What partitionsFor and listTopics of clients give, as Java's PartitionInfo.
import { ErrorCode } from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { CallOptions, TopicPartition } from '../types.ts'
import type { Cluster, MetadataOptions } from './cluster.ts'
import type { ClusterMetadata, Node, TopicMetadata } from './metadata.ts'

export interface PartitionInfo extends TopicPartition {
  /** undefined: there is none at this time. */
  readonly leader: Node | undefined
  /** A broker that the cluster does not name at this time has no host and port -1. */
  readonly replicas: readonly Node[]
  readonly inSyncReplicas: readonly Node[]
  readonly offlineReplicas: readonly Node[]
}

export function partitionInfos({ nodes }: ClusterMetadata, topic: TopicMetadata): PartitionInfo[] {
  const nodesOf = (ids: readonly number[]): Node[] => ids.map((id) => nodes.get(id) ?? { id, host: '', port: -1, rack: null })
  return topic.partitions.map(({ partition, leaderId, replicas, isr, offlineReplicas }) => ({
    topic: topic.name,
    partition,
    leader: nodes.get(leaderId),
    replicas: nodesOf(replicas),
    inSyncReplicas: nodesOf(isr),
    offlineReplicas: nodesOf(offlineReplicas)
  }))
}

/** Of one topic, or of all; a topic that does not exist is not in it. What may pass (a topic that is just made) is tried again. */
export function fetchPartitionInfos(
  cluster: Cluster,
  topic: string | undefined,
  { allowAutoTopicCreation = false, ...options }: CallOptions & Pick<MetadataOptions, 'allowAutoTopicCreation'>
): Promise<Map<string, PartitionInfo[]>> {
  return cluster.retry(topic === undefined ? 'Listing topics' : `Finding topic ${topic}`, options, async (signal) => {
    const names = topic === undefined ? undefined : [topic]
    const metadata = await cluster.metadata(names, { signal, allowAutoTopicCreation, refresh: names === undefined, isOnce: true })
    const found = new Map<string, PartitionInfo[]>()
    for (const name of names ?? metadata.topics.keys()) {
      const each = metadata.topics.get(name)
      if (each === undefined || each.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) continue
      const message = `${name}: ${new KafkaError(each.errorCode).message}`
      const error = errorOf(each.errorCode, message)
      if (error !== undefined) throw error
      found.set(name, partitionInfos(metadata, each))
    }
    return found
  })
}
