// What the offset index and the time index share: fixed-size entries that only grow, kept in memory while they are new and
// on file once saved. Entries [from, count) are in memory; [0, from) are on file, and in `cached` while a lookup needed them
// not long ago (IndexCache bounds that over all logs). Entries [saved, count) are not on file yet. No I/O here: the segment
// reads and writes the bytes.

import { readInt32, readInt64 } from './batch-walk.ts'

/** The answer of a lookup that needs entries which are only on file. */
export const NOT_LOADED = -2

const INITIAL_ENTRIES = 16

export abstract class SparseIndex {
  count = 0
  from = 0
  saved = 0
  /** Entries below survive a power loss. */
  synced = 0
  readonly entryBytes: number
  private memory: Buffer | undefined
  private cached: Buffer | undefined

  constructor(entryBytes: number) {
    this.entryBytes = entryBytes
  }

  protected abstract keyAt(bytes: Buffer, position: number): number

  /** Entries in memory, which spilling can put on file. */
  get residentCount(): number {
    return this.count - this.from
  }

  get hasUnsaved(): boolean {
    return this.saved < this.count
  }

  get needsLoad(): boolean {
    return this.from > 0 && this.cached === undefined
  }

  get cachedBytes(): number {
    return this.cached?.length ?? 0
  }

  /** Makes room for one more entry; returns where to write it. */
  protected grow(): { bytes: Buffer; position: number } {
    const position = (this.count - this.from) * this.entryBytes
    if (this.memory === undefined || position + this.entryBytes > this.memory.length) {
      const bytes = Buffer.alloc(Math.max(INITIAL_ENTRIES * this.entryBytes, position * 2))
      this.memory?.copy(bytes, 0, 0, position)
      this.memory = bytes
    }
    this.count++
    return { bytes: this.memory, position }
  }

  /** The number of the last entry whose key is at most `key`; -1 when there is none, {@link NOT_LOADED} when only the file knows. */
  protected floor(key: number): number {
    const { memory, from, count, entryBytes } = this
    if (memory !== undefined && count > from && (this.keyAt(memory, 0) <= key || from === 0)) {
      const found = this.search(memory, count - from, key)
      return found < 0 ? -1 : from + found
    }
    if (from === 0) return -1
    if (this.cached === undefined) return NOT_LOADED
    return this.search(this.cached, this.cached.length / entryBytes, key)
  }

  private search(bytes: Buffer, count: number, key: number): number {
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.keyAt(bytes, middle * this.entryBytes) <= key) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** The bytes that are not on file yet; they belong at `saved * entryBytes`. */
  unsaved(): Buffer {
    if (this.memory === undefined) return Buffer.alloc(0)
    return this.memory.subarray((this.saved - this.from) * this.entryBytes, (this.count - this.from) * this.entryBytes)
  }

  /** Entries up to `count` are on file now; with `release` those leave the memory. */
  markSaved(count: number, release: boolean): void {
    this.saved = count
    if (!release || this.memory === undefined) return
    const kept = this.memory.subarray((count - this.from) * this.entryBytes, (this.count - this.from) * this.entryBytes)
    this.memory = kept.length === 0 ? undefined : Buffer.from(kept)
    this.from = count
    if (this.cached !== undefined && this.cached.length < this.from * this.entryBytes) this.cached = undefined
  }

  /** The entries [0, from) as read from the file. */
  setCached(bytes: Buffer): void {
    this.cached = bytes.subarray(0, this.from * this.entryBytes)
  }

  dropCached(): void {
    this.cached = undefined
  }

  /** All entries are those of `bytes`, on file already. */
  protected adopt(bytes: Buffer): void {
    this.count = bytes.length / this.entryBytes
    this.from = this.count
    this.saved = this.count
    this.synced = this.count
    this.memory = undefined
    this.cached = bytes
  }

  /** Keeps the first `count` entries. Those on file must be in `cached`. Returns true when the file holds too many now. */
  protected cut(count: number): boolean {
    if (count >= this.count) return false
    this.count = count
    const isFileLonger = this.saved > count
    if (this.from > count) {
      this.from = count
      this.memory = undefined
      this.cached = this.cached?.subarray(0, count * this.entryBytes)
    }
    this.saved = Math.min(this.saved, count)
    this.synced = Math.min(this.synced, count)
    return isFileLonger
  }

  protected int32At(index: number, field: number): number {
    return index >= this.from
      ? readInt32(this.memory!, (index - this.from) * this.entryBytes + field)
      : readInt32(this.cached!, index * this.entryBytes + field)
  }

  protected int64At(index: number, field: number): number {
    return index >= this.from
      ? readInt64(this.memory!, (index - this.from) * this.entryBytes + field)
      : readInt64(this.cached!, index * this.entryBytes + field)
  }

  clear(): void {
    this.count = 0
    this.from = 0
    this.saved = 0
    this.synced = 0
    this.memory = undefined
    this.cached = undefined
  }
}

/** Bounds the index bytes that lookups brought back from file, over all logs of a node. */
export class IndexCache {
  private readonly budgetBytes: number
  private readonly entries = new Map<SparseIndex, number>()
  private totalBytes = 0

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes
  }

  /** The indexes of one segment, which are looked up together: they stay, whatever the budget is, until others come. */
  add(...indexes: readonly SparseIndex[]): void {
    for (const index of indexes) {
      this.remove(index)
      const bytes = index.cachedBytes
      if (bytes === 0) continue
      this.entries.set(index, bytes)
      this.totalBytes += bytes
    }
    for (const [oldest, size] of this.entries) {
      if (this.totalBytes <= this.budgetBytes || indexes.includes(oldest)) return
      this.entries.delete(oldest)
      this.totalBytes -= size
      oldest.dropCached()
    }
  }

  remove(index: SparseIndex): void {
    const bytes = this.entries.get(index)
    if (bytes === undefined) return
    this.entries.delete(index)
    this.totalBytes -= bytes
  }
}
