// Reused buffers: a fresh MiB costs more in page faults than its copy, and garbage outside of V8's heap makes it collect. A
// buffer comes back only by `release`, called once by whoever got it, when nothing (no socket either) refers to it any more;
// one that is never released is simply garbage. Sizes are powers of two; `keepBytes` bounds what lies here unused.

const SMALLEST = 16 * 1024
const LARGEST = 4 * 1024 * 1024

export class BufferPool {
  private readonly keepBytes: number
  private readonly free = new Map<number, Buffer[]>()
  private freeBytes = 0

  constructor(keepBytes: number) {
    this.keepBytes = keepBytes
  }

  /** A buffer of at least `size` bytes with unknown content, alone in its ArrayBuffer. */
  take(size: number): Buffer {
    if (size > LARGEST) return Buffer.allocUnsafeSlow(size)
    let length = SMALLEST
    while (length < size) length *= 2
    const buffer = this.free.get(length)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(length)
    this.freeBytes -= length
    return buffer
  }

  /** Takes back what `take` gave, or any view of it. */
  release(view: Buffer): void {
    const { byteLength: length } = view.buffer
    if (length > LARGEST || this.freeBytes + length > this.keepBytes) return
    const buffer = view.length === length ? view : Buffer.from(view.buffer as ArrayBuffer)
    let list = this.free.get(length)
    if (list === undefined) {
      list = []
      this.free.set(length, list)
    }
    list.push(buffer)
    this.freeBytes += length
  }
}
