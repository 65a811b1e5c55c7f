import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeClusterRequest,
  DescribeClusterResponse,
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
  ErrorCode,
  type Input,
  MetadataRequest,
  MetadataResponse
} from '@odradek/protocol'
import type { BrokerContext } from '../src/broker-context.ts'
import { aliveBrokers } from '../src/endpoints.ts'
import type { RequestContext } from '../src/handler.ts'
import { TopicCreation } from '../src/topic-creation.ts'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, produce, startBroker, type TestBroker } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
let ordersId: string
before(async () => {
  broker = await startBroker({ overrides: { 'num.partitions': '3' } })
  client = await broker.connect()
  ordersId = await createTopic(client, 'orders', { partitions: 2 })
})
after(() => broker[Symbol.asyncDispose]())

const metadata = (version: number, body: Input<MetadataRequest>) => client.call(MetadataRequest, MetadataResponse, version, body)

describe('Metadata', () => {
  test('names the brokers, the cluster, and the leader of each partition', async () => {
    const response = await metadata(12, { topics: [{ name: 'orders' }] })
    assert.deepEqual(
      response.brokers.map(({ nodeId, host, port }) => [nodeId, host, port]),
      [[1, '127.0.0.1', broker.port]]
    )
    assert.equal(response.clusterId, broker.server.clusterId)
    assert.equal(response.controllerId, 1)
    const [topic] = response.topics
    assert.deepEqual([topic.errorCode, topic.name, topic.topicId, topic.isInternal], [0, 'orders', ordersId, false])
    assert.deepEqual(
      topic.partitions.map(({ errorCode, partitionIndex, leaderId, replicaNodes, isrNodes, offlineReplicas }) => [
        errorCode,
        partitionIndex,
        leaderId,
        replicaNodes,
        isrNodes,
        offlineReplicas
      ]),
      [0, 1].map((index) => [0, index, 1, [1], [1], []])
    )
    assert.ok(topic.partitions[0].leaderEpoch >= 0)
  })

  test('of all topics for null, of all for nothing in version 0, of none for nothing after', async () => {
    assert.ok((await metadata(9, { topics: null })).topics.some(({ name }) => name === 'orders'))
    assert.ok((await metadata(0, { topics: [] })).topics.some(({ name }) => name === 'orders'))
    assert.deepEqual((await metadata(1, { topics: [] })).topics, [])
  })

  test('by topic id, from version 12 on', async () => {
    const known = await metadata(12, { topics: [{ topicId: ordersId, name: null }] })
    assert.deepEqual(
      known.topics.map(({ name, errorCode }) => [name, errorCode]),
      [['orders', 0]]
    )
    const unknown = await metadata(12, { topics: [{ topicId: 'AAAAAAAAQACAAAAAAAAAAA', name: null }] })
    assert.deepEqual(
      unknown.topics.map(({ name, errorCode, topicId }) => [name, errorCode, topicId]),
      [[null, ErrorCode.UNKNOWN_TOPIC_ID, 'AAAAAAAAQACAAAAAAAAAAA']]
    )
    const tooEarly = await metadata(10, { topics: [{ topicId: ordersId, name: 'orders' }] })
    assert.equal(tooEarly.topics[0].errorCode, ErrorCode.INVALID_REQUEST)
  })

  /** Asks until the topic is there, as clients do. */
  async function awaitTopic(name: string): Promise<MetadataResponse['topics'][number]> {
    const deadline = performance.now() + 10_000
    while (performance.now() < deadline) {
      const [topic] = (await metadata(9, { topics: [{ name }], allowAutoTopicCreation: false })).topics
      if (topic.errorCode === ErrorCode.NONE) return topic
      assert.equal(topic.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    }
    throw new Error(`topic ${name} did not come`)
  }

  test('has a topic that is asked for made and says, as it was when asked, that it is not there', async () => {
    const { topics } = await metadata(9, { topics: [{ name: 'made' }], allowAutoTopicCreation: true })
    assert.deepEqual([topics[0].errorCode, topics[0].partitions], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, []])
    assert.equal((await awaitTopic('made')).partitions.length, 3)
    assert.equal((await produce(client, 'made', batchOf('x'))).errorCode, ErrorCode.NONE)
  })

  test('makes a topic once for many who ask, and tells a deleted one as gone though it comes again', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => broker.connect()))
    const ask = { topics: [{ name: 'popular' }], allowAutoTopicCreation: true }
    await Promise.all(clients.map((each) => each.call(MetadataRequest, MetadataResponse, 9, ask)))
    const { topicId } = (await metadata(12, { topics: [{ name: (await awaitTopic('popular')).name }] })).topics[0]
    await client.call(DeleteTopicsRequest, DeleteTopicsResponse, 5, { topicNames: ['popular'], timeoutMs: 10_000 })
    assert.equal((await metadata(1, { topics: [{ name: 'popular' }] })).topics[0].errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    await awaitTopic('popular')
    assert.notEqual((await metadata(12, { topics: [{ name: 'popular' }] })).topics[0].topicId, topicId)
  })

  test('has at most a thousand topics made that nobody waits for', async () => {
    let asked = 0
    const creation = new TopicCreation({
      config: broker.server.config,
      world: broker.world,
      createTopics: (request) => {
        asked += request.topics?.length ?? 0
        return new Promise(() => {})
      }
    })
    for (const many of ['a', 'b', 'c']) creation.begin(Array.from({ length: 400 }, (_, index) => `${many}${index}`))
    creation.begin(['a0'])
    assert.equal(asked, 1_000)
  })

  test('tells a name that cannot be, whether topics are made or not', async () => {
    for (const allowAutoTopicCreation of [true, false]) {
      const { topics } = await metadata(9, { topics: [{ name: 'a b' }, { name: '' }], allowAutoTopicCreation })
      assert.deepEqual(
        topics.map(({ errorCode }) => errorCode),
        [ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.INVALID_TOPIC_EXCEPTION]
      )
    }
  })

  test('makes none where the client or the broker does not want it', async () => {
    const unwanted = await metadata(9, { topics: [{ name: 'unwanted' }], allowAutoTopicCreation: false })
    assert.equal(unwanted.topics[0].errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    await using strict = await startBroker({ overrides: { 'auto.create.topics.enable': 'false' } })
    const other = await strict.connect()
    const answer = await other.call(MetadataRequest, MetadataResponse, 9, { topics: [{ name: 'x' }], allowAutoTopicCreation: true })
    assert.equal(answer.topics[0].errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('tells what may be done only when asked', async () => {
    const asked = await metadata(9, {
      topics: [{ name: 'orders' }],
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true
    })
    assert.equal(asked.topics[0].topicAuthorizedOperations, 0b110111111000)
    assert.equal(asked.clusterAuthorizedOperations, 0b1111110100000)
    const quiet = await metadata(9, { topics: [{ name: 'orders' }] })
    assert.deepEqual([quiet.topics[0].topicAuthorizedOperations, quiet.clusterAuthorizedOperations], [-2147483648, -2147483648])
  })

  test('answers a topic named twice once', async () => {
    assert.equal((await metadata(9, { topics: [{ name: 'orders' }, { name: 'orders' }] })).topics.length, 1)
  })

  test('gives the advertised address where one is set', async () => {
    await using advertised = await startBroker({ overrides: { 'advertised.listeners': 'PLAINTEXT://kafka.example:19092' } })
    const other = await advertised.connect()
    const answer = await other.call(MetadataRequest, MetadataResponse, 9, { topics: [] })
    assert.deepEqual(
      answer.brokers.map(({ host, port }) => [host, port]),
      [['kafka.example', 19092]]
    )
  })

  test('gives the address that the client dialled where the listener is on every interface', async () => {
    await using wildcard = await startBroker({ overrides: { listeners: 'PLAINTEXT://:0,CONTROLLER://127.0.0.1:0' } })
    const other = await wildcard.connect()
    const answer = await other.call(MetadataRequest, MetadataResponse, 9, { topics: [] })
    assert.deepEqual(
      answer.brokers.map(({ host, port }) => [host, port]),
      [['127.0.0.1', wildcard.port]]
    )
  })
})

describe('DescribeCluster', () => {
  test('names the brokers on the broker listener and the controller on the controller listener', async () => {
    const brokers = await client.call(DescribeClusterRequest, DescribeClusterResponse, 2, {})
    assert.deepEqual(
      brokers.brokers.map(({ brokerId, host, port, isFenced }) => [brokerId, host, port, isFenced]),
      [[1, '127.0.0.1', broker.port, false]]
    )
    assert.equal(brokers.clusterId, broker.server.clusterId)
    const controller = await broker.connectToController()
    const controllers = await controller.call(DescribeClusterRequest, DescribeClusterResponse, 1, { endpointType: 2 })
    assert.deepEqual(
      controllers.brokers.map(({ brokerId, port }) => [brokerId, port]),
      [[1, broker.controllerPort]]
    )
  })

  test('of the wrong kind of endpoint is refused', async () => {
    const answer = await client.call(DescribeClusterRequest, DescribeClusterResponse, 1, { endpointType: 2 })
    assert.equal(answer.errorCode, ErrorCode.MISMATCHED_ENDPOINT_TYPE)
    assert.match(answer.errorMessage ?? '', /sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER/)
    const unknown = await client.call(DescribeClusterRequest, DescribeClusterResponse, 1, { endpointType: 9 })
    assert.equal(unknown.errorCode, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE)
  })
})

describe('DescribeTopicPartitions', () => {
  const describeTopics = (body: Input<DescribeTopicPartitionsRequest>) =>
    client.call(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, 0, body)

  test('goes through all partitions of all topics page by page, in the order of names', async () => {
    await createTopic(client, 'pages-b', { partitions: 5 })
    await createTopic(client, 'pages-a', { partitions: 4 })
    const seen: string[] = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    for (let page = 0; page < 10; page++) {
      const answer: DescribeTopicPartitionsResponse = await describeTopics({
        topics: [{ name: 'pages-b' }, { name: 'pages-a' }],
        responsePartitionLimit: 3,
        cursor
      })
      for (const topic of answer.topics) for (const { partitionIndex } of topic.partitions) seen.push(`${topic.name}-${partitionIndex}`)
      cursor = answer.nextCursor
      if (cursor === null) break
    }
    const expected = [...[0, 1, 2, 3].map((index) => `pages-a-${index}`), ...[0, 1, 2, 3, 4].map((index) => `pages-b-${index}`)]
    assert.deepEqual(seen, expected)
  })

  test('of unknown and impossible topics', async () => {
    const answer = await describeTopics({ topics: [{ name: 'nowhere' }, { name: 'no/way' }] })
    assert.deepEqual(
      answer.topics.map(({ name, errorCode }) => [name, errorCode]),
      [
        ['no/way', ErrorCode.INVALID_TOPIC_EXCEPTION],
        ['nowhere', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
      ]
    )
  })
})

test('a broker names itself while it answers, fenced or not, and no other that is fenced', () => {
  const registration = (id: number, fenced: boolean) => {
    const listeners = new Map([['PLAINTEXT', { host: 'here', port: id }]])
    return [id, { id, fenced, rack: null, listeners }] as const
  }
  const brokers = new Map([registration(3, false), registration(2, true), registration(1, true)])
  const context = { listenerName: 'PLAINTEXT' } as RequestContext
  const broker = { nodeId: 1, image: { brokers }, ownEndpoint: () => undefined } as unknown as BrokerContext
  assert.deepEqual(
    aliveBrokers(broker, context).map(({ nodeId }) => nodeId),
    [1, 3]
  )
})
