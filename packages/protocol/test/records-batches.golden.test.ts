// Record batches that Apache Kafka wrote: every codec, control and snapshot batches, compaction results, magic 0 and 1.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { crc32c } from '@odradek/base'
import { requireGoldens } from '@odradek/testkit'
import { encodeBatch } from '../src/records/batch-builder.ts'
import { decodeRecords } from '../src/records/decode-records.ts'
import { BatchLayout, iterateBatches, type RecordBatch } from '../src/records/record-batch.ts'
import { RecordReader } from '../src/records/record-reader.ts'
import type { CompressionType } from '../src/records/types.ts'
import { readInt64Exact } from '../src/records/wire.ts'
import { describeBatches, type Exact, exact } from './record-goldens.ts'

interface Line {
  name: string
  batches: Exact[]
  hex: string
  sourceHex?: string
}

/** The batch written anew from what was read, in any codec. */
function rewrite(batch: RecordBatch, compression: CompressionType): Buffer {
  const { buffer, position } = batch
  const baseTimestamp = readInt64Exact(buffer, position + BatchLayout.baseTimestamp)
  const reader = new RecordReader(buffer, position + BatchLayout.records, batch.end)
  const records = decodeRecords(batch).map((record, index) => {
    if (!batch.isCompressed) reader.next()
    return {
      ...record,
      offsetDelta: batch.isCompressed ? index : reader.offsetDelta,
      timestamp: batch.isCompressed ? record.timestamp : baseTimestamp + BigInt(reader.timestampDelta)
    }
  })
  return encodeBatch({
    records,
    compression,
    baseOffset: readInt64Exact(buffer, position),
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    producerId: readInt64Exact(buffer, position + BatchLayout.producerId),
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isControl: batch.isControl,
    isTransactional: batch.isTransactional,
    deleteHorizonMs: batch.deleteHorizonMs,
    logAppendTimeMs: batch.isLogAppendTime ? batch.maxTimestamp : undefined,
    lastOffsetDelta: batch.lastOffsetDelta,
    maxTimestamp: batch.maxTimestamp
  })
}

test('every golden batch is read as Apache Kafka reads it', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const lines = goldens.lines<Line>('record-batches.ndjson.gz')
  assert.ok(lines.length >= 201)
  for (const line of lines) assert.deepEqual(describeBatches(Buffer.from(line.hex, 'hex')), exact(line.batches), line.name)
})

test('every uncompressed golden batch is written to the same bytes', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  let written = 0
  for (const line of goldens.lines<Line>('record-batches.ndjson.gz')) {
    for (const batch of iterateBatches(Buffer.from(line.hex, 'hex'))) {
      if (batch.magic < 2 || batch.isCompressed) continue
      assert.equal(rewrite(batch, 'none').toString('hex'), batch.bytes().toString('hex'), line.name)
      written++
    }
  }
  assert.ok(written >= 40, `${written} batches`)
})

test('records written in any codec are read back', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  for (const line of goldens.lines<Line>('record-batches.ndjson.gz')) {
    for (const batch of iterateBatches(Buffer.from(line.hex, 'hex'))) {
      if (batch.magic < 2 || batch.count === 0) continue
      for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
        const [again] = iterateBatches(rewrite(batch, compression))
        again.ensureValid()
        assert.equal(again.compression, compression)
        const withoutOffset = (b: RecordBatch) => decodeRecords(b).map(({ offset: _, ...record }) => record)
        assert.deepEqual(withoutOffset(again), withoutOffset(batch), line.name)
      }
    }
  }
})

test('CRC-32C and CRC-32 are those of Apache Kafka', (t) => {
  const goldens = requireGoldens(t)
  if (goldens === undefined) return
  const lines = goldens
    .lines<{ kind: string; hex: string; crc32c: number; crc32: number }>('hashing.ndjson.gz')
    .filter(({ kind }) => kind === 'crc32c')
  assert.ok(lines.length > 20)
  for (const line of lines) {
    const bytes = Buffer.from(line.hex, 'hex')
    assert.equal(crc32c(bytes), line.crc32c)
    assert.equal(crc32(bytes), line.crc32)
  }
})
