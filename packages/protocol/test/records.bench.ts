// Figures for docs/internals/protocol-records.md. Run by hand: node packages/protocol/test/records.bench.ts [filter]
import { crc32c, crc32cPlain, LONG_MAX } from '@odradek/base'
import { compress, decompress } from '../src/compression/index.ts'
import { encodeBatch, RecordBatchBuilder } from '../src/records/batch-builder.ts'
import { decodeRecords } from '../src/records/decode-records.ts'
import { iterateBatches, readBatchHeader, setBaseOffset } from '../src/records/record-batch.ts'
import { RecordReader } from '../src/records/record-reader.ts'
import type { CompressionType } from '../src/records/types.ts'
import { validateAndAssign } from '../src/records/validate.ts'

const ROUNDS = 7
const ROUND_MS = 60

/** The best of a few rounds, in nanoseconds a call. */
function time(call: () => unknown): number {
  let calls = 1
  for (;;) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < calls; i++) call()
    if (Number(process.hrtime.bigint() - start) > ROUND_MS * 1e6) break
    calls *= 2
  }
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < calls; i++) call()
    best = Math.min(best, Number(process.hrtime.bigint() - start) / calls)
  }
  return best
}

const filter = process.argv[2] ?? ''

function report(name: string, call: () => unknown, per: { bytes?: number; records?: number } = {}): void {
  if (!name.includes(filter)) return
  const ns = time(call)
  const parts = [`${name.padEnd(44)} ${ns.toFixed(0).padStart(10)} ns`]
  if (per.records !== undefined) parts.push(`${(ns / per.records).toFixed(1).padStart(7)} ns/record`)
  if (per.bytes !== undefined) parts.push(`${((per.bytes / ns) * 1000).toFixed(0).padStart(6)} MB/s`)
  console.log(parts.join(' '))
}

const config = {
  maxMessageBytes: 1 << 26,
  compressionType: 'producer' as const,
  timestampType: 'CreateTime' as const,
  timestampBeforeMaxMs: LONG_MAX,
  timestampAfterMaxMs: 3_600_000,
  isCompacted: false
}
const NOW = 1_700_000_000_000

function batchOf(recordBytes: number, batchBytes: number, compression: CompressionType = 'none'): { batch: Buffer; count: number } {
  const builder = new RecordBatchBuilder({ compression })
  let seed = 1
  const text = (size: number): Buffer => {
    const words = ['value', 'order', 'user', 'price', 'status', 'ok', 'created', 'id']
    let s = ''
    while (s.length < size) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      s += `"${words[seed >>> 29]}":${(seed >>> 8) % 100000},`
    }
    return Buffer.from(s.slice(0, size))
  }
  while (builder.sizeInBytes < batchBytes) builder.append(NOW + builder.count, null, text(recordBytes))
  return { count: builder.count, batch: builder.close() }
}

for (const size of [64, 256, 1024, 16384, 1 << 20]) {
  const bytes = Buffer.alloc(size + 3, 7)
  report(`crc32c of ${size} B`, () => crc32c(bytes, 3, size + 3), { bytes: size })
  report(`crc32c in JavaScript of ${size} B`, () => crc32cPlain(bytes, 3, size + 3), { bytes: size })
}

for (const [recordBytes, batchBytes] of [
  [100, 16384],
  [100, 1000000],
  [1024, 16384],
  [1024, 1000000]
]) {
  const { batch, count } = batchOf(recordBytes, batchBytes)
  const name = `${recordBytes} B records, ${batchBytes} B batch`
  report(`header: ${name}`, () => readBatchHeader(batch, 0))
  report(
    `walk: ${name}`,
    () => {
      const reader = new RecordReader(batch, 61, batch.length)
      for (let i = 0; i < count; i++) reader.next()
    },
    { records: count, bytes: batch.length }
  )
  report(
    `validateAndAssign: ${name}`,
    () => {
      setBaseOffset(batch, 0, 0)
      validateAndAssign({
        records: batch,
        topicPartition: 't-0',
        firstOffset: 5,
        now: NOW,
        origin: 'client',
        partitionLeaderEpoch: 1,
        config
      })
    },
    { records: count, bytes: batch.length }
  )
  report(`decodeRecords: ${name}`, () => decodeRecords(readBatchHeader(batch)), { records: count, bytes: batch.length })
  const records = decodeRecords(readBatchHeader(batch))
  report(`encodeBatch: ${name}`, () => encodeBatch({ records }), { records: count, bytes: batch.length })
}

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  for (const batchBytes of [1000, 16384, 1000000]) {
    const { batch } = batchOf(batchBytes === 1000 ? 100 : 1024, batchBytes)
    const body = batch.subarray(61)
    const compressed = Buffer.from(compress(compression, body))
    const name = `${compression}, ${batchBytes} B`
    if (name.includes(filter) && batchBytes > 1000) console.log(`${name}: ratio ${(body.length / compressed.length).toFixed(2)}`)
    report(`compress: ${name}`, () => compress(compression, body), { bytes: body.length })
    report(`decompress: ${name}`, () => decompress(compression, compressed, { outputBytesMax: 1 << 30 }), { bytes: body.length })
    const records = decodeRecords(iterateBatches(batch)[0])
    const whole = encodeBatch({ records, compression })
    report(
      `validateAndAssign: ${name}`,
      () => {
        setBaseOffset(whole, 0, 0)
        const result = validateAndAssign({
          records: whole,
          topicPartition: 't-0',
          firstOffset: 5,
          now: NOW,
          origin: 'client',
          partitionLeaderEpoch: 1,
          config
        })
        if (result.errorCode !== 0) throw new Error(String(result.message))
      },
      { records: records.length, bytes: body.length }
    )
  }
}
