// A world in virtual time: nothing happens but what `advance` and `settle` make happen, in a fixed order.
import { createPrng } from '@odradek/base'
import type { LogLevel, TimerHandle } from '@odradek/world'
import type { CoordinatorWorld } from '../../src/index.ts'

const START_MS = Date.UTC(2026, 0, 1)

interface Timer {
  atMs: number
  sequence: number
  callback: () => void
  isCancelled: boolean
}

export class VirtualWorld implements CoordinatorWorld {
  readonly lines: { level: LogLevel; message: string; error?: unknown }[] = []
  #nowMs = 0
  #sequence = 0
  #timers: Timer[] = []
  #deferred: (() => void)[] = []
  readonly #prng

  constructor(seed = 1) {
    this.#prng = createPrng(seed)
  }

  readonly clock = {
    now: (): number => START_MS + this.#nowMs,
    monotonicMs: (): number => this.#nowMs
  }

  readonly timers = {
    schedule: (delayMs: number, callback: () => void): TimerHandle => {
      const timer = { atMs: this.#nowMs + delayMs, sequence: this.#sequence++, callback, isCancelled: false }
      this.#timers.push(timer)
      return {
        cancel: () => {
          timer.isCancelled = true
        }
      }
    },
    defer: (callback: () => void): void => {
      this.#deferred.push(callback)
    }
  }

  readonly random = {
    bytes: (size: number): Buffer => this.#prng.bytes(size),
    below: (bound: number): number => this.#prng.below(bound)
  }

  readonly logger = {
    log: (level: LogLevel, _logger: string, message: string, error?: unknown): void => {
      this.lines.push({ level, message, error })
    },
    isEnabled: (): boolean => true
  }

  /** Lines of level ERROR: in most tests there must be none. */
  get errors(): string[] {
    return this.lines.filter(({ level }) => level === 'ERROR').map(({ message, error }) => `${message} ${error ?? ''}`)
  }

  /** Timers that will still run. */
  get pendingTimers(): number {
    return this.#timers.filter(({ isCancelled }) => !isCancelled).length
  }

  /** Ends the turn of the event loop: what was deferred runs, and what that defers; promises take their course. */
  async settle(): Promise<void> {
    for (;;) {
      for (const callback of this.#deferred.splice(0)) callback()
      await drain()
      if (this.#deferred.length === 0) return
    }
  }

  async advance(ms: number): Promise<void> {
    await this.settle()
    const end = this.#nowMs + ms
    for (;;) {
      this.#timers = this.#timers.filter(({ isCancelled }) => !isCancelled)
      let next: Timer | undefined
      for (const timer of this.#timers) {
        if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.sequence < next.sequence)) next = timer
      }
      if (next === undefined || next.atMs > end) break
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      this.#timers.splice(this.#timers.indexOf(next), 1)
      next.callback()
      await this.settle()
    }
    this.#nowMs = end
  }
}

async function drain(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await undefined
}
