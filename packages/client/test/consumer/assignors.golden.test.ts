import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeConsumerAssignment,
  decodeConsumerSubscription,
  encodeConsumerAssignment,
  encodeConsumerSubscription
} from '@odradek/protocol'
import { requireGoldens } from '@odradek/testkit'
import { resolveAssignors } from '../../src/consumer/assignors/index.ts'
import type { AssignorPartition, MemberSubscription } from '../../src/consumer/assignors/types.ts'
import { encodeAssignment } from '../../src/consumer/classic-membership.ts'

type Pair = [topic: string, partition: number]

interface ClientLine {
  side: string
  assignor: string
  case: number
  round: number
  cluster: { nodes: { id: number; rack: string | null }[]; topics: Record<string, number[][]> }
  members: {
    memberId: string
    topics: string[]
    instanceId: string | null
    rackId: string | null
    generation: number
    owned: Pair[]
    userDataHex: string | null
    subscriptionHex: string
  }[]
  dependsOnMemberOrder: boolean
  assignment: Record<string, { partitions: Pair[]; userDataHex: string | null; assignmentHex: string }>
}

interface ProtocolLine {
  side: string
  version: number
  topics: string[]
  userDataHex: string | null
  owned: Pair[]
  generation: number
  rackId: string | null
  subscriptionHex: string
  assigned: Pair[]
  assignmentUserDataHex: string | null
  assignmentHex: string
}

const pairs = (list: Pair[]) => list.map(([topic, partition]) => ({ topic, partition }))
const hex = (text: string | null) => (text === null ? null : Buffer.from(text, 'hex'))

function inputOf(line: ClientLine) {
  const racks = new Map(line.cluster.nodes.map(({ id, rack }) => [id, rack]))
  const partitions = new Map(
    Object.entries(line.cluster.topics).map(([topic, replicas]): [string, AssignorPartition[]] => [
      topic,
      replicas.map((nodes, partition) => ({ topic, partition, racks: nodes.flatMap((id) => racks.get(id) ?? []) }))
    ])
  )
  const members = new Map(
    line.members.map(({ memberId, topics, instanceId, rackId, generation, owned, userDataHex }): [string, MemberSubscription] => [
      memberId,
      {
        memberId,
        topics,
        groupInstanceId: instanceId,
        rackId,
        generationId: generation,
        ownedPartitions: pairs(owned),
        userData: hex(userDataHex)
      }
    ])
  )
  return { partitions, members }
}

function assertValid(
  line: ClientLine,
  assigned: ReadonlyMap<string, { partitions: readonly { topic: string; partition: number }[] }>
): void {
  const given = [...assigned.values()].flatMap(({ partitions }) => partitions.map((each) => `${each.topic}-${each.partition}`))
  assert.equal(new Set(given).size, given.length, 'a partition is given twice')
  for (const { memberId, topics } of line.members)
    for (const { topic } of assigned.get(memberId)?.partitions ?? [])
      assert.ok(topics.includes(topic), `${memberId} did not ask for ${topic}`)
}

for (const name of ['range', 'roundrobin', 'sticky', 'cooperative-sticky']) {
  test(`${name} assigns as Apache Kafka's, byte for byte`, (t) => {
    const goldens = requireGoldens(t)
    if (goldens === undefined) return
    const lines = goldens.lines<ClientLine>('assignors.ndjson.gz').filter((line) => line.side === 'client' && line.assignor === name)
    assert.ok(lines.length >= 60)
    const wrong: string[] = []
    for (const line of lines) {
      const [assignor] = resolveAssignors([name])
      const assigned = assignor.assign(inputOf(line))
      assertValid(line, assigned)
      for (const [memberId, expected] of Object.entries(line.assignment)) {
        const { partitions, userData } = assigned.get(memberId) ?? { partitions: [] }
        const bytes = encodeAssignment(partitions, userData ?? null).toString('hex')
        if (bytes !== expected.assignmentHex)
          wrong.push(
            `case ${line.case}.${line.round} ${memberId}: ${partitions.map((p) => `${p.topic}-${p.partition}`)} for ${expected.partitions.map((p) => p.join('-'))}`
          )
      }
    }
    assert.equal(wrong.length, 0, `${wrong.length} of ${lines.length}:\n${wrong.slice(0, 12).join('\n')}`)
  })
}

test("subscriptions with user data of sticky members are those of Apache Kafka's", (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const lines = goldens.lines<ClientLine>('assignors.ndjson.gz').filter(({ side }) => side === 'client')
  let compared = 0
  for (const line of lines) {
    for (const member of line.members) {
      const { value } = decodeConsumerSubscription(Buffer.from(member.subscriptionHex, 'hex'))
      assert.equal(encodeConsumerSubscription(value).toString('hex'), member.subscriptionHex)
      if (!line.assignor.includes('sticky') || line.round === 0) continue
      const [assignor] = resolveAssignors([line.assignor])
      if (member.generation >= 0) assignor.onAssignment?.({ partitions: pairs(member.owned) }, member.generation)
      assert.equal(
        assignor.userData?.(member.topics)?.toString('hex') ?? null,
        member.userDataHex,
        `case ${line.case}.${line.round} ${member.memberId}`
      )
      compared++
    }
  }
  assert.ok(compared > 100)
})

test("subscriptions and assignments of every version have Apache Kafka's bytes", (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const lines = goldens.lines<ProtocolLine>('assignors.ndjson.gz').filter(({ side }) => side === 'protocol')
  assert.ok(lines.length >= 160)
  for (const line of lines) {
    const subscription = decodeConsumerSubscription(Buffer.from(line.subscriptionHex, 'hex'))
    assert.equal(subscription.version, line.version)
    assert.deepEqual(subscription.value.topics, line.topics.toSorted())
    assert.deepEqual(subscription.value.userData?.toString('hex') ?? null, line.userDataHex)
    assert.equal(encodeConsumerSubscription(subscription.value, line.version).toString('hex'), line.subscriptionHex)
    const assignment = decodeConsumerAssignment(Buffer.from(line.assignmentHex, 'hex'))
    assert.equal(encodeConsumerAssignment(assignment.value, line.version).toString('hex'), line.assignmentHex)
  }
})
