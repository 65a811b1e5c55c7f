import { DeleteGroupsRequest, DeleteGroupsResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler } from '../handler.ts'

export const deleteGroupsHandler = defineHandler<BrokerContext, DeleteGroupsRequest, DeleteGroupsResponse>(
  DeleteGroupsRequest,
  DeleteGroupsResponse,
  async (broker, request, context) => ({ results: await broker.groups.deleteGroups(groupContext(context), request.groupsNames) }),
  { failure: (request, errorCode) => ({ results: request.groupsNames.map((groupId) => ({ groupId, errorCode })) }) }
)
