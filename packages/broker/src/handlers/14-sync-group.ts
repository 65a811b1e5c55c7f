import { SyncGroupRequest, SyncGroupResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { whileWanted } from '../groups/parked-answer.ts'
import { defineHandler } from '../handler.ts'

export const syncGroupHandler = defineHandler<BrokerContext, SyncGroupRequest, SyncGroupResponse>(
  SyncGroupRequest,
  SyncGroupResponse,
  (broker, request, context) => whileWanted(context, broker.groups.syncGroup(groupContext(context), request))
)
