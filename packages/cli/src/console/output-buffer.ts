// What a console consumer prints, gathered so that standard output is written in pieces of some size and not record by record.
import type { ToolIo } from '../tool.ts'

const PIECE_BYTES = 64 * 1024

export class OutputBuffer {
  readonly #io: ToolIo
  #bytes = Buffer.allocUnsafe(PIECE_BYTES)
  #length = 0

  constructor(io: ToolIo) {
    this.#io = io
  }

  get isFull(): boolean {
    return this.#length >= PIECE_BYTES / 2
  }

  text(text: string): void {
    this.#reserve(text.length * 3)
    this.#length += this.#bytes.write(text, this.#length)
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Writes what there is; resolves when standard output takes more. False: nobody reads it any more. */
  async flush(): Promise<boolean> {
    if (this.#length > 0) {
      this.#io.out(this.#bytes.subarray(0, this.#length))
      // The stream may still hold the bytes.
      this.#bytes = Buffer.allocUnsafe(PIECE_BYTES)
      this.#length = 0
    }
    return await this.#io.drained()
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + size))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
