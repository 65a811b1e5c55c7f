// Round robin: all partitions in order, dealt out in turn to the members that want their topic.
import type { TopicPartition } from '../../types.ts'
import { compareMembers, compareText, wantedTopics } from './members.ts'
import type { ConsumerAssignor } from './types.ts'

export const roundRobinAssignor: ConsumerAssignor = {
  name: 'roundrobin',
  assign(input) {
    const members = [...input.members.values()].sort(compareMembers)
    const out = new Map<string, TopicPartition[]>([...input.members.keys()].map((memberId) => [memberId, []]))
    const topics = wantedTopics(input).sort(([a], [b]) => compareText(a, b))
    let turn = 0
    for (const [, partitions] of topics) {
      for (const { topic, partition } of partitions) {
        while (!members[turn].topics.includes(topic)) turn = (turn + 1) % members.length
        out.get(members[turn].memberId)?.push({ topic, partition })
        turn = (turn + 1) % members.length
      }
    }
    return new Map([...out].map(([memberId, list]) => [memberId, { partitions: list }]))
  }
}
