// KIP-951: an answer that says "not here" also says where, so that the client need not ask for metadata first.
import { ErrorCode } from '@odradek/protocol'
import type { BrokerContext } from './broker-context.ts'
import { type ClientEndpoint, endpointOf } from './endpoints.ts'
import type { RequestContext } from './handler.ts'

export interface CurrentLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
}

/** True for errors that a new leader explains. */
export function isLeaderError(errorCode: number): boolean {
  return errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH
}

export function currentLeader(broker: BrokerContext, topic: string, partition: number): CurrentLeader | undefined {
  const registration = broker.image.partition(topic, partition)
  return registration === undefined ? undefined : { leaderId: registration.leader, leaderEpoch: registration.leaderEpoch }
}

/** The endpoints of the leaders named in an answer, each once. */
export function leaderEndpoints(broker: BrokerContext, leaderIds: Iterable<number>, context: RequestContext): ClientEndpoint[] {
  return [...new Set(leaderIds)].flatMap((id) => {
    const registration = broker.image.brokers.get(id)
    const endpoint = registration === undefined || registration.fenced ? undefined : endpointOf(broker, registration, context)
    return endpoint === undefined ? [] : [endpoint]
  })
}
