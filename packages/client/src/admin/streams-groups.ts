import { StreamsGroupDescribeRequest, StreamsGroupDescribeResponse } from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { Node } from '../network/metadata.ts'
import { drive } from './driver.ts'
import { type DescribeGroupsOptions, groupPlan } from './groups.ts'
import type { KeyedResult } from './keyed-result.ts'
import { type AclOperationName, authorizedOperations } from './names.ts'

type Described = StreamsGroupDescribeResponse['groups'][number]
type Topology = NonNullable<Described['topology']>

export interface StreamsTaskIds {
  readonly subtopologyId: string
  readonly partitions: readonly number[]
}

export interface StreamsGroupMemberAssignment {
  readonly activeTasks: readonly StreamsTaskIds[]
  readonly standbyTasks: readonly StreamsTaskIds[]
  readonly warmupTasks: readonly StreamsTaskIds[]
}

export interface StreamsGroupMemberDescription {
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId: string | undefined
  readonly rackId: string | undefined
  readonly clientId: string
  readonly clientHost: string
  readonly topologyEpoch: number
  readonly processId: string
  readonly userEndpoint: { readonly host: string; readonly port: number } | undefined
  readonly clientTags: Readonly<Record<string, string>>
  readonly taskOffsets: readonly { readonly subtopologyId: string; readonly partition: number; readonly offset: number }[]
  readonly taskEndOffsets: readonly { readonly subtopologyId: string; readonly partition: number; readonly offset: number }[]
  readonly assignment: StreamsGroupMemberAssignment
  readonly targetAssignment: StreamsGroupMemberAssignment
  readonly isClassic: boolean
}

export interface StreamsGroupDescription {
  readonly groupId: string
  readonly groupState: string
  readonly coordinator: Node | undefined
  readonly groupEpoch: number
  readonly targetAssignmentEpoch: number
  readonly topologyEpoch: number
  readonly subtopologies: NonNullable<Topology['subtopologies']>
  readonly members: readonly StreamsGroupMemberDescription[]
  readonly authorizedOperations: readonly AclOperationName[] | undefined
}

export function describeStreamsGroups(
  cluster: Cluster,
  groupIds: readonly string[],
  options: DescribeGroupsOptions = {}
): KeyedResult<StreamsGroupDescription> {
  return drive<StreamsGroupDescription>(
    cluster,
    {
      ...groupPlan(cluster, 'describeStreamsGroups', groupIds),
      async send({ target, keys }, signal) {
        const coordinator = (await cluster.findCoordinators('group', [keys[0]], signal)).get(keys[0])
        const node = coordinator instanceof KafkaError ? undefined : coordinator
        const body = { groupIds: keys, includeAuthorizedOperations: options.includeAuthorizedOperations ?? false }
        const response = await cluster.attempt(target, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse, body, { signal })
        return response.groups.map((group) => [group.groupId, errorOf(group.errorCode, group.errorMessage) ?? description(group, node)])
      }
    },
    options
  )
}

function description(group: Described, coordinator: Node | undefined): StreamsGroupDescription {
  return {
    groupId: group.groupId,
    groupState: group.groupState,
    coordinator,
    groupEpoch: group.groupEpoch,
    targetAssignmentEpoch: group.assignmentEpoch,
    topologyEpoch: group.topology?.epoch ?? -1,
    subtopologies: group.topology?.subtopologies ?? [],
    members: group.members.map((member) => ({
      memberId: member.memberId,
      memberEpoch: member.memberEpoch,
      instanceId: member.instanceId ?? undefined,
      rackId: member.rackId ?? undefined,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topologyEpoch: member.topologyEpoch,
      processId: member.processId,
      userEndpoint: member.userEndpoint ?? undefined,
      clientTags: Object.fromEntries(member.clientTags.map(({ key, value }) => [key, value])),
      taskOffsets: member.taskOffsets,
      taskEndOffsets: member.taskEndOffsets,
      assignment: member.assignment,
      targetAssignment: member.targetAssignment,
      isClassic: member.isClassic
    })),
    authorizedOperations: authorizedOperations(group.authorizedOperations)
  }
}
