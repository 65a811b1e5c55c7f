// What brokers may lie about: one entry a lie, each a change of what an honest broker answers.
import {
  ApiKey,
  ApiVersionsResponse,
  apiKeys,
  ErrorCode,
  encodeResponseFrame,
  type FetchRequest,
  type Input,
  MetadataResponse,
  type ProduceRequest
} from '@odradek/protocol'
import { CutOff, type FakeAnswer, type FakeRequest, type Lie } from '../support/fake-cluster.ts'
import { honestBatch, TOPIC_ID } from './honest-cluster.ts'

const MANY = 0x7fffffff

/** The bytes of an honest answer, to be spoilt. */
function frame(request: FakeRequest, answer: FakeAnswer): Buffer {
  const api = apiKeys.get(request.apiKey)
  if (api === undefined || typeof answer === 'string') throw new Error('no answer to spoil')
  return Buffer.concat(encodeResponseFrame(api.response, request, answer as never))
}

const spoilt =
  (spoil: (bytes: Buffer, request: FakeRequest) => FakeAnswer, only?: (request: FakeRequest) => boolean): Lie =>
  (request, honest) =>
    only === undefined
      ? request.apiKey === ApiKey.API_VERSIONS
        ? undefined
        : spoil(frame(request, honest), request)
      : only(request)
        ? spoil(frame(request, honest), request)
        : undefined

const only =
  (apiKey: number, lie: Lie): Lie =>
  (request, honest, broker) =>
    request.apiKey === apiKey ? lie(request, honest, broker) : undefined

const says = (apiKey: number, body: object): Lie => only(apiKey, (_, honest) => ({ ...(honest as object), ...body }))

/** Every field of that name, at any depth. */
function withField(value: unknown, field: string, lie: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => withField(each, field, lie))
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  const entries = Object.entries(value).map(([name, each]) => [name, name === field ? lie : withField(each, field, lie)])
  return Object.fromEntries(entries)
}

/** Fields that are left to their defaults are filled in first. */
const everywhere =
  (field: string, value: unknown): Lie =>
  (request, honest) => {
    if (request.apiKey === ApiKey.API_VERSIONS || typeof honest === 'string') return undefined
    const codec = apiKeys.get(request.apiKey)?.response
    return withField(codec?.create(honest as never), field, value) as object
  }

const metadata = (change: (body: Input<MetadataResponse>) => Input<MetadataResponse>): Lie =>
  only(ApiKey.METADATA, (_, honest) => change(MetadataResponse.create(honest as never)))

type Fetched = { partitionIndex: number; [name: string]: unknown }

const fetched = (change: (partition: number, offset: number) => object): Lie =>
  only(ApiKey.FETCH, ({ body }) => ({
    responses: (body as FetchRequest).topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(
        ({ partition, fetchOffset }): Fetched => ({
          partitionIndex: partition,
          highWatermark: 5,
          lastStableOffset: 5,
          ...change(partition, fetchOffset)
        })
      )
    }))
  }))

const batchWith = (change: (batch: Buffer) => void): Lie =>
  fetched(() => {
    const records = honestBatch()
    change(records)
    return { records }
  })

let leaderEpoch = 1
/** Each broker names the other, with an epoch that is always newer. */
const leaderLoop: Lie = (request, _, broker) => {
  const currentLeader = { leaderId: 3 - broker.id, leaderEpoch: ++leaderEpoch }
  const nodeEndpoints = [1, 2].map((nodeId) => ({ nodeId, host: `b${nodeId}`, port: 9092 }))
  const errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER
  if (request.apiKey === ApiKey.PRODUCE) {
    const responses = (request.body as ProduceRequest).topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1, currentLeader }))
    }))
    return { responses, nodeEndpoints }
  }
  if (request.apiKey !== ApiKey.FETCH) return undefined
  const responses = (request.body as FetchRequest).topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => ({ partitionIndex: partition, errorCode, currentLeader }))
  }))
  return { responses, nodeEndpoints }
}

const groupApis: ReadonlySet<number> = new Set([
  ApiKey.JOIN_GROUP,
  ApiKey.SYNC_GROUP,
  ApiKey.HEARTBEAT,
  ApiKey.OFFSET_COMMIT,
  ApiKey.OFFSET_FETCH,
  ApiKey.CONSUMER_GROUP_HEARTBEAT
])

const topicWith = (topic: object): Lie =>
  metadata((body) => ({ ...body, topics: [{ name: 't', topicId: TOPIC_ID, partitions: [], ...topic }] }))

const partition = (partitionIndex: number, leaderId = 1) => ({ partitionIndex, leaderId, leaderEpoch: 1, replicaNodes: [1], isrNodes: [1] })

export const lies: readonly (readonly [name: string, lie: Lie])[] = [
  ['wrong correlation ids', spoilt((bytes) => Buffer.concat([bytes.subarray(0, 4), Buffer.from([1, 2, 3, 4]), bytes.subarray(8)]))],
  ['an oversize length prefix', spoilt((bytes) => Buffer.concat([Buffer.from([0x7f, 255, 255, 255]), bytes.subarray(4)]))],
  ['a negative length prefix', spoilt((bytes) => Buffer.concat([Buffer.from([255, 255, 255, 0]), bytes.subarray(4)]))],
  ['frames of length 0', spoilt(() => Buffer.alloc(4))],
  ['frames that end inside', spoilt((bytes) => new CutOff(bytes.subarray(0, bytes.length >> 1)))],
  ['frames that are longer than their bytes', spoilt((bytes) => bytes.subarray(0, bytes.length - 1))],
  [
    'frames cut short by their own length',
    spoilt((bytes) => {
      const body = bytes.subarray(0, Math.max(9, bytes.length - 3))
      body.writeInt32BE(body.length - 4)
      return body
    })
  ],
  [
    'arrays of two thousand million',
    spoilt((bytes, { apiVersion, apiKey }) => {
      const isFlexible = apiKeys.get(apiKey)?.response.isFlexible(apiVersion) === true
      const counts = Buffer.alloc(60, isFlexible ? Buffer.from([255, 255, 255, 255, 7]) : Buffer.from([0x7f, 255, 255, 255]))
      const body = Buffer.concat([bytes.subarray(0, isFlexible ? 9 : 8), counts])
      body.writeInt32BE(body.length - 4)
      return body
    })
  ],
  ['another protocol', () => Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')],
  ['silence', (request) => (request.apiKey === ApiKey.API_VERSIONS ? undefined : 'silence')],
  ['silence from the start', () => 'silence'],
  ['a hang-up to everything', () => 'hang up'],
  ['ApiVersions with nothing', only(ApiKey.API_VERSIONS, () => ({ apiKeys: [] }))],
  ['ApiVersions refused for ever', only(ApiKey.API_VERSIONS, () => ApiVersionsResponse.create({ errorCode: 35 }))],
  [
    'ApiVersions with ranges upside down',
    only(ApiKey.API_VERSIONS, () => ({ apiKeys: [...apiKeys.keys()].map((apiKey) => ({ apiKey, minVersion: 9, maxVersion: -3 })) }))
  ],
  [
    'versions of the future only',
    only(ApiKey.API_VERSIONS, () => ({ apiKeys: [...apiKeys.keys()].map((apiKey) => ({ apiKey, minVersion: 99, maxVersion: 101 })) }))
  ],
  ['error codes that do not exist', everywhere('errorCode', 12_345)],
  ['negative error codes that do not exist', everywhere('errorCode', -77)],
  ['throttle times without end', everywhere('throttleTimeMs', MANY)],
  ['negative throttle times', everywhere('throttleTimeMs', -MANY)],
  ['no broker at all', metadata((body) => ({ ...body, brokers: [] }))],
  [
    'brokers on hosts that do not exist',
    metadata((body) => ({ ...body, brokers: [1, 2].map((nodeId) => ({ nodeId, host: 'nowhere', port: 9092 })) }))
  ],
  [
    'brokers on ports that do not exist',
    metadata((body) => ({
      ...body,
      brokers: [
        { nodeId: 1, host: 'b1', port: -1 },
        { nodeId: 2, host: 'b2', port: 70_000 }
      ]
    }))
  ],
  [
    'the same broker twice, under two addresses',
    metadata((body) => ({
      ...body,
      brokers: [
        { nodeId: 1, host: 'b1', port: 9092 },
        { nodeId: 1, host: 'b2', port: 9092 }
      ]
    }))
  ],
  ['no topics', metadata((body) => ({ ...body, topics: [] }))],
  ['a topic without partitions', topicWith({})],
  ['a topic that does not exist', topicWith({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })],
  ['a topic that nobody may see', topicWith({ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED })],
  ['a topic of a name that cannot be', topicWith({ errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION })],
  ['partitions with holes', topicWith({ partitions: [partition(1), partition(6), partition(900_000_000)] })],
  ['partitions with negative numbers', topicWith({ partitions: [partition(-1), partition(-1), partition(0)] })],
  ['the same partition twice', topicWith({ partitions: [partition(0), partition(0, 2), partition(1)] })],
  ['leaders that are no brokers', topicWith({ partitions: [partition(0, 77), partition(1, 78)] })],
  [
    'a topic with a new id each time',
    metadata((body) => ({
      ...body,
      topics: [{ name: 't', topicId: Buffer.alloc(16, ++leaderEpoch).toString('base64url'), partitions: [partition(0), partition(1)] }]
    }))
  ],
  [
    'topics that nobody asked for',
    metadata((body) => ({ ...body, topics: [{ name: 'other', topicId: TOPIC_ID, partitions: [partition(0)] }] }))
  ],
  ['a leader that is always the other one', leaderLoop],
  [
    'a coordinator that is always another one',
    (request) =>
      groupApis.has(request.apiKey)
        ? (everywhere('errorCode', ErrorCode.NOT_COORDINATOR)(request, {}, undefined as never) as object)
        : undefined
  ],
  [
    'a coordinator on a host that does not exist',
    only(ApiKey.FIND_COORDINATOR, () => ({ coordinators: [{ key: 'g', nodeId: 1, host: 'nowhere', port: 9092 }] }))
  ],
  [
    'coordinators of other keys',
    only(ApiKey.FIND_COORDINATOR, () => ({ coordinators: [{ key: 'other', nodeId: 1, host: 'b1', port: 9092 }] }))
  ],
  ['member ids that are required again and again', says(ApiKey.JOIN_GROUP, { errorCode: ErrorCode.MEMBER_ID_REQUIRED })],
  [
    'members that are never known',
    (request) =>
      groupApis.has(request.apiKey)
        ? (everywhere('errorCode', ErrorCode.UNKNOWN_MEMBER_ID)(request, {}, undefined as never) as object)
        : undefined
  ],
  ['a member that is fenced again and again', says(ApiKey.CONSUMER_GROUP_HEARTBEAT, { errorCode: ErrorCode.FENCED_MEMBER_EPOCH })],
  ['a rebalance without end', says(ApiKey.SYNC_GROUP, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS })],
  ['a rebalance at every heartbeat', says(ApiKey.HEARTBEAT, { errorCode: ErrorCode.REBALANCE_IN_PROGRESS })],
  ['an assignor that nobody offered', says(ApiKey.JOIN_GROUP, { protocolName: 'random' })],
  [
    'members with bytes for subscriptions',
    says(ApiKey.JOIN_GROUP, { leader: 'member', members: [{ memberId: 'member', metadata: Buffer.alloc(30, 255) }] })
  ],
  ['bytes for an assignment', says(ApiKey.SYNC_GROUP, { assignment: Buffer.alloc(30, 255) })],
  [
    'an assignment of what does not exist',
    says(ApiKey.CONSUMER_GROUP_HEARTBEAT, { assignment: { topicPartitions: [{ topicId: 'AAAAAAAAQACAAAAAAAAA_w', partitions: [3, -4] }] } })
  ],
  [
    'an assignment at every heartbeat',
    says(ApiKey.CONSUMER_GROUP_HEARTBEAT, { assignment: { topicPartitions: [{ topicId: TOPIC_ID, partitions: [0, 1] }] } })
  ],
  [
    'another assignment at every heartbeat',
    only(ApiKey.CONSUMER_GROUP_HEARTBEAT, (_, honest) => ({
      ...(honest as object),
      assignment: { topicPartitions: [{ topicId: TOPIC_ID, partitions: [++leaderEpoch % 2] }] }
    }))
  ],
  ['negative heartbeat intervals', says(ApiKey.CONSUMER_GROUP_HEARTBEAT, { heartbeatIntervalMs: -5 })],
  ['heartbeat intervals of one ms', says(ApiKey.CONSUMER_GROUP_HEARTBEAT, { heartbeatIntervalMs: 1 })],
  ['negative offsets', everywhere('offset', -9)],
  ['offsets beyond the end', everywhere('offset', Number.MAX_SAFE_INTEGER)],
  ['offsets that are out of range whatever is asked', fetched(() => ({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }))],
  ['batches with a wrong CRC', batchWith((batch) => batch.writeUInt32BE(0xdeadbeef, 17))],
  ['batches of negative length', batchWith((batch) => batch.writeInt32BE(-12, 8))],
  ['batches longer than the answer', batchWith((batch) => batch.writeInt32BE(MANY, 8))],
  ['batches of a format that does not exist', batchWith((batch) => batch.writeInt8(9, 16))],
  ['batches of negative counts', batchWith((batch) => batch.writeInt32BE(-1, 57))],
  ['batches of two thousand million records', batchWith((batch) => batch.writeInt32BE(MANY, 57))],
  ['batches at offsets beyond all numbers', batchWith((batch) => batch.writeBigInt64BE(2n ** 62n))],
  ['records that are no records', fetched(() => ({ records: Buffer.alloc(500, 3) }))],
  ['the same records whatever is asked', fetched(() => ({ records: honestBatch() }))],
  ['high watermarks of minus five', everywhere('highWatermark', -5)],
  ['fetch sessions that are lost each time', says(ApiKey.FETCH, { errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND })],
  [
    'answers for other partitions',
    only(ApiKey.FETCH, () => ({
      responses: [{ topic: 't', topicId: TOPIC_ID, partitions: [{ partitionIndex: 40, records: honestBatch() }] }]
    }))
  ],
  ['acknowledgements of other partitions', says(ApiKey.PRODUCE, { responses: [] })],
  ['acknowledgements at minus nine', everywhere('baseOffset', -9)],
  ['producer ids of minus one', says(ApiKey.INIT_PRODUCER_ID, { producerId: -1, producerEpoch: -1 })],
  [
    'sequences that are never right',
    only(ApiKey.PRODUCE, (request, honest, broker) =>
      everywhere('errorCode', ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)(request, honest, broker)
    )
  ],
  [
    'batches that are always too large',
    only(ApiKey.PRODUCE, (request, honest, broker) => everywhere('errorCode', ErrorCode.MESSAGE_TOO_LARGE)(request, honest, broker))
  ],
  ['a rebootstrap without end', metadata((body) => ({ ...body, errorCode: ErrorCode.REBOOTSTRAP_REQUIRED }))]
]

/** The same error in every answer, for each code there is. */
export const errorLie = (errorCode: number): Lie => everywhere('errorCode', errorCode)
