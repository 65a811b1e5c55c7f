// The producer among faults of all kinds: what it says is acknowledged is there, once, at the place it says, and keys keep their order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KafkaError, string, topic } from '@odradek/client'
import { simulate, sweepSeeds } from '@odradek/testkit'
import type { Simulation } from '@odradek/world/sim'
import { FaultWorld } from './fault-world.ts'

const RECORDS = 300
const orders = topic('orders', { key: string(), value: string() })

interface Rules {
  readonly isIdempotent: boolean
  /** Records may fail: they have little time. */
  readonly mayFail?: boolean
}

async function produce(sim: Simulation, options: object, { mayFail = false, ...rules }: Rules): Promise<void> {
  const stage = await FaultWorld.start(sim)
  await stage.createTopics('orders')
  const random = sim.prng.fork('records')
  const node = sim.node('shop')
  const kafka = stage.kafka(node)
  const producer = kafka.producer({ lingerMs: 2, batchSize: 400, deliveryTimeoutMs: 120_000, maxBlockMs: 120_000, ...options })
  stage.storm({ topics: ['orders'], meanMs: 800 })
  const failures: unknown[] = []
  const sends: Promise<void>[] = []
  for (let number = 0; number < RECORDS; number++) {
    const id = `r${number}`
    const key = `k${random.below(12)}`
    stage.history.sending(id, key)
    const sent = producer.send(orders, { key, value: id }).then(
      ({ partition, offset }) => stage.history.acknowledged(id, { topic: 'orders', partition, offset }),
      (error) => void failures.push(error)
    )
    sends.push(sent)
    if (random.chance(0.3)) await sim.advance(random.below(200))
  }
  await sim.advance(5_000)
  await stage.calm()
  await sim.complete(Promise.all(sends), { maxVirtualMs: 300_000 })
  assert.equal(stage.history.acknowledgedCount + failures.length, RECORDS)
  if (mayFail) for (const error of failures) assert.equal((error as KafkaError).code, 'REQUEST_TIMED_OUT')
  else assert.deepEqual(failures, [])
  await sim.complete(kafka.close())
  const log = await stage.log('orders')
  assert.ok(log.length >= RECORDS - failures.length)
  stage.history.check(log, { isConsumed: false, ...rules })
  await sim.advance(5_000)
  assert.equal(node.host.sockets.size, 0)
}

sweepSeeds('an idempotent producer among faults loses, doubles and misplaces nothing', { seeds: 12 }, (sim) =>
  produce(sim, {}, { isIdempotent: true })
)

sweepSeeds(
  'an idempotent producer that gives batches up goes on without losing, doubling or misplacing another record',
  { seeds: 8 },
  (sim) => produce(sim, { deliveryTimeoutMs: 3_002 }, { isIdempotent: true, mayFail: true })
)

sweepSeeds('a producer without idempotence, one request in flight, loses nothing and keeps the order of keys', { seeds: 4 }, (sim) =>
  produce(sim, { enableIdempotence: false, maxInFlightRequestsPerConnection: 1 }, { isIdempotent: false })
)

test('these checks see what a producer without idempotence doubles', async () => {
  let doubled = 0
  for (let seed = 1; seed <= 3; seed++)
    await simulate({ seed }, (sim) => produce(sim, { enableIdempotence: false }, { isIdempotent: true })).catch((error) => {
      assert.match(String(error), /doubled: r\d+ is at/)
      doubled++
    })
  assert.ok(doubled > 0)
})
