import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError, DecodeError, LONG_MAX, LONG_MIN, OdradekError, ZERO_UUID } from '@odradek/base'
import { codec, type ExactMessage, exactCodec } from '../src/codec.ts'
import {
  ApiVersionsResponse,
  ConsumerGroupMemberMetadataValue,
  ConsumerGroupMetadataValue,
  CreateTopicsRequest,
  DescribeTopicPartitionsRequest,
  FetchRequest,
  FetchResponse,
  ListOffsetsRequest,
  MetadataRequest,
  MetadataResponse,
  ProduceRequest,
  RequestHeader,
  SaslAuthenticateRequest,
  SyncGroupRequest
} from '../src/generated/codecs.ts'
import { DECODED_ELEMENTS_MAX } from '../src/reader.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const decodeFails = (name: string, version: number, bytes: Buffer, message: RegExp) =>
  assert.throws(
    () => codec(name).decode(bytes, version),
    (error) => {
      assert.ok(error instanceof DecodeError, String(error))
      assert.match(error.message, message)
      return true
    }
  )

test('left-out fields take the defaults of the schema at every depth', () => {
  const request = FetchRequest.decode(FetchRequest.encode({ topics: [{ partitions: [{ partition: 3 }] }] }, 12), 12)
  assert.equal(request.maxBytes, 0x7fffffff)
  assert.equal(request.sessionEpoch, -1)
  assert.deepEqual(request.replicaState, { replicaId: -1, replicaEpoch: -1 })
  assert.deepEqual(request.topics[0].partitions[0], {
    partition: 3,
    currentLeaderEpoch: -1,
    fetchOffset: 0,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    partitionMaxBytes: 0,
    replicaDirectoryId: ZERO_UUID,
    highWatermark: LONG_MAX
  })
  assert.deepEqual(FetchRequest.create({ topics: [{ partitions: [{ partition: 3 }] }] }), request)
})

test('a message made by create or decode has all fields in the order of the schema, whatever the version', () => {
  const keys = Object.keys(MetadataResponse.create())
  for (let version = MetadataResponse.minVersion; version <= MetadataResponse.maxVersion; version++) {
    assert.deepEqual(Object.keys(MetadataResponse.decode(MetadataResponse.encode({}, version), version)), keys)
  }
})

test('two messages made by create share no array', () => {
  FetchRequest.create().topics.push(FetchRequest.create({ topics: [{}] }).topics[0])
  assert.deepEqual(FetchRequest.create().topics, [])
})

test('a field that the version lacks must be at its default unless it is ignorable', () => {
  const unsupported = { code: 'UNSUPPORTED_VERSION' }
  assert.throws(() => ListOffsetsRequest.encode({ isolationLevel: 1 }, 1), unsupported)
  assert.doesNotThrow(() => ListOffsetsRequest.encode({ isolationLevel: 0 }, 1))
  assert.throws(() => CreateTopicsRequest.encode({ topics: [], validateOnly: true }, 99), unsupported)
  // rackId is ignorable
  assert.doesNotThrow(() => FetchRequest.encode({ rackId: 'r' }, 4))
  assert.throws(() => MetadataRequest.encode({ allowAutoTopicCreation: false }, 3), unsupported)
})

test('null goes where the version allows it', () => {
  assert.equal(MetadataRequest.decode(MetadataRequest.encode({ topics: null }, 1), 1).topics, null)
  assert.throws(() => MetadataRequest.encode({ topics: null }, 0), {
    code: 'UNSUPPORTED_VERSION',
    message: /topics cannot be null in version 0/
  })
  assert.throws(() => MetadataResponse.encode({ brokers: null as never }, 9), OdradekError)
})

test('a null struct is a byte in place and a varint as a tagged field', () => {
  const cursor = { topicName: 't', partitionIndex: 1 }
  for (const value of [null, cursor]) {
    const bytes = DescribeTopicPartitionsRequest.encode({ cursor: value }, 0)
    assert.deepEqual(DescribeTopicPartitionsRequest.decode(bytes, 0).cursor, value)
  }
  const bytes = ConsumerGroupMemberMetadataValue.encode({ classicMemberMetadata: null }, 0)
  assert.equal(bytes.subarray(-4).toString('hex'), '01000100')
  assert.equal(ConsumerGroupMemberMetadataValue.decode(bytes, 0).classicMemberMetadata, null)
})

test('int64 holds what a double holds, and the two ends of a long', () => {
  for (const offset of [0, -1, 2 ** 53 - 1, 1 - 2 ** 53, LONG_MAX, LONG_MIN, 2 ** 32, -(2 ** 32) - 1]) {
    const bytes = ListOffsetsRequest.encode({ topics: [{ partitions: [{ timestamp: offset }] }] }, 11)
    assert.equal(ListOffsetsRequest.decode(bytes, 11).topics[0].partitions[0].timestamp, offset)
    const exact = exactCodec('ListOffsetsRequest').decode(bytes, 11)
    const expected = offset === 2 ** 63 ? 2n ** 63n - 1n : BigInt(offset)
    assert.equal((exact as unknown as { topics: { partitions: { timestamp: bigint }[] }[] }).topics[0].partitions[0].timestamp, expected)
  }
  for (const timestamp of [2 ** 53, 1.5, Number.NaN, 2 ** 64]) {
    assert.throws(() => ListOffsetsRequest.encode({ topics: [{ partitions: [{ timestamp }] }] }, 11), AssertionError)
  }
  const bytes = exactCodec('InitProducerIdResponse').encode({ producerId: 2n ** 53n }, 4)
  decodeFails('InitProducerIdResponse', 4, bytes, /9007199254740992 is beyond/)
})

test('a hash of 64 bits is a bigint in both flavours', () => {
  const metadataHash = -(2n ** 62n) - 12345n
  assert.equal(ConsumerGroupMetadataValue.decode(ConsumerGroupMetadataValue.encode({ metadataHash }, 0), 0).metadataHash, metadataHash)
  assert.equal(ConsumerGroupMetadataValue.create().metadataHash, 0n)
})

test('a number that its field cannot hold is a bug of the caller, not silently cut', () => {
  for (const throttleTimeMs of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) {
    assert.throws(() => FetchResponse.encode({ throttleTimeMs }, 12), AssertionError)
  }
  assert.throws(() => FetchResponse.encode({ errorCode: 40_000 }, 12), AssertionError)
  assert.throws(() => FetchResponse.encode({ responses: [{ topicId: 'not a uuid' }] }, 13), AssertionError)
})

test('a string of more than 32767 bytes does not encode', () => {
  assert.doesNotThrow(() => MetadataRequest.encode({ topics: [{ name: 'x'.repeat(32767) }] }, 9))
  assert.throws(() => MetadataRequest.encode({ topics: [{ name: '€'.repeat(10_923) }] }, 9), { code: 'ENCODE', message: /32769 bytes/ })
})

test('strings of every length around the limits of a varint come back', () => {
  for (const unit of ['a', 'é', '€', '😀']) {
    for (const length of [0, 1, 40, 41, 42, 47, 48, 49, 62, 63, 64, 125, 126, 127, 128, 4095, 5460, 5461, 5462, 8191, 8192]) {
      const name = unit.repeat(length)
      if (Buffer.byteLength(name) > 32767) continue
      const bytes = MetadataRequest.encode({ topics: [{ name }, { name: 'next' }] }, 12)
      assert.deepEqual(
        MetadataRequest.decode(bytes, 12).topics?.map((topic) => topic.name),
        [name, 'next']
      )
    }
  }
})

test('unknown tagged fields are kept at every level and written back in the order of their tags', () => {
  const tags = (...list: [number, string][]) => list.map(([tag, text]) => ({ tag, data: Buffer.from(text) }))
  const value = MetadataResponse.create({
    unknownTaggedFields: tags([9, 'top'], [70_000, '']),
    topics: [{ name: 't', unknownTaggedFields: tags([1, 'topic']), partitions: [{ unknownTaggedFields: tags([2, 'partition']) }] }]
  })
  const bytes = MetadataResponse.encode(value, 12)
  assert.deepEqual(MetadataResponse.decode(bytes, 12), value)
  const disordered = MetadataResponse.encode({ ...value, unknownTaggedFields: value.unknownTaggedFields?.toReversed() }, 12)
  assert.deepEqual(disordered, bytes)
  // between two known ones: FetchResponse has the tags 0, 1 and 2 in a partition
  const partition = { currentLeader: { leaderId: 4 }, unknownTaggedFields: tags([3, 'x']) }
  const fetch = FetchResponse.encode({ responses: [{ partitions: [partition] }] }, 12)
  assert.equal(FetchResponse.decode(fetch, 12).responses[0].partitions[0].currentLeader.leaderId, 4)
})

test('of a tagged field that comes twice the last counts, and the order of tags is free, as in Kafka', () => {
  const field = (tag: string, epoch: string) => `${tag} 08 ${epoch}`
  // errorCode, no api keys, throttle time, then tags: epoch 5, epoch 7, and zkMigrationReady before it
  const bytes = hex(`0000 01 00000000 03 03 01 01 ${field('01', '0000000000000005')} ${field('01', '0000000000000007')}`)
  const response = ApiVersionsResponse.decode(bytes, 3)
  assert.equal(response.finalizedFeaturesEpoch, 7)
  assert.equal(response.zkMigrationReady, true)
})

test('a tagged field whose size lies does not decode', () => {
  decodeFails('ApiVersionsResponse', 3, hex('0000 01 00000000 01 01 07 00000000000005'), /takes|end/)
  decodeFails('ApiVersionsResponse', 3, hex('0000 01 00000000 01 01 09 0000000000000005 00'), /claims a size of 9 and takes 8/)
  decodeFails('ApiVersionsResponse', 3, hex('0000 01 00000000 01 01 7f 0000000000000005'), /claims a length of 127/)
  decodeFails('ApiVersionsResponse', 3, hex('0000 01 00000000 01 f0ffffff0f ffffffff0f 00'), /claims a length of 4294967295/)
})

test('a tagged field of more than 127 bytes has its size patched in, with large bytes within copied', () => {
  const metadata = Buffer.alloc(5000, 7)
  const value = ConsumerGroupMemberMetadataValue.create({ classicMemberMetadata: { supportedProtocols: [{ name: 'range', metadata }] } })
  const chunks = ConsumerGroupMemberMetadataValue.encodeChunks(value, 0)
  assert.equal(chunks.length, 1)
  assert.deepEqual(ConsumerGroupMemberMetadataValue.decode(chunks[0], 0), value)
})

test('tagged fields of every size around the limits of a varint come back', () => {
  for (const length of [0, 1, 60, 125, 126, 127, 128, 129, 16_380, 16_381, 16_382, 16_383, 32_767]) {
    const value = FetchRequest.create({ clusterId: 'c'.repeat(length), replicaState: { replicaId: 7, replicaEpoch: 8 } })
    assert.deepEqual(FetchRequest.decode(FetchRequest.encode(value, 15), 15), value)
  }
  for (let length = 100; length < 126; length++) {
    const supportedProtocols = [{ name: '', metadata: Buffer.alloc(length) }]
    const value = ConsumerGroupMemberMetadataValue.create({ classicMemberMetadata: { supportedProtocols } })
    assert.deepEqual(ConsumerGroupMemberMetadataValue.decode(ConsumerGroupMemberMetadataValue.encode(value, 0), 0), value)
  }
})

test('large records pass by the encoder uncopied, small ones are copied into one buffer', () => {
  const parts = [Buffer.alloc(2000, 1), Buffer.alloc(1500, 2), Buffer.alloc(10, 3)]
  const body = { responses: [{ partitions: [{ records: parts }, { records: Buffer.alloc(20, 4) }] }] }
  const chunks = FetchResponse.encodeChunks(body, 12, (writer) => writer.int32(77))
  assert.ok(chunks.includes(parts[0]) && chunks.includes(parts[1]))
  assert.equal(chunks.length, 4)
  const joined = Buffer.concat(chunks)
  assert.equal(joined.readInt32BE(0), 77)
  assert.deepEqual(joined.subarray(4), FetchResponse.encode(body, 12))
  const records = FetchResponse.decode(joined.subarray(4), 12).responses[0].partitions.map((partition) => partition.records)
  assert.deepEqual(records, [Buffer.concat(parts), Buffer.alloc(20, 4)])
})

test('small messages between large ones do not each keep a large room', () => {
  const kept = Array.from({ length: 100 }, () => {
    SaslAuthenticateRequest.encode({ authBytes: Buffer.alloc(60_000) }, 0)
    return SaslAuthenticateRequest.encode({ authBytes: Buffer.alloc(10) }, 0)
  })
  assert.ok(new Set(kept.map((bytes) => bytes.buffer)).size < 5)
})

test('decoded bytes are views of the frame', () => {
  const bytes = ProduceRequest.encode({ topicData: [{ partitionData: [{ records: Buffer.from('records') }] }] }, 9)
  const records = ProduceRequest.decode(bytes, 9).topicData[0].partitionData[0].records
  assert.equal(records?.buffer, bytes.buffer)
  assert.equal(records?.toString(), 'records')
})

test('bytes behind the message are let be, and decodeAt tells where they begin', () => {
  const bytes = Buffer.concat([hex('ffff'), MetadataRequest.encode({}, 9), hex('0102')])
  const { value, end } = MetadataRequest.decodeAt(bytes, 2, 9)
  assert.deepEqual(value, MetadataRequest.create())
  assert.equal(end, bytes.length - 2)
})

test('the client id of a flexible header is an old string', () => {
  assert.equal(
    RequestHeader.encode({ requestApiKey: 3, requestApiVersion: 12, correlationId: 1, clientId: 'ab' }, 2).toString('hex'),
    '0003000c0000000100026162' + '00'
  )
})

test('a version that does not exist neither encodes nor decodes', () => {
  decodeFails('FetchRequest', 3, Buffer.alloc(100), /no version 3/)
  decodeFails('FetchRequest', -1, Buffer.alloc(100), /no version -1/)
  decodeFails('FetchRequest', 1.5, Buffer.alloc(100), /no version 1.5/)
  assert.throws(() => FetchRequest.encode({}, 19), { code: 'UNSUPPORTED_VERSION' })
  assert.throws(() => codec('NoSuchRequest'), { code: 'UNKNOWN_MESSAGE' })
})

// HOSTILE-INPUT, rows 12 to 18
const header = '0003 0000 00000001'
const hostile: [what: string, name: string, version: number, bytes: string, message: RegExp][] = [
  ['a client id of length -2', 'RequestHeader', 1, `${header} fffe`, /clientId has the length -2/],
  ['a client id past the end', 'RequestHeader', 1, `${header} 7fff 61`, /clientId claims a length of 32767/],
  ['a header that is cut', 'RequestHeader', 1, '0003', /the bytes end/],
  ['a varint of six bytes', 'MetadataRequest', 9, 'ffffffffff0100', /varint of more than five bytes/],
  ['a varint that is cut', 'MetadataRequest', 9, 'ffff', /the bytes end within a varint/],
  ['2^31-1 topics', 'MetadataRequest', 4, '7fffffff', /topics claims a length of 2147483647, 0 bytes are left/],
  ['2^32-2 topics', 'MetadataRequest', 9, 'ffffffff0f', /topics claims a length of 4294967294/],
  ['more topics than their least size allows', 'MetadataRequest', 9, `05${'00'.repeat(7)}`, /topics claims a length of 4/],
  ['-2 topics', 'MetadataRequest', 4, 'fffffffe', /topics has the length -2/],
  ['null for an array that is not nullable', 'MetadataRequest', 0, 'ffffffff', /topics is null/],
  ['null for a string that is not nullable', 'MetadataRequest', 4, '00000001 ffff 00', /name is null/],
  ['null for bytes that are not nullable', 'SaslAuthenticateRequest', 0, 'ffffffff', /authBytes is null/],
  ['a compact string beyond 32767', 'MetadataRequest', 9, `02 818002 ${'61'.repeat(40_000)}`, /name claims a length of 32768/],
  ['bytes past the end', 'SaslAuthenticateRequest', 0, '7fffffff 00', /authBytes claims a length of 2147483647/],
  ['more int32 than bytes', 'FetchRequest', 7, `${'00'.repeat(29)} 00000001 0000 0fffffff`, /partitions claims a length of 268435455/],
  ['a million tags in a few bytes', 'MetadataRequest', 9, '01 00 00 00 c0843d 0000', /the bytes end/]
]
for (const [what, name, version, bytes, message] of hostile) {
  test(`${what}: a DecodeError`, () => decodeFails(name, version, hex(bytes), message))
}

test('a null client id is null, and invalid UTF-8 is replaced', () => {
  assert.equal(RequestHeader.decode(hex(`${header} ffff`), 1).clientId, null)
  assert.equal(RequestHeader.decode(hex(`${header} 0003 61ff62`), 1).clientId, 'a\ufffdb')
})

test('null bytes are null where the version allows them', () => {
  assert.equal(SyncGroupRequest.create().protocolType, null)
  assert.equal(
    ProduceRequest.decode(ProduceRequest.encode({ topicData: [{ partitionData: [{ records: null }] }] }, 9), 9).topicData[0]
      .partitionData[0].records,
    null
  )
})

function heapCost(work: () => void): number {
  globalThis.gc?.()
  const before = process.memoryUsage()
  work()
  const after = process.memoryUsage()
  return after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
}

test('lengths that lie cost no memory', () => {
  const lying = hex('ffffffff0f')
  const cost = heapCost(() => {
    for (let i = 0; i < 1000; i++) assert.throws(() => MetadataRequest.decode(lying, 9), DecodeError)
  })
  assert.ok(cost < 32 * 1024 * 1024, `${cost} bytes`)
})

test('a message of more elements than the limit is refused before they are made', () => {
  const count = DECODED_ELEMENTS_MAX + 1
  const many = Buffer.alloc(4 + count * 2)
  many.writeInt32BE(count)
  decodeFails('MetadataRequest', 0, many, /more than 1000000 elements/)
  const tags = Buffer.concat([hex('01 00 00 00 c1843d'), Buffer.alloc(2 * count)])
  decodeFails('MetadataRequest', 9, tags, /more than 1000000 elements/)
})

test('integers in an array are not counted: they cost no more than their bytes', () => {
  const partitions = Array.from({ length: DECODED_ELEMENTS_MAX + 10 }, (_, index) => index)
  const bytes = FetchRequest.encode({ forgottenTopicsData: [{ partitions }] }, 12)
  assert.equal(FetchRequest.decode(bytes, 12).forgottenTopicsData[0].partitions.length, partitions.length)
})

test('the encoder takes lists of buffers wherever it takes bytes', () => {
  const authBytes = [Buffer.from('a'), Buffer.from('bc')]
  assert.equal(SaslAuthenticateRequest.encode({ authBytes }, 2).toString('hex'), '0461626300')
  const exact = exactCodec('SaslAuthenticateRequest').encode({ authBytes } as ExactMessage, 0)
  assert.equal(exact.toString('hex'), '00000003616263')
  assert.equal(SaslAuthenticateRequest.create({ authBytes }).authBytes.toString(), 'abc')
})
