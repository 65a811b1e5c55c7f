// Cuts a byte stream into Kafka frames (int32 size, then that many bytes). Memory grows with the bytes received, never
// with the size a peer announces. A frame that lies inside one chunk is a view of it; one that spans chunks is copied once.
import { DecodeError } from '@odradek/base'

const SIZE_BYTES = 4
const NOTHING = Buffer.alloc(0)

export class FrameReader {
  /** Whole frames beyond this are refused (socket.request.max.bytes). */
  readonly #frameBytesMax: () => number
  #chunks: Buffer[] = []
  /** Position in the first chunk. */
  #head = 0
  #bufferedBytes = 0
  /** Size of the frame at the head, once its four bytes are here. */
  #frameBytes = -1

  constructor(frameBytesMax: () => number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** Bytes received and not yet given out as frames. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** True between the first byte of a frame and its last. */
  get isMidFrame(): boolean {
    return this.#bufferedBytes > 0 || this.#frameBytes >= 0
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
  }

  /** The next whole frame without its size; undefined when bytes are missing. Throws DecodeError on a size out of range. */
  next(): Buffer | undefined {
    if (this.#frameBytes < 0) {
      if (this.#bufferedBytes < SIZE_BYTES) return undefined
      this.#frameBytes = this.#checkSize(this.#take(SIZE_BYTES).readInt32BE(0))
    }
    if (this.#bufferedBytes < this.#frameBytes) return undefined
    const frame = this.#take(this.#frameBytes)
    this.#frameBytes = -1
    return frame
  }

  clear(): void {
    this.#chunks = []
    this.#head = 0
    this.#bufferedBytes = 0
    this.#frameBytes = -1
  }

  #checkSize(size: number): number {
    if (size <= 0) throw new DecodeError(`invalid receive (size = ${size})`)
    const max = this.#frameBytesMax()
    if (size > max) throw new DecodeError(`invalid receive (size = ${size} larger than ${max})`)
    return size
  }

  /** `length` bytes from the head; they are here. */
  #take(length: number): Buffer {
    if (length === 0) return NOTHING
    this.#bufferedBytes -= length
    const first = this.#chunks[0]
    const available = first.length - this.#head
    if (available >= length) {
      const view = first.subarray(this.#head, this.#head + length)
      if (available === length) {
        this.#chunks.shift()
        this.#head = 0
      } else {
        this.#head += length
      }
      return view
    }
    return this.#gather(length)
  }

  #gather(length: number): Buffer {
    const target = Buffer.allocUnsafe(length)
    let filled = 0
    let used = 0
    while (filled < length) {
      const chunk = this.#chunks[used]
      const size = Math.min(chunk.length - this.#head, length - filled)
      chunk.copy(target, filled, this.#head, this.#head + size)
      filled += size
      if (this.#head + size === chunk.length) {
        used++
        this.#head = 0
      } else {
        this.#head += size
      }
    }
    this.#chunks.splice(0, used)
    return target
  }
}
