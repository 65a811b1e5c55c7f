// The machine's time with a leap now and then: tests of timeouts do not wait for them. Between leaps it runs as the machine's does.
import type { Clock, TimerHandle, Timers } from '../ports.ts'
import { nodeClock, nodeTimers } from './clock.ts'

/** More timers than this in one leap is a loop. */
const FIRED_MAX = 1_000_000
/** What a timer began (answers in memory, parked requests) is given these turns of the event loop before time goes on. */
const TURNS = 3

export class TestClock implements Clock, Timers {
  #leapMs = 0
  readonly #pending = new Set<TestTimer>()
  #advancing: Promise<void> = Promise.resolve()

  now(): number {
    return nodeClock.now() + Math.ceil(this.#leapMs)
  }

  monotonicMs(): number {
    return nodeClock.monotonicMs() + this.#leapMs
  }

  schedule(delayMs: number, callback: () => void): TimerHandle {
    if (!(delayMs >= 0)) throw new RangeError(`a timer's delay must be ≥ 0: ${delayMs}`)
    const timer = new TestTimer(this.monotonicMs() + delayMs, callback, this.#pending)
    timer.arm(delayMs)
    return timer
  }

  defer(callback: () => void): void {
    nodeTimers.defer(callback)
  }

  /**
   * Moves the time `ms` forward, wall clock and monotonic clock. What falls due on the way happens in its order and at its time; it
   * resolves when all of it has happened. Leaps that are asked for together follow one another.
   */
  advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) return Promise.reject(new RangeError(`the time can be moved forward only, by ms: ${ms}`))
    const done = this.#advancing.then(() => this.#advance(this.monotonicMs() + ms))
    this.#advancing = done.catch(() => {})
    return done
  }

  async #advance(targetMs: number): Promise<void> {
    try {
      await this.#fireUpTo(targetMs)
      this.#leapTo(targetMs)
    } finally {
      const now = this.monotonicMs()
      for (const timer of this.#pending) timer.arm(Math.max(0, timer.dueMs - now))
    }
  }

  async #fireUpTo(targetMs: number): Promise<void> {
    let fired = 0
    for (let next = this.#nextDue(targetMs); next !== undefined; next = this.#nextDue(targetMs)) {
      if (++fired > FIRED_MAX) throw new RangeError(`more than ${FIRED_MAX} timers fell due in one leap: advance in smaller steps`)
      this.#leapTo(next.dueMs)
      next.fire()
      for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => nodeTimers.defer(resolve))
    }
  }

  #leapTo(ms: number): void {
    this.#leapMs += Math.max(0, ms - this.monotonicMs())
  }

  #nextDue(targetMs: number): TestTimer | undefined {
    let next: TestTimer | undefined
    for (const timer of this.#pending) {
      if (timer.dueMs <= targetMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }
}

class TestTimer implements TimerHandle {
  readonly dueMs: number
  readonly #callback: () => void
  readonly #pending: Set<TestTimer>
  #handle: TimerHandle | undefined

  constructor(dueMs: number, callback: () => void, pending: Set<TestTimer>) {
    this.dueMs = dueMs
    this.#callback = callback
    this.#pending = pending
    pending.add(this)
  }

  arm(delayMs: number): void {
    this.#handle?.cancel()
    this.#handle = nodeTimers.schedule(delayMs, () => this.fire())
  }

  fire(): void {
    this.cancel()
    this.#callback()
  }

  cancel(): void {
    this.#pending.delete(this)
    this.#handle?.cancel()
  }
}
