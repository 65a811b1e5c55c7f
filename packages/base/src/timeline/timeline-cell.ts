import type { Delta, Snapshot, SnapshotRegistry } from './snapshot-registry.ts'

/** One value that can be read as it was at a snapshot of its registry, and goes back with it. */
export class TimelineCell<T> {
  readonly #registry: SnapshotRegistry
  #value: T

  constructor(registry: SnapshotRegistry, value: T) {
    this.#registry = registry
    this.#value = value
  }

  get(epoch?: number): T {
    if (epoch === undefined) return this.#value
    for (let snapshot: Snapshot | undefined = this.#registry.snapshotAt(epoch); snapshot !== undefined; snapshot = snapshot.next) {
      const delta = snapshot.deltas.get(this) as CellDelta<T> | undefined
      if (delta !== undefined) return delta.old
    }
    return this.#value
  }

  set(value: T): void {
    const deltas = this.#registry.newest?.deltas
    if (deltas !== undefined && !deltas.has(this)) {
      const old = this.#value
      const delta: CellDelta<T> = {
        old,
        undo: () => {
          this.#value = old
        }
      }
      deltas.set(this, delta)
    }
    this.#value = value
  }
}

interface CellDelta<T> extends Delta {
  readonly old: T
}
