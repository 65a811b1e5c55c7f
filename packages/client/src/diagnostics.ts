// What happens in clients, for whoever listens: `node:diagnostics_channel` channels `odradek:<event>`. A message is made only when
// somebody does.
import { type Channel, channel } from 'node:diagnostics_channel'

const events = [
  /** A connection is ready, is gone, could not be made, has logged in. */
  'connection:open',
  'connection:close',
  'connection:error',
  'connection:authenticate',
  /** A request left, its answer came. */
  'network:request',
  'network:response',
  /** The brokers and topics that are known have changed. */
  'network:metadata',
  /** A record was taken, a request left, a batch ended one way or the other. */
  'producer:send',
  'producer:request',
  'producer:acknowledge',
  'producer:error',
  /** Records were handed out; partitions came and went; offsets were committed. */
  'consumer:records',
  'consumer:assign',
  'consumer:revoke',
  'consumer:lose',
  'consumer:commit'
] as const

export type ClientEvent = (typeof events)[number]

const channels = Object.fromEntries(events.map((event) => [event, channel(`odradek:${event}`)])) as Readonly<Record<ClientEvent, Channel>>

/** For hot paths: whether anybody listens. */
export function isHeard(event: ClientEvent): boolean {
  return channels[event].hasSubscribers
}

export function publish(event: ClientEvent, message: () => object): void {
  const target = channels[event]
  if (target.hasSubscribers) target.publish(message())
}
