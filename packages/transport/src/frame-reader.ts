// Cuts a byte stream into Kafka frames (int32 size, then that many bytes). Memory grows with the bytes received, never
// with the size a peer announces. A chunk is only lent: each frame gets bytes of its own, a large one from a pool, and the
// rest of a frame that has begun is best read right into them (`target`), so that it is copied by the kernel only.
import { type BufferPool, DecodeError } from '@odradek/base'

const SIZE_BYTES = 4
/** Frames from here on lie alone in a buffer of the pool and can be given back to it. */
const POOLED_BYTES_MIN = 8 * 1024
/** A frame gets room for at most this many times the bytes of it that are here. */
const ROOM_FACTOR = 32
/** The least that is worth a read of its own. */
const TARGET_BYTES_MIN = 16 * 1024

export class FrameReader {
  /** Whole frames beyond this are refused (socket.request.max.bytes). */
  readonly #frameBytesMax: () => number
  readonly #pool: BufferPool | undefined
  /** Whole frames, from `#readyHead`. */
  #ready: Buffer[] = []
  #readyHead = 0
  #bufferedBytes = 0
  readonly #size = Buffer.alloc(SIZE_BYTES)
  #sizeFilled = 0
  /** Of the frame that has begun, once its size is here. */
  #frameBytes = -1
  #frame: Buffer | undefined
  #filled = 0
  #error: DecodeError | undefined

  constructor(frameBytesMax: () => number, pool?: BufferPool) {
    this.#frameBytesMax = frameBytesMax
    this.#pool = pool
  }

  /** Bytes received and not yet given out as frames. */
  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  /** True between the first byte of a frame and its last. */
  get isMidFrame(): boolean {
    return this.#bufferedBytes > 0 || this.#frameBytes >= 0
  }

  /** Where the next bytes go without a copy; undefined while no large frame has begun. */
  target(): Buffer | undefined {
    const frame = this.#frame
    if (frame === undefined) return undefined
    const end = Math.min(frame.length, this.#frameBytes)
    return end - this.#filled < TARGET_BYTES_MIN ? undefined : frame.subarray(this.#filled, end)
  }

  /** Takes all of `chunk`, which is the caller's again afterwards. */
  push(chunk: Buffer): void {
    this.#bufferedBytes += chunk.length
    let position = 0
    while (position < chunk.length && this.#error === undefined) {
      if (this.#frameBytes < 0) position += this.#pushSize(chunk, position)
      else position += this.#pushBytes(chunk, position)
    }
  }

  /** The next whole frame without its size; undefined when bytes are missing. Throws DecodeError on a size out of range. */
  next(): Buffer | undefined {
    if (this.#readyHead === this.#ready.length) {
      if (this.#error !== undefined) throw this.#error
      return undefined
    }
    const frame = this.#ready[this.#readyHead++]
    if (this.#readyHead === this.#ready.length) {
      this.#ready = []
      this.#readyHead = 0
    }
    this.#bufferedBytes -= SIZE_BYTES + frame.length
    return frame
  }

  /** Nothing refers to this frame any more: its bytes may hold another one. */
  recycle(frame: Buffer): void {
    if (frame.length >= POOLED_BYTES_MIN) this.#pool?.release(frame)
  }

  clear(): void {
    this.#ready = []
    this.#readyHead = 0
    this.#bufferedBytes = 0
    this.#sizeFilled = 0
    this.#frameBytes = -1
    this.#frame = undefined
    this.#filled = 0
    this.#error = undefined
  }

  #pushSize(chunk: Buffer, position: number): number {
    const taken = Math.min(SIZE_BYTES - this.#sizeFilled, chunk.length - position)
    chunk.copy(this.#size, this.#sizeFilled, position, position + taken)
    this.#sizeFilled += taken
    if (this.#sizeFilled < SIZE_BYTES) return taken
    this.#sizeFilled = 0
    const size = this.#size.readInt32BE(0)
    const max = this.#frameBytesMax()
    if (size <= 0) this.#error = new DecodeError(`invalid receive (size = ${size})`)
    else if (size > max) this.#error = new DecodeError(`invalid receive (size = ${size} larger than ${max})`)
    else this.#frameBytes = size
    return taken
  }

  #pushBytes(chunk: Buffer, position: number): number {
    const taken = Math.min(this.#frameBytes - this.#filled, chunk.length - position)
    const frame = this.#roomFor(this.#filled + taken)
    const isInPlace = chunk.buffer === frame.buffer && chunk.byteOffset + position === frame.byteOffset + this.#filled
    if (!isInPlace) chunk.copy(frame, this.#filled, position, position + taken)
    this.#filled += taken
    if (this.#filled === this.#frameBytes) {
      this.#ready.push(frame.length === this.#frameBytes ? frame : frame.subarray(0, this.#frameBytes))
      this.#frame = undefined
      this.#frameBytes = -1
      this.#filled = 0
    }
    return taken
  }

  /** The buffer of the frame that has begun, with room for `bytes`. */
  #roomFor(bytes: number): Buffer {
    const frame = this.#frame
    if (frame !== undefined && frame.length >= bytes) return frame
    const grown = this.#allocate(bytes)
    if (frame !== undefined) {
      frame.copy(grown, 0, 0, this.#filled)
      this.recycle(frame)
    }
    this.#frame = grown
    return grown
  }

  #allocate(bytesHere: number): Buffer {
    if (this.#frameBytes < POOLED_BYTES_MIN) return Buffer.allocUnsafe(this.#frameBytes)
    const room = Math.min(this.#frameBytes, bytesHere * ROOM_FACTOR)
    return this.#pool?.take(room) ?? Buffer.allocUnsafeSlow(room)
  }
}
