// The wall clock of the broker is set forward and back by hours under load, and once while it is down: nothing is lost or doubled, the
// group stays together, and nothing that goes by the clock runs wild.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Kafka } from '@odradek/client'
import { simulate } from '@odradek/testkit'
import { SimBroker } from '@odradek/testkit/broker'
import { DeliveryHistory, readLog } from '@odradek/testkit/delivery'
import type { Simulation } from '@odradek/world/sim'

const HOUR = 3_600_000
const TOPICS = ['created', 'appended', 'compacted'] as const
const JUMPS: Readonly<Record<string, readonly number[]>> = {
  forward: [2 * HOUR, 24 * HOUR],
  back: [-2 * HOUR, -24 * HOUR],
  'forward and back': [5 * HOUR, -11 * HOUR, -40 * HOUR]
}

class Scene {
  readonly sim: Simulation
  readonly broker: SimBroker
  readonly kafka: Kafka
  readonly history = new DeliveryHistory()
  sent = 0

  constructor(sim: Simulation, broker: SimBroker) {
    this.sim = sim
    this.broker = broker
    this.kafka = new Kafka({ brokers: `${broker.host}:${broker.port}`, world: sim.node('client').world })
  }

  async createTopics(): Promise<void> {
    const configs = {
      created: { 'segment.ms': '1800000' },
      appended: { 'segment.ms': '1800000', 'message.timestamp.type': 'LogAppendTime' },
      compacted: { 'cleanup.policy': 'compact', 'internal.segment.bytes': '2000', 'min.cleanable.dirty.ratio': '0.01' }
    }
    // what was made before the clock went back comes from the future; by default it would be refused, as by Apache Kafka
    const any = { 'message.timestamp.after.max.ms': '9223372036854775807' }
    const topics = TOPICS.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, configs: { ...configs[name], ...any } }))
    await this.sim.complete(this.kafka.admin().createTopics(topics))
  }

  /** One record every 50 ms to each topic. */
  load(): { stop(): Promise<void> } {
    const producer = this.kafka.producer({ deliveryTimeoutMs: 600_000 })
    let isOver = false
    const { timers } = this.sim.node('client').world
    const sending: Promise<unknown>[] = []
    const run = async (): Promise<void> => {
      while (!isOver) {
        for (const name of TOPICS) sending.push(this.#send(producer, name))
        await new Promise<void>((resolve) => timers.schedule(50, resolve))
      }
      await Promise.all(sending)
      await producer.close()
    }
    const done = run()
    return {
      stop: () => {
        isOver = true
        return this.sim.complete(done, { maxVirtualMs: 600_000 })
      }
    }
  }

  async #send(producer: ReturnType<Kafka['producer']>, name: string): Promise<void> {
    const id = `${name}-${this.sent++}`
    // every key but one of the compacted topic is written once: all of them must be there in the end
    const key = name === 'compacted' ? id : `k${this.sent % 5}`
    this.history.sending(id, key)
    const { offset } = await producer.send(name, { key, value: id })
    this.history.acknowledged(id, { topic: name, partition: 0, offset })
  }

  async judge(): Promise<void> {
    const { host, port } = this.broker
    const { world } = this.sim.node('client')
    const logs = await this.sim.complete(Promise.all(TOPICS.map((topic) => readLog({ world, host, port, topic, partitions: 1 }))))
    const log = logs
      .flat()
      .map(({ topic, partition, offset, key, value }) => ({ topic, partition, offset, key: String(key), id: String(value) }))
    this.history.check(log, { isIdempotent: true, isConsumed: false })
  }

  segmentsOf(topic: string): number {
    return this.broker.server?.replicas.get(topic, 0)?.log.segments.length ?? 0
  }
}

async function passed(sim: Simulation, ms: number): Promise<void> {
  let isOver = false
  sim.at(ms, 'passed', () => {
    isOver = true
  })
  await sim.run({ until: () => isOver, maxVirtualMs: 2 * ms })
}

for (const [title, jumps] of Object.entries(JUMPS)) {
  describe(`a clock that is set ${title} by hours`, () => {
    test('loses no record, rolls no more segments than there were jumps, and leaves a group together', async () => {
      await simulate({ seed: title }, async (sim) => {
        const broker = await SimBroker.start(sim, 'broker', { 'log.cleaner.backoff.ms': '200', 'offsets.topic.num.partitions': '1' })
        const scene = new Scene(sim, broker)
        await scene.createTopics()
        const consumer = scene.kafka.consumer({
          groupId: 'g',
          groupProtocol: 'classic',
          autoOffsetReset: 'earliest',
          sessionTimeoutMs: 6_000,
          heartbeatIntervalMs: 500
        })
        let assignments = 0
        const seen = new Set<string>()
        consumer.subscribe([...TOPICS], { onAssigned: () => void assignments++ })
        let isOver = false
        const consuming = (async () => {
          while (!isOver) {
            for (const { value } of await consumer.poll(200)) seen.add(String(value))
            await consumer.commitSync()
          }
          await consumer.close()
        })()
        const load = scene.load()
        await sim.run({ until: () => assignments > 0 && seen.size > 50, maxVirtualMs: 60_000 })
        for (const jump of jumps) {
          for (const node of [broker.node, sim.node('client')]) node.clockOffsetMs += jump
          const before = seen.size
          // longer than a session: who fell out of the group would be assigned anew
          await passed(sim, 8_000)
          assert.ok(seen.size > before + 200, `records flow after a jump of ${jump / HOUR} h`)
        }
        assert.equal(assignments, 1, 'the group stays as it is')
        for (const topic of ['created', 'appended'])
          assert.ok(scene.segmentsOf(topic) <= 2 * jumps.length + 1, `${topic}: ${scene.segmentsOf(topic)}`)
        broker.kill()
        for (const node of [broker.node, sim.node('client')]) node.clockOffsetMs -= 30 * HOUR
        broker.restart()
        await broker.ready()
        await load.stop()
        await scene.judge()
        isOver = true
        await sim.complete(consuming, { maxVirtualMs: 60_000 })
        const groups = await sim.complete(scene.kafka.admin().listConsumerGroupOffsets(['g']).then())
        for (const topic of TOPICS)
          assert.ok((groups.get('g')?.offsets.get(`${topic}-0`)?.offset ?? 0) > 0, `${topic} has a committed offset`)
        await sim.complete(scene.kafka.close())
        assert.ok(sim.events < 400_000, `nothing runs wild: ${sim.events} events`)
      })
    })
  })
}
