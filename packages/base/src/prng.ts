// Seeded randomness for simulations and tests; never for secrets. A stream is named: `fork(name)` depends on the seed and
// the names only, not on what was drawn before, so that a fault left out does not shift the numbers of the others.

export interface Prng {
  readonly seed: string
  /** A whole number in [0, 2^32). */
  uint32(): number
  /** In [0, 1), 53 bits. */
  float(): number
  /** A whole number in [0, bound), bound ≤ 2^53. */
  below(bound: number): number
  /** A whole number in [low, high], both included. */
  between(low: number, high: number): number
  /** True with `probability`. Always draws, so that changing a probability shifts nothing. */
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** Shuffles in place and returns the array. */
  shuffle<T>(items: T[]): T[]
  bytes(size: number): Buffer
  /** An independent stream. */
  fork(name: string): Prng
}

export function createPrng(seed: string | number): Prng {
  return new Sfc32(String(seed))
}

/** Chris Doty-Humphrey's sfc32: 128 bits of state, 32-bit operations only, passes PractRand. */
class Sfc32 implements Prng {
  readonly seed: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string) {
    this.seed = seed
    this.#a = hash(seed, 0x9e3779b9)
    this.#b = hash(seed, 0x243f6a88)
    this.#c = hash(seed, 0xb7e15162)
    for (let round = 0; round < 12; round++) this.uint32()
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  float(): number {
    return ((this.uint32() >>> 5) * 67_108_864 + (this.uint32() >>> 6)) / 9_007_199_254_740_992
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[this.below(items.length)]
  }

  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1)
      const item = items[last]
      items[last] = items[other]
      items[other] = item
    }
    return items
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size)
    let at = 0
    for (; at + 4 <= size; at += 4) bytes.writeUInt32LE(this.uint32(), at)
    if (at < size) bytes.writeUIntLE(this.uint32() >>> (8 * (4 - size + at)), at, size - at)
    return bytes
  }

  fork(name: string): Prng {
    return new Sfc32(`${this.seed}/${name}`)
  }
}

/** 32 bits out of a text: FNV-1a over its UTF-16 units, with the finalizer of MurmurHash3. */
function hash(text: string, basis: number): number {
  let value = basis
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}
