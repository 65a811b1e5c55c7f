// Names for parts of messages.
import type {
  DeleteGroupsResponse,
  DescribeGroupsResponse,
  JoinGroupResponse,
  LeaveGroupRequest,
  ListGroupsResponse,
  OffsetFetchRequest,
  OffsetFetchResponse
} from '@odradek/protocol'

export type DeletableGroupResult = DeleteGroupsResponse['results'][number]
export type DescribedGroup = DescribeGroupsResponse['groups'][number]
export type JoinedMember = JoinGroupResponse['members'][number]
export type LeavingMember = LeaveGroupRequest['members'][number]
export type ListedGroup = ListGroupsResponse['groups'][number]
export type OffsetFetchRequestGroup = OffsetFetchRequest['groups'][number]
export type OffsetFetchResponseGroup = OffsetFetchResponse['groups'][number]
export type OffsetFetchResponseTopic = OffsetFetchResponseGroup['topics'][number]
export type OffsetFetchResponsePartition = OffsetFetchResponseTopic['partitions'][number]
