// Deletes committed offsets of topics, or of partitions of them, and says what became of each.
import type { Admin, KafkaError, KeyedResult, TopicPartition } from '@odradek/client'
import { partitionKey } from '@odradek/client/admin'
import { outcomesOf } from '../java.ts'
import { type ToolIo, unreachable } from '../tool.ts'
import { type OffsetDeletion, reportOffsetDeletion } from './report.ts'
import { specifiedPartitions } from './reset.ts'

export interface DeletingOffsets {
  readonly admin: Admin
  readonly io: ToolIo
  readonly timeoutMs: number
  readonly groupId: string
  remove(partitions: readonly TopicPartition[]): KeyedResult<void>
  describe(): KeyedResult<unknown>
}

export interface PartitionsToDelete {
  readonly partitions: readonly TopicPartition[]
  readonly unknown: readonly OffsetDeletion[]
}

/** `topicArguments` are `topic` or `topic:0,1`. */
export async function partitionsToDelete(
  { admin, timeoutMs }: DeletingOffsets,
  topicArguments: readonly string[]
): Promise<PartitionsToDelete> {
  const partitions = topicArguments.filter((one) => one.includes(':')).flatMap(specifiedPartitions)
  const topics = topicArguments.filter((one) => !one.includes(':'))
  const { values, errors } = await outcomesOf('listNodes', admin.describeTopics(topics, { timeoutMs }))
  for (const { name: topic, partitions: infos } of values.values()) partitions.push(...infos.map(({ partition }) => ({ topic, partition })))
  return { partitions, unknown: [...errors].map(([topic, error]) => ({ topic, partition: -1, error })) }
}

export async function deletePartitions(deleting: DeletingOffsets, { partitions, unknown }: PartitionsToDelete): Promise<void> {
  const { io, groupId } = deleting
  const { errors } = await deleting.remove(partitions).outcomes()
  const failure = partitions.length === 0 ? await absence(deleting) : errors.values().next().value
  const unique = new Map(partitions.map(({ topic, partition }) => [partitionKey(topic, partition), { topic, partition }]))
  const errorOf = (key: string): unknown =>
    errors.has(key) ? unreachable('offsetDelete(api=FIND_COORDINATOR)', errors.get(key)) : undefined
  const results = [...unique].map(([key, one]) => ({ ...one, error: errorOf(key) }))
  reportOffsetDeletion(io, groupId, [...results, ...unknown], failure)
}

/** Kafka's tool learns that a group does not exist even where there is nothing to delete. */
async function absence({ describe, groupId }: DeletingOffsets): Promise<KafkaError | undefined> {
  const { errors } = await describe().outcomes()
  return errors.get(groupId)
}
