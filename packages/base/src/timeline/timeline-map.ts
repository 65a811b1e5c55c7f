import type { Delta, Snapshot, SnapshotRegistry } from './snapshot-registry.ts'

/** Stands in a delta for a key that was not there. */
const ABSENT = Symbol('absent')
type Old<V> = V | typeof ABSENT

class MapDelta<K, V> implements Delta {
  /** Entries of the map when the snapshot was taken. */
  readonly size: number
  readonly old = new Map<K, Old<V>>()
  readonly #map: Map<K, V>

  constructor(map: Map<K, V>) {
    this.#map = map
    this.size = map.size
  }

  undo(): void {
    for (const [key, value] of this.old) {
      if (value === ABSENT) this.#map.delete(key)
      else this.#map.set(key, value)
    }
  }
}

/**
 * A Map that can be read as it was at a snapshot of its registry, and goes back with it. Reads without an epoch are those
 * of the newest state. Values must not be changed in place: `set` a new one, or nest timeline collections. Iteration is by
 * insertion at the newest state; a revert may move restored keys to the end.
 */
export class TimelineMap<K, V> {
  readonly #registry: SnapshotRegistry
  readonly #map = new Map<K, V>()
  // The delta written last, and its snapshot: saves the look-up while the snapshot stays the newest.
  #snapshot: Snapshot | undefined
  #delta: MapDelta<K, V> | undefined

  constructor(registry: SnapshotRegistry) {
    this.#registry = registry
  }

  get size(): number {
    return this.#map.size
  }

  get(key: K, epoch?: number): V | undefined {
    const old = epoch === undefined ? undefined : this.#oldValue(key, epoch)
    if (old === undefined) return this.#map.get(key)
    return old.value === ABSENT ? undefined : old.value
  }

  has(key: K, epoch?: number): boolean {
    const old = epoch === undefined ? undefined : this.#oldValue(key, epoch)
    return old === undefined ? this.#map.has(key) : old.value !== ABSENT
  }

  sizeAt(epoch: number): number {
    for (let snapshot: Snapshot | undefined = this.#registry.snapshotAt(epoch); snapshot !== undefined; snapshot = snapshot.next) {
      const delta = this.#deltaOf(snapshot)
      if (delta !== undefined) return delta.size
    }
    return this.#map.size
  }

  /** Returns the value before. */
  set(key: K, value: V): V | undefined {
    const before = this.#map.get(key)
    if (this.#registry.newest !== undefined) this.#remember(key, before)
    this.#map.set(key, value)
    return before
  }

  delete(key: K): boolean {
    if (this.#registry.newest !== undefined && this.#map.has(key)) this.#remember(key, this.#map.get(key))
    return this.#map.delete(key)
  }

  clear(): void {
    if (this.#registry.newest !== undefined) for (const [key, value] of this.#map) this.#remember(key, value)
    this.#map.clear()
  }

  /** Without an epoch it follows changes as a Map does; with one it is a copy, which later changes do not touch. */
  entries(epoch?: number): IterableIterator<[K, V]> {
    return epoch === undefined ? this.#map.entries() : this.#entriesAt(epoch)[Symbol.iterator]()
  }

  keys(epoch?: number): IterableIterator<K> {
    return epoch === undefined
      ? this.#map.keys()
      : this.#entriesAt(epoch)
          .map(([key]) => key)
          [Symbol.iterator]()
  }

  values(epoch?: number): IterableIterator<V> {
    return epoch === undefined
      ? this.#map.values()
      : this.#entriesAt(epoch)
          .map(([, value]) => value)
          [Symbol.iterator]()
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#map.entries()
  }

  #remember(key: K, before: V | undefined): void {
    const snapshot = this.#registry.newest as Snapshot
    let delta = this.#delta
    if (this.#snapshot !== snapshot || delta === undefined) {
      delta = this.#deltaOf(snapshot)
      if (delta === undefined) {
        delta = new MapDelta(this.#map)
        snapshot.deltas.set(this, delta)
      }
      this.#snapshot = snapshot
      this.#delta = delta
    }
    if (!delta.old.has(key)) delta.old.set(key, before === undefined && !this.#map.has(key) ? ABSENT : (before as V))
  }

  #deltaOf(snapshot: Snapshot): MapDelta<K, V> | undefined {
    return snapshot.deltas.get(this) as MapDelta<K, V> | undefined
  }

  #oldValue(key: K, epoch: number): { value: Old<V> } | undefined {
    for (let snapshot: Snapshot | undefined = this.#registry.snapshotAt(epoch); snapshot !== undefined; snapshot = snapshot.next) {
      const value = this.#deltaOf(snapshot)?.old.get(key)
      if (value !== undefined || this.#deltaOf(snapshot)?.old.has(key)) return { value: value as Old<V> }
    }
    return undefined
  }

  #entriesAt(epoch: number): [K, V][] {
    const old = new Map<K, Old<V>>()
    for (let snapshot: Snapshot | undefined = this.#registry.snapshotAt(epoch); snapshot !== undefined; snapshot = snapshot.next) {
      const delta = this.#deltaOf(snapshot)
      if (delta !== undefined) for (const [key, value] of delta.old) if (!old.has(key)) old.set(key, value)
    }
    const entries: [K, V][] = []
    for (const entry of this.#map) if (!old.has(entry[0])) entries.push(entry)
    for (const [key, value] of old) if (value !== ABSENT) entries.push([key, value])
    return entries
  }
}
