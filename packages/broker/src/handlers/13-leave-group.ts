import { LeaveGroupRequest, LeaveGroupResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler } from '../handler.ts'

export const leaveGroupHandler = defineHandler<BrokerContext, LeaveGroupRequest, LeaveGroupResponse>(
  LeaveGroupRequest,
  LeaveGroupResponse,
  (broker, request, context) => broker.groups.leaveGroup(groupContext(context), request)
)
