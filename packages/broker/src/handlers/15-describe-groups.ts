import { DescribeGroupsRequest, DescribeGroupsResponse, ErrorCode, type Input } from '@odradek/protocol'
import { authorizedOperations, OPERATIONS_NOT_ASKED } from '../authorization.ts'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

export const describeGroupsHandler = defineHandler<BrokerContext, DescribeGroupsRequest, DescribeGroupsResponse>(
  DescribeGroupsRequest,
  DescribeGroupsResponse,
  handleDescribeGroups,
  { failure: (request, errorCode) => ({ groups: request.groups.map((groupId) => ({ groupId, errorCode })) }) }
)

function handleDescribeGroups(
  broker: BrokerContext,
  request: DescribeGroupsRequest,
  context: RequestContext
): Input<DescribeGroupsResponse> {
  const groups = broker.groups.describeGroups(groupContext(context), request.groups)
  for (const group of groups) {
    const isAsked = request.includeAuthorizedOperations && group.errorCode === ErrorCode.NONE
    group.authorizedOperations = isAsked ? authorizedOperations('group') : OPERATIONS_NOT_ASKED
  }
  return { groups }
}
