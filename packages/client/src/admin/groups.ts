// Listing and deleting groups of every kind, and describing the classic and the consumer ones.

import { OdradekError } from '@odradek/base'
import {
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
  DeleteGroupsRequest,
  DeleteGroupsResponse,
  DescribeGroupsRequest,
  DescribeGroupsResponse,
  decodeConsumerAssignment,
  ErrorCode,
  LeaveGroupRequest,
  LeaveGroupResponse,
  ListGroupsRequest,
  ListGroupsResponse
} from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { Node } from '../network/metadata.ts'
import type { CallOptions, TopicPartition } from '../types.ts'
import { coordinatorRetries, drive, toCoordinators } from './driver.ts'
import { KeyedResult } from './keyed-result.ts'
import { type AclOperationName, authorizedOperations } from './names.ts'

export interface GroupListing {
  readonly groupId: string
  /** consumer, connect, …; empty: offsets only. */
  readonly protocol: string
  /** classic, consumer, share, streams; undefined: the broker does not tell. */
  readonly type: string | undefined
  readonly groupState: string | undefined
  /** Keeps offsets only, for a client that assigns partitions itself. */
  readonly isSimpleConsumerGroup: boolean
}

export interface ListGroupsOptions extends CallOptions {
  readonly states?: readonly string[]
  readonly types?: readonly string[]
  readonly protocolTypes?: readonly string[]
}

export interface MemberDescription {
  readonly consumerId: string
  readonly groupInstanceId: string | undefined
  readonly rackId: string | undefined
  readonly clientId: string
  readonly host: string
  readonly assignment: readonly TopicPartition[]
  /** KIP-848 only. */
  readonly targetAssignment: readonly TopicPartition[] | undefined
  readonly memberEpoch: number | undefined
  /** The member speaks the consumer protocol; undefined: the broker does not tell. */
  readonly isUpgraded: boolean | undefined
}

export interface ConsumerGroupDescription {
  readonly groupId: string
  readonly isSimpleConsumerGroup: boolean
  readonly type: 'classic' | 'consumer'
  readonly groupState: string
  readonly partitionAssignor: string
  readonly coordinator: Node | undefined
  readonly groupEpoch: number | undefined
  readonly targetAssignmentEpoch: number | undefined
  readonly members: readonly MemberDescription[]
  readonly authorizedOperations: readonly AclOperationName[] | undefined
}

export interface ClassicGroupDescription {
  readonly groupId: string
  readonly protocol: string
  readonly protocolData: string
  readonly groupState: string
  readonly isSimpleConsumerGroup: boolean
  readonly coordinator: Node | undefined
  readonly members: readonly MemberDescription[]
  readonly authorizedOperations: readonly AclOperationName[] | undefined
}

export interface DescribeGroupsOptions extends CallOptions {
  readonly includeAuthorizedOperations?: boolean
}

/** Of every broker, each group once, sorted. Fails when one broker does not answer. */
export function listGroups(cluster: Cluster, options: ListGroupsOptions = {}): Promise<readonly GroupListing[]> {
  return cluster.retry('listGroups', options, async (signal) => {
    const { nodes } = await cluster.metadata([], { signal })
    const answers = await Promise.all([...nodes.keys()].map((node) => groupsOf(cluster, node, options, signal)))
    const groups = new Map(answers.flat().map((group) => [group.groupId, group]))
    const protocols = options.protocolTypes
    return [...groups.values()]
      .filter(({ protocol }) => protocols === undefined || protocols.length === 0 || protocols.includes(protocol))
      .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  })
}

async function groupsOf(cluster: Cluster, node: number, options: ListGroupsOptions, signal: AbortSignal): Promise<GroupListing[]> {
  const { states = [], types = [] } = options
  const body = { statesFilter: states, typesFilter: types }
  // A filter that the broker does not know would be no filter.
  const minVersion = types.length > 0 ? 5 : states.length > 0 ? 4 : undefined
  const response = await cluster.attempt({ node }, ListGroupsRequest, ListGroupsResponse, body, { signal, minVersion })
  const error = errorOf(response.errorCode)
  if (error !== undefined) throw error
  return response.groups.map(({ groupId, protocolType, groupState, groupType }) => ({
    groupId,
    protocol: protocolType,
    type: groupType === '' ? undefined : groupType.toLowerCase(),
    groupState: groupState === '' ? undefined : groupState,
    isSimpleConsumerGroup: protocolType === ''
  }))
}

/** Groups of consumers, of both protocols. */
export async function listConsumerGroups(cluster: Cluster, options: ListGroupsOptions = {}): Promise<readonly GroupListing[]> {
  const groups = await listGroups(cluster, options)
  return groups.filter(({ type, protocol }) => type === 'consumer' || protocol === 'consumer' || protocol === '')
}

const forgetGroup =
  (cluster: Cluster) =>
  (key: string, error: KafkaError): void => {
    if (error.errorCode !== ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) cluster.forgetCoordinator('group', key)
  }

/** What is common to all calls about groups by their id. */
export function groupPlan(cluster: Cluster, what: string, groupIds: readonly string[]) {
  return {
    what,
    keys: [...new Set(groupIds)],
    route: toCoordinators(cluster, 'group'),
    retryOn: coordinatorRetries,
    onRetry: forgetGroup(cluster)
  }
}

/** What is common to calls about many things of one group. */
export function oneGroupPlan(cluster: Cluster, what: string, groupId: string, keys: readonly string[]) {
  return {
    what,
    keys,
    route: (pending: readonly string[]) => ({ batches: [{ target: { coordinator: groupId, type: 'group' as const }, keys: pending }] }),
    retryOn: coordinatorRetries,
    onRetry: (_: string, error: KafkaError) => forgetGroup(cluster)(groupId, error)
  }
}

/** Consumer groups of both protocols: asked as KIP-848 groups first, then, for those that are not, as classic ones. */
export function describeConsumerGroups(
  cluster: Cluster,
  groupIds: readonly string[],
  options: DescribeGroupsOptions = {}
): KeyedResult<ConsumerGroupDescription> {
  /** With what the broker said to the first question. */
  const classic = new Map<string, KafkaError | undefined>()
  return drive<ConsumerGroupDescription>(
    cluster,
    {
      ...groupPlan(cluster, 'describeConsumerGroups', groupIds),
      async send({ target, keys }, signal) {
        const found = new Map<string, ConsumerGroupDescription | KafkaError>()
        const modern = keys.filter((key) => !classic.has(key))
        const coordinator = await coordinatorOf(cluster, keys[0], signal)
        for (const [key, outcome] of await describeModern(cluster, target, modern, coordinator, options, signal)) {
          const isKnown = outcome !== undefined && !(outcome instanceof KafkaError && outcome.errorCode === ErrorCode.GROUP_ID_NOT_FOUND)
          if (isKnown) found.set(key, outcome)
          else classic.set(key, outcome)
        }
        const rest = keys.filter((key) => classic.has(key))
        for (const [key, outcome] of await describeClassic(cluster, target, rest, coordinator, options, signal))
          found.set(key, outcome instanceof KafkaError ? notFound(outcome, classic.get(key)) : asConsumerGroup(outcome))
        return found
      }
    },
    options
  )
}

type Target = Parameters<Cluster['attempt']>[0]

async function coordinatorOf(cluster: Cluster, groupId: string, signal: AbortSignal): Promise<Node | undefined> {
  const found = (await cluster.findCoordinators('group', [groupId], signal)).get(groupId)
  return found instanceof KafkaError ? undefined : found
}

/** A group that is neither: what was said of it as a consumer group tells more than that it is no classic one. */
const notFound = (error: KafkaError, first: KafkaError | undefined): KafkaError =>
  error.errorCode === ErrorCode.GROUP_ID_NOT_FOUND && first !== undefined ? first : error

/** undefined: the broker knows the classic protocol only. */
async function describeModern(
  cluster: Cluster,
  target: Target,
  keys: readonly string[],
  coordinator: Node | undefined,
  options: DescribeGroupsOptions,
  signal: AbortSignal
): Promise<Map<string, ConsumerGroupDescription | KafkaError | undefined>> {
  if (keys.length === 0) return new Map()
  const body = { groupIds: keys, includeAuthorizedOperations: options.includeAuthorizedOperations ?? false }
  let response: ConsumerGroupDescribeResponse
  try {
    response = await cluster.attempt(target, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, body, { signal })
  } catch (error) {
    if (!(error instanceof OdradekError && error.code === 'UNSUPPORTED_VERSION')) throw error
    return new Map(keys.map((key) => [key, undefined]))
  }
  return new Map(
    response.groups.map((group) => {
      if (group.errorCode === ErrorCode.UNSUPPORTED_VERSION) return [group.groupId, undefined]
      return [group.groupId, errorOf(group.errorCode, group.errorMessage) ?? modernGroup(group, coordinator)]
    })
  )
}

function modernGroup(group: ConsumerGroupDescribeResponse['groups'][number], coordinator: Node | undefined): ConsumerGroupDescription {
  return {
    groupId: group.groupId,
    isSimpleConsumerGroup: false,
    type: 'consumer',
    groupState: group.groupState,
    partitionAssignor: group.assignorName,
    coordinator,
    groupEpoch: group.groupEpoch,
    targetAssignmentEpoch: group.assignmentEpoch,
    members: group.members.map((member) => ({
      consumerId: member.memberId,
      groupInstanceId: member.instanceId ?? undefined,
      rackId: member.rackId ?? undefined,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: assignedPartitions(member.assignment),
      targetAssignment: assignedPartitions(member.targetAssignment),
      memberEpoch: member.memberEpoch,
      isUpgraded: member.memberType < 0 ? undefined : member.memberType === 1
    })),
    authorizedOperations: authorizedOperations(group.authorizedOperations)
  }
}

export function assignedPartitions({
  topicPartitions
}: {
  topicPartitions: readonly { topicName: string; partitions: readonly number[] }[]
}): TopicPartition[] {
  return topicPartitions.flatMap(({ topicName: topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}

function asConsumerGroup(group: ClassicGroupDescription): ConsumerGroupDescription | KafkaError {
  if (group.protocol !== 'consumer' && group.protocol !== '') {
    const message = `Group ${group.groupId} is not a consumer group: its protocol is ${group.protocol}`
    return new KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, { message })
  }
  const { protocol: _, protocolData, ...rest } = group
  return { ...rest, type: 'classic', partitionAssignor: protocolData, groupEpoch: undefined, targetAssignmentEpoch: undefined }
}

export function describeClassicGroups(
  cluster: Cluster,
  groupIds: readonly string[],
  options: DescribeGroupsOptions = {}
): KeyedResult<ClassicGroupDescription> {
  return drive<ClassicGroupDescription>(
    cluster,
    {
      ...groupPlan(cluster, 'describeClassicGroups', groupIds),
      async send({ target, keys }, signal) {
        return describeClassic(cluster, target, keys, await coordinatorOf(cluster, keys[0], signal), options, signal)
      }
    },
    options
  )
}

async function describeClassic(
  cluster: Cluster,
  target: Target,
  keys: readonly string[],
  coordinator: Node | undefined,
  options: DescribeGroupsOptions,
  signal: AbortSignal
): Promise<Map<string, ClassicGroupDescription | KafkaError>> {
  if (keys.length === 0) return new Map()
  const body = { groups: keys, includeAuthorizedOperations: options.includeAuthorizedOperations ?? false }
  const response = await cluster.attempt(target, DescribeGroupsRequest, DescribeGroupsResponse, body, { signal })
  return new Map(
    response.groups.map((group) => {
      // Before version 6 a group that does not exist is a dead one without an error.
      const isUnknown = group.groupState === 'Dead' && group.errorCode === ErrorCode.NONE
      const errorCode = isUnknown ? ErrorCode.GROUP_ID_NOT_FOUND : group.errorCode
      return [group.groupId, errorOf(errorCode, group.errorMessage) ?? classicGroup(group, coordinator)]
    })
  )
}

function classicGroup(group: DescribeGroupsResponse['groups'][number], coordinator: Node | undefined): ClassicGroupDescription {
  const isConsumers = group.protocolType === 'consumer'
  return {
    groupId: group.groupId,
    protocol: group.protocolType,
    protocolData: group.protocolData,
    groupState: group.groupState,
    isSimpleConsumerGroup: group.protocolType === '',
    coordinator,
    members: group.members.map((member) => ({
      consumerId: member.memberId,
      groupInstanceId: member.groupInstanceId ?? undefined,
      rackId: undefined,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: isConsumers ? classicAssignment(member.memberAssignment) : [],
      targetAssignment: undefined,
      memberEpoch: undefined,
      isUpgraded: undefined
    })),
    authorizedOperations: authorizedOperations(group.authorizedOperations)
  }
}

/** What a leader of the group wrote; bytes that are none are no partitions. */
function classicAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length === 0) return []
  try {
    const { assignedPartitions: topics } = decodeConsumerAssignment(bytes).value
    return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  } catch (error) {
    if (error instanceof OdradekError) return []
    throw error
  }
}

/** Of every kind: deleteConsumerGroups, deleteShareGroups and deleteStreamsGroups are this. */
export function deleteGroups(cluster: Cluster, groupIds: readonly string[], options: CallOptions = {}): KeyedResult<void> {
  return drive<void>(
    cluster,
    {
      ...groupPlan(cluster, 'deleteGroups', groupIds),
      async send({ target, keys }, signal) {
        const response = await cluster.attempt(target, DeleteGroupsRequest, DeleteGroupsResponse, { groupsNames: keys }, { signal })
        return response.results.map(({ groupId, errorCode }) => [groupId, errorOf(errorCode)])
      }
    },
    options
  )
}

export interface RemoveMembersOptions extends CallOptions {
  /** By group.instance.id. Without it every member of the group is removed. */
  readonly members?: readonly { readonly groupInstanceId: string }[]
  readonly reason?: string
}

/** Keys are group.instance.ids, or member ids where there is none. */
export function removeMembersFromConsumerGroup(cluster: Cluster, groupId: string, options: RemoveMembersOptions = {}): KeyedResult<void> {
  const named = options.members?.map(({ groupInstanceId }): [string, Member] => [groupInstanceId, { memberId: '', groupInstanceId }])
  const members = named === undefined ? membersOf(cluster, groupId, options) : Promise.resolve(new Map(named))
  return new KeyedResult(members.then((found) => removeMembers(cluster, groupId, found, options).outcomes()))
}

interface Member {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

async function membersOf(cluster: Cluster, groupId: string, options: CallOptions): Promise<Map<string, Member>> {
  const groups = await describeConsumerGroups(cluster, [groupId], options)
  const members = groups.get(groupId)?.members ?? []
  return new Map(
    members.map(({ consumerId: memberId, groupInstanceId }) => [
      groupInstanceId ?? memberId,
      { memberId, groupInstanceId: groupInstanceId ?? null }
    ])
  )
}

function removeMembers(
  cluster: Cluster,
  groupId: string,
  members: ReadonlyMap<string, Member>,
  options: RemoveMembersOptions
): KeyedResult<void> {
  const reason = `member was removed by an admin${options.reason === undefined ? '' : `: ${options.reason}`}`
  return drive<void>(
    cluster,
    {
      ...oneGroupPlan(cluster, 'removeMembersFromConsumerGroup', groupId, [...members.keys()]),
      async send({ target, keys }, signal) {
        const body = { groupId, members: keys.map((key) => ({ ...(members.get(key) as Member), reason })) }
        const response = await cluster.attempt(target, LeaveGroupRequest, LeaveGroupResponse, body, { signal, minVersion: 3 })
        const error = errorOf(response.errorCode)
        if (error !== undefined) return keys.map((key) => [key, error])
        return response.members.map(({ memberId, groupInstanceId, errorCode }) => [groupInstanceId ?? memberId, errorOf(errorCode)])
      }
    },
    options
  )
}
