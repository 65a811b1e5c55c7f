// The promise of one record, as cheap as it can be: it becomes a real one when somebody asks. A program that sends a million records
// and awaits only `flush` makes one small object a record; one that awaits gets one promise a record, resolved a batch at a time.
import { KafkaError } from '../errors.ts'
import type { ProducerBatch } from './producer-batch.ts'
import type { RecordMetadata, SendCallback } from './types.ts'

export class Delivery implements Promise<RecordMetadata> {
  readonly #batch: ProducerBatch
  readonly #index: number
  readonly #timestamp: number
  #isObserved = false

  constructor(batch: ProducerBatch, index: number, timestamp: number) {
    this.#batch = batch
    this.#index = index
    this.#timestamp = timestamp
  }

  get partition(): number {
    return this.#batch.queue.partition
  }

  get [Symbol.toStringTag](): string {
    return 'Promise'
  }

  // biome-ignore lint/suspicious/noThenProperty: this is a promise
  then<A = RecordMetadata, B = never>(
    onFulfilled?: ((value: RecordMetadata) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    this.observe()
    return settle(this.#batch, this.#index, this.#timestamp, onFulfilled, onRejected)
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<RecordMetadata | B> {
    return this.then(undefined, onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<RecordMetadata> {
    return this.then().finally(onFinally)
  }

  /** As `then`, without a promise of its own. */
  report(callback: SendCallback): void {
    this.#isObserved = true
    this.#batch.report(this.#index, this.#timestamp, callback)
  }

  /** Somebody will learn how it ends. */
  observe(): void {
    if (this.#isObserved) return
    this.#isObserved = true
    this.#batch.observe()
  }

  /** The result without a promise, if it is there; undefined: await. Throws what the record failed with. */
  get settled(): RecordMetadata | undefined {
    if (!this.#batch.isDone) return undefined
    const outcome = this.#batch.outcome(this.#index, this.#timestamp)
    if (outcome instanceof KafkaError) throw outcome
    return 'batch' in outcome ? undefined : outcome
  }
}

/** As Promise.all, with one promise a batch instead of one a record. */
export async function settleAll(deliveries: readonly Promise<RecordMetadata>[]): Promise<RecordMetadata[]> {
  for (const delivery of deliveries) {
    if (delivery instanceof Delivery) delivery.observe()
    else delivery.catch(() => {})
  }
  const results: RecordMetadata[] = []
  for (const delivery of deliveries) {
    const known = delivery instanceof Delivery ? delivery.settled : undefined
    results.push(known ?? (await delivery))
  }
  return results
}

/** As `then` of a promise of the record. Whoever calls has observed the record. */
export function settle<A = RecordMetadata, B = never>(
  batch: ProducerBatch,
  index: number,
  timestamp: number,
  onFulfilled?: ((value: RecordMetadata) => A | PromiseLike<A>) | null,
  onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null
): Promise<A | B> {
  return batch.done().then((): A | B | PromiseLike<A | B> => {
    const outcome = batch.outcome(index, timestamp)
    if ('batch' in outcome) return settle(outcome.batch, outcome.index, timestamp, onFulfilled, onRejected)
    if (!(outcome instanceof KafkaError)) return onFulfilled ? onFulfilled(outcome) : (outcome as A)
    if (onRejected) return onRejected(outcome)
    throw outcome
  })
}
