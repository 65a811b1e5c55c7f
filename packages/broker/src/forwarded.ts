// APIs that the controller decides: the broker hands the request on and answers when the outcome is in force here, so that
// the client's next request sees it.
import type { ControllerApi, ControllerRequest, ControllerResponse } from '@odradek/metadata'
import type { MessageCodec } from '@odradek/protocol'
import type { BrokerContext } from './broker-context.ts'
import { defineHandler, type Handler, type HandlerOptions } from './handler.ts'

export function defineForwarded<K extends ControllerApi>(
  request: MessageCodec<ControllerRequest<K>>,
  response: MessageCodec<ControllerResponse<K>>,
  api: K,
  options: HandlerOptions<ControllerRequest<K>, ControllerResponse<K>> = {}
): Handler<BrokerContext> {
  return defineHandler<BrokerContext, ControllerRequest<K>, ControllerResponse<K>>(
    request,
    response,
    async (broker, body) => {
      const answer = await broker.metadata.call(api, body)
      await broker.whenMetadataApplied()
      return answer as never
    },
    options
  )
}
