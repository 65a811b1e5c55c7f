// Holds a sender back to about so many records a second. Below 0: not at all. 0: for ever.
import { setImmediate, setTimeout } from 'node:timers/promises'

/** Shorter waits are saved up. */
const SHORTEST_WAIT_MS = 2
/** A sender that never waits keeps the answers from being read: so often it lets them. */
const YIELD_MS = 2
const FOR_EVER_MS = 2 ** 30

export class Throttle {
  readonly #startMs: number
  readonly #gapMs: number
  #lastYieldMs: number

  constructor(perSecond: number, startMs: number) {
    this.#startMs = startMs
    this.#lastYieldMs = startMs
    this.#gapMs = perSecond < 0 ? 0 : perSecond === 0 ? FOR_EVER_MS : 1000 / perSecond
  }

  /** To be called after record number `index`; a promise: wait for it. `nowMs` is when the record was sent. */
  after(index: number, nowMs: number, signal?: AbortSignal): Promise<unknown> | undefined {
    const aheadMs = Math.min(FOR_EVER_MS, this.#startMs + (index + 1) * this.#gapMs - nowMs)
    if (this.#gapMs > 0 && aheadMs >= SHORTEST_WAIT_MS) return setTimeout(aheadMs, undefined, { signal }).catch(interrupted)
    if (nowMs - this.#lastYieldMs < YIELD_MS) return undefined
    this.#lastYieldMs = nowMs
    return setImmediate()
  }
}

/** Whoever waited sees it by the signal. */
const interrupted = (): void => {}
