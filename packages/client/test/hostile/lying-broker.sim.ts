// Whatever a broker says: every promise settles in bounded time with a value or a KafkaError, no request is repeated without a pause, the
// process lives, and after close nothing is left, no socket, no timer. The table of lies is in lies.ts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { apiKeys, errorTable } from '@odradek/protocol'
import { simulate } from '@odradek/testkit'
import type { Simulation } from '@odradek/world/sim'
import { Kafka, KafkaError } from '../../src/index.ts'
import type { Lie } from '../support/fake-cluster.ts'
import { honestCluster } from './honest-cluster.ts'
import { errorLie, lies } from './lies.ts'

const API_TIMEOUT_MS = 8_000
/** What a use may take: its deadline, and a close. */
const BOUND_MS = 30_000
/** Requests a second on average that nobody can call a loop without a pause; and those of a start. */
const REQUESTS_PER_SECOND = 100
const REQUESTS_AT_ONCE = 60

type Use = (kafka: Kafka, sim: Simulation) => Promise<unknown>

const polls =
  (groupProtocol: 'classic' | 'consumer'): Use =>
  async (kafka, sim) => {
    const consumer = kafka.consumer({ groupId: 'g', groupProtocol, autoOffsetReset: 'earliest', autoCommitIntervalMs: 500 })
    consumer.subscribe('t')
    const errors: unknown[] = []
    for (const endMs = sim.nowMs + 10_000; sim.nowMs < endMs; ) {
      const startMs = sim.nowMs
      await consumer.poll(500).catch((error) => errors.push(error))
      assert.ok(sim.nowMs - startMs < 600, 'a poll keeps to its time')
      // An application that goes on after an error waits a moment.
      await new Promise<void>((resolve) => void sim.node('client').world.timers.schedule(50, resolve))
    }
    for (const error of errors) checkError(error)
    await consumer.commitSync([{ topic: 't', partition: 0, offset: 1 }], { timeoutMs: 3_000 })
  }

const uses: Readonly<Record<string, Use>> = {
  async send(kafka) {
    const producer = kafka.producer({ lingerMs: 0, deliveryTimeoutMs: 9_000, requestTimeoutMs: 3_000, maxBlockMs: 6_000 })
    const sends = ['a', 'b', 'c', undefined].map((key) => producer.send('t', { key, value: 'x' }))
    const results = await Promise.allSettled(sends)
    for (const result of results) if (result.status === 'rejected') checkError(result.reason)
    return sends[0]
  },
  async assign(kafka) {
    const consumer = kafka.consumer({ autoOffsetReset: 'earliest' })
    consumer.assign([0, 1].map((partition) => ({ topic: 't', partition })))
    for (let polls = 0; polls < 15; polls++) await consumer.poll(500).catch(checkError)
  },
  'poll in a classic group': polls('classic'),
  'poll in a consumer group': polls('consumer'),
  async administer(kafka) {
    const admin = kafka.admin()
    const results = await Promise.allSettled([
      admin.createTopics([{ name: 'new', numPartitions: 1, replicationFactor: 1 }]).then(),
      admin.listTopics(),
      admin.listOffsets([{ topic: 't', partition: 0, spec: 'latest' }]).then(),
      admin.listConsumerGroupOffsets(['g']).then(),
      admin.describeCluster()
    ])
    for (const result of results) if (result.status === 'rejected') checkError(result.reason)
  }
}

function checkError(error: unknown): void {
  assert.ok(error instanceof KafkaError, `an error without a type: ${error instanceof Error ? error.stack : String(error)}`)
  assert.ok(error.message.length > 5)
}

async function lieTo(use: Use, lie: Lie): Promise<void> {
  await simulate({ seed: 1, network: { delayMs: [0.1, 0.3], slowChance: 0 } }, async (sim) => {
    const fake = await honestCluster(sim)
    fake.lie = lie
    const kafka = new Kafka({
      brokers: 'b1:9092,b2:9092',
      world: fake.client.world,
      requestTimeoutMs: 3_000,
      defaultApiTimeoutMs: API_TIMEOUT_MS
    })
    const startMs = sim.nowMs
    await sim.complete(use(kafka, sim).catch(checkError), { maxVirtualMs: BOUND_MS, maxEvents: 200_000 })
    await sim.complete(kafka.close(), { maxVirtualMs: 2 * BOUND_MS, maxEvents: 200_000 })
    const seconds = (sim.nowMs - startMs) / 1_000
    const asked = [...fake.brokers.values()].flatMap((broker) => broker.asked)
    const counts = [...Map.groupBy(asked, ({ apiKey }) => apiKey)].map(([key, list]) => `${apiKeys.get(key)?.name} ${list.length}`)
    const isPaced = asked.length <= REQUESTS_AT_ONCE + REQUESTS_PER_SECOND * seconds
    assert.ok(isPaced, `${asked.length} requests in ${seconds.toFixed(1)} s: ${counts.join(', ')}`)
    const closedMs = sim.nowMs
    await sim.run({ maxEvents: 10_000 })
    assert.ok(sim.nowMs - closedMs <= 1_500, `something went on for ${sim.nowMs - closedMs} ms after close`)
    assert.equal(fake.client.host.sockets.size, 0)
  })
}

for (const [what, use] of Object.entries(uses)) {
  describe(`who would ${what} and is told`, () => {
    for (const [name, lie] of lies) test(`${name}, gets an answer or a typed error in time, and leaves nothing`, () => lieTo(use, lie))
  })
}

describe('an error in every field', () => {
  // A long run takes all of them.
  const isLong = process.env.ODRADEK_TEST_SECONDS !== undefined
  const codes = errorTable.map(({ code }) => code).filter((code, at) => code !== 0 && (isLong || at % 6 === 0))
  for (const [what, use] of Object.entries(uses))
    test(`whichever it is, who would ${what} gets an answer or a typed error in time`, async () => {
      for (const code of codes)
        await lieTo(use, errorLie(code)).catch((cause) => {
          throw new Error(`error code ${code}`, { cause })
        })
    })
})
