// Snapshots of timeline collections. A snapshot copies nothing: while it is the newest, each collection that changes
// leaves in it, once, what was there before (its delta). The state at epoch E is then the newest state with the deltas
// of the snapshots from the newest down to E laid over it, and going back to E is writing them back in that order.
// Without a snapshot a change costs one comparison more than in a plain collection.
// Owner: one log-replicated state machine; all its collections share one registry. Epochs are usually log offsets.

import { assert } from '../assert.ts'

/** What a collection keeps in a snapshot: enough to undo all its changes since. */
export interface Delta {
  undo(): void
}

export class Snapshot {
  readonly epoch: number
  readonly deltas = new Map<object, Delta>()
  /** The next newer one. */
  next: Snapshot | undefined

  constructor(epoch: number) {
    this.epoch = epoch
  }
}

export class SnapshotRegistry {
  // oldest first
  readonly #snapshots: Snapshot[] = []
  #newest: Snapshot | undefined

  /** Makes the state as it is now readable and revertible as `epoch`. Epochs only grow; the newest one again is a no-op. */
  getOrCreateSnapshot(epoch: number): void {
    assert(Number.isSafeInteger(epoch), `epoch ${epoch}`)
    const newest = this.#newest
    if (newest !== undefined) {
      if (newest.epoch === epoch) return
      assert(newest.epoch < epoch, `snapshot ${epoch} is older than the newest one, ${newest.epoch}`)
    }
    const snapshot = new Snapshot(epoch)
    if (newest !== undefined) newest.next = snapshot
    this.#snapshots.push(snapshot)
    this.#newest = snapshot
  }

  hasSnapshot(epoch: number): boolean {
    return this.#find(epoch) !== undefined
  }

  /** Epochs of all snapshots, oldest first. */
  epochs(): number[] {
    return this.#snapshots.map((snapshot) => snapshot.epoch)
  }

  /** Takes every collection back to its state at `epoch`. That snapshot stays, the newer ones are gone. */
  revertToSnapshot(epoch: number): void {
    const target = this.snapshotAt(epoch)
    for (;;) {
      const snapshot = this.#snapshots[this.#snapshots.length - 1]
      for (const delta of snapshot.deltas.values()) delta.undo()
      if (snapshot === target) break
      this.#snapshots.pop()
    }
    // A new object, since the collections remember the delta they wrote into last.
    this.#snapshots.pop()
    const renewed = new Snapshot(epoch)
    const older = this.#snapshots.at(-1)
    if (older !== undefined) older.next = renewed
    this.#snapshots.push(renewed)
    this.#newest = renewed
  }

  /** Forgets the snapshots older than `epoch`; those at and above it stay. */
  deleteSnapshotsUpTo(epoch: number): void {
    let count = 0
    while (count < this.#snapshots.length && this.#snapshots[count].epoch < epoch) count++
    for (const snapshot of this.#snapshots.splice(0, count)) {
      // A collection that has not changed since still points here; through `next` it would keep every later snapshot.
      snapshot.next = undefined
      snapshot.deltas.clear()
    }
    this.#newest = this.#snapshots.at(-1)
  }

  /** For collections: the snapshot that takes their deltas now. */
  get newest(): Snapshot | undefined {
    return this.#newest
  }

  /** For collections. It is a bug to name an epoch without a snapshot. */
  snapshotAt(epoch: number): Snapshot {
    const snapshot = this.#find(epoch)
    assert(snapshot !== undefined, `no snapshot of epoch ${epoch}: there are ${this.epochs().join(', ') || 'none'}`)
    return snapshot
  }

  #find(epoch: number): Snapshot | undefined {
    let low = 0
    let high = this.#snapshots.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const snapshot = this.#snapshots[middle]
      if (snapshot.epoch === epoch) return snapshot
      if (snapshot.epoch < epoch) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }
}
