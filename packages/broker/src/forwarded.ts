// APIs that the controller decides: the broker hands the request on and answers when the outcome is in force here, so that
// the client's next request sees it.
import type { ControllerApi, ControllerRequest, ControllerResponse } from '@odradek/metadata'
import type { MessageCodec } from '@odradek/protocol'
import type { BrokerContext } from './broker-context.ts'
import { defineHandler, type Handler, type HandlerOptions } from './handler.ts'

/**
 * Who makes no more partitions than this at once can use them when it is answered. A larger creation is answered when it is
 * committed and shown, as by Apache Kafka, while its logs are made.
 */
export const LOGS_AWAITED_MAX = 100

export interface ForwardedOptions<Q, R> extends HandlerOptions<Q, R> {
  /** The answer waits for the logs of new partitions if they are not more. Default: always. */
  readonly logsAwaitedMax?: number
}

export function defineForwarded<K extends ControllerApi>(
  request: MessageCodec<ControllerRequest<K>>,
  response: MessageCodec<ControllerResponse<K>>,
  api: K,
  options: ForwardedOptions<ControllerRequest<K>, ControllerResponse<K>> = {}
): Handler<BrokerContext> {
  return defineHandler<BrokerContext, ControllerRequest<K>, ControllerResponse<K>>(
    request,
    response,
    async (broker, body) => {
      const answer = await broker.metadata.call(api, body)
      await broker.whenMetadataApplied(options.logsAwaitedMax)
      return answer as never
    },
    options
  )
}
