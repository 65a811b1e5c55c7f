import { JoinGroupRequest, JoinGroupResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { whileWanted } from '../groups/parked-answer.ts'
import { defineHandler } from '../handler.ts'

export const joinGroupHandler = defineHandler<BrokerContext, JoinGroupRequest, JoinGroupResponse>(
  JoinGroupRequest,
  JoinGroupResponse,
  (broker, request, context) => whileWanted(context, broker.groups.joinGroup(groupContext(context), request))
)
