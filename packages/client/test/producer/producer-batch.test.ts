import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ErrorCode } from '@odradek/protocol'
import { KafkaError } from '../../src/errors.ts'
import { Delivery } from '../../src/producer/delivery.ts'
import type { PartitionQueue } from '../../src/producer/partition-queue.ts'
import { ProducerBatch } from '../../src/producer/producer-batch.ts'

const queue = { topic: 'orders', partition: 3 } as PartitionQueue

function batchOf(count: number): ProducerBatch {
  const batch = new ProducerBatch(queue, 0, { compression: 'none', compressionLevel: undefined, isTransactional: false }, 1024)
  for (let index = 0; index < count; index++) batch.append(1000 + index, null, 'value', undefined)
  return batch
}

/** The messages of unhandled rejections from now on; the runner's own listeners hear nothing of them. */
function listenForUnhandled(t: TestContext): string[] {
  const unhandled: string[] = []
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (reason) => unhandled.push((reason as Error).message))
  t.after(() => {
    process.removeAllListeners('unhandledRejection')
    for (const each of before) process.on('unhandledRejection', each)
  })
  return unhandled
}

type Told = { place: number; offset?: number; code?: string }

function reportAll(batch: ProducerBatch): Told[] {
  const told: Told[] = []
  for (let place = 0; place < batch.count; place++)
    batch.report(place, 1000 + place, (error, metadata) => {
      told.push(error === null ? { place, offset: metadata?.offset } : { place, code: (error as KafkaError).code })
    })
  return told
}

test('callbacks are told the offsets of their records, in order, after the acknowledgement and not within it', async () => {
  const batch = batchOf(3)
  const told = reportAll(batch)
  batch.acknowledge(70, -1)
  assert.deepEqual(told, [])
  await batch.done()
  assert.deepEqual(told, [
    { place: 0, offset: 70 },
    { place: 1, offset: 71 },
    { place: 2, offset: 72 }
  ])
})

test('a callback given when all is over is told all the same', async () => {
  const batch = batchOf(1)
  batch.acknowledge(5, -1)
  const told = reportAll(batch)
  await batch.settled()
  assert.deepEqual(told, [{ place: 0, offset: 5 }])
})

test('callbacks of a failed batch get the error of their own record', async () => {
  const batch = batchOf(2)
  const told = reportAll(batch)
  const own = new KafkaError(ErrorCode.INVALID_TIMESTAMP)
  batch.fail(new KafkaError(ErrorCode.INVALID_RECORD), new Map([[1, own]]))
  await batch.done()
  assert.deepEqual(told, [
    { place: 0, code: 'INVALID_RECORD' },
    { place: 1, code: 'INVALID_TIMESTAMP' }
  ])
})

test('a record that is awaited in the turn in which its batch fails is no unhandled rejection, as with any promise', async (t) => {
  const unhandled = listenForUnhandled(t)
  const [awaited, forgotten] = [batchOf(1), batchOf(1)]
  const delivery = new Delivery(awaited, 0, 1000)
  awaited.fail(new KafkaError(ErrorCode.INVALID_RECORD, { message: 'awaited' }))
  forgotten.fail(new KafkaError(ErrorCode.INVALID_RECORD, { message: 'forgotten' }))
  await assert.rejects(async () => await delivery, { message: 'awaited' })
  await new Promise(setImmediate)
  assert.deepEqual(unhandled, ['forgotten'])
})

test('callbacks of a batch that was split are told by its parts, and a part that fails is no unhandled rejection', async () => {
  const batch = batchOf(3)
  const told = reportAll(batch)
  const [first, second] = [batchOf(2), batchOf(1)]
  batch.replaceBy([first, second])
  await batch.done()
  assert.deepEqual(told, [])
  first.acknowledge(10, -1)
  second.fail(new KafkaError(ErrorCode.MESSAGE_TOO_LARGE))
  await batch.settled()
  assert.deepEqual(told, [
    { place: 0, offset: 10 },
    { place: 1, offset: 11 },
    { place: 2, code: 'MESSAGE_TOO_LARGE' }
  ])
})

test('a callback that throws is an unhandled rejection, and the others are told', async (t) => {
  const unhandled = listenForUnhandled(t)
  const batch = batchOf(2)
  batch.report(0, 0, () => {
    throw new Error('mine')
  })
  let offset: number | undefined
  batch.report(1, 0, (_, metadata) => {
    offset = metadata?.offset
  })
  batch.acknowledge(8, -1)
  await batch.done()
  await new Promise(setImmediate)
  assert.equal(offset, 9)
  assert.deepEqual(unhandled, ['mine'])
})
