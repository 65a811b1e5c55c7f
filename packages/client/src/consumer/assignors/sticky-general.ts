// Sticky assignment where members want different topics: what is owned stays, the rest goes to whoever has least, and then partitions
// move one by one while that makes the shares more even.
import { partitionKey, type TopicPartition } from '../../types.ts'
import { compareText } from './members.ts'
import { PartitionMoves } from './partition-moves.ts'
import type { StickyInput, StickyResult } from './sticky-equal.ts'

export interface GeneralInput extends StickyInput {
  /** Those of its topics that exist, by member. */
  readonly wanted: ReadonlyMap<string, readonly string[]>
  /** Who had a partition in an earlier generation, by partition. */
  readonly previous: ReadonlyMap<string, string>
}

type Shares = Map<string, TopicPartition[]>

export function assignGeneral(input: GeneralInput): StickyResult {
  return new GeneralAssignment(input).build()
}

class GeneralAssignment {
  readonly #input: GeneralInput
  #shares: Shares = new Map()
  #owners = new Map<string, string>()
  readonly #takers = new Map<string, string[]>()
  readonly #counts = new Map<string, number>()
  readonly #moves = new PartitionMoves()
  /** The least loaded first, then by id. */
  #sorted: string[] = []
  #mustRevoke = false

  constructor(input: GeneralInput) {
    this.#input = input
    for (const { topic } of input.partitions) {
      this.#takers.set(topic, [])
      this.#counts.set(topic, (this.#counts.get(topic) ?? 0) + 1)
    }
    for (const [memberId, topics] of input.wanted) for (const topic of topics) this.#takers.get(topic)?.push(memberId)
  }

  build(): StickyResult {
    const kept = this.#keep()
    const all = [...this.#input.partitions].sort(
      (a, b) => this.#takersOf(a.topic) - this.#takersOf(b.topic) || compareText(a.topic, b.topic) || a.partition - b.partition
    )
    const unassigned = all.filter((each) => !kept.has(keyOf(each)))
    this.#sorted = [...this.#shares.keys()]
    this.#sort()
    this.#balance(all, unassigned)
    return { assignment: this.#shares }
  }

  #takersOf(topic: string): number {
    return this.#takers.get(topic)?.length ?? 0
  }

  #sizeOf(memberId: string): number {
    return this.#shares.get(memberId)?.length ?? 0
  }

  #sort(): void {
    this.#sorted.sort((a, b) => this.#sizeOf(a) - this.#sizeOf(b) || compareText(a, b))
  }

  #wants(memberId: string, topic: string): boolean {
    return this.#input.wanted.get(memberId)?.includes(topic) === true
  }

  #keep(): Set<string> {
    const kept = new Set<string>()
    for (const [memberId, owned] of this.#input.owned) {
      const mine: TopicPartition[] = []
      for (const each of owned) {
        if (!this.#takers.has(each.topic)) continue
        this.#owners.set(keyOf(each), memberId)
        if (!this.#wants(memberId, each.topic) || this.#input.racks.mismatch(memberId, each)) this.#mustRevoke = true
        else {
          mine.push(each)
          kept.add(keyOf(each))
        }
      }
      this.#shares.set(memberId, mine)
    }
    return kept
  }

  #balance(all: readonly TopicPartition[], unassigned: readonly TopicPartition[]): void {
    const isInitial = this.#sizeOf(this.#sorted[this.#sorted.length - 1]) === 0
    this.#assignAll(unassigned)
    const movable = ({ topic }: TopicPartition): boolean => this.#takersOf(topic) >= 2
    const fixed: Shares = new Map()
    for (const memberId of this.#input.wanted.keys()) {
      if (this.#canTakePart(memberId)) continue
      fixed.set(memberId, this.#shares.get(memberId) ?? [])
      this.#shares.delete(memberId)
      this.#sorted = this.#sorted.filter((each) => each !== memberId)
    }
    const before: Shares = new Map([...this.#shares].map(([memberId, mine]) => [memberId, [...mine]]))
    const ownersBefore = new Map(this.#owners)
    if (!this.#mustRevoke) this.#reassign(unassigned.filter(movable))
    const hasMoved = this.#reassign(all.filter(movable))
    if (!isInitial && hasMoved && score(this.#shares) >= score(before)) {
      this.#shares = before
      this.#owners = ownersBefore
    }
    for (const [memberId, mine] of fixed) this.#shares.set(memberId, mine)
  }

  #assignAll(unassigned: readonly TopicPartition[]): void {
    let left = unassigned
    const { racks } = this.#input
    if (racks.matter) left = left.filter((each) => !this.#assign(each, (memberId) => racks.isNear(memberId, each)))
    for (const each of left) this.#assign(each, () => true)
  }

  #assign(each: TopicPartition, may: (memberId: string) => boolean): boolean {
    const memberId = this.#sorted.find((candidate) => this.#wants(candidate, each.topic) && may(candidate))
    if (memberId === undefined) return false
    this.#shares.get(memberId)?.push(each)
    this.#owners.set(keyOf(each), memberId)
    this.#sort()
    return true
  }

  #most(memberId: string): number {
    return (this.#input.wanted.get(memberId) ?? []).reduce((sum, topic) => sum + (this.#counts.get(topic) ?? 0), 0)
  }

  #canTakePart(memberId: string): boolean {
    if (this.#sizeOf(memberId) < this.#most(memberId)) return true
    return (this.#shares.get(memberId) ?? []).some(({ topic }) => this.#takersOf(topic) >= 2)
  }

  #reassign(partitions: readonly TopicPartition[]): boolean {
    let hasMoved = false
    for (let isModified = true; isModified; ) {
      isModified = false
      for (const each of partitions) {
        if (this.#isBalanced()) break
        if (!this.#improve(each)) continue
        isModified = true
        hasMoved = true
      }
    }
    return hasMoved
  }

  #improve(each: TopicPartition): boolean {
    const owner = this.#owners.get(keyOf(each))
    if (owner === undefined) return false
    const { previous } = this.#input
    const earlier = previous.get(keyOf(each))
    const size = this.#sizeOf(owner)
    if (earlier !== undefined && this.#shares.has(earlier) && size > this.#sizeOf(earlier) + 1) {
      this.#move(each, owner, earlier)
      return true
    }
    const takers = this.#takers.get(each.topic) ?? []
    if (!takers.some((taker) => size > this.#sizeOf(taker) + 1)) return false
    const least = this.#sorted.find((memberId) => this.#wants(memberId, each.topic))
    if (least === undefined) return false
    this.#move(each, owner, least)
    return true
  }

  #move(each: TopicPartition, from: string, to: string): void {
    const moved = this.#moves.actual(each, from, to)
    const owner = this.#owners.get(keyOf(moved)) as string
    this.#moves.record(moved, owner, to)
    const mine = this.#shares.get(owner) as TopicPartition[]
    const at = mine.findIndex((other) => keyOf(other) === keyOf(moved))
    mine.splice(at, 1)
    this.#shares.get(to)?.push(moved)
    this.#owners.set(keyOf(moved), to)
    this.#sort()
  }

  #isBalanced(): boolean {
    if (this.#sorted.length === 0) return true
    const min = this.#sizeOf(this.#sorted[0])
    const max = this.#sizeOf(this.#sorted[this.#sorted.length - 1])
    if (min >= max - 1) return true
    for (const memberId of this.#sorted) {
      const size = this.#sizeOf(memberId)
      if (size === this.#most(memberId)) continue
      for (const topic of this.#input.wanted.get(memberId) ?? []) {
        for (let partition = 0; partition < (this.#counts.get(topic) ?? 0); partition++) {
          const owner = this.#owners.get(partitionKey(topic, partition))
          if (owner !== undefined && owner !== memberId && this.#shares.has(owner) && size + 1 < this.#sizeOf(owner)) return false
        }
      }
    }
    return true
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return partitionKey(topic, partition)
}

/** How uneven: the differences of all pairs. */
function score(shares: Shares): number {
  const sizes = [...shares.values()].map(({ length }) => length)
  let sum = 0
  for (let i = 0; i < sizes.length; i++) for (let j = i + 1; j < sizes.length; j++) sum += Math.abs(sizes[i] - sizes[j])
  return sum
}
