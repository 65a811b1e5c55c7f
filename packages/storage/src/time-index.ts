// Timestamps to offsets, sparse: entry = timestamp int64, relative offset int32, meaning that no record up to that offset
// has a greater timestamp. Timestamps strictly increase, so that an entry is written only when the greatest one grew.

import { readInt32, readInt64, writeInt32, writeInt64 } from './batch-walk.ts'
import { usedEntries } from './offset-index.ts'
import { NOT_LOADED, SparseIndex } from './sparse-index.ts'

export const TIME_ENTRY_BYTES = 12

export class TimeIndex extends SparseIndex {
  readonly baseOffset: number
  lastTimestamp = -1
  lastOffset: number

  constructor(baseOffset: number) {
    super(TIME_ENTRY_BYTES)
    this.baseOffset = baseOffset
    this.lastOffset = baseOffset
  }

  protected override keyAt(bytes: Buffer, position: number): number {
    return readInt64(bytes, position)
  }

  maybeAppend(timestamp: number, offset: number): void {
    if (timestamp <= this.lastTimestamp || offset < this.baseOffset) return
    const { bytes, position } = this.grow()
    writeInt64(bytes, position, timestamp)
    writeInt32(bytes, position + 8, offset - this.baseOffset)
    this.lastTimestamp = timestamp
    this.lastOffset = offset
  }

  /** The offset up to which no record reaches past `timestamp`: where a search by time starts; or {@link NOT_LOADED}. */
  lookup(timestamp: number): number {
    if (this.count > 0 && timestamp >= this.lastTimestamp) return this.lastOffset
    const found = this.floor(timestamp)
    if (found < 0) return found === NOT_LOADED ? NOT_LOADED : this.baseOffset
    return this.baseOffset + this.int32At(found, 8)
  }

  /** As {@link OffsetIndex.load}: false when the bytes cannot be a time index. */
  load(file: Buffer): boolean {
    if (file.length % TIME_ENTRY_BYTES !== 0) return false
    const bytes = file.subarray(0, usedEntries(file, TIME_ENTRY_BYTES) * TIME_ENTRY_BYTES)
    let timestamp = -1
    let offset = -1
    for (let at = 0; at < bytes.length; at += TIME_ENTRY_BYTES) {
      const nextTimestamp = readInt64(bytes, at)
      const nextOffset = readInt32(bytes, at + 8)
      if (nextTimestamp <= timestamp || nextOffset < offset || nextOffset < 0) return false
      timestamp = nextTimestamp
      offset = nextOffset
    }
    this.adopt(bytes)
    this.lastTimestamp = timestamp
    this.lastOffset = this.baseOffset + Math.max(offset, 0)
    return true
  }

  /** Drops the entries for offsets at or after `offset`. All entries must be in memory or cached. True when the file must be cut too. */
  truncateTo(offset: number): boolean {
    let count = this.count
    while (count > 0 && this.baseOffset + this.int32At(count - 1, 8) >= offset) count--
    const isFileLonger = this.cut(count)
    this.lastTimestamp = count === 0 ? -1 : this.int64At(count - 1, 0)
    this.lastOffset = count === 0 ? this.baseOffset : this.baseOffset + this.int32At(count - 1, 8)
    return isFileLonger
  }

  override clear(): void {
    super.clear()
    this.lastTimestamp = -1
    this.lastOffset = this.baseOffset
  }
}
