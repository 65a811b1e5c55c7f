// What the requests of requests.ts are answered: every error code of the answer, in its order, and the fields that matter in the good
// one. test/interop/answers.e2e.ts holds the same and more against Apache Kafka; this one needs no Java.
import { ZERO_UUID } from '@odradek/base'

export interface AnswerFixture {
  readonly topicId: string
  /** The end of the log of `topic` before the request. */
  readonly end: number
  readonly port: number
}

export interface ExpectedAnswer {
  readonly good: readonly string[]
  readonly bad: readonly string[]
  /** A part of the good answer. */
  readonly fields: object
}

const NONE = 'NONE'
const UNKNOWN = 'UNKNOWN_TOPIC_OR_PARTITION'

export function expectedAnswer(api: string, version: number, fixture: AnswerFixture): ExpectedAnswer {
  const [good, bad, fields] = ANSWERS[api](version, fixture)
  return { good, bad, fields }
}

type Answer = readonly [good: readonly string[], bad: readonly string[], fields: object]

/** By name before topics are named by their ids. */
function topicAt(version: number, idsSince: number, topicId: string, key = 'name'): object {
  return version >= idsSince ? { [key]: '', topicId } : { [key]: 'topic', topicId: ZERO_UUID }
}

const unknownAt = (version: number, idsSince: number) => (version >= idsSince ? 'UNKNOWN_TOPIC_ID' : UNKNOWN)
const altered: Answer[2] = { responses: [{ resourceType: 2, resourceName: 'topic', errorMessage: null }] }
const onePartition = { partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] }

const ANSWERS: Record<string, (version: number, fixture: AnswerFixture) => Answer> = {
  Produce: (v, { topicId, end }) => [
    [NONE],
    [unknownAt(v, 13)],
    {
      responses: [
        {
          ...topicAt(v, 13, topicId),
          partitionResponses: [{ index: 0, baseOffset: end, logAppendTimeMs: -1, logStartOffset: v >= 5 ? 0 : -1, recordErrors: [] }]
        }
      ]
    }
  ],
  Fetch: (v, { topicId, end }) => [
    [NONE, NONE],
    [NONE, unknownAt(v, 13)],
    {
      sessionId: 0,
      responses: [
        {
          ...topicAt(v, 13, topicId, 'topic'),
          partitions: [{ partitionIndex: 0, highWatermark: end, lastStableOffset: end, logStartOffset: v >= 5 ? 0 : -1 }]
        }
      ]
    }
  ],
  ListOffsets: (v, { end }) => [
    [NONE],
    [UNKNOWN],
    { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp: -1, offset: end, leaderEpoch: v >= 4 ? 0 : -1 }] }] }
  ],
  Metadata: (v, { topicId, port }) => [
    [NONE, NONE, NONE],
    ['INVALID_TOPIC_EXCEPTION', NONE],
    {
      brokers: [{ nodeId: 1, host: '127.0.0.1', port }],
      controllerId: v >= 1 ? 1 : -1,
      topics: [{ name: 'topic', topicId: v >= 10 ? topicId : ZERO_UUID, isInternal: false, partitions: [onePartition] }]
    }
  ],
  OffsetCommit: (v, { topicId }) => [
    [NONE],
    [unknownAt(v, 10)],
    { topics: [{ ...topicAt(v, 10, topicId), partitions: [{ partitionIndex: 0 }] }] }
  ],
  OffsetFetch: (v, { topicId }) => {
    const partitions = [{ partitionIndex: 0, committedOffset: 1, metadata: 'm' }]
    if (v < 8) return [[NONE, NONE], [NONE, NONE], { topics: [{ name: 'topic', partitions }] }]
    const bad = [NONE, v >= 10 ? 'UNKNOWN_TOPIC_ID' : NONE, NONE]
    return [[NONE, NONE, NONE], bad, { groups: [{ groupId: 'group', topics: [{ ...topicAt(v, 10, topicId), partitions }] }] }]
  },
  FindCoordinator: (v, { port }) => {
    const node = { nodeId: 1, host: '127.0.0.1', port }
    if (v < 4) return [[NONE], [v >= 1 ? 'UNSUPPORTED_VERSION' : NONE], node]
    const coordinators = ['group', 'other'].map((key) => ({ key, ...node }))
    return [[NONE, NONE, NONE], [NONE, 'UNSUPPORTED_VERSION'], { coordinators }]
  },
  JoinGroup: (v) => {
    const bad = ['INVALID_SESSION_TIMEOUT']
    if (v >= 4) return [['MEMBER_ID_REQUIRED'], bad, { generationId: -1, leader: '', members: [] }]
    return [[NONE], bad, { generationId: v + 1, protocolName: 'range', members: [{ metadata: Buffer.from('x') }] }]
  },
  Heartbeat: () => [['UNKNOWN_MEMBER_ID'], ['INVALID_GROUP_ID'], {}],
  LeaveGroup: (v) => [
    v >= 3 ? [NONE, 'UNKNOWN_MEMBER_ID'] : ['UNKNOWN_MEMBER_ID'],
    ['INVALID_GROUP_ID'],
    { members: v >= 3 ? [{ memberId: 'm', groupInstanceId: null }] : [] }
  ],
  SyncGroup: (v) => [
    [v >= 5 ? 'INCONSISTENT_GROUP_PROTOCOL' : 'UNKNOWN_MEMBER_ID'],
    [v >= 5 ? 'INCONSISTENT_GROUP_PROTOCOL' : 'INVALID_GROUP_ID'],
    { assignment: Buffer.alloc(0) }
  ],
  DescribeGroups: (v) => [
    [NONE],
    Array.from({ length: 2 }, () => (v >= 6 ? 'GROUP_ID_NOT_FOUND' : NONE)),
    { groups: [{ groupId: 'group', groupState: 'Empty', members: [] }] }
  ],
  ListGroups: (v) => [
    [NONE],
    [NONE],
    {
      groups: [
        { groupId: 'group', groupState: v >= 4 ? 'Empty' : '', groupType: v >= 5 ? 'classic' : '' },
        { groupId: 'g2', protocolType: 'consumer', groupState: v >= 4 ? 'CompletingRebalance' : '' }
      ]
    }
  ],
  ApiVersions: (v) => [
    [NONE],
    [v >= 3 ? 'INVALID_REQUEST' : NONE],
    {
      apiKeys: [
        { apiKey: 0, minVersion: 0, maxVersion: 13 },
        { apiKey: 1, minVersion: 4, maxVersion: 18 }
      ]
    }
  ],
  CreateTopics: () => [
    ['TOPIC_ALREADY_EXISTS', NONE],
    ['INVALID_TOPIC_EXCEPTION', NONE],
    { topics: [{ name: 'topic', errorMessage: "Topic 'topic' already exists." }] }
  ],
  DeleteTopics: (v) => [[NONE], [v >= 6 ? 'UNKNOWN_TOPIC_ID' : UNKNOWN], { responses: [{ name: 'doomed' }] }],
  DeleteRecords: () => [
    [NONE],
    ['OFFSET_OUT_OF_RANGE'],
    { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, lowWatermark: 0 }] }] }
  ],
  InitProducerId: () => [[NONE], ['INVALID_REQUEST'], { producerEpoch: 0 }],
  OffsetForLeaderEpoch: (_, { end }) => [
    [NONE],
    [UNKNOWN],
    { topics: [{ topic: 'topic', partitions: [{ partition: 0, leaderEpoch: 0, endOffset: end }] }] }
  ],
  DescribeConfigs: () => [
    [NONE],
    ['INVALID_REQUEST'],
    { results: [{ resourceType: 2, resourceName: 'topic', configs: [{ name: 'cleanup.policy', value: 'delete', readOnly: false }] }] }
  ],
  AlterConfigs: () => [[NONE], ['INVALID_CONFIG'], altered],
  IncrementalAlterConfigs: () => [[NONE], ['INVALID_REQUEST'], altered],
  AlterReplicaLogDirs: () => [[NONE], ['LOG_DIR_NOT_FOUND'], { results: [{ topicName: 'topic', partitions: [{ partitionIndex: 0 }] }] }],
  DescribeLogDirs: () => [
    [NONE, NONE],
    [NONE, NONE],
    { results: [{ logDir: '/data', topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, offsetLag: 0, isFutureKey: false }] }] }] }
  ],
  CreatePartitions: () => [
    ['INVALID_PARTITIONS'],
    [UNKNOWN],
    { results: [{ name: 'topic', errorMessage: 'Topic already has 1 partition(s).' }] }
  ],
  DeleteGroups: () => [['GROUP_ID_NOT_FOUND'], ['GROUP_ID_NOT_FOUND'], { results: [{ groupId: 'nobody' }] }],
  ElectLeaders: () => [
    [NONE, 'ELECTION_NOT_NEEDED'],
    [NONE, UNKNOWN],
    { replicaElectionResults: [{ topic: 'topic', partitionResult: [{ partitionId: 0 }] }] }
  ],
  AlterPartitionReassignments: () => [
    [NONE, NONE],
    [NONE, UNKNOWN],
    { responses: [{ name: 'topic', partitions: [{ partitionIndex: 0, errorMessage: null }] }] }
  ],
  ListPartitionReassignments: () => [[NONE], [NONE], { topics: [] }],
  OffsetDelete: () => [[NONE, NONE], ['GROUP_ID_NOT_FOUND'], { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0 }] }] }],
  DescribeQuorum: () => [
    [NONE, NONE],
    [NONE, UNKNOWN],
    { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0, leaderId: 1, currentVoters: [{ replicaId: 1 }] }] }] }
  ],
  UpdateFeatures: () => [[NONE], ['INVALID_UPDATE_VERSION'], { results: [] }],
  DescribeCluster: (v, { port }) => [
    [NONE],
    [v >= 1 ? 'UNSUPPORTED_ENDPOINT_TYPE' : NONE],
    { controllerId: 1, brokers: [{ brokerId: 1, host: '127.0.0.1', port, rack: null, isFenced: false }] }
  ],
  DescribeProducers: () => [[NONE], [UNKNOWN], { topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, activeProducers: [] }] }] }],
  UnregisterBroker: () => [
    ['BROKER_ID_NOT_REGISTERED'],
    ['BROKER_ID_NOT_REGISTERED'],
    { errorMessage: 'Broker ID 99 is not currently registered' }
  ],
  GetTelemetrySubscriptions: () => [[NONE], [NONE], { acceptedCompressionTypes: [4, 3], requestedMetrics: [], deltaTemporality: true }],
  PushTelemetry: () => [[NONE], ['INVALID_REQUEST'], {}],
  ListConfigResources: (v) => [
    [NONE],
    [v >= 1 ? 'UNSUPPORTED_VERSION' : NONE],
    { configResources: v >= 1 ? [{ resourceName: '1', resourceType: 8 }] : [] }
  ],
  DescribeTopicPartitions: (_, { topicId }) => [
    [NONE, NONE],
    ['INVALID_REQUEST'],
    { topics: [{ name: 'topic', topicId, isInternal: false, partitions: [onePartition] }], nextCursor: null }
  ]
}
