// The last appended bytes of every log within one byte budget for the node: what was appended is written to disk and sent to
// readers from the same buffers. Appended batches are copied into slabs, one behind the other, all logs mixed; the oldest slab
// goes first, so that a LogTail is always the unbroken end of its log: [firstOffset, log end).
//
// The copy costs a tenth of what fresh memory does: the network may reuse its buffers, and slabs are reused here. A slab is
// filled anew once nothing in it is in the tail of a log, all of it is written, and no reader has borrowed from it. One whose
// borrower never gives it back is simply garbage.

import { batchNextOffset, batchSize } from './batch-walk.ts'

const SLAB_BYTES = 2 * 1024 * 1024
/** Neighbours in a slab become one entry up to this size, so that finding a batch inside stays short. */
const MERGED_BYTES_MAX = 8192

interface Slab {
  readonly buffer: Buffer
  used: number
  entries: Entry[]
  /** Readers that were lent a view. */
  borrowers: number
  isEvicted: boolean
  /** Something in it was not written when its log let go of it: a write may be under way for good. */
  isUnsure: boolean
}

interface Entry {
  readonly slab: Slab
  tail: LogTail | undefined
  firstOffset: number
  nextOffset: number
  buffer: Buffer
}

export class TailCache {
  budgetBytes: number
  private usedBytes = 0
  /** Oldest first; the last one is being filled. */
  private readonly slabs: Slab[] = []
  private readonly free: Buffer[] = []

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes
  }

  /** Of all slabs, full or not. */
  get sizeInBytes(): number {
    return this.usedBytes
  }

  /** @internal for LogTail: a copy of `records`, and where it lies. */
  adopt(records: Buffer): { slab: Slab; buffer: Buffer } {
    const slab = this.slabFor(records.length)
    const start = slab.used
    records.copy(slab.buffer, start)
    slab.used += records.length
    return { slab, buffer: slab.buffer.subarray(start, slab.used) }
  }

  /** @internal for LogTail */
  giveBack(slabs: readonly Slab[]): void {
    for (const slab of slabs) {
      slab.borrowers--
      this.reuse(slab)
    }
  }

  private slabFor(bytes: number): Slab {
    const last = this.slabs.length === 0 ? undefined : this.slabs[this.slabs.length - 1]
    if (last !== undefined && last.used + bytes <= last.buffer.length) return last
    const length = Math.max(bytes, SLAB_BYTES)
    while (this.slabs.length > 0 && this.usedBytes + length > this.budgetBytes) this.evict(this.slabs.shift() as Slab)
    const buffer = (length === SLAB_BYTES ? this.free.pop() : undefined) ?? Buffer.allocUnsafeSlow(length)
    const slab: Slab = { buffer, used: 0, entries: [], borrowers: 0, isEvicted: false, isUnsure: false }
    this.slabs.push(slab)
    this.usedBytes += length
    return slab
  }

  private evict(slab: Slab): void {
    this.usedBytes -= slab.buffer.length
    for (const entry of slab.entries) entry.tail?.evictOldest(entry)
    slab.entries = []
    slab.isEvicted = true
    this.reuse(slab)
  }

  private reuse(slab: Slab): void {
    if (!slab.isEvicted || slab.isUnsure || slab.borrowers > 0 || slab.buffer.length !== SLAB_BYTES) return
    slab.isEvicted = false // once
    if (this.free.length < FREE_SLABS_MAX) this.free.push(slab.buffer)
  }
}

const NO_BYTES = Buffer.alloc(0)
/** Slabs come back one at a time, but for those that slow readers return. */
const FREE_SLABS_MAX = 4

export interface TailRange {
  /** Views of slabs, borrowed until `release` is called (once, or never). */
  buffers: Buffer[]
  release: () => void
  sizeInBytes: number
  nextOffset: number
}

export class LogTail {
  private readonly cache: TailCache
  private readonly isWritten: (offset: number) => boolean
  private entries: Entry[] = []
  private head = 0

  /** `isWritten` tells whether the file has everything below an offset. */
  constructor(cache: TailCache, isWritten: (offset: number) => boolean) {
    this.cache = cache
    this.isWritten = isWritten
  }

  /** The first offset that is here, or infinity when nothing is. */
  get firstOffset(): number {
    return this.head < this.entries.length ? this.entries[this.head].firstOffset : Number.POSITIVE_INFINITY
  }

  /** Copies `records` and returns the copy, which is what goes to the file. */
  push(records: Buffer, firstOffset: number, nextOffset: number): Buffer {
    const { slab, buffer } = this.cache.adopt(records)
    const { entries } = this // after adopt, which may evict and move them
    const last = this.head < entries.length ? entries[entries.length - 1] : undefined
    if (last !== undefined && last.buffer.length + buffer.length <= MERGED_BYTES_MAX && areNeighbours(last.buffer, buffer)) {
      last.buffer = joined(last.buffer, buffer)
      last.nextOffset = nextOffset
      return buffer
    }
    const entry: Entry = { slab, tail: this, firstOffset, nextOffset, buffer }
    entries.push(entry)
    slab.entries.push(entry)
    return buffer
  }

  /** @internal for TailCache: `entry` is the oldest one. */
  evictOldest(entry: Entry): void {
    this.letGo(entry)
    if (this.entries[this.head] !== entry) return
    this.head++
    if (this.head > 64 && this.head * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.head)
      this.head = 0
    }
    if (this.head === this.entries.length) {
      this.entries = []
      this.head = 0
    }
  }

  /** Forgets everything: the log was cut, or is gone. */
  clear(): void {
    for (let i = this.head; i < this.entries.length; i++) this.letGo(this.entries[i])
    this.entries = []
    this.head = 0
  }

  /** Forgets what starts below `offset`: the files have something else there now. */
  forgetBelow(offset: number): void {
    while (this.firstOffset < offset) this.evictOldest(this.entries[this.head])
  }

  private letGo(entry: Entry): void {
    if (!this.isWritten(entry.nextOffset)) entry.slab.isUnsure = true
    entry.tail = undefined
    entry.buffer = NO_BYTES // the list lets go of its head only now and then
  }

  /** Whole batches from the one that holds `offset` on, below `endOffset`. `offset` must be at or after {@link firstOffset}. */
  collect(offset: number, maxBytes: number, endOffset: number, minOneBatch: boolean): TailRange {
    const buffers: Buffer[] = []
    const slabs: Slab[] = []
    let sizeInBytes = 0
    let nextOffset = offset
    for (let i = this.find(offset); i < this.entries.length; i++) {
      const { slab, buffer, nextOffset: entryEnd } = this.entries[i]
      const start = i > this.head && buffers.length > 0 ? 0 : batchStart(buffer, nextOffset)
      let end = buffer.length
      let next = entryEnd
      if (entryEnd > endOffset || sizeInBytes + end - start > maxBytes) {
        const limit = maxBytes - sizeInBytes
        ;({ end, next } = cut(buffer, start, limit, endOffset, minOneBatch && sizeInBytes === 0))
      }
      if (end === start) break
      sizeInBytes += end - start
      nextOffset = next
      if (slabs.at(-1) !== slab) {
        slab.borrowers++
        slabs.push(slab)
      }
      addBuffer(buffers, start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
      if (next !== entryEnd) break
    }
    return { buffers, sizeInBytes, nextOffset, release: () => this.cache.giveBack(slabs.splice(0)) }
  }

  private find(offset: number): number {
    let low = this.head
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.entries[middle].firstOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(low - 1, this.head)
  }
}

/** Where the batch that holds `offset` starts. */
function batchStart(buffer: Buffer, offset: number): number {
  let position = 0
  while (position < buffer.length && batchNextOffset(buffer, position) <= offset) position += batchSize(buffer, position)
  return position
}

/** The end of the whole batches from `start` on that fit in `limit` bytes and lie below `endOffset`. */
export function cut(buffer: Buffer, start: number, limit: number, endOffset: number, minOneBatch: boolean): { end: number; next: number } {
  let end = start
  let next = -1
  while (end < buffer.length) {
    const size = batchSize(buffer, end)
    const batchEnd = batchNextOffset(buffer, end)
    if (batchEnd > endOffset || (end + size - start > limit && !(minOneBatch && end === start))) break
    end += size
    next = batchEnd
  }
  return { end, next }
}

export function areNeighbours(first: Buffer, second: Buffer): boolean {
  return first.buffer === second.buffer && first.byteOffset + first.length === second.byteOffset
}

export function joined(first: Buffer, second: Buffer): Buffer {
  return Buffer.from(first.buffer, first.byteOffset, first.length + second.length)
}

/** Adds `buffer`, as one with the last when they are neighbours in memory. */
export function addBuffer(buffers: Buffer[], buffer: Buffer): void {
  const last = buffers.length - 1
  if (last >= 0 && areNeighbours(buffers[last], buffer)) buffers[last] = joined(buffers[last], buffer)
  else buffers.push(buffer)
}
