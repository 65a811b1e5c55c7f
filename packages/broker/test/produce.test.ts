import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  COMPRESSION_TYPES,
  ErrorCode,
  encodeBatch,
  InitProducerIdRequest,
  InitProducerIdResponse,
  ProduceRequest,
  ProduceResponse
} from '@odradek/protocol'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, type TestBroker, valuesOf } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
let topicId: string
before(async () => {
  broker = await startBroker()
  client = await broker.connect()
  topicId = await createTopic(client, 'orders', { partitions: 2 })
})
after(() => broker[Symbol.asyncDispose]())

describe('Produce', () => {
  for (let version = 3; version <= 13; version++) {
    test(`version ${version} appends and answers with the offset`, async () => {
      await createTopic(client, `v${version}`)
      const id = broker.server.image.topic(`v${version}`)?.id as string
      const body = (value: string) => ({
        acks: -1,
        timeoutMs: 1000,
        topicData: [
          { ...(version >= 13 ? { topicId: id } : { name: `v${version}` }), partitionData: [{ index: 0, records: batchOf(value) }] }
        ]
      })
      const first = await client.call(ProduceRequest, ProduceResponse, version, body('a'))
      const second = await client.call(ProduceRequest, ProduceResponse, version, body('b'))
      assert.equal(second.responses.length, 1)
      const [{ partitionResponses, name, topicId: answeredId }] = second.responses
      assert.equal(version >= 13 ? answeredId : name, version >= 13 ? id : `v${version}`)
      assert.deepEqual([first.responses[0].partitionResponses[0].baseOffset, partitionResponses[0].baseOffset], [0, 1])
      assert.equal(partitionResponses[0].errorCode, ErrorCode.NONE)
      assert.equal(partitionResponses[0].logAppendTimeMs, -1)
      assert.equal(partitionResponses[0].logStartOffset, version >= 5 ? 0 : -1)
      assert.deepEqual(valuesOf((await fetchOne(client, `v${version}`, 0)).records), ['a', 'b'])
    })
  }

  test('answers each partition for itself', async () => {
    const response = await client.call(ProduceRequest, ProduceResponse, 12, {
      acks: 1,
      timeoutMs: 1000,
      topicData: [
        {
          name: 'orders',
          partitionData: [
            { index: 0, records: batchOf('x') },
            { index: 9, records: batchOf('x') },
            { index: 1, records: Buffer.from('nonsense, not a batch of records at all, whatever length says') }
          ]
        },
        { name: 'nowhere', partitionData: [{ index: 0, records: batchOf('x') }] }
      ]
    })
    assert.deepEqual(
      response.responses.map(({ name, partitionResponses }) => [
        name,
        partitionResponses.map(({ index, errorCode }) => [index, errorCode])
      ]),
      [
        [
          'orders',
          [
            [0, ErrorCode.NONE],
            [9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
            [1, response.responses[0].partitionResponses[2].errorCode]
          ]
        ],
        ['nowhere', [[0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]]
      ]
    )
    assert.ok([ErrorCode.CORRUPT_MESSAGE, ErrorCode.INVALID_RECORD].includes(response.responses[0].partitionResponses[2].errorCode as 2))
  })

  test('by an unknown topic id', async () => {
    const unknown = `${topicId.slice(0, 20)}${topicId.endsWith('A') ? 'Bg' : 'AA'}`
    const response = await client.call(ProduceRequest, ProduceResponse, 13, {
      acks: 1,
      timeoutMs: 1000,
      topicData: [{ topicId: unknown, partitionData: [{ index: 0, records: batchOf('x') }] }]
    })
    assert.equal(response.responses[0].partitionResponses[0].errorCode, ErrorCode.UNKNOWN_TOPIC_ID)
  })

  test('with acks other than 0, 1 and -1 is refused', async () => {
    assert.equal((await produce(client, 'orders', batchOf('x'), { acks: 2 })).errorCode, ErrorCode.INVALID_REQUIRED_ACKS)
    assert.equal((await produce(client, 'orders', batchOf('x'), { acks: -2 })).errorCode, ErrorCode.INVALID_REQUIRED_ACKS)
  })

  test('with acks 0 has no answer, and its records are there', async () => {
    await createTopic(client, 'silent')
    client.request(ProduceRequest, 12, {
      acks: 0,
      timeoutMs: 0,
      topicData: [{ name: 'silent', partitionData: [{ index: 0, records: batchOf('quiet') }] }]
    })
    assert.equal((await produce(client, 'silent', batchOf('loud'))).baseOffset, 1)
  })

  for (const acks of [0, -1]) {
    test(`with acks ${acks} counts to the last request of a client that sends a thousand and leaves`, async () => {
      const topic = `left${acks}`
      await createTopic(client, topic)
      const leaving = await broker.connect()
      const topicData = [{ name: topic, partitionData: [{ index: 0, records: batchOf('x') }] }]
      for (let i = 0; i < 1_000; i++) leaving.request(ProduceRequest, 12, { acks, timeoutMs: 10_000, topicData })
      leaving.socket.end()
      for (let i = 0; acks !== 0 && i < 1_000; i++)
        assert.equal((await leaving.response(ProduceResponse, 12)).body.responses[0].partitionResponses[0].baseOffset, i)
      assert.equal(await leaving.isEndedByBroker(), true)
      assert.equal((await produce(client, topic, batchOf('last'))).baseOffset, 1_000)
    })
  }

  test('that fails with acks 0 closes the connection', async () => {
    const other = await broker.connect()
    other.request(ProduceRequest, 12, {
      acks: 0,
      timeoutMs: 0,
      topicData: [{ name: 'nowhere', partitionData: [{ index: 0, records: batchOf('x') }] }]
    })
    assert.equal(await other.isEndedByBroker(), true)
  })

  test('to an internal topic is refused but to Kafka itself', async () => {
    await createTopic(client, '__consumer_offsets', { partitions: 4, configs: { 'cleanup.policy': 'compact' } })
    assert.equal((await produce(client, '__consumer_offsets', batchOf('x'))).errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION)
  })

  test('needs as many in-sync replicas as the topic says when all must acknowledge', async () => {
    await createTopic(client, 'strict', { configs: { 'min.insync.replicas': '3' } })
    assert.equal((await produce(client, 'strict', batchOf('x'))).errorCode, ErrorCode.NONE, 'but never more than there are')
    const { leaderEpoch } = broker.server.replicas.get('strict', 0) ?? { leaderEpoch: 0 }
    broker.server.replicas.get('strict', 0)?.setState({ leaderEpoch, partitionEpoch: 1, isr: [1], replicas: [1, 2] })
    assert.equal((await produce(client, 'strict', batchOf('x'))).errorCode, ErrorCode.NOT_ENOUGH_REPLICAS)
    assert.equal((await produce(client, 'strict', batchOf('x'), { acks: 1 })).errorCode, ErrorCode.NONE)
  })

  test('in a transaction that no coordinator can vouch for is refused', async () => {
    const batch = encodeBatch({
      records: [{ value: 'x' }],
      timestamp: Date.now(),
      producerId: 9,
      producerEpoch: 0,
      baseSequence: 0,
      isTransactional: true
    })
    assert.equal((await produce(client, 'orders', batch, { transactionalId: 'tx' })).errorCode, ErrorCode.NOT_ENOUGH_REPLICAS)
    assert.equal((await produce(client, 'orders', batch)).errorCode, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    assert.equal((await produce(client, 'orders', batchOf('x'), { transactionalId: 'tx' })).errorCode, ErrorCode.NONE)
  })

  test('stamps the batch where the topic wants the time of the append', async () => {
    await createTopic(client, 'stamped', { configs: { 'message.timestamp.type': 'LogAppendTime' } })
    const before = Date.now()
    const { logAppendTimeMs } = await produce(client, 'stamped', batchOf('x'))
    assert.ok(logAppendTimeMs >= before && logAppendTimeMs <= Date.now())
  })

  test('comes out compressed as the topic says, at the level that it says', async () => {
    const value = Array.from({ length: 4000 }, (_, index) => `${index * 7919}-${index % 13}`).join(' ')
    for (const [codec, ...levels] of [['gzip', 1, 9], ['snappy'], ['lz4', 1, 17], ['zstd', -1000, 19]] as const) {
      const sizes: number[] = []
      for (const level of levels.length === 0 ? [undefined] : levels) {
        const topic = `${codec}-at${level ?? ''}`
        await createTopic(client, topic, {
          configs: { 'compression.type': codec, ...(level && { [`compression.${codec}.level`]: `${level}` }) }
        })
        assert.equal((await produce(client, topic, batchOf(value))).errorCode, ErrorCode.NONE)
        const { records } = await fetchOne(client, topic, 0)
        assert.equal(COMPRESSION_TYPES[(records?.readInt16BE(21) ?? 0) & 7], codec)
        assert.deepEqual(valuesOf(records), [value])
        sizes.push(records?.length ?? 0)
      }
      assert.ok(sizes.length === 1 || sizes[1] < sizes[0], `${codec}: ${sizes}`)
    }
  })

  test('more than max.message.bytes is refused, and says which record lacks a key in a compacted topic', async () => {
    await createTopic(client, 'small', { configs: { 'max.message.bytes': '100' } })
    assert.equal((await produce(client, 'small', batchOf('x'.repeat(200)))).errorCode, ErrorCode.MESSAGE_TOO_LARGE)
    await createTopic(client, 'compacted', { configs: { 'cleanup.policy': 'compact' } })
    const records = encodeBatch({ records: [{ key: 'k', value: 'v' }, { value: 'no key' }], timestamp: Date.now() })
    const response = await produce(client, 'compacted', records)
    assert.equal(response.errorCode, ErrorCode.INVALID_RECORD)
    assert.deepEqual(
      response.recordErrors.map(({ batchIndex }) => batchIndex),
      [1]
    )
  })

  test('pipelined is answered in order', async () => {
    await createTopic(client, 'pipelined')
    const body = (value: string) => ({
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 'pipelined', partitionData: [{ index: 0, records: batchOf(value) }] }]
    })
    const ids = Array.from({ length: 200 }, (_, index) => client.request(ProduceRequest, 12, body(`m${index}`)))
    for (const [index, id] of ids.entries()) {
      const { correlationId, body: response } = await client.response(ProduceResponse, 12)
      assert.equal(correlationId, id)
      assert.equal(response.responses[0].partitionResponses[0].baseOffset, index)
    }
  })
})

describe('idempotent producers', () => {
  async function newProducer(): Promise<{ producerId: number; producerEpoch: number }> {
    const { errorCode, producerId, producerEpoch } = await client.call(InitProducerIdRequest, InitProducerIdResponse, 5, {
      transactionalId: null,
      transactionTimeoutMs: 0
    })
    assert.equal(errorCode, ErrorCode.NONE)
    return { producerId, producerEpoch }
  }

  const batch = (producer: { producerId: number; producerEpoch: number }, baseSequence: number) =>
    encodeBatch({ records: [{ value: `s${baseSequence}` }], timestamp: Date.now(), baseSequence, ...producer })

  test('get ids that differ', async () => {
    const ids = new Set<number>()
    for (let i = 0; i < 2_500; i++) ids.add((await newProducer()).producerId)
    assert.equal(ids.size, 2_500)
  })

  test('get the first answer again for a repeated batch, and errors for gaps and old epochs', async () => {
    await createTopic(client, 'exact')
    const producer = await newProducer()
    assert.equal((await produce(client, 'exact', batch(producer, 0))).baseOffset, 0)
    assert.equal((await produce(client, 'exact', batch(producer, 1))).baseOffset, 1)
    const repeated = await produce(client, 'exact', batch(producer, 1))
    assert.deepEqual([repeated.errorCode, repeated.baseOffset], [ErrorCode.NONE, 1])
    assert.equal((await produce(client, 'exact', batch(producer, 5))).errorCode, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert.equal((await produce(client, 'exact', batch({ ...producer, producerEpoch: 1 }, 0))).errorCode, ErrorCode.NONE)
    assert.equal((await produce(client, 'exact', batch(producer, 2))).errorCode, ErrorCode.INVALID_PRODUCER_EPOCH)
    assert.deepEqual(valuesOf((await fetchOne(client, 'exact', 0)).records), ['s0', 's1', 's0'])
  })

  test('with a transactional id are told to look for their coordinator', async () => {
    const init = (fields: { transactionalId: string | null; producerId?: number; producerEpoch?: number }) =>
      client.call(InitProducerIdRequest, InitProducerIdResponse, 5, { transactionTimeoutMs: 60_000, ...fields })
    assert.equal((await init({ transactionalId: 'tx' })).errorCode, ErrorCode.NOT_COORDINATOR)
    assert.equal((await init({ transactionalId: '' })).errorCode, ErrorCode.INVALID_REQUEST)
    assert.equal((await init({ transactionalId: null, producerId: 5 })).errorCode, ErrorCode.INVALID_REQUEST)
  })
})
