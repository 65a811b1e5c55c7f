// ListOffsets: the ends of a log, the record at a time, the record with the greatest time.
import { ErrorCode, type Input, ListOffsetsRequest, ListOffsetsResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler, type RequestContext } from '../handler.ts'
import type { Partition } from '../replica/partition.ts'
import { Slices } from '../slices.ts'
import { missingTopicCode } from '../topic-lookup.ts'

type ListOffsetsRequestListOffsetsPartition = ListOffsetsRequest['topics'][number]['partitions'][number]
type ListOffsetsResponseListOffsetsPartitionResponse = ListOffsetsResponse['topics'][number]['partitions'][number]

type Response = Input<ListOffsetsResponse>
type PartitionResponse = Input<ListOffsetsResponseListOffsetsPartitionResponse>

const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6
/** The version from which each of these can be asked for. */
const SINCE_VERSION = new Map([
  [LATEST, 1],
  [EARLIEST, 1],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11]
])
const CONSUMER = -1
const NO_LEADER_EPOCH = -1
const LEADER_EPOCH_VERSION = 4
const READ_COMMITTED = 1
/** Look-ups that may wait for the disk together. */
const PARTITIONS_AT_ONCE = 64

export const listOffsetsHandler = defineHandler<BrokerContext, ListOffsetsRequest, ListOffsetsResponse>(
  ListOffsetsRequest,
  ListOffsetsResponse,
  handleListOffsets,
  {
    failure: (request, errorCode) => ({
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => failed(partitionIndex, errorCode))
      }))
    })
  }
)

async function handleListOffsets(broker: BrokerContext, request: ListOffsetsRequest, context: RequestContext): Promise<Response> {
  const slices = new Slices(broker.world)
  const topics = request.topics.map(({ name }) => ({ name, partitions: [] as PartitionResponse[] }))
  const wanted = wantedOf(request)
  for (let begin = 0; begin < wanted.length; begin += PARTITIONS_AT_ONCE) {
    const group = wanted.slice(begin, begin + PARTITIONS_AT_ONCE)
    const answers = await Promise.all(group.map((each) => listOffset(broker, { request, context, ...each })))
    for (const [index, answer] of answers.entries()) topics[group[index].topicIndex].partitions.push(answer)
    await slices.pause()
  }
  return { topics }
}

type WantedPartition = Pick<Wanted, 'topic' | 'wanted' | 'isRepeated'> & { readonly topicIndex: number }

/** Every partition once; those that are named more often get one error, as in Apache Kafka. */
function wantedOf({ topics }: ListOffsetsRequest): WantedPartition[] {
  const seen = new Map<string, { isRepeated: boolean }>()
  const all: WantedPartition[] = []
  for (const [topicIndex, { name, partitions }] of topics.entries()) {
    for (const wanted of partitions) {
      const key = `${name}-${wanted.partitionIndex}`
      const before = seen.get(key)
      if (before !== undefined) {
        before.isRepeated = true
        continue
      }
      const entry = { topicIndex, topic: name, wanted, isRepeated: false }
      seen.set(key, entry)
      all.push(entry)
    }
  }
  return all
}

interface Wanted {
  readonly request: ListOffsetsRequest
  readonly topic: string
  readonly wanted: ListOffsetsRequestListOffsetsPartition
  readonly isRepeated: boolean
  readonly context: RequestContext
}

async function listOffset(broker: BrokerContext, options: Wanted): Promise<PartitionResponse> {
  const { request, topic, wanted, context, isRepeated } = options
  const { partitionIndex, timestamp } = wanted
  if (isRepeated) return failed(partitionIndex, ErrorCode.INVALID_REQUEST)
  const since = SINCE_VERSION.get(timestamp)
  if (timestamp < 0 && (since === undefined || context.apiVersion < since)) return failed(partitionIndex, ErrorCode.UNSUPPORTED_VERSION)
  const partition = broker.replicas.get(topic, partitionIndex)
  if (partition === undefined) return failed(partitionIndex, missingTopicCode(broker, topic, partitionIndex))
  const epochCode = partition.checkLeaderEpoch(wanted.currentLeaderEpoch)
  if (epochCode !== ErrorCode.NONE) return failed(partitionIndex, epochCode)
  try {
    const found = await lookUp(partition, timestamp, readableEnd(partition, request))
    const leaderEpoch = context.apiVersion >= LEADER_EPOCH_VERSION ? found.leaderEpoch : NO_LEADER_EPOCH
    return { partitionIndex, errorCode: ErrorCode.NONE, timestamp: found.timestamp, offset: found.offset, leaderEpoch }
  } catch (error) {
    broker.world.logger.log(
      'ERROR',
      'kafka.server.ReplicaManager',
      `Looking up the offset for timestamp ${timestamp} in ${topic}-${partitionIndex} failed`,
      error
    )
    return failed(partitionIndex, ErrorCode.KAFKA_STORAGE_ERROR)
  }
}

/** Where the reader's view ends. */
function readableEnd(partition: Partition, request: ListOffsetsRequest): number {
  const { log } = partition
  if (request.replicaId !== CONSUMER) return log.logEndOffset
  return request.isolationLevel === READ_COMMITTED ? log.lastStableOffset : log.highWatermark
}

interface Found {
  readonly timestamp: number
  readonly offset: number
  readonly leaderEpoch: number
}

const NOTHING: Found = { timestamp: -1, offset: -1, leaderEpoch: -1 }

async function lookUp(partition: Partition, timestamp: number, end: number): Promise<Found> {
  const { log } = partition
  switch (timestamp) {
    case LATEST:
      return { timestamp: -1, offset: end, leaderEpoch: partition.leaderEpoch }
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { timestamp: -1, offset: log.logStartOffset, leaderEpoch: epochOf(partition, log.logStartOffset) }
    // nothing is tiered here
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return NOTHING
  }
  const found = await (timestamp === MAX_TIMESTAMP ? log.offsetOfMaxTimestamp() : log.offsetForTimestamp(timestamp))
  if (found === undefined || found.offset >= end) return NOTHING
  return found
}

/** The leader epoch in which the record at `offset` was written; -1 when the log does not know. */
function epochOf(partition: Partition, offset: number): number {
  const entry = partition.log.leaderEpochs.findLast(({ startOffset }) => startOffset <= offset)
  return entry?.epoch ?? -1
}

function failed(partitionIndex: number, errorCode: number): PartitionResponse {
  return { partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 }
}
