// Bad input to the real process, rows 26-38 of the table: record batches that lie, bombs, and producers that misbehave.
// Of row 38 the states of transactions are left out: transactions are not built.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { crc32c } from '@odradek/base'
import { ApiVersionsRequest, ApiVersionsResponse, ErrorCode, encodeBatch, ProduceRequest } from '@odradek/protocol'
import { hostileSuite, type Victim } from './support/hostile.ts'
import { batchOf, createTopic, fetchOne, int32, type ProduceFields, produce, produceRequest } from './support/raw-client.ts'

const { row } = hostileSuite()

/** Positions in a batch's header. */
const LENGTH = 8
const MAGIC = 16
const CRC = 17
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const PRODUCER_ID = 43
const COUNT = 57
const RECORDS = 61

const good = () => encodeBatch({ records: [{ key: 'k', value: 'v' }], timestamp: Date.now() })

function patched(patch: (batch: Buffer) => void, { keepsCrc = false } = {}): Buffer {
  const batch = good()
  patch(batch)
  if (!keepsCrc) batch.writeInt32BE(crc32c(batch, ATTRIBUTES) | 0, CRC)
  return batch
}

/** A batch of one record whose compressed bytes are given as they are. */
function compressed(attributes: number, bytes: Buffer): Buffer {
  const batch = Buffer.concat([good().subarray(0, RECORDS), bytes])
  batch.writeInt16BE(attributes, ATTRIBUTES)
  batch.writeInt32BE(batch.length - 12, LENGTH)
  batch.writeInt32BE(crc32c(batch, ATTRIBUTES) | 0, CRC)
  return batch
}

let topics = 0
/** The answers to these batches, in turn, in a topic of its own in which nothing may be left. */
async function codesOf(victim: Victim, batches: (Buffer | null)[], fields: ProduceFields & { configs?: Record<string, string> } = {}) {
  const topic = `bad-records-${topics++}`
  await createTopic(victim.client, topic, fields.configs)
  const codes = []
  const attacker = await victim.connect()
  for (const batch of batches) codes.push((await produce(attacker, topic, batch, fields)).errorCode)
  attacker.close()
  assert.equal((await fetchOne(victim.client, topic, 0)).highWatermark, 0, 'a refused batch was appended')
  return codes
}

const { INVALID_RECORD, CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP } = ErrorCode

row('row 26: no batch, two, old ones and future ones', async (victim) => {
  const old = (magic: number) => patched((batch) => batch.writeInt8(magic, MAGIC), { keepsCrc: true })
  const invalid = [Buffer.alloc(0), Buffer.concat([good(), good()]), old(0), old(1)]
  assert.deepEqual(
    await codesOf(victim, invalid),
    invalid.map(() => INVALID_RECORD)
  )
  assert.deepEqual(await codesOf(victim, [old(3), old(-1)]), [CORRUPT_MESSAGE, CORRUPT_MESSAGE])
})

row('row 26: records that are null', async (victim) => assert.deepEqual(await codesOf(victim, [null]), [INVALID_RECORD]), {
  // Apache Kafka never answers
  isOurs: true
})

row('row 27: zstd before Produce 7', async (victim) => {
  const zstd = encodeBatch({ records: [{ value: 'v' }], timestamp: Date.now(), compression: 'zstd' })
  assert.deepEqual(await codesOf(victim, [zstd], { version: 6 }), [UNSUPPORTED_COMPRESSION_TYPE])
})

row(
  'row 27: codecs that nobody knows',
  async (victim) => {
    const batches = [5, 6, 7].map((codec) => patched((batch) => batch.writeInt16BE(codec, ATTRIBUTES)))
    const expected = batches.map(() => UNSUPPORTED_COMPRESSION_TYPE)
    assert.deepEqual(await codesOf(victim, batches), expected)
  },
  // Apache Kafka answers UNKNOWN_SERVER_ERROR
  { isOurs: true }
)

row('row 28: batch lengths that cannot be', async (victim) => {
  const sized = (length: number) => patched((batch) => batch.writeInt32BE(length, LENGTH), { keepsCrc: true })
  assert.deepEqual(await codesOf(victim, [sized(-1), sized(-2147483648), sized(13)]), [CORRUPT_MESSAGE, CORRUPT_MESSAGE, CORRUPT_MESSAGE])
  // a length that overflows with the bytes before it is a failure in Apache Kafka, and answered as one
  assert.deepEqual(await codesOf(victim, [sized(100_000), sized(2147483647)]), [INVALID_RECORD, ErrorCode.UNKNOWN_SERVER_ERROR])
})

row('row 29: checksums that are not those of the bytes', async (victim) => {
  const wrong = patched((batch) => batch.writeInt32BE(12345, CRC), { keepsCrc: true })
  const flipped = patched((batch) => batch.writeUInt8(batch[batch.length - 2] ^ 1, batch.length - 2), { keepsCrc: true })
  assert.deepEqual(await codesOf(victim, [wrong, flipped]), [CORRUPT_MESSAGE, CORRUPT_MESSAGE])
})

row('row 30: offsets and counts that do not fit', async (victim) => {
  const batches = [
    patched((batch) => batch.writeBigInt64BE(5n, 0), { keepsCrc: true }),
    patched((batch) => batch.writeInt32BE(-1, LAST_OFFSET_DELTA)),
    patched((batch) => batch.writeInt32BE(7, COUNT)),
    patched((batch) => batch.writeInt32BE(-3, COUNT)),
    patched((batch) => batch.writeInt32BE(0, COUNT)),
    patched((batch) => batch.writeInt32BE(7, LAST_OFFSET_DELTA))
  ]
  assert.deepEqual(
    await codesOf(victim, batches),
    batches.map(() => INVALID_RECORD)
  )
})

row('row 31: batches larger than max.message.bytes', async (victim) => {
  const codes = await codesOf(victim, [batchOf('x'.repeat(600))], { configs: { 'max.message.bytes': '500' } })
  assert.deepEqual(codes, [MESSAGE_TOO_LARGE])
  assert.deepEqual(await codesOf(victim, [batchOf('x'.repeat(1_100_000))]), [MESSAGE_TOO_LARGE])
})

row('row 32: control batches of clients, and producer ids without a sequence', async (victim) => {
  const control = patched((batch) => batch.writeInt16BE(0x20, ATTRIBUTES))
  const noSequence = patched((batch) => batch.writeBigInt64BE(5n, PRODUCER_ID))
  assert.deepEqual(await codesOf(victim, [control, noSequence]), [INVALID_RECORD, INVALID_RECORD])
})

row('row 33: records that lie about their lengths, keys and headers', async (victim) => {
  // length, attributes, timestamp delta, offset delta, key length, key, value length, value, header count
  const batches = [
    patched((batch) => batch.writeUInt8(0x7f, RECORDS)),
    patched((batch) => batch.writeUInt8(0x01, RECORDS)),
    patched((batch) => batch.writeUInt8(0x7f, RECORDS + 4)),
    patched((batch) => batch.writeUInt8(0x7f, RECORDS + 6)),
    patched((batch) => batch.writeUInt8(0x7f, batch.length - 1)),
    patched((batch) => batch.writeUInt8(0x01, batch.length - 1)),
    patched((batch) => batch.fill(0xff, RECORDS + 4))
  ]
  assert.deepEqual(
    await codesOf(victim, batches),
    batches.map(() => INVALID_RECORD)
  )
})

row('row 33: compressed bytes that are none', async (victim) => {
  for (const codec of [1, 2, 3, 4]) {
    const [code] = await codesOf(victim, [compressed(codec, Buffer.from('these bytes are not compressed at all'))])
    assert.notEqual(code, ErrorCode.NONE, `codec ${codec}`)
  }
})

const MiB = 1024 * 1024

/** gzip of a GiB of zeros: one deflated piece again and again. */
function gzipBomb(): Buffer {
  const member = gzipSync(Buffer.alloc(16 * MiB))
  return Buffer.concat(Array.from({ length: 60 }, () => member))
}

/** zstd of 32 GiB: blocks of four bytes that stand for 128 KiB each. */
function zstdBomb(windowByte: number): Buffer {
  const blocks = 240_000
  const frame = Buffer.alloc(6 + blocks * 4)
  frame.writeUInt32LE(0xfd2fb528, 0)
  frame.writeUInt8(windowByte, 5)
  const blockHeader = (0x20000 << 3) | 2
  for (let block = 0; block < blocks; block++) frame.writeUIntLE(block === blocks - 1 ? blockHeader | 1 : blockHeader, 6 + block * 4, 3)
  return frame
}

/** lz4 of 240 MiB: independent blocks of runs. */
function lz4Bomb(): Buffer {
  const run = Math.floor((4 * MiB - 32) / 255)
  const block = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), Buffer.alloc(run, 255), Buffer.from([0, 0x50, 0, 0, 0, 0, 0])])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(block.length)
  const blocks = Array.from({ length: 60 }, () => [size, block]).flat()
  return Buffer.concat([Buffer.from('04224d18607073', 'hex'), ...blocks, int32(0)])
}

/** xerial framing around one chunk that declares 2 GiB. */
function snappyBomb(): Buffer {
  const chunk = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07, 0]), Buffer.alloc(1000, 0xfe)])
  return Buffer.concat([Buffer.from('82534e4150505900', 'hex'), int32(1), int32(1), int32(chunk.length), chunk])
}

const zstdFrames = () => Buffer.concat(Array.from({ length: 90_000 }, () => Buffer.from('28b52ffd2000010000', 'hex')))

for (const [what, codec, bomb] of [
  ['gzip of a GiB', 1, gzipBomb],
  ['snappy that declares 2 GiB', 2, snappyBomb],
  ['lz4 of 240 MiB', 3, lz4Bomb],
  ['zstd of 30 GiB', 4, () => zstdBomb(0x58)],
  ['zstd with a window of 2 GiB', 4, () => zstdBomb(0xa8)],
  ['90,000 empty frames of zstd', 4, zstdFrames]
] as const) {
  row(
    `row 34: a bomb of ${what} is refused in little memory and time`,
    async (victim) => {
      const batch = compressed(codec, bomb())
      const started = performance.now()
      const codes = await codesOf(victim, [batch, batch, batch])
      assert.ok(!codes.includes(ErrorCode.NONE), String(codes))
      assert.ok(performance.now() - started < 5_000)
    },
    { isOurs: true, rssGrowthMax: 16 * MiB }
  )
}

row('row 35: records without a key to a compacted topic are told one by one', async (victim) => {
  await createTopic(victim.client, 'compacted', { 'cleanup.policy': 'compact' })
  const records = [{ key: 'k', value: '1' }, { value: '2' }, { key: 'k', value: '3' }, { value: '4' }]
  const answer = await produce(victim.client, 'compacted', encodeBatch({ records, timestamp: Date.now() }))
  assert.equal(answer.errorCode, INVALID_RECORD)
  assert.deepEqual(
    answer.recordErrors.map(({ batchIndex }) => batchIndex),
    [1, 3]
  )
})

row('row 36: times outside of what the topic takes', async (victim) => {
  const configs = { 'message.timestamp.after.max.ms': '1000', 'message.timestamp.before.max.ms': '1000' }
  const at = (timestamp: number) => encodeBatch({ records: [{ value: 'v' }], timestamp })
  assert.deepEqual(await codesOf(victim, [at(Date.now() + 60_000), at(Date.now() - 60_000)], { configs }), [
    INVALID_TIMESTAMP,
    INVALID_TIMESTAMP
  ])
})

row('row 37: acks that are none of 0, 1 and -1', async (victim) => {
  for (const acks of [2, -2, 32767]) assert.deepEqual(await codesOf(victim, [good()], { acks }), [ErrorCode.INVALID_REQUIRED_ACKS])
})

row('row 37: an error under acks=0 closes the connection; without one nothing is answered', async (victim) => {
  const attacker = await victim.connect()
  attacker.request(ProduceRequest, 9, produceRequest('healthy', good(), { acks: 0 }))
  const versions = attacker.request(ApiVersionsRequest, 0, {})
  assert.equal((await attacker.response(ApiVersionsResponse, 0)).correlationId, versions)
  attacker.request(
    ProduceRequest,
    9,
    produceRequest(
      'healthy',
      patched((batch) => batch.writeInt32BE(1, CRC), { keepsCrc: true }),
      { acks: 0 }
    )
  )
  assert.equal(await attacker.isEndedByBroker(), true)
})

row('row 38: gaps, old epochs and repeats of an idempotent producer', async (victim) => {
  await createTopic(victim.client, 'idempotent')
  const send = async (producerEpoch: number, baseSequence: number) => {
    const batch = encodeBatch({
      records: [{ value: `${baseSequence}` }],
      timestamp: Date.now(),
      producerId: 4242,
      producerEpoch,
      baseSequence
    })
    const { errorCode, baseOffset } = await produce(victim.client, 'idempotent', batch)
    return [errorCode, Number(baseOffset)]
  }
  assert.deepEqual(await send(1, 0), [0, 0])
  assert.deepEqual(await send(1, 1), [0, 1])
  assert.deepEqual(await send(1, 0), [0, 0], 'a repeat gets the first answer')
  assert.deepEqual(await send(1, 1), [0, 1])
  assert.deepEqual(await send(1, 5), [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1])
  assert.deepEqual(await send(0, 2), [ErrorCode.INVALID_PRODUCER_EPOCH, -1])
  assert.deepEqual(await send(2, 3), [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1], 'a new epoch begins at 0')
  assert.deepEqual(await send(2, 0), [0, 2])
  assert.equal((await fetchOne(victim.client, 'idempotent', 0)).highWatermark, 3)
})
