// What is used again and again leaves nothing behind: no listener on a signal of the user, no heap that grows with the number of calls or
// of connections that broke.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { simulate } from '@odradek/testkit'
import type { Simulation } from '@odradek/world/sim'
import { Kafka } from '../../src/index.ts'
import type { FakeCluster } from '../support/fake-cluster.ts'
import { honestCluster } from './honest-cluster.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

async function used(
  rounds: number,
  body: (kafka: Kafka, sim: Simulation, fake: FakeCluster) => (round: number) => Promise<unknown>
): Promise<void> {
  await simulate({ seed: 1, network: { delayMs: [0.1, 0.3], slowChance: 0 } }, async (sim) => {
    const fake = await honestCluster(sim)
    const kafka = new Kafka({ brokers: 'b1:9092', world: fake.client.world, reconnectBackoffMs: 1, reconnectBackoffMaxMs: 5 })
    const round = body(kafka, sim, fake)
    const sizes: number[] = []
    for (let at = 0; at < 4 * rounds; at++) {
      await sim.complete(round(at))
      // What the fake brokers keep for tests to look at.
      for (const broker of fake.brokers.values()) broker.asked.length = 0
      if (at % rounds < rounds - 1) continue
      // The simulated world keeps timers that were cancelled until their time has come.
      await sim.advance(700_000)
      sizes.push(heapBytes())
    }
    await sim.complete(kafka.close())
    // What leaks grows every time; what the engine keeps for itself does not.
    const grown = Math.min(...sizes.slice(1).map((size, at) => size - sizes[at])) / rounds
    const text = sizes.map((size) => (size / 1e6).toFixed(1)).join(', ')
    assert.ok(grown < 1_000, `the heap grew by ${Math.round(grown)} bytes a round (${text} MB)`)
  })
}

test('calls with one signal for all leave no listener on it and no bytes', async () => {
  const controller = new AbortController()
  const { signal } = controller
  await used(200, (kafka) => {
    const producer = kafka.producer({ lingerMs: 0 })
    const consumer = kafka.consumer({ groupId: 'g', groupProtocol: 'classic', autoOffsetReset: 'earliest' })
    consumer.subscribe('t')
    const admin = kafka.admin()
    return async () => {
      await producer.send('t', { key: 'a', value: 'b' }, { signal })
      await consumer.poll({ timeoutMs: 1, signal })
      await admin.listOffsets([{ topic: 't', partition: 0, spec: 'latest' }], { signal })
      await admin.describeTopics(['t'], { signal })
    }
  })
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('connections that break and come back leave no bytes', () =>
  used(150, (kafka, sim) => {
    const producer = kafka.producer({ lingerMs: 0 })
    const admin = kafka.admin()
    return async () => {
      for (const broker of ['b1', 'b2']) sim.network.resetConnections('client', broker)
      await producer.send('t', { key: 'a', value: 'b' })
      await admin.describeTopics(['t'])
    }
  }))

test('clients that are made and closed leave nothing with the object that made them', () =>
  used(60, (kafka) => async () => {
    const producer = kafka.producer({ lingerMs: 0 })
    await producer.send('t', { key: 'a', value: 'b' })
    await producer.close()
    const consumer = kafka.consumer({ groupId: 'g', groupProtocol: 'classic' })
    consumer.subscribe('t')
    await consumer.poll(1)
    await consumer.close()
  }))
