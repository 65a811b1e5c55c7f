// What happens in producers, for whoever listens: `node:diagnostics_channel` channels `odradek:producer:<event>`. A message is made
// only when somebody does.
import { type Channel, channel } from 'node:diagnostics_channel'

/** `send`: a record was taken. `request`: one left. `acknowledge`, `error`: how a batch ended. */
export type ProducerEvent = 'send' | 'request' | 'acknowledge' | 'error'

const channels: Readonly<Record<ProducerEvent, Channel>> = {
  send: channel('odradek:producer:send'),
  request: channel('odradek:producer:request'),
  acknowledge: channel('odradek:producer:acknowledge'),
  error: channel('odradek:producer:error')
}

/** For hot paths: whether anybody listens. */
export function isHeard(event: ProducerEvent): boolean {
  return channels[event].hasSubscribers
}

export function publish(event: ProducerEvent, message: () => object): void {
  const target = channels[event]
  if (target.hasSubscribers) target.publish(message())
}
