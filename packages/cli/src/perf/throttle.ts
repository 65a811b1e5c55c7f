// Holds a sender back to about so many records a second. Below 0: not at all. 0: for ever.
import { setImmediate, setTimeout } from 'node:timers/promises'

/** Shorter waits are saved up. */
const SHORTEST_WAIT_MS = 2
/** A sender that never waits keeps the answers from being read: so often it lets them. */
const YIELD_MS = 2
const FOR_EVER_MS = 2 ** 30

export class Throttle {
  readonly #perSecond: number
  readonly #startMs: number
  readonly #gapMs: number
  #deficitMs = 0
  #lastYieldMs: number

  constructor(perSecond: number, startMs: number) {
    this.#perSecond = perSecond
    this.#startMs = startMs
    this.#lastYieldMs = startMs
    this.#gapMs = perSecond > 0 ? 1000 / perSecond : FOR_EVER_MS
  }

  /** To be called after each record; a promise: wait for it. `nowMs` is when the record was sent. */
  after(count: number, nowMs: number, signal?: AbortSignal): Promise<void> | undefined {
    const elapsed = (nowMs - this.#startMs) / 1000
    if (this.#perSecond >= 0 && elapsed > 0 && count / elapsed > this.#perSecond) {
      this.#deficitMs += this.#gapMs
      if (this.#deficitMs >= SHORTEST_WAIT_MS) return this.#wait(signal)
    }
    return nowMs - this.#lastYieldMs >= YIELD_MS ? this.#yield(nowMs) : undefined
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    const waitMs = this.#deficitMs
    const start = performance.now()
    await setTimeout(waitMs, undefined, { signal })
    // A timer that was late has paid for later records.
    this.#deficitMs -= performance.now() - start
    this.#lastYieldMs = Date.now()
  }

  async #yield(nowMs: number): Promise<void> {
    this.#lastYieldMs = nowMs
    await setImmediate()
  }
}
