import { ListGroupsRequest, ListGroupsResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler } from '../handler.ts'

export const listGroupsHandler = defineHandler<BrokerContext, ListGroupsRequest, ListGroupsResponse>(
  ListGroupsRequest,
  ListGroupsResponse,
  (broker, request, context) => broker.groups.listGroups(groupContext(context), request)
)
