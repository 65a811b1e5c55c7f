// DeleteRecords: moves the log start offset forward. Nothing below it is readable in the same turn; segments go later. It is answered
// when the new start is on disk: Apache Kafka writes it once a minute, and a kill -9 brings the records back.
import { DeleteRecordsRequest, DeleteRecordsResponse, ErrorCode, type Input } from '@odradek/protocol'
import type { PartitionLog } from '@odradek/storage'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'
import { isInternalTopic } from '../internal-topics.ts'
import { missingTopicCode } from '../topic-lookup.ts'

type DeleteRecordsRequestDeleteRecordsPartition = DeleteRecordsRequest['topics'][number]['partitions'][number]
type DeleteRecordsResponseDeleteRecordsPartitionResult = DeleteRecordsResponse['topics'][number]['partitions'][number]

/** Asks for the high watermark. */
const HIGH_WATERMARK = -1
const NO_LOW_WATERMARK = -1

type LogDirectory = PartitionLog['directory']

export const deleteRecordsHandler = defineHandler<BrokerContext, DeleteRecordsRequest, DeleteRecordsResponse>(
  DeleteRecordsRequest,
  DeleteRecordsResponse,
  (broker, request) => {
    const moved = new Set<LogDirectory>()
    const response = {
      topics: Array.from(wantedOf(request), ([name, partitions]) => ({
        name,
        partitions: Array.from(partitions.values(), (wanted) => deleteRecords(broker, name, wanted, moved))
      }))
    }
    // what was said to be deleted must not come back after a crash
    return moved.size === 0 ? response : Promise.all(Array.from(moved, (directory) => directory.keepLogStarts())).then(() => response)
  },
  {
    failure: (request, errorCode) => ({
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => failed(partitionIndex, errorCode))
      }))
    })
  }
)

/** By topic and partition; of a partition that is named more than once the last one counts. */
function wantedOf({ topics }: DeleteRecordsRequest): Map<string, Map<number, DeleteRecordsRequestDeleteRecordsPartition>> {
  const byTopic = new Map<string, Map<number, DeleteRecordsRequestDeleteRecordsPartition>>()
  for (const { name, partitions } of topics) {
    if (partitions.length === 0) continue
    const wanted = byTopic.get(name) ?? new Map<number, DeleteRecordsRequestDeleteRecordsPartition>()
    for (const partition of partitions) wanted.set(partition.partitionIndex, partition)
    byTopic.set(name, wanted)
  }
  return byTopic
}

function deleteRecords(
  broker: BrokerContext,
  topic: string,
  wanted: DeleteRecordsRequestDeleteRecordsPartition,
  moved: Set<LogDirectory>
): Input<DeleteRecordsResponseDeleteRecordsPartitionResult> {
  const { partitionIndex } = wanted
  if (isInternalTopic(topic)) return failed(partitionIndex, ErrorCode.INVALID_TOPIC_EXCEPTION)
  const partition = broker.replicas.get(topic, partitionIndex)
  if (partition === undefined) return failed(partitionIndex, missingTopicCode(broker, topic, partitionIndex))
  if (partition.errorCode !== ErrorCode.NONE) return failed(partitionIndex, partition.errorCode)
  const { log } = partition
  if (!log.config.isDelete) return failed(partitionIndex, ErrorCode.POLICY_VIOLATION)
  const offset = wanted.offset === HIGH_WATERMARK ? log.highWatermark : wanted.offset
  const { logStartOffset } = log
  if (offset < 0 || !log.advanceLogStartOffset(offset)) return failed(partitionIndex, ErrorCode.OFFSET_OUT_OF_RANGE)
  if (log.logStartOffset > logStartOffset) moved.add(log.directory)
  partition.wakeFetches()
  return { partitionIndex, lowWatermark: log.logStartOffset, errorCode: ErrorCode.NONE }
}

function failed(partitionIndex: number, errorCode: number): Input<DeleteRecordsResponseDeleteRecordsPartitionResult> {
  return { partitionIndex, lowWatermark: NO_LOW_WATERMARK, errorCode }
}
