// Bad input to the real process, rows 40-46 of the table: privileges that a plain client claims, names that are paths,
// numbers out of range, made-up sessions, and floods of group members.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
  ErrorCode,
  FetchRequest,
  FetchResponse,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
  type Input,
  JoinGroupRequest,
  JoinGroupResponse,
  MetadataRequest,
  MetadataResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'
import { hostileSuite, type Victim } from './support/hostile.ts'
import { batchOf, createTopic, createTopics, fetchOne, frameOf, produce, type RawClient } from './support/raw-client.ts'

const { row } = hostileSuite({ 'max.incremental.fetch.session.cache.slots': '50' })

const INT_MAX = 2147483647
const MiB = 1024 * 1024

row(
  'row 40: a plain client that fetches as if it were a broker gets nothing',
  async (victim) => {
    for (const replicaId of [0, 1, 5, INT_MAX]) {
      const fields = {
        replicaId,
        maxWaitMs: 0,
        minBytes: 0,
        topics: [{ topic: 'healthy', partitions: [{ partition: 0, fetchOffset: 0 }] }]
      }
      const answer = await victim.client.call(FetchRequest, FetchResponse, 12, fields)
      assert.equal(answer.errorCode, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
      const unknownEpoch = { ...fields, replicaState: { replicaId, replicaEpoch: 999 }, topics: [] }
      assert.equal(
        (await victim.client.call(FetchRequest, FetchResponse, 16, { ...unknownEpoch, replicaId: -1 })).errorCode,
        ErrorCode.CLUSTER_AUTHORIZATION_FAILED
      )
    }
  },
  // without an authorizer Apache Kafka believes it
  { isOurs: true }
)

row('row 41: the metadata log is not for clients, nor are the requests between brokers', async (victim) => {
  const read = await fetchOne(victim.client, '__cluster_metadata', 0)
  assert.notEqual(read.errorCode, ErrorCode.NONE)
  assert.equal(read.records?.length ?? 0, 0)
  assert.notEqual((await produce(victim.client, '__cluster_metadata', batchOf('x'))).errorCode, ErrorCode.NONE)
  for (const key of [52, 56, 62]) assert.equal(await victim.isClosedByFrame(frameOf(key, 0)), true, `key ${key}`)
})

row(
  'row 41: transaction markers of clients are not written',
  async (victim) => assert.equal(await victim.isClosedByFrame(frameOf(27, 1)), true),
  {
    // without an authorizer Apache Kafka writes them
    isOurs: true
  }
)

const badNames = [
  '',
  '.',
  '..',
  'a'.repeat(250),
  'a/b',
  '../../x',
  '/etc/passwd',
  'nul\u0000byte',
  'sp ace',
  'ümlaut',
  'line\nbreak',
  'a\\b'
]

row('row 42: names of topics that are paths or worse are refused, however they come, and never become files', async (victim) => {
  const { client, broker } = victim
  const invalid = badNames.map(() => ErrorCode.INVALID_TOPIC_EXCEPTION)
  const fields = badNames.map((name) => ({ name, numPartitions: 1, replicationFactor: 1 }))
  assert.deepEqual(await createTopics(client, ...fields), invalid)
  const metadata = await client.call(MetadataRequest, MetadataResponse, 9, {
    topics: badNames.map((name) => ({ name })),
    allowAutoTopicCreation: true
  })
  assert.deepEqual(
    metadata.topics.map(({ errorCode }) => errorCode),
    invalid
  )
  for (const name of badNames) {
    assert.notEqual((await produce(client, name, batchOf('x'))).errorCode, ErrorCode.NONE)
    assert.notEqual((await fetchOne(client, name, 0)).errorCode, ErrorCode.NONE)
    const described = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, {
      resources: [{ resourceType: 2, resourceName: name }]
    })
    assert.notEqual(described.results[0].errorCode, ErrorCode.NONE, JSON.stringify(name))
    const partitions = await client.call(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, 0, {
      topics: [{ name }],
      cursor: null
    })
    assert.notEqual(partitions.topics[0].errorCode, ErrorCode.NONE)
  }
  const folders = readdirSync(broker.dataDir, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  assert.deepEqual(
    folders.map(({ name }) => name.replace(/-\d+$/, '')).filter((name) => !['healthy', '__cluster_metadata'].includes(name)),
    []
  )
  assert.equal(existsSync(joinPath(broker.dataDir, '../../x-0')), false)
})

row('row 42: a name that collides with another in metrics is refused', async (victim) => {
  await createTopic(victim.client, 'a.b')
  const colliding = { name: 'a_b', numPartitions: 1, replicationFactor: 1 }
  assert.deepEqual(await createTopics(victim.client, colliding), [ErrorCode.INVALID_TOPIC_EXCEPTION])
})

row('row 42: names of the prototype of objects are names like others', async (victim) => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    await createTopic(victim.client, name)
    const { errorCode, baseOffset } = await produce(victim.client, name, batchOf('x'))
    assert.deepEqual([errorCode, Number(baseOffset)], [ErrorCode.NONE, 0])
    const configs = [{ name, value: 'x' }]
    const [code] = await createTopics(victim.client, { name: `with-${name}`, numPartitions: 1, replicationFactor: 1, configs })
    assert.equal(code, ErrorCode.INVALID_CONFIG)
  }
})

row('row 43: a topic twice, too many partitions, no replicas, assignments with holes', async (victim) => {
  const topic = (fields: object) => ({ name: 'numbers', numPartitions: 1, replicationFactor: 1, ...fields })
  const assigned = (...assignments: [number, number[]][]) =>
    topic({
      numPartitions: -1,
      replicationFactor: -1,
      assignments: assignments.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds }))
    })
  const { client } = victim
  assert.deepEqual(new Set(await createTopics(client, topic({}), topic({}))), new Set([ErrorCode.INVALID_REQUEST]))
  for (const numPartitions of [0, -2])
    assert.deepEqual(await createTopics(client, topic({ numPartitions })), [ErrorCode.INVALID_PARTITIONS])
  for (const replicationFactor of [0, -2, 3, 32767])
    assert.deepEqual(await createTopics(client, topic({ replicationFactor })), [ErrorCode.INVALID_REPLICATION_FACTOR])
  assert.deepEqual(await createTopics(client, assigned([0, [1]], [2, [1]])), [ErrorCode.INVALID_REPLICA_ASSIGNMENT])
  assert.deepEqual(await createTopics(client, assigned([0, [1, 1]])), [ErrorCode.INVALID_REPLICA_ASSIGNMENT])
  assert.deepEqual(await createTopics(client, assigned([0, [77]])), [ErrorCode.INVALID_REPLICA_ASSIGNMENT])
  const huge = await client.call(CreateTopicsRequest, CreateTopicsResponse, 5, {
    topics: [topic({ numPartitions: 1_000_000 }), topic({ name: 'huge', numPartitions: INT_MAX })],
    timeoutMs: 10_000
  })
  assert.ok(huge.topics.every(({ errorCode }) => errorCode !== ErrorCode.NONE))
})

const fetchFields = (fields: Input<FetchRequest>): Input<FetchRequest> => ({ maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, ...fields })
const partitionsUpTo = (count: number) =>
  Array.from({ length: count }, (_, partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 }))

row(
  'row 44: a fetch of 100,000 partitions that do not exist is answered at once, however long it would wait',
  async (victim) => {
    const fields = fetchFields({
      maxWaitMs: INT_MAX,
      minBytes: INT_MAX,
      topics: [{ topic: 'nowhere', partitions: partitionsUpTo(100_000) }]
    })
    const fetchOften = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        const answer = await victim.client.call(FetchRequest, FetchResponse, 12, fields)
        assert.equal(answer.responses[0].partitions.length, 100_000)
      }
    }
    await fetchOften(20)
    const rss = victim.rss()
    await fetchOften(40)
    const growth = (victim.rss() - rss) / MiB
    assert.ok(growth <= 64, `grew by ${growth.toFixed(1)} MiB from the twentieth to the sixtieth`)
  },
  // one such request and its answer are 50 MiB of objects, of which the collector lets half as many more gather (155 MiB were
  // measured); more rounds add nothing
  { rssGrowthMax: 256 * MiB }
)

row(
  'row 44: fetches that would wait for ever are forgotten when their client goes',
  async (victim) => {
    await createTopic(victim.client, 'quiet')
    // each names its partition 5,000 times: two megabytes when kept
    const partitions = Array.from({ length: 5_000 }, () => ({ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }))
    for (let round = 0; round < 300; round++) {
      const attacker = await victim.connect()
      attacker.request(FetchRequest, 6, fetchFields({ maxWaitMs: INT_MAX, minBytes: INT_MAX, topics: [{ topic: 'quiet', partitions }] }))
      await victim.serves(victim.client)
      attacker.close()
    }
  },
  // Apache Kafka keeps them for 24 days
  { isOurs: true, rssGrowthMax: 64 * MiB }
)

row(
  'row 44: negative waits and sizes are the smallest ones',
  async (victim) => {
    for (const fields of [
      { maxWaitMs: -1 },
      { maxWaitMs: -2147483648, minBytes: INT_MAX },
      { minBytes: -1 },
      { maxBytes: -1 },
      { maxBytes: 0 },
      { isolationLevel: 99 }
    ]) {
      const topics = [{ topic: 'healthy', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: -1 }] }]
      const answer = await victim.client.call(FetchRequest, FetchResponse, 6, fetchFields({ ...fields, topics }))
      assert.equal(answer.responses[0].partitions[0].errorCode, ErrorCode.NONE)
    }
  },
  // Apache Kafka answers UNKNOWN_SERVER_ERROR
  { isOurs: true }
)

row('row 44: offsets that never were', async (victim) => {
  for (const offset of [-1, -2, Number.MAX_SAFE_INTEGER])
    assert.equal((await fetchOne(victim.client, 'healthy', offset)).errorCode, ErrorCode.OFFSET_OUT_OF_RANGE)
})

row('row 44: sessions that are made up, or in a wrong epoch', async (victim) => {
  const call = (fields: Input<FetchRequest>) => victim.client.call(FetchRequest, FetchResponse, 12, fetchFields(fields))
  assert.equal((await call({ sessionId: 12345, sessionEpoch: 7 })).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  assert.equal((await call({ sessionId: -1, sessionEpoch: -2 })).errorCode, ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  const topics = [{ topic: 'healthy', partitions: [{ partition: 0, fetchOffset: 0 }] }]
  const { sessionId } = await call({ sessionId: 0, sessionEpoch: 0, topics })
  assert.ok(sessionId > 0)
  assert.equal((await call({ sessionId, sessionEpoch: 5 })).errorCode, ErrorCode.INVALID_FETCH_SESSION_EPOCH)
})

row('row 44: a client that only opens sessions gets no more of them than there are slots', async (victim) => {
  const topics = [{ topic: 'nowhere', partitions: partitionsUpTo(100) }]
  let sessions = 0
  for (let round = 0; round < 200; round++) {
    const answer = await victim.client.call(FetchRequest, FetchResponse, 12, fetchFields({ sessionId: 0, sessionEpoch: 0, topics }))
    assert.equal(answer.errorCode, ErrorCode.NONE)
    if (answer.sessionId > 0) sessions++
  }
  assert.ok(sessions <= 50, `${sessions} sessions`)
})

async function findCoordinator(victim: Victim, group: string): Promise<void> {
  for (;;) {
    const { coordinators } = await victim.client.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, {
      keyType: 0,
      coordinatorKeys: [group]
    })
    if (coordinators[0].errorCode === ErrorCode.NONE) return
    assert.equal(coordinators[0].errorCode, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  }
}

function joinFields(groupId: string, fields: Input<JoinGroupRequest> = {}): Input<JoinGroupRequest> {
  const protocols = [{ name: 'range', metadata: Buffer.from('garbage that is no subscription') }]
  return { groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 1_000, protocolType: 'consumer', protocols, ...fields }
}

/** Joins until the coordinator has loaded. */
async function join(client: RawClient, fields: Input<JoinGroupRequest>, version = 3): Promise<JoinGroupResponse> {
  for (;;) {
    const answer = await client.call(JoinGroupRequest, JoinGroupResponse, version, fields)
    if (![ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR].includes(answer.errorCode as 14)) return answer
  }
}

row('row 45: sessions of members whose length is out of range, and groups without a name', async (victim) => {
  const { client } = victim
  await findCoordinator(victim, 'rough')
  for (const sessionTimeoutMs of [1, 0, -1, INT_MAX])
    assert.equal((await join(client, joinFields('rough', { sessionTimeoutMs }))).errorCode, ErrorCode.INVALID_SESSION_TIMEOUT)
  assert.equal((await join(client, joinFields(''))).errorCode, ErrorCode.INVALID_GROUP_ID)
})

row(
  'row 45: garbage of members is carried as it is; members without a protocol are refused',
  async (victim) => {
    await findCoordinator(victim, 'garbage')
    const attacker = await victim.connect()
    assert.equal((await join(attacker, joinFields('garbage', { protocols: [] }))).errorCode, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    const { errorCode, memberId, generationId } = await join(attacker, joinFields('garbage'))
    assert.equal(errorCode, ErrorCode.NONE)
    const assignments = [{ memberId, assignment: Buffer.from('garbage too') }]
    const fields = { groupId: 'garbage', memberId, generationId, assignments }
    const synced = await attacker.call(SyncGroupRequest, SyncGroupResponse, 3, fields)
    assert.deepEqual([synced.errorCode, String(synced.assignment)], [ErrorCode.NONE, 'garbage too'])
    attacker.close()
  },
  // Apache Kafka leaves one of these requests without an answer
  { isOurs: true }
)

row(
  'row 45: a member with 5 MiB of metadata',
  async (victim) => {
    await findCoordinator(victim, 'large')
    const attacker = await victim.connect()
    const protocols = [{ name: 'range', metadata: Buffer.alloc(5 << 20, 'm') }]
    const { errorCode, memberId, generationId } = await join(attacker, joinFields('large', { protocols }))
    assert.equal(errorCode, ErrorCode.NONE)
    const fields = { groupId: 'large', memberId, generationId, assignments: [{ memberId, assignment: Buffer.from('a') }] }
    // larger than a batch of __consumer_offsets may be, of which the broker tells its operator
    assert.equal((await attacker.call(SyncGroupRequest, SyncGroupResponse, 3, fields)).errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
    attacker.close()
  },
  { isOurs: true, mayLog: /SyncGroup needs a batch of \d+ bytes, more than max.message.bytes/ }
)

row(
  'row 45: member ids are given to nobody in particular only so often',
  async (victim) => {
    await findCoordinator(victim, 'flooded')
    const attacker = await victim.connect()
    const total = 11_000
    for (let index = 0; index < total; index++) attacker.request(JoinGroupRequest, 4, joinFields('flooded'))
    const codes = new Map<number, number>()
    for (let index = 0; index < total; index++) {
      const { errorCode } = (await attacker.response(JoinGroupResponse, 4)).body
      codes.set(errorCode, (codes.get(errorCode) ?? 0) + 1)
    }
    assert.deepEqual(
      codes,
      new Map([
        [ErrorCode.MEMBER_ID_REQUIRED, 10_000],
        [ErrorCode.GROUP_MAX_SIZE_REACHED, 1_000]
      ])
    )
    attacker.close()
  },
  { isOurs: true }
)

row('row 46: metadata of a commit beyond offset.metadata.max.bytes', async (victim) => {
  await findCoordinator(victim, 'committer')
  const commit = async (committedMetadata: string): Promise<number> => {
    for (;;) {
      const fields = {
        groupId: 'committer',
        topics: [{ name: 'healthy', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata }] }]
      }
      const { errorCode } = (await victim.client.call(OffsetCommitRequest, OffsetCommitResponse, 7, fields)).topics[0].partitions[0]
      if (![ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR].includes(errorCode as 14)) return errorCode
    }
  }
  assert.equal(await commit('m'.repeat(4097)), ErrorCode.OFFSET_METADATA_TOO_LARGE)
  assert.equal(await commit('m'.repeat(4096)), ErrorCode.NONE)
})

row('settings of the broker that no broker could take are refused', async (victim) => {
  const alter = async (name: string, value: string, resourceName = '1') => {
    const resources = [{ resourceType: 4, resourceName, configs: [{ name, configOperation: 0, value }] }]
    return (await victim.client.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources })).responses[0]
      .errorCode
  }
  assert.notEqual(await alter('log.retention.ms', 'soon'), ErrorCode.NONE)
  assert.notEqual(await alter('log.segment.bytes', '1'), ErrorCode.NONE)
  assert.notEqual(await alter('log.dirs', '/elsewhere'), ErrorCode.NONE)
  assert.notEqual(await alter('num.io.threads', '0', ''), ErrorCode.NONE)
})
