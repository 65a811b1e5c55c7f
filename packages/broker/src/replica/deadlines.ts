// Deadlines of many waits behind one timer. Most waits end long before theirs, so that an entry costs a set insert and a
// delete, and the timer fires rarely.
import type { TimerHandle, World } from '@odradek/world'

export interface Deadline {
  readonly atMs: number
  readonly onExpired: () => void
}

export class Deadlines {
  readonly #world: World
  readonly #entries = new Set<Deadline>()
  #timer: TimerHandle | undefined
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(world: World) {
    this.#world = world
  }

  get size(): number {
    return this.#entries.size
  }

  add(delayMs: number, onExpired: () => void): Deadline {
    const entry = { atMs: this.#world.clock.monotonicMs() + delayMs, onExpired }
    this.#entries.add(entry)
    if (entry.atMs < this.#timerAtMs) this.#schedule(entry.atMs)
    return entry
  }

  remove(entry: Deadline): void {
    this.#entries.delete(entry)
  }

  /** Forgets all without telling them. */
  close(): void {
    this.#timer?.cancel()
    this.#entries.clear()
  }

  #schedule(atMs: number): void {
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    const delayMs = Math.max(0, atMs - this.#world.clock.monotonicMs())
    this.#timer = this.#world.timers.schedule(delayMs, () => this.#expire())
  }

  #expire(): void {
    this.#timer = undefined
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const now = this.#world.clock.monotonicMs()
    const expired: Deadline[] = []
    let nextMs = Number.POSITIVE_INFINITY
    for (const entry of this.#entries) {
      if (entry.atMs <= now) expired.push(entry)
      else if (entry.atMs < nextMs) nextMs = entry.atMs
    }
    for (const entry of expired) this.#entries.delete(entry)
    if (nextMs !== Number.POSITIVE_INFINITY) this.#schedule(nextMs)
    for (const entry of expired.sort((a, b) => a.atMs - b.atMs)) entry.onExpired()
  }
}
