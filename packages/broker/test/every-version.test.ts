// Every API in every version that is served: an answer comes that the codec of that version reads to its end, for a request
// that works and for one that names what does not exist.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ErrorCode, type MessageCodec } from '@odradek/protocol'
import type { BrokerContext } from '../src/broker-context.ts'
import type { Handler } from '../src/handler.ts'
import { brokerHandlers, controllerHandlers } from '../src/handler-tables.ts'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, produce, startBroker, type TestBroker } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
let topicId = ''
const unknownId = 'AAAAAAAAQACAAAAAAAAAAA'

before(async () => {
  broker = await startBroker()
  client = await broker.connect()
  topicId = await createTopic(client, 'topic')
  await createTopic(client, 'doomed')
  await produce(client, 'topic', batchOf('a'))
})
after(() => broker[Symbol.asyncDispose]())

type Body = Record<string, unknown>
type Bodies = (version: number) => { good: Body; bad: Body }

const group = { groupId: 'group', generationId: -1, memberId: '' }
const fetchOf = (topic: Body) => ({
  maxWaitMs: 0,
  minBytes: 1,
  topics: [{ ...topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }]
})
const produceTo = (topic: Body) => ({
  acks: 1,
  timeoutMs: 1000,
  topicData: [{ ...topic, partitionData: [{ index: 0, records: batchOf('x') }] }]
})
const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
const assignment = [{ partitionIndex: 0, replicas: [1] }]
/** Enough of a version's fields to be understood; what a version has not is left out. */
const bodies: Record<string, Bodies> = {
  Produce: (v) => ({
    good: produceTo(v >= 13 ? { topicId } : { name: 'topic' }),
    bad: produceTo(v >= 13 ? { topicId: unknownId } : { name: 'none' })
  }),
  Fetch: (v) => ({
    good: fetchOf(v >= 13 ? { topicId } : { topic: 'topic' }),
    bad: fetchOf(v >= 13 ? { topicId: unknownId } : { topic: 'none' })
  }),
  ListOffsets: () => ({
    good: { replicaId: -1, topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] },
    bad: { replicaId: -1, topics: [{ name: 'none', partitions: [{ partitionIndex: 0, timestamp: 5 }] }] }
  }),
  Metadata: () => ({ good: { topics: [{ name: 'topic' }] }, bad: { topics: [{ name: 'no such/topic' }] } }),
  OffsetCommit: (v) => {
    const commit = (topic: Body) => ({
      groupId: 'group',
      topics: [{ ...topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }] }]
    })
    return { good: commit(v >= 10 ? { topicId } : { name: 'topic' }), bad: commit(v >= 10 ? { topicId: unknownId } : { name: 'none' }) }
  },
  OffsetFetch: (v) => {
    const fetch = (topic: Body) =>
      v >= 8
        ? { groups: [{ groupId: 'group', topics: [{ ...topic, partitionIndexes: [0] }] }] }
        : { groupId: 'group', topics: [{ ...topic, partitionIndexes: [0] }] }
    return { good: fetch(v >= 10 ? { topicId } : { name: 'topic' }), bad: fetch(v >= 10 ? { topicId: unknownId } : { name: 'none' }) }
  },
  FindCoordinator: (v) => ({
    good: v >= 4 ? { coordinatorKeys: ['group', 'other'] } : { key: 'group' },
    bad: { keyType: v >= 1 ? 1 : undefined, ...(v >= 4 ? { coordinatorKeys: ['tx'] } : { key: 'tx' }) }
  }),
  JoinGroup: () => {
    const join = (sessionTimeoutMs: number) => ({
      groupId: 'g2',
      sessionTimeoutMs,
      rebalanceTimeoutMs: 1000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('x') }]
    })
    return { good: join(6000), bad: join(1) }
  },
  Heartbeat: () => ({ good: group, bad: { ...group, groupId: '' } }),
  LeaveGroup: (v) => ({
    good: v >= 3 ? { groupId: 'group', members: [{ memberId: 'm' }] } : { groupId: 'group', memberId: 'm' },
    bad: { groupId: '' }
  }),
  SyncGroup: () => ({ good: group, bad: { ...group, groupId: '' } }),
  DescribeGroups: () => ({ good: { groups: ['group'] }, bad: { groups: ['none', ''] } }),
  ListGroups: () => ({ good: {}, bad: {} }),
  ApiVersions: (v) => ({ good: v >= 3 ? software : {}, bad: v >= 3 ? { clientSoftwareName: '?', clientSoftwareVersion: '' } : {} }),
  CreateTopics: () => ({
    good: { topics: [{ name: 'topic', numPartitions: 1, replicationFactor: 1 }] },
    bad: { topics: [{ name: '..', numPartitions: 0, replicationFactor: 9 }] }
  }),
  DeleteTopics: (v) => ({
    good: v >= 6 ? { topics: [{ name: 'doomed' }] } : { topicNames: ['doomed'] },
    bad: v >= 6 ? { topics: [{ topicId: unknownId }] } : { topicNames: ['none'] }
  }),
  DeleteRecords: () => ({
    good: { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, offset: 0 }] }] },
    bad: { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, offset: 1 << 30 }] }] }
  }),
  InitProducerId: () => ({ good: { transactionalId: null }, bad: { transactionalId: '' } }),
  OffsetForLeaderEpoch: () => ({
    good: { topics: [{ topic: 'topic', partitions: [{ partition: 0, leaderEpoch: 0 }] }] },
    bad: { topics: [{ topic: 'none', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }
  }),
  DescribeConfigs: () => ({
    good: { resources: [{ resourceType: 2, resourceName: 'topic', configurationKeys: null }] },
    bad: { resources: [{ resourceType: 99, resourceName: 'x' }] }
  }),
  AlterConfigs: () => ({
    good: { resources: [{ resourceType: 2, resourceName: 'topic', configs: [{ name: 'retention.ms', value: '60000' }] }] },
    bad: { resources: [{ resourceType: 2, resourceName: 'topic', configs: [{ name: 'retention.ms', value: 'soon' }] }] }
  }),
  IncrementalAlterConfigs: () => ({
    good: {
      resources: [{ resourceType: 2, resourceName: 'topic', configs: [{ name: 'retention.ms', configOperation: 0, value: '60000' }] }]
    },
    bad: { resources: [{ resourceType: 4, resourceName: '77', configs: [{ name: 'x', configOperation: 9, value: null }] }] }
  }),
  AlterReplicaLogDirs: () => ({
    good: { dirs: [{ path: '/data', topics: [{ name: 'topic', partitions: [0] }] }] },
    bad: { dirs: [{ path: 'nowhere', topics: [{ name: 'none', partitions: [7] }] }] }
  }),
  DescribeLogDirs: () => ({ good: { topics: null }, bad: { topics: [{ topic: 'none', partitions: [0] }] } }),
  CreatePartitions: () => ({
    good: { topics: [{ name: 'topic', count: 1, assignments: null }] },
    bad: { topics: [{ name: 'none', count: -1, assignments: [] }] }
  }),
  DeleteGroups: () => ({ good: { groupsNames: ['nobody'] }, bad: { groupsNames: [''] } }),
  ElectLeaders: (v) => {
    const elect = (topic: string) => ({ ...(v >= 1 ? { electionType: 0 } : {}), topicPartitions: [{ topic, partitions: [0] }] })
    return { good: elect('topic'), bad: elect('none') }
  },
  AlterPartitionReassignments: () => {
    const move = (name: string, replicas: number[] | null) => ({ topics: [{ name, partitions: [{ ...assignment[0], replicas }] }] })
    return { good: move('topic', [1]), bad: move('none', [7, 7]) }
  },
  ListPartitionReassignments: () => ({ good: { topics: null }, bad: { topics: [{ name: 'none', partitionIndexes: [4] }] } }),
  OffsetDelete: () => ({
    good: { groupId: 'group', topics: [{ name: 'topic', partitions: [{ partitionIndex: 0 }] }] },
    bad: { groupId: 'nobody', topics: [{ name: 'none', partitions: [{ partitionIndex: 0 }] }] }
  }),
  DescribeQuorum: () => ({
    good: { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] },
    bad: { topics: [{ topicName: 'none', partitions: [{ partitionIndex: 3 }] }] }
  }),
  UpdateFeatures: () => ({ good: { featureUpdates: [] }, bad: { featureUpdates: [{ feature: 'no.such.feature', maxVersionLevel: 1 }] } }),
  DescribeCluster: (v) => ({ good: {}, bad: v >= 1 ? { endpointType: 7 } : {} }),
  DescribeProducers: () => ({
    good: { topics: [{ name: 'topic', partitionIndexes: [0] }] },
    bad: { topics: [{ name: 'none', partitionIndexes: [9] }] }
  }),
  UnregisterBroker: () => ({ good: { brokerId: 99 }, bad: { brokerId: -5 } }),
  GetTelemetrySubscriptions: () => ({ good: { clientInstanceId: unknownId }, bad: {} }),
  PushTelemetry: () => ({
    good: { clientInstanceId: unknownId, metrics: Buffer.alloc(0) },
    bad: { compressionType: 77, metrics: Buffer.alloc(0) }
  }),
  ListConfigResources: (v) => ({ good: {}, bad: v >= 1 ? { resourceTypes: [99] } : {} }),
  DescribeTopicPartitions: () => ({
    good: { topics: [{ name: 'topic' }] },
    bad: { topics: [{ name: 'none' }], cursor: { topicName: 'x', partitionIndex: -1 } }
  })
}

async function answer(connection: RawClient, handler: Handler<BrokerContext>, version: number, body: Body): Promise<object> {
  const response = handler.response as MessageCodec<object>
  return connection.call(handler.request as MessageCodec<Body>, response, version, body as never)
}

const codeOf = (response: object) => ('errorCode' in response ? (response.errorCode as number) : ErrorCode.NONE)

describe('every API in every version', () => {
  for (const handler of brokerHandlers().values()) {
    for (let version = handler.api.min; version <= handler.maxVersion; version++) {
      test(`${handler.api.name} ${version}`, async () => {
        const { good, bad } = bodies[handler.api.name](version)
        assert.notEqual(codeOf(await answer(client, handler, version, good)), ErrorCode.UNKNOWN_SERVER_ERROR)
        assert.notEqual(codeOf(await answer(client, handler, version, bad)), ErrorCode.UNKNOWN_SERVER_ERROR)
        assert.deepEqual(
          broker.lines.filter((line) => line.includes('ERROR')),
          []
        )
        assert.deepEqual(broker.halted, [])
      })
    }
  }

  for (const handler of controllerHandlers().values()) {
    test(`${handler.api.name} on the controller listener`, async () => {
      const controller = await broker.connectToController()
      for (let version = handler.api.min; version <= handler.maxVersion; version++) {
        const { good, bad } = bodies[handler.api.name](version)
        await answer(controller, handler, version, handler.api.name === 'DescribeCluster' && version >= 1 ? { endpointType: 2 } : good)
        await answer(controller, handler, version, bad)
      }
      assert.deepEqual(
        broker.lines.filter((line) => line.includes('ERROR')),
        []
      )
    })
  }

  test('has a request in this test', () => {
    assert.deepEqual(
      [...brokerHandlers().values()].map(({ api }) => api.name).filter((name) => bodies[name] === undefined),
      []
    )
  })
})
