import {
  AlterShareGroupOffsetsRequest,
  AlterShareGroupOffsetsResponse,
  DeleteShareGroupOffsetsRequest,
  DeleteShareGroupOffsetsResponse,
  DescribeShareGroupOffsetsRequest,
  DescribeShareGroupOffsetsResponse,
  ShareGroupDescribeRequest,
  ShareGroupDescribeResponse
} from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { Node } from '../network/metadata.ts'
import { type CallOptions, partitionKey, type TopicPartition } from '../types.ts'
import { drive } from './driver.ts'
import { partitionErrors } from './group-offsets.ts'
import { assignedPartitions, type DescribeGroupsOptions, groupPlan, oneGroupPlan } from './groups.ts'
import type { KeyedResult } from './keyed-result.ts'
import { type AclOperationName, authorizedOperations } from './names.ts'
import { byTopic, keyed, topicsOf } from './partitions.ts'

export interface ShareMemberDescription {
  readonly consumerId: string
  readonly rackId: string | undefined
  readonly clientId: string
  readonly host: string
  readonly memberEpoch: number
  readonly assignment: readonly TopicPartition[]
}

export interface ShareGroupDescription {
  readonly groupId: string
  readonly groupState: string
  readonly coordinator: Node | undefined
  readonly groupEpoch: number
  readonly targetAssignmentEpoch: number
  readonly members: readonly ShareMemberDescription[]
  readonly authorizedOperations: readonly AclOperationName[] | undefined
}

export function describeShareGroups(
  cluster: Cluster,
  groupIds: readonly string[],
  options: DescribeGroupsOptions = {}
): KeyedResult<ShareGroupDescription> {
  return drive<ShareGroupDescription>(
    cluster,
    {
      ...groupPlan(cluster, 'describeShareGroups', groupIds),
      async send({ target, keys }, signal) {
        const coordinator = (await cluster.findCoordinators('group', [keys[0]], signal)).get(keys[0])
        const node = coordinator instanceof KafkaError ? undefined : coordinator
        const body = { groupIds: keys, includeAuthorizedOperations: options.includeAuthorizedOperations ?? false }
        const response = await cluster.attempt(target, ShareGroupDescribeRequest, ShareGroupDescribeResponse, body, { signal })
        return response.groups.map((group) => [group.groupId, errorOf(group.errorCode, group.errorMessage) ?? description(group, node)])
      }
    },
    options
  )
}

function description(group: ShareGroupDescribeResponse['groups'][number], coordinator: Node | undefined): ShareGroupDescription {
  return {
    groupId: group.groupId,
    groupState: group.groupState,
    coordinator,
    groupEpoch: group.groupEpoch,
    targetAssignmentEpoch: group.assignmentEpoch,
    members: group.members.map((member) => ({
      consumerId: member.memberId,
      rackId: member.rackId ?? undefined,
      clientId: member.clientId,
      host: member.clientHost,
      memberEpoch: member.memberEpoch,
      assignment: assignedPartitions(member.assignment)
    })),
    authorizedOperations: authorizedOperations(group.authorizedOperations)
  }
}

export interface ShareGroupOffset extends TopicPartition {
  readonly startOffset: number
  readonly leaderEpoch: number
  /** undefined: the broker does not tell. */
  readonly lag: number | undefined
}

/** Keys are group ids; the offsets are by partition, null where the group has none. */
export function listShareGroupOffsets(
  cluster: Cluster,
  groups: readonly (string | { readonly groupId: string; readonly topicPartitions?: readonly TopicPartition[] })[],
  options: CallOptions = {}
): KeyedResult<ReadonlyMap<string, ShareGroupOffset | null>> {
  const specs = new Map(groups.map((group) => (typeof group === 'string' ? [group, undefined] : [group.groupId, group.topicPartitions])))
  return drive<ReadonlyMap<string, ShareGroupOffset | null>>(
    cluster,
    {
      ...groupPlan(cluster, 'listShareGroupOffsets', [...specs.keys()] as string[]),
      async send({ target, keys }, signal) {
        const wanted = keys.map((groupId) => ({
          groupId,
          topics: wantedTopics(specs.get(groupId) as readonly TopicPartition[] | undefined)
        }))
        const response = await cluster.attempt(
          target,
          DescribeShareGroupOffsetsRequest,
          DescribeShareGroupOffsetsResponse,
          { groups: wanted },
          { signal }
        )
        return response.groups.map((group) => [group.groupId, errorOf(group.errorCode, group.errorMessage) ?? shareOffsets(group)])
      }
    },
    options
  )
}

function wantedTopics(partitions: readonly TopicPartition[] | undefined) {
  if (partitions === undefined) return null
  return [...byTopic(partitions)].map(([topicName, own]) => ({ topicName, partitions: own.map(({ partition }) => partition) }))
}

function shareOffsets(
  group: DescribeShareGroupOffsetsResponse['groups'][number]
): ReadonlyMap<string, ShareGroupOffset | null> | KafkaError {
  const offsets = new Map<string, ShareGroupOffset | null>()
  for (const { topicName: topic, partitions } of group.topics) {
    for (const { partitionIndex: partition, startOffset, leaderEpoch, lag, errorCode, errorMessage } of partitions) {
      const error = errorOf(errorCode, errorMessage)
      if (error !== undefined) return error
      const offset = { topic, partition, startOffset, leaderEpoch, lag: lag < 0 ? undefined : lag }
      offsets.set(partitionKey(topic, partition), startOffset < 0 ? null : offset)
    }
  }
  return offsets
}

export function alterShareGroupOffsets(
  cluster: Cluster,
  groupId: string,
  offsets: readonly (TopicPartition & { readonly offset: number })[],
  options: CallOptions = {}
): KeyedResult<void> {
  const wanted = keyed(offsets)
  return drive<void>(
    cluster,
    {
      ...oneGroupPlan(cluster, 'alterShareGroupOffsets', groupId, [...wanted.keys()]),
      async send({ target, keys }, signal) {
        const topics = [...topicsOf(wanted, keys)].map(([topicName, own]) => ({
          topicName,
          partitions: own.map(({ partition, offset }) => ({ partitionIndex: partition, startOffset: offset }))
        }))
        const response = await cluster.attempt(
          target,
          AlterShareGroupOffsetsRequest,
          AlterShareGroupOffsetsResponse,
          { groupId, topics },
          { signal }
        )
        const error = errorOf(response.errorCode, response.errorMessage)
        if (error !== undefined) return keys.map((key) => [key, error])
        return partitionErrors(response.responses.map(({ topicName: name, partitions }) => ({ name, partitions })))
      }
    },
    options
  )
}

/** Of whole topics, which are the keys. */
export function deleteShareGroupOffsets(
  cluster: Cluster,
  groupId: string,
  topics: readonly string[],
  options: CallOptions = {}
): KeyedResult<void> {
  return drive<void>(
    cluster,
    {
      ...oneGroupPlan(cluster, 'deleteShareGroupOffsets', groupId, [...new Set(topics)]),
      async send({ target, keys }, signal) {
        const body = { groupId, topics: keys.map((topicName) => ({ topicName })) }
        const response = await cluster.attempt(target, DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, body, { signal })
        const error = errorOf(response.errorCode, response.errorMessage)
        if (error !== undefined) return keys.map((key) => [key, error])
        return response.responses.map(({ topicName, errorCode, errorMessage }) => [topicName, errorOf(errorCode, errorMessage)])
      }
    },
    options
  )
}
