// Range: topic by topic, the partitions in order cut into runs, one a member; topics of equal partition counts and members are cut
// alike (co-partitioned), also when racks decide.
import type { TopicPartition } from '../../types.ts'
import { compareMembers, needsRacks, wantedTopics } from './members.ts'
import type { AssignorInput, AssignorPartition, ConsumerAssignor, MemberAssignment, MemberSubscription } from './types.ts'

class TopicRanges {
  readonly members: readonly MemberSubscription[]
  readonly unassigned: Set<AssignorPartition>
  readonly partitions: readonly AssignorPartition[]
  readonly needsRacks: boolean
  readonly #share: number
  #extra: number
  readonly #counts = new Map<string, number>()

  constructor(partitions: readonly AssignorPartition[], members: readonly MemberSubscription[]) {
    this.members = members
    this.partitions = partitions
    this.unassigned = new Set(partitions)
    this.#share = Math.floor(partitions.length / members.length)
    this.#extra = partitions.length % members.length
    const racks = new Set(members.flatMap(({ rackId }) => rackId ?? []))
    this.needsRacks = needsRacks(racks, partitions)
  }

  room({ memberId }: MemberSubscription): number {
    return Math.max(0, this.#share + (this.#extra > 0 ? 1 : 0) - (this.#counts.get(memberId) ?? 0))
  }

  give({ memberId }: MemberSubscription, partitions: readonly AssignorPartition[], out: Map<string, TopicPartition[]>): void {
    for (const partition of partitions) this.unassigned.delete(partition)
    const count = (this.#counts.get(memberId) ?? 0) + partitions.length
    this.#counts.set(memberId, count)
    if (count > this.#share) this.#extra--
    out.get(memberId)?.push(...partitions.map(({ topic, partition }) => ({ topic, partition })))
  }

  giveRanges(out: Map<string, TopicPartition[]>, may: (member: MemberSubscription, partition: AssignorPartition) => boolean): void {
    for (const member of this.members) {
      const run = [...this.unassigned].filter((partition) => may(member, partition)).slice(0, this.room(member))
      if (run.length > 0) this.give(member, run, out)
    }
  }
}

function racksMatch({ rackId }: MemberSubscription, { racks }: AssignorPartition): boolean {
  return rackId === null || rackId === undefined || racks.includes(rackId)
}

function giveByRack(topics: readonly TopicRanges[], out: Map<string, TopicPartition[]>): void {
  const alike = Map.groupBy(
    topics,
    ({ members, partitions }) => `${partitions.length} ${members.map(({ memberId }) => memberId).join(' ')}`
  )
  for (const group of alike.values()) {
    if (group.length === 1) {
      if (group[0].needsRacks) group[0].giveRanges(out, racksMatch)
      continue
    }
    for (let at = 0; at < group[0].partitions.length; at++) {
      const fits = (member: MemberSubscription): boolean =>
        group.every((topic) => topic.room(member) > 0 && racksMatch(member, topic.partitions[at]))
      const member = group[0].members.find(fits)
      if (member !== undefined) for (const topic of group) topic.give(member, [topic.partitions[at]], out)
    }
  }
}

export const rangeAssignor: ConsumerAssignor = {
  name: 'range',
  assign(input: AssignorInput): Map<string, MemberAssignment> {
    const members = [...input.members.values()].sort(compareMembers)
    const out = new Map<string, TopicPartition[]>([...input.members.keys()].map((memberId) => [memberId, []]))
    const topics = wantedTopics(input).map(([topic, partitions]) => {
      return new TopicRanges(
        partitions,
        members.filter(({ topics: wanted }) => wanted.includes(topic))
      )
    })
    const usesRacks = topics.some((topic) => topic.needsRacks)
    if (usesRacks) giveByRack(topics, out)
    for (const topic of topics) topic.giveRanges(out, () => true)
    if (usesRacks) for (const partitions of out.values()) partitions.sort(comparePartitions)
    return new Map([...out].map(([memberId, partitions]) => [memberId, { partitions }]))
  }
}

function comparePartitions(a: TopicPartition, b: TopicPartition): number {
  return a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition
}
