// Metadata: brokers, and topics with their leaders; makes missing topics where the broker and the client allow it.
import { ZERO_UUID } from '@odradek/base'
import { type PartitionRegistration, type TopicImage, topicNameProblem } from '@odradek/metadata'
import { ErrorCode, type Input, MetadataRequest, MetadataResponse } from '@odradek/protocol'
import { authorizedOperations, OPERATIONS_NOT_ASKED } from '../authorization.ts'
import type { BrokerContext } from '../broker-context.ts'
import { aliveBrokers, endpointOf, offlineReplicas } from '../endpoints.ts'
import { defineHandler, type RequestContext } from '../handler.ts'
import { isInternalTopic } from '../internal-topics.ts'

type MetadataRequestTopic = NonNullable<MetadataRequest['topics']>[number]
type MetadataResponsePartition = MetadataResponse['topics'][number]['partitions'][number]
type MetadataResponseTopic = MetadataResponse['topics'][number]

type Response = Input<MetadataResponse>
type Topic = Input<MetadataResponseTopic>

const NO_LEADER = -1
/** Requests may name topics by id alone. */
const BY_ID_VERSION = 12
/** Whether topics are made is said by the request; before it is always wanted. */
const AUTO_CREATION_VERSION = 4

export const metadataHandler = defineHandler<BrokerContext, MetadataRequest, MetadataResponse>(
  MetadataRequest,
  MetadataResponse,
  handleMetadata,
  {
    failure: (request, errorCode, context) => ({
      topics: (request.topics ?? []).map((topic) => unknownTopic(topic, errorCode, context)),
      errorCode
    })
  }
)

function handleMetadata(broker: BrokerContext, request: MetadataRequest, context: RequestContext): Response {
  const { topics } = request
  const { apiVersion } = context
  if (topics !== null && apiVersion < BY_ID_VERSION && topics.some(({ name, topicId }) => name === null || topicId !== ZERO_UUID)) {
    return { topics: topics.map((topic) => unknownTopic(topic, ErrorCode.INVALID_REQUEST, context)) }
  }
  if (topics === null || (apiVersion === 0 && topics.length === 0)) return respond(broker, request, context, [...broker.image.topics()])
  const found = requested(broker, topics, context)
  // not waited for, as clients expect it: who deletes a topic and asks for it sees that it is gone
  broker.topicCreation.begin(wantedNew(broker, request, context))
  return respond(broker, request, context, found)
}

/** Names that no topic has and that the request may bring to life. */
function wantedNew(broker: BrokerContext, request: MetadataRequest, context: RequestContext): string[] {
  const isWanted = context.apiVersion < AUTO_CREATION_VERSION || request.allowAutoTopicCreation
  if (!isWanted || !broker.config.get('auto.create.topics.enable')) return []
  const names = new Set<string>()
  for (const { name, topicId } of request.topics ?? []) {
    if (name === null || topicId !== ZERO_UUID || broker.image.topic(name) !== undefined) continue
    if (codeOfUnknown(name) === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) names.add(name)
  }
  return [...names]
}

function requested(broker: BrokerContext, topics: readonly MetadataRequestTopic[], context: RequestContext): (TopicImage | Topic)[] {
  const seen = new Set<string>()
  const found: (TopicImage | Topic)[] = []
  for (const topic of topics) {
    const isById = topic.topicId !== ZERO_UUID
    const key = isById ? topic.topicId : (topic.name ?? '')
    if (seen.has(key)) continue
    seen.add(key)
    const image = isById ? broker.image.topicById(topic.topicId) : broker.image.topic(key)
    found.push(image ?? unknownTopic(topic, isById ? ErrorCode.UNKNOWN_TOPIC_ID : codeOfUnknown(key), context))
  }
  return found
}

function codeOfUnknown(name: string): number {
  return topicNameProblem(name) === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION
}

function unknownTopic(topic: MetadataRequestTopic, errorCode: number, context: RequestContext): Topic {
  const name = topic.name ?? (context.apiVersion >= BY_ID_VERSION ? null : '')
  return {
    errorCode,
    name,
    topicId: topic.topicId,
    isInternal: name !== null && isInternalTopic(name),
    partitions: [],
    topicAuthorizedOperations: OPERATIONS_NOT_ASKED
  }
}

function respond(
  broker: BrokerContext,
  request: MetadataRequest,
  context: RequestContext,
  topics: readonly (TopicImage | Topic)[]
): Response {
  const response: Response = {
    brokers: aliveBrokers(broker, context),
    clusterId: broker.clusterId,
    controllerId: broker.controllerId(),
    topics: topics.map((topic) => (isImage(topic) ? describe(broker, request, context, topic) : topic))
  }
  const isAsked = context.apiVersion >= 8 && context.apiVersion <= 10 && request.includeClusterAuthorizedOperations
  if (isAsked) response.clusterAuthorizedOperations = authorizedOperations('cluster')
  return response
}

function isImage(topic: TopicImage | Topic): topic is TopicImage {
  return 'id' in topic
}

function describe(broker: BrokerContext, request: MetadataRequest, context: RequestContext, topic: TopicImage): Topic {
  const partitions: Input<MetadataResponsePartition>[] = []
  for (const [index, partition] of topic.partitions.entries()) partitions.push(describePartition(broker, context, index, partition))
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions,
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations ? authorizedOperations('topic') : OPERATIONS_NOT_ASKED
  }
}

function describePartition(
  broker: BrokerContext,
  context: RequestContext,
  partitionIndex: number,
  partition: PartitionRegistration
): Input<MetadataResponsePartition> {
  const { brokers } = broker.image
  const isOnline = (id: number) => brokers.get(id)?.fenced === false
  // version 0 has no word for offline replicas: they are left out
  const named = (ids: readonly number[]) => (context.apiVersion === 0 ? ids.filter(isOnline) : ids)
  const leader = partition.leader === NO_LEADER ? undefined : brokers.get(partition.leader)
  const leaderCode = leader === undefined || leader.fenced ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE
  const hasEndpoint = leader !== undefined && endpointOf(broker, leader, context) !== undefined
  const listenerCode = context.apiVersion >= 6 ? ErrorCode.LISTENER_NOT_FOUND : ErrorCode.LEADER_NOT_AVAILABLE
  return {
    errorCode: leaderCode !== ErrorCode.NONE ? leaderCode : hasEndpoint ? ErrorCode.NONE : listenerCode,
    partitionIndex,
    leaderId: leaderCode === ErrorCode.NONE && hasEndpoint ? partition.leader : NO_LEADER,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: [...named(partition.replicas)],
    isrNodes: [...named(partition.isr)],
    offlineReplicas: offlineReplicas(broker, partition)
  }
}
