import { ErrorCode, type Input, OffsetDeleteRequest, OffsetDeleteResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

export const offsetDeleteHandler = defineHandler<BrokerContext, OffsetDeleteRequest, OffsetDeleteResponse>(
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  handleOffsetDelete
)

/** Topics that do not exist are answered here; the coordinator knows groups only. */
async function handleOffsetDelete(
  broker: BrokerContext,
  request: OffsetDeleteRequest,
  context: RequestContext
): Promise<Input<OffsetDeleteResponse>> {
  const known = request.topics.filter(({ name }) => broker.image.topic(name) !== undefined)
  const unknown = request.topics.filter(({ name }) => broker.image.topic(name) === undefined)
  const response = await broker.groups.deleteOffsets(groupContext(context), { ...request, topics: known })
  if (response.errorCode !== ErrorCode.NONE) return response
  const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const refused = unknown.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
  }))
  return { ...response, topics: [...response.topics, ...refused] }
}
