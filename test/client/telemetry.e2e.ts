// KIP-714 against Apache Kafka itself: with a receiver (a plugin that prints what is pushed, decoded by Kafka's own library). security.e2e.ts
// has a broker without one.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Kafka } from '@odradek/client'
import { type BrokerProcess, startBroker } from '../interop/support/brokers.ts'
import { compiledJava, toolchain } from '../interop/support/toolchains.ts'
import { eventually } from './eventually.ts'

interface Pushed {
  client: string
  instanceId: string
  isLast: boolean
  name: string
  rest: string
}

function pushedTo(broker: BrokerProcess): Pushed[] {
  return [...broker.output().matchAll(/^TELEMETRY (\S+) (\S+) (true|false) (\S+) ?(.*)$/gm)].map(
    ([, client, instanceId, isLast, name, rest]) => ({
      client,
      instanceId,
      isLast: isLast === 'true',
      name,
      rest
    })
  )
}

describe('client metrics', { timeout: 240_000 }, () => {
  let broker: BrokerProcess | undefined

  before(async () => {
    const classPath = toolchain({ skip: () => {} }, 'Java with Maven', () => compiledJava('TelemetryReceiver'))
    if (classPath === undefined) return
    broker = await startBroker({ kind: 'apache', classPath, overrides: { 'metric.reporters': 'TelemetryReceiver' } })
    await using kafka = new Kafka({ brokers: broker.bootstrapServers })
    const ops = [
      { name: 'interval.ms', value: '300' },
      { name: 'metrics', value: 'org.apache.kafka.producer.,org.apache.kafka.consumer.,org.apache.kafka.app.' }
    ]
    await kafka.admin().incrementalAlterConfigs([{ type: 'CLIENT_METRICS', name: 'everything', ops }])
  })
  after(() => broker?.[Symbol.asyncDispose]())

  test('that are subscribed to are pushed, in the form of OpenTelemetry, and once more at the end', async (t) => {
    if (broker === undefined) return t.skip('Java with Maven is not present')
    const { bootstrapServers } = broker
    const kafka = new Kafka({ brokers: bootstrapServers })
    const producer = kafka.producer({ clientId: 'pushing' })
    for (let sent = 0; sent < 5; sent++) await producer.send('measured', { value: 'x' })
    const consumer = kafka.consumer({ clientId: 'pulling', groupId: 'measured-group', autoOffsetReset: 'earliest' })
    consumer.subscribe(['measured'])
    await eventually(async () => assert.ok((await consumer.poll({ timeoutMs: 500 })).count > 0))
    const mine = (client: string) => pushedTo(broker as BrokerProcess).filter((each) => each.client === client)
    await eventually(async () => {
      await consumer.poll({ timeoutMs: 100 })
      assert.ok(mine('pushing').filter(({ name }) => name === 'PUSH').length >= 2)
      assert.ok(mine('pulling').some(({ name }) => name === 'org.apache.kafka.consumer.fetch.manager.records.lag'))
    }, 20_000)
    await kafka.close()
    await eventually(() => {
      assert.ok(mine('pushing').some(({ isLast }) => isLast))
      assert.ok(mine('pulling').some(({ isLast }) => isLast))
    })

    const all = pushedTo(broker)
    assert.deepEqual(
      all.filter(({ name }) => name === 'BROKEN'),
      []
    )
    assert.equal(new Set(mine('pushing').map(({ instanceId }) => instanceId)).size, 1)
    const sends = mine('pushing').filter(({ name }) => name === 'org.apache.kafka.producer.record.send.total')
    for (const { rest } of sends) assert.match(rest, /^sum AGGREGATION_TEMPORALITY_DELTA true /)
    assert.equal(
      sends.reduce((sum, { rest }) => sum + Number(rest.split(' ')[3]), 0),
      5
    )
    assert.ok(
      mine('pushing').some(({ name, rest }) => name === 'org.apache.kafka.producer.topic.record.send.total' && /topic=measured/.test(rest))
    )
    assert.ok(
      mine('pushing').some(({ name, rest }) => name === 'org.apache.kafka.producer.node.request.latency.avg' && /^gauge/.test(rest))
    )
    assert.ok(mine('pulling').some(({ name, rest }) => name === 'LABEL' && rest === 'group_id=measured-group'))
    assert.ok(
      all.every(({ name }) => /^(PUSH|LABEL|org\.apache\.kafka\.(producer|consumer)\.)/.test(name)),
      'only what was asked for'
    )
  })

  test('of the application go along; the id of the client is one', async (t) => {
    if (broker === undefined) return t.skip('Java with Maven is not present')
    await using kafka = new Kafka({ brokers: broker.bootstrapServers })
    const admin = kafka.admin({ clientId: 'applied', enableMetricsPush: true })
    admin.registerMetricForSubscription({ name: 'queue-length', group: 'app-metrics', tags: { queue: 'a' }, read: () => 42 })
    const id = await admin.clientInstanceId()
    assert.equal(await admin.clientInstanceId(), id)
    assert.notEqual(id, 'AAAAAAAAAAAAAAAAAAAAAA')
    const others = [kafka.producer(), kafka.consumer({ groupId: 'applied' }), kafka.shareConsumer({ groupId: 'applied-share' })]
    const ids = await Promise.all(others.map((client) => client.clientInstanceId()))
    assert.equal(new Set([id, ...ids]).size, 4, 'each client has its own')
    const mine = () => pushedTo(broker as BrokerProcess).filter(({ client }) => client === 'applied')
    await eventually(() =>
      assert.ok(mine().some(({ name, rest }) => name === 'org.apache.kafka.app.queue.length' && rest === 'gauge 42.0 queue=a'))
    )
    assert.deepEqual(new Set(mine().map(({ instanceId }) => instanceId)), new Set([id]))
  })
})
