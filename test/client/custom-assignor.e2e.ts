// An assignor of the application in classic groups that run, against a real broker: Odradek's by default, Apache Kafka's with
// ODRADEK_INTEROP_BROKER=apache.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Consumer, ConsumerAssignor, MemberAssignment, RebalanceProtocol } from '@odradek/client'
import { defaultKind } from '../interop/support/brokers.ts'
import { brokerOfSuite, withoutKafka } from './broker-of-suite.ts'
import { eventually } from './eventually.ts'

const PARTITIONS = 6

interface Told {
  readonly partitions: readonly number[]
  readonly userData: string
  readonly generationId: number
}

/** Shares by weight, which members say in their subscriptions: a member of weight 2 has twice as much as one of weight 1. */
class WeightedAssignor implements ConsumerAssignor {
  readonly name = 'weighted'
  readonly protocols: readonly RebalanceProtocol[]
  readonly told: Told[] = []
  calls = 0
  readonly #weight: number

  constructor(weight: number, protocols: readonly RebalanceProtocol[]) {
    this.#weight = weight
    this.protocols = protocols
  }

  userData(): Buffer {
    return Buffer.from([this.#weight])
  }

  assign({ partitions, members }: Parameters<ConsumerAssignor['assign']>[0]): Map<string, MemberAssignment> {
    this.calls++
    const seats = [...members.values()]
      .sort((a, b) => (a.userData?.[0] ?? 0) - (b.userData?.[0] ?? 0))
      .flatMap(({ memberId, userData }) => Array<string>(userData?.[0] ?? 1).fill(memberId))
    const all = [...partitions.values()].flat()
    return new Map(
      [...members].map(([memberId, { ownedPartitions }]) => {
        const wanted = all.filter((_, at) => seats[at % seats.length] === memberId)
        // What another one still has is not given away before it has let go of it.
        const others = [...members.values()].filter((each) => each.memberId !== memberId).flatMap((each) => each.ownedPartitions)
        const isFree = ({ partition }: { partition: number }): boolean =>
          !this.protocols.includes('cooperative') || !others.some((each) => each.partition === partition)
        const mine = wanted.filter(isFree)
        return [memberId, { partitions: mine, userData: Buffer.from(`${ownedPartitions.length} before, of ${members.size} members`) }]
      })
    )
  }

  onAssignment({ partitions, userData }: MemberAssignment, generationId: number): void {
    this.told.push({ partitions: partitions.map(({ partition }) => partition).sort(), userData: String(userData), generationId })
  }
}

describe(`a custom assignor against ${defaultKind}`, { skip: withoutKafka(), timeout: 120_000 }, () => {
  const own = brokerOfSuite()

  function member(groupId: string, assignor: WeightedAssignor): { consumer: Consumer; read: number[]; stop(): Promise<void> } {
    const consumer = own.kafka.consumer({
      groupId,
      partitionAssignmentStrategy: [assignor],
      autoOffsetReset: 'earliest',
      sessionTimeoutMs: 6_000,
      heartbeatIntervalMs: 200
    })
    const read: number[] = []
    const end = new AbortController()
    const work = async (): Promise<void> => {
      consumer.subscribe(groupId)
      while (!end.signal.aborted) for (const { partition } of await consumer.poll({ timeoutMs: 100 })) read.push(partition)
    }
    const done = work()
    return {
      consumer,
      read,
      stop: async () => {
        end.abort()
        await done
        await consumer.close()
      }
    }
  }

  for (const protocols of [['eager'], ['eager', 'cooperative']] as const)
    test(`two members share as it says, and one has all when the other leaves (${protocols.at(-1)})`, async () => {
      const name = `weighted-${protocols.at(-1)}`
      await own.kafka.admin().createTopics([{ name, numPartitions: PARTITIONS, replicationFactor: 1 }])
      await own.kafka.producer().sendBatch(
        name,
        Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, value: `${partition}` }))
      )
      const [light, heavy] = [new WeightedAssignor(1, protocols), new WeightedAssignor(2, protocols)]
      const first = member(name, light)
      await eventually(async () => assert.equal(first.consumer.assignment().length, PARTITIONS))
      assert.deepEqual(light.told.at(-1), { partitions: [0, 1, 2, 3, 4, 5], userData: '0 before, of 1 members', generationId: 1 })
      const second = member(name, heavy)
      await eventually(async () => {
        assert.deepEqual(
          first.consumer
            .assignment()
            .map(({ partition }) => partition)
            .sort(),
          [0, 3]
        )
        assert.deepEqual(
          second.consumer
            .assignment()
            .map(({ partition }) => partition)
            .sort(),
          [1, 2, 4, 5]
        )
      })
      assert.equal(second.consumer.groupMetadata().generationId, first.consumer.groupMetadata().generationId)
      assert.match(heavy.told.at(-1)?.userData ?? '', /of 2 members/)
      // The leader alone assigns.
      assert.ok(light.calls > 0)
      assert.equal(heavy.calls, 0)
      const described = (await own.kafka.admin().describeConsumerGroups([name])).get(name)
      assert.equal(described?.partitionAssignor, 'weighted')
      assert.equal(described?.members.length, 2)
      const before = second.read.length
      await own.kafka.producer().sendBatch(
        name,
        Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, value: 'again' }))
      )
      await eventually(async () => assert.deepEqual([...new Set(second.read.slice(before))].sort(), [1, 2, 4, 5]))
      await first.stop()
      await eventually(async () => assert.equal(second.consumer.assignment().length, PARTITIONS))
      assert.ok(heavy.calls > 0)
      await second.stop()
    })

  test('one that throws is an error of the poll, and the member may try again', async () => {
    await own.kafka.admin().createTopics([{ name: 'broken-assignor', numPartitions: 1, replicationFactor: 1 }])
    let isBroken = true
    const assignor: ConsumerAssignor = {
      name: 'broken',
      assign: ({ partitions, members }) => {
        if (isBroken) throw new RangeError('cannot decide')
        return new Map([...members.keys()].map((memberId) => [memberId, { partitions: [...partitions.values()].flat() }]))
      }
    }
    const consumer = own.kafka.consumer({ groupId: 'broken-assignor', partitionAssignmentStrategy: [assignor] })
    consumer.subscribe('broken-assignor')
    await assert.rejects(async () => {
      for (;;) await consumer.poll({ timeoutMs: 1_000 })
    }, /cannot decide/)
    isBroken = false
    await eventually(async () => {
      await consumer.poll({ timeoutMs: 500 })
      assert.equal(consumer.assignment().length, 1)
    })
    await consumer.close()
  })
})
