// What the settings of the controller and of the metadata log do by the clock, in virtual time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '@odradek/testkit'
import type { Simulation } from '@odradek/world/sim'
import type { MetadataNode } from '../src/index.ts'
import { beat, DIRECTORY, incarnation, joinBroker, newTopic, openNode, registration, testConfig } from './support.ts'

const LOG = `${DIRECTORY}/__cluster_metadata-0`
const HOUR = 3_600_000

class Run {
  readonly sim: Simulation
  readonly node: MetadataNode
  readonly #epochs = new Map<number, number>()

  constructor(sim: Simulation, node: MetadataNode) {
    this.sim = sim
    this.node = node
  }

  async advance(ms: number): Promise<void> {
    await this.sim.run({ maxVirtualMs: ms })
  }

  async join(...brokerIds: number[]): Promise<void> {
    for (const brokerId of brokerIds) this.#epochs.set(brokerId, await this.sim.complete(joinBroker(this.node, { brokerId })))
  }

  async fence(brokerId: number, fence: boolean): Promise<void> {
    await this.sim.complete(beat(this.node, brokerId, this.#epochOf(brokerId), { fence }))
  }

  async createTopic(name: string, assignment: number[]): Promise<void> {
    const request = { topics: [newTopic(name, { assignments: [assignment] })], timeoutMs: 5000, validateOnly: false }
    assert.equal((await this.sim.complete(this.node.call('createTopics', request))).topics[0].errorCode, 0)
  }

  async setIsr(topic: string, isr: number[]): Promise<void> {
    const { leader, leaderEpoch, partitionEpoch } = this.partition(topic)
    const newIsrWithEpochs = isr.map((brokerId) => ({ brokerId, brokerEpoch: this.#epochOf(brokerId) }))
    const partition = { partitionIndex: 0, leaderEpoch, newIsr: [], newIsrWithEpochs, leaderRecoveryState: 0, partitionEpoch }
    const topics = [{ topicId: this.node.image.topic(topic)?.id ?? '', partitions: [partition] }]
    const request = { brokerId: leader, brokerEpoch: this.#epochOf(leader), topics }
    const answer = await this.sim.complete(this.node.call('alterPartition', request))
    assert.deepEqual([answer.errorCode, answer.topics[0].partitions[0].errorCode], [0, 0])
  }

  async setTopicConfig(resourceName: string, name: string, value: string): Promise<void> {
    const resources = [{ resourceType: 2, resourceName, configs: [{ name, configOperation: 0, value }] }]
    const { responses } = await this.sim.complete(this.node.call('incrementalAlterConfigs', { resources, validateOnly: false }))
    assert.equal(responses[0].errorCode, 0)
  }

  partition(topic: string) {
    const partition = this.node.image.partition(topic, 0)
    assert.ok(partition !== undefined)
    return partition
  }

  isFenced(brokerId: number): boolean | undefined {
    return this.node.image.brokers.get(brokerId)?.fenced
  }

  /** How many files of the metadata log end so. */
  async filesCount(suffix: string): Promise<number> {
    const names = await this.sim.complete(this.sim.node('controller').world.disk.readdir(LOG))
    return names.filter((name) => name.endsWith(suffix)).length
  }

  #epochOf(brokerId: number): number {
    return this.#epochs.get(brokerId) ?? -1
  }
}

async function withNode(overrides: Record<string, string>, body: (run: Run) => Promise<void>): Promise<void> {
  await simulate({ seed: 'settings' }, async (sim) => {
    const opened = await sim.complete(openNode(sim.node('controller').world, testConfig(overrides)))
    await body(new Run(sim, opened.node))
    await sim.complete(Promise.resolve(opened[Symbol.asyncDispose]()))
  })
}

for (const timeoutMs of [3_000, 9_000, 60_000]) {
  test(`broker.session.timeout.ms=${timeoutMs}: a broker that is silent for so long is fenced, and another may take its id`, async () => {
    await withNode({ 'broker.session.timeout.ms': String(timeoutMs) }, async (run) => {
      await run.join(1)
      await run.advance(timeoutMs - 500)
      const register = () => run.sim.complete(run.node.call('registerBroker', registration({ incarnationId: incarnation(77) })))
      assert.deepEqual([run.isFenced(1), (await register()).errorCode], [false, 101])
      await run.advance(1_000)
      assert.deepEqual([run.isFenced(1), (await register()).errorCode], [true, 0])
    })
  })
}

const patient = { 'broker.session.timeout.ms': String(HOUR) }

/** Broker 1 should lead and is back in the ISR; 2 leads. */
async function leadAway(run: Run): Promise<void> {
  await run.join(1, 2)
  await run.createTopic('t', [1, 2])
  await run.fence(1, true)
  await run.fence(1, false)
  await run.setIsr('t', [2, 1])
  assert.equal(run.partition('t').leader, 2)
}

test('leader.imbalance.check.interval.seconds: so often leadership goes back to the preferred replicas', async () => {
  await withNode({ ...patient, 'leader.imbalance.check.interval.seconds': '70' }, async (run) => {
    await leadAway(run)
    await run.advance(69_000)
    assert.equal(run.partition('t').leader, 2)
    await run.advance(2_000)
    assert.equal(run.partition('t').leader, 1)
  })
})

test('auto.leader.rebalance.enable=false: leadership stays where it is', async () => {
  const overrides = { ...patient, 'auto.leader.rebalance.enable': 'false', 'leader.imbalance.check.interval.seconds': '1' }
  await withNode(overrides, async (run) => {
    await leadAway(run)
    await run.advance(600_000)
    assert.equal(run.partition('t').leader, 2)
  })
})

test('unclean.leader.election.interval.ms: so often a live replica is elected where the topic allows it', async () => {
  await withNode({ ...patient, 'unclean.leader.election.interval.ms': '40000' }, async (run) => {
    await run.join(1, 2)
    await run.createTopic('t', [1, 2])
    await run.setIsr('t', [1])
    await run.fence(1, true)
    await run.setTopicConfig('t', 'unclean.leader.election.enable', 'true')
    await run.advance(38_000)
    assert.equal(run.partition('t').leader, -1)
    await run.advance(3_000)
    assert.deepEqual([run.partition('t').leader, run.partition('t').leaderRecoveryState], [2, 1])
  })
})

for (const [segmentMs, expected] of [
  [5_000, true],
  [HOUR, false]
] as const) {
  test(`metadata.log.segment.ms=${segmentMs}: ${expected ? 'a' : 'no'} new segment of the metadata log after 12 s`, async () => {
    await withNode({ 'metadata.log.segment.ms': String(segmentMs), 'metadata.max.idle.interval.ms': '500' }, async (run) => {
      await run.advance(12_000)
      assert.equal((await run.filesCount('.log')) > 1, expected)
    })
  })
}

for (const [segmentBytes, segments] of [
  [8 << 20, 2],
  [64 << 20, 1]
]) {
  test(`metadata.log.segment.bytes=${segmentBytes}: 10 MiB of metadata are ${segments} segments`, async () => {
    await withNode({ 'metadata.log.segment.bytes': String(segmentBytes), 'metadata.max.idle.interval.ms': '0' }, async (run) => {
      await run.join(1)
      for (let call = 0; call < 2; call++) {
        const resources = Array.from({ length: 170 }, (_, index) => ({
          resourceType: 16,
          resourceName: `metrics-${call}-${index}`,
          configs: [{ name: 'match', configOperation: 0, value: `client_id=${'x'.repeat(30_000)}` }]
        }))
        const { responses } = await run.sim.complete(run.node.call('incrementalAlterConfigs', { resources, validateOnly: false }))
        assert.deepEqual(new Set(responses.map(({ errorCode }) => errorCode)), new Set([0]))
      }
      assert.equal(await run.filesCount('.log'), segments)
    })
  })
}

for (const [intervalMs, snapshots] of [
  [20_000, 3],
  [50_000, 1],
  [0, 0]
]) {
  test(`metadata.log.max.snapshot.interval.ms=${intervalMs}: ${snapshots} snapshots in 70 s`, async () => {
    await withNode({ 'metadata.log.max.snapshot.interval.ms': String(intervalMs) }, async (run) => {
      await run.advance(70_000)
      assert.equal(await run.filesCount('.checkpoint'), snapshots)
    })
  })
}

for (const [retentionMs, snapshots] of [
  [25_000, 2],
  [45_000, 3],
  [-1, 4]
]) {
  test(`metadata.max.retention.ms=${retentionMs}: of snapshots of 60, 40, 20 and 0 s ago ${snapshots} are kept`, async () => {
    await withNode({ 'metadata.max.retention.ms': String(retentionMs) }, async (run) => {
      for (let snapshot = 0; snapshot < 4; snapshot++) {
        if (snapshot > 0) await run.advance(20_000)
        await run.sim.complete(run.node.writeSnapshot())
      }
      assert.equal(await run.filesCount('.checkpoint'), snapshots)
    })
  })
}
