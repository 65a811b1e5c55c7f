// Offsets to file positions, sparse: entry = relative offset int32, position int32; the offset is that of the last record
// of the batch that starts at the position. Positions below 2^31, offsets within 2^31 of the segment's base.

import { assert } from '@odradek/base'
import { readInt32, writeInt32 } from './batch-walk.ts'
import { NOT_LOADED, SparseIndex } from './sparse-index.ts'

export const OFFSET_ENTRY_BYTES = 8

export class OffsetIndex extends SparseIndex {
  readonly baseOffset: number
  lastOffset: number
  lastPosition = 0

  constructor(baseOffset: number) {
    super(OFFSET_ENTRY_BYTES)
    this.baseOffset = baseOffset
    this.lastOffset = baseOffset
  }

  protected override keyAt(bytes: Buffer, position: number): number {
    return readInt32(bytes, position)
  }

  /** Adds an entry; an offset that is not past the last one is left out (it adds nothing to a lookup). */
  append(offset: number, position: number): void {
    if (this.count > 0 && offset <= this.lastOffset) return
    const { bytes, position: at } = this.grow()
    writeInt32(bytes, at, offset - this.baseOffset)
    writeInt32(bytes, at + 4, position)
    this.lastOffset = offset
    this.lastPosition = position
  }

  /** Where to start looking for the batch that holds `offset`: a position in the file, or {@link NOT_LOADED}. */
  lookup(offset: number): number {
    if (offset >= this.lastOffset) return this.lastPosition
    const found = this.floor(offset - this.baseOffset)
    return found < 0 ? (found === NOT_LOADED ? NOT_LOADED : 0) : this.int32At(found, 4)
  }

  /**
   * Takes over the bytes of an index file. False when they cannot be an index of a segment of `logSize` bytes that starts
   * at this base offset: then nothing is taken. Zeros at the end (preallocated, never filled) are cut.
   */
  load(file: Buffer, logSize: number): boolean {
    const bytes = file.subarray(0, usedEntries(file, OFFSET_ENTRY_BYTES) * OFFSET_ENTRY_BYTES)
    if (file.length % OFFSET_ENTRY_BYTES !== 0) return false
    let offset = -1
    let position = -1
    for (let at = 0; at < bytes.length; at += OFFSET_ENTRY_BYTES) {
      const nextOffset = readInt32(bytes, at)
      const nextPosition = readInt32(bytes, at + 4)
      if (nextOffset <= offset || nextOffset < 0 || nextPosition <= position || nextPosition >= logSize) return false
      offset = nextOffset
      position = nextPosition
    }
    this.adopt(bytes)
    this.lastOffset = offset < 0 ? this.baseOffset : this.baseOffset + offset
    this.lastPosition = Math.max(position, 0)
    return true
  }

  /** Drops the entries at or after `offset`. The entries on file must be loaded. True when the file must be cut too. */
  truncateTo(offset: number): boolean {
    const found = this.floor(offset - 1 - this.baseOffset)
    assert(found !== NOT_LOADED, 'an index is truncated before it is loaded')
    const isFileLonger = this.cut(found + 1)
    this.lastOffset = found < 0 ? this.baseOffset : this.baseOffset + this.int32At(found, 0)
    this.lastPosition = found < 0 ? 0 : this.int32At(found, 4)
    return isFileLonger
  }

  override clear(): void {
    super.clear()
    this.lastOffset = this.baseOffset
    this.lastPosition = 0
  }
}

/** Entries before the zeros that preallocation left at the end. */
export function usedEntries(file: Buffer, entryBytes: number): number {
  let count = Math.floor(file.length / entryBytes)
  while (count > 0 && isZero(file, (count - 1) * entryBytes, entryBytes)) count--
  return count
}

function isZero(bytes: Buffer, start: number, length: number): boolean {
  for (let at = start; at < start + length; at++) if (bytes[at] !== 0) return false
  return true
}
