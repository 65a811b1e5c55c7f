import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  AlterConfigsRequest,
  AlterConfigsResponse,
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
  CreatePartitionsRequest,
  CreatePartitionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
  DescribeProducersRequest,
  DescribeProducersResponse,
  DescribeQuorumRequest,
  DescribeQuorumResponse,
  ElectLeadersRequest,
  ElectLeadersResponse,
  ErrorCode,
  encodeBatch,
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
  ListConfigResourcesRequest,
  ListConfigResourcesResponse
} from '@odradek/protocol'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, type TestBroker, valuesOf } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
before(async () => {
  broker = await startBroker()
  client = await broker.connect()
})
after(() => broker[Symbol.asyncDispose]())

const TOPIC = 2
const BROKER = 4

async function alter(
  resourceType: number,
  resourceName: string,
  configs: { name: string; configOperation: number; value: string | null }[],
  validateOnly = false
) {
  const response = await client.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, {
    resources: [{ resourceType, resourceName, configs }],
    validateOnly
  })
  return response.responses[0]
}

async function describeConfig(resourceType: number, resourceName: string, name: string) {
  const response = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, {
    resources: [{ resourceType, resourceName, configurationKeys: [name] }],
    includeSynonyms: true,
    includeDocumentation: true
  })
  return response.results[0].configs[0]
}

describe('topics', () => {
  test('are made with what the answer says of them', async () => {
    const response = await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, {
      topics: [{ name: 'made', numPartitions: 3, replicationFactor: 1, configs: [{ name: 'retention.ms', value: '60000' }] }],
      timeoutMs: 5000
    })
    const [{ errorCode, numPartitions, replicationFactor, configs, topicId }] = response.topics
    assert.deepEqual([errorCode, numPartitions, replicationFactor], [ErrorCode.NONE, 3, 1])
    assert.equal(configs?.find(({ name }) => name === 'retention.ms')?.value, '60000')
    assert.equal(broker.server.image.topic('made')?.id, topicId)
  })

  test('that exist, or would only be checked, are not made', async () => {
    const create = async (name: string, validateOnly: boolean) =>
      (
        await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, {
          topics: [{ name, numPartitions: 1, replicationFactor: 1 }],
          timeoutMs: 5000,
          validateOnly
        })
      ).topics[0].errorCode
    assert.equal(await create('made', false), ErrorCode.TOPIC_ALREADY_EXISTS)
    assert.equal(await create('checked', true), ErrorCode.NONE)
    assert.equal(broker.server.image.topic('checked'), undefined)
  })

  test('get more partitions, which can be used at once', async () => {
    await createTopic(client, 'growing', { partitions: 1 })
    const grow = async (count: number) =>
      (
        await client.call(CreatePartitionsRequest, CreatePartitionsResponse, 3, {
          topics: [{ name: 'growing', count, assignments: null }],
          timeoutMs: 5000
        })
      ).results[0].errorCode
    assert.equal(await grow(4), ErrorCode.NONE)
    assert.equal((await produce(client, 'growing', batchOf('x'), { partition: 3 })).errorCode, ErrorCode.NONE)
    assert.equal(await grow(2), ErrorCode.INVALID_PARTITIONS)
  })

  test('that are deleted are gone with their records, and may be made again', async () => {
    const before = await createTopic(client, 'again')
    await produce(client, 'again', batchOf('old'))
    const deleted = await client.call(DeleteTopicsRequest, DeleteTopicsResponse, 6, { topics: [{ topicId: before }], timeoutMs: 5000 })
    assert.deepEqual([deleted.responses[0].errorCode, deleted.responses[0].name], [ErrorCode.NONE, 'again'])
    assert.equal((await produce(client, 'again', batchOf('x'))).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    const after = await createTopic(client, 'again')
    assert.notEqual(after, before)
    await produce(client, 'again', batchOf('new'))
    assert.deepEqual(valuesOf((await fetchOne(client, 'again', 0)).records), ['new'])
  })
})

describe('configuration', () => {
  test('of a topic is described with its source and what it falls back to', async () => {
    await createTopic(client, 'configured', { configs: { 'segment.bytes': '1048576' } })
    const own = await describeConfig(TOPIC, 'configured', 'segment.bytes')
    assert.deepEqual([own.value, own.configSource, own.readOnly, own.isSensitive], ['1048576', 1, false, false])
    assert.deepEqual(
      own.synonyms.map(({ name, value, source }) => [name, value, source]),
      [
        ['segment.bytes', '1048576', 1],
        ['log.segment.bytes', '1073741824', 5]
      ]
    )
    assert.ok((own.documentation ?? '').length > 10)
    assert.equal((await describeConfig(TOPIC, 'configured', 'retention.ms')).configSource, 5)
  })

  test('of a topic changes its logs at once', async () => {
    const log = broker.server.replicas.get('configured', 0)?.log
    assert.equal(
      (await alter(TOPIC, 'configured', [{ name: 'max.message.bytes', configOperation: 0, value: '300' }])).errorCode,
      ErrorCode.NONE
    )
    assert.equal(log?.config.maxMessageBytes, 300)
    assert.equal((await produce(client, 'configured', batchOf('x'.repeat(400)))).errorCode, ErrorCode.MESSAGE_TOO_LARGE)
    await alter(TOPIC, 'configured', [{ name: 'max.message.bytes', configOperation: 1, value: null }])
    assert.equal((await produce(client, 'configured', batchOf('x'.repeat(400)))).errorCode, ErrorCode.NONE)
  })

  test('takes lists apart and together', async () => {
    await alter(TOPIC, 'configured', [{ name: 'cleanup.policy', configOperation: 2, value: 'compact' }])
    assert.equal((await describeConfig(TOPIC, 'configured', 'cleanup.policy')).value, 'delete,compact')
    await alter(TOPIC, 'configured', [{ name: 'cleanup.policy', configOperation: 3, value: 'delete' }])
    assert.equal((await describeConfig(TOPIC, 'configured', 'cleanup.policy')).value, 'compact')
  })

  test('of the old kind forgets what it does not name', async () => {
    await client.call(AlterConfigsRequest, AlterConfigsResponse, 2, {
      resources: [{ resourceType: TOPIC, resourceName: 'configured', configs: [{ name: 'retention.ms', value: '5000' }] }]
    })
    assert.equal((await describeConfig(TOPIC, 'configured', 'retention.ms')).value, '5000')
    assert.equal((await describeConfig(TOPIC, 'configured', 'cleanup.policy')).value, 'delete')
  })

  test('that is wrong is refused and changes nothing', async () => {
    assert.equal(
      (await alter(TOPIC, 'configured', [{ name: 'retention.ms', configOperation: 0, value: 'soon' }])).errorCode,
      ErrorCode.INVALID_CONFIG
    )
    assert.equal(
      (await alter(TOPIC, 'configured', [{ name: 'no.such.setting', configOperation: 0, value: '1' }])).errorCode,
      ErrorCode.INVALID_CONFIG
    )
    assert.equal(
      (await alter(TOPIC, 'nowhere', [{ name: 'retention.ms', configOperation: 0, value: '1' }])).errorCode,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )
    assert.equal(
      (await alter(TOPIC, 'configured', [{ name: 'retention.ms', configOperation: 0, value: '7' }], true)).errorCode,
      ErrorCode.NONE
    )
    assert.equal((await describeConfig(TOPIC, 'configured', 'retention.ms')).value, '5000')
  })

  test('of this broker and of all brokers is in force at once, and of topics that inherit it', async () => {
    assert.equal((await alter(BROKER, '', [{ name: 'log.retention.ms', configOperation: 0, value: '123456' }])).errorCode, ErrorCode.NONE)
    assert.equal(broker.server.config.get('log.retention.ms'), 123456)
    await createTopic(client, 'inheriting')
    assert.equal(broker.server.replicas.get('inheriting', 0)?.log.config.retentionMs, 123456)
    assert.equal((await alter(BROKER, '1', [{ name: 'log.retention.ms', configOperation: 0, value: '654321' }])).errorCode, ErrorCode.NONE)
    assert.equal(broker.server.replicas.get('inheriting', 0)?.log.config.retentionMs, 654321)
    const described = await describeConfig(BROKER, '1', 'log.retention.ms')
    assert.deepEqual([described.value, described.configSource], ['654321', 2])
    await alter(BROKER, '1', [{ name: 'log.retention.ms', configOperation: 1, value: null }])
    assert.equal((await describeConfig(BROKER, '1', 'log.retention.ms')).configSource, 3)
  })

  test('of another broker is not here', async () => {
    const response = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, {
      resources: [{ resourceType: BROKER, resourceName: '9', configurationKeys: null }]
    })
    assert.equal(response.results[0].errorCode, ErrorCode.INVALID_REQUEST)
    assert.equal(response.results[0].errorMessage, 'Unexpected broker id, expected 1 or empty string, but received 9')
  })

  test('is listed by resource', async () => {
    const response = await client.call(ListConfigResourcesRequest, ListConfigResourcesResponse, 1, { resourceTypes: [TOPIC] })
    assert.ok(response.configResources.some(({ resourceName, resourceType }) => resourceName === 'configured' && resourceType === TOPIC))
  })
})

describe('loggers', () => {
  const BROKER_LOGGER = 8
  const alter = async (name: string, value: string | null, configOperation = 0) => {
    const resource = { resourceType: BROKER_LOGGER, resourceName: '1', configs: [{ name, configOperation, value }] }
    const { responses } = await client.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources: [resource] })
    return responses[0].errorCode
  }
  const levelOf = async (name: string) => {
    const resource = { resourceType: BROKER_LOGGER, resourceName: '1', configurationKeys: null }
    const { results } = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, { resources: [resource] })
    return results[0].configs.find((config) => config.name === name)?.value
  }
  const hasLogged = (text: string) => broker.lines.some((line) => line.includes(text))

  test('have levels that are changed while the node runs', async () => {
    const name = 'kafka.coordinator.runtime'
    broker.world.logger.log('DEBUG', name, 'before')
    assert.equal(await levelOf(name), 'INFO')
    assert.equal(await alter(name, 'DEBUG'), ErrorCode.NONE)
    assert.equal(await levelOf(name), 'DEBUG')
    broker.world.logger.log('DEBUG', name, 'meanwhile')
    assert.equal(await alter(name, null, 1), ErrorCode.NONE)
    assert.equal(await levelOf(name), 'INFO')
    broker.world.logger.log('DEBUG', name, 'afterwards')
    assert.deepEqual([hasLogged('before'), hasLogged('meanwhile'), hasLogged('afterwards')], [false, true, false])
  })

  test('are not made by giving them a level, and know six of them', async () => {
    assert.equal(await alter('no.such.Logger', 'DEBUG'), ErrorCode.INVALID_CONFIG)
    assert.equal(await levelOf('no.such.Logger'), undefined)
    assert.equal(await alter('root', 'LOUD'), ErrorCode.INVALID_CONFIG)
    assert.equal(await alter('root', null, 1), ErrorCode.INVALID_REQUEST)
    assert.equal(await levelOf('root'), 'INFO')
  })
})

describe('the node', () => {
  test('tells what lies in its log directories', async () => {
    await createTopic(client, 'sized')
    await produce(client, 'sized', batchOf('x'.repeat(1000)))
    const response = await client.call(DescribeLogDirsRequest, DescribeLogDirsResponse, 4, {
      topics: [{ topic: 'sized', partitions: [0, 1] }]
    })
    assert.equal(response.results.length, 1)
    const [{ logDir, topics, totalBytes, usableBytes }] = response.results
    assert.equal(logDir, '/data')
    assert.ok(totalBytes > 0 && usableBytes > 0)
    assert.deepEqual(
      topics.map(({ name, partitions }) => [name, partitions.length]),
      [['sized', 1]]
    )
    assert.ok(topics[0].partitions[0].partitionSize > 1000)
  })

  test('tells its producers', async () => {
    await createTopic(client, 'produced')
    await produce(
      client,
      'produced',
      encodeBatch({ records: [{ value: 'a' }, { value: 'b' }], timestamp: 123, producerId: 55, producerEpoch: 3, baseSequence: 0 })
    )
    const response = await client.call(DescribeProducersRequest, DescribeProducersResponse, 0, {
      topics: [{ name: 'produced', partitionIndexes: [0, 4] }]
    })
    const [known, unknown] = response.topics[0].partitions
    assert.deepEqual(
      known.activeProducers.map(({ producerId, producerEpoch, lastSequence, lastTimestamp, currentTxnStartOffset }) => [
        producerId,
        producerEpoch,
        lastSequence,
        lastTimestamp,
        currentTxnStartOffset
      ]),
      [[55, 3, 1, 123, -1]]
    )
    assert.equal(unknown.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('is its own quorum', async () => {
    const response = await client.call(DescribeQuorumRequest, DescribeQuorumResponse, 2, {
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    })
    const [{ leaderId, leaderEpoch, highWatermark, currentVoters, observers }] = response.topics[0].partitions
    assert.deepEqual([leaderId, currentVoters.map(({ replicaId }) => replicaId), observers], [1, [1], []])
    assert.ok(leaderEpoch > 0 && highWatermark > 0)
    assert.deepEqual(
      response.nodes.map(({ nodeId }) => nodeId),
      [1]
    )
  })

  test('elects what leads already, and moves nothing to brokers that are not there', async () => {
    const elected = await client.call(ElectLeadersRequest, ElectLeadersResponse, 2, {
      electionType: 0,
      topicPartitions: [{ topic: 'sized', partitions: [0] }]
    })
    assert.equal(elected.replicaElectionResults[0].partitionResult[0].errorCode, ErrorCode.ELECTION_NOT_NEEDED)
    const moved = await client.call(AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, 1, {
      topics: [{ name: 'sized', partitions: [{ partitionIndex: 0, replicas: [7] }] }]
    })
    assert.equal(moved.responses[0].partitions[0].errorCode, ErrorCode.INVALID_REPLICA_ASSIGNMENT)
  })
})
