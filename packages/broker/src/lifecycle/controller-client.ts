// Requests of this broker to the controller, each with the types of its message.
import type { MetadataNode } from '@odradek/metadata'
import type { Input, MessageCodec } from '@odradek/protocol'

export class ControllerClient {
  readonly #metadata: MetadataNode
  constructor(metadata: MetadataNode) {
    this.#metadata = metadata
  }
  call<Q, R>(request: MessageCodec<Q>, _response: MessageCodec<R>, body: Input<Q>): Promise<R> {
    return this.#metadata.call(request.create(body)) as Promise<R>
  }
}
