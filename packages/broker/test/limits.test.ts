import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
  ErrorCode,
  encodeBatch
} from '@odradek/protocol'
import type { World } from '@odradek/world'
import { createNodeWorld } from '@odradek/world/node'
import { connectionLimitsFrom, openLogFilesFrom, requestMemoryFrom, responseMemoryFrom } from '../src/limits.ts'
import { Listeners } from '../src/listeners.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, valuesOf } from './support/test-broker.ts'

function limitsOf(overrides: Record<string, string>, openFilesMax?: number) {
  const { config } = loadBrokerConfig({ properties: developmentProperties({ port: 0, dataDir: '/data' }), overrides })
  return connectionLimitsFrom(config, openFilesMax)
}

describe('limits of connections', () => {
  test('leave a part of the open files to logs', () => {
    assert.equal(limitsOf({}, 1_000).connectionsMax, 800)
    assert.equal(limitsOf({}, 1_000_000).connectionsMax, 10_000)
    assert.equal(limitsOf({}).connectionsMax, 10_000)
    assert.equal(limitsOf({ 'max.connections': '50000' }, 1_000).connectionsMax, 50_000)
    assert.deepEqual([openLogFilesFrom(1_024), openLogFilesFrom(1_000_000), openLogFilesFrom()], [102, 512, 512])
  })

  test('are there where the settings of Kafka leave them open', () => {
    const limits = limitsOf({})
    assert.deepEqual([limits.connectionsPerIpMax, limits.creationRatePerIp], [1_000, 50])
    assert.deepEqual(limits.listener('PLAINTEXT').creationRate, 200)
    assert.deepEqual(
      ['127.0.0.1', '::1', '192.0.2.7'].map((address) => limits.isPerIpExempt?.(address)),
      [true, true, false]
    )
    assert.equal(limitsOf({ 'max.connections.per.ip': '5' }).isPerIpExempt?.('127.0.0.1'), false)
    const { config } = loadBrokerConfig({ properties: developmentProperties({ port: 0, dataDir: '/data' }) })
    assert.deepEqual([requestMemoryFrom(config), responseMemoryFrom()], [32 << 20, 128 << 20])
    assert.deepEqual([requestMemoryFrom(config, 64 << 20), responseMemoryFrom(64 << 20)], [16 << 20, 16 << 20])
  })

  test('of a listener are its own, else those of the node', () => {
    const limits = limitsOf({
      'max.connections': '7',
      'listener.name.plaintext.max.connections': '3',
      'listener.name.plaintext.max.connection.creation.rate': '11'
    })
    assert.deepEqual(limits.listener('PLAINTEXT'), { connectionsMax: 3, creationRate: 11 })
    assert.deepEqual(limits.listener('CONTROLLER'), { connectionsMax: 7, creationRate: 200 })
    assert.equal(limits.connectionsMax, 7)
  })

  test('of those who wait to be accepted are the system’s unless set', async () => {
    for (const [overrides, expected] of [
      [{}, undefined],
      [{ 'socket.listen.backlog.size': '77' }, 77]
    ] as const) {
      const { config } = loadBrokerConfig({ properties: developmentProperties({ port: 0, dataDir: '/data' }), overrides })
      const asked: unknown[] = []
      const listen = (options: { port: number; host: string; backlog?: number }) => {
        asked.push(options.backlog)
        return Promise.resolve({ ...options, close: () => Promise.resolve() })
      }
      const world = { ...createNodeWorld({}), network: { listen } } as unknown as World
      const handler = {} as never
      const listeners = await Listeners.bind({ world, config, brokerHandler: handler, controllerHandler: handler })
      assert.deepEqual(asked, [expected, expected])
      await listeners.close()
    }
  })

  test('that the clients of the broker use up leave the controller reachable', async () => {
    await using broker = await startBroker({ overrides: { 'max.connections': '2' } })
    const call = async (connect: () => ReturnType<typeof broker.connect>) => {
      const client = await connect()
      const { errorCode } = await client.call(ApiVersionsRequest, ApiVersionsResponse, 0, {})
      return errorCode
    }
    assert.deepEqual([await call(broker.connect), await call(broker.connect)], [ErrorCode.NONE, ErrorCode.NONE])
    const refused = await broker.connect()
    assert.equal(await refused.isEndedByBroker(), true)
    assert.equal(await call(broker.connectToController), ErrorCode.NONE)
  })
})

test('fetch.max.bytes and max.request.partition.size.limit bound an answer, whatever is asked for', async () => {
  await using broker = await startBroker({ overrides: { 'fetch.max.bytes': '1024', 'max.request.partition.size.limit': '2' } })
  const client = await broker.connect()
  await createTopic(client, 'wide', { partitions: 3 })
  for (const value of ['x'.repeat(900), 'y'.repeat(900)]) await produce(client, 'wide', batchOf(value))
  assert.equal(valuesOf((await fetchOne(client, 'wide', 0)).records).length, 1)
  const asked = { topics: [{ name: 'wide' }], responsePartitionLimit: 2000, cursor: null }
  const { topics, nextCursor } = await client.call(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, 0, asked)
  assert.deepEqual([topics[0].partitions.length, nextCursor?.partitionIndex], [2, 2])
})

describe('odradek.decompression.ratio.max', () => {
  for (const [ratio, expected] of [
    ['1', ErrorCode.CORRUPT_MESSAGE],
    ['4', ErrorCode.NONE]
  ] as const) {
    test(`of ${ratio} ${expected === ErrorCode.NONE ? 'takes' : 'refuses'} a batch of 3 MiB`, async () => {
      await using broker = await startBroker({ overrides: { 'odradek.decompression.ratio.max': ratio } })
      const client = await broker.connect()
      await createTopic(client, 'squeezed')
      const records = encodeBatch({ records: [{ value: Buffer.alloc(3 * 1024 * 1024) }], timestamp: Date.now(), compression: 'gzip' })
      assert.equal((await produce(client, 'squeezed', records)).errorCode, expected)
    })
  }
})

describe('a listener that strangers can reach', () => {
  const warnings = async (listeners: string) => {
    await using broker = await startBroker({ overrides: { listeners, 'advertised.listeners': 'PLAINTEXT://127.0.0.1:9092' } })
    return broker.lines.filter((line) => line.includes('without encryption or authentication')).length
  }

  test('is told of at each start, one on the loopback interface is not', async () => {
    assert.equal(await warnings('PLAINTEXT://0.0.0.0:0,CONTROLLER://127.0.0.1:0'), 1)
    assert.equal(await warnings('PLAINTEXT://:0,CONTROLLER://localhost:0'), 1)
    assert.equal(await warnings('PLAINTEXT://127.0.0.1:0,CONTROLLER://localhost:0'), 0)
  })
})
