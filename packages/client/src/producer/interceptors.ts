// Calls the interceptors of a producer in their order. What they throw is logged and changes nothing, as in Java.
import type { Logger } from '@odradek/world'
import { Delivery } from './delivery.ts'
import type { OutgoingRecord, ProducerInterceptor, ProducerRecord, RecordMetadata, TopicLike } from './types.ts'

type Target = TopicLike<unknown, unknown>

export class Interceptors {
  readonly #interceptors: readonly ProducerInterceptor[]
  readonly #logger: Logger

  constructor(interceptors: readonly ProducerInterceptor[], logger: Logger) {
    this.#interceptors = interceptors
    this.#logger = logger
  }

  /** The serdes stay those of the topic that was given, unless an interceptor sends the record elsewhere. */
  around(
    target: Target,
    record: ProducerRecord<unknown, unknown>,
    send: (target: Target, record: ProducerRecord<unknown, unknown>) => Promise<RecordMetadata>
  ): Promise<RecordMetadata> {
    const name = typeof target === 'string' ? target : target.name
    let outgoing: OutgoingRecord = { ...record, topic: name }
    for (const each of this.#interceptors)
      this.#guarded(() => {
        outgoing = each.onSend?.(outgoing) ?? outgoing
      })
    const to: Target =
      typeof target === 'string' || outgoing.topic === name
        ? typeof target === 'string'
          ? outgoing.topic
          : target
        : { ...target, name: outgoing.topic }
    let delivery: Promise<RecordMetadata>
    try {
      delivery = send(to, outgoing)
    } catch (error) {
      delivery = Promise.reject(error)
    }
    return delivery.then(
      (metadata) => {
        this.#acknowledged(metadata, null)
        return metadata
      },
      (error) => {
        const partition = delivery instanceof Delivery ? delivery.partition : (outgoing.partition ?? -1)
        this.#acknowledged({ topic: outgoing.topic, partition, offset: -1, timestamp: -1 }, error as Error)
        throw error
      }
    )
  }

  close(): void {
    for (const each of this.#interceptors) this.#guarded(() => each.close?.())
  }

  #acknowledged(metadata: RecordMetadata, error: Error | null): void {
    for (const each of this.#interceptors) this.#guarded(() => each.onAcknowledgement?.(metadata, error))
  }

  #guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#logger.log('WARN', 'odradek.client.ProducerInterceptors', 'A producer interceptor failed', error)
    }
  }
}
