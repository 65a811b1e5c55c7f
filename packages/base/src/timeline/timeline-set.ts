import type { SnapshotRegistry } from './snapshot-registry.ts'
import { TimelineMap } from './timeline-map.ts'

/** A Set that can be read as it was at a snapshot of its registry, and goes back with it. See {@link TimelineMap}. */
export class TimelineSet<T> {
  readonly #map: TimelineMap<T, true>

  constructor(registry: SnapshotRegistry) {
    this.#map = new TimelineMap(registry)
  }

  get size(): number {
    return this.#map.size
  }

  sizeAt(epoch: number): number {
    return this.#map.sizeAt(epoch)
  }

  has(item: T, epoch?: number): boolean {
    return this.#map.has(item, epoch)
  }

  /** True when it was not there before. */
  add(item: T): boolean {
    if (this.#map.has(item)) return false
    this.#map.set(item, true)
    return true
  }

  delete(item: T): boolean {
    return this.#map.delete(item)
  }

  clear(): void {
    this.#map.clear()
  }

  values(epoch?: number): IterableIterator<T> {
    return this.#map.keys(epoch)
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#map.keys()
  }
}
