// Valid batches through the broker's validator: offsets, timestamps, re-compression, conversion of magic 0 and 1.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireGoldens } from '@odradek/testkit'
import { assignOffsets } from '../src/records/assign-offsets.ts'
import { iterateBatches } from '../src/records/record-batch.ts'
import { type CompressionType, RecordDecodeError } from '../src/records/types.ts'
import { Rejection } from '../src/records/validate-types.ts'
import { describeBatches, type Exact, exact } from './record-goldens.ts'

interface Line {
  source: string
  sourceHex: string
  targetCompression: CompressionType | 'same'
  compactedTopic: boolean
  timestampType: 'CreateTime' | 'LogAppendTime'
  firstOffset: number
  now: number
  partitionLeaderEpoch: number
  timestampBeforeMaxMs: number | bigint
  timestampAfterMaxMs: number | bigint
  result: {
    result: 'ok' | 'error'
    message: string
    errorCode: number
    recordErrors?: { batchIndex: number; message: string }[]
    logAppendTimeMs: number
    maxTimestampMs: number
    nextOffset: number
    messageSizeMaybeChanged: boolean
    batches: { [key: string]: Exact }[]
    hex?: string
  }
}

function validate(line: Line) {
  const bytes = Buffer.from(line.sourceHex, 'hex')
  const batches = iterateBatches(bytes)
  let sourceCompression: CompressionType = 'none'
  for (const batch of batches) {
    batch.ensureValid()
    if (batch.isCompressed) sourceCompression = batch.compression
  }
  return assignOffsets(bytes, batches, sourceCompression, {
    topicPartition: 't-0',
    firstOffset: line.firstOffset,
    now: line.now,
    origin: 'client',
    partitionLeaderEpoch: line.partitionLeaderEpoch,
    config: {
      maxMessageBytes: 1 << 20,
      compressionType: line.targetCompression === 'same' ? 'producer' : line.targetCompression,
      timestampType: line.timestampType,
      timestampBeforeMaxMs: Number(line.timestampBeforeMaxMs),
      timestampAfterMaxMs: Number(line.timestampAfterMaxMs),
      isCompacted: line.compactedTopic
    }
  })
}

/** What depends on the bytes that a codec's library makes, where they are not ours to match. */
function withoutCodecBytes(batch: { [key: string]: Exact | undefined }, expected: { [key: string]: Exact | undefined }) {
  const { sizeInBytes: _size, crc: _crc, records, ...rest } = batch
  return expected.records === undefined ? rest : { ...rest, records }
}

function check(line: Line): void {
  const { result: expected } = line
  const name = `${line.source} to ${line.targetCompression}, ${line.timestampType}`
  try {
    const got = validate(line)
    assert.equal(expected.result, 'ok', name)
    assert.equal(got.nextOffset, expected.nextOffset, name)
    assert.equal(got.maxTimestampMs, expected.maxTimestampMs, name)
    assert.equal(got.messageSizeMaybeChanged, expected.messageSizeMaybeChanged, name)
    const isExact = expected.hex !== undefined || !expected.messageSizeMaybeChanged
    const described = describeBatches(got.records)
    assert.equal(described.length, expected.batches.length, name)
    described.forEach((batch, i) => {
      const wanted = exact(expected.batches[i]) as { [key: string]: Exact | undefined }
      if (!isExact) assert.deepEqual(withoutCodecBytes(batch, wanted), withoutCodecBytes(wanted, wanted), name)
      else {
        if (wanted.records === undefined) delete batch.records
        assert.deepEqual(batch, wanted, name)
      }
    })
    if (expected.hex !== undefined) assert.equal(got.records.toString('hex'), expected.hex, name)
  } catch (error) {
    if (!(error instanceof RecordDecodeError)) throw error
    assert.equal(expected.result, 'error', `${name}: ${error.message}`)
    assert.equal(error.errorCode, expected.errorCode, `${name}: ${error.message}`)
    if (expected.recordErrors === undefined) return
    assert.ok(error instanceof Rejection)
    assert.deepEqual(error.recordErrors, expected.recordErrors, name)
    assert.equal(error.message, expected.message.replace(/^org\.apache\.kafka\.common\.errors\.\w+: /, ''), name)
  }
}

test('the validator answers each golden case as Apache Kafka does', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const lines = goldens.lines<Line>('record-batches-validator.ndjson.gz')
  assert.ok(lines.length >= 671)
  for (const line of lines) check(line)
})
