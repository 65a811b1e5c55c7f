// Deletes committed offsets of topics, or of partitions of them, and says what became of each.
import { type Admin, type KafkaError, type KeyedResult, partitionKey, type TopicPartition } from '@odradek/client'
import { outcomesOf } from '../java.ts'
import type { ToolIo } from '../tool.ts'
import { type OffsetDeletion, reportOffsetDeletion } from './report.ts'
import { specifiedPartitions } from './reset.ts'

export interface Deleting {
  readonly admin: Admin
  readonly io: ToolIo
  readonly timeoutMs: number
}

/** `topicArguments` are `topic` or `topic:0,1`. */
export async function deleteOffsets(
  deleting: Deleting,
  groupId: string,
  topicArguments: readonly string[],
  remove: (partitions: readonly TopicPartition[]) => KeyedResult<void>
): Promise<void> {
  const { admin, timeoutMs } = deleting
  const partitions = topicArguments.filter((one) => one.includes(':')).flatMap(specifiedPartitions)
  const topics = topicArguments.filter((one) => !one.includes(':'))
  const { values, errors } = await outcomesOf('listNodes', admin.describeTopics(topics, { timeoutMs }))
  for (const { name: topic, partitions: infos } of values.values()) partitions.push(...infos.map(({ partition }) => ({ topic, partition })))
  const unknown = [...errors].map(([topic, error]) => ({ topic, partition: -1, error }))
  await deletePartitions(deleting, groupId, partitions, remove, unknown)
}

export async function deletePartitions(
  { admin, io, timeoutMs }: Deleting,
  groupId: string,
  partitions: readonly TopicPartition[],
  remove: (partitions: readonly TopicPartition[]) => KeyedResult<void>,
  more: readonly OffsetDeletion[] = []
): Promise<void> {
  const { errors } = await remove(partitions).outcomes()
  const failure = partitions.length === 0 ? await absence(admin, groupId, timeoutMs) : errors.values().next().value
  const unique = new Map(partitions.map((one) => [partitionKey(one.topic, one.partition), one]))
  const results = [...unique].map(([key, one]) => ({ ...one, error: errors.get(key) }))
  reportOffsetDeletion(io, groupId, [...results, ...more], failure)
}

/** Kafka's tool learns that a group does not exist even where there is nothing to delete. */
async function absence(admin: Admin, groupId: string, timeoutMs: number): Promise<KafkaError | undefined> {
  const { errors } = await admin.describeConsumerGroups([groupId], { timeoutMs }).outcomes()
  return errors.get(groupId)
}
