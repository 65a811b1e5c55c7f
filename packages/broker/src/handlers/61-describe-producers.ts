import { topicNameProblem } from '@odradek/metadata'
import { DescribeProducersRequest, DescribeProducersResponse, ErrorCode, errorByCode, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'
import { missingTopicCode } from '../topic-lookup.ts'

type DescribeProducersResponsePartitionResponse = DescribeProducersResponse['topics'][number]['partitions'][number]

export const describeProducersHandler = defineHandler<BrokerContext, DescribeProducersRequest, DescribeProducersResponse>(
  DescribeProducersRequest,
  DescribeProducersResponse,
  (broker, request) => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => describe(broker, name, index))
    }))
  }),
  {
    failure: (request, errorCode) => ({
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => failed(index, errorCode))
      }))
    })
  }
)

function describe(broker: BrokerContext, topic: string, partitionIndex: number): Input<DescribeProducersResponsePartitionResponse> {
  const partition = broker.replicas.get(topic, partitionIndex)
  if (partition === undefined) return missing(broker, topic, partitionIndex)
  const activeProducers = partition.log.activeProducers().map((entry) => ({
    producerId: entry.producerId,
    producerEpoch: entry.producerEpoch,
    lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
    lastTimestamp: entry.lastTimestamp,
    coordinatorEpoch: entry.coordinatorEpoch,
    currentTxnStartOffset: entry.currentTxnFirstOffset
  }))
  return { partitionIndex, errorCode: ErrorCode.NONE, activeProducers }
}

function missing(broker: BrokerContext, topic: string, partitionIndex: number): Input<DescribeProducersResponsePartitionResponse> {
  const problem = topicNameProblem(topic)
  if (problem !== undefined) return { ...failed(partitionIndex, ErrorCode.INVALID_TOPIC_EXCEPTION), errorMessage: problem }
  const answer = failed(partitionIndex, missingTopicCode(broker, topic, partitionIndex))
  // what is wrong with a partition of a topic that exists is said without words
  return broker.image.topic(topic) === undefined ? answer : { ...answer, errorMessage: null }
}

function failed(partitionIndex: number, errorCode: number): Input<DescribeProducersResponsePartitionResponse> {
  return { partitionIndex, errorCode, errorMessage: errorByCode(errorCode).message, activeProducers: [] }
}
