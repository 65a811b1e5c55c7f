import { HeartbeatRequest, HeartbeatResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { groupContext } from '../groups/group-context.ts'
import { defineHandler } from '../handler.ts'

export const heartbeatHandler = defineHandler<BrokerContext, HeartbeatRequest, HeartbeatResponse>(
  HeartbeatRequest,
  HeartbeatResponse,
  (broker, request, context) => broker.groups.heartbeat(groupContext(context), request)
)
