// Which partition a record without one goes to, as the Java client decides (KIP-480, KIP-794).
//
// With a key: murmur2 of its bytes modulo the partitions. Without: one partition for about batch.size bytes, then another, drawn at
// random; with adaptive partitioning a partition whose queue is long is drawn less often, and one whose broker takes nothing for
// partitioner.availability.timeout.ms not at all. Plain state; chance comes in.
import { murmur2, toPositive } from '@odradek/base'
import type { Bytes } from './producer-batch.ts'

export interface Draw {
  /** A whole number in [0, bound). */
  below(bound: number): number
}

export function partitionOfKey(key: Exclude<Bytes, null>, partitionCount: number): number {
  const hash = typeof key === 'string' ? (murmur2OfAscii(key) ?? murmur2(Buffer.from(key))) : murmur2(key)
  return toPositive(hash) % partitionCount
}

/** As murmur2 of the UTF-8 bytes, without making them; undefined when the text is not ASCII. */
function murmur2OfAscii(text: string): number | undefined {
  const { length } = text
  const m = 0x5bd1e995
  const tail = length & ~3
  let hash = 0x9747b28c ^ length
  let seen = 0
  for (let i = 0; i < tail; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    seen |= a | b | c | d
    let k = Math.imul(a | (b << 8) | (c << 16) | (d << 24), m)
    k ^= k >>> 24
    hash = Math.imul(hash, m) ^ Math.imul(k, m)
  }
  for (let i = length - 1; i >= tail; i--) {
    const code = text.charCodeAt(i)
    seen |= code
    hash ^= code << (8 * (i - tail))
  }
  if (seen > 0x7f) return undefined
  if (tail < length) hash = Math.imul(hash, m)
  hash = Math.imul(hash ^ (hash >>> 13), m)
  return hash ^ (hash >>> 15)
}

/** How long the queues of the partitions are, those left out that cannot be sent to. */
export interface PartitionLoad {
  readonly partitions: readonly number[]
  readonly queueSizes: readonly number[]
}

export class StickyPartitioner {
  readonly #stickyBytes: number
  readonly #draw: Draw
  readonly #load: (() => PartitionLoad) | undefined
  #partition: number | undefined
  #bytes = 0

  /** `stickyBytes`: batch.size. `load`: asked when a new partition is drawn; undefined without adaptive partitioning. */
  constructor(stickyBytes: number, draw: Draw, load?: () => PartitionLoad) {
    this.#stickyBytes = Math.max(1, stickyBytes)
    this.#draw = draw
    this.#load = load
  }

  /** `available`: partitions with a leader; without any, all of them count. */
  current(available: readonly number[], partitionCount: number): number {
    if (this.#partition === undefined || this.#partition >= partitionCount) this.#partition = this.#next(available, partitionCount)
    return this.#partition
  }

  /** `isBatchFull`: a batch is complete, so that leaving now leaves no small one behind. */
  appended(bytes: number, isBatchFull: boolean): void {
    this.#bytes += bytes
    if (this.#bytes < this.#stickyBytes || (!isBatchFull && this.#bytes < 2 * this.#stickyBytes)) return
    this.#bytes = 0
    this.#partition = undefined
  }

  #next(available: readonly number[], partitionCount: number): number {
    const load = this.#load?.()
    if (load !== undefined && load.partitions.length > 0) return this.#drawByLoad(load)
    return available.length > 0 ? available[this.#draw.below(available.length)] : this.#draw.below(partitionCount)
  }

  /** A queue is drawn the more often the shorter it is than the longest; equally long ones are equally likely. */
  #drawByLoad({ partitions, queueSizes }: PartitionLoad): number {
    const longest = queueSizes.reduce((most, size) => Math.max(most, size), 0)
    let total = 0
    for (const size of queueSizes) total += longest + 1 - size
    let left = this.#draw.below(total)
    for (let i = 0; i < partitions.length; i++) {
      left -= longest + 1 - queueSizes[i]
      if (left < 0) return partitions[i]
    }
    return partitions[0]
  }
}
