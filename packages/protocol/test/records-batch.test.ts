import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LONG_MAX, LONG_MIN } from '@odradek/base'
import { ErrorCode } from '../src/errors.ts'
import { encodeBatch, RecordBatchBuilder, recordSizeUpperBound } from '../src/records/batch-builder.ts'
import { decodeControlRecords, encodeControlBatch, encodeEndTransactionMarker } from '../src/records/control-batch.ts'
import { decodeRecords } from '../src/records/decode-records.ts'
import {
  decrementSequence,
  incrementSequence,
  iterateBatches,
  nextBatch,
  readBatchHeader,
  setBaseOffset,
  setLastOffset,
  setMaxTimestamp,
  setPartitionLeaderEpoch
} from '../src/records/record-batch.ts'
import { RecordReader } from '../src/records/record-reader.ts'
import { RecordDecodeError } from '../src/records/types.ts'
import {
  addInt64,
  readInt64,
  readInt64Exact,
  sizeOfVarint,
  sizeOfVarlong,
  writeInt64,
  writeVarint,
  writeVarlong
} from '../src/records/wire.ts'

const INT32 = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, 1048576, 134217727, 134217728, 2147483647, -2147483648]
const INT64 = [...INT32, 2 ** 34, -(2 ** 34) - 1, 2 ** 41, 2 ** 48, -(2 ** 48), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]

test('varints and varlongs are written in the size they say, and read back', () => {
  const b = Buffer.alloc(40)
  for (const value of INT32) {
    assert.equal(writeVarint(b, 3, value) - 3, sizeOfVarint(value))
    assert.equal(new RecordReader(b, 3, 40).varint(true), value)
  }
  for (const value of INT64) {
    for (const given of [value, BigInt(value)]) {
      assert.equal(writeVarlong(b, 3, given) - 3, sizeOfVarlong(given), String(given))
      assert.equal(new RecordReader(b, 3, 40).varlong(), value)
    }
  }
  for (const value of [2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.equal(writeVarlong(b, 0, value), 10)
    assert.equal(new RecordReader(b, 0, 40).varlong(), Number(value))
  }
})

test('int64 is exact where it is safe, and the two extremes go through', () => {
  const b = Buffer.alloc(8)
  for (const value of INT64) {
    writeInt64(b, 0, value)
    assert.equal(b.readBigInt64BE(), BigInt(value))
    assert.equal(readInt64(b, 0), value)
    assert.equal(readInt64Exact(b, 0), BigInt(value))
  }
  for (const [value, exact] of [
    [LONG_MAX, 2n ** 63n - 1n],
    [LONG_MIN, -(2n ** 63n)]
  ] as const) {
    writeInt64(b, 0, value)
    assert.equal(b.readBigInt64BE(), exact)
    assert.equal(readInt64(b, 0), value)
  }
  assert.equal(addInt64(LONG_MIN, -(2 ** 20)), LONG_MAX - 2 ** 20)
})

test('sequences wrap at 2^31-1', () => {
  assert.equal(incrementSequence(2147483647, 1), 0)
  assert.equal(incrementSequence(2147483640, 10), 2)
  assert.equal(incrementSequence(5, 10), 15)
  assert.equal(decrementSequence(0, 1), 2147483647)
  assert.equal(decrementSequence(15, 10), 5)
})

test('patching offsets and epoch leaves the CRC as it is, patching the timestamp renews it', () => {
  const bytes = encodeBatch({ records: [{ value: 'a' }, { value: 'b' }], timestamp: 1000 })
  const { crc } = readBatchHeader(bytes)
  setBaseOffset(bytes, 0, 77)
  setPartitionLeaderEpoch(bytes, 0, 9)
  let batch = readBatchHeader(bytes)
  assert.deepEqual([batch.baseOffset, batch.lastOffset, batch.nextOffset, batch.partitionLeaderEpoch, batch.crc], [77, 78, 79, 9, crc])
  setLastOffset(bytes, 0, 500)
  assert.equal(readBatchHeader(bytes).baseOffset, 499)
  setMaxTimestamp(bytes, 0, 'CreateTime', 1000)
  assert.equal(readBatchHeader(bytes).crc, crc)
  setMaxTimestamp(bytes, 0, 'LogAppendTime', 2000)
  batch = readBatchHeader(bytes)
  assert.notEqual(batch.crc, crc)
  assert.deepEqual([batch.isValid(), batch.timestampType, batch.maxTimestamp], [true, 'LogAppendTime', 2000])
  setMaxTimestamp(bytes, 0, 'CreateTime', 1000)
  assert.equal(readBatchHeader(bytes).crc, crc)
})

test('iterateBatches leaves out a cut batch at the end and throws for lengths and magics that cannot be', () => {
  const one = encodeBatch({ records: [{ value: 'a' }] })
  const two = Buffer.concat([one, one])
  for (let end = 0; end <= two.length; end++) assert.equal(iterateBatches(two.subarray(0, end)).length, Math.floor(end / one.length))
  assert.equal(iterateBatches(two, one.length).length, 1)
  assert.equal(nextBatch(two, 0, one.length - 1), undefined)
  const isCorrupt = (error: unknown) => error instanceof RecordDecodeError && error.errorCode === ErrorCode.CORRUPT_MESSAGE
  assert.throws(() => iterateBatches(Buffer.concat([one, Buffer.alloc(20)])), isCorrupt)
  assert.throws(() => readBatchHeader(one, one.length - 20), isCorrupt)
  assert.throws(() => readBatchHeader(Buffer.alloc(5)), isCorrupt)
  // The header is enough: scanning reads no records.
  assert.equal(readBatchHeader(one.subarray(0, 61)).sizeInBytes, one.length)
})

test('a builder keeps to a limit, counts offsets on and closes once', () => {
  const builder = new RecordBatchBuilder({ baseOffset: 10, compression: 'none' })
  const value = Buffer.alloc(100)
  while (builder.hasRoomFor(1000, 'key', value)) builder.append(5, 'key', value)
  assert.equal(builder.count, 8)
  assert.ok(builder.sizeInBytes <= 1000 && builder.sizeInBytes + recordSizeUpperBound('key', value) > 1000)
  const size = builder.sizeInBytes
  const bytes = builder.close()
  assert.equal(bytes.length, size)
  assert.deepEqual(
    decodeRecords(readBatchHeader(bytes)).map(({ offset }) => offset),
    [10, 11, 12, 13, 14, 15, 16, 17]
  )
  assert.throws(() => builder.close(), /once/)
  assert.ok(new RecordBatchBuilder().hasRoomFor(10, null, value), 'the first record always fits')
})

test('an empty batch, as compaction leaves one, keeps its offsets and its producer', () => {
  const bytes = encodeBatch({
    records: [],
    baseOffset: 1000,
    producerId: 42,
    producerEpoch: 3,
    baseSequence: 17,
    lastOffsetDelta: 9,
    maxTimestamp: 1700
  })
  const batch = readBatchHeader(bytes)
  assert.deepEqual([batch.count, batch.lastOffset, batch.lastSequence, batch.baseTimestamp, batch.maxTimestamp], [0, 1009, 26, -1, 1700])
  assert.deepEqual(decodeRecords(batch), [])
})

test('text, nulls, empty bytes and headers are kept apart', () => {
  const headers = [
    { key: 'ключ', value: Buffer.from([1]) },
    { key: '', value: null },
    { key: 'dup', value: 'x' },
    { key: 'dup', value: '' }
  ]
  const [record] = decodeRecords(readBatchHeader(encodeBatch({ records: [{ key: '', value: null, headers }], timestamp: 3 })))
  assert.deepEqual([record.key?.length, record.value], [0, null])
  assert.deepEqual(
    record.headers.map(({ key, value }) => [key, value?.toString() ?? null]),
    [
      ['ключ', '\x01'],
      ['', null],
      ['dup', 'x'],
      ['dup', '']
    ]
  )
})

test('control batches are written and read', () => {
  const marker = readBatchHeader(
    encodeEndTransactionMarker({ type: 'COMMIT', coordinatorEpoch: 4, producerId: 9, producerEpoch: 2, timestamp: 8, baseOffset: 30 })
  )
  assert.deepEqual([marker.isControl, marker.isTransactional, marker.producerId, marker.baseSequence], [true, true, 9, -1])
  assert.deepEqual(
    decodeControlRecords(marker).map(({ offset, record }) => [
      offset,
      record.type,
      (record.value as { coordinatorEpoch: number }).coordinatorEpoch
    ]),
    [[30, 'COMMIT', 4]]
  )
  const two = encodeControlBatch({
    timestamp: 8,
    records: [
      { type: 'SNAPSHOT_HEADER', value: { version: 0, lastContainedLogTimestamp: 5 } },
      { type: 'KRAFT_VERSION', value: { version: 0, kRaftVersion: 1 } }
    ]
  })
  assert.deepEqual(
    decodeControlRecords(readBatchHeader(two)).map(({ offset, record }) => [offset, record.type]),
    [
      [0, 'SNAPSHOT_HEADER'],
      [1, 'KRAFT_VERSION']
    ]
  )
})
