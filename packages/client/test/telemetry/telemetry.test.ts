// KIP-714 in virtual time: when a client asks, when it pushes, what it does with each answer.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiKey, ErrorCode, GetTelemetrySubscriptionsResponse, type PushTelemetryRequest, PushTelemetryResponse } from '@odradek/protocol'
import type { Cluster } from '../../src/network/cluster.ts'
import { startTelemetry } from '../../src/telemetry/telemetry.ts'
import { FakeCluster } from '../support/fake-cluster.ts'

const INTERVAL_MS = 10_000
const instanceId = 'AAAAAAAAQACAAAAAAAAAAQ'

class Scene {
  readonly fake: FakeCluster
  readonly asked: number[] = []
  readonly pushed: { atMs: number; body: PushTelemetryRequest }[] = []
  prefixes = ['*']
  subscriptionId = 1
  errors: number[] = []
  maxBytes = 1_000_000

  constructor(fake: FakeCluster) {
    this.fake = fake
    fake.handlers.set(ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, () => {
      this.asked.push(fake.sim.nowMs)
      return GetTelemetrySubscriptionsResponse.create({
        clientInstanceId: instanceId,
        subscriptionId: this.subscriptionId,
        acceptedCompressionTypes: [],
        pushIntervalMs: INTERVAL_MS,
        telemetryMaxBytes: this.maxBytes,
        deltaTemporality: true,
        requestedMetrics: this.prefixes
      })
    })
    fake.handlers.set(ApiKey.PUSH_TELEMETRY, ({ body }) => {
      this.pushed.push({ atMs: fake.sim.nowMs, body })
      return PushTelemetryResponse.create({ errorCode: this.errors.shift() ?? 0 })
    })
  }

  static async start(seed = 1): Promise<Scene> {
    return new Scene(await FakeCluster.start([1], seed))
  }

  async connected(isPushing = true): Promise<Cluster> {
    const cluster = this.fake.connect({ kind: 'producer', clientId: 'c' })
    startTelemetry(cluster, { 'enable.metrics.push': isPushing })
    await this.fake.sim.complete(cluster.metadata([]))
    return cluster
  }
}

describe('pushing client metrics', () => {
  test('begins with the first connection, at a random part of the interval, goes on with the interval and ends with a last push', async () => {
    const firsts = new Set<number>()
    for (let seed = 1; seed <= 8; seed++) {
      const scene = await Scene.start(seed)
      const cluster = await scene.connected()
      await scene.fake.sim.advance(60_000)
      assert.equal(scene.asked.length, 1)
      const times = scene.pushed.map(({ atMs }) => atMs)
      assert.ok(times[0] - scene.asked[0] >= 0.5 * INTERVAL_MS && times[0] - scene.asked[0] <= 1.5 * INTERVAL_MS + 10)
      firsts.add(Math.round(times[0]))
      for (const [index, atMs] of times.slice(1).entries()) assert.ok(Math.abs(atMs - times[index] - INTERVAL_MS) < 10)
      assert.ok(scene.pushed.every(({ body }) => body.clientInstanceId === instanceId && !body.terminating && body.metrics.length > 100))
      const before = scene.pushed.length
      cluster.close()
      await scene.fake.sim.advance(60_000)
      assert.deepEqual(
        scene.pushed.slice(before).map(({ body }) => body.terminating),
        [true]
      )
    }
    assert.ok(firsts.size > 5, 'not all at once')
  })

  test('asks again, and pushes under the new number, when the subscription is another one', async () => {
    const scene = await Scene.start()
    scene.errors = [ErrorCode.UNKNOWN_SUBSCRIPTION_ID]
    const cluster = await scene.connected()
    await scene.fake.sim.run({ until: () => scene.pushed.length === 1 })
    scene.subscriptionId = 2
    await scene.fake.sim.run({ until: () => scene.pushed.length === 2 })
    assert.equal(scene.asked.length, 2)
    assert.equal(scene.pushed[1].body.subscriptionId, 2)
    cluster.close()
  })

  test('tells of a counter that begins anew what it has counted since, not less than nothing', async () => {
    const scene = await Scene.start()
    const cluster = await scene.connected()
    const at = (value: number): Buffer => {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleLE(value)
      return bytes
    }
    for (const [value, delta, wrong] of [
      [1_000, 1_000, 1],
      [1_004, 4, 1_004],
      [7, 7, -997]
    ]) {
      cluster.metrics.register({ name: 'mine', group: 'g', isCounter: true, read: () => value })
      const before = scene.pushed.length
      await scene.fake.sim.run({ until: () => scene.pushed.length > before })
      const { metrics } = scene.pushed[before].body
      const own = metrics.subarray(metrics.indexOf('mine'))
      assert.ok(own.includes(at(delta)), `${value}`)
      assert.ok(!own.includes(at(wrong)), `${value}`)
    }
    cluster.close()
  })

  test('ends for good with a broker that calls it invalid', async () => {
    const scene = await Scene.start()
    scene.errors = [ErrorCode.INVALID_RECORD]
    const cluster = await scene.connected()
    await scene.fake.sim.advance(600_000)
    cluster.close()
    await scene.fake.sim.advance(1_000)
    assert.deepEqual([scene.asked.length, scene.pushed.length], [1, 1])
  })

  test('sends nothing that nobody wants, nor more than the broker takes, and asks again after the interval', async () => {
    const scene = await Scene.start()
    scene.prefixes = []
    const cluster = await scene.connected()
    await scene.fake.sim.advance(25_000)
    assert.equal(scene.asked.length, 3)
    scene.prefixes = ['org.apache.kafka.producer.connection.']
    await scene.fake.sim.run({ until: () => scene.pushed.length > 0 })
    const text = scene.pushed[0].body.metrics.toString('latin1')
    assert.match(text, /org\.apache\.kafka\.producer\.connection\.creation\.total/)
    assert.doesNotMatch(text, /request\.total/)
    cluster.close()

    const small = await Scene.start(2)
    small.maxBytes = 50
    const other = await small.connected()
    await small.fake.sim.advance(60_000)
    other.close()
    await small.fake.sim.advance(1_000)
    assert.equal(small.pushed.length, 0)
  })

  test('is not done when enable.metrics.push is false, and survives a broker that is gone', async () => {
    const scene = await Scene.start()
    const silent = await scene.connected(false)
    await scene.fake.sim.advance(60_000)
    assert.equal(scene.asked.length, 0)
    silent.close()
    const cluster = await scene.connected()
    await scene.fake.sim.run({ until: () => scene.pushed.length === 1 })
    scene.fake.broker(1).node.losePower()
    await scene.fake.sim.advance(600_000)
    assert.equal(cluster.isClosed, false)
    cluster.close()
    await scene.fake.sim.advance(1_000)
  })
})
