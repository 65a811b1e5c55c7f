// The network room against a real broker, in a process of its own: restarts, the controller's own address, and what is left behind.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { Kafka, KafkaError } from '@odradek/client'
import { defaultKind, freePort, startBroker, temporaryDir } from '../interop/support/brokers.ts'
import { brokerOfSuite, withoutKafka } from './broker-of-suite.ts'
import { eventually } from './eventually.ts'

describe(`a client of ${defaultKind}`, { skip: withoutKafka(), timeout: 300_000 }, () => {
  const dataDir = temporaryDir('client-network')
  const own = brokerOfSuite({ dataDir })
  after(() => rmSync(dataDir, { recursive: true, force: true }))

  test('goes on after the broker was killed and started again, also with a call begun while it was down', async () => {
    const { port } = own.broker
    await using kafka = new Kafka({ brokers: `localhost:${port}`, requestTimeoutMs: 5_000 })
    const admin = kafka.admin()
    await admin.createTopics(['kept'])
    await own.broker.kill()
    const begun = admin.listTopics()
    own.broker = await startBroker({ port, dataDir })
    assert.ok((await begun).has('kept'))
    assert.ok((await admin.listTopics()).has('kept'))
  })

  test('ends in a typed error in bounded time while nobody is there, and by its signal before', async () => {
    await using kafka = new Kafka({ brokers: `localhost:${await freePort()}` })
    const admin = kafka.admin()
    const began = performance.now()
    await assert.rejects(admin.listTopics({ timeoutMs: 500 }), (error) => error instanceof KafkaError && error.code === 'REQUEST_TIMED_OUT')
    assert.ok(performance.now() - began < 2_000)
    await assert.rejects(admin.listTopics({ signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' })
    const sent = kafka.producer({ maxBlockMs: 500 }).send('orders', { value: 'x' })
    await assert.rejects(sent, {
      code: 'REQUEST_TIMED_OUT',
      message: /^Finding topic orders .*the last failure was: No broker answers .*ECONNREFUSED/
    })
  })

  test('says at once that a host does not exist', async () => {
    await using kafka = new Kafka({ brokers: 'no-such-host.invalid:9092' })
    await assert.rejects(kafka.admin().listTopics(), (error) => error instanceof KafkaError && error.code === 'NO_RESOLVABLE_BOOTSTRAP')
  })

  test('talks to the controllers by bootstrap.controllers', async (t) => {
    await using kafka = new Kafka({ brokers: own.broker.bootstrapServers })
    const { nodes } = await kafka.admin().describeMetadataQuorum()
    const controller = nodes[0]?.listeners[0]
    if (controller === undefined) return t.skip('the broker does not tell where its controllers listen')
    await using direct = new Kafka({ bootstrapControllers: `${controller.host}:${controller.port}` })
    const admin = direct.admin({ defaultApiTimeoutMs: 10_000 })
    try {
      assert.equal((await admin.describeMetadataQuorum()).leaderId, 1)
    } catch (error) {
      if (defaultKind === 'odradek') return t.skip(`the controller does not answer clients yet: ${(error as Error).message}`)
      throw error
    }
    assert.deepEqual(
      (await admin.describeCluster()).nodes.map(({ id }) => id),
      [1]
    )
    assert.ok((await admin.describeFeatures()).finalizedFeatures.has('metadata.version'))
  })

  test('leaves nothing that keeps the process alive once it is closed', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const kafka = new Kafka({ brokers: own.broker.bootstrapServers })
    await kafka.admin().listTopics()
    await kafka.close()
    await eventually(() => assert.equal(sockets(), 0), 3_000)
  })
})
