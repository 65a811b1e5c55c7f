// An immutable list by dense index with structural sharing: chunks of 64, so that changing one of 10,000 partitions
// copies 64 + 157 references instead of 10,000.

const CHUNK = 64

export class PersistentList<V> implements Iterable<V> {
  readonly size: number
  readonly #chunks: readonly (readonly V[])[]

  private constructor(chunks: readonly (readonly V[])[], size: number) {
    this.#chunks = chunks
    this.size = size
  }

  static empty<V>(): PersistentList<V> {
    return new PersistentList<V>([], 0)
  }

  /** The element, or undefined outside the list (so also for a hostile index). */
  get(index: number): V | undefined {
    return index >= 0 && index < this.size ? this.#chunks[Math.floor(index / CHUNK)][index % CHUNK] : undefined
  }

  /** The list with `value` at `index`, which is in the list or just past its end. */
  with(index: number, value: V): PersistentList<V> {
    if (index < 0 || index > this.size) throw new RangeError(`index ${index} is outside of a list of ${this.size}`)
    const chunkIndex = Math.floor(index / CHUNK)
    if (index < this.size)
      return new PersistentList(this.#chunks.with(chunkIndex, this.#chunks[chunkIndex].with(index % CHUNK, value)), this.size)
    const chunks =
      chunkIndex < this.#chunks.length ? this.#chunks.with(chunkIndex, [...this.#chunks[chunkIndex], value]) : [...this.#chunks, [value]]
    return new PersistentList(chunks, this.size + 1)
  }

  *[Symbol.iterator](): Generator<V> {
    for (const chunk of this.#chunks) yield* chunk
  }

  *entries(): Generator<[number, V]> {
    let index = 0
    for (const chunk of this.#chunks) for (const value of chunk) yield [index++, value]
  }
}
