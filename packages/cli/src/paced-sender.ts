// Records sent one after the other to one topic by a command that may have more of them than memory: each call says when to go on.
import type { Producer, ProducerRecord, SendCallback } from '@odradek/client'
import { isHopeless } from './clients.ts'
import { OpenRecords } from './open-records.ts'

export class PacedSender {
  readonly #producer: Producer
  readonly #topic: string
  readonly #signal: AbortSignal | undefined
  readonly #open = new OpenRecords()
  #isKnown = false

  /** `signal`: the user ends the command. A topic that is not found is waited for no longer. */
  constructor(producer: Producer, topic: string, signal?: AbortSignal) {
    this.#producer = producer
    this.#topic = topic
    this.#signal = signal
  }

  /** A promise: wait for it before the next record. Until the topic is known each record waits for it (max.block.ms), as in Java. */
  send(record: ProducerRecord<string | Uint8Array, string | Uint8Array>, done: SendCallback): Promise<void> | undefined {
    if (!this.#isKnown) return this.#findTopic(record, done)
    this.#producer.send(this.#topic, record, this.#open.add(done))
    return this.#producer.isFull ? this.#producer.ready() : this.#open.room()
  }

  async #findTopic(record: ProducerRecord<string | Uint8Array, string | Uint8Array>, done: SendCallback): Promise<void> {
    try {
      await this.#producer.partitionsFor(this.#topic, { signal: this.#signal })
    } catch (error) {
      if (isHopeless(error) || this.#signal?.aborted) throw error
      done(error as Error, null)
      return
    }
    this.#isKnown = true
    await this.send(record, done)
  }
}
