// The records of one partition that one answer to ShareFetch gave to this consumer: its bytes may hold more than what was acquired, and an
// acquired offset may hold no record (a gap, which is said to the broker). Synchronous and lazy.
import type { ShareFetchResponse } from '@odradek/protocol'
import type { Taken } from '../consumer/consumer-records.ts'
import { type Deserializers, FetchedRecords } from '../consumer/fetched-records.ts'
import { PartitionState } from '../consumer/partition-state.ts'
import type { ConsumerRecord } from '../consumer/record.ts'
import type { AnyRecord, SharePartition } from './share-partition.ts'

export type ShareFetchedPartition = ShareFetchResponse['responses'][number]['partitions'][number]

type Ranges = ShareFetchedPartition['acquiredRecords']

export interface AcquiredOptions {
  readonly checksCrc: boolean
  readonly onAck: (partition: SharePartition, offset: number) => void
}

/** Records looked at in one go for the ones that were acquired. */
const STEP = 500

export class AcquiredRecords {
  readonly partition: SharePartition
  readonly sizeInBytes: number
  readonly #state: PartitionState
  readonly #fetched: FetchedRecords
  readonly #ranges: Ranges
  /** Read from the bytes, not handed out. */
  #read: AnyRecord[] = []
  #readAt = 0
  #rangeAt = 0
  /** The first acquired offset that nothing is said of yet. */
  #next: number

  constructor(partition: SharePartition, data: Pick<ShareFetchedPartition, 'records' | 'acquiredRecords'>, options: AcquiredOptions) {
    this.partition = partition
    this.#ranges = inOrder(data.acquiredRecords)
    const first = this.#ranges[0]?.firstOffset ?? 0
    this.#next = first
    this.#state = new PartitionState(partition.place.topic, partition.place.partition)
    this.#state.seek(first)
    const ranges = this.#ranges
    const hooks = {
      onAck: (offset: number) => options.onAck(partition, offset),
      deliveryCountOf: (offset: number) => deliveryCountOf(ranges, offset)
    }
    const settings = { checksCrc: options.checksCrc, isReadCommitted: false }
    this.#fetched = new FetchedRecords(this.#state, first, { records: data.records, abortedTransactions: null }, settings, hooks)
    this.sizeInBytes = this.#fetched.sizeInBytes
  }

  get isDrained(): boolean {
    return this.#rangeAt >= this.#ranges.length
  }

  /** Appends up to `max` records to `out`, held by the partition from now on. Damage rejects the rest and is thrown, once nothing was appended. */
  take<K, V>(max: number, deserializers: Deserializers<K, V>, out: ConsumerRecord<K, V>[]): Taken | undefined {
    const from = out.length
    while (out.length - from < max && !this.isDrained) {
      if (this.#readAt === this.#read.length && !this.#readOn(deserializers, out.length > from)) break
      const record = this.#read[this.#readAt++]
      if (!this.#isAcquired(record.offset)) continue
      this.partition.hold(record)
      out.push(record as ConsumerRecord<K, V>)
    }
    return out.length === from ? undefined : { state: this.#state, from, to: out.length }
  }

  /** What was not handed out is said to be `type`. */
  giveUp(type: 'release' | 'reject' | 'gap'): void {
    for (; this.#rangeAt < this.#ranges.length; this.#nextRange())
      this.partition.settle(this.#next, this.#ranges[this.#rangeAt].lastOffset, type)
  }

  /** False: there is nothing more, or what follows is damaged and there are records to hand out before that is said. */
  #readOn<K, V>(deserializers: Deserializers<K, V>, hasRecords: boolean): boolean {
    const read: ConsumerRecord<K, V>[] = []
    try {
      this.#fetched.take(STEP, deserializers, read)
    } catch (error) {
      if (hasRecords) return false
      this.giveUp('reject')
      throw error
    }
    this.#read = read as AnyRecord[]
    this.#readAt = 0
    if (read.length > 0) return true
    this.giveUp('gap')
    return false
  }

  /** Moves on to the offset; what was acquired before it and had no record is a gap. */
  #isAcquired(offset: number): boolean {
    while (this.#rangeAt < this.#ranges.length) {
      const { firstOffset, lastOffset } = this.#ranges[this.#rangeAt]
      if (offset < firstOffset) return false
      if (offset <= lastOffset) {
        this.partition.settle(this.#next, offset - 1, 'gap')
        this.#next = offset + 1
        if (offset === lastOffset) this.#nextRange()
        return true
      }
      this.partition.settle(this.#next, lastOffset, 'gap')
      this.#nextRange()
    }
    return false
  }

  #nextRange(): void {
    this.#rangeAt++
    this.#next = this.#ranges[this.#rangeAt]?.firstOffset ?? 0
  }
}

/** A broker may say what it likes: ranges that are empty or overlap are dropped. */
function inOrder(ranges: Ranges): Ranges {
  const sorted = ranges.toSorted((a, b) => a.firstOffset - b.firstOffset)
  let end = -1
  return sorted.filter(({ firstOffset, lastOffset }) => {
    if (firstOffset <= end || lastOffset < firstOffset) return false
    end = lastOffset
    return true
  })
}

function deliveryCountOf(ranges: Ranges, offset: number): number {
  let low = 0
  let high = ranges.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (ranges[middle].firstOffset <= offset) low = middle
    else high = middle - 1
  }
  return ranges[low]?.deliveryCount ?? 1
}
