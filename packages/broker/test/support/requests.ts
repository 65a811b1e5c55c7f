// A good and a bad request of every API in every version.
import { batchOf } from './test-broker.ts'

export type RequestBody = Record<string, unknown>
export interface Fixture {
  /** The id of a topic `topic` of one partition that exists. */
  readonly topicId: string
}

/** Enough of a version's fields to be understood; what a version has not is left out. */
export function requestBodies({ topicId }: Fixture): Record<string, (version: number) => { good: RequestBody; bad: RequestBody }> {
  const unknownId = 'AAAAAAAAQACAAAAAAAAAAA'

  const group = { groupId: 'group', generationId: -1, memberId: '' }
  const fetchOf = (topic: RequestBody) => ({
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ ...topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }]
  })
  const produceTo = (topic: RequestBody) => ({
    acks: 1,
    timeoutMs: 1000,
    topicData: [{ ...topic, partitionData: [{ index: 0, records: batchOf('x') }] }]
  })
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
  const timeoutMs = 5000
  const assignment = [{ partitionIndex: 0, replicas: [1] }]
  return {
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
      const commit = (topic: RequestBody) => ({
        groupId: 'group',
        topics: [{ ...topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }] }]
      })
      return { good: commit(v >= 10 ? { topicId } : { name: 'topic' }), bad: commit(v >= 10 ? { topicId: unknownId } : { name: 'none' }) }
    },
    OffsetFetch: (v) => {
      const fetch = (topic: RequestBody) =>
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
      good: { timeoutMs, topics: [{ name: 'topic', numPartitions: 1, replicationFactor: 1 }] },
      bad: { timeoutMs, topics: [{ name: '..', numPartitions: 0, replicationFactor: 9 }] }
    }),
    DeleteTopics: (v) => ({
      good: { timeoutMs, ...(v >= 6 ? { topics: [{ name: 'doomed' }] } : { topicNames: ['doomed'] }) },
      bad: { timeoutMs, ...(v >= 6 ? { topics: [{ topicId: unknownId }] } : { topicNames: ['none'] }) }
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
      good: { timeoutMs, topics: [{ name: 'topic', count: 1, assignments: null }] },
      bad: { timeoutMs, topics: [{ name: 'none', count: -1, assignments: [] }] }
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
}
