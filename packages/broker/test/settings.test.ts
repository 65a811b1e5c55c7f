// Settings whose effect no other test shows: which directory takes new logs, what the node supports, how internal topics are made, and how
// long it tries to register.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { type MetadataNode, supportedFeatures } from '@odradek/metadata'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
  ErrorCode,
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
  latestProductionMetadataVersion,
  METADATA_VERSION_FEATURE
} from '@odradek/protocol'
import { simulate } from '@odradek/testkit'
import { BrokerLifecycle } from '../src/lifecycle/broker-lifecycle.ts'
import type { RawClient } from './support/raw-client.ts'
import { createTopic, startBroker, type TestBroker } from './support/test-broker.ts'

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate)
}

const logsIn = (broker: TestBroker, path: string) =>
  [...broker.server.logs.logs()].filter(({ directory }) => directory.path === path).length

async function cordonedIn(client: RawClient): Promise<string[]> {
  const { results } = await client.call(DescribeLogDirsRequest, DescribeLogDirsResponse, 5, { topics: null })
  return results.filter(({ isCordoned }) => isCordoned).map(({ logDir }) => logDir)
}

async function cordon(client: RawClient, value: string): Promise<void> {
  const resources = [{ resourceType: 4, resourceName: '1', configs: [{ name: 'cordoned.log.dirs', configOperation: 0, value }] }]
  const { responses } = await client.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources })
  assert.equal(responses[0].errorCode, ErrorCode.NONE)
}

describe('cordoned.log.dirs', { timeout: 20_000 }, () => {
  test('gets no new log, from the start and while the broker runs', async () => {
    await using broker = await startBroker({ overrides: { 'log.dirs': '/data/a,/data/b', 'cordoned.log.dirs': '/data/a' } })
    const client = await broker.connect()
    await createTopic(client, 'first', { partitions: 3 })
    assert.deepEqual([logsIn(broker, '/data/a'), logsIn(broker, '/data/b')], [0, 3])
    assert.deepEqual(await cordonedIn(client), ['/data/a'])
    await cordon(client, '/data/b')
    await createTopic(client, 'second', { partitions: 8 })
    assert.deepEqual([logsIn(broker, '/data/a'), logsIn(broker, '/data/b')], [8, 3])
    assert.deepEqual(await cordonedIn(client), ['/data/b'])
  })

  test('is told to the controller, which makes no topic while it names all directories', async () => {
    const overrides = { 'log.dirs': '/data/a,/data/b', 'cordoned.log.dirs': '/data/b', 'broker.heartbeat.interval.ms': '20' }
    await using broker = await startBroker({ overrides })
    const client = await broker.connect()
    const cordoned = () => broker.server.image.brokers.get(1)?.cordonedDirectories
    const idOf = (path: string) => broker.server.logs.directories().find((directory) => directory.path === path)?.directoryId
    assert.deepEqual(cordoned(), [idOf('/data/b')])
    await cordon(client, '*')
    await until(() => cordoned()?.length === 2)
    const topics = [{ name: 'nowhere', numPartitions: 1, replicationFactor: -1 }]
    const refused = await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics, timeoutMs: 5_000 })
    assert.equal(refused.topics[0].errorCode, ErrorCode.INVALID_REPLICATION_FACTOR)
    assert.match(refused.topics[0].errorMessage ?? '', /all their log directories cordoned/)
    await cordon(client, '')
    await until(() => cordoned()?.length === 0)
    await createTopic(client, 'somewhere')
  })
})

describe('unstable.feature.versions.enable', () => {
  for (const isEnabled of [false, true]) {
    test(`${isEnabled}: clients are told of ${isEnabled ? 'versions still in testing' : 'versions in production only'}`, async () => {
      await using broker = await startBroker({ overrides: { 'unstable.feature.versions.enable': String(isEnabled) } })
      const client = await broker.connect()
      const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
      const { supportedFeatures: told, finalizedFeatures } = await client.call(ApiVersionsRequest, ApiVersionsResponse, 4, software)
      const expected = [...supportedFeatures(isEnabled)].map(([name, { maxVersion }]) => [name, maxVersion])
      assert.deepEqual(new Map(told.map(({ name, maxVersion }) => [name, maxVersion])), new Map(expected as [string, number][]))
      const finalized = finalizedFeatures.find(({ name }) => name === METADATA_VERSION_FEATURE)?.maxVersionLevel ?? 0
      assert.equal(finalized > latestProductionMetadataVersion.level, isEnabled)
    })
  }
})

test('an internal topic that a setting keeps from being made is told, once', async () => {
  await using broker = await startBroker({ overrides: { 'offsets.topic.segment.bytes': '8000' } })
  for (let ask = 0; ask < 3; ask++)
    assert.deepEqual(
      await broker.server.topicCreation.create(['__consumer_offsets']),
      new Map([['__consumer_offsets', ErrorCode.INVALID_CONFIG]])
    )
  const told = broker.lines.filter((line) => line.includes('Auto topic creation failed for __consumer_offsets'))
  assert.equal(told.length, 1)
  assert.match(told[0], /WARN .* with error 'INVALID_CONFIG': .*segment\.bytes/)
})

describe('the segment size of internal topics', () => {
  for (const [topic, setting] of [
    ['__consumer_offsets', 'offsets.topic.segment.bytes'],
    ['__transaction_state', 'transaction.state.log.segment.bytes'],
    ['__share_group_state', 'share.coordinator.state.topic.segment.bytes']
  ]) {
    test(`of ${topic} is ${setting}`, async () => {
      await using broker = await startBroker({
        overrides: {
          [setting]: '7654321',
          'transaction.state.log.num.partitions': '1',
          'share.coordinator.state.topic.num.partitions': '1',
          'share.coordinator.state.topic.replication.factor': '1',
          'share.coordinator.state.topic.min.isr': '1'
        }
      })
      assert.deepEqual(await broker.server.topicCreation.create([topic]), new Map())
      assert.equal(broker.server.replicas.get(topic, 0)?.log.config.segmentBytes, 7654321)
    })
  }
})

describe('initial.broker.registration.timeout.ms', () => {
  for (const timeoutMs of [5_000, 90_000]) {
    test(`${timeoutMs}: so long a broker tries to register where it is known already`, async () => {
      await simulate({ seed: 'registration' }, async (sim) => {
        const properties = {
          ...developmentProperties({ port: 0, dataDir: '/data' }),
          'initial.broker.registration.timeout.ms': String(timeoutMs)
        }
        const { config } = loadBrokerConfig({ properties })
        const metadata = { call: () => Promise.resolve({ errorCode: ErrorCode.DUPLICATE_BROKER_REGISTRATION, brokerEpoch: -1 }) }
        const lifecycle = new BrokerLifecycle({
          world: sim.node('broker').world,
          config,
          clusterId: 'cluster',
          metadata: metadata as unknown as MetadataNode,
          listeners: () => [],
          features: new Map(),
          directories: () => [],
          previousBrokerEpoch: -1,
          appliedOffset: () => 0
        })
        await assert.rejects(sim.complete(lifecycle.register()), { code: 'REGISTRATION_FAILED', message: /DUPLICATE_BROKER_REGISTRATION/ })
        assert.ok(sim.nowMs >= timeoutMs && sim.nowMs < timeoutMs + 1_000, `gave up after ${sim.nowMs} ms`)
      })
    })
  }
})
