// What one poll gave. Iterating tells the consumer what is finished: a record is when the next one is asked for, all are when the
// iteration has ended by itself; a break or a throw leaves the record it met unfinished. What is not iterated is finished with the
// next poll.
import type { TopicPartition } from '../types.ts'
import type { PartitionState } from './partition-state.ts'
import type { ConsumerRecord } from './record.ts'

export interface Taken {
  readonly state: PartitionState
  readonly from: number
  readonly to: number
}

export class ConsumerRecords<K = Buffer, V = Buffer> implements Iterable<ConsumerRecord<K, V>> {
  readonly #records: readonly ConsumerRecord<K, V>[]
  readonly #taken: readonly Taken[]
  readonly #versions: readonly number[]

  constructor(records: readonly ConsumerRecord<K, V>[], taken: readonly Taken[]) {
    this.#records = records
    this.#taken = taken
    this.#versions = taken.map(({ state }) => state.version)
  }

  get count(): number {
    return this.#records.length
  }

  get isEmpty(): boolean {
    return this.#records.length === 0
  }

  get partitions(): TopicPartition[] {
    return [...new Set(this.#taken.map(({ state }) => state))].map(({ topic, partition }) => ({ topic, partition }))
  }

  /** Of one partition, in order. */
  records({ topic, partition }: TopicPartition): ConsumerRecord<K, V>[] {
    const ranges = this.#taken.filter(({ state }) => state.topic === topic && state.partition === partition)
    return ranges.flatMap(({ from, to }) => this.#records.slice(from, to))
  }

  toArray(): ConsumerRecord<K, V>[] {
    return [...this.#records]
  }

  *[Symbol.iterator](): Generator<ConsumerRecord<K, V>, void, undefined> {
    const records = this.#records
    let at = 0
    try {
      for (; at < records.length; at++) yield records[at]
    } finally {
      this.#finish(at)
    }
  }

  /** The record at `at` is the first that is not finished. */
  #finish(at: number): void {
    this.#taken.forEach(({ state, from, to }, index) => {
      if (from >= at || state.version !== this.#versions[index]) return
      state.unfinished.finishUpTo(this.#records[Math.min(at, to) - 1].offset)
      if (at < to) state.unfinished.addFirst(this.#records[at].offset)
    })
  }
}
