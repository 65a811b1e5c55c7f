// DescribeTopicPartitions (KIP-966): topics in the order of their names, page by page.
import type { PartitionRegistration, TopicImage } from '@odradek/metadata'
import { topicNameProblem } from '@odradek/metadata'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, ErrorCode, type Input } from '@odradek/protocol'
import { authorizedOperations } from '../authorization.ts'
import type { BrokerContext } from '../broker-context.ts'
import { endpointOf, offlineReplicas } from '../endpoints.ts'
import { defineHandler, type RequestContext } from '../handler.ts'
import { isInternalTopic } from '../internal-topics.ts'

type DescribeTopicPartitionsResponsePartition = DescribeTopicPartitionsResponse['topics'][number]['partitions'][number]
type Topic = Input<DescribeTopicPartitionsResponse['topics'][number]>

type Response = Input<DescribeTopicPartitionsResponse>

const NO_LEADER = -1

export const describeTopicPartitionsHandler = defineHandler<BrokerContext, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>(
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
  handleDescribe,
  { failure: (request, errorCode) => ({ topics: request.topics.map(({ name }) => ({ errorCode, name, partitions: [] })) }) }
)

function handleDescribe(broker: BrokerContext, request: DescribeTopicPartitionsRequest, context: RequestContext): Response {
  const { cursor } = request
  if (cursor !== null && isCursorWrong(request, cursor)) {
    return { topics: request.topics.map(({ name }) => ({ errorCode: ErrorCode.INVALID_REQUEST, name, partitions: [] })) }
  }
  let room = Math.max(1, Math.min(request.responsePartitionLimit, broker.config.get('max.request.partition.size.limit')))
  const topics: Topic[] = []
  for (const name of wantedNames(broker, request)) {
    const image = broker.image.topic(name)
    if (image === undefined) {
      topics.push(unknownTopic(name))
      continue
    }
    if (room === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } }
    const first = cursor !== null && cursor.topicName === name ? cursor.partitionIndex : 0
    const end = Math.min(image.partitions.size, first + room)
    topics.push(describeTopic(broker, context, image, { first, end }))
    room -= Math.max(0, end - first)
    if (end < image.partitions.size) return { topics, nextCursor: { topicName: name, partitionIndex: end } }
  }
  return { topics, nextCursor: null }
}

/** A cursor lies in a topic that is asked for. */
function isCursorWrong({ topics }: DescribeTopicPartitionsRequest, cursor: { topicName: string; partitionIndex: number }): boolean {
  return cursor.partitionIndex < 0 || (topics.length > 0 && !topics.some(({ name }) => name === cursor.topicName))
}

/** Sorted; without names all topics, and with a cursor only from its topic on. */
function wantedNames(broker: BrokerContext, request: DescribeTopicPartitionsRequest): string[] {
  const { topics, cursor } = request
  const names = topics.length > 0 ? topics.map(({ name }) => name) : Array.from(broker.image.topics(), ({ name }) => name)
  const start = cursor?.topicName ?? ''
  return [...new Set(names)].filter((name) => name >= start).sort((a, b) => (a < b ? -1 : 1))
}

function unknownTopic(name: string): Topic {
  const errorCode = topicNameProblem(name) === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION
  return { errorCode, name, isInternal: isInternalTopic(name), partitions: [], topicAuthorizedOperations: authorizedOperations('topic') }
}

function describeTopic(broker: BrokerContext, context: RequestContext, topic: TopicImage, range: { first: number; end: number }): Topic {
  const partitions: Input<DescribeTopicPartitionsResponsePartition>[] = []
  for (let index = range.first; index < range.end; index++) {
    const partition = topic.partitions.get(index)
    if (partition !== undefined) partitions.push(describePartition(broker, context, index, partition))
  }
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions,
    topicAuthorizedOperations: authorizedOperations('topic')
  }
}

function describePartition(
  broker: BrokerContext,
  context: RequestContext,
  partitionIndex: number,
  partition: PartitionRegistration
): Input<DescribeTopicPartitionsResponsePartition> {
  const { brokers } = broker.image
  const leader = brokers.get(partition.leader)
  const isLed = leader !== undefined && !leader.fenced && endpointOf(broker, leader, context) !== undefined
  return {
    errorCode: isLed ? ErrorCode.NONE : ErrorCode.LEADER_NOT_AVAILABLE,
    partitionIndex,
    leaderId: isLed ? partition.leader : NO_LEADER,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    eligibleLeaderReplicas: partition.elr,
    lastKnownElr: partition.lastKnownElr,
    offlineReplicas: offlineReplicas(broker, partition)
  }
}
