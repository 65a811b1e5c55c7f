// The content of a file in memory: blocks made on the first write into them, so that the holes of a preallocated index
// cost nothing. A block starts small and doubles up to BLOCK_BYTES, so that a thousand tiny files stay tiny.

const BLOCK_BYTES = 64 * 1024
const FIRST_BYTES = 256

/** Told of every change in memory taken, in bytes; may throw to refuse (a positive change only). */
export type Account = (change: number) => void

export class PagedBytes {
  #size = 0
  #allocated = 0
  readonly #blocks: (Buffer | undefined)[] = []
  readonly #account: Account

  constructor(account: Account = () => {}) {
    this.#account = account
  }

  get size(): number {
    return this.#size
  }

  get allocatedBytes(): number {
    return this.#allocated
  }

  /** Copies up to `length` bytes at `position` into `target`; fewer only at the end. */
  read(position: number, target: Buffer, offset: number, length: number): number {
    const end = Math.min(position + length, this.#size)
    let at = position
    while (at < end) {
      const within = at % BLOCK_BYTES
      const step = Math.min(BLOCK_BYTES - within, end - at)
      const block = this.#blocks[Math.floor(at / BLOCK_BYTES)]
      const start = offset + at - position
      const copied =
        block === undefined ? 0 : block.copy(target, start, Math.min(within, block.length), Math.min(within + step, block.length))
      target.fill(0, start + copied, start + step)
      at += step
    }
    return Math.max(0, end - position)
  }

  write(position: number, data: Buffer): void {
    let done = 0
    while (done < data.length) {
      const at = position + done
      const within = at % BLOCK_BYTES
      const step = Math.min(BLOCK_BYTES - within, data.length - done)
      data.copy(this.#block(Math.floor(at / BLOCK_BYTES), within + step), within, done, done + step)
      done += step
      this.#size = Math.max(this.#size, at + step)
    }
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const lastBlock = Math.floor(size / BLOCK_BYTES)
      for (let index = this.#blocks.length - 1; index > lastBlock; index--) this.#free(index)
      this.#blocks.length = Math.min(this.#blocks.length, lastBlock + 1)
      const within = size % BLOCK_BYTES
      if (within === 0) this.#free(lastBlock)
      else this.#blocks[lastBlock]?.fill(0, within)
    }
    this.#size = size
  }

  copy(): PagedBytes {
    const copy = new PagedBytes(this.#account)
    copy.#size = this.#size
    for (const [index, block] of this.#blocks.entries()) {
      if (block === undefined) continue
      this.#account(block.length)
      copy.#allocated += block.length
      copy.#blocks[index] = Buffer.from(block)
    }
    return copy
  }

  /** All bytes of the file. */
  toBuffer(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#size)
    this.read(0, bytes, 0, this.#size)
    return bytes
  }

  #block(index: number, bytesNeeded: number): Buffer {
    const block = this.#blocks[index]
    if (block !== undefined && block.length >= bytesNeeded) return block
    let length = Math.max(FIRST_BYTES, block?.length ?? 0)
    while (length < bytesNeeded) length *= 2
    const grown = length - (block?.length ?? 0)
    this.#account(grown)
    this.#allocated += grown
    const larger = Buffer.alloc(length)
    block?.copy(larger)
    while (this.#blocks.length < index) this.#blocks.push(undefined)
    this.#blocks[index] = larger
    return larger
  }

  #free(index: number): void {
    const block = this.#blocks[index]
    if (block === undefined) return
    this.#account(-block.length)
    this.#allocated -= block.length
    this.#blocks[index] = undefined
  }
}
