// Keeps long work from holding the event loop: `pause` gives it up when a slice is over, and stays within a byte rate.

import type { World } from '@odradek/world'

const SLICE_MS = 8

export class Slicer {
  private readonly world: World
  private readonly maxBytesPerSecond: () => number
  private readonly isStopped: () => boolean
  private sliceStart: number
  private bytes = 0
  private bytesSince: number

  constructor(world: World, options: { maxBytesPerSecond: () => number; isStopped: () => boolean }) {
    this.world = world
    this.maxBytesPerSecond = options.maxBytesPerSecond
    this.isStopped = options.isStopped
    this.sliceStart = world.clock.monotonicMs()
    this.bytesSince = this.sliceStart
  }

  /** Undefined while the slice goes on. Rejects with {@link Stopped} when the work is to end. */
  pause(bytes: number): Promise<void> | undefined {
    this.bytes += bytes
    const now = this.world.clock.monotonicMs()
    const owedMs = (this.bytes / this.maxBytesPerSecond()) * 1000 - (now - this.bytesSince)
    if (owedMs > 100) return this.sleep(Math.min(owedMs, 1000))
    if (now - this.sliceStart < SLICE_MS) return undefined
    return this.sleep(0)
  }

  private async sleep(ms: number): Promise<void> {
    const { timers, clock } = this.world
    await new Promise<void>((resolve) => (ms > 0 ? timers.schedule(ms, resolve) : timers.defer(resolve)))
    if (this.isStopped()) throw new Stopped()
    this.sliceStart = clock.monotonicMs()
    if (this.sliceStart - this.bytesSince > 10_000) {
      this.bytes = 0
      this.bytesSince = this.sliceStart
    }
  }
}

/** The cleaner was told to stop in the middle of a log; nothing changed. */
export class Stopped extends Error {}
