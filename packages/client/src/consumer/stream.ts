// Records one by one, pulled: nothing is taken from the consumer before the reader asks, so that a slow reader stops the fetching.
// A record is finished when the next one is asked for (or `ack()` says so; with `ack: 'manual'` only then). Ending the loop by break
// or throw leaves the last record unfinished unless it was acked; then what is finished is committed.
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { invalidConfig } from '../options.ts'
import type { ConsumerEngine } from './engine.ts'
import type { PartitionState } from './partition-state.ts'
import type { ConsumerRecord } from './record.ts'
import type { RebalanceListener } from './types.ts'

export interface StreamOptions {
  /** Ends the loop without an error. */
  readonly signal?: AbortSignal
  /** manual: only `record.ack()` finishes a record. */
  readonly ack?: 'auto' | 'manual'
  readonly listener?: RebalanceListener
}

interface Pulled<K, V> {
  readonly state: PartitionState
  readonly version: number
  readonly record: ConsumerRecord<K, V>
}

const POLL_MS = 60_000

export class RecordStream<K = Buffer, V = Buffer> implements AsyncIterableIterator<ConsumerRecord<K, V>>, AsyncDisposable {
  readonly #engine: ConsumerEngine<K, V>
  readonly #signal: AbortSignal | undefined
  readonly #isManual: boolean
  readonly #ownsSubscription: boolean
  /** Taken from the fetcher, not handed out. */
  #pulled: Pulled<K, V>[] = []
  #at = 0
  /** Of paused partitions. */
  #parked: Pulled<K, V>[] = []
  #current: Pulled<K, V> | undefined
  readonly #seen = new Set<PartitionState>()
  #ended: Promise<void> | undefined

  constructor(engine: ConsumerEngine<K, V>, options: StreamOptions, ownsSubscription: boolean) {
    this.#engine = engine
    this.#signal = options.signal
    this.#isManual = options.ack === 'manual'
    this.#ownsSubscription = ownsSubscription
    engine.setDrain(async (states) => this.#drop(states))
  }

  async next(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    this.#finishCurrent()
    for (;;) {
      if (this.#ended !== undefined || this.#signal?.aborted) {
        await this.#end()
        return { done: true, value: undefined }
      }
      const pulled = this.#shift()
      if (pulled !== undefined) {
        this.#current = pulled
        return { done: false, value: pulled.record }
      }
      await this.#pull()
    }
  }

  async return(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    await this.#end()
    return { done: true, value: undefined }
  }

  /** For pipelines of Node. They read ahead, so that only `ack: 'manual'` is right: `record.ack()` where a record is finished. */
  toReadable(): Readable {
    this.#requireManual()
    return Readable.from(this)
  }

  /** The same for pipelines of the web. */
  toReadableStream(): ReadableStream<ConsumerRecord<K, V>> {
    this.#requireManual()
    return ReadableStream.from(this) as ReadableStream<ConsumerRecord<K, V>>
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end()
  }

  #requireManual(): void {
    if (!this.#isManual)
      throw invalidConfig("Pipelines read ahead: give the stream { ack: 'manual' } and call record.ack() where a record is finished")
  }

  async #pull(): Promise<void> {
    const signal = this.#signal
    const until = (): boolean => this.#parked.some(({ state }) => !state.isPaused)
    try {
      for (const state of this.#seen) if (state.isGone) this.#seen.delete(state)
      const { records, taken } = await this.#engine.take({ timeoutMs: POLL_MS, signal, max: this.#engine.maxPollRecords, until })
      const pulled: Pulled<K, V>[] = []
      for (const { state, from, to } of taken) {
        this.#seen.add(state)
        for (let at = from; at < to; at++) {
          const record = records[at]
          state.unfinished.add(record.offset)
          pulled.push({ state, version: state.version, record })
        }
      }
      this.#pulled = pulled
      this.#at = 0
    } catch (error) {
      if (signal?.aborted) return
      // A loop over an iterator that throws does not end it by itself.
      await this.#end().catch(() => {})
      throw error
    }
  }

  #shift(): Pulled<K, V> | undefined {
    if (this.#parked.length > 0) {
      const at = this.#parked.findIndex(({ state }) => !state.isPaused)
      if (at >= 0) {
        const [pulled] = this.#parked.splice(at, 1)
        if (isCurrent(pulled)) return pulled
        return this.#shift()
      }
    }
    while (this.#at < this.#pulled.length) {
      const pulled = this.#pulled[this.#at++]
      if (!isCurrent(pulled)) continue
      if (!pulled.state.isPaused) return pulled
      this.#parked.push(pulled)
    }
    return undefined
  }

  #finishCurrent(): void {
    const current = this.#current
    this.#current = undefined
    if (current === undefined || this.#isManual || !isCurrent(current)) return
    current.state.unfinished.finish(current.record.offset)
  }

  /** The reader is inside `next`, so that what it had is finished; what it never got is given back by being forgotten. */
  #drop(states: readonly PartitionState[]): void {
    const gone = new Set(states)
    this.#pulled = this.#pulled.slice(this.#at).filter(({ state }) => !gone.has(state))
    this.#at = 0
    this.#parked = this.#parked.filter(({ state }) => !gone.has(state))
  }

  #end(): Promise<void> {
    this.#ended ??= this.#finish()
    return this.#ended
  }

  async #finish(): Promise<void> {
    this.#current = undefined
    if (this.#ownsSubscription) {
      await this.#engine.unsubscribe()
      this.#engine.setDrain(undefined)
      return
    }
    await this.#engine.commitFinished()
    // What was taken and is not finished is read again.
    for (const state of this.#seen) {
      const first = state.unfinished.first
      if (!state.isGone && first !== undefined) state.seek(first, state.position.epoch)
    }
    this.#engine.setDrain(undefined)
  }
}

function isCurrent({ state, version }: Pulled<unknown, unknown>): boolean {
  return !state.isGone && !state.isLeaving && state.version === version
}
