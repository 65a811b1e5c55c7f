import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClientMetrics } from '../../src/metrics/client-metrics.ts'
import { Sensor } from '../../src/metrics/sensor.ts'
import { encodeMetrics, telemetryName } from '../../src/telemetry/otlp.ts'

const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`)

describe('a sensor', () => {
  test('has rates, averages and maxima over its window, and totals over all time', () => {
    let now = 0
    const sensor = new Sensor({ samples: 2, windowMs: 30_000 }, () => now)
    assert.deepEqual([sensor.rateOfSum(), sensor.average(), sensor.maximum(), sensor.sum], [0, Number.NaN, Number.NaN, 0])
    sensor.record(10)
    sensor.record(20)
    near(sensor.rateOfSum(), 1) // one window at least: 30 in 30 s
    near(sensor.rateOfCount(), 2 / 30)
    now = 40_000
    sensor.record(60)
    near(sensor.rateOfSum(), 90 / 40)
    assert.deepEqual([sensor.average(), sensor.maximum()], [30, 60])
    now = 70_000
    assert.deepEqual([sensor.average(), sensor.maximum()], [60, 60])
    now = 200_000
    assert.deepEqual([sensor.rateOfSum(), sensor.average(), sensor.maximum()], [0, Number.NaN, Number.NaN])
    assert.deepEqual([sensor.sum, sensor.count], [90, 3])
  })
})

describe('the metrics of a client', () => {
  const created = () => new ClientMetrics({ kind: 'producer', clientId: 'c', now: () => 0 })

  test('are found by name and tags, and carry the id of the client', () => {
    const metrics = created()
    for (const topic of ['a', 'b']) metrics.counter('producer-topic-metrics', 'byte-total', () => topic.charCodeAt(0), { topic })
    const snapshot = metrics.snapshot()
    assert.equal(snapshot.get('byte-total', { topic: 'b' }), 98)
    assert.equal(snapshot.get('byte-total', { topic: 'c' }), undefined)
    assert.deepEqual([...snapshot][0], {
      group: 'producer-topic-metrics',
      name: 'byte-total',
      tags: { 'client-id': 'c', topic: 'a' },
      isCounter: true,
      value: 97
    })
  })

  test('of topics and nodes are bounded in number', () => {
    const metrics = created()
    for (let made = 0; made < 1_000; made++)
      assert.equal(
        metrics.keyed(String(made), () => made),
        made
      )
    assert.equal(
      metrics.keyed('one more', () => 1),
      undefined
    )
    assert.equal(
      metrics.keyed('7', () => -1),
      7
    )
  })

  test('of the application are pushed, not listed, until they are taken back', () => {
    const metrics = created()
    const queue = { name: 'queue-length', group: 'app-metrics', tags: { queue: 'a' }, read: () => 3 }
    metrics.register(queue)
    assert.equal(metrics.snapshot().get('queue-length'), undefined)
    assert.deepEqual(metrics.telemetry().map(telemetryName), ['org.apache.kafka.app.queue.length'])
    metrics.unregister({ name: queue.name, group: queue.group, tags: { queue: 'a' } })
    assert.deepEqual(metrics.telemetry(), [])
  })

  test('are written as OpenTelemetry wants them', () => {
    const tags = { 'client-id': 'c', 'node-id': 'n' }
    const gauge = { group: 'producer-node-metrics', name: 'latency', tags, value: 1.5, isCounter: false }
    const nothing = { ...gauge, value: Number.NaN }
    const bytes = encodeMetrics([gauge, nothing], { resource: {}, startMs: 0, nowMs: 1 })
    const expected = [
      '0a54', // resource_metrics
      '0a00', // resource
      '1250', // scope_metrics
      '124e', // metrics
      '0a26' + Buffer.from('org.apache.kafka.producer.node.latency').toString('hex'),
      '2a24', // gauge
      '0a22', // data_points
      '1940420f0000000000', // time_unix_nano
      '21000000000000f83f', // as_double
      '3a0e' + '0a07' + Buffer.from('node_id').toString('hex') + '1203' + '0a01' + Buffer.from('n').toString('hex')
    ]
    assert.equal(bytes.toString('hex'), expected.join(''))
  })
})
