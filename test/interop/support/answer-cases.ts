// Requests whose answers must be those of Apache Kafka: what works, what names things that do not exist, what is wrong in
// every way that a client can be wrong. `body` makes the request for a version; `ids` has the ids of the topics.
import { crc32c } from '@odradek/base'
import { encodeBatch } from '@odradek/protocol'

export type Ids = Readonly<Record<string, string>>
type Body = Record<string, unknown>

export interface AnswerCase {
  readonly api: string
  readonly label: string
  /** Default: every version. */
  readonly versions?: readonly number[]
  readonly body: (version: number, ids: Ids) => Body
}

/** Made before the cases run, with these settings. */
export const topics: Readonly<Record<string, { partitions: number; configs?: Record<string, string> }>> = {
  topic: { partitions: 1 },
  multi: { partitions: 3 },
  compacted: { partitions: 1, configs: { 'cleanup.policy': 'compact' } },
  small: { partitions: 1, configs: { 'max.message.bytes': '300' } },
  sequences: { partitions: 1 },
  shrinking: { partitions: 1 },
  configured: { partitions: 1 },
  'doomed-name': { partitions: 1 },
  'doomed-id': { partitions: 1 }
}

const UNKNOWN_ID = 'AAAAAAAAQACAAAAAAAAAAA'
const NOW = Date.now()
const cases: AnswerCase[] = []

function add(api: string, label: string, body: AnswerCase['body'] | Body, versions?: readonly number[]): void {
  cases.push({ api, label, versions, body: typeof body === 'function' ? (body as AnswerCase['body']) : () => body })
}

const batch = (options: Partial<Parameters<typeof encodeBatch>[0]> = {}) =>
  encodeBatch({ records: [{ key: 'k', value: 'v' }], timestamp: NOW, ...options })

/** A batch with some of its bytes changed, with or without a checksum that fits. */
function damaged(change: (bytes: Buffer) => void, hasChecksum = true): Buffer {
  const bytes = batch()
  change(bytes)
  if (hasChecksum) bytes.writeInt32BE(crc32c(bytes, 21) | 0, 17)
  return bytes
}

// ---- Produce

const named = (version: number, since: number, ids: Ids, name = 'topic', key = 'name'): Body =>
  version >= since ? { topicId: ids[name] ?? UNKNOWN_ID } : { [key]: name }
const produce = (topic: Body, records: Buffer, options: Body = {}): Body => ({
  acks: 1,
  timeoutMs: 1000,
  topicData: [{ ...topic, partitionData: [{ index: 0, records }] }],
  ...options
})
const produceTo =
  (name: string, records: () => Buffer, options: Body = {}) =>
  (version: number, ids: Ids) =>
    produce(named(version, 13, ids, name), records(), options)

add('Produce', 'good', produceTo('topic', batch))
add('Produce', 'unknown topic', produceTo('none', batch))
add('Produce', 'unknown partition', (version, ids) => ({
  acks: 1,
  timeoutMs: 1000,
  topicData: [{ ...named(version, 13, ids), partitionData: [{ index: 7, records: batch() }] }]
}))
add('Produce', 'acks 5', produceTo('topic', batch, { acks: 5 }))
add(
  'Produce',
  'acks 5 without records',
  produceTo('topic', () => Buffer.alloc(0), { acks: 5 })
)
add('Produce', 'acks -2', produceTo('topic', batch, { acks: -2 }))
add('Produce', 'acks 5 to an unknown topic', produceTo('none', batch, { acks: 5 }))
add('Produce', 'bad name', produce({ name: 'a/b' }, batch()), [12])
add(
  'Produce',
  'transactional without id',
  produceTo('topic', () => batch({ producerId: 5, producerEpoch: 0, baseSequence: 0, isTransactional: true }))
)
add('Produce', 'transactional id, plain batch', produceTo('topic', batch, { transactionalId: 'tx' }))
add(
  'Produce',
  'too large',
  produceTo('small', () => batch({ records: [{ value: 'x'.repeat(400) }] }))
)
add(
  'Produce',
  'no key',
  produceTo('compacted', () => batch({ records: [{ value: 'a' }, { key: 'k', value: 'b' }, { value: 'c' }] }))
)
add(
  'Produce',
  'no key, gzip',
  produceTo('compacted', () => batch({ compression: 'gzip', records: [{ value: 'a' }] }))
)

const badBatches: Record<string, () => Buffer> = {
  empty: () => Buffer.alloc(0),
  'ten zeros': () => Buffer.alloc(10),
  'sixteen bytes': () => batch().subarray(0, 16),
  'seventeen bytes': () => batch().subarray(0, 17),
  cut: () => batch().subarray(0, 65),
  nonsense: () => Buffer.from('nonsense, and not a batch at all: no sir, certainly not this one'),
  two: () => Buffer.concat([batch(), batch()]),
  'bytes behind': () => Buffer.concat([batch(), Buffer.from('behind')]),
  checksum: () => damaged((bytes) => bytes.writeInt32BE(5, 17), false),
  'flipped bit': () => damaged((bytes) => (bytes[bytes.length - 1] ^= 1), false),
  'magic 0': () => damaged((bytes) => bytes.writeInt8(0, 16), false),
  'magic 1': () => damaged((bytes) => bytes.writeInt8(1, 16), false),
  'magic 3': () => damaged((bytes) => bytes.writeInt8(3, 16), false),
  'magic -1': () => damaged((bytes) => bytes.writeInt8(-1, 16), false),
  'length -1': () => damaged((bytes) => bytes.writeInt32BE(-1, 8), false),
  'length 20': () => damaged((bytes) => bytes.writeInt32BE(20, 8), false),
  'length 48': () => damaged((bytes) => bytes.writeInt32BE(48, 8), false),
  'length 100000': () => damaged((bytes) => bytes.writeInt32BE(100_000, 8), false),
  'base offset': () => damaged((bytes) => bytes.writeBigInt64BE(5n, 0), false),
  'offset delta -1': () => damaged((bytes) => bytes.writeInt32BE(-1, 23)),
  'count 7': () => damaged((bytes) => bytes.writeInt32BE(7, 57)),
  'count -3': () => damaged((bytes) => bytes.writeInt32BE(-3, 57)),
  'count 0': () => damaged((bytes) => bytes.writeInt32BE(0, 57)),
  control: () => damaged((bytes) => bytes.writeInt16BE(0x20, 21)),
  'producer id without sequence': () => damaged((bytes) => bytes.writeBigInt64BE(5n, 43)),
  'garbage as gzip': () => damaged((bytes) => bytes.writeInt16BE(1, 21)),
  'garbage as snappy': () => damaged((bytes) => bytes.writeInt16BE(2, 21)),
  'garbage as lz4': () => damaged((bytes) => bytes.writeInt16BE(3, 21)),
  'garbage as zstd': () => damaged((bytes) => bytes.writeInt16BE(4, 21)),
  'record length': () => damaged((bytes) => (bytes[61] = 0x7f)),
  'record attributes': () => damaged((bytes) => (bytes[62] = 0x7f)),
  'key length': () => damaged((bytes) => (bytes[65] = 0x7f)),
  'negative key length': () => damaged((bytes) => (bytes[65] = 0x03)),
  'header count': () => damaged((bytes) => (bytes[bytes.length - 1] = 0x05)),
  'negative header count': () => damaged((bytes) => (bytes[bytes.length - 1] = 0x01)),
  'append time': () => damaged((bytes) => bytes.writeInt16BE(8, 21)),
  'max timestamp': () => damaged((bytes) => bytes.writeBigInt64BE(99n, 35))
}
for (const [label, records] of Object.entries(badBatches)) add('Produce', `batch: ${label}`, produceTo('topic', records), [3, 6, 8, 12])

const sequences = [
  ['first', 0, 0],
  ['repeated', 0, 0],
  ['gap', 0, 5],
  ['second', 0, 1],
  ['new epoch', 1, 0],
  ['old epoch', 0, 2],
  ['new epoch, gap', 2, 3]
] as const
for (const [label, producerEpoch, baseSequence] of sequences) {
  add(
    'Produce',
    `sequence: ${label}`,
    produceTo('sequences', () => batch({ producerId: 77, producerEpoch, baseSequence })),
    [12]
  )
}

// ---- Fetch and offsets

const fetch =
  (name: string, partition: Body = {}, request: Body = {}) =>
  (version: number, ids: Ids) => ({
    maxWaitMs: 0,
    minBytes: 1,
    ...request,
    topics: [
      {
        ...named(version, 13, ids, name, 'topic'),
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20, ...partition }]
      }
    ]
  })
const since = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

add('Fetch', 'good', fetch('topic'))
add('Fetch', 'committed', fetch('topic', {}, { isolationLevel: 1 }))
add('Fetch', 'unknown topic', fetch('none'))
add('Fetch', 'unknown partition', fetch('topic', { partition: 9 }))
add('Fetch', 'out of range', fetch('topic', { fetchOffset: 99_999 }))
add('Fetch', 'negative offset', fetch('topic', { fetchOffset: -1 }))
add('Fetch', 'unknown leader epoch', fetch('topic', { currentLeaderEpoch: 77 }), since(9, 18))
add('Fetch', 'unknown session', fetch('topic', {}, { sessionId: 55, sessionEpoch: 3 }), since(7, 18))
add('Fetch', 'new session', fetch('topic', {}, { sessionId: 0, sessionEpoch: 0 }), since(7, 18))
add('Fetch', 'new session of nothing', { maxWaitMs: 0, minBytes: 1, sessionId: 0, sessionEpoch: 0, topics: [] }, since(7, 18))
add('Fetch', 'nothing, without a session', { maxWaitMs: 0, minBytes: 1, sessionId: 0, sessionEpoch: -1, topics: [] }, since(7, 18))
add('Fetch', 'cluster metadata', fetch('__cluster_metadata'), [12])

for (const timestamp of [-1, -2, -3, -4, -5, -6, -7, 5, NOW, NOW + 1]) {
  add('ListOffsets', `timestamp ${timestamp}`, {
    replicaId: -1,
    topics: [{ name: 'topic', partitions: [{ partitionIndex: 0, timestamp }] }]
  })
}
const listOffsets = (name: string, ...partitions: [number, number][]): Body => ({
  replicaId: -1,
  topics: [{ name, partitions: partitions.map(([partitionIndex, timestamp]) => ({ partitionIndex, timestamp })) }]
})
add('ListOffsets', 'unknown topic', listOffsets('none', [0, -1]))
add('ListOffsets', 'empty logs', listOffsets('multi', [0, -2], [1, -1], [2, -3]))
add('ListOffsets', 'twice', listOffsets('topic', [0, -1], [0, -1]))

const leaderEpoch = (topic: string, partition: Body): Body => ({
  topics: [{ topic, partitions: [{ partition: 0, leaderEpoch: 0, ...partition }] }]
})
add('OffsetForLeaderEpoch', 'good', leaderEpoch('topic', {}))
add('OffsetForLeaderEpoch', 'empty log', leaderEpoch('multi', {}))
add('OffsetForLeaderEpoch', 'future epoch', leaderEpoch('topic', { leaderEpoch: 5 }))
add('OffsetForLeaderEpoch', 'unknown partition', leaderEpoch('topic', { partition: 7 }))
add('OffsetForLeaderEpoch', 'unknown topic', leaderEpoch('none', {}))
add('OffsetForLeaderEpoch', 'unknown leader epoch', leaderEpoch('topic', { currentLeaderEpoch: 9 }))

add(
  'Produce',
  'to be deleted',
  produceTo('shrinking', () => batch({ records: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] })),
  [12]
)
const deleteRecords = (...wanted: [string, number, number][]): Body => ({
  topics: wanted.map(([name, partitionIndex, offset]) => ({ name, partitions: [{ partitionIndex, offset }] })),
  timeoutMs: 1000
})
add('DeleteRecords', 'good', deleteRecords(['shrinking', 0, 1]))
add('DeleteRecords', 'wrong', deleteRecords(['shrinking', 0, 99], ['none', 0, 0], ['compacted', 0, 0], ['__consumer_offsets', 0, 0]))
add('DeleteRecords', 'to the end', deleteRecords(['shrinking', 0, -1]))
add('DeleteRecords', 'a partition twice', deleteRecords(['shrinking', 0, 99], ['shrinking', 0, 1]))
add('DeleteRecords', 'a partition twice in one topic', {
  topics: [
    { name: 'shrinking', partitions: [1, 99].map((offset) => ({ partitionIndex: 0, offset })) },
    { name: 'topic', partitions: [] }
  ],
  timeoutMs: 1000
})
add('DeleteRecords', 'negative', deleteRecords(['shrinking', 0, -5]))
add('ListOffsets', 'after the deletion', listOffsets('shrinking', [0, -2]))

// ---- metadata

add('Metadata', 'good', (version) => ({
  topics: [{ name: 'topic' }],
  ...(version >= 8 ? { includeTopicAuthorizedOperations: true } : {}),
  ...(version >= 8 && version <= 10 ? { includeClusterAuthorizedOperations: true } : {})
}))
add('Metadata', 'unknown topic', { topics: [{ name: 'none' }], allowAutoTopicCreation: false }, since(4, 13))
add('Metadata', 'bad name', { topics: [{ name: 'a/b' }] })
add('Metadata', 'unknown id', { topics: [{ topicId: UNKNOWN_ID, name: null }] }, [12, 13])
add('Metadata', 'id too early', (_, ids) => ({ topics: [{ topicId: ids.topic, name: 'topic' }] }), [10, 11])
add('Metadata', 'no name', { topics: [{ name: null }] }, [10, 11])
add('DescribeCluster', 'good', { includeClusterAuthorizedOperations: true })
add('DescribeCluster', 'controllers', { endpointType: 2 }, [1, 2])
add('DescribeCluster', 'nonsense', { endpointType: 5 }, [1, 2])
const pages: Record<string, Body> = {
  one: { topics: [{ name: 'multi' }] },
  page: { topics: [{ name: 'multi' }, { name: 'topic' }], responsePartitionLimit: 2 },
  'next page': {
    topics: [{ name: 'multi' }, { name: 'topic' }],
    responsePartitionLimit: 2,
    cursor: { topicName: 'multi', partitionIndex: 2 }
  },
  'cursor elsewhere': { topics: [{ name: 'multi' }, { name: 'topic' }], cursor: { topicName: 'nnn', partitionIndex: 0 } },
  'cursor beyond': { topics: [{ name: 'multi' }], cursor: { topicName: 'multi', partitionIndex: 44 } },
  'negative cursor': { topics: [{ name: 'multi' }], cursor: { topicName: 'multi', partitionIndex: -1 } },
  unknown: { topics: [{ name: 'none' }, { name: 'a/b' }, { name: 'multi' }] },
  'no room': { topics: [{ name: 'multi' }], responsePartitionLimit: 0 }
}
for (const [label, body] of Object.entries(pages)) add('DescribeTopicPartitions', label, body)

// ---- groups

const commit = (topic: Body, options: Body = {}, partition: Body = {}): Body => ({
  groupId: 'plain',
  topics: [{ ...topic, partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: 'm', ...partition }] }],
  ...options
})
add('OffsetCommit', 'good', (version, ids) => commit(named(version, 10, ids)))
add('OffsetCommit', 'unknown topic', (version, ids) => commit(named(version, 10, ids, 'none')))
add('OffsetCommit', 'unknown partition', (version, ids) => commit(named(version, 10, ids), {}, { partitionIndex: 9 }))
add('OffsetCommit', 'long metadata', (version, ids) => commit(named(version, 10, ids), {}, { committedMetadata: 'x'.repeat(5000) }))
add('OffsetCommit', 'stranger', (version, ids) => commit(named(version, 10, ids), { generationIdOrMemberEpoch: 5, memberId: 'nobody' }))
add('OffsetCommit', 'no group', (version, ids) => commit(named(version, 10, ids), { groupId: '' }))
const offsetFetch = (groupId: string, name: string | null) => (version: number, ids: Ids) => {
  const wanted = name === null ? null : [{ ...named(version, 10, ids, name), partitionIndexes: [0, 1] }]
  return version >= 8 ? { groups: [{ groupId, topics: wanted }] } : { groupId, topics: wanted }
}
add('OffsetFetch', 'good', offsetFetch('plain', 'topic'))
add('OffsetFetch', 'unknown topic', offsetFetch('plain', 'none'))
add('OffsetFetch', 'all', offsetFetch('plain', null), since(2, 10))
add('OffsetFetch', 'all of nobody', offsetFetch('nobody', null), since(2, 10))
add('OffsetFetch', 'no group', offsetFetch('', 'topic'))
add('DescribeGroups', 'some', (version) => ({
  groups: ['plain', 'nobody', ''],
  ...(version >= 3 ? { includeAuthorizedOperations: true } : {})
}))
add('ListGroups', 'all', {})
add('ListGroups', 'by state', { statesFilter: ['Empty', 'Nonsense'] }, [4, 5])
add('ListGroups', 'by type', { typesFilter: ['classic'] }, [5])
add('ListGroups', 'by no type', { typesFilter: ['nonsense'] }, [5])
add('DeleteGroups', 'nobody', { groupsNames: ['nobody', '', 'nobody'] })
add('OffsetDelete', 'some', {
  groupId: 'plain',
  topics: [
    { name: 'topic', partitions: [{ partitionIndex: 0 }, { partitionIndex: 7 }] },
    { name: 'none', partitions: [{ partitionIndex: 0 }] }
  ]
})
add('OffsetDelete', 'of nobody', { groupId: 'nobody', topics: [{ name: 'topic', partitions: [{ partitionIndex: 0 }] }] })
for (const groupId of ['plain', 'nobody', '']) {
  const member = { groupId, generationId: 3, memberId: 'm' }
  add('Heartbeat', `group "${groupId}"`, member)
  add('SyncGroup', `group "${groupId}"`, (version) => ({
    ...member,
    ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {})
  }))
  add('LeaveGroup', `group "${groupId}"`, (version) =>
    version >= 3 ? { groupId, members: [{ memberId: 'm' }] } : { groupId, memberId: 'm' }
  )
}
const join = (options: Body = {}): Body => ({
  groupId: 'joined',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 1_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  ...options
})
add('JoinGroup', 'session timeout', join({ sessionTimeoutMs: 5 }))
add('JoinGroup', 'no group', join({ groupId: '' }))
add('JoinGroup', 'no protocols', join({ protocols: [] }))
add('JoinGroup', 'no type', join({ protocolType: '' }))
add('JoinGroup', 'stranger', join({ memberId: 'stranger' }))
const coordinator =
  (keyType: number, ...keys: string[]) =>
  (version: number) => ({
    ...(version >= 1 ? { keyType } : {}),
    ...(version >= 4 ? { coordinatorKeys: keys } : { key: keys[0] })
  })
add('FindCoordinator', 'groups', coordinator(0, 'group', 'other'))
add('FindCoordinator', 'empty', coordinator(0, ''))
add('FindCoordinator', 'nonsense', coordinator(9, 'group'), since(1, 6))
add('FindCoordinator', 'bad share key', coordinator(2, 'group'), since(1, 6))
add('InitProducerId', 'empty transactional id', { transactionalId: '', transactionTimeoutMs: 0 })
add('InitProducerId', 'epoch missing', { transactionalId: null, transactionTimeoutMs: 0, producerId: 4 }, [3, 4, 5])

// ---- administration: topics

const create = (topic: Body, options: Body = {}): Body => ({
  topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1, ...topic }],
  timeoutMs: 5000,
  ...options
})
const manual = (...assignments: [number, number[]][]): Body => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: assignments.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds }))
})
add('CreateTopics', 'good', (version) => create({ name: `new-${version}` }))
const badTopics: Record<string, Body> = {
  exists: create({ name: 'topic' }),
  slash: create({ name: 'a/b' }),
  'no name': create({ name: '' }),
  dots: create({ name: '..' }),
  long: create({ name: 'x'.repeat(250) }),
  'no partitions': create({ numPartitions: 0 }),
  'negative partitions': create({ numPartitions: -3 }),
  'no replicas': create({ replicationFactor: 0 }),
  'nine replicas': create({ replicationFactor: 9 }),
  'too many partitions': create({ numPartitions: 20_000 }),
  'bad value': create({ configs: [{ name: 'retention.ms', value: 'x' }] }),
  'null value': create({ configs: [{ name: 'retention.ms', value: null }] }),
  'unknown setting': create({ configs: [{ name: 'nope', value: '1' }] }),
  holes: create(manual([0, [1]], [2, [1]])),
  'count and assignment': create({ assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
  'unknown broker': create(manual([0, [7]])),
  'broker twice': create(manual([0, [1, 1]])),
  'only checked': create({ configs: [{ name: 'retention.ms', value: '5' }] }, { validateOnly: true }),
  metadata: create({ name: '__cluster_metadata' }),
  defaults: create({ name: 'defaults', numPartitions: -1, replicationFactor: -1 })
}
for (const [label, body] of Object.entries(badTopics)) add('CreateTopics', label, body, [7])
const widen = (name: string, count: number, assignments: number[][] | null = null): Body => ({
  topics: [{ name, count, assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null }],
  timeoutMs: 5000
})
const widenings: Record<string, Body> = {
  good: widen('multi', 5),
  fewer: widen('multi', 2),
  same: widen('multi', 5),
  'unknown topic': widen('none', 5),
  none: widen('multi', 0),
  assigned: widen('multi', 6, [[1]]),
  'too few assigned': widen('multi', 8, [[1]]),
  'unknown broker': widen('multi', 7, [[9]])
}
for (const [label, body] of Object.entries(widenings)) add('CreatePartitions', label, body, [3])
add('DeleteTopics', 'unknown', { topics: [{ name: 'none' }], timeoutMs: 5000 }, [6])
add('DeleteTopics', 'by name', { topics: [{ name: 'doomed-name' }], timeoutMs: 5000 }, [6])
add('DeleteTopics', 'by id', (_, ids) => ({ topics: [{ topicId: ids['doomed-id'] }], timeoutMs: 5000 }), [6])
add('DeleteTopics', 'unknown id', { topics: [{ topicId: UNKNOWN_ID }], timeoutMs: 5000 }, [6])
add('DeleteTopics', 'name and id', (_, ids) => ({ topics: [{ name: 'topic', topicId: ids.topic }], timeoutMs: 5000 }), [6])
add('DeleteTopics', 'neither', { topics: [{}], timeoutMs: 5000 }, [6])
add('DeleteTopics', 'twice', (_, ids) => ({ topics: [{ topicId: ids.topic }, { name: 'topic' }], timeoutMs: 5000 }), [6])
add('DeleteTopics', 'old', { topicNames: ['none'], timeoutMs: 5000 }, since(1, 5))

// ---- administration: settings

const describeConfigs = (resourceType: number, resourceName: string, configurationKeys: string[] | null = null): Body => ({
  resources: [{ resourceType, resourceName, configurationKeys }],
  includeSynonyms: true
})
for (const [type, name] of [
  [2, 'none'],
  [2, 'a/b'],
  [2, 'configured'],
  [4, '9'],
  [4, 'x'],
  [99, 'x'],
  [8, ''],
  [8, '2'],
  [8, 'x'],
  [16, 'm'],
  [16, ''],
  [32, 'g'],
  [32, '']
] as const) {
  add('DescribeConfigs', `${type} "${name}"`, describeConfigs(type, name), [4])
}
add('DescribeConfigs', 'some', describeConfigs(2, 'configured', ['retention.ms', 'nonsense']))
const alter = (resourceType: number, resourceName: string, ...ops: [string, number, string | null][]): Body => ({
  resources: [{ resourceType, resourceName, configs: ops.map(([name, configOperation, value]) => ({ name, configOperation, value })) }]
})
const alterations: Record<string, Body> = {
  good: alter(2, 'configured', ['retention.ms', 0, '1000']),
  'bad value': alter(2, 'configured', ['retention.ms', 0, 'x']),
  'unknown setting': alter(2, 'configured', ['nope', 0, 'x']),
  'null value': alter(2, 'configured', ['retention.ms', 0, null]),
  'unknown topic': alter(2, 'none', ['retention.ms', 0, '1']),
  'bad topic': alter(2, 'a/b', ['retention.ms', 0, '1']),
  'append to a number': alter(2, 'configured', ['retention.ms', 2, '1']),
  append: alter(2, 'configured', ['cleanup.policy', 2, 'compact']),
  'key twice': alter(2, 'configured', ['retention.ms', 0, '1'], ['retention.ms', 0, '2']),
  'resource twice': { resources: [0, 1].flatMap(() => alter(2, 'configured', ['retention.ms', 0, '5']).resources) },
  broker: alter(4, '1', ['log.retention.ms', 0, '99']),
  'read-only': alter(4, '1', ['broker.rack', 0, 'r']),
  'unknown of a broker': alter(4, '1', ['my.own', 0, 'r']),
  'another broker': alter(4, '9', ['log.retention.ms', 0, '99']),
  'no broker': alter(4, 'x', ['log.retention.ms', 0, '99']),
  'all brokers': alter(4, '', ['log.retention.ms', 0, '100']),
  'not of all brokers': alter(4, '', ['advertised.listeners', 0, 'PLAINTEXT://x:1']),
  'unknown type': alter(99, 'x', ['a', 0, 'b']),
  'root logger': alter(8, '1', ['root', 0, 'ERROR']),
  'unknown logger': alter(8, '1', ['no.such', 0, 'ERROR']),
  'unknown level': alter(8, '1', ['root', 0, 'LOUD']),
  'no level': alter(8, '1', ['root', 0, null]),
  'lower case': alter(8, '1', ['root', 0, 'info']),
  'root without a level': alter(8, '1', ['root', 1, null]),
  'append to a logger': alter(8, '1', ['no.such', 2, 'INFO']),
  'subtract from a logger': alter(8, '1', ['root', 3, 'INFO']),
  'logger twice': alter(8, '1', ['root', 0, 'INFO'], ['root', 0, 'WARN']),
  'no logger': alter(8, '1'),
  'good and bad logger': alter(8, '1', ['root', 0, 'FATAL'], ['no.such', 0, 'INFO']),
  'loggers of another node': alter(8, '2', ['root', 0, 'INFO']),
  'loggers of no node': alter(8, 'x', ['root', 0, 'INFO']),
  group: alter(32, 'g', ['consumer.session.timeout.ms', 0, '50000']),
  metrics: alter(16, 'm', ['interval.ms', 0, '1000'])
}
const contradictions: Record<string, string> = {
  'cordoned.log.dirs': '/nope',
  'log.retention.ms': '0',
  'log.roll.ms': '0',
  'log.roll.jitter.ms': '-1',
  'log.cleaner.dedupe.buffer.size': '1000',
  'max.connections.per.ip': '0',
  listeners: 'PLAINTEXT://localhost:1',
  'num.network.threads': '1'
}
for (const [name, value] of Object.entries(contradictions))
  add('IncrementalAlterConfigs', `${name}=${value}`, { ...alter(4, '1', [name, 0, value]), validateOnly: true }, [1])
add('IncrementalAlterConfigs', 'cordoned twice', { ...alter(4, '1', ['cordoned.log.dirs', 0, '*,/nope']), validateOnly: true }, [1])
for (const [label, body] of Object.entries(alterations)) add('IncrementalAlterConfigs', label, body, [1])
add('DescribeConfigs', 'unknown logger', describeConfigs(8, '1', ['no.such']), [4])
add('DescribeConfigs', 'altered topic', describeConfigs(2, 'configured', ['retention.ms', 'cleanup.policy']), [4])
add(
  'DescribeConfigs',
  'altered broker',
  describeConfigs(4, '1', ['log.retention.ms', 'log.retention.hours', 'log.retention.minutes', 'my.own']),
  [4]
)
add('DescribeConfigs', 'altered cluster', describeConfigs(4, ''), [4])
for (const value of ['777', 'x', null]) {
  add(
    'AlterConfigs',
    `value ${value}`,
    { resources: [{ resourceType: 2, resourceName: 'configured', configs: [{ name: 'retention.ms', value }] }] },
    [2]
  )
}
add('AlterConfigs', 'logger', { resources: [{ resourceType: 8, resourceName: '1', configs: [{ name: 'root', value: 'INFO' }] }] }, [2])
add('ListConfigResources', 'all', {}, [1])
for (const type of [2, 4, 16, 32, 99]) add('ListConfigResources', `type ${type}`, { resourceTypes: [type] }, [1])

// ---- Telemetry, which nobody receives

const INSTANCE_ID = 'AAAAAAAAQACAAAAAAAAAAQ'
add('GetTelemetrySubscriptions', 'of a client that has an id', { clientInstanceId: INSTANCE_ID })
add('GetTelemetrySubscriptions', 'of a new client', {})
add('PushTelemetry', 'without an id', { metrics: Buffer.from('x') })
add('PushTelemetry', 'of a subscription that was never given', {
  clientInstanceId: UNKNOWN_ID,
  subscriptionId: 4711,
  metrics: Buffer.from('x')
})

// ---- administration: the node

add('DescribeProducers', 'some', {
  topics: [
    { name: 'sequences', partitionIndexes: [0, 3] },
    { name: 'none', partitionIndexes: [0] },
    { name: 'a/b', partitionIndexes: [0] }
  ]
})
add('DescribeLogDirs', 'some', {
  topics: [
    { topic: 'topic', partitions: [0, 1] },
    { topic: 'none', partitions: [0] }
  ]
})
add('DescribeLogDirs', 'none', { topics: [] })
add('AlterReplicaLogDirs', 'nowhere', { dirs: [{ path: '/nowhere', topics: [{ name: 'topic', partitions: [0, 9] }] }] })
const quorum = (topicName: string, partitionIndex: number): Body => ({ topics: [{ topicName, partitions: [{ partitionIndex }] }] })
add('DescribeQuorum', 'good', quorum('__cluster_metadata', 0))
add('DescribeQuorum', 'other topic', quorum('none', 0))
add('DescribeQuorum', 'other partition', quorum('__cluster_metadata', 1))
const elect = (electionType: number, topicPartitions: Body[] | null) => (version: number) => ({
  ...(version >= 1 ? { electionType } : {}),
  topicPartitions
})
add(
  'ElectLeaders',
  'some',
  elect(0, [
    { topic: 'topic', partitions: [0, 4] },
    { topic: 'none', partitions: [0] }
  ])
)
add('ElectLeaders', 'all', elect(0, null))
add('ElectLeaders', 'nonsense', elect(7, null), [1, 2])
add('ElectLeaders', 'nonsense of partitions', elect(7, [{ topic: 'topic', partitions: [0, 9] }]), [1, 2])
add('ElectLeaders', 'unclean', elect(1, [{ topic: 'topic', partitions: [0] }]), [1, 2])
const reassign = (name: string, partitionIndex: number, replicas: number[]): Body => ({
  topics: [{ name, partitions: [{ partitionIndex, replicas }] }]
})
for (const [label, body] of Object.entries({
  same: reassign('topic', 0, [1]),
  'unknown topic': reassign('none', 0, [1]),
  'unknown partition': reassign('topic', 9, [1]),
  'unknown broker': reassign('topic', 0, [7]),
  twice: reassign('topic', 0, [1, 1]),
  empty: reassign('topic', 0, []),
  negative: reassign('topic', 0, [-1])
})) {
  add('AlterPartitionReassignments', label, body)
}
add('ListPartitionReassignments', 'all', { topics: null })
add('ListPartitionReassignments', 'some', {
  topics: [
    { name: 'topic', partitionIndexes: [0, 9] },
    { name: 'none', partitionIndexes: [0] }
  ]
})
add('UpdateFeatures', 'nothing', { featureUpdates: [] })
for (const [feature, maxVersionLevel, upgradeType] of [
  ['metadata.version', 99, 1],
  ['metadata.version', 29, 2],
  ['metadata.version', 29, 3],
  ['metadata.version', 30, 1],
  ['kraft.version', 0, 1],
  ['kraft.version', 1, 1],
  ['kraft.version', 2, 1],
  ['nope', 1, 1],
  ['group.version', 0, 1],
  ['group.version', 0, 2],
  ['group.version', -1, 1],
  ['group.version', 1, 9],
  ['share.version', 7, 1],
  ['', 1, 1]
] as const) {
  add(
    'UpdateFeatures',
    `${feature} ${maxVersionLevel} ${upgradeType}`,
    { featureUpdates: [{ feature, maxVersionLevel, upgradeType }], validateOnly: true },
    [1, 2]
  )
}
add('UnregisterBroker', 'unknown', { brokerId: 99 })
add('UnregisterBroker', 'negative', { brokerId: -1 })
add('ApiVersions', 'bad software', { clientSoftwareName: '?', clientSoftwareVersion: '1' }, [3, 4])

export const answerCases: readonly AnswerCase[] = cases
