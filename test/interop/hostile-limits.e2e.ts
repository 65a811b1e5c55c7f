// Limits of the real process: connections, idle ones, their pace, bytes of requests in flight and of answers that nobody
// reads. Slots of fetch sessions are in hostile-requests.e2e.ts, the deadline of frames in hostile-frames.e2e.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  encodeRequestFrame,
  FetchRequest,
  ProduceRequest,
  ProduceResponse
} from '@odradek/protocol'
import { type BrokerProcess, defaultKind, startBroker } from './support/brokers.ts'
import { hostileSuite } from './support/hostile.ts'
import { batchOf, createTopic, produce, produceRequest, RawClient } from './support/raw-client.ts'

const isServed = async (client: RawClient): Promise<boolean> => {
  client.request(ApiVersionsRequest, 0, {})
  return (await client.nextFrame()) !== undefined
}
const connectMany = (broker: BrokerProcess, count: number) =>
  Promise.all(Array.from({ length: count }, () => RawClient.connect(broker.port)))

test('max.connections.per.ip: the connections above it are closed, those within served, and a place that is left is given', async () => {
  await using broker = await startBroker({
    overrides: { 'max.connections.per.ip': '10', 'max.connections.per.ip.overrides': '127.0.0.2:3' }
  })
  const clients = await connectMany(broker, 30)
  const served = await Promise.all(clients.map(isServed))
  // the controller of the same node may hold places of its own
  const count = served.filter(Boolean).length
  assert.ok(count >= 6 && count <= 10, `${count} served`)
  const first = clients[served.indexOf(true)]
  first.close()
  for (;;) {
    const again = await RawClient.connect(broker.port)
    const isIn = await isServed(again)
    again.close()
    if (isIn) break
  }
  for (const client of clients) client.close()
})

test('max.connections: the node takes no more', {
  skip: defaultKind === 'apache' && 'Apache Kafka lets them wait'
}, async () => {
  await using broker = await startBroker({ overrides: { 'max.connections': '12' } })
  const clients = await connectMany(broker, 30)
  const served = await Promise.all(clients.map(isServed))
  assert.ok(served.filter(Boolean).length <= 12 && served.filter(Boolean).length >= 10)
  for (const client of clients) client.close()
})

test('connections.max.idle.ms: idle connections are closed, busy ones stay', async () => {
  await using broker = await startBroker({ overrides: { 'connections.max.idle.ms': '1500' } })
  const [idle, silent, busy] = await connectMany(broker, 3)
  assert.equal(await isServed(idle), true)
  const started = performance.now()
  const keepBusy = setInterval(() => busy.request(ApiVersionsRequest, 0, {}), 200)
  try {
    assert.equal(await idle.isEndedByBroker(), true)
    assert.ok(performance.now() - started >= 1_400)
    assert.equal(await silent.isEndedByBroker(), true)
    assert.equal(busy.isClosed, false)
  } finally {
    clearInterval(keepBusy)
    for (const client of [idle, silent, busy]) client.close()
  }
})

test('max.connection.creation.rate: connections that come too fast wait, and are served then', {
  skip: defaultKind === 'apache' && 'the waits are Odradek’s own'
}, async () => {
  await using broker = await startBroker({ overrides: { 'max.connection.creation.rate': '10' } })
  // those that come before the broker serves wait for that only
  assert.equal(await isServed(await RawClient.connect(broker.port)), true)
  const started = performance.now()
  const waits = await Promise.all(
    (await connectMany(broker, 120)).map(async (client) => {
      assert.equal(await isServed(client), true)
      client.close()
      return performance.now() - started
    })
  )
  // a burst of ten seconds' worth is let through, the twenty behind it come at the rate
  assert.ok(waits.filter((wait) => wait < 1_000).length >= 90)
  assert.ok(Math.max(...waits) >= 1_500, `the last waited ${Math.max(...waits)} ms`)
})

const { row } = hostileSuite({ 'queued.max.request.bytes': '1048576', 'socket.request.max.bytes': '1048576' })

row(
  'queued.max.request.bytes: large requests of many peers take turns, and all are answered',
  async (victim) => {
    await createTopic(victim.client, 'sink', { 'retention.bytes': '1' })
    const value = 'x'.repeat(500_000)
    const attackers = await Promise.all(Array.from({ length: 30 }, () => victim.connect()))
    const frames = attackers.map((_, index) =>
      Buffer.concat(
        encodeRequestFrame(ProduceRequest, { apiVersion: 9, correlationId: index, clientId: null }, produceRequest('sink', batchOf(value)))
      )
    )
    // all begin before any goes on
    for (const [index, attacker] of attackers.entries()) attacker.send(frames[index].subarray(0, 250_000))
    for (const [index, attacker] of attackers.entries()) attacker.send(frames[index].subarray(250_000))
    for (const [index, attacker] of attackers.entries()) {
      const { correlationId, body } = await attacker.response(ProduceResponse, 9)
      assert.deepEqual([correlationId, body.responses[0].partitionResponses[0].errorCode], [index, 0])
      attacker.close()
    }
  },
  { rssGrowthMax: 64 * 1024 * 1024 }
)

row(
  'answers that nobody reads take bounded memory and harm nobody',
  async (victim) => {
    await createTopic(victim.client, 'source')
    for (let index = 0; index < 20; index++) await produce(victim.client, 'source', batchOf('x'.repeat(900_000)))
    // more than the kernel's buffers take, so that memory for answers is full until the broker closes some of them
    const attackers = await Promise.all(Array.from({ length: 300 }, () => victim.connect()))
    for (const attacker of attackers) {
      attacker.socket.pause()
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50 << 20 }]
      for (let round = 0; round < 4; round++)
        attacker.request(FetchRequest, 12, { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 'source', partitions }] })
    }
    for (let round = 0; round < 20; round++) await victim.servesAll()
    const other = await victim.connect()
    await other.call(ApiVersionsRequest, ApiVersionsResponse, 0, {})
    for (const attacker of [...attackers, other]) attacker.close()
  },
  { rssGrowthMax: 160 * 1024 * 1024 }
)
