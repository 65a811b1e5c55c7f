// What members of a group tell each other: the bytes of subscriptions and assignments, and kafkajs's assignor on the native client.
import type { AssignorInput, ConsumerAssignor, MemberAssignment as NativeAssignment, TopicPartition } from '@odradek/client'
import { KafkaJSNotImplemented } from './errors.ts'
import type { Assignment, PartitionAssigner } from './types.ts'

export interface MemberMetadata {
  version: number
  topics: string[]
  userData: Buffer
}

export interface MemberAssignment {
  version: number
  assignment: Assignment
  userData: Buffer
}

class Writer {
  readonly #parts: Buffer[] = []

  int16(value: number): this {
    const bytes = Buffer.alloc(2)
    bytes.writeInt16BE(value)
    this.#parts.push(bytes)
    return this
  }

  int32(value: number): this {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    this.#parts.push(bytes)
    return this
  }

  text(value: string): this {
    const bytes = Buffer.from(value)
    this.int16(bytes.length).#parts.push(bytes)
    return this
  }

  bytes(value: Buffer): Buffer {
    return Buffer.concat([...this.int32(value.length).#parts, value])
  }
}

/** Throws a RangeError where the bytes end too soon, before anything is allocated for them. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    this.#at += 2
    return this.#bytes.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  text(): string {
    return this.#take(this.int16()).toString()
  }

  list<T>(item: () => T): T[] {
    const length = this.int32()
    if (length > this.#bytes.length) throw new RangeError(`a list of ${length} items in ${this.#bytes.length} bytes`)
    return Array.from({ length: Math.max(0, length) }, item)
  }

  /** Nothing where nothing follows. */
  rest(): Buffer {
    return this.#at >= this.#bytes.length ? Buffer.alloc(0) : this.#take(Math.max(0, this.int32()))
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new RangeError(`${length} bytes are not there`)
    this.#at = end
    return this.#bytes.subarray(end - length, end)
  }
}

const empty = Buffer.alloc(0)

type Given<T extends { userData: Buffer }> = Omit<T, 'userData'> & { userData?: Buffer }

export const AssignerProtocol = {
  MemberMetadata: {
    encode({ version, topics, userData = empty }: Given<MemberMetadata>): Buffer {
      const writer = new Writer().int16(version).int32(topics.length)
      for (const topic of topics) writer.text(topic)
      return writer.bytes(userData)
    },
    decode(buffer: Buffer): MemberMetadata | null {
      const reader = new Reader(buffer)
      return { version: reader.int16(), topics: reader.list(() => reader.text()), userData: reader.rest() }
    }
  },
  MemberAssignment: {
    encode({ version, assignment, userData = empty }: Given<MemberAssignment>): Buffer {
      const topics = Object.entries(assignment)
      const writer = new Writer().int16(version).int32(topics.length)
      for (const [topic, partitions] of topics) {
        writer.text(topic).int32(partitions.length)
        for (const partition of partitions) writer.int32(partition)
      }
      return writer.bytes(userData)
    },
    decode(buffer: Buffer): MemberAssignment | null {
      // No assignment yet.
      if (buffer.length === 0) return null
      const reader = new Reader(buffer)
      const version = reader.int16()
      const topics = reader.list((): [string, number[]] => [reader.text(), reader.list(() => reader.int32())])
      return { version, assignment: Object.fromEntries(topics), userData: reader.rest() }
    }
  }
}

const NAME = 'RoundRobinAssigner'

const roundRobin: PartitionAssigner = () => ({
  name: NAME,
  version: 0,
  assign: () => {
    throw new KafkaJSNotImplemented('Assigners need the Cluster object of kafkajs: only PartitionAssigners.roundRobin can be named')
  },
  protocol: ({ topics }) => ({ name: NAME, metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics }) })
})

export const PartitionAssigners = { roundRobin } as const

export function checkAssigners(assigners: readonly PartitionAssigner[] = []): void {
  if (assigners.some((assigner) => assigner !== roundRobin))
    throw new KafkaJSNotImplemented(
      'Assigners of your own are not available here: give the native consumer a partitionAssignmentStrategy with the same name'
    )
}

/** kafkajs's assignor by its name, so that its members and ours make up one group. `onLead` is called when this member leads. */
export function roundRobinAssignor(onLead: () => void): ConsumerAssignor {
  const assign: ConsumerAssignor['assign'] = (input) => {
    onLead()
    return assignInTurn(input)
  }
  return { name: NAME, assign }
}

/** Partition by partition to the members in turn; a member that has not subscribed to the topic is passed over. */
function assignInTurn({ partitions, members }: AssignorInput): ReadonlyMap<string, NativeAssignment> {
  const order = [...members.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const assigned = new Map(order.map(({ memberId }): [string, TopicPartition[]] => [memberId, []]))
  let turn = 0
  for (const [topic, list] of partitions) {
    const subscribers = order.filter(({ topics }) => topics.includes(topic))
    if (subscribers.length === 0) continue
    for (const { partition } of list) assigned.get(subscribers[turn++ % subscribers.length].memberId)?.push({ topic, partition })
  }
  return new Map([...assigned].map(([memberId, list]) => [memberId, { partitions: list }]))
}
