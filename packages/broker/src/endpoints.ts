// Where a client finds a broker: its advertised endpoint on the listener that the client uses.
import {
  type BrokerRegistration,
  DIRECTORY_UNASSIGNED,
  directoryOf,
  hasOnlineDirectory,
  type PartitionRegistration
} from '@odradek/metadata'
import type { BrokerContext } from './broker-context.ts'
import type { RequestContext } from './handler.ts'

export interface ClientEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** Undefined when the broker has no such listener. */
export function endpointOf(broker: BrokerContext, registration: BrokerRegistration, context: RequestContext): ClientEndpoint | undefined {
  const { id, rack } = registration
  const own = id === broker.nodeId ? broker.ownEndpoint(context) : undefined
  const endpoint = own ?? registration.listeners.get(context.listenerName)
  return endpoint === undefined ? undefined : { nodeId: id, host: endpoint.host, port: endpoint.port, rack }
}

/** The replicas that serve nothing: their broker is gone or fenced, or the directory that they lie in is offline. */
export function offlineReplicas(broker: BrokerContext, partition: PartitionRegistration): number[] {
  return partition.replicas.filter((id) => {
    const registration = broker.image.brokers.get(id)
    if (registration === undefined || registration.fenced) return true
    return !hasOnlineDirectory(registration, directoryOf(partition, id) ?? DIRECTORY_UNASSIGNED)
  })
}

/**
 * All brokers that clients may use, in the order of their ids. This one is among them while it answers, fenced or not: clients that are told
 * of no broker at all forget the only one they know (librdkafka asks nobody for five minutes then).
 */
export function aliveBrokers(broker: BrokerContext, context: RequestContext): ClientEndpoint[] {
  const found: ClientEndpoint[] = []
  for (const [, registration] of broker.image.brokers) {
    if (registration.fenced && registration.id !== broker.nodeId) continue
    const endpoint = endpointOf(broker, registration, context)
    if (endpoint !== undefined) found.push(endpoint)
  }
  return found.sort((a, b) => a.nodeId - b.nodeId)
}
