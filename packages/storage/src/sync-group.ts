// Grouped fdatasync for logs whose acknowledgements wait for the disk: the logs of a directory that wrote something are synced
// together, and what is written meanwhile waits for the next round. A round begins at once when none is under way, so that
// a lone write waits for nothing and many share one.

import type { World } from '@odradek/world'
import { atMost } from './concurrency.ts'

/** Logs of one directory synced at a time: each holds a file open, and a node has more logs than it may have files. */
const SYNCS_MAX = 64

export interface Syncable {
  /** Syncs what is written so far. Does not reject: a failure is the log's to report. */
  syncWritten(): Promise<void>
}

export class SyncGroup {
  private readonly world: World
  private waiting = new Set<Syncable>()
  private isRunning = false

  constructor(world: World) {
    this.world = world
  }

  request(log: Syncable): void {
    this.waiting.add(log)
    if (this.isRunning) return
    this.isRunning = true
    this.world.timers.defer(() => void this.run())
  }

  private async run(): Promise<void> {
    while (this.waiting.size > 0) {
      const logs = [...this.waiting]
      this.waiting.clear()
      await atMost(SYNCS_MAX, logs, (log) => log.syncWritten())
    }
    this.isRunning = false
  }
}
