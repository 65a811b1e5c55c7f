import type { Uuid } from '@odradek/base'
import {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
  ErrorCode,
  MetadataRequest,
  MetadataResponse
} from '@odradek/protocol'
import { type NamesOf, requireNames } from '../call-checks.ts'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { Node } from '../network/metadata.ts'
import { aKind, invalidConfig } from '../options.ts'
import type { CallOptions } from '../types.ts'
import { controllerRetries, drive, type Router, toAnyNode, toController } from './driver.ts'
import type { KeyedResult } from './keyed-result.ts'
import { type AclOperationName, authorizedOperations, type ConfigSourceName, configSourceName } from './names.ts'

export interface NewTopic {
  readonly name: string
  /** Default: the broker's num.partitions. */
  readonly numPartitions?: number
  /** Default: the broker's default.replication.factor. */
  readonly replicationFactor?: number
  /** Brokers of each partition, in place of the two numbers. */
  readonly replicasAssignments?: Readonly<Record<number, readonly number[]>>
  readonly configs?: Readonly<Record<string, string | number | boolean>>
}

export interface CreateTopicsOptions extends CallOptions {
  /** Checks only. */
  readonly validateOnly?: boolean
  /** A topic refused for a quota is tried again until the deadline. Default true. */
  readonly retryOnQuotaViolation?: boolean
}

export interface CreatedTopic {
  readonly name: string
  readonly topicId: Uuid
  /** -1: this client may not see it. */
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly configs: readonly { name: string; value: string | null; source: ConfigSourceName; isReadOnly: boolean; isSensitive: boolean }[]
}

export interface TopicListing {
  readonly name: string
  readonly topicId: Uuid
  readonly isInternal: boolean
}

export interface TopicPartitionInfo {
  readonly partition: number
  /** undefined: none now. */
  readonly leader: Node | undefined
  readonly leaderEpoch: number
  readonly replicas: readonly Node[]
  readonly isr: readonly Node[]
  readonly offlineReplicas: readonly Node[]
  /** undefined: the broker does not tell. */
  readonly elr: readonly Node[] | undefined
  readonly lastKnownElr: readonly Node[] | undefined
}

export interface TopicDescription extends TopicListing {
  readonly partitions: readonly TopicPartitionInfo[]
  readonly authorizedOperations: readonly AclOperationName[] | undefined
}

export interface DescribeTopicsOptions extends CallOptions {
  readonly includeAuthorizedOperations?: boolean
  /** Partitions of one answer. Default 2000. */
  readonly partitionSizeLimitPerResponse?: number
}

export interface NewPartitions {
  readonly totalCount: number
  /** Brokers of each new partition. */
  readonly assignments?: readonly (readonly number[])[]
}

const newTopicNames: NamesOf<NewTopic> = {
  name: true,
  numPartitions: true,
  replicationFactor: true,
  replicasAssignments: true,
  configs: true
}
/** Words of others for the same: startKafka, kafkajs, Java. */
const newTopicHints = { partitions: 'numPartitions', topic: 'name', configEntries: 'configs', replicaAssignment: 'replicasAssignments' }

/** Topics by name, or by id. */
export type TopicCollection = readonly string[] | { readonly topicIds: readonly Uuid[] }

function isById(topics: TopicCollection): topics is { readonly topicIds: readonly Uuid[] } {
  if (Array.isArray(topics)) return false
  const { topicIds } = Object(topics) as { topicIds?: unknown }
  if (Array.isArray(topicIds)) return true
  throw invalidConfig(`Topics are a list of names, or { topicIds }, not ${aKind(topics)}`)
}

type DescribedTopic = DescribeTopicPartitionsResponse['topics'][number]

const noQuotaRetries: ReadonlySet<number> = new Set([ErrorCode.NOT_CONTROLLER])
const retries = (options: { retryOnQuotaViolation?: boolean }): ReadonlySet<number> =>
  options.retryOnQuotaViolation === false ? noQuotaRetries : controllerRetries

export function createTopics(
  cluster: Cluster,
  topics: readonly (NewTopic | string)[],
  options: CreateTopicsOptions = {}
): KeyedResult<CreatedTopic> {
  for (const topic of topics) {
    if (typeof topic === 'string') continue
    requireNames('A topic of createTopics()', topic, newTopicNames, newTopicHints)
    if (typeof topic.name !== 'string') throw invalidConfig('A topic of createTopics() has no name')
  }
  const wanted = new Map(
    topics.map((topic) => (typeof topic === 'string' ? [topic, { name: topic }] : [topic.name, topic]) as [string, NewTopic])
  )
  return drive<CreatedTopic>(
    cluster,
    {
      what: 'createTopics',
      keys: [...wanted.keys()],
      route: toController,
      retryOn: retries(options),
      onRetry: () => cluster.invalidate(),
      async send({ target, keys }, signal) {
        const body = {
          topics: keys.map((key) => creatable(wanted.get(key) as NewTopic)),
          timeoutMs: cluster.requestTimeoutMs,
          validateOnly: options.validateOnly ?? false
        }
        const response = await cluster.attempt(target, CreateTopicsRequest, CreateTopicsResponse, body, { signal })
        return response.topics.map((topic) => [topic.name, errorOf(topic.errorCode, topic.errorMessage) ?? created(topic)])
      }
    },
    options
  )
}

function creatable(topic: NewTopic) {
  const assignments = Object.entries(topic.replicasAssignments ?? {})
  return {
    name: topic.name,
    numPartitions: assignments.length > 0 ? -1 : (topic.numPartitions ?? -1),
    replicationFactor: assignments.length > 0 ? -1 : (topic.replicationFactor ?? -1),
    assignments: assignments.map(([partition, brokerIds]) => ({ partitionIndex: Number(partition), brokerIds })),
    configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value: String(value) }))
  }
}

function created(topic: CreateTopicsResponse['topics'][number]): CreatedTopic {
  const { name, topicId, numPartitions, replicationFactor } = topic
  const configs = (topic.configs ?? []).map((config) => ({
    name: config.name,
    value: config.value,
    source: configSourceName(config.configSource),
    isReadOnly: config.readOnly,
    isSensitive: config.isSensitive
  }))
  return { name, topicId, numPartitions, replicationFactor, configs }
}

export function deleteTopics(
  cluster: Cluster,
  topics: TopicCollection,
  options: CallOptions & { readonly retryOnQuotaViolation?: boolean } = {}
): KeyedResult<void> {
  const byId = isById(topics)
  return drive<void>(
    cluster,
    {
      what: 'deleteTopics',
      keys: [...new Set(byId ? topics.topicIds : topics)],
      route: toController,
      retryOn: retries(options),
      onRetry: () => cluster.invalidate(),
      async send({ target, keys }, signal) {
        const timeoutMs = cluster.requestTimeoutMs
        const body = (version: number) =>
          version >= 6
            ? { topics: keys.map((key) => (byId ? { name: null, topicId: key } : { name: key })), timeoutMs }
            : { topicNames: keys, timeoutMs }
        const response = await cluster.attempt(target, DeleteTopicsRequest, DeleteTopicsResponse, body, {
          signal,
          minVersion: byId ? 6 : undefined
        })
        return response.responses.map((topic) => [(byId ? topic.topicId : topic.name) ?? '', errorOf(topic.errorCode, topic.errorMessage)])
      }
    },
    options
  )
}

export function createPartitions(
  cluster: Cluster,
  topics: Readonly<Record<string, number | NewPartitions>>,
  options: CreateTopicsOptions = {}
): KeyedResult<void> {
  return drive<void>(
    cluster,
    {
      what: 'createPartitions',
      keys: Object.keys(topics),
      route: toController,
      retryOn: retries(options),
      onRetry: () => cluster.invalidate(),
      async send({ target, keys }, signal) {
        const wanted = keys.map((name) => {
          const partitions = topics[name]
          if (typeof partitions === 'number') return { name, count: partitions, assignments: null }
          return { name, count: partitions.totalCount, assignments: partitions.assignments?.map((brokerIds) => ({ brokerIds })) ?? null }
        })
        const body = { topics: wanted, timeoutMs: cluster.requestTimeoutMs, validateOnly: options.validateOnly ?? false }
        const response = await cluster.attempt(target, CreatePartitionsRequest, CreatePartitionsResponse, body, { signal })
        return response.results.map((topic) => [topic.name, errorOf(topic.errorCode, topic.errorMessage)])
      }
    },
    options
  )
}

/** By name, sorted. */
export async function listTopics(
  cluster: Cluster,
  options: CallOptions & { readonly listInternal?: boolean } = {}
): Promise<ReadonlyMap<string, TopicListing>> {
  const { topics } = await cluster.call(
    { anyNode: true },
    MetadataRequest,
    MetadataResponse,
    { topics: null, allowAutoTopicCreation: false },
    options
  )
  const listings = topics
    .filter(({ isInternal }) => options.listInternal === true || !isInternal)
    .map(({ name, topicId, isInternal }): TopicListing => ({ name: name ?? '', topicId, isInternal }))
  listings.sort((a, b) => (a.name < b.name ? -1 : 1))
  return new Map(listings.map((listing) => [listing.name, listing]))
}

/** A broker that is asked for a topic without a name answers for none of the others. */
const toAnyNodeByName: Router = (keys) => {
  const names = keys.filter((name) => name !== '')
  const unnamed = new KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, { message: 'A topic has a name' })
  return {
    batches: names.length === 0 ? [] : [{ target: { anyNode: true }, keys: names }],
    errors: new Map(names.length < keys.length ? [['', unnamed]] : [])
  }
}

export function describeTopics(
  cluster: Cluster,
  topics: TopicCollection,
  options: DescribeTopicsOptions = {}
): KeyedResult<TopicDescription> {
  const byId = isById(topics)
  return drive<TopicDescription>(
    cluster,
    {
      what: 'describeTopics',
      keys: [...new Set(byId ? topics.topicIds : topics)],
      route: byId ? toAnyNode : toAnyNodeByName,
      async send({ target, keys }, signal) {
        if (byId) return describeByMetadata(cluster, keys, true, options, signal)
        const found: [string, TopicDescription | KafkaError][] = []
        try {
          // The answer comes in pages; a topic may go on from one page to the next.
          const pages = new Map<string, DescribedTopic>()
          let cursor: DescribeTopicPartitionsResponse['nextCursor'] = null
          const names = [...keys].sort()
          do {
            const body = {
              topics: names.filter((name) => cursor === null || name >= cursor.topicName).map((name) => ({ name })),
              responsePartitionLimit: options.partitionSizeLimitPerResponse ?? 2000,
              cursor
            }
            const page: DescribeTopicPartitionsResponse = await cluster.attempt(
              target,
              DescribeTopicPartitionsRequest,
              DescribeTopicPartitionsResponse,
              body,
              { signal }
            )
            for (const topic of page.topics) addPage(pages, topic)
            cursor = requireProgress(cursor, page.nextCursor)
          } while (cursor !== null)
          for (const topic of pages.values()) found.push([topic.name ?? '', describe(cluster, topic, options)])
          return found
        } catch (error) {
          if ((error as { code?: unknown }).code !== 'UNSUPPORTED_VERSION') throw error
          return describeByMetadata(cluster, keys, false, options, signal)
        }
      }
    },
    options
  )
}

function addPage(pages: Map<string, DescribedTopic>, topic: DescribedTopic): void {
  const name = topic.name ?? ''
  const before = pages.get(name)
  if (before === undefined) pages.set(name, topic)
  else before.partitions.push(...topic.partitions)
}

/** A broker that sends the same cursor again and again would be asked for ever. */
function requireProgress(
  before: DescribeTopicPartitionsResponse['nextCursor'],
  next: DescribeTopicPartitionsResponse['nextCursor']
): DescribeTopicPartitionsResponse['nextCursor'] {
  if (before === null || next === null) return next
  const isAhead = next.topicName > before.topicName || (next.topicName === before.topicName && next.partitionIndex > before.partitionIndex)
  if (isAhead) return next
  throw new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, {
    code: 'PROTOCOL_VIOLATION',
    message: 'The cursor of DescribeTopicPartitions does not advance',
    retriable: false
  })
}

async function describeByMetadata(
  cluster: Cluster,
  keys: readonly string[],
  byId: boolean,
  options: DescribeTopicsOptions,
  signal: AbortSignal
): Promise<[string, TopicDescription | KafkaError][]> {
  const body = {
    topics: keys.map((key) => (byId ? { topicId: key, name: null } : { name: key })),
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: options.includeAuthorizedOperations ?? false
  }
  const minVersion = byId ? 12 : undefined
  const response = await cluster.attempt({ anyNode: true }, MetadataRequest, MetadataResponse, body, { signal, minVersion })
  return response.topics.map((topic) => [(byId ? topic.topicId : topic.name) ?? '', describe(cluster, topic, options)])
}

function describe(
  cluster: Cluster,
  topic: DescribedTopic | MetadataResponse['topics'][number],
  options: DescribeTopicsOptions
): TopicDescription | KafkaError {
  const error = errorOf(topic.errorCode)
  if (error !== undefined) return error
  const { nodes } = cluster.current
  const node = (id: number): Node => nodes.get(id) ?? { id, host: '', port: -1, rack: null }
  const partitions = topic.partitions.map((partition): TopicPartitionInfo => {
    const elr = 'eligibleLeaderReplicas' in partition ? partition.eligibleLeaderReplicas : null
    const lastKnownElr = 'lastKnownElr' in partition ? partition.lastKnownElr : null
    return {
      partition: partition.partitionIndex,
      leader: partition.leaderId < 0 ? undefined : node(partition.leaderId),
      leaderEpoch: partition.leaderEpoch,
      replicas: partition.replicaNodes.map(node),
      isr: partition.isrNodes.map(node),
      offlineReplicas: partition.offlineReplicas.map(node),
      elr: elr?.map(node),
      lastKnownElr: lastKnownElr?.map(node)
    }
  })
  partitions.sort((a, b) => a.partition - b.partition)
  const operations = options.includeAuthorizedOperations === true ? authorizedOperations(topic.topicAuthorizedOperations) : undefined
  return { name: topic.name ?? '', topicId: topic.topicId, isInternal: topic.isInternal, partitions, authorizedOperations: operations }
}
