// Decompression bombs end with a typed error and cost no memory (HOSTILE-INPUT row 34).
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { decompress } from '../src/compression/index.ts'
import { ErrorCode } from '../src/errors.ts'
import { decodeRecords } from '../src/records/decode-records.ts'
import { BatchLayout, readBatchHeader } from '../src/records/record-batch.ts'
import { COMPRESSION_TYPES, RecordDecodeError } from '../src/records/types.ts'
import { type BombReport, bombs } from './record-bombs.ts'

const GROWTH_BYTES_MAX = 16 * 1024 * 1024

/** As sent, and where the broker re-compresses. */
function explodeApart(name: string): BombReport[] {
  const child = spawnSync(process.execPath, [join(import.meta.dirname, 'record-bombs.ts'), name], { encoding: 'utf8' })
  assert.equal(child.status, 0, child.stderr)
  return JSON.parse(child.stdout) as BombReport[]
}

const REALLY_LARGE = [
  'gzip of a gigabyte',
  'zstd of 30 gigabytes',
  'zstd with a window of 128 MiB',
  'zstd with a window of 2 GiB',
  'lz4 of 240 megabytes'
]

for (const name of Object.keys(bombs)) {
  test(`${name}: refused, in little memory`, () => {
    for (const report of explodeApart(name)) {
      const expected: number[] = REALLY_LARGE.includes(name)
        ? [ErrorCode.CORRUPT_MESSAGE]
        : [ErrorCode.CORRUPT_MESSAGE, ErrorCode.INVALID_RECORD, ErrorCode.UNKNOWN_SERVER_ERROR]
      assert.ok(expected.includes(report.errorCode), JSON.stringify(report))
      assert.ok(report.growthBytes <= GROWTH_BYTES_MAX, JSON.stringify(report))
      assert.ok(report.cpuMilliseconds < 2000, JSON.stringify(report))
    }
  })
}

test('the cap of the caller bounds a reader that keeps everything', () => {
  for (const [name, make] of Object.entries(bombs)) {
    const batch = readBatchHeader(make())
    const payload = batch.buffer.subarray(BatchLayout.records)
    const check = (error: unknown): boolean => error instanceof RecordDecodeError
    try {
      const bytes = decompress(COMPRESSION_TYPES[batch.compressionId], payload, { outputBytesMax: 1 << 20 })
      assert.ok(bytes.length <= 1 << 20, name)
    } catch (error) {
      assert.ok(check(error), `${name}: ${error}`)
    }
    assert.throws(() => decodeRecords(batch, { outputBytesMax: 1 << 20 }), check, name)
  }
})
