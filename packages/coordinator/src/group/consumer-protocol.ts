import { DecodeError } from '@odradek/base'
import { ConsumerProtocolSubscription } from '@odradek/protocol'

export const CONSUMER_PROTOCOL_TYPE = 'consumer'

/**
 * The topics of a consumer's subscription, read as version 0: every later version starts with the same bytes. Undefined
 * when the bytes are something else, which is the client's right.
 */
export function subscribedTopicsOf(subscription: Buffer): readonly string[] | undefined {
  if (subscription.length < 2 || subscription.readInt16BE(0) < 0) return undefined
  try {
    return ConsumerProtocolSubscription.decode(subscription.subarray(2), 0).topics
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
