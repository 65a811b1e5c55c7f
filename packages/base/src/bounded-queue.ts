// A first-in first-out queue that never grows past its bounds: it refuses instead, and the caller stops its source (no
// more reading from the socket). One item larger than `maxBytes` passes an empty queue, else it could never pass.

export interface BoundedQueueOptions<T> {
  maxItems?: number
  maxBytes?: number
  /** Bytes of an item; needed with `maxBytes`. */
  sizeOf?(item: T): number
}

export class BoundedQueue<T> {
  readonly #maxItems: number
  readonly #maxBytes: number
  readonly #sizeOf: (item: T) => number
  // A ring: `#length` items from `#head` on; its length is a power of two.
  #ring: (T | undefined)[] = new Array(8)
  #head = 0
  #length = 0
  #bytes = 0

  constructor(options: BoundedQueueOptions<T>) {
    this.#maxItems = options.maxItems ?? Infinity
    this.#maxBytes = options.maxBytes ?? Infinity
    this.#sizeOf = options.sizeOf ?? (() => 0)
  }

  get length(): number {
    return this.#length
  }

  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#length >= this.#maxItems || this.#bytes >= this.#maxBytes
  }

  /** False, and nothing is kept, when the item does not fit. */
  offer(item: T): boolean {
    const size = this.#sizeOf(item)
    if (this.#length >= this.#maxItems) return false
    if (this.#length > 0 && this.#bytes + size > this.#maxBytes) return false
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item
    this.#length++
    this.#bytes += size
    return true
  }

  /** The oldest item, taken out; undefined when empty. */
  poll(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head] as T
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length--
    this.#bytes -= this.#sizeOf(item)
    return item
  }

  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  clear(): void {
    this.#ring = new Array(8)
    this.#head = 0
    this.#length = 0
    this.#bytes = 0
  }

  #grow(): void {
    const ring = new Array<T | undefined>(this.#ring.length * 2)
    for (let index = 0; index < this.#length; index++) ring[index] = this.#ring[(this.#head + index) & (this.#ring.length - 1)]
    this.#ring = ring
    this.#head = 0
  }
}
