// What Odradek's broker does not have yet, among faults against Apache Kafka in real time: groups of the consumer protocol (KIP-848) and
// transactions, through the fault proxy, with a broker that is killed on the way.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createPrng, type Prng } from '@odradek/base'
import { Kafka, KafkaError, string, topic } from '@odradek/client'
import { ApiKey, type OffsetCommitRequest } from '@odradek/protocol'
import { DeliveryHistory, readLog } from '@odradek/testkit/delivery'
import { FaultProxy, type ProxyFault } from '@odradek/testkit/proxy'
import type { World } from '@odradek/world'
import { createNodeWorld } from '@odradek/world/node'
import { type BrokerProcess, startBroker, temporaryDir } from '../interop/support/brokers.ts'
import { kafkaLibs, toolchain } from '../interop/support/toolchains.ts'

const seed = Number(process.env.SEED ?? 1)
const orders = topic('orders', { key: string(), value: string() })
const overrides = {
  'transaction.state.log.num.partitions': '2',
  'offsets.topic.num.partitions': '2',
  'group.consumer.min.heartbeat.interval.ms': '300',
  'group.consumer.heartbeat.interval.ms': '300',
  'group.consumer.min.session.timeout.ms': '3000',
  'group.consumer.session.timeout.ms': '3000'
}

describe(`clients among faults with apache (SEED=${seed})`, { timeout: 300_000 }, () => {
  const world: World = createNodeWorld({ logger: { log() {}, isEnabled: () => false }, onHalt: () => {} })
  const dataDir = temporaryDir('apache-faults')
  let broker: BrokerProcess | undefined
  let proxy: FaultProxy
  let kafka: Kafka

  before(async (context) => {
    if (toolchain(context as never, 'Apache Kafka', kafkaLibs) === undefined) return
    broker = await startBroker({ kind: 'apache', dataDir, overrides })
    proxy = await FaultProxy.start({ world, broker: { host: 'localhost', port: broker.port }, nodes: 3 })
    kafka = new Kafka({
      brokers: proxy.bootstrapServers,
      world,
      requestTimeoutMs: 3_000,
      reconnectBackoffMaxMs: 300,
      retryBackoffMaxMs: 300
    })
  })
  after(async () => {
    await kafka?.close()
    await proxy?.close()
    await broker?.[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const create = async (...names: string[]): Promise<void> => {
    await kafka.admin().createTopics(names.map((name) => ({ name, numPartitions: 3, replicationFactor: 1 })))
  }
  const idsOf = async (name: string, isReadCommitted = false) => {
    const { port } = broker as BrokerProcess
    const records = await readLog({ world, host: 'localhost', port, topic: name, partitions: 3, isReadCommitted })
    return records.map(({ key, value, ...place }) => ({ ...place, id: String(value), key: key === null ? undefined : String(key) }))
  }

  /** Strikes for so long; the broker is killed and started again in the middle. */
  async function storm(random: Prng, ms: number): Promise<void> {
    const { port } = broker as BrokerProcess
    proxy.fault = ({ apiKey }): ProxyFault | undefined => {
      if (!random.chance(apiKey === ApiKey.FETCH ? 0.005 : 0.03)) return undefined
      return random.pick(['cut before', 'cut after', 'cut inside', { lateMs: random.below(500) }] as const)
    }
    const restarting = delay(ms / 2).then(async () => {
      await broker?.kill()
      await broker?.[Symbol.asyncDispose]()
      broker = await startBroker({ kind: 'apache', dataDir, port, overrides })
    })
    const endMs = performance.now() + ms
    while (performance.now() < endMs) {
      await delay(50 + random.below(400))
      const node = 1 + random.below(3)
      const strike = random.below(6)
      if (strike === 0) proxy.cut(node)
      else if (strike === 1) {
        proxy.stall(random.pick(['up', 'down', 'both']))
        await delay(random.below(500))
        proxy.heal()
      } else if (strike === 2)
        Object.assign(random.pick([proxy.up, proxy.down]), { lateMs: random.below(50), pieceBytes: random.pick([0, 1, 50]) })
      else if (strike === 3) proxy.cluster.moveLeader('orders', random.below(3), node)
      else if (strike === 4) proxy.cluster.moveCoordinator(node)
      else {
        await proxy.stopNode(node)
        await delay(random.below(400))
        await proxy.startNode(node)
      }
    }
    await restarting
    proxy.fault = undefined
    proxy.heal()
  }

  // After a kill Apache's broker knows the last batch of each producer only, and calls copies of those before it out of order.
  test('an idempotent producer doubles nothing when the broker is killed with several batches unanswered', async (t) => {
    if (broker === undefined) return t.skip('no Java')
    await create('killed')
    const producer = kafka.producer({ lingerMs: 0, batchSize: 1, deliveryTimeoutMs: 120_000 })
    const send = (value: string) => producer.send('killed', { partition: 0, value })
    await send('a')
    proxy.fault = ({ apiKey }) => (apiKey === ApiKey.PRODUCE ? 'swallow' : undefined)
    const sends = ['b', 'c', 'd', 'e'].map(send)
    const ids = async () => (await idsOf('killed')).map(({ id }) => id)
    while ((await ids()).length < 5) await delay(20)
    const { port } = broker
    await broker.kill()
    await broker[Symbol.asyncDispose]()
    proxy.fault = undefined
    broker = await startBroker({ kind: 'apache', dataDir, port, overrides })
    await Promise.all(sends)
    await send('f')
    await producer.close()
    assert.deepEqual(await ids(), ['a', 'b', 'c', 'd', 'e', 'f'])
  })

  test('a group of the consumer protocol works on everything and commits nothing ahead', async (t) => {
    if (broker === undefined) return t.skip('no Java')
    const random = createPrng(seed).fork('group')
    await create('orders')
    const history = new DeliveryHistory()
    proxy.onRequest = ({ apiKey, body }) => {
      if (apiKey !== ApiKey.OFFSET_COMMIT) return
      for (const { name, topicId, partitions } of (body as OffsetCommitRequest).topics)
        for (const { partitionIndex, committedOffset } of partitions)
          history.commits(name || (proxy.cluster.topicName(topicId) ?? '?'), partitionIndex, committedOffset)
    }
    const count = 800
    const producer = kafka.producer({ lingerMs: 1, batchSize: 800, deliveryTimeoutMs: 120_000, maxBlockMs: 120_000 })
    const stop = new AbortController()
    const members = [1, 2].map(() => {
      const consumer = kafka.consumer({ groupId: 'g', groupProtocol: 'consumer', autoOffsetReset: 'earliest', autoCommitIntervalMs: 200 })
      return consumer.run(
        orders,
        async (record) => {
          const ends = history.begins(record)
          await delay(random.below(4))
          ends(true)
        },
        { signal: stop.signal, concurrency: { by: 'key', max: 8 } }
      )
    })
    const stormy = storm(random, 5_000)
    const sends: Promise<void>[] = []
    for (let number = 0; number < count; number++) {
      const [id, key] = [`r${number}`, `k${random.below(20)}`]
      history.sending(id, key)
      sends.push(
        producer
          .send(orders, { key, value: id })
          .then(({ partition, offset }) => history.acknowledged(id, { topic: 'orders', partition, offset }))
      )
      if (number % 4 === 0) await delay(25)
    }
    await Promise.all([stormy, ...sends])
    const log = await idsOf('orders')
    const deadline = performance.now() + 60_000
    while (history.finishedCount < log.length && performance.now() < deadline) await delay(50)
    stop.abort()
    await Promise.all(members)
    history.check(log, { isIdempotent: true })
    assert.ok(history.commitCount > 5)
    proxy.onRequest = undefined
  })

  test('transactions are there whole or not at all, and those that were committed are', async (t) => {
    if (broker === undefined) return t.skip('no Java')
    const random = createPrng(seed).fork('transactions')
    await create('left', 'right')
    const outcomes = new Map<string, 'committed' | 'aborted' | 'unknown'>()
    const options = {
      transactionalId: 'faults',
      transactionTimeoutMs: 10_000,
      deliveryTimeoutMs: 9_000,
      requestTimeoutMs: 3_000,
      lingerMs: 0,
      maxBlockMs: 60_000
    }
    let producer = kafka.producer(options)
    const stormy = storm(random, 5_000)
    let isOver = false
    void stormy.then(() => {
      isOver = true
    })
    const planned = new Error('planned')
    for (let number = 0; !isOver || number < 40; number++) {
      const id = `t${number}`
      const aborts = random.chance(0.2)
      try {
        await producer.transaction(async (tx) => {
          void tx.send('left', { key: 'k', value: id })
          void tx.send('right', { key: 'k', value: id })
          if (aborts) throw planned
        })
        outcomes.set(id, 'committed')
      } catch (error) {
        if (error !== planned && !(error instanceof KafkaError)) throw error
        outcomes.set(id, error === planned ? 'aborted' : 'unknown')
        if (error !== planned && (error as KafkaError).fatal) {
          await producer.close()
          producer = kafka.producer(options)
        }
      }
    }
    await stormy
    await producer.close()
    // What was left open is ended by the next producer of this id.
    const last = kafka.producer(options)
    await last.initTransactions()
    await last.close()
    const [left, right] = [await idsOf('left', true), await idsOf('right', true)]
    const counts = (log: typeof left): Map<string, number> =>
      new Map([...Map.groupBy(log, ({ id }) => id)].map(([id, list]) => [id, list.length]))
    const [inLeft, inRight] = [counts(left), counts(right)]
    for (const [id, outcome] of outcomes) {
      const found = [inLeft.get(id) ?? 0, inRight.get(id) ?? 0]
      if (outcome === 'committed') assert.deepEqual(found, [1, 1], `${id} was committed`)
      else if (outcome === 'aborted') assert.deepEqual(found, [0, 0], `${id} was aborted`)
      else assert.ok(found[0] === found[1] && found[0] <= 1, `${id} is there in part: ${found}`)
    }
    const committed = [...outcomes.values()].filter((outcome) => outcome === 'committed').length
    assert.ok(committed > 20, `${committed} of ${outcomes.size} were committed`)
  })
})
