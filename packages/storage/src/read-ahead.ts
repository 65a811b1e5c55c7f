// The next range of a reader that goes through a file from front to back, read while the last one is on its way to the
// client. Bounded over all logs of a node: the oldest range that nobody asked for makes room. A range is dropped with the
// place it was read from, so it never outlives a truncation.
import type { BufferPool } from '@odradek/base'
import type { LogFile } from './file-pool.ts'

export interface AheadRange {
  readonly buffer: Buffer
  readonly length: number
  /** Bytes read; -1 when the read failed: whoever wants them reads again and meets the error. */
  readonly done: Promise<number>
}

export class ReadAhead {
  private readonly buffers: BufferPool
  private readonly limitBytes: number
  private readonly ranges = new Set<AheadRange>()
  private bytes = 0

  constructor(buffers: BufferPool, limitBytes: number) {
    this.buffers = buffers
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.bytes
  }

  start(file: LogFile, position: number, length: number): AheadRange | undefined {
    if (length > this.limitBytes) return undefined
    for (const oldest of this.ranges) {
      if (this.bytes + length <= this.limitBytes) break
      this.drop(oldest)
    }
    const buffer = this.buffers.take(length)
    const done = file.read(position, buffer, 0, length).catch(() => -1)
    const range = { buffer, length, done }
    this.ranges.add(range)
    this.bytes += length
    return range
  }

  /** The range is the caller's now, its buffer too; false when it made room for others. */
  take(range: AheadRange): boolean {
    if (!this.ranges.delete(range)) return false
    this.bytes -= range.length
    return true
  }

  drop(range: AheadRange): void {
    if (this.take(range)) void range.done.then(() => this.buffers.release(range.buffer))
  }
}
