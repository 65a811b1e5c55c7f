// OffsetFetch: one group up to version 7, many from 8 on; topics by id from 10 on. Those whose id is not known are answered
// here, the rest is the group coordinator's.
import { ZERO_UUID } from '@odradek/base'
import type { OffsetFetchRequestGroup, OffsetFetchResponseGroup } from '@odradek/coordinator'
import { ErrorCode, type Input, OffsetFetchRequest, OffsetFetchResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

type Response = Input<OffsetFetchResponse>
type Topics = OffsetFetchResponseGroup['topics']

const GROUPS_VERSION = 8
const TOPIC_IDS_VERSION = 10

export const offsetFetchHandler = defineHandler<BrokerContext, OffsetFetchRequest, OffsetFetchResponse>(
  OffsetFetchRequest,
  OffsetFetchResponse,
  handleOffsetFetch,
  {
    failure: (request, errorCode, context) =>
      context.apiVersion < GROUPS_VERSION ? { errorCode } : { groups: request.groups.map(({ groupId }) => ({ groupId, errorCode })) }
  }
)

async function handleOffsetFetch(broker: BrokerContext, request: OffsetFetchRequest, context: RequestContext): Promise<Response> {
  const { requireStable } = request
  if (context.apiVersion >= GROUPS_VERSION) {
    return { groups: await Promise.all(request.groups.map((group) => fetchGroup(broker, group, requireStable, context))) }
  }
  const topics = request.topics?.map(({ name, partitionIndexes }) => ({ name, topicId: ZERO_UUID, partitionIndexes })) ?? null
  const group = await fetchGroup(broker, { groupId: request.groupId, memberId: null, memberEpoch: -1, topics }, requireStable, context)
  return { topics: group.topics, errorCode: group.errorCode }
}

async function fetchGroup(
  broker: BrokerContext,
  group: OffsetFetchRequestGroup,
  requireStable: boolean,
  context: RequestContext
): Promise<OffsetFetchResponseGroup> {
  const usesTopicIds = context.apiVersion >= TOPIC_IDS_VERSION
  const { known, refused } = resolve(broker, group, usesTopicIds)
  const response = await broker.groups.fetchOffsets(groupContext(context), known, requireStable)
  if (!usesTopicIds || response.errorCode !== ErrorCode.NONE) return response
  return { ...response, topics: [...withIds(broker, response.topics), ...refused] }
}

/** Names for ids and ids for names; what has no name cannot be looked up. */
function resolve(
  broker: BrokerContext,
  group: OffsetFetchRequestGroup,
  usesTopicIds: boolean
): { known: OffsetFetchRequestGroup; refused: Topics } {
  if (group.topics === null) return { known: group, refused: [] }
  const topics: NonNullable<OffsetFetchRequestGroup['topics']> = []
  const refused: Topics = []
  for (const topic of group.topics) {
    const image = usesTopicIds ? broker.image.topicById(topic.topicId) : broker.image.topic(topic.name)
    if (image !== undefined) topics.push({ ...topic, name: image.name, topicId: image.id })
    else if (!usesTopicIds) topics.push({ ...topic, topicId: ZERO_UUID })
    else refused.push({ name: '', topicId: topic.topicId, partitions: topic.partitionIndexes.map(unknownTopicId) })
  }
  return { known: { ...group, topics }, refused }
}

function unknownTopicId(partitionIndex: number): Topics[number]['partitions'][number] {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: ErrorCode.UNKNOWN_TOPIC_ID }
}

/** Topics that are gone have no id any more and cannot be told. */
function withIds(broker: BrokerContext, topics: Topics): Topics {
  return topics.flatMap((topic) => {
    const id = topic.topicId === ZERO_UUID ? broker.image.topic(topic.name)?.id : topic.topicId
    return id === undefined ? [] : [{ ...topic, topicId: id }]
  })
}
