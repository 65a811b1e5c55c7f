// What hostile or broken peers send, row by row of the table of bad input. After each the broker answers the next healthy
// client, and has logged no error of its own.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { crc32c } from '@odradek/base'
import {
  ApiVersionsRequest,
  ApiVersionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  ErrorCode,
  encodeBatch,
  encodeRequestFrame,
  FetchRequest,
  FetchResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  ListOffsetsRequest,
  ListOffsetsResponse,
  MetadataRequest,
  MetadataResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  SyncGroupRequest,
  SyncGroupResponse
} from '@odradek/protocol'
import type { RawClient } from './support/raw-client.ts'
import { batchOf, createTopic, fetchOne, produce, startBroker, type TestBroker, valuesOf } from './support/test-broker.ts'

let broker: TestBroker
let client: RawClient
before(async () => {
  broker = await startBroker()
  client = await broker.connect()
  await createTopic(client, 'victim')
  await createTopic(client, 'plain')
})
after(() => broker[Symbol.asyncDispose]())

afterEach(async () => {
  const healthy = await broker.connect()
  const { errorCode } = await healthy.call(ApiVersionsRequest, ApiVersionsResponse, 3, {
    clientSoftwareName: 'healthy',
    clientSoftwareVersion: '1'
  })
  assert.equal(errorCode, ErrorCode.NONE)
  healthy.close()
  assert.deepEqual(
    broker.lines.filter((line) => / (ERROR|FATAL) /.test(line)),
    []
  )
  assert.deepEqual(broker.halted, [])
})

const int32 = (value: number) => {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(value)
  return buffer
}
const header = (apiKey: number, version: number, rest = Buffer.from([0, 0, 0, 1, 0xff, 0xff])) => {
  const fixed = Buffer.alloc(4)
  fixed.writeInt16BE(apiKey, 0)
  fixed.writeInt16BE(version, 2)
  return Buffer.concat([fixed, rest])
}

async function isClosedBy(...bytes: Buffer[]): Promise<boolean> {
  const attacker = await broker.connect()
  attacker.send(...bytes)
  return attacker.isEndedByBroker()
}

async function isClosedByFrame(body: Buffer): Promise<boolean> {
  return isClosedBy(int32(body.length), body)
}

describe('frames', () => {
  for (const [row, size] of [
    [1, -1],
    [1, -2147483648],
    [2, 104857601],
    [2, 2147483647],
    [3, 0]
  ]) {
    test(`row ${row}: a size of ${size} closes the connection`, async () => {
      assert.equal(await isClosedBy(int32(size)), true)
    })
  }

  test('row 2: an announced size takes no memory', async () => {
    const attackers = await Promise.all(Array.from({ length: 20 }, () => broker.connect()))
    const before = process.memoryUsage().rss
    for (const attacker of attackers) attacker.send(int32(104857600), Buffer.alloc(10))
    await client.call(MetadataRequest, MetadataResponse, 1, { topics: [] })
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024)
    for (const attacker of attackers) attacker.close()
  })

  test('row 6: a frame cut by the end or the reset of the connection is dropped without a word', async () => {
    const lines = broker.lines.length
    for (const end of [(attacker: RawClient) => attacker.socket.end(), (attacker: RawClient) => attacker.socket.resetAndDestroy()]) {
      const attacker = await broker.connect()
      attacker.send(int32(100), Buffer.alloc(50))
      end(attacker)
      while (!attacker.isClosed) await new Promise(setImmediate)
    }
    assert.deepEqual(broker.lines.slice(lines), [])
  })

  for (const [what, bytes] of [
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a TLS hello', Buffer.from('160301020001', 'hex')],
    ['an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.9\r\n')]
  ] as const) {
    test(`row 7: ${what} closes the connection`, async () => {
      assert.equal(await isClosedBy(bytes), true)
    })
  }
})

describe('headers', () => {
  test('rows 8 and 9: unknown keys and versions close the connection', async () => {
    assert.equal(await isClosedByFrame(header(999, 0)), true)
    assert.equal(await isClosedByFrame(header(-1, 0)), true)
    assert.equal(await isClosedByFrame(header(3, 99)), true)
    assert.equal(await isClosedByFrame(header(3, -1)), true)
    assert.equal(await isClosedByFrame(header(0, 2)), true, 'Produce 2 is advertised and not served, as in Apache Kafka')
    assert.equal(await isClosedByFrame(header(22, 6)), true, 'an unstable version')
  })

  test('row 10: APIs of controllers are not served on the broker listener, nor those of brokers on the controller listener', async () => {
    for (const key of [52, 53, 54, 58, 59, 62, 63, 67]) assert.equal(await isClosedByFrame(header(key, 0)), true)
    const controller = await broker.connectToController()
    controller.sendFrame(header(3, 0))
    assert.equal(await controller.isEndedByBroker(), true)
  })

  test('row 12: a client id may be null or no UTF-8, but not of a length that lies', async () => {
    const metadata = (clientId: Buffer) => header(3, 1, Buffer.concat([int32(7), clientId, int32(0)]))
    const attacker = await broker.connect()
    attacker.sendFrame(metadata(Buffer.from([0xff, 0xff])))
    assert.equal((await attacker.response(MetadataResponse, 1)).correlationId, 7)
    attacker.sendFrame(metadata(Buffer.from([0, 3, 0xc3, 0x28, 0xff])))
    assert.equal((await attacker.response(MetadataResponse, 1)).correlationId, 7)
    assert.equal(await isClosedByFrame(metadata(Buffer.from([0xff, 0xfe]))), true)
    assert.equal(await isClosedByFrame(metadata(Buffer.from([0x7f, 0xff, 0x41]))), true)
    assert.equal(await isClosedByFrame(Buffer.from([0, 3])), true)
  })
})

describe('bodies', () => {
  const metadataV9 = (body: Buffer) => header(3, 9, Buffer.concat([int32(1), Buffer.from([0xff, 0xff, 0]), body]))
  const metadataV1 = (body: Buffer) => header(3, 1, Buffer.concat([int32(1), Buffer.from([0xff, 0xff]), body]))

  test('row 13: a varint without an end closes the connection', async () => {
    assert.equal(await isClosedByFrame(metadataV9(Buffer.alloc(12, 0xff))), true)
  })

  test('row 14: an array longer than the bytes closes the connection and takes no memory', async () => {
    const before = process.memoryUsage().rss
    assert.equal(await isClosedByFrame(metadataV1(int32(2147483647))), true)
    assert.equal(await isClosedByFrame(metadataV9(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07]))), true)
    assert.equal(await isClosedByFrame(metadataV1(int32(-2))), true)
    assert.ok(process.memoryUsage().rss - before < 32 * 1024 * 1024)
  })

  test('rows 15 and 16: null where there is no null, and strings longer than the bytes', async () => {
    assert.equal(await isClosedByFrame(metadataV1(Buffer.concat([int32(1), Buffer.from([0xff, 0xff])]))), true)
    assert.equal(await isClosedByFrame(metadataV1(Buffer.concat([int32(1), Buffer.from([0x7f, 0xff, 0x41])]))), true)
  })

  test('row 17: unknown tagged fields are skipped, those longer than the bytes close the connection', async () => {
    const tagged = (tags: Buffer) => metadataV9(Buffer.concat([Buffer.from([1, 1, 0, 0]), tags]))
    const attacker = await broker.connect()
    attacker.sendFrame(tagged(Buffer.from([1, 77, 3, 1, 2, 3])))
    assert.equal((await attacker.response(MetadataResponse, 9)).correlationId, 1)
    assert.equal(await isClosedByFrame(tagged(Buffer.from([1, 77, 100, 1]))), true)
    const many = Buffer.concat([Buffer.from([0xc0, 0x84, 0x3d]), Buffer.alloc(2_000_000)])
    const started = performance.now()
    await isClosedByFrame(tagged(many))
    assert.ok(performance.now() - started < 2_000)
  })

  test('row 18: bytes behind the body are let be', async () => {
    const attacker = await broker.connect()
    attacker.sendFrame(metadataV1(Buffer.concat([int32(0), Buffer.from('trailing')])))
    assert.equal((await attacker.response(MetadataResponse, 1)).correlationId, 1)
  })
})

describe('record batches', () => {
  const good = () => encodeBatch({ records: [{ key: 'k', value: 'v' }], timestamp: Date.now() })
  const patched = (patch: (batch: Buffer) => void, withCrc = true) => {
    const batch = good()
    patch(batch)
    if (withCrc) batch.writeInt32BE(crc32c(batch, 21) | 0, 17)
    return batch
  }
  const codeOf = async (records: Buffer | null, options: Parameters<typeof produce>[3] = {}) =>
    (await produce(client, 'victim', records, options)).errorCode

  test('row 26: none, two, old and future ones', async () => {
    assert.equal(await codeOf(Buffer.alloc(0)), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(null), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(Buffer.concat([good(), good()])), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(patched((batch) => batch.writeInt8(1, 16), false)), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(patched((batch) => batch.writeInt8(3, 16), false)), ErrorCode.CORRUPT_MESSAGE)
  })

  test('row 27: codecs that the version or nobody knows', async () => {
    const zstd = encodeBatch({ records: [{ value: 'v' }], timestamp: Date.now(), compression: 'zstd' })
    assert.equal(await codeOf(zstd, { version: 6 }), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    assert.equal(await codeOf(patched((batch) => batch.writeInt16BE(6, 21))), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    assert.equal(
      await codeOf(
        patched((batch) => batch.writeInt16BE(6, 21)),
        { version: 6 }
      ),
      ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    )
  })

  test('row 28: lengths that cannot be', async () => {
    assert.equal(await codeOf(patched((batch) => batch.writeInt32BE(-1, 8), false)), ErrorCode.CORRUPT_MESSAGE)
    assert.equal(await codeOf(patched((batch) => batch.writeInt32BE(20, 8), false)), ErrorCode.CORRUPT_MESSAGE)
    assert.equal(await codeOf(patched((batch) => batch.writeInt32BE(100_000, 8), false)), ErrorCode.INVALID_RECORD)
  })

  test('row 29: a checksum that is not that of the bytes', async () => {
    assert.equal(await codeOf(patched((batch) => batch.writeInt32BE(12345, 17), false)), ErrorCode.CORRUPT_MESSAGE)
    assert.equal(await codeOf(patched((batch) => (batch[batch.length - 1] ^= 1), false)), ErrorCode.CORRUPT_MESSAGE)
  })

  test('row 30: offsets and counts that do not fit', async () => {
    assert.equal(await codeOf(patched((batch) => batch.writeBigInt64BE(5n, 0), false)), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(patched((batch) => batch.writeInt32BE(-1, 23))), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(patched((batch) => batch.writeInt32BE(7, 57))), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(patched((batch) => batch.writeInt32BE(-3, 57))), ErrorCode.INVALID_RECORD)
  })

  test('row 31: too large', async () => {
    await createTopic(client, 'small', { configs: { 'max.message.bytes': '500' } })
    assert.equal((await produce(client, 'small', batchOf('x'.repeat(600)))).errorCode, ErrorCode.MESSAGE_TOO_LARGE)
  })

  test('row 32: control batches, and producer ids without a sequence', async () => {
    assert.equal(await codeOf(patched((batch) => batch.writeInt16BE(0x20, 21))), ErrorCode.INVALID_RECORD)
    assert.equal(await codeOf(patched((batch) => batch.writeBigInt64BE(5n, 43))), ErrorCode.INVALID_RECORD)
  })

  test('row 33: records that lie about their lengths', async () => {
    for (const at of [61, 65, 67]) {
      const code = await codeOf(patched((batch) => (batch[at] = 0x7f)))
      assert.ok(code === ErrorCode.INVALID_RECORD || code === ErrorCode.CORRUPT_MESSAGE, `byte ${at}: ${code}`)
    }
  })

  test('row 34: a decompression bomb is refused without taking memory', async () => {
    const bomb = encodeBatch({ records: [{ value: Buffer.alloc(200 * 1024 * 1024) }], timestamp: Date.now(), compression: 'zstd' })
    assert.ok(bomb.length < 1024 * 1024)
    const before = process.memoryUsage()
    const code = await codeOf(bomb)
    assert.ok(code !== ErrorCode.NONE)
    assert.ok(process.memoryUsage().rss - before.rss < 128 * 1024 * 1024)
  })

  test('row 35: records without a key in a compacted topic', async () => {
    await createTopic(client, 'keyed', { configs: { 'cleanup.policy': 'compact' } })
    const response = await produce(client, 'keyed', batchOf('no key'))
    assert.equal(response.errorCode, ErrorCode.INVALID_RECORD)
    assert.equal(response.recordErrors[0].batchIndex, 0)
  })

  test('row 36: times outside of what the topic takes', async () => {
    await createTopic(client, 'timely', {
      configs: { 'message.timestamp.after.max.ms': '1000', 'message.timestamp.before.max.ms': '1000' }
    })
    const at = (timestamp: number) => encodeBatch({ records: [{ value: 'v' }], timestamp })
    assert.equal((await produce(client, 'timely', at(Date.now() + 60_000))).errorCode, ErrorCode.INVALID_TIMESTAMP)
    assert.equal((await produce(client, 'timely', at(Date.now() - 60_000))).errorCode, ErrorCode.INVALID_TIMESTAMP)
  })

  test('none of them left a record behind', async () => {
    assert.deepEqual(valuesOf((await fetchOne(client, 'victim', 0)).records), [])
  })
})

describe('names and numbers', () => {
  test('row 42: topic names that are paths or worse are refused, however they come', async () => {
    const names = ['', '.', '..', 'a'.repeat(250), 'a/b', '../../etc/passwd', 'nul\u0000byte', 'sp ace', 'ümlaut']
    const created = await client.call(CreateTopicsRequest, CreateTopicsResponse, 5, {
      topics: names.map((name) => ({ name, numPartitions: 1, replicationFactor: 1 })),
      timeoutMs: 5000
    })
    assert.deepEqual(
      created.topics.map(({ errorCode }) => errorCode),
      names.map(() => ErrorCode.INVALID_TOPIC_EXCEPTION)
    )
    const asked = await client.call(MetadataRequest, MetadataResponse, 9, {
      topics: names.map((name) => ({ name })),
      allowAutoTopicCreation: true
    })
    assert.deepEqual(
      asked.topics.map(({ errorCode }) => errorCode),
      names.map(() => ErrorCode.INVALID_TOPIC_EXCEPTION)
    )
    await createTopic(client, 'a.b')
    const colliding = await client.call(CreateTopicsRequest, CreateTopicsResponse, 5, {
      topics: [{ name: 'a_b', numPartitions: 1, replicationFactor: 1 }],
      timeoutMs: 5000
    })
    assert.equal(colliding.topics[0].errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION)
  })

  test('row 43: the same topic twice, too many partitions, no replicas, assignments with holes', async () => {
    const create = async (...topics: object[]) => {
      const response = await client.call(CreateTopicsRequest, CreateTopicsResponse, 5, { topics: topics as never, timeoutMs: 5000 })
      return response.topics.map(({ errorCode }) => errorCode)
    }
    const topic = (fields: object) => ({ name: 'numbers', numPartitions: 1, replicationFactor: 1, ...fields })
    assert.ok((await create(topic({}), topic({}))).every((code) => code === ErrorCode.INVALID_REQUEST))
    assert.ok((await create(topic({ numPartitions: 1_000_000 }))).every((code) => code !== ErrorCode.NONE))
    assert.deepEqual(await create(topic({ numPartitions: 0 })), [ErrorCode.INVALID_PARTITIONS])
    assert.deepEqual(await create(topic({ replicationFactor: 0 })), [ErrorCode.INVALID_REPLICATION_FACTOR])
    assert.deepEqual(await create(topic({ replicationFactor: 3 })), [ErrorCode.INVALID_REPLICATION_FACTOR])
    const holes = {
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [
        { partitionIndex: 0, brokerIds: [1] },
        { partitionIndex: 2, brokerIds: [1] }
      ]
    }
    assert.deepEqual(await create(topic(holes)), [ErrorCode.INVALID_REPLICA_ASSIGNMENT])
  })

  test('row 44: a fetch of 100,000 partitions and of made-up sessions is bounded', async () => {
    const partitions = Array.from({ length: 100_000 }, (_, partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 }))
    const started = performance.now()
    const response = await client.call(FetchRequest, FetchResponse, 12, {
      maxWaitMs: 2147483647,
      minBytes: 2147483647,
      topics: [{ topic: 'plain', partitions }]
    })
    assert.equal(response.responses[0].partitions.length, 100_000)
    assert.ok(performance.now() - started < 5_000)
    assert.equal(
      (await client.call(FetchRequest, FetchResponse, 12, { sessionId: -1, sessionEpoch: -2, maxWaitMs: 0, minBytes: 0, topics: [] }))
        .errorCode,
      ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    )
  })

  test('row 45: garbage from members of groups is carried, timeouts out of range are refused', async () => {
    await client.call(MetadataRequest, MetadataResponse, 9, { topics: [{ name: '__consumer_offsets' }] })
    const join = (fields: object) =>
      client.call(JoinGroupRequest, JoinGroupResponse, 3, {
        groupId: 'rough',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 1_000,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from('garbage that is no subscription') }],
        ...fields
      })
    assert.equal((await join({ sessionTimeoutMs: 1 })).errorCode, ErrorCode.INVALID_SESSION_TIMEOUT)
    assert.equal((await join({ sessionTimeoutMs: 2147483647 })).errorCode, ErrorCode.INVALID_SESSION_TIMEOUT)
    assert.equal((await join({ protocols: [] })).errorCode, ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    let joined = await join({})
    while (joined.errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS || joined.errorCode === ErrorCode.NOT_COORDINATOR)
      joined = await join({})
    assert.equal(joined.errorCode, ErrorCode.NONE)
    const { memberId, generationId } = joined
    const assignment = Buffer.from('garbage too')
    const synced = await client.call(SyncGroupRequest, SyncGroupResponse, 3, {
      groupId: 'rough',
      memberId,
      generationId,
      assignments: [{ memberId, assignment }]
    })
    assert.deepEqual([synced.errorCode, String(synced.assignment)], [ErrorCode.NONE, 'garbage too'])
  })

  test('row 46: metadata of a commit beyond 4,096', async () => {
    const commit = async (committedMetadata: string) => {
      const response = await client.call(OffsetCommitRequest, OffsetCommitResponse, 7, {
        groupId: 'committer',
        topics: [{ name: 'plain', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata }] }]
      })
      return response.topics[0].partitions[0].errorCode
    }
    assert.equal(await commit('m'.repeat(4097)), ErrorCode.OFFSET_METADATA_TOO_LARGE)
    assert.equal(await commit('m'.repeat(4096)), ErrorCode.NONE)
  })

  test('the same partition twice in ListOffsets', async () => {
    const partition = { partitionIndex: 0, timestamp: -1 }
    const response = await client.call(ListOffsetsRequest, ListOffsetsResponse, 5, {
      replicaId: -1,
      topics: [{ name: 'plain', partitions: [partition, partition] }]
    })
    assert.deepEqual(
      response.topics[0].partitions.map(({ errorCode }) => errorCode),
      [ErrorCode.INVALID_REQUEST]
    )
  })
})

describe('row 47: 100,000 pipelined requests of a peer that never reads', () => {
  test('take bounded memory and harm nobody', async () => {
    const attacker = await broker.connect()
    attacker.socket.pause()
    const [frame] = encodeRequestFrame(ApiVersionsRequest, { apiVersion: 0, correlationId: 1, clientId: null }, {})
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => frame))
    const before = process.memoryUsage().rss
    let written = 0
    for (; written < 100; written++) if (!attacker.socket.write(thousand)) break
    await createTopic(client, 'meanwhile')
    assert.equal((await produce(client, 'meanwhile', batchOf('x'))).errorCode, ErrorCode.NONE)
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024)
    attacker.close()
  })
})
