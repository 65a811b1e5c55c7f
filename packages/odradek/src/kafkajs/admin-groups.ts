// Groups and their offsets, for the admin and the consumer.
import { type ConsumerGroupDescription, KafkaError, type Admin as NativeAdmin } from '@odradek/client'
import { AssignerProtocol } from './assigners.ts'
import { type DeleteGroupsResult, KafkaJSDeleteGroupsError, KafkaJSNonRetriableError, protocolError } from './errors.ts'
import type { Assignment, ConsumerGroupState, FetchOffsetsPartition, GroupDescription, SeekEntry } from './types.ts'

/** A group that is not there is Dead, as brokers said before Kafka 4. */
export async function describeGroups(admin: NativeAdmin, groupIds: readonly string[]): Promise<GroupDescription[]> {
  const { values, errors } = await admin.describeConsumerGroups(groupIds).outcomes()
  return groupIds.map((groupId) => {
    const found = values.get(groupId)
    if (found !== undefined) return describe(found)
    const error = errors.get(groupId)
    if (error?.code === 'GROUP_ID_NOT_FOUND') return { groupId, members: [], protocol: '', protocolType: '', state: 'Dead' }
    throw error ?? new KafkaError(-1)
  })
}

function describe({ groupId, groupState, partitionAssignor, members }: ConsumerGroupDescription): GroupDescription {
  return {
    groupId,
    protocol: partitionAssignor,
    protocolType: 'consumer',
    state: groupState as ConsumerGroupState,
    members: members.map(({ consumerId, clientId, host, assignment }) => {
      const byTopic: Assignment = {}
      for (const { topic, partition } of assignment) {
        byTopic[topic] ??= []
        byTopic[topic].push(partition)
      }
      return {
        memberId: consumerId,
        clientId,
        clientHost: host,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment: byTopic }),
        // What it has subscribed to is not told: the topics that it has partitions of.
        memberMetadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics: Object.keys(byTopic) })
      }
    })
  }
}

export async function deleteGroups(admin: NativeAdmin, groupIds: readonly string[]): Promise<DeleteGroupsResult[]> {
  const { errors } = await admin.deleteConsumerGroups(groupIds).outcomes()
  if (errors.size > 0) {
    const failed = [...errors].map(([groupId, error]) => ({ groupId, errorCode: error.errorCode, error: protocolError(error) }))
    throw new KafkaJSDeleteGroupsError('Error in DeleteGroups', failed)
  }
  return groupIds.map((groupId) => ({ groupId, errorCode: 0 }))
}

export interface TopicOffset {
  readonly partition: number
  readonly offset: string
  readonly high: string
  readonly low: string
}

export async function partitionsOf(admin: NativeAdmin, topic: string): Promise<number[]> {
  const described = await admin.describeTopics([topic])
  return (described.get(topic)?.partitions ?? []).map(({ partition }) => partition)
}

export async function topicOffsets(admin: NativeAdmin, topic: string): Promise<TopicOffset[]> {
  const partitions = await partitionsOf(admin, topic)
  const list = (spec: 'earliest' | 'latest') => admin.listOffsets(partitions.map((partition) => ({ topic, partition, spec })))
  const [low, high] = await Promise.all([list('earliest'), list('latest')])
  return partitions.map((partition) => {
    const at = (offsets: typeof low): string => String(offsets.get(`${topic}-${partition}`)?.offset ?? -1)
    return { partition, offset: at(high), high: at(high), low: at(low) }
  })
}

export async function offsetsByTimestamp(admin: NativeAdmin, topic: string, timestamp: number | undefined): Promise<SeekEntry[]> {
  const ends = await topicOffsets(admin, topic)
  if (timestamp === undefined) return ends.map(({ partition, high }) => ({ partition, offset: high }))
  const found = await admin.listOffsets(ends.map(({ partition }) => ({ topic, partition, spec: { timestamp } })))
  return ends.map(({ partition, high }) => {
    const offset = found.get(`${topic}-${partition}`)?.offset ?? -1
    return { partition, offset: offset < 0 ? high : String(offset) }
  })
}

interface FetchOffsetsOptions {
  readonly groupId: string
  readonly topics?: readonly string[]
  readonly resolveOffsets?: boolean
}

export async function fetchOffsets(
  admin: NativeAdmin,
  { groupId, topics = [], resolveOffsets = false }: FetchOffsetsOptions
): Promise<{ topic: string; partitions: FetchOffsetsPartition[] }[]> {
  const places: { topic: string; partition: number }[] = []
  for (const topic of topics) for (const partition of await partitionsOf(admin, topic)) places.push({ topic, partition })
  const groups = await admin.listConsumerGroupOffsets([topics.length === 0 ? groupId : { groupId, topicPartitions: places }])
  const committed = [...(groups.get(groupId)?.offsets.values() ?? [])].filter((each) => each !== null)
  const byTopic = Map.groupBy(topics.length === 0 ? committed : places, ({ topic }) => topic)
  const result = [...byTopic].map(([topic, list]) => ({
    topic,
    partitions: list.map(({ partition }): FetchOffsetsPartition => {
      const found = committed.find((each) => each.topic === topic && each.partition === partition)
      return { partition, offset: String(found?.offset ?? -1), metadata: found?.metadata || null }
    })
  }))
  if (!resolveOffsets) return result
  for (const { topic, partitions } of result) {
    if (partitions.every(({ offset }) => Number(offset) >= 0)) continue
    const resolved = await resolvedOffsets(admin, topic, partitions)
    for (const each of partitions) each.offset = resolved.find(({ partition }) => partition === each.partition)?.offset ?? each.offset
    await setOffsets(admin, { groupId, topic, partitions: resolved })
  }
  return result
}

/** -1 is the end, -2 the beginning. */
async function resolvedOffsets(admin: NativeAdmin, topic: string, entries: readonly SeekEntry[]): Promise<SeekEntry[]> {
  if (entries.every(({ offset }) => Number(offset) >= 0)) return [...entries]
  const ends = await topicOffsets(admin, topic)
  return entries.map(({ partition, offset }) => {
    const end = ends.find((each) => each.partition === partition)
    return { partition, offset: (offset === '-1' ? end?.high : offset === '-2' ? end?.low : undefined) ?? offset }
  })
}

export async function setOffsets(
  admin: NativeAdmin,
  { groupId, topic, partitions }: { groupId: string; topic: string; partitions: readonly SeekEntry[] }
): Promise<void> {
  const [{ state, members }] = await describeGroups(admin, [groupId])
  if (members.length > 0 || !(state === 'Empty' || state === 'Dead'))
    throw new KafkaJSNonRetriableError(`The consumer group must have no running instances, current state: ${state}`)
  const resolved = await resolvedOffsets(admin, topic, partitions)
  await admin.alterConsumerGroupOffsets(
    groupId,
    resolved.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
  )
}
