// What waits until its topic is known, or until there is memory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNodeWorld } from '@odradek/world/node'
import { createSimulation } from '@odradek/world/sim'
import { KafkaError } from '../../src/errors.ts'
import type { PreparedRecord } from '../../src/producer/prepared-record.ts'
import { WaitingRoom } from '../../src/producer/waiting-room.ts'

const metadata = { topic: 't', partition: 0, offset: 0, timestamp: 0 }
const record: PreparedRecord = {
  topic: 't',
  partition: 0,
  key: null,
  value: Buffer.alloc(80),
  headers: undefined,
  timestamp: 0,
  sizeMax: 100,
  given: { value: null }
}

const roomOf = (memoryBytes: number, take: (taken: PreparedRecord) => PromiseLike<typeof metadata> | undefined): WaitingRoom =>
  new WaitingRoom(createNodeWorld(), { maxBlockMs: 60_000, memoryBytes }, take)

test('three hundred thousand records that waited for their topic leave in one go when it is known', async () => {
  let taken = 0
  const room = roomOf(1e9, () => {
    taken++
    return Promise.resolve(metadata)
  })
  for (let i = 0; i < 300_000; i++) void room.forTopic(record, undefined, () => {})
  room.topicKnown('t')
  assert.equal(taken, 300_000)
  assert.equal(room.size, 0)
})

test('those who wait for their topic fill the room once they hold buffer.memory, and leave it with room again', async () => {
  const room = roomOf(1_000, () => Promise.resolve(metadata))
  for (let i = 0; i < 9; i++) void room.forTopic(record, undefined, () => {})
  assert.equal(room.isFull, false)
  void room.forTopic(record, undefined, () => {})
  assert.equal(room.isFull, true)
  let isReady = false
  const ready = room.ready().then(() => {
    isReady = true
  })
  await Promise.resolve()
  assert.equal(isReady, false)
  room.topicKnown('t')
  await ready
  assert.equal(room.isFull, false)
})

test('room comes back when the topic is not found', async () => {
  const room = roomOf(100, () => undefined)
  const lost = room.forTopic(record, undefined, () => {})
  assert.equal(room.isFull, true)
  const ready = room.ready()
  room.topicFailed('t', new Error('no such topic'))
  await ready
  await assert.rejects(lost, /no such topic/)
})

test('who waits for memory after all others were sent away waits for max.block.ms and no longer', async () => {
  const sim = createSimulation({ seed: 1 })
  const room = new WaitingRoom(sim.node('client').world, { maxBlockMs: 1_000, memoryBytes: 1_000 }, () => undefined)
  const aborted = assert.rejects(room.forMemory(record, undefined), { code: 'INVALID_TXN_STATE' })
  room.rejectAll(new KafkaError(48))
  await aborted
  const startMs = sim.nowMs
  await sim.complete(assert.rejects(room.forMemory(record, undefined), { code: 'REQUEST_TIMED_OUT' }))
  assert.ok(sim.nowMs - startMs < 1_100)
})
