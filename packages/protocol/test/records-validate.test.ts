import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LONG_MAX } from '@odradek/base'
import { ErrorCode } from '../src/errors.ts'
import { type EncodeBatchOptions, encodeBatch } from '../src/records/batch-builder.ts'
import { encodeControlBatch, encodeEndTransactionMarker } from '../src/records/control-batch.ts'
import { decodeRecords } from '../src/records/decode-records.ts'
import { BatchLayout, iterateBatches, readBatchHeader, setMaxTimestamp, updateCrc } from '../src/records/record-batch.ts'
import type { CompressionType } from '../src/records/types.ts'
import { checkProduceRecords, type ValidateOptions, validateAndAssign } from '../src/records/validate.ts'
import type { RecordsConfig, ValidatedRecords } from '../src/records/validate-types.ts'

const NOW = 1_700_000_000_000
const CODECS: readonly CompressionType[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const topic: RecordsConfig = {
  maxMessageBytes: 1_048_588,
  compressionType: 'producer',
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: LONG_MAX,
  timestampAfterMaxMs: 3_600_000,
  isCompacted: false
}

type Changes = Partial<Omit<ValidateOptions, 'config'>> & { config?: Partial<RecordsConfig> }

function validate(records: Buffer, changes: Changes = {}): ValidatedRecords {
  const { config, ...rest } = changes
  return validateAndAssign({
    topicPartition: 'orders-0',
    firstOffset: 100,
    now: NOW,
    origin: 'client',
    partitionLeaderEpoch: 5,
    ...rest,
    records,
    config: { ...topic, ...config }
  })
}

const three = (changes: Partial<EncodeBatchOptions> = {}): Buffer =>
  encodeBatch({
    records: [
      { key: 'a', value: 'one', timestamp: NOW - 10 },
      { key: 'b', value: 'two', timestamp: NOW - 3, headers: [{ key: 'h', value: 'x' }] },
      { key: null, value: 'three', timestamp: NOW - 7 }
    ],
    ...changes
  })

const values = (bytes: Buffer) => iterateBatches(bytes).flatMap((batch) => decodeRecords(batch).map((r) => [r.offset, String(r.value)]))

test('a batch gets offsets and the leader epoch in place, in the same buffer and under the same CRC', () => {
  for (const compression of CODECS) {
    const sent = three({ compression, producerId: 9, producerEpoch: 1, baseSequence: 4 })
    const { crc } = readBatchHeader(sent)
    const result = validate(sent)
    assert.equal(result.errorCode, ErrorCode.NONE, `${compression}: ${result.message}`)
    assert.equal(result.records, sent)
    assert.deepEqual(values(sent), [
      [100, 'one'],
      [101, 'two'],
      [102, 'three']
    ])
    const [batch] = result.batches
    assert.deepEqual([batch.baseOffset, batch.lastOffset, batch.partitionLeaderEpoch, batch.crc], [100, 102, 5, crc])
    assert.deepEqual([batch.producerId, batch.producerEpoch, batch.baseSequence, batch.lastSequence], [9, 1, 4, 6])
    assert.ok(batch.isValid())
    assert.deepEqual([result.firstOffset, result.lastOffset, result.maxTimestampMs, result.offsetOfMaxTimestamp], [100, 102, NOW - 3, 102])
    assert.equal(result.logAppendTimeMs, -1)
    assert.equal(result.messageSizeMaybeChanged, false)
    assert.equal(result.sourceCompression, compression)
  }
})

test('LogAppendTime stamps the batch, not its records, and keeps the CRC right', () => {
  for (const compression of CODECS) {
    const result = validate(three({ compression }), { config: { timestampType: 'LogAppendTime' } })
    const [batch] = result.batches
    assert.deepEqual([batch.timestampType, batch.maxTimestamp, batch.baseTimestamp], ['LogAppendTime', NOW, NOW - 10])
    assert.ok(batch.isValid())
    assert.ok(decodeRecords(batch).every(({ timestamp }) => timestamp === NOW))
    assert.deepEqual([result.maxTimestampMs, result.offsetOfMaxTimestamp, result.logAppendTimeMs], [NOW, 102, NOW])
  }
})

test('a max timestamp that lies is put right', () => {
  const sent = three()
  setMaxTimestamp(sent, 0, 'CreateTime', NOW + 77)
  const [batch] = validate(sent).batches
  assert.equal(batch.maxTimestamp, NOW - 3)
  assert.ok(batch.isValid())
})

test('a topic with a codec of its own gets its batches in that codec, whatever was sent', () => {
  for (const compression of CODECS) {
    for (const target of CODECS) {
      const sent = three({ compression, producerId: 9, producerEpoch: 1, baseSequence: 4, isTransactional: true })
      const result = validate(sent, { config: { compressionType: target } })
      const [batch] = result.batches
      assert.equal(batch.compression, target)
      assert.equal(result.messageSizeMaybeChanged, compression !== target)
      assert.ok(batch.isValid())
      assert.deepEqual(values(result.records), [
        [100, 'one'],
        [101, 'two'],
        [102, 'three']
      ])
      assert.deepEqual([batch.producerId, batch.baseSequence, batch.isTransactional, batch.maxTimestamp], [9, 4, true, NOW - 3])
    }
  }
})

test('a batch that re-compression makes larger than max.message.bytes is MESSAGE_TOO_LARGE', () => {
  const records = [{ value: Buffer.alloc(50_000) }]
  const sent = encodeBatch({ records, compression: 'zstd', timestamp: NOW })
  const result = validate(sent, { config: { compressionType: 'none', maxMessageBytes: 10_000 } })
  assert.equal(result.errorCode, ErrorCode.MESSAGE_TOO_LARGE)
  assert.equal(
    validate(encodeBatch({ records, timestamp: NOW }), { config: { maxMessageBytes: 10_000 } }).errorCode,
    ErrorCode.MESSAGE_TOO_LARGE
  )
  assert.equal(
    validate(encodeBatch({ records, compression: 'zstd', timestamp: NOW }), { config: { maxMessageBytes: 10_000 } }).errorCode,
    ErrorCode.NONE
  )
})

test('records without a key are refused on a compacted topic, each by its place', () => {
  for (const compression of CODECS) {
    const records = [{ key: 'a' }, { key: null }, { key: '' }, { key: null }].map((r) => ({ ...r, value: 'v', timestamp: NOW }))
    const result = validate(encodeBatch({ records, compression }), { config: { isCompacted: true } })
    assert.equal(result.errorCode, ErrorCode.INVALID_RECORD)
    assert.equal(result.reason, 'no-key')
    const message = 'Compacted topic cannot accept message without key in topic partition orders-0'
    assert.deepEqual(result.recordErrors, [
      { batchIndex: 1, message },
      { batchIndex: 3, message }
    ])
    assert.match(result.message ?? '', /rejected due to 2 record errors in total/)
  }
})

test('timestamps out of range are refused, each by its place; none at all is fine', () => {
  for (const compression of CODECS) {
    const batch = (offsets: number[]): Buffer =>
      encodeBatch({ records: offsets.map((o) => ({ value: 'v', timestamp: o === 0 ? -1 : NOW + o })), compression })
    const config = { timestampBeforeMaxMs: 1000, timestampAfterMaxMs: 500 }
    const result = validate(batch([-1000, 501, 500, -1001]), { config })
    assert.equal(result.errorCode, ErrorCode.INVALID_TIMESTAMP)
    assert.deepEqual(
      result.recordErrors.map(({ batchIndex }) => batchIndex),
      [1, 3]
    )
    assert.equal(
      result.recordErrors[0].message,
      `Timestamp ${NOW + 501} of message with offset 1 is out of range. The timestamp should be within [${NOW - 1000}, ${NOW + 500}]`
    )
    const withoutTimestamps = validate(batch([0, 0]), { config })
    assert.deepEqual([withoutTimestamps.errorCode, withoutTimestamps.maxTimestampMs], [ErrorCode.NONE, -1])
    assert.equal(validate(batch([99_000]), { config: { ...config, timestampType: 'LogAppendTime' } }).errorCode, ErrorCode.NONE)
  }
})

test('a batch that says LogAppendTime is refused where the topic is of that type', () => {
  const result = validate(three({ logAppendTimeMs: NOW }), { config: { timestampType: 'LogAppendTime' } })
  assert.equal(result.errorCode, ErrorCode.INVALID_TIMESTAMP)
  assert.equal(result.recordErrors.length, 3)
})

/** Changes bytes of a batch and makes its CRC right again. */
function damaged(change: (batch: Buffer) => void, batch = three()): Buffer {
  change(batch)
  updateCrc(batch, 0)
  return batch
}

test('batches from clients that break a rule get the code of Apache Kafka', () => {
  const idempotent = { producerId: 9, producerEpoch: 1, baseSequence: 4 }
  const cases: [string, Buffer, number][] = [
    ['nothing', Buffer.alloc(0), ErrorCode.INVALID_RECORD],
    ['a cut batch', three().subarray(0, 80), ErrorCode.INVALID_RECORD],
    ['a base offset', damaged((b) => b.writeInt32BE(3, 4)), ErrorCode.INVALID_RECORD],
    ['a negative last offset delta', damaged((b) => b.writeInt32BE(-1, BatchLayout.lastOffsetDelta)), ErrorCode.INVALID_RECORD],
    ['a count that is not the delta plus one', damaged((b) => b.writeInt32BE(4, BatchLayout.recordsCount)), ErrorCode.INVALID_RECORD],
    [
      'no records',
      damaged((b) => {
        b.writeInt32BE(0, BatchLayout.recordsCount)
        b.writeInt32BE(-1, BatchLayout.lastOffsetDelta)
      }),
      ErrorCode.INVALID_RECORD
    ],
    ['two batches', Buffer.concat([three(), three()]), ErrorCode.INVALID_RECORD],
    [
      'a transaction marker',
      encodeEndTransactionMarker({ type: 'COMMIT', coordinatorEpoch: 1, producerId: 9, producerEpoch: 1, timestamp: NOW }),
      ErrorCode.INVALID_RECORD
    ],
    ['a sequence below zero', three({ ...idempotent, baseSequence: -1 }), ErrorCode.INVALID_RECORD],
    ['a wrong CRC', Object.assign(three(), { 80: 0xee }), ErrorCode.CORRUPT_MESSAGE],
    ['a length below a header', damaged((b) => b.writeInt32BE(30, BatchLayout.length)), ErrorCode.CORRUPT_MESSAGE],
    [
      'a magic of the future',
      damaged((b) => {
        b[BatchLayout.magic] = 3
      }),
      ErrorCode.CORRUPT_MESSAGE
    ],
    [
      'a record length that lies',
      damaged((b) => {
        b[BatchLayout.records] += 2
      }),
      ErrorCode.INVALID_RECORD
    ]
  ]
  for (const [name, bytes, code] of cases) {
    const result = validate(bytes)
    assert.equal(result.errorCode, code, `${name}: ${result.message}`)
    assert.deepEqual([result.batches.length, result.records.length], [0, 0])
  }
})

test('the coordinator may write control batches and more than clients may', () => {
  const marker = encodeEndTransactionMarker({ type: 'ABORT', coordinatorEpoch: 3, producerId: 9, producerEpoch: 1, timestamp: NOW })
  const result = validate(marker, { origin: 'coordinator', config: { compressionType: 'gzip' } })
  assert.equal(result.errorCode, ErrorCode.NONE)
  assert.deepEqual([result.batches[0].isControl, result.batches[0].isTransactional, result.batches[0].compression], [true, true, 'none'])
})

test('followers and the raft leader bring their offsets, in order', () => {
  const first = three({ baseOffset: 40, partitionLeaderEpoch: 7 })
  const second = three({ baseOffset: 43, partitionLeaderEpoch: 7 })
  const leaderChange = encodeControlBatch({
    baseOffset: 46,
    partitionLeaderEpoch: 7,
    timestamp: NOW,
    records: [{ type: 'LEADER_CHANGE', value: { version: 0, leaderId: 1, voters: [], grantingVoters: [] } }]
  })
  const bytes = Buffer.concat([first, second, leaderChange])
  for (const origin of ['replication', 'raft'] as const) {
    const result = validate(Buffer.concat([bytes, Buffer.alloc(10)]), { origin, partitionLeaderEpoch: 7 })
    assert.equal(result.errorCode, ErrorCode.NONE)
    assert.deepEqual([result.firstOffset, result.lastOffset, result.batches.length], [40, 46, 3])
    assert.ok(result.records.equals(bytes))
    assert.deepEqual([result.maxTimestampMs, result.offsetOfMaxTimestamp], [NOW, 46])
  }
  assert.equal(validate(bytes, { origin: 'raft', partitionLeaderEpoch: 8 }).errorCode, ErrorCode.INVALID_RECORD)
  const tooLarge = { maxMessageBytes: 10 }
  assert.equal(validate(bytes, { origin: 'replication', config: tooLarge }).errorCode, ErrorCode.NONE)
  assert.equal(validate(Buffer.concat([second, first]), { origin: 'replication' }).errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
  assert.deepEqual([validate(Buffer.alloc(0), { origin: 'replication' }).lastOffset], [-1])
})

test('compressed offsets that do not count on are refused, not stored', () => {
  const records = [{ value: 'a' }, { value: 'b', offsetDelta: 2 }]
  const sent = encodeBatch({ records, compression: 'lz4', timestamp: NOW, lastOffsetDelta: 1 })
  assert.equal(validate(sent).errorCode, ErrorCode.UNKNOWN_SERVER_ERROR)
})

test('a record beyond the window of the walk is checked like any other', () => {
  const large = {
    key: Buffer.alloc(100_000, 1),
    value: Buffer.alloc(300_000, 2),
    headers: [{ key: 'h'.repeat(200), value: Buffer.alloc(90_000) }]
  }
  const records = [{ value: 'before' }, large, { key: null, value: 'after' }].map((record, i) => ({ ...record, timestamp: NOW + i }))
  for (const compression of CODECS) {
    const result = validate(encodeBatch({ records, compression }))
    assert.deepEqual([result.errorCode, result.maxTimestampMs], [ErrorCode.NONE, NOW + 2], `${compression}: ${result.message}`)
    const compacted = validate(encodeBatch({ records, compression }), { config: { isCompacted: true } })
    assert.deepEqual(
      compacted.recordErrors.map(({ batchIndex }) => batchIndex),
      [0, 2]
    )
  }
})

test('a Produce request carries one batch of magic 2, and zstd from version 7 on', () => {
  const plain = three()
  const code = (bytes: Buffer | null, version: number) => checkProduceRecords(bytes, version)?.errorCode
  assert.equal(code(plain, 3), undefined)
  assert.equal(code(three({ compression: 'zstd' }), 7), undefined)
  assert.equal(code(three({ compression: 'zstd' }), 6), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
  assert.equal(code(null, 9), ErrorCode.INVALID_RECORD)
  assert.equal(code(Buffer.alloc(0), 9), ErrorCode.INVALID_RECORD)
  assert.equal(code(plain.subarray(0, 70), 9), ErrorCode.INVALID_RECORD)
  assert.equal(code(Buffer.concat([plain, plain]), 9), ErrorCode.INVALID_RECORD)
  assert.equal(code(Buffer.from('000000000000012c0000000ea7ec68030000ffffffffffffffff', 'hex'), 9), ErrorCode.INVALID_RECORD)
  assert.equal(
    code(
      damaged((b) => {
        b[BatchLayout.attributes + 1] |= 5
      }),
      9
    ),
    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
  )
  assert.equal(
    code(
      damaged((b) => {
        b[BatchLayout.magic] = 9
      }),
      9
    ),
    ErrorCode.CORRUPT_MESSAGE
  )
})
