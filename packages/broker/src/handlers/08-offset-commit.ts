// OffsetCommit: topics by name or, from version 10 on, by id; those that do not exist are answered here, the rest is the
// group coordinator's.
import { ErrorCode, type Input, OffsetCommitRequest, OffsetCommitResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

type OffsetCommitRequestTopic = OffsetCommitRequest['topics'][number]
type OffsetCommitResponseTopic = OffsetCommitResponse['topics'][number]

type Response = Input<OffsetCommitResponse>

const TOPIC_IDS_VERSION = 10

export const offsetCommitHandler = defineHandler<BrokerContext, OffsetCommitRequest, OffsetCommitResponse>(
  OffsetCommitRequest,
  OffsetCommitResponse,
  handleOffsetCommit,
  { failure: (request, errorCode) => ({ topics: request.topics.map((topic) => failed(topic, errorCode)) }) }
)

function handleOffsetCommit(broker: BrokerContext, request: OffsetCommitRequest, context: RequestContext): Response | Promise<Response> {
  const usesTopicIds = context.apiVersion >= TOPIC_IDS_VERSION
  const known: OffsetCommitRequestTopic[] = []
  const refused: Input<OffsetCommitResponseTopic>[] = []
  for (const topic of request.topics) {
    const image = usesTopicIds ? broker.image.topicById(topic.topicId) : broker.image.topic(topic.name)
    if (image !== undefined) known.push({ ...topic, name: image.name, topicId: image.id })
    else refused.push(failed(topic, usesTopicIds ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
  }
  // a commit of nothing still shows that the member is alive, but one of unknown topics alone has nothing to say
  if (known.length === 0 && refused.length > 0) return { topics: refused }
  const response = broker.groups.commitOffsets(groupContext(context), { ...request, topics: known })
  const merge = ({ topics }: OffsetCommitResponse): Response => ({ topics: [...refused, ...topics] })
  return response instanceof Promise ? response.then(merge) : merge(response)
}

function failed({ name, topicId, partitions }: OffsetCommitRequestTopic, errorCode: number): Input<OffsetCommitResponseTopic> {
  return { name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }
}
