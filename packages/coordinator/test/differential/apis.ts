import {
  DeleteGroupsRequest,
  DeleteGroupsResponse,
  DescribeGroupsRequest,
  DescribeGroupsResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
  type MessageCodec,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'

/** A codec of whatever message: scripts are data. */
export type AnyCodec = MessageCodec<Record<string, unknown>>

const pairs = {
  JoinGroup: [JoinGroupRequest, JoinGroupResponse],
  SyncGroup: [SyncGroupRequest, SyncGroupResponse],
  Heartbeat: [HeartbeatRequest, HeartbeatResponse],
  LeaveGroup: [LeaveGroupRequest, LeaveGroupResponse],
  OffsetCommit: [OffsetCommitRequest, OffsetCommitResponse],
  OffsetFetch: [OffsetFetchRequest, OffsetFetchResponse],
  OffsetDelete: [OffsetDeleteRequest, OffsetDeleteResponse],
  DescribeGroups: [DescribeGroupsRequest, DescribeGroupsResponse],
  DeleteGroups: [DeleteGroupsRequest, DeleteGroupsResponse]
}

export type ApiName = keyof typeof pairs

export const apis = pairs as unknown as Readonly<Record<ApiName, readonly [AnyCodec, AnyCodec]>>

export interface ApiRequest {
  api: ApiName
  version: number
  body: object
}

export const CLIENT_ID = 'scripted'
