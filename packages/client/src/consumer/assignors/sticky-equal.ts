// Sticky assignment where all members want the same topics: everybody keeps what they have up to their quota, the rest is dealt out.
import { javaStringHash } from '@odradek/base'
import { partitionKey, type TopicPartition } from '../../types.ts'
import { inHashOrder } from './java-order.ts'
import { compareText } from './members.ts'
import type { Racks } from './racks.ts'

export interface StickyInput {
  /** Topics by name, partitions in order. */
  readonly partitions: readonly TopicPartition[]
  readonly racks: Racks
  /** By member. */
  readonly owned: ReadonlyMap<string, TopicPartition[]>
  /** Claimed by two members of one generation: nobody's. */
  readonly disputed: ReadonlySet<string>
}

export interface StickyResult {
  readonly assignment: Map<string, TopicPartition[]>
  /** Keys of partitions that go from one member to another, and who gets them. */
  readonly transferring?: ReadonlyMap<string, string>
}

export function assignEqual(input: StickyInput): StickyResult {
  return new EqualAssignment(input).build()
}

class EqualAssignment {
  readonly #input: StickyInput
  readonly #assignment = new Map<string, TopicPartition[]>()
  readonly #assigned = new Set<string>()
  readonly #revoked = new Set<string>()
  readonly #transferring = new Map<string, string>()
  readonly #minQuota: number
  readonly #maxQuota: number
  /** Members that get one more than the minimum. */
  readonly #overMax: number
  #over = 0
  #underMin: string[] = []
  #atMin: string[] = []

  constructor(input: StickyInput) {
    this.#input = input
    const members = input.owned.size
    this.#minQuota = Math.floor(input.partitions.length / members)
    this.#maxQuota = Math.ceil(input.partitions.length / members)
    this.#overMax = input.partitions.length % members
    for (const memberId of input.owned.keys()) this.#assignment.set(memberId, [])
  }

  build(): StickyResult {
    for (const memberId of inHashOrder([...this.#input.owned.keys()], javaStringHash)) this.#keep(memberId)
    const { racks, partitions } = this.#input
    this.#underMin.sort(compareText)
    this.#atMin.sort(compareText)
    let left = racks.sorted(partitions.filter(({ topic, partition }) => !this.#assigned.has(partitionKey(topic, partition))))
    if (racks.matter) left = this.#dealNear(left)
    this.#deal(left)
    return { assignment: this.#assignment, transferring: this.#transferring }
  }

  #keep(memberId: string): void {
    const { owned, racks, disputed } = this.#input
    const mine = (owned.get(memberId) ?? [])
      .filter((each) => !racks.mismatch(memberId, each) && !disputed.has(partitionKey(each.topic, each.partition)))
      .sort((a, b) => a.partition - b.partition || compareText(a.topic, b.topic))
    if (mine.length < this.#minQuota) {
      this.#take(memberId, mine)
      this.#underMin.push(memberId)
    } else if (mine.length >= this.#maxQuota && this.#over < this.#overMax) {
      this.#over++
      if (this.#over === this.#overMax) this.#atMin = []
      this.#take(memberId, mine.slice(0, this.#maxQuota))
      this.#revoke(mine.slice(this.#maxQuota))
    } else {
      this.#take(memberId, mine.slice(0, this.#minQuota))
      this.#revoke(mine.slice(this.#minQuota))
      if (this.#over < this.#overMax) this.#atMin.push(memberId)
    }
  }

  #take(memberId: string, partitions: readonly TopicPartition[]): void {
    this.#assignment.get(memberId)?.push(...partitions)
    for (const { topic, partition } of partitions) this.#assigned.add(partitionKey(topic, partition))
  }

  #revoke(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#revoked.add(partitionKey(topic, partition))
  }

  /** Returns how many the member has then. */
  #give(memberId: string, each: TopicPartition): number {
    const mine = this.#assignment.get(memberId) as TopicPartition[]
    mine.push(each)
    const key = partitionKey(each.topic, each.partition)
    if (this.#revoked.has(key) || this.#input.disputed.has(key)) this.#transferring.set(key, memberId)
    return mine.length
  }

  /** To members on a rack of the partition; what finds none is returned. */
  #dealNear(partitions: readonly TopicPartition[]): TopicPartition[] {
    const { racks } = this.#input
    const left: TopicPartition[] = []
    let turn = 0
    for (const each of partitions) {
      let memberId: string | undefined
      let at = racks.nextNear(each, this.#underMin, turn)
      if (at >= 0) {
        memberId = this.#underMin[at]
        const count = (this.#assignment.get(memberId)?.length ?? 0) + 1
        if (count >= this.#minQuota) {
          this.#underMin.splice(at, 1)
          if (count < this.#maxQuota && this.#over < this.#overMax) this.#atMin.push(memberId)
        } else at++
        turn = this.#underMin.length === 0 ? 0 : at % this.#underMin.length
      } else {
        const first = racks.nextNear(each, this.#atMin, 0)
        if (first >= 0) {
          memberId = this.#atMin[first]
          if ((this.#assignment.get(memberId)?.length ?? 0) + 1 === this.#maxQuota) {
            this.#atMin.splice(first, 1)
            if (++this.#over === this.#overMax) this.#atMin = []
          }
        }
      }
      if (memberId === undefined) left.push(each)
      else this.#give(memberId, each)
    }
    return left
  }

  #deal(partitions: readonly TopicPartition[]): void {
    let turn = 0
    for (const each of partitions) {
      if (this.#underMin.length > 0 && turn >= this.#underMin.length) turn = 0
      const isUnder = this.#underMin.length > 0
      const memberId = isUnder ? this.#underMin[turn] : this.#atMin.shift()
      if (memberId === undefined) throw new Error('more partitions than the quotas of all members')
      const count = this.#give(memberId, each)
      if (count === this.#minQuota) {
        if (isUnder) this.#underMin.splice(turn, 1)
        this.#atMin.push(memberId)
        continue
      }
      if (isUnder) turn++
      if (count === this.#maxQuota && ++this.#over === this.#overMax) this.#atMin = []
    }
  }
}
