// The real broker in the simulated world: requests are Kafka's bytes over a network of odd segments, the log directory is a
// disk that tears writes. It is killed, or loses power, at any effect; what was acknowledged must be there afterwards,
// once and in order, as far as the durability asked for promises it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Prng } from '@odradek/base'
import type { BrokerServer } from '@odradek/broker'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
  decodeRecords,
  ErrorCode,
  encodeBatch,
  FetchRequest,
  FetchResponse,
  InitProducerIdRequest,
  InitProducerIdResponse,
  iterateBatches,
  ProduceRequest,
  ProduceResponse
} from '@odradek/protocol'
import { simulate, sweepSeeds } from '@odradek/testkit'
import { formatSimDisk, startSimBroker } from '@odradek/testkit/broker'
import type { World } from '@odradek/world'
import type { CrashKind, SimNode, Simulation } from '@odradek/world/sim'
import { SimClient } from '../support/sim-client.ts'

const TOPIC = 'events'
const PORT = 9092

const startBroker = (world: World, settings: Record<string, string>): Promise<BrokerServer> => startSimBroker(world, 'broker', settings)

/** An idempotent producer with one request in flight that tries again until it has the answer. */
class Producer {
  /** Values in the order in which they were acknowledged. */
  readonly acked: string[] = []
  /** Sent and not acknowledged yet: it may be there or not. */
  pending: string | undefined
  readonly #world: World
  readonly #random: Prng
  #client: SimClient | undefined
  #producer: { producerId: number; producerEpoch: number } | undefined
  #hasForgotten = false

  constructor(world: World, random: Prng) {
    this.#world = world
    this.#random = random
  }

  async run(count: number): Promise<void> {
    for (let sequence = 0; sequence < count; sequence++) {
      this.pending = `value ${sequence} ${'x'.repeat(this.#random.below(200))}`
      while (!(await this.#tryTo(() => this.#send(sequence)))) {
        if (this.#hasForgotten) throw new Error('acknowledged values are gone: the broker does not know their sequences')
        await this.#pause()
      }
      this.acked.push(this.pending)
      this.pending = undefined
    }
  }

  async #tryTo(action: () => Promise<boolean>): Promise<boolean> {
    try {
      return await action()
    } catch {
      this.#client?.close()
      this.#client = undefined
      return false
    }
  }

  async #send(sequence: number): Promise<boolean> {
    this.#client ??= await SimClient.connect(this.#world, 'broker', PORT)
    const client = this.#client
    this.#producer ??= await this.#initProducer(client)
    const records = encodeBatch({
      baseOffset: 0,
      records: [{ value: this.pending ?? null, timestamp: this.#world.clock.now() }],
      ...this.#producer,
      baseSequence: sequence
    })
    const response = await client.request(ProduceRequest, ProduceResponse, 9, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: TOPIC, partitionData: [{ index: 0, records }] }]
    })
    const { errorCode } = response.responses[0].partitionResponses[0]
    if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) this.#hasForgotten = true
    if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) await createTopic(client)
    return errorCode === ErrorCode.NONE || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER
  }

  async #initProducer(client: SimClient): Promise<{ producerId: number; producerEpoch: number }> {
    const { errorCode, producerId, producerEpoch } = await client.request(InitProducerIdRequest, InitProducerIdResponse, 4, {
      transactionalId: null,
      transactionTimeoutMs: 60_000
    })
    if (errorCode !== ErrorCode.NONE) throw new Error(`no producer id: ${errorCode}`)
    return { producerId, producerEpoch }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#world.timers.schedule(100, resolve))
  }
}

async function createTopic(client: SimClient): Promise<void> {
  await client.request(CreateTopicsRequest, CreateTopicsResponse, 7, {
    topics: [{ name: TOPIC, numPartitions: 1, replicationFactor: 1 }],
    timeoutMs: 10_000
  })
}

async function readAll(world: World): Promise<string[]> {
  const client = await SimClient.connect(world, 'broker', PORT)
  const values: string[] = []
  for (let fetchOffset = 0; ; ) {
    const response = await client.request(FetchRequest, FetchResponse, 11, {
      replicaId: -1,
      maxWaitMs: 100,
      minBytes: 1,
      maxBytes: 1 << 20,
      topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }]
    })
    const [{ errorCode, records, highWatermark }] = response.responses[0].partitions
    assert.equal(errorCode, ErrorCode.NONE)
    for (const batch of iterateBatches(records ?? Buffer.alloc(0))) {
      assert.ok(batch.isValid())
      for (const record of decodeRecords(batch)) {
        assert.equal(record.offset, fetchOffset, 'offsets have no gaps')
        values.push(String(record.value))
        fetchOffset++
      }
    }
    if (fetchOffset >= highWatermark) break
  }
  client.close()
  return values
}

/** Crashes and starts again, until the producer is done. */
async function produceUnderCrashes(
  sim: Simulation,
  broker: SimNode,
  kinds: readonly CrashKind[],
  settings: Record<string, string>
): Promise<Producer> {
  const random = sim.prng.fork('crashes')
  const producer = new Producer(sim.node('producer').world, sim.prng.fork('values'))
  let isDone = false
  let world = broker.world
  await sim.complete(formatSimDisk(world))
  producer.run(60).then(
    () => {
      isDone = true
    },
    (error: unknown) => sim.fail(error)
  )
  for (let lives = 0; !isDone; lives++) {
    if (lives < 6) broker.crashAtEffect(random.between(1, 250), random.pick(kinds))
    void startBroker(world, settings).catch((error: unknown) => {
      if (broker.isAlive) sim.fail(error)
    })
    await sim.run({ until: () => isDone || !broker.isAlive, maxVirtualMs: 300_000 })
    if (!isDone) world = broker.restart()
  }
  return producer
}

async function checkAcked(sim: Simulation, producer: Producer): Promise<void> {
  sim.node('broker').cancelCrash()
  const values = await sim.complete(readAll(sim.node('consumer').world))
  const wrong = producer.acked.findIndex((value, index) => values[index] !== value)
  const found = `${values.length} of ${producer.acked.length} acknowledged values are there`
  assert.ok(wrong < 0, `${found}; at ${wrong}: ${values[wrong]?.slice(0, 10)} instead of ${producer.acked[wrong]?.slice(0, 10)}`)
  assert.equal(values.length, producer.acked.length, found)
}

sweepSeeds('a broker killed at any effect loses and doubles nothing that it acknowledged', { seeds: 20 }, async (sim) => {
  const producer = await produceUnderCrashes(sim, sim.node('broker'), ['kill'], {})
  await checkAcked(sim, producer)
})

sweepSeeds('a broker that syncs before it answers loses nothing with the power either', { seeds: 20 }, async (sim) => {
  const producer = await produceUnderCrashes(sim, sim.node('broker'), ['kill', 'power-loss'], { 'odradek.durability': 'sync' })
  await checkAcked(sim, producer)
})

sweepSeeds(
  'a network that resets and drops connections doubles nothing',
  { seeds: 20, simulation: { network: { resetChance: 0.01, silentDropChance: 0.005, giveUpMs: 20_000 } } },
  async (sim) => {
    const producer = await produceUnderCrashes(sim, sim.node('broker'), ['kill'], {})
    Object.assign(sim.network.conditions, { resetChance: 0, silentDropChance: 0 })
    await checkAcked(sim, producer)
  }
)

sweepSeeds('a broker that was stopped loses nothing when the power goes afterwards', { seeds: 10 }, async (sim) => {
  const broker = sim.node('broker')
  await sim.complete(formatSimDisk(broker.world))
  const server = await sim.complete(startBroker(broker.world, {}))
  const producer = new Producer(sim.node('producer').world, sim.prng.fork('values'))
  await sim.complete(producer.run(20))
  await sim.complete(server.shutdown())
  broker.losePower()
  await sim.complete(startBroker(broker.restart(), {}))
  await checkAcked(sim, producer)
})

test('these checks see the loss that the page cache allows', async () => {
  let losses = 0
  for (let seed = 1; seed <= 10; seed++) {
    const scenario = async (sim: Simulation): Promise<void> => {
      const producer = await produceUnderCrashes(sim, sim.node('broker'), ['power-loss'], {})
      await checkAcked(sim, producer)
    }
    await simulate({ seed }, scenario).catch((error: unknown) => {
      assert.match(String(error), /acknowledged values are (there|gone)/)
      losses++
    })
  }
  assert.ok(losses > 0)
})
