// Calls the interceptors of a consumer in their order. What they throw is logged and changes nothing, as in Java.
import type { Logger } from '@odradek/world'
import { invalidConfig } from '../options.ts'
import type { Taken } from './consumer-records.ts'
import type { ConsumerRecord } from './record.ts'
import type { TopicPartitionOffset } from './types.ts'

type AnyRecord = ConsumerRecord<unknown, unknown>

export interface ConsumerInterceptor {
  /** Before records are handed out. What it returns is handed out instead: some of the records, in their order. */
  onConsume?(records: readonly AnyRecord[]): readonly AnyRecord[] | undefined
  /** The group has these offsets now. */
  onCommit?(offsets: readonly TopicPartitionOffset[]): void
  close?(): void
}

export class ConsumerInterceptors {
  readonly #interceptors: readonly ConsumerInterceptor[]
  readonly #logger: Logger

  /** The setting names Java classes; here it is a list of objects. */
  constructor(given: unknown, logger: Logger) {
    const list: readonly unknown[] = Array.isArray(given) ? given : []
    for (const each of list)
      if (typeof each !== 'object' || each === null || !('onConsume' in each || 'onCommit' in each))
        throw invalidConfig('interceptor.classes is a list of objects with onConsume or onCommit')
    this.#interceptors = list as readonly ConsumerInterceptor[]
    this.#logger = logger
  }

  /** Changes `records` in place; `taken` says which of them are of which partition. */
  consume(records: AnyRecord[], taken: Taken[]): Taken[] {
    if (this.#interceptors.length === 0 || records.length === 0) return taken
    let left: readonly AnyRecord[] = [...records]
    for (const each of this.#interceptors)
      this.#guarded(() => {
        left = each.onConsume?.(left) ?? left
      })
    const kept = new Set(left)
    const all = records.splice(0)
    return taken.flatMap(({ state, from, to }) => {
      const start = records.length
      for (let at = from; at < to; at++) if (kept.has(all[at])) records.push(all[at])
      return records.length === start ? [] : { state, from: start, to: records.length }
    })
  }

  committed(offsets: readonly TopicPartitionOffset[]): void {
    for (const each of this.#interceptors) this.#guarded(() => each.onCommit?.(offsets))
  }

  close(): void {
    for (const each of this.#interceptors) this.#guarded(() => each.close?.())
  }

  #guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#logger.log('WARN', 'odradek.client.ConsumerInterceptors', 'A consumer interceptor failed', error)
    }
  }
}
