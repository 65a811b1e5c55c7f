// Work that storage does later by the clock. `stop` cancels what has not begun and waits for what has, so that nothing touches
// a directory after its lock is given back.

import type { TimerHandle, World } from '@odradek/world'

export class DelayedJobs {
  private readonly world: World
  private readonly timers = new Set<TimerHandle>()
  private readonly running = new Set<Promise<void>>()
  isStopped = false

  constructor(world: World) {
    this.world = world
  }

  /** A job handles its own failures: one that rejects is a bug. */
  after(delayMs: number, job: () => Promise<void>): void {
    if (this.isStopped) return
    const handle = this.world.timers.schedule(delayMs, () => {
      this.timers.delete(handle)
      const run = job().catch((error: unknown) => this.world.halt('a job of log management failed', error))
      this.running.add(run)
      void run.finally(() => this.running.delete(run))
    })
    this.timers.add(handle)
  }

  async stop(): Promise<void> {
    this.isStopped = true
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
    await Promise.all(this.running)
  }
}
