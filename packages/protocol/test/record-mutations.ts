// Seeds and mutations of record batches, and what must hold for any bytes. Used by the fuzzer and, briefly, by a test.
import assert from 'node:assert/strict'
import { LONG_MAX, type Prng } from '@odradek/base'
import { type ByteSource, openDecompressor } from '../src/compression/index.ts'
import { encodeBatch } from '../src/records/batch-builder.ts'
import { forEachRecord } from '../src/records/decode-records.ts'
import { walkPlainRecords } from '../src/records/plain-walk.ts'
import { BatchLayout, nextBatch, readBatchHeader, updateCrc } from '../src/records/record-batch.ts'
import { RecordChecks } from '../src/records/record-checks.ts'
import { RecordReader } from '../src/records/record-reader.ts'
import { COMPRESSION_TYPES, type CompressionType, RecordDecodeError } from '../src/records/types.ts'
import { type ValidateOptions, validateAndAssign } from '../src/records/validate.ts'

const NOW = 1_700_000_000_000
const OUTPUT_BYTES_MAX = 1 << 20

export function randomBatch(prng: Prng): Buffer {
  const compression: CompressionType = prng.pick(COMPRESSION_TYPES)
  const records = Array.from({ length: 1 + prng.below(20) }, () => ({
    key: prng.chance(0.3) ? null : prng.bytes(prng.below(20)),
    value: prng.chance(0.1) ? null : Buffer.alloc(prng.below(prng.chance(0.1) ? 5000 : 120), prng.below(256)),
    headers: prng.chance(0.2) ? [{ key: 'h', value: prng.chance(0.5) ? null : prng.bytes(prng.below(9)) }] : [],
    timestamp: NOW + prng.below(10_000_000) - 5_000_000
  }))
  return encodeBatch({ records, compression, producerId: prng.chance(0.5) ? 7 : -1, producerEpoch: 0, baseSequence: prng.below(3) })
}

/** Some bytes changed, cut, doubled or put in; in most cases with the CRC and length made right, so that it is read on. */
export function mutate(prng: Prng, batch: Buffer): Buffer {
  let bytes = Buffer.from(batch)
  for (let i = prng.below(4); i >= 0; i--) {
    const at = prng.chance(0.3) ? prng.below(BatchLayout.records) : prng.below(bytes.length)
    const kind = prng.below(5)
    if (kind === 0) bytes[at] = prng.below(256)
    else if (kind === 1) bytes[at] ^= 1 << prng.below(8)
    else if (kind === 2) bytes = bytes.subarray(0, Math.max(1, at))
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), prng.bytes(1 + prng.below(6)), bytes.subarray(at)])
    else bytes.fill(prng.pick([0, 0x7f, 0x80, 0xff]), at, Math.min(bytes.length, at + 1 + prng.below(10)))
  }
  if (bytes.length >= BatchLayout.records && prng.chance(0.9)) {
    bytes = Buffer.from(bytes)
    bytes.writeInt32BE(bytes.length - 12, BatchLayout.length)
    bytes[BatchLayout.magic] = prng.chance(0.95) ? 2 : prng.below(3)
    updateCrc(bytes, 0)
  }
  return bytes
}

/** Only errors of the decoder may leave it. */
function outcome(run: () => void): { code: number; message: string } | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (!(error instanceof RecordDecodeError)) throw error
    return { code: error.errorCode, message: error.message }
  }
}

function optionsFor(records: Buffer, prng: Prng): ValidateOptions {
  return {
    records,
    topicPartition: 't-0',
    firstOffset: 5,
    now: NOW,
    origin: prng.chance(0.8) ? 'client' : 'coordinator',
    partitionLeaderEpoch: 1,
    config: {
      maxMessageBytes: 1 << 20,
      compressionType: prng.chance(0.7) ? 'producer' : prng.pick(COMPRESSION_TYPES),
      timestampType: prng.chance(0.7) ? 'CreateTime' : 'LogAppendTime',
      timestampBeforeMaxMs: prng.chance(0.5) ? LONG_MAX : 4_000_000,
      timestampAfterMaxMs: 4_000_000,
      isCompacted: prng.chance(0.2),
      decompressedBytesMax: OUTPUT_BYTES_MAX
    }
  }
}

/** The fast walk and the plain one see the same, record by record. */
function compareWalks(bytes: Buffer, prng: Prng): void {
  const batch = nextBatch(bytes)
  if (batch === undefined || batch.magic < 2 || batch.isCompressed || batch.sizeInBytes < BatchLayout.records || batch.count > 1000) return
  const options = optionsFor(bytes, prng)
  const fast = new RecordChecks(batch, options, 'DefaultRecord')
  const plain = new RecordChecks(batch, options, 'DefaultRecord')
  const fastOutcome = outcome(() => {
    walkPlainRecords(batch, fast)
    fast.finish()
  })
  const plainOutcome = outcome(() => {
    const reader = new RecordReader(bytes, BatchLayout.records, batch.end)
    for (let i = 0; i < batch.count; i++) {
      reader.next()
      plain.check(reader, i)
    }
    if (batch.count < 0) throw new RecordDecodeError(87, `Found invalid record count ${batch.count} in magic v2 batch`)
    if (batch.count > 0 && !reader.isAtEnd)
      throw new RecordDecodeError(87, 'Incorrect declared batch size, records still remaining in file')
    plain.finish()
  })
  assert.deepEqual(fastOutcome, plainOutcome)
  if (plainOutcome !== undefined) return
  assert.equal(fast.maxTimestamp, plain.maxTimestamp)
  assert.equal(fast.hasConsecutiveOffsets, plain.hasConsecutiveOffsets)
}

export function checkBytes(bytes: Buffer, prng: Prng): void {
  outcome(() => {
    for (let position = 0; ; ) {
      const batch = nextBatch(bytes, position)
      if (batch === undefined) break
      position = batch.end
      batch.isValid()
      outcome(() => forEachRecord(batch, () => {}, { outputBytesMax: OUTPUT_BYTES_MAX }))
    }
    compareWalks(bytes, prng)
  })
  const options = optionsFor(Buffer.from(bytes), prng)
  const result = validateAndAssign(options)
  // The coordinator is one of us: its counts and deltas are not checked against each other.
  if (result.errorCode !== 0 || options.origin !== 'client') return
  // What was accepted is one valid batch whose records can be read, with the offsets that it was given.
  const batch = readBatchHeader(result.records)
  assert.ok(batch.isValid())
  let count = 0
  forEachRecord(batch, () => count++, { outputBytesMax: OUTPUT_BYTES_MAX })
  assert.equal(count, batch.count)
  assert.deepEqual([batch.baseOffset, batch.lastOffset, batch.end], [5, 5 + result.lastOffset - result.firstOffset, result.records.length])
}

/** Damaged compressed bytes on their own, which a batch's CRC would keep from the codec. */
export function checkCodec(prng: Prng, type: CompressionType, compressed: Buffer): void {
  const bytes = Buffer.from(compressed)
  for (let i = prng.below(4); i >= 0; i--) bytes[prng.below(bytes.length)] = prng.pick([prng.below(256), 0, 0xff, 0x80])
  const cut = bytes.subarray(0, prng.chance(0.2) ? prng.below(bytes.length) : bytes.length)
  const room = Buffer.alloc(1 + prng.below(3000))
  let source: ByteSource | undefined
  outcome(() => {
    source = openDecompressor(type, cut, { outputBytesMax: OUTPUT_BYTES_MAX, magic: prng.below(3) })
    for (let total = 0; total < OUTPUT_BYTES_MAX; ) {
      const n = source.read(room, 0, room.length)
      assert.ok(n >= 0 && n <= room.length)
      if (n === 0) break
      total += n
    }
  })
  source?.close()
}
