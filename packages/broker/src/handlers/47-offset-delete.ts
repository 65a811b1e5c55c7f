import { ErrorCode, type Input, OffsetDeleteRequest, OffsetDeleteResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { mergeTopics, splitKnown } from '../groups/known-partitions.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

export const offsetDeleteHandler = defineHandler<BrokerContext, OffsetDeleteRequest, OffsetDeleteResponse>(
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  handleOffsetDelete
)

/** Topics and partitions that do not exist are answered here; the coordinator knows groups only. */
async function handleOffsetDelete(
  broker: BrokerContext,
  request: OffsetDeleteRequest,
  context: RequestContext
): Promise<Input<OffsetDeleteResponse>> {
  const known: OffsetDeleteRequest['topics'] = []
  const refused: OffsetDeleteResponse['topics'] = []
  for (const { name, partitions } of request.topics) {
    const image = broker.image.topic(name)
    const split = image === undefined ? { known: [], unknown: partitions } : splitKnown(image, partitions)
    if (split.known.length > 0) known.push({ name, partitions: split.known })
    if (split.unknown.length > 0) refused.push({ name, partitions: split.unknown.map(unknownPartition) })
  }
  const response = await broker.groups.deleteOffsets(groupContext(context), { ...request, topics: known })
  if (response.errorCode !== ErrorCode.NONE) return response
  return { ...response, topics: mergeTopics(refused, response.topics, ({ name }) => name) }
}

function unknownPartition({ partitionIndex }: { partitionIndex: number }): { partitionIndex: number; errorCode: number } {
  return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
}
