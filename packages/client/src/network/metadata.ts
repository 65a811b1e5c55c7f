// What a client knows of the cluster: an immutable value, and how an answer to Metadata changes it.
//
// Law: the leader epoch of a partition never goes back while its topic id stays, so that a broker that lags behind cannot undo
// what a newer one said. A topic that is made anew has a new id, and what was known of the old one is forgotten.
import { type Uuid, ZERO_UUID } from '@odradek/base'
import { ErrorCode, type MetadataResponse } from '@odradek/protocol'

export interface Node {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface PartitionMetadata {
  readonly partition: number
  readonly errorCode: number
  /** -1: none is known. */
  readonly leaderId: number
  /** -1: the broker does not tell. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
}

export interface TopicMetadata {
  readonly name: string
  /** undefined: the broker does not tell. */
  readonly topicId: Uuid | undefined
  readonly errorCode: number
  readonly isInternal: boolean
  /** In order, without holes unless the broker leaves some. */
  readonly partitions: readonly PartitionMetadata[]
  /** Monotonic ms. */
  readonly fetchedAtMs: number
}

export interface ClusterMetadata {
  readonly clusterId: string | null
  /** -1: none is known. */
  readonly controllerId: number
  readonly nodes: ReadonlyMap<number, Node>
  readonly topics: ReadonlyMap<string, TopicMetadata>
  /** Monotonic ms; -Infinity: never. */
  readonly nodesFetchedAtMs: number
  /** When all topics were asked for, monotonic ms; -Infinity: never. */
  readonly allTopicsFetchedAtMs: number
}

export const emptyMetadata: ClusterMetadata = {
  clusterId: null,
  controllerId: -1,
  nodes: new Map(),
  topics: new Map(),
  nodesFetchedAtMs: -Infinity,
  allTopicsFetchedAtMs: -Infinity
}

export function nodesOf(brokers: MetadataResponse['brokers']): ReadonlyMap<number, Node> {
  return new Map(brokers.map(({ nodeId, host, port, rack }) => [nodeId, { id: nodeId, host, port, rack }]))
}

export function mergeMetadata(known: ClusterMetadata, response: MetadataResponse, asked: { isAll: boolean; now: number }): ClusterMetadata {
  const topics = new Map(asked.isAll ? [] : known.topics)
  for (const topic of response.topics) {
    const name = topic.name ?? nameOfId(known, topic.topicId)
    if (name === undefined) continue
    topics.set(name, mergeTopic(known.topics.get(name), { ...topic, name }, asked.now))
  }
  return {
    clusterId: response.clusterId ?? known.clusterId,
    controllerId: response.controllerId,
    nodes: nodesOf(response.brokers),
    topics,
    nodesFetchedAtMs: asked.now,
    allTopicsFetchedAtMs: asked.isAll ? asked.now : known.allTopicsFetchedAtMs
  }
}

function nameOfId(known: ClusterMetadata, id: Uuid): string | undefined {
  for (const topic of known.topics.values()) if (topic.topicId === id) return topic.name
  return undefined
}

function mergeTopic(
  old: TopicMetadata | undefined,
  topic: MetadataResponse['topics'][number] & { name: string },
  now: number
): TopicMetadata {
  const topicId = topic.topicId === ZERO_UUID ? undefined : topic.topicId
  const isSame = old !== undefined && old.topicId === topicId
  const partitions = topic.partitions.map((each): PartitionMetadata => {
    const partition: PartitionMetadata = {
      partition: each.partitionIndex,
      errorCode: each.errorCode,
      leaderId: each.leaderId,
      leaderEpoch: each.leaderEpoch,
      replicas: each.replicaNodes,
      isr: each.isrNodes,
      offlineReplicas: each.offlineReplicas
    }
    const before = isSame ? old.partitions.find((other) => other.partition === partition.partition) : undefined
    return before !== undefined && isOlder(partition, before) ? before : partition
  })
  partitions.sort((a, b) => a.partition - b.partition)
  const { name, errorCode, isInternal } = topic
  return { name, topicId, errorCode, isInternal, partitions: partitions.filter(isSound), fetchedAtMs: now }
}

/** Neither below 0 nor there twice. */
function isSound({ partition }: PartitionMetadata, at: number, all: readonly PartitionMetadata[]): boolean {
  return partition >= 0 && all[at - 1]?.partition !== partition
}

function isOlder(next: PartitionMetadata, before: PartitionMetadata): boolean {
  return next.leaderEpoch >= 0 && before.leaderEpoch >= 0 && next.leaderEpoch < before.leaderEpoch
}

export interface LeaderHint {
  readonly topic: string
  readonly partition: number
  readonly leaderId: number
  readonly leaderEpoch: number
}

/** What Produce and Fetch answers say of a new leader (KIP-951). Older news and unknown partitions change nothing. */
export function withLeaders(known: ClusterMetadata, hints: readonly LeaderHint[], nodes: readonly Node[]): ClusterMetadata {
  const topics = new Map(known.topics)
  for (const { topic, partition, leaderId, leaderEpoch } of hints) {
    const old = topics.get(topic)
    const isNews = (each: PartitionMetadata): boolean => each.partition === partition && each.leaderEpoch < leaderEpoch
    if (old === undefined || !old.partitions.some(isNews)) continue
    const partitions = old.partitions.map((each) => (isNews(each) ? { ...each, leaderId, leaderEpoch, errorCode: ErrorCode.NONE } : each))
    topics.set(topic, { ...old, partitions })
  }
  return { ...known, topics, nodes: new Map([...known.nodes, ...nodes.map((node): [number, Node] => [node.id, node])]) }
}
