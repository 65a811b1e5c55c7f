// The sticky assignors: shares as even as can be, and of those the one that moves least. `sticky` is eager and carries what its members
// had in user data; `cooperative-sticky` reads it from the subscriptions, and gives a partition that changes hands to nobody in the
// first rebalance, so that its owner lets go of it before another begins.
import type { TopicPartition } from '../../types.ts'
import { partitionKey } from '../../types.ts'
import { stringsInHashOrder } from './java-order.ts'
import { compareText, wantedTopics } from './members.ts'
import { Racks } from './racks.ts'
import { assignEqual, type StickyResult } from './sticky-equal.ts'
import { assignGeneral } from './sticky-general.ts'
import type { AssignorInput, ConsumerAssignor, MemberAssignment, MemberSubscription } from './types.ts'

interface Claim {
  readonly partitions: readonly TopicPartition[]
  /** undefined: the member does not say. */
  readonly generation: number | undefined
}

const NO_GENERATION = -1

export function createStickyAssignor(): ConsumerAssignor {
  let last: { partitions: readonly TopicPartition[]; generation: number } | undefined
  return {
    name: 'sticky',
    userData: () => (last === undefined ? null : encodeClaim(last.partitions, last.generation)),
    assign: (input) => toAssignments(assignSticky(input, claimOfUserData).assignment),
    onAssignment({ partitions }, generation) {
      last = { partitions, generation }
    }
  }
}

export function createCooperativeStickyAssignor(): ConsumerAssignor {
  let generation = NO_GENERATION
  return {
    name: 'cooperative-sticky',
    protocols: ['cooperative', 'eager'],
    userData() {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(generation)
      return bytes
    },
    assign(input) {
      const { assignment, transferring } = assignSticky(input, claimOfSubscription)
      for (const [key, memberId] of new Map([...(transferring ?? []), ...changingHands(input, assignment)])) {
        const mine = assignment.get(memberId) ?? []
        assignment.set(
          memberId,
          mine.filter(({ topic, partition }) => partitionKey(topic, partition) !== key)
        )
      }
      return toAssignments(assignment)
    },
    onAssignment(_, next) {
      generation = next
    }
  }
}

export function assignSticky(input: AssignorInput, claimOf: (member: MemberSubscription) => Claim): StickyResult {
  const topics = wantedTopics(input).sort(([a], [b]) => compareText(a, b))
  const partitions = topics.flatMap(([, each]) => each)
  const known = new Set(topics.map(([topic]) => topic))
  const claims = new Map([...input.members].map(([memberId, member]) => [memberId, claimOf(member)]))
  const { owned, disputed, maxGeneration } = settleClaims(claims, known)
  const racks = new Racks(partitions, input.members.values())
  const plain = partitions.map(({ topic, partition }) => ({ topic, partition }))
  const sticky = { partitions: plain, racks, owned, disputed }
  const [first, ...others] = [...input.members.values()]
  const isEqual = others.every(
    ({ topics: wanted }) => wanted.length === first.topics.length && wanted.every((topic) => first.topics.includes(topic))
  )
  if (isEqual) return assignEqual(sticky)
  const wanted = new Map([...input.members].map(([memberId, member]) => [memberId, member.topics.filter((topic) => known.has(topic))]))
  return assignGeneral({ ...sticky, wanted, previous: previousOwners(claims, maxGeneration) })
}

/** The newest generation wins; two claims of one generation cancel each other. */
function settleClaims(
  claims: ReadonlyMap<string, Claim>,
  known: ReadonlySet<string>
): { owned: Map<string, TopicPartition[]>; disputed: Set<string>; maxGeneration: number } {
  const owned = new Map<string, TopicPartition[]>()
  const disputed = new Set<string>()
  const owners = new Map<string, string>()
  let maxGeneration = NO_GENERATION
  for (const [memberId, { partitions, generation = NO_GENERATION }] of claims) {
    maxGeneration = Math.max(maxGeneration, generation)
    const mine: TopicPartition[] = []
    owned.set(memberId, mine)
    for (const each of partitions) {
      if (!known.has(each.topic)) continue
      const key = partitionKey(each.topic, each.partition)
      const other = owners.get(key)
      if (other !== undefined) {
        const theirs = claims.get(other)?.generation ?? NO_GENERATION
        if (generation < theirs) continue
        const list = owned.get(other) as TopicPartition[]
        const at = list.findIndex(({ topic, partition }) => partitionKey(topic, partition) === key)
        if (at >= 0) list.splice(at, 1)
        if (generation === theirs) {
          disputed.add(key)
          owners.set(key, memberId)
          continue
        }
      }
      mine.push(each)
      owners.set(key, memberId)
    }
  }
  return { owned, disputed, maxGeneration }
}

function previousOwners(claims: ReadonlyMap<string, Claim>, maxGeneration: number): Map<string, string> {
  const previous = new Map<string, { memberId: string; generation: number }>()
  for (const [memberId, { partitions, generation = NO_GENERATION }] of claims) {
    if (generation >= maxGeneration) continue
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition)
      if ((previous.get(key)?.generation ?? -2) < generation) previous.set(key, { memberId, generation })
    }
  }
  return new Map([...previous].map(([key, { memberId }]) => [key, memberId]))
}

function changingHands({ members }: AssignorInput, assignment: ReadonlyMap<string, readonly TopicPartition[]>): Map<string, string> {
  const added = new Map<string, string>()
  const revoked = new Set<string>()
  for (const [memberId, partitions] of assignment) {
    const before = new Set((members.get(memberId)?.ownedPartitions ?? []).map(({ topic, partition }) => partitionKey(topic, partition)))
    const after = new Set(partitions.map(({ topic, partition }) => partitionKey(topic, partition)))
    for (const key of after) if (!before.has(key)) added.set(key, memberId)
    for (const key of before) if (!after.has(key)) revoked.add(key)
  }
  for (const key of added.keys()) if (!revoked.has(key)) added.delete(key)
  return added
}

function toAssignments(assignment: ReadonlyMap<string, readonly TopicPartition[]>): Map<string, MemberAssignment> {
  return new Map([...assignment].map(([memberId, partitions]) => [memberId, { partitions }]))
}

function claimOfSubscription({ ownedPartitions, generationId, userData }: MemberSubscription): Claim {
  if (generationId >= 0) return { partitions: ownedPartitions, generation: generationId }
  return { partitions: ownedPartitions, generation: userData !== null && userData.length >= 4 ? userData.readInt32BE(0) : undefined }
}

/** Members are not to be trusted: what does not decode claims nothing. */
function claimOfUserData({ userData }: MemberSubscription): Claim {
  if (userData === null || userData.length === 0) return { partitions: [], generation: undefined }
  try {
    return decodeClaim(userData)
  } catch (error) {
    if (error instanceof RangeError) return { partitions: [], generation: undefined }
    throw error
  }
}

/** Topics with their partitions, then the generation (absent in the first version). */
function decodeClaim(bytes: Buffer): Claim {
  const partitions: TopicPartition[] = []
  let at = 4
  for (let topics = bytes.readInt32BE(0); topics > 0; topics--) {
    const length = bytes.readInt16BE(at)
    if (length < 0 || at + 2 + length > bytes.length) throw new RangeError('a topic name is cut')
    const topic = bytes.toString('utf8', at + 2, at + 2 + length)
    at += 2 + length
    let count = bytes.readInt32BE(at)
    for (at += 4; count > 0; count--, at += 4) partitions.push({ topic, partition: bytes.readInt32BE(at) })
  }
  return { partitions, generation: at + 4 <= bytes.length ? bytes.readInt32BE(at) : undefined }
}

export function encodeClaim(partitions: readonly TopicPartition[], generation: number): Buffer {
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
  const chunks: Buffer[] = [int32(byTopic.size)]
  for (const topic of stringsInHashOrder(byTopic.keys())) {
    const name = Buffer.from(topic, 'utf8')
    const length = Buffer.alloc(2)
    length.writeInt16BE(name.length)
    const list = byTopic.get(topic) ?? []
    chunks.push(length, name, int32(list.length), ...list.map(({ partition }) => int32(partition)))
  }
  return Buffer.concat([...chunks, int32(generation)])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
