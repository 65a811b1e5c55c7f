// Damaged batches: what Apache Kafka's reader and its broker say of each, and what ours do.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LONG_MAX } from '@odradek/base'
import { requireGoldens } from '@odradek/testkit'
import { assignOffsets } from '../src/records/assign-offsets.ts'
import { forEachRecord } from '../src/records/decode-records.ts'
import { batchSizeAt, nextBatch, type RecordBatch } from '../src/records/record-batch.ts'
import { type CompressionType, RecordDecodeError } from '../src/records/types.ts'
import { Rejection } from '../src/records/validate-types.ts'
import { describeBatches, type Exact, exact } from './record-goldens.ts'

interface Outcome {
  result: 'ok' | 'error'
  stage?: string
  message?: string
  errorCode?: number
  batchesRead?: number
  recordsRead?: number
  validBytes?: number | string
  recordErrors?: { batchIndex: number; message: string }[]
  logAppendTimeMs: number
  maxTimestampMs: number
  nextOffset: number
  messageSizeMaybeChanged: boolean
  batches: Exact[]
  hex?: string
}

interface Line {
  name: string
  hex: string
  read: Outcome
  broker: Outcome
}

const NOW = 1_700_000_500_000

/** Messages that are ours to word: of codecs and of Java's own classes. */
const hasJavaMessage = (message: string): boolean =>
  /^java\.|^org\.xerial|decompress|newLimit|remaining bytes after reading batch|is skipped in/.test(message)

function read(bytes: Buffer): Partial<Outcome> {
  let batchesRead = 0
  let recordsRead = 0
  let validBytes: number | string
  try {
    validBytes = 0
    for (;;) {
      const size = batchSizeAt(bytes, validBytes, bytes.length)
      if (size < 0 || validBytes + size > bytes.length) break
      validBytes += size
    }
  } catch {
    validBytes = 'error'
  }
  try {
    for (let position = 0; ; ) {
      const batch = nextBatch(bytes, position)
      if (batch === undefined) return { result: 'ok', batchesRead, recordsRead, validBytes }
      batch.ensureValid()
      forEachRecord(batch, () => recordsRead++)
      batchesRead++
      position += batch.sizeInBytes
    }
  } catch (error) {
    assert.ok(error instanceof RecordDecodeError, String(error))
    return { result: 'error', errorCode: error.errorCode, message: error.message, batchesRead, recordsRead, validBytes }
  }
}

/** ensureValid and the validator, without the checks of the request that come before. */
function broker(bytes: Buffer): Partial<Outcome> {
  try {
    const batches: RecordBatch[] = []
    let sourceCompression: CompressionType = 'none'
    for (let batch = nextBatch(bytes); batch !== undefined; batch = nextBatch(bytes, batch.end)) {
      batch.ensureValid()
      if (batch.isCompressed) sourceCompression = batch.compression
      batches.push(batch)
    }
    const result = assignOffsets(bytes, batches, sourceCompression, {
      topicPartition: 't-0',
      firstOffset: 0,
      now: NOW,
      origin: 'client',
      partitionLeaderEpoch: 7,
      config: {
        maxMessageBytes: 1 << 20,
        compressionType: 'producer',
        timestampType: 'CreateTime',
        timestampBeforeMaxMs: LONG_MAX,
        timestampAfterMaxMs: 3_600_000,
        isCompacted: false
      }
    })
    return {
      result: 'ok',
      maxTimestampMs: result.maxTimestampMs,
      nextOffset: result.nextOffset,
      messageSizeMaybeChanged: result.messageSizeMaybeChanged,
      batches: describeBatches(result.records),
      hex: result.records.toString('hex')
    }
  } catch (error) {
    assert.ok(error instanceof RecordDecodeError, String(error))
    return {
      result: 'error',
      errorCode: error.errorCode,
      message: error.message,
      recordErrors: error instanceof Rejection ? [...error.recordErrors] : []
    }
  }
}

function lines(t: Parameters<typeof requireGoldens>[0]): Line[] {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return []
  const found = goldens.lines<Line>('record-batches-corrupt.ndjson.gz')
  assert.ok(found.length >= 114)
  return found
}

test('every damaged batch is read as far, and refused with the code, as Apache Kafka does', (t) => {
  for (const line of lines(t)) {
    const got = read(Buffer.from(line.hex, 'hex'))
    const { read: expected } = line
    assert.equal(got.result, expected.result, `${line.name}: ${got.message}`)
    assert.equal(got.errorCode, expected.errorCode, `${line.name}: ${got.message}`)
    assert.equal(got.batchesRead, expected.batchesRead, line.name)
    assert.equal(got.recordsRead, expected.recordsRead, line.name)
    assert.equal(String(got.validBytes).slice(0, 5), String(expected.validBytes).slice(0, 5), line.name)
    if (expected.message !== undefined && !hasJavaMessage(expected.message)) assert.equal(got.message, expected.message, line.name)
  }
})

test('every damaged batch gets the broker answer of Apache Kafka', (t) => {
  for (const line of lines(t)) {
    const got = broker(Buffer.from(line.hex, 'hex'))
    const { broker: expected } = line
    assert.equal(got.result, expected.result, `${line.name}: ${got.message}`)
    if (expected.result === 'error') {
      assert.equal(got.errorCode, expected.errorCode, `${line.name}: ${got.message}`)
      if (expected.recordErrors !== undefined) assert.deepEqual(got.recordErrors, expected.recordErrors, line.name)
      const message = expected.message?.replace(/^org\.apache\.kafka\.common\.errors\.\w+: /, '') ?? ''
      if (!hasJavaMessage(message)) assert.equal(got.message, message, line.name)
      continue
    }
    assert.deepEqual(got.batches, exact(expected.batches), line.name)
    assert.equal(got.maxTimestampMs, expected.maxTimestampMs, line.name)
    assert.equal(got.nextOffset, expected.nextOffset, line.name)
    assert.equal(got.messageSizeMaybeChanged, expected.messageSizeMaybeChanged, line.name)
    if (expected.hex !== undefined) assert.equal(got.hex, expected.hex, line.name)
  }
})
