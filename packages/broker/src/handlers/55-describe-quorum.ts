// DescribeQuorum for a quorum of one: this node leads, and knows all there is to know.

import { DescribeQuorumRequest, DescribeQuorumResponse, ErrorCode, errorByCode, type Input } from '@odradek/protocol'
import { METADATA_TOPIC } from '@odradek/storage'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

type Response = Input<DescribeQuorumResponse>
type PartitionData = Input<DescribeQuorumResponse['topics'][number]['partitions'][number]>

export const describeQuorumHandler = defineHandler<BrokerContext, DescribeQuorumRequest, DescribeQuorumResponse>(
  DescribeQuorumRequest,
  DescribeQuorumResponse,
  handleDescribeQuorum
)

function handleDescribeQuorum(broker: BrokerContext, request: DescribeQuorumRequest, context: RequestContext): Response {
  const [topic] = request.topics
  const isMetadata =
    request.topics.length === 1 &&
    topic.topicName === METADATA_TOPIC &&
    topic.partitions.length === 1 &&
    topic.partitions[0].partitionIndex === 0
  if (!isMetadata) {
    const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    const errorMessage = context.apiVersion >= 2 ? errorByCode(errorCode).message : undefined
    const topics = request.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, errorMessage }))
    }))
    return { topics }
  }
  const topics = [{ topicName: METADATA_TOPIC, partitions: [describe(broker, context)] }]
  return context.apiVersion >= 2 ? { topics, nodes: nodesOf(broker) } : { topics }
}

function describe(broker: BrokerContext, context: RequestContext): PartitionData {
  const { metadata } = broker
  const lastSeenMs = broker.world.clock.now()
  const currentVoters = metadata.membership.voters.map(({ id, directoryId }) => ({
    replicaId: id,
    replicaDirectoryId: context.apiVersion >= 2 ? directoryId : undefined,
    logEndOffset: metadata.logEndOffset,
    lastFetchTimestamp: lastSeenMs,
    lastCaughtUpTimestamp: lastSeenMs
  }))
  return {
    partitionIndex: 0,
    errorCode: ErrorCode.NONE,
    errorMessage: context.apiVersion >= 2 ? '' : undefined,
    leaderId: metadata.leaderId,
    leaderEpoch: metadata.leaderEpoch,
    highWatermark: metadata.highWatermark,
    currentVoters,
    observers: []
  }
}

function nodesOf(broker: BrokerContext): Response['nodes'] {
  return broker.metadata.membership.voters.map(({ id, endpoints }) => ({
    nodeId: id,
    listeners: endpoints.map(({ name, host, port }) => ({ name, host, port }))
  }))
}
