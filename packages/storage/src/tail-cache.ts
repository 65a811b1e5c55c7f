// The last appended bytes of every log, by reference, within one byte budget for the node: what was appended is written to
// disk and sent to readers from the same buffers. Oldest goes first, over all logs. A LogTail is always the unbroken end of
// its log: [firstOffset, log end).
//
// Small batches are copied into shared slabs: a view of a few hundred bytes must not keep a network chunk of 64 KiB alive,
// and neighbours of one log then leave as one buffer instead of many.

import { batchNextOffset, batchSize } from './batch-walk.ts'

const SLAB_BYTES = 256 * 1024
/** Batches up to this size are copied. */
const COPY_BYTES_MAX = 4096
/** Neighbours in a slab become one entry up to this size, so that finding a batch inside stays short. */
const MERGED_BYTES_MAX = 8192

const NO_BYTES = Buffer.alloc(0)

interface Entry {
  tail: LogTail | undefined
  firstOffset: number
  nextOffset: number
  buffer: Buffer
}

export class TailCache {
  budgetBytes: number
  private usedBytes = 0
  /** All entries, oldest first, from `head`. Dropped ones have no tail any more. */
  private queue: Entry[] = []
  private head = 0
  private slab: Buffer | undefined
  private slabUsed = 0

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes
  }

  get sizeInBytes(): number {
    return this.usedBytes
  }

  /** The buffer to keep: `records` itself, or a copy when it is small. */
  adopt(records: Buffer): Buffer {
    const { length } = records
    if (length > COPY_BYTES_MAX) return records
    if (this.slab === undefined || this.slabUsed + length > SLAB_BYTES) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.slabUsed = 0
    }
    const start = this.slabUsed
    records.copy(this.slab, start)
    this.slabUsed += length
    return this.slab.subarray(start, start + length)
  }

  /** @internal for LogTail */
  added(entry: Entry, bytes: number, isNew: boolean): void {
    if (isNew) this.queue.push(entry)
    this.usedBytes += bytes
    while (this.usedBytes > this.budgetBytes && this.head < this.queue.length) {
      const oldest = this.queue[this.head++]
      if (oldest.tail === undefined) continue
      this.usedBytes -= oldest.buffer.length
      oldest.tail.evictOldest(oldest)
      oldest.tail = undefined
      oldest.buffer = NO_BYTES // the queues let go of their heads only now and then
    }
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head)
      this.head = 0
    }
  }

  /** @internal for LogTail */
  removed(entry: Entry): void {
    this.usedBytes -= entry.buffer.length
    entry.tail = undefined
  }
}

export interface TailRange {
  buffers: Buffer[]
  sizeInBytes: number
  nextOffset: number
}

export class LogTail {
  private readonly cache: TailCache
  private entries: Entry[] = []
  private head = 0

  constructor(cache: TailCache) {
    this.cache = cache
  }

  /** The first offset that is here, or infinity when nothing is. */
  get firstOffset(): number {
    return this.head < this.entries.length ? this.entries[this.head].firstOffset : Number.POSITIVE_INFINITY
  }

  push(buffer: Buffer, firstOffset: number, nextOffset: number): void {
    const { entries } = this
    const last = this.head < entries.length ? entries[entries.length - 1] : undefined
    if (last !== undefined && last.buffer.length + buffer.length <= MERGED_BYTES_MAX && areNeighbours(last.buffer, buffer)) {
      last.buffer = joined(last.buffer, buffer)
      last.nextOffset = nextOffset
      this.cache.added(last, buffer.length, false)
      return
    }
    const entry: Entry = { tail: this, firstOffset, nextOffset, buffer }
    entries.push(entry)
    this.cache.added(entry, buffer.length, true)
  }

  /** @internal for TailCache: `entry` is the oldest one. */
  evictOldest(entry: Entry): void {
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
    for (let i = this.head; i < this.entries.length; i++) this.cache.removed(this.entries[i])
    this.entries = []
    this.head = 0
  }

  /** Whole batches from the one that holds `offset` on, below `endOffset`. `offset` must be at or after {@link firstOffset}. */
  collect(offset: number, maxBytes: number, endOffset: number, minOneBatch: boolean): TailRange {
    const buffers: Buffer[] = []
    let sizeInBytes = 0
    let nextOffset = offset
    for (let i = this.find(offset); i < this.entries.length; i++) {
      const { buffer, nextOffset: entryEnd } = this.entries[i]
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
      addBuffer(buffers, start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
      if (next !== entryEnd) break
    }
    return { buffers, sizeInBytes, nextOffset }
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
