// OffsetCommit: topics by name or, from version 10 on, by id; topics and partitions that do not exist are answered here, the
// rest is the group coordinator's.
import { ErrorCode, OffsetCommitRequest, OffsetCommitResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { mergeTopics, splitKnown } from '../groups/known-partitions.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

type Response = Pick<OffsetCommitResponse, 'topics'>
type RequestTopic = OffsetCommitRequest['topics'][number]
type ResponseTopic = OffsetCommitResponse['topics'][number]

const TOPIC_IDS_VERSION = 10

export const offsetCommitHandler = defineHandler<BrokerContext, OffsetCommitRequest, OffsetCommitResponse>(
  OffsetCommitRequest,
  OffsetCommitResponse,
  handleOffsetCommit,
  { failure: (request, errorCode) => ({ topics: request.topics.map((topic) => failed(topic, errorCode)) }) }
)

function handleOffsetCommit(broker: BrokerContext, request: OffsetCommitRequest, context: RequestContext): Response | Promise<Response> {
  const usesTopicIds = context.apiVersion >= TOPIC_IDS_VERSION
  const known: RequestTopic[] = []
  const refused: ResponseTopic[] = []
  for (const topic of request.topics) {
    const image = usesTopicIds ? broker.image.topicById(topic.topicId) : broker.image.topic(topic.name)
    if (image === undefined) {
      refused.push(failed(topic, usesTopicIds ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
      continue
    }
    const named = { ...topic, name: image.name, topicId: image.id }
    const partitions = splitKnown(image, topic.partitions)
    if (partitions.known.length > 0) known.push({ ...named, partitions: partitions.known })
    if (partitions.unknown.length > 0)
      refused.push(failed({ ...named, partitions: partitions.unknown }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
  }
  if (known.length === 0) return { topics: refused }
  const response = broker.groups.commitOffsets(groupContext(context), { ...request, topics: known })
  const merge = ({ topics }: OffsetCommitResponse): Response => ({
    topics: mergeTopics(refused, topics, (topic) => (usesTopicIds ? topic.topicId : topic.name))
  })
  return response instanceof Promise ? response.then(merge) : merge(response)
}

function failed({ name, topicId, partitions }: RequestTopic, errorCode: number): ResponseTopic {
  return { name, topicId, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }
}
