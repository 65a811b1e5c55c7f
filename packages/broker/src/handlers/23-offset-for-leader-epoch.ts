import { ErrorCode, type Input, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'
import { missingTopicCode } from '../topic-lookup.ts'

type OffsetForLeaderEpochRequestOffsetForLeaderPartition = OffsetForLeaderEpochRequest['topics'][number]['partitions'][number]
type OffsetForLeaderEpochResponseEpochEndOffset = OffsetForLeaderEpochResponse['topics'][number]['partitions'][number]

const UNDEFINED_EPOCH = -1
const UNDEFINED_OFFSET = -1

export const offsetForLeaderEpochHandler = defineHandler<BrokerContext, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>(
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
  (broker, request) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((wanted) => endOffset(broker, topic, wanted))
    }))
  }),
  {
    failure: (request, errorCode) => ({
      topics: request.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => failed(partition, errorCode))
      }))
    })
  }
)

function endOffset(
  broker: BrokerContext,
  topic: string,
  wanted: OffsetForLeaderEpochRequestOffsetForLeaderPartition
): Input<OffsetForLeaderEpochResponseEpochEndOffset> {
  const partition = broker.replicas.get(topic, wanted.partition)
  if (partition === undefined) return failed(wanted.partition, missingTopicCode(broker, topic, wanted.partition))
  const epochCode = partition.checkLeaderEpoch(wanted.currentLeaderEpoch)
  if (epochCode !== ErrorCode.NONE) return failed(wanted.partition, epochCode)
  const end = partition.log.endOffsetForEpoch(wanted.leaderEpoch)
  return { errorCode: ErrorCode.NONE, partition: wanted.partition, leaderEpoch: end.epoch, endOffset: end.endOffset }
}

function failed(partition: number, errorCode: number): Input<OffsetForLeaderEpochResponseEpochEndOffset> {
  return { errorCode, partition, leaderEpoch: UNDEFINED_EPOCH, endOffset: UNDEFINED_OFFSET }
}
