// Calls of every kind while brokers die, wires break and brokers lie: each call settles by its deadline with an answer that is right or
// a KafkaError, and after close nothing is left: no socket, no timer, no promise.
import assert from 'node:assert/strict'
import { createPrng } from '@odradek/base'
import { ApiKey, ErrorCode, ListGroupsRequest, ListGroupsResponse } from '@odradek/protocol'
import { drawFaultPlan, scheduleFaults, sweepSeeds } from '@odradek/testkit'
import { KafkaError } from '../../src/errors.ts'
import { type FakeAnswer, FakeCluster } from '../support/fake-cluster.ts'

const RUN_MS = 60_000
const TIMEOUT_MS = 5_000

sweepSeeds('a cluster under faults: every call settles in time, and nothing is left', { seeds: 25 }, async (sim, seed) => {
  const random = createPrng(seed).fork('calls')
  const fake = await FakeCluster.start([1, 2, 3], sim)
  fake.topics.set('a', { topicId: 'AAAAAAAAQACAAAAAAAAAAQ', partitions: [1, 2, 3].map((leader) => ({ leader, epoch: 0 })) })
  fake.handlers.set(ApiKey.LIST_GROUPS, (_, broker): FakeAnswer => {
    if (random.chance(0.1))
      return random.pick(['silence', 'hang up', Buffer.alloc(20, 7), { errorCode: ErrorCode.NOT_COORDINATOR }] as FakeAnswer[])
    fake.coordinatorId = 1 + random.below(3)
    fake.controllerId = 1 + random.below(3)
    return { groups: [{ groupId: `of-${broker.id}` }] }
  })
  const nodes = ['client', 'b1', 'b2', 'b3']
  const kinds = ['partition', 'cut', 'clog', 'reset', 'silent-drop'] as const
  const plan = drawFaultPlan({ seed, nodes, kinds, untilMs: RUN_MS, meanIntervalMs: 8_000, maxDurationMs: 15_000 })
  const crashes = drawFaultPlan({ seed, nodes: nodes.slice(1), kinds: ['kill', 'power-loss'], untilMs: RUN_MS, meanIntervalMs: 15_000 })
  scheduleFaults(sim, [...plan, ...crashes], (node) => void fake.broker(Number(node.name.slice(1))).listen())
  const cluster = fake.connect({ brokers: ['b1:9092', 'b2:9092', 'b3:9092'], requestTimeoutMs: 2_000, connectTimeoutMs: 1_000 })
  let answers = 0
  let failures = 0
  const waiting = new Set<Promise<void>>()
  const start = (call: Promise<unknown>): void => {
    const began = sim.nowMs
    const settle = (error?: unknown): void => {
      assert.ok(sim.nowMs - began <= TIMEOUT_MS + 50, `a call took ${sim.nowMs - began} ms`)
      if (error === undefined) answers++
      else {
        assert.ok(error instanceof KafkaError, String(error))
        failures++
      }
      waiting.delete(done)
    }
    const done = call.then(() => settle(), settle)
    waiting.add(done)
  }
  const options = { timeoutMs: TIMEOUT_MS }
  while (sim.nowMs < RUN_MS) {
    const node = 1 + random.below(3)
    start(
      random.pick([
        () => cluster.metadata(random.pick([undefined, [], ['a'], ['b']]), { refresh: random.chance(0.3), ...options }),
        () =>
          cluster.call({ node }, ListGroupsRequest, ListGroupsResponse, {}, options).then(({ groups }) => {
            if (groups.length > 0) assert.equal(groups[0].groupId, `of-${node}`)
          }),
        () => cluster.call({ coordinator: `g${random.below(4)}`, type: 'group' }, ListGroupsRequest, ListGroupsResponse, {}, options),
        () => cluster.call({ controller: true }, ListGroupsRequest, ListGroupsResponse, {}, options),
        () => cluster.call({ anyNode: true }, ListGroupsRequest, ListGroupsResponse, {}, options)
      ])()
    )
    await sim.advance(random.below(400))
  }
  await sim.run({ until: () => waiting.size === 0, maxVirtualMs: TIMEOUT_MS + 100 })
  assert.ok(answers > 50, `${answers} answers, ${failures} failures`)
  // Faults over, the cluster is found again.
  sim.network.heal()
  await sim.advance(20_000)
  await sim.complete(cluster.metadata(['a'], { refresh: true }))
  cluster.close()
  await sim.advance(20_000)
  assert.equal(fake.client.host.sockets.size, 0)
})
