// Which members read a partition from their own rack.
import { partitionKey, type TopicPartition } from '../../types.ts'
import { needsRacks } from './members.ts'
import type { AssignorPartition, MemberSubscription } from './types.ts'

export class Racks {
  /** Empty when racks make no difference. */
  readonly #memberRacks = new Map<string, string>()
  readonly #partitionRacks = new Map<string, ReadonlySet<string>>()
  readonly #nearMembers = new Map<string, number>()

  constructor(partitions: readonly AssignorPartition[], members: Iterable<MemberSubscription>) {
    const racked = [...members].filter(({ rackId }) => rackId !== null && rackId !== undefined && rackId !== '')
    if (!needsRacks(new Set(racked.map(({ rackId }) => rackId as string)), partitions)) return
    const counts = new Map<string, number>()
    for (const { memberId, rackId } of racked) {
      this.#memberRacks.set(memberId, rackId as string)
      counts.set(rackId as string, (counts.get(rackId as string) ?? 0) + 1)
    }
    for (const { topic, partition, racks } of partitions) {
      const own = new Set(racks)
      this.#partitionRacks.set(partitionKey(topic, partition), own)
      this.#nearMembers.set(
        partitionKey(topic, partition),
        [...own].reduce((sum, rack) => sum + (counts.get(rack) ?? 0), 0)
      )
    }
  }

  get matter(): boolean {
    return this.#memberRacks.size > 0
  }

  /** The member has a rack and no replica is on it. */
  mismatch(memberId: string, { topic, partition }: TopicPartition): boolean {
    const rack = this.#memberRacks.get(memberId)
    return rack !== undefined && this.#partitionRacks.get(partitionKey(topic, partition))?.has(rack) !== true
  }

  isNear(memberId: string, { topic, partition }: TopicPartition): boolean {
    const rack = this.#memberRacks.get(memberId)
    return rack !== undefined && this.#partitionRacks.get(partitionKey(topic, partition))?.has(rack) === true
  }

  /** Those with the fewest near members first. */
  sorted<P extends TopicPartition>(partitions: readonly P[]): P[] {
    if (!this.matter) return [...partitions]
    const near = ({ topic, partition }: TopicPartition): number => this.#nearMembers.get(partitionKey(topic, partition)) ?? 0
    return partitions.toSorted((a, b) => near(a) - near(b))
  }

  /** The place of the next near member from `first` on, around; -1: none. */
  nextNear(partition: TopicPartition, members: readonly string[], first: number): number {
    for (let step = 0; step < members.length; step++) {
      const at = (first + step) % members.length
      if (this.isNear(members[at], partition)) return at
    }
    return -1
  }
}
