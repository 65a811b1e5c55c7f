import { type KafkaError, PartialFailureError } from '../errors.ts'

/** What became of each item of a call: every key is in exactly one of the two. */
export interface Outcomes<V> {
  readonly values: ReadonlyMap<string, V>
  readonly errors: ReadonlyMap<string, KafkaError>
}

/**
 * The result of a call about many items. `await result` gives all values by key, or throws a PartialFailureError that has both the
 * values and the errors. `await result.outcomes()` never throws for an item: it gives what succeeded and what failed.
 */
export class KeyedResult<V> implements Promise<ReadonlyMap<string, V>> {
  readonly [Symbol.toStringTag] = 'KeyedResult'
  readonly #outcomes: Promise<Outcomes<V>>

  constructor(outcomes: Promise<Outcomes<V>>) {
    this.#outcomes = outcomes
  }

  outcomes(): Promise<Outcomes<V>> {
    return this.#outcomes
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  then<A = ReadonlyMap<string, V>, B = never>(
    onFulfilled?: ((values: ReadonlyMap<string, V>) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    return this.#all().then(onFulfilled, onRejected)
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<ReadonlyMap<string, V> | B> {
    return this.#all().catch(onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<ReadonlyMap<string, V>> {
    return this.#all().finally(onFinally)
  }

  /** The same call seen otherwise: `change` maps each value. */
  map<W>(change: (value: V, key: string) => W): KeyedResult<W> {
    return new KeyedResult(
      this.#outcomes.then(({ values, errors }) => ({
        values: new Map([...values].map(([key, value]) => [key, change(value, key)])),
        errors
      }))
    )
  }

  async #all(): Promise<ReadonlyMap<string, V>> {
    const { values, errors } = await this.#outcomes
    if (errors.size > 0) throw new PartialFailureError(errors, values)
    return values
  }
}
