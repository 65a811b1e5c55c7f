import { JoinGroupRequest, JoinGroupResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler } from '../handler.ts'

export const joinGroupHandler = defineHandler<BrokerContext, JoinGroupRequest, JoinGroupResponse>(
  JoinGroupRequest,
  JoinGroupResponse,
  (broker, request, context) => broker.groups.joinGroup(groupContext(context), request)
)
