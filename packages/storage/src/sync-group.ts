// Grouped fdatasync for logs whose acknowledgements wait for the disk: the logs of a directory that wrote something within a
// window are synced together, and what is written meanwhile waits for the next round.

import type { World } from '@odradek/world'

export const SYNC_WINDOW_MS = 2
export const SYNC_WINDOW_BYTES = 4 * 1024 * 1024

export interface Syncable {
  /** Syncs what is written so far. Does not reject: a failure is the log's to report. */
  syncWritten(): Promise<void>
}

export class SyncGroup {
  private readonly world: World
  private waiting = new Set<Syncable>()
  private waitingBytes = 0
  private isRunning = false
  private isTimed = false

  constructor(world: World) {
    this.world = world
  }

  request(log: Syncable, bytes: number): void {
    this.waiting.add(log)
    this.waitingBytes += bytes
    if (this.isRunning) return
    if (this.waitingBytes >= SYNC_WINDOW_BYTES) {
      void this.run()
    } else if (!this.isTimed) {
      this.isTimed = true
      this.world.timers.schedule(SYNC_WINDOW_MS, () => {
        this.isTimed = false
        void this.run()
      })
    }
  }

  /** One round after the other while there is something to sync: the window is the time that a round takes. */
  private async run(): Promise<void> {
    if (this.isRunning) return
    this.isRunning = true
    while (this.waiting.size > 0) {
      const logs = [...this.waiting]
      this.waiting.clear()
      this.waitingBytes = 0
      await Promise.all(logs.map((log) => log.syncWritten()))
    }
    this.isRunning = false
  }
}
