// A producer that sends to ever new topics (metadata.max.idle.ms): what it keeps of those that it is done with, and what it must not lose.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { IdentityKeeper } from '../../src/producer/identity.ts'
import { PartitionQueue } from '../../src/producer/partition-queue.ts'
import { ProducerBatch } from '../../src/producer/producer-batch.ts'
import { ProduceCluster } from '../support/produce-log.ts'

const idle = { metadataMaxIdleMs: 60_000, metadataMaxAgeMs: 60_000, lingerMs: 0 }

test('a producer forgets topics that it has not sent to for metadata.max.idle.ms, and goes on with their sequences', async () => {
  const cluster = await ProduceCluster.start(1)
  const { sim } = cluster.fake
  const producer = cluster.producer(idle)
  const names = Array.from({ length: 2_000 }, (_, at) => `topic-${at}`)
  let known = 0
  const onMetadata = (message: unknown): void => {
    known = (message as { topics: number }).topics
  }
  subscribe('odradek:network:metadata', onMetadata)
  try {
    for (const name of names) {
      cluster.addTopic(name, 2)
      await sim.complete(producer.send(name, { value: 'a', partition: 0 }))
      await sim.advance(200)
      assert.ok(known < 700, `${known} topics are known`)
    }
    const measured = new Set([...producer.metrics()].flatMap(({ tags }) => tags.topic ?? []))
    assert.ok(measured.size > 100 && measured.size < 700, `${measured.size} topics are measured`)
    for (const name of names) {
      await sim.complete(producer.send(name, { value: 'b', partition: 0 }))
      await sim.advance(50)
    }
  } finally {
    unsubscribe('odradek:network:metadata', onMetadata)
  }
  for (const name of names) {
    assert.deepEqual(cluster.log(0, name).values, ['a', 'b'])
    assert.deepEqual(
      cluster.log(0, name).batches.map(({ batch }) => [batch.producerEpoch, batch.baseSequence]),
      [
        [0, 0],
        [0, 1]
      ]
    )
  }
  await sim.complete(producer.close())
  assert.equal(await cluster.fake.openSockets(), 0)
})

test('a producer keeps a topic while something is to be sent to it', async () => {
  const cluster = await ProduceCluster.start(1)
  const { sim } = cluster.fake
  cluster.addTopic('other', 1)
  const producer = cluster.producer({ ...idle, deliveryTimeoutMs: 900_000 })
  await sim.complete(producer.send('t', { value: 'a' }))
  cluster.fault = ({ topic }) => (topic === 't' ? { drop: 'hang up', after: true } : undefined)
  const late = producer.send('t', { value: 'b' })
  for (let minutes = 0; minutes < 5; minutes++) {
    await sim.advance(60_000)
    await sim.complete(producer.send('other', { value: 'x' }))
  }
  cluster.fault = () => undefined
  await sim.complete(late)
  assert.deepEqual(cluster.log(0).values, ['a', 'b'])
  await sim.complete(producer.close())
})

test('more sequences of forgotten partitions than are kept take a new epoch, under which nothing is lost or doubled', async () => {
  const cluster = await ProduceCluster.start(1)
  const { sim } = cluster.fake
  const names = Array.from({ length: 12 }, (_, at) => `wide-${at}`)
  for (const name of names) cluster.addTopic(name, 1_000)
  const producer = cluster.producer({ ...idle, batchSize: 0, maxBlockMs: 600_000, deliveryTimeoutMs: 600_000 })
  const sendAll = async (value: string): Promise<void> => {
    for (const name of names) {
      const sends = Array.from({ length: 1_000 }, (_, partition) => producer.send(name, { partition, value }))
      await sim.complete(Promise.all(sends))
    }
  }
  await sendAll('a')
  await sim.advance(200_000)
  await sendAll('b')
  const epochs = new Set<number>()
  for (const name of names)
    for (let partition = 0; partition < 1_000; partition++) {
      const log = cluster.log(partition, name)
      assert.deepEqual(log.values, ['a', 'b'])
      epochs.add(log.batches[1].batch.producerEpoch)
      assert.ok(log.batches[1].batch.producerEpoch <= 1)
    }
  assert.deepEqual([...epochs], [1])
  await sim.complete(producer.close())
})

test('sequences of a forgotten partition are of no use under another producer id or epoch', () => {
  const keeper = new IdentityKeeper(false, 10)
  keeper.set({ producerId: 1, producerEpoch: 0 })
  const queue = new PartitionQueue('t', 0)
  const batchOf = (of: PartitionQueue): ProducerBatch => {
    const batch = new ProducerBatch(of, 0, { compression: 'none', compressionLevel: undefined, isTransactional: false }, 1_000)
    batch.append(0, null, 'x', undefined)
    return batch
  }
  const first = batchOf(queue)
  keeper.assign(queue, first)
  assert.equal(keeper.isSettled(queue), false)
  keeper.acknowledged(queue, first)
  assert.equal(keeper.isSettled(queue), true)
  keeper.forget(queue)
  keeper.set({ producerId: 2, producerEpoch: 0 })
  const again = new PartitionQueue('t', 0)
  const second = batchOf(again)
  keeper.assign(again, second)
  assert.equal(second.baseSequence, 0)
})
