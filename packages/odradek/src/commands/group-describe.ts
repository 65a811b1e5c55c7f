// What `odradek group describe` shows, of groups of every kind: partitions with offsets, lag and member; members without partitions, and those
// of protocols that have none (Kafka Connect), by themselves.
import type { OdradekError } from '@odradek/base'
import type {
  Admin,
  ConsumerGroupDescription,
  KeyedResult,
  ShareGroupDescription,
  StreamsGroupDescription,
  TopicPartition
} from '@odradek/client'
import type { Listing } from './output.ts'
import { keyOf } from './places.ts'

interface Member {
  /** `client@host` */
  readonly name: string
  readonly partitions: readonly TopicPartition[]
}

interface Place extends TopicPartition {
  readonly offset: number
  /** When the broker tells it; else it is counted. */
  readonly lag?: number
}

interface Group {
  readonly kind: string
  readonly state: string
  readonly members: readonly Member[]
  /** Committed, or of a share group where its records begin. */
  readonly places: readonly Place[]
}

type Describe = (admin: Admin, groupId: string) => Promise<Group>

/** The kinds in the order in which they are asked for: a coordinator tells only whether a group is of the kind that it was asked for. */
const kinds: readonly Describe[] = [describeConsumers, describeClassic, describeShare, describeStreams]

/** `GROUP_ID_NOT_FOUND` of the first kind when the group is of none. */
export async function describeGroup(admin: Admin, groupId: string): Promise<Group> {
  let first: unknown
  for (const describe of kinds) {
    try {
      return await describe(admin, groupId)
    } catch (error) {
      first ??= error
      if (!isOtherKind(causeOf(error))) throw error
    }
  }
  throw first
}

/** Brokers without groups of a kind do not know its requests. */
const isOtherKind = ({ code }: OdradekError): boolean =>
  code === 'GROUP_ID_NOT_FOUND' || code === 'INCONSISTENT_GROUP_PROTOCOL' || code === 'UNSUPPORTED_VERSION'

/** Of a call about several groups: what went wrong with the first. */
export function causeOf(error: unknown): OdradekError {
  const errors = (error as { errors?: unknown }).errors
  return errors instanceof Map ? [...errors.values()][0] : (error as OdradekError)
}

async function only<T>(result: KeyedResult<T>): Promise<T> {
  const [[, found]] = await result
  return found
}

async function describeConsumers(admin: Admin, groupId: string): Promise<Group> {
  const { type, partitionAssignor, groupState, members } = await only<ConsumerGroupDescription>(admin.describeConsumerGroups([groupId]))
  const kind = `${type === 'classic' ? 'classic consumer' : 'consumer'} group${partitionAssignor === '' ? '' : ` (${partitionAssignor})`}`
  return { kind, state: groupState, members: members.map(asMember), places: await committed(admin.listConsumerGroupOffsets([groupId])) }
}

/** Protocols of their own, such as that of Kafka Connect: what their members have is theirs to know. */
async function describeClassic(admin: Admin, groupId: string): Promise<Group> {
  const { protocol, groupState, members } = await only(admin.describeClassicGroups([groupId]))
  return {
    kind: `classic group (${protocol})`,
    state: groupState,
    members: members.map(({ clientId, host }) => ({ name: nameOf(clientId, host), partitions: [] })),
    places: await committed(admin.listConsumerGroupOffsets([groupId]))
  }
}

async function describeShare(admin: Admin, groupId: string): Promise<Group> {
  const { groupState, members } = await only<ShareGroupDescription>(admin.describeShareGroups([groupId]))
  const offsets = await only(admin.listShareGroupOffsets([groupId]))
  const places = [...offsets.values()].flatMap((one) => (one === null ? [] : [{ ...one, offset: one.startOffset }]))
  return { kind: 'share group', state: groupState, members: members.map(asMember), places }
}

async function describeStreams(admin: Admin, groupId: string): Promise<Group> {
  const { groupState, members, subtopologies } = await only<StreamsGroupDescription>(admin.describeStreamsGroups([groupId]))
  const topics = new Map(
    subtopologies.map(({ subtopologyId, sourceTopics, repartitionSourceTopics }) => [
      subtopologyId,
      [...sourceTopics, ...repartitionSourceTopics.map(({ name }) => name)]
    ])
  )
  return {
    kind: 'streams group',
    state: groupState,
    members: members.map(({ clientId, clientHost, assignment }) => ({
      name: nameOf(clientId, clientHost),
      partitions: assignment.activeTasks.flatMap(({ subtopologyId, partitions }) =>
        (topics.get(subtopologyId) ?? []).flatMap((topic) => partitions.map((partition) => ({ topic, partition })))
      )
    })),
    places: await committed(admin.listStreamsGroupOffsets([groupId]))
  }
}

async function committed(result: ReturnType<Admin['listConsumerGroupOffsets']>): Promise<Place[]> {
  return [...(await only(result)).offsets.values()].flatMap((one) => (one === null ? [] : [{ ...one, offset: Number(one.offset) }]))
}

const asMember = ({ clientId, host, assignment }: { clientId: string; host: string; assignment: readonly TopicPartition[] }): Member => ({
  name: nameOf(clientId, host),
  partitions: assignment
})

const nameOf = (clientId: string, host: string): string => `${clientId}@${host.replace(/^\//, '')}`

export async function groupListing(admin: Admin, groupId: string): Promise<Listing> {
  const { kind, state, members, places } = await describeGroup(admin, groupId)
  const partitions = new Map<string, TopicPartition>()
  const owners = new Map<string, string[]>()
  for (const { name, partitions: owned } of members)
    for (const one of owned) {
      partitions.set(keyOf(one), one)
      owners.set(keyOf(one), [...(owners.get(keyOf(one)) ?? []), name])
    }
  const placeAt = new Map(places.map((one) => [keyOf(one), one]))
  for (const [key, one] of placeAt) partitions.set(key, one)
  const ends = await admin
    .listOffsets([...partitions.values()].map(({ topic, partition }) => ({ topic, partition, spec: 'latest' })))
    .outcomes()
  const rows = [...partitions].sort(byPartition).map(([key, { topic, partition }]) => {
    const [place, end] = [placeAt.get(key), ends.values.get(key)?.offset]
    const counted = place === undefined || end === undefined ? undefined : Number(end) - place.offset
    return { topic, partition, offset: place?.offset, end, lag: place?.lag ?? counted, member: owners.get(key)?.join(', ') }
  })
  const idle = members.filter((one) => one.partitions.length === 0).map(({ name }) => ({ member: name }))
  return {
    rows: [...rows, ...idle],
    columns: ['topic', 'partition', 'offset', 'end', 'lag', 'member'],
    title: `${groupId}: ${kind}, ${state}, ${members.length === 1 ? 'one member' : `${members.length} members`}`
  }
}

const byPartition = ([, a]: [string, TopicPartition], [, b]: [string, TopicPartition]): number =>
  a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
