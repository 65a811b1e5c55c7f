// Consume, transform, produce: where the consumer goes on after a transaction that failed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '@odradek/protocol'
import { createSimulation } from '@odradek/world/sim'
import type { Consumer } from '../../src/consumer/consumer.ts'
import { ConsumerRecords } from '../../src/consumer/consumer-records.ts'
import { PartitionState } from '../../src/consumer/partition-state.ts'
import type { ConsumerRecord } from '../../src/consumer/record.ts'
import { TransactionalWork } from '../../src/consumer/transactional-work.ts'
import { KafkaError } from '../../src/errors.ts'
import type { Producer } from '../../src/producer/producer.ts'

const place = { topic: 'a', partition: 0 }

/** A partition with offsets 10 to 14, and a producer whose commits fail. `wasCommitted`: all the same. */
async function failing({ wasCommitted, inBody = false }: { wasCommitted: boolean; inBody?: boolean }): Promise<number[]> {
  const sim = createSimulation({ seed: 1 })
  const seeks: number[] = []
  const records = [10, 11, 12, 13, 14].map((offset) => ({ offset })) as unknown as ConsumerRecord[]
  let committed = 10
  const consumer = {
    poll: async () => new ConsumerRecords(records, [{ state: new PartitionState('a', 0), from: 0, to: 5 }]),
    consumedOffsets: () => [{ ...place, offset: 15 }],
    assignment: () => [place],
    groupMetadata: () => ({ groupId: 'g' }),
    committed: async () => new Map([['a-0', { offset: committed }]]),
    seek: (_: unknown, offset: number) => void seeks.push(offset)
  }
  const producer = {
    transaction: async (body: (transaction: object) => Promise<void>) => {
      await body({ sendOffsets: async () => {} })
      if (wasCommitted) committed = 15
      throw new KafkaError(ErrorCode.REQUEST_TIMED_OUT)
    },
    close: async () => {}
  }
  const work = new TransactionalWork(consumer as unknown as Consumer, sim.node('n').world, () => producer as unknown as Producer)
  await assert.rejects(
    work.run(
      async () => {
        if (inBody) throw new Error('the body fails')
      },
      { retries: 0 }
    )
  )
  return seeks
}

test('a transaction that was committed without an answer is not done a second time', async () => {
  assert.deepEqual(await failing({ wasCommitted: true }), [15])
})

test('a transaction that failed is done again from where it began', async () => {
  assert.deepEqual(await failing({ wasCommitted: false }), [10])
  assert.deepEqual(await failing({ wasCommitted: false, inBody: true }), [10])
})
