import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OdradekError } from '@odradek/base'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  ErrorCode,
  FetchRequest,
  FetchResponse,
  MetadataRequest,
  MetadataResponse,
  UnregisterBrokerRequest,
  UnregisterBrokerResponse
} from '@odradek/protocol'
import { createMemoryDisk, createNodeLogger, createNodeWorld } from '@odradek/world/node'
import { BrokerServer } from '../src/broker-server.ts'
import { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, valuesOf } from './support/test-broker.ts'

describe('a node', () => {
  test('says when it is ready, and leaves the cluster when it stops', async () => {
    const broker = await startBroker()
    assert.ok(broker.lines.some((line) => line.includes('Transitioning from RECOVERY to RUNNING')))
    assert.ok(broker.lines.some((line) => line.includes('Kafka Server started')))
    await broker.server.shutdown()
    assert.ok(broker.lines.some((line) => line.includes('The controller has asked us to exit controlled shutdown')))
    assert.ok(broker.lines.some((line) => line.includes('shut down completed')))
    assert.deepEqual(
      broker.lines.filter((line) => / (ERROR|FATAL) /.test(line)),
      []
    )
    await assert.rejects(RawClient.connect(broker.port))
    assert.equal(await broker.world.disk.exists('/data/.kafka_cleanshutdown'), true)
  })

  test('has topics, records and settings again after a restart', async () => {
    const disk = createMemoryDisk()
    {
      await using broker = await startBroker({ disk })
      const client = await broker.connect()
      await createTopic(client, 'kept', { partitions: 2, configs: { 'retention.ms': '99999999' } })
      await produce(client, 'kept', batchOf('a', 'b'), { partition: 1 })
    }
    await using broker = await startBroker({ disk })
    const client = await broker.connect()
    const { records, highWatermark } = await fetchOne(client, 'kept', 0, { partition: 1 })
    assert.deepEqual([valuesOf(records), highWatermark], [['a', 'b'], 2])
    assert.equal(broker.server.replicas.get('kept', 0)?.log.config.retentionMs, 99999999)
    assert.equal((await produce(client, 'kept', batchOf('c'), { partition: 1 })).baseOffset, 2)
  })

  test('sets the log of a topic that the cluster does not know aside', async () => {
    const disk = createMemoryDisk()
    {
      await using broker = await startBroker({ disk })
      const client = await broker.connect()
      await createTopic(client, 'known')
    }
    await disk.mkdir('/data/stranger-0')
    await using broker = await startBroker({ disk })
    const names = await broker.world.disk.readdir('/data')
    assert.equal(names.includes('stranger-0'), false)
    assert.ok(names.some((name) => name.startsWith('stranger-0.') && name.endsWith('-stray')))
    assert.ok(names.includes('known-0'))
  })

  test('deletes the log of a topic whose deletion a crash interrupted', async () => {
    const disk = createMemoryDisk()
    let metadata: Buffer
    {
      await using broker = await startBroker({ disk })
      const client = await broker.connect()
      await createTopic(client, 'doomed')
      metadata = await disk.readFile('/data/doomed-0/partition.metadata')
      await client.call(DeleteTopicsRequest, DeleteTopicsResponse, 5, { topicNames: ['doomed'], timeoutMs: 10_000 })
    }
    await disk.mkdir('/data/doomed-0')
    await disk.writeFileAtomic('/data/doomed-0/partition.metadata', metadata)
    await using broker = await startBroker({ disk })
    const left = (await broker.world.disk.readdir('/data')).filter((name) => name.startsWith('doomed'))
    assert.deepEqual(
      left.filter((name) => !name.endsWith('-delete')),
      []
    )
    assert.equal(broker.lines.filter((line) => line.includes('deleted before the node stopped; its files go')).length, 1)
  })

  test('closes what it opened when it cannot start', async () => {
    await using first = await startBroker()
    const { config } = loadBrokerConfig({
      properties: {
        ...developmentProperties({ port: 0, dataDir: '/data' }),
        listeners: `PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:${first.port}`
      }
    })
    const lines: string[] = []
    const world = createNodeWorld({ disk: createMemoryDisk(), logger: createNodeLogger({ write: (text) => lines.push(text) }) })
    await assert.rejects(BrokerServer.start({ world, config }), (error: OdradekError) => {
      assert.equal(error.code, 'LISTENER_BIND_FAILED')
      assert.match(error.message, /Listener CONTROLLER: 127\.0\.0\.1:\d+ is in use by another process; stop it, or choose another port/)
      return true
    })
  })

  test('says that a directory is not formatted, or used by another node', async () => {
    const { config } = loadBrokerConfig({ properties: developmentProperties({ port: 0, dataDir: '/data' }) })
    const disk = createMemoryDisk()
    const world = createNodeWorld({ disk, logger: createNodeLogger({ write: () => undefined }) })
    await assert.rejects(BrokerServer.start({ world, config }), { code: 'STORAGE_NOT_FORMATTED' })
    await using running = await startBroker({ disk })
    assert.equal(running.halted.length, 0)
    await assert.rejects(BrokerServer.start({ world, config }), { code: 'STORAGE_LOCKED' })
  })

  test('does not begin a new cluster where only the directory of the metadata is gone', async () => {
    const disk = createMemoryDisk()
    const overrides = { 'log.dirs': '/data,/more' }
    const first = await startBroker({ disk, overrides })
    await createTopic(await first.connect(), 'kept', { partitions: 4 })
    await first[Symbol.asyncDispose]()
    await disk.removeTree('/data')
    await assert.rejects(startBroker({ disk, overrides, isNew: false }), {
      code: 'STORAGE_NOT_FORMATTED',
      message: /^\/data is to hold the metadata.*\/more/
    })
    const logs = (await disk.readdir('/more')).filter((name) => name.startsWith('kept-'))
    assert.equal(logs.length, 2)
    assert.ok(logs.every((name) => !name.endsWith('-stray')))
  })

  test('refuses a listener that it cannot speak', async () => {
    const properties = {
      ...developmentProperties({ port: 0, dataDir: '/data' }),
      'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT'
    }
    const { config } = loadBrokerConfig({ properties })
    const world = createNodeWorld({ disk: createMemoryDisk(), logger: createNodeLogger({ write: () => undefined }) })
    await assert.rejects(BrokerServer.start({ world, config }), { code: 'CONFIG_INVALID' })
  })

  test('comes back when it was unregistered while it lives', async () => {
    await using broker = await startBroker({ overrides: { 'broker.heartbeat.interval.ms': '50' } })
    const client = await broker.connect()
    await createTopic(client, 'kept')
    await produce(client, 'kept', batchOf('before'))
    const { errorCode } = await client.call(UnregisterBrokerRequest, UnregisterBrokerResponse, 0, { brokerId: 1 })
    assert.equal(errorCode, ErrorCode.NONE)
    for (;;) {
      const answer = await produce(client, 'kept', batchOf('after'))
      if (answer.errorCode === ErrorCode.NONE) break
      assert.ok([ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION].includes(answer.errorCode as 3))
    }
    assert.deepEqual(valuesOf((await fetchOne(client, 'kept', 0)).records), ['before', 'after'])
  })

  test('lets its clients go before it closes its logs', async () => {
    const disk = createMemoryDisk()
    const closing = Promise.withResolvers<void>()
    const mayClose = Promise.withResolvers<void>()
    const write = disk.writeFileAtomic.bind(disk)
    disk.writeFileAtomic = async (path, ...rest) => {
      if (path.endsWith('.kafka_cleanshutdown')) {
        closing.resolve()
        await mayClose.promise
      }
      return write(path, ...rest)
    }
    const broker = await startBroker({ disk })
    const client = await broker.connect()
    const stopped = broker.server.shutdown()
    await closing.promise
    await assert.rejects(client.call(MetadataRequest, MetadataResponse, 12, { topics: [] }), /closed/)
    mayClose.resolve()
    await stopped
  })

  test('answers what is parked when it stops, and takes nothing more', async () => {
    const broker = await startBroker()
    const client = await broker.connect()
    await createTopic(client, 'parked')
    client.request(FetchRequest, 12, {
      maxWaitMs: 400,
      minBytes: 1,
      topics: [{ topic: 'parked', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100 }] }]
    })
    while (broker.server.replicas.get('parked', 0)?.fetchWaiters.size !== 1) await new Promise(setImmediate)
    const stopped = broker.server.shutdown()
    const { body } = await client.response(FetchResponse, 12)
    assert.equal(body.responses.length, 1)
    await stopped
  })

  test('shares its process with others', async () => {
    const brokers = await Promise.all(Array.from({ length: 4 }, () => startBroker()))
    for (const [index, broker] of brokers.entries()) {
      const client = await broker.connect()
      await createTopic(client, `only-${index}`)
      assert.deepEqual(
        Array.from(broker.server.image.topics(), ({ name }) => name),
        [`only-${index}`]
      )
      assert.equal((await client.call(ApiVersionsRequest, ApiVersionsResponse, 0, {})).errorCode, ErrorCode.NONE)
    }
    await Promise.all(brokers.map((broker) => broker[Symbol.asyncDispose]()))
  })

  test('is ready within 100 ms when all is loaded', async () => {
    await (await startBroker())[Symbol.asyncDispose]()
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const started = performance.now()
      const broker = await startBroker()
      times.push(performance.now() - started)
      await broker[Symbol.asyncDispose]()
    }
    assert.ok(Math.min(...times) < 100, `took ${times.map(Math.round).join(', ')} ms`)
  })
})
