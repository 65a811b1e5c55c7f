import { randomFillSync, randomInt } from 'node:crypto'
import type { Clock, Random, TimerHandle, Timers } from '../ports.ts'

/** The longest delay that setTimeout takes; above it Node fires at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export const nodeClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now()
}

// Node's timers count whole ms of the loop's own clock and may fire a fraction of a ms early, and fire at once for a
// delay above 2^31-1: both are repaired by looking at the clock when they fire.
class NodeTimer implements TimerHandle {
  readonly #deadline: number
  #callback: (() => void) | undefined
  #timeout: NodeJS.Timeout | undefined

  constructor(delayMs: number, callback: () => void) {
    this.#deadline = performance.now() + delayMs
    this.#callback = callback
    this.#arm(delayMs)
  }

  cancel(): void {
    this.#callback = undefined
    clearTimeout(this.#timeout)
    this.#timeout = undefined
  }

  #arm(delayMs: number): void {
    if (delayMs === Infinity) return
    this.#timeout = setTimeout(fireTimer, Math.min(Math.ceil(delayMs), MAX_TIMEOUT_MS), this)
  }

  fire(): void {
    const remaining = this.#deadline - performance.now()
    if (remaining > 0) {
      this.#arm(remaining)
      return
    }
    const callback = this.#callback
    this.#callback = undefined
    this.#timeout = undefined
    callback?.()
  }
}

function fireTimer(timer: NodeTimer): void {
  timer.fire()
}

/** Timers keep the process alive until they fire or are cancelled: who schedules also cancels at shutdown. */
export const nodeTimers: Timers = {
  schedule(delayMs, callback) {
    if (!(delayMs >= 0)) throw new RangeError(`a timer's delay must be ≥ 0: ${delayMs}`)
    return new NodeTimer(delayMs, callback)
  },
  defer(callback) {
    setImmediate(callback)
  }
}

export const nodeRandom: Random = {
  bytes: (size) => randomFillSync(Buffer.allocUnsafe(size)),
  below: (bound) => randomInt(bound)
}
