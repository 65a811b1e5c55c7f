// Committed offsets of consumer and streams groups.
import {
  ErrorCode,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  OffsetFetchRequest,
  OffsetFetchResponse
} from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { requireOffsets } from '../place-checks.ts'
import { type CallOptions, partitionKey, type TopicPartition } from '../types.ts'
import { coordinatorRetries, drive } from './driver.ts'
import { groupPlan, oneGroupPlan } from './groups.ts'
import type { KeyedResult } from './keyed-result.ts'
import { byTopic, keyed, topicsOf } from './partitions.ts'

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  /** undefined: not known. */
  readonly leaderEpoch: number | undefined
  readonly metadata: string
}

/** Offsets of one group: those of these partitions, or all. */
export interface GroupOffsetsSpec {
  readonly groupId: string
  readonly topicPartitions?: readonly TopicPartition[]
}

export interface GroupOffsets {
  readonly groupId: string
  /** By partition (`orders-0`); null: nothing is committed for a partition that was asked for. */
  readonly offsets: ReadonlyMap<string, CommittedOffset | null>
}

const fetchRetries: ReadonlySet<number> = new Set([...coordinatorRetries, ErrorCode.UNSTABLE_OFFSET_COMMIT])
/** The last version that names topics; from 10 on they have ids, which a group may keep longer than the topic lives. */
const BY_NAME = 9

/** Keys are group ids. */
export function listConsumerGroupOffsets(
  cluster: Cluster,
  groups: readonly (string | GroupOffsetsSpec)[],
  options: CallOptions & { readonly requireStable?: boolean } = {}
): KeyedResult<GroupOffsets> {
  const specs = new Map(
    groups.map((group): [string, GroupOffsetsSpec] => (typeof group === 'string' ? [group, { groupId: group }] : [group.groupId, group]))
  )
  const requireStable = options.requireStable ?? false
  return drive<GroupOffsets>(
    cluster,
    {
      ...groupPlan(cluster, 'listConsumerGroupOffsets', [...specs.keys()]),
      retryOn: fetchRetries,
      async send({ target, keys }, signal) {
        const wanted = keys.map((key) => ({ groupId: key, topics: wantedTopics(specs.get(key)?.topicPartitions) }))
        const body = { groups: wanted, requireStable }
        const response = await cluster.attempt(target, OffsetFetchRequest, OffsetFetchResponse, body, {
          signal,
          minVersion: 8,
          maxVersion: BY_NAME
        })
        return response.groups.map((group) => [group.groupId, errorOf(group.errorCode) ?? groupOffsets(group)])
      }
    },
    options
  )
}

function wantedTopics(partitions: readonly TopicPartition[] | undefined) {
  if (partitions === undefined) return null
  return [...byTopic(partitions)].map(([name, own]) => ({ name, partitionIndexes: own.map(({ partition }) => partition) }))
}

function groupOffsets(group: OffsetFetchResponse['groups'][number]): GroupOffsets | KafkaError {
  const offsets = new Map<string, CommittedOffset | null>()
  for (const { name: topic, partitions } of group.topics) {
    for (const { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch, metadata, errorCode } of partitions) {
      const error = errorOf(errorCode)
      if (error !== undefined) return new KafkaError(errorCode, { message: `${topic}-${partition}: ${error.message}` })
      const leaderEpoch = committedLeaderEpoch < 0 ? undefined : committedLeaderEpoch
      offsets.set(partitionKey(topic, partition), offset < 0 ? null : { topic, partition, offset, leaderEpoch, metadata: metadata ?? '' })
    }
  }
  return { groupId: group.groupId, offsets }
}

export interface OffsetToCommit extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch?: number
  readonly metadata?: string
}

/** For a group without members. Keys are partitions. */
export function alterConsumerGroupOffsets(
  cluster: Cluster,
  groupId: string,
  offsets: readonly OffsetToCommit[],
  options: CallOptions = {}
): KeyedResult<void> {
  requireOffsets(offsets)
  const wanted = keyed(offsets)
  return drive<void>(
    cluster,
    {
      ...oneGroupPlan(cluster, 'alterConsumerGroupOffsets', groupId, [...wanted.keys()]),
      async send({ target, keys }, signal) {
        const topics = [...topicsOf(wanted, keys)].map(([name, own]) => ({
          name,
          partitions: own.map(({ partition, offset, leaderEpoch, metadata }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch ?? -1,
            committedMetadata: metadata ?? ''
          }))
        }))
        const body = { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics }
        const response = await cluster.attempt(target, OffsetCommitRequest, OffsetCommitResponse, body, { signal, maxVersion: BY_NAME })
        return partitionErrors(response.topics)
      }
    },
    options
  )
}

/** Of a group that does not read these topics now. Keys are partitions. */
export function deleteConsumerGroupOffsets(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[],
  options: CallOptions = {}
): KeyedResult<void> {
  const wanted = keyed(partitions)
  return drive<void>(
    cluster,
    {
      ...oneGroupPlan(cluster, 'deleteConsumerGroupOffsets', groupId, [...wanted.keys()]),
      async send({ target, keys }, signal) {
        const topics = [...topicsOf(wanted, keys)].map(([name, own]) => ({
          name,
          partitions: own.map(({ partition }) => ({ partitionIndex: partition }))
        }))
        const response = await cluster.attempt(target, OffsetDeleteRequest, OffsetDeleteResponse, { groupId, topics }, { signal })
        const error = errorOf(response.errorCode)
        return error === undefined ? partitionErrors(response.topics) : keys.map((key) => [key, error])
      }
    },
    options
  )
}

type PartitionErrors = readonly {
  name: string
  partitions: readonly { partitionIndex: number; errorCode: number; errorMessage?: string | null }[]
}[]

/** Results by partition that are an error or nothing. */
export function partitionErrors(topics: PartitionErrors): [string, KafkaError | undefined][] {
  return topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, errorCode, errorMessage }): [string, KafkaError | undefined] => [
      partitionKey(name, partitionIndex),
      errorOf(errorCode, errorMessage)
    ])
  )
}
