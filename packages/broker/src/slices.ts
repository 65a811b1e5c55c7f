// Long work of one request in slices: whoever else is connected gets a turn of the event loop in between.
import type { World } from '@odradek/world'

const SLICE_MS = 8

export class Slices {
  readonly #world: World
  #beganMs: number

  constructor(world: World) {
    this.#world = world
    this.#beganMs = world.clock.monotonicMs()
  }

  /** Undefined while the slice goes on, else what to await before the work goes on. */
  pause(): Promise<void> | undefined {
    const { clock, timers } = this.#world
    if (clock.monotonicMs() - this.#beganMs < SLICE_MS) return undefined
    return new Promise<void>((resolve) => timers.defer(resolve)).then(() => {
      this.#beganMs = clock.monotonicMs()
    })
  }
}
