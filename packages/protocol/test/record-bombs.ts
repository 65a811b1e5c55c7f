// Batches that decompress to far more than they are. Run as a program (`record-bombs.ts NAME`) it validates one of them
// twice and prints
// the error codes, the peaks of memory above the start and the times as JSON: a fresh process shows a peak.
import { constants, deflateRawSync, gzipSync } from 'node:zlib'
import { LONG_MAX } from '@odradek/base'
import { BatchLayout, batchAttributes, LOG_OVERHEAD, updateCrc } from '../src/records/record-batch.ts'
import type { CompressionType } from '../src/records/types.ts'
import { COMPRESSION_TYPES } from '../src/records/types.ts'
import { validateAndAssign } from '../src/records/validate.ts'

const MIB = 1 << 20

/** The start of a record that says it is almost 2 GiB: no key, and a value that never ends. */
const ENDLESS_RECORD = Buffer.from([0xe0, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 1, 0x80, 0xff, 0xff, 0xff, 0x0f])

/** One batch with `payload` for its compressed records. */
export function batchAround(payload: Buffer, compression: CompressionType, count = 1): Buffer {
  const batch = Buffer.alloc(BatchLayout.records + payload.length)
  payload.copy(batch, BatchLayout.records)
  batch.writeInt32BE(batch.length - LOG_OVERHEAD, BatchLayout.length)
  batch[BatchLayout.magic] = 2
  batch.writeInt16BE(batchAttributes({ compressionId: COMPRESSION_TYPES.indexOf(compression) }), BatchLayout.attributes)
  batch.writeInt32BE(count - 1, BatchLayout.lastOffsetDelta)
  batch.writeBigInt64BE(-1n, BatchLayout.producerId)
  batch.writeInt16BE(-1, BatchLayout.producerEpoch)
  batch.writeInt32BE(-1, BatchLayout.baseSequence)
  batch.writeInt32BE(count, BatchLayout.recordsCount)
  updateCrc(batch, 0)
  return batch
}

const repeated = (bytes: Buffer, times: number): Buffer => Buffer.concat(Array<Buffer>(times).fill(bytes))

/** A gzip member of `body` (a deflate stream without its last block); its trailer is wrong, but far away. */
const gzipOf = (body: Buffer): Buffer =>
  Buffer.concat([Buffer.from('1f8b08000000000000ff', 'hex'), body, Buffer.from('0300', 'hex'), Buffer.alloc(8)])
const deflated = (bytes: Buffer): Buffer => deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH })

function zstdFrame(windowDescriptor: number, blocks: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, windowDescriptor]), ...blocks])
}

/** `kind` 0 is plain, 1 one byte repeated `size` times. */
function zstdBlock(kind: 0 | 1, size: number, bytes: Buffer, isLast = false): Buffer {
  const header = Buffer.alloc(3)
  header.writeUIntLE((isLast ? 1 : 0) | (kind << 1) | (size << 3), 0, 3)
  return Buffer.concat([header, bytes])
}

function lz4Frame(blocks: readonly Buffer[]): Buffer {
  // 4 MiB blocks, independent, no checksums; 0x73 is the header's checksum.
  const parts: Buffer[] = [Buffer.from('04224d186070', 'hex'), Buffer.from([0x73])]
  for (const block of blocks) {
    const size = Buffer.alloc(4)
    size.writeUInt32LE(block.length)
    parts.push(size, block)
  }
  return Buffer.concat([...parts, Buffer.alloc(4)])
}

/** Literals, then a match of `length` over the last byte, then five literals as a block must end. */
function lz4Block(literals: Buffer, length: number): Buffer {
  const extra = length - 4 - 15
  const match = Buffer.concat([Buffer.from([1, 0]), Buffer.alloc(Math.floor(extra / 255), 255), Buffer.from([extra % 255])])
  return Buffer.concat([Buffer.from([0xff, literals.length - 15]), literals, match, Buffer.from([0x50, 0, 0, 0, 0, 0])])
}

function snappyBlock(declared: number, literals: Buffer, copies: number): Buffer {
  const preamble: number[] = []
  let left = declared
  for (; left >= 0x80; left = Math.floor(left / 128)) preamble.push((left % 128) | 0x80)
  preamble.push(left)
  const copy = Buffer.from([(63 << 2) | 2, 1, 0])
  return Buffer.concat([Buffer.from(preamble), Buffer.from([(literals.length - 1) << 2]), literals, repeated(copy, copies)])
}

const XERIAL = Buffer.from('82534e41505059000000000100000001', 'hex')

function xerialChunk(bytes: Buffer, length = bytes.length): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(length)
  return Buffer.concat([size, bytes])
}

const zeros = (): Buffer => deflated(Buffer.alloc(MIB))

/** Each makes about 1 MiB, or less, that says or is much more. */
export const bombs: Record<string, () => Buffer> = {
  'gzip of a gigabyte': () => batchAround(gzipOf(Buffer.concat([deflated(ENDLESS_RECORD), repeated(zeros(), 1000)])), 'gzip'),
  'gzip of endless members': () => {
    const member = gzipSync(Buffer.alloc(MIB))
    return batchAround(Buffer.concat([gzipSync(ENDLESS_RECORD), repeated(member, 1000)]), 'gzip')
  },
  'gzip of many empty members': () => batchAround(repeated(gzipSync(Buffer.alloc(0)), 50_000), 'gzip'),
  'zstd of 30 gigabytes': () => {
    const block = zstdBlock(1, 128 * 1024, Buffer.from([0]))
    const blocks = [zstdBlock(0, ENDLESS_RECORD.length, ENDLESS_RECORD), repeated(block, 250_000), zstdBlock(0, 0, Buffer.alloc(0), true)]
    return batchAround(zstdFrame(0x58, blocks), 'zstd')
  },
  'zstd with a window of 128 MiB': () => {
    const block = zstdBlock(1, 128 * 1024, Buffer.from([0]))
    const blocks = [zstdBlock(0, ENDLESS_RECORD.length, ENDLESS_RECORD), repeated(block, 250_000), zstdBlock(0, 0, Buffer.alloc(0), true)]
    return batchAround(zstdFrame((27 - 10) << 3, blocks), 'zstd')
  },
  'zstd with a window of 2 GiB': () => batchAround(zstdFrame((31 - 10) << 3, [zstdBlock(0, 0, Buffer.alloc(0), true)]), 'zstd'),
  'zstd that says it holds 2^60 bytes': () => {
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(1n << 60n)
    const header = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0]), size])
    return batchAround(Buffer.concat([header, zstdBlock(1, 128 * 1024, Buffer.from([0]), true)]), 'zstd')
  },
  'zstd of many empty frames': () => batchAround(repeated(zstdFrame(0x58, [zstdBlock(0, 0, Buffer.alloc(0), true)]), 100_000), 'zstd'),
  'zstd of many skippable frames': () => batchAround(repeated(Buffer.from('502a4d1800000000', 'hex'), 130_000), 'zstd'),
  'lz4 of 240 megabytes': () => {
    const first = lz4Block(Buffer.concat([ENDLESS_RECORD, Buffer.alloc(16)]), 4_000_000)
    return batchAround(lz4Frame([first, ...Array<Buffer>(59).fill(lz4Block(Buffer.alloc(16), 4_000_000))]), 'lz4')
  },
  'lz4 whose block outgrows the frame': () => batchAround(lz4Frame([lz4Block(Buffer.alloc(16), 1 << 27)]), 'lz4'),
  'snappy of 21 megabytes': () => {
    const copies = 340_000
    const literals = Buffer.concat([ENDLESS_RECORD, Buffer.alloc(16)])
    return batchAround(snappyBlock(literals.length + copies * 64, literals, copies), 'snappy')
  },
  'snappy that says it holds 2 GiB': () => batchAround(snappyBlock(2 ** 31 - 1, Buffer.alloc(16), 10), 'snappy'),
  'a xerial chunk that says it has 2 GiB': () => batchAround(Buffer.concat([XERIAL, xerialChunk(Buffer.alloc(16), 2 ** 31 - 1)]), 'snappy'),
  'a xerial chunk that says it holds 2 GiB': () =>
    batchAround(Buffer.concat([XERIAL, xerialChunk(snappyBlock(2 ** 31 - 1, Buffer.alloc(16), 10))]), 'snappy'),
  'xerial of many empty chunks': () => batchAround(Buffer.concat([XERIAL, repeated(xerialChunk(Buffer.from([0])), 200_000)]), 'snappy'),
  'more records than there are, all tiny': () => {
    const record = Buffer.from([12, 0, 0, 0, 1, 1, 0])
    return batchAround(gzipOf(repeated(deflated(repeated(record, 150_000)), 500)), 'gzip', 2 ** 31 - 1)
  }
}

export interface BombReport {
  errorCode: number
  message: string | null
  growthBytes: number
  /** Of work: a machine with others on it makes nobody late. */
  cpuMilliseconds: number
}

export function explode(batch: Buffer, compressionType: CompressionType | 'producer'): BombReport {
  const start = process.cpuUsage()
  const rss = process.memoryUsage().rss
  const result = validateAndAssign({
    records: batch,
    topicPartition: 't-0',
    firstOffset: 0,
    now: 0,
    origin: 'client',
    partitionLeaderEpoch: 0,
    config: {
      maxMessageBytes: 2 * MIB,
      compressionType,
      timestampType: 'CreateTime',
      timestampBeforeMaxMs: LONG_MAX,
      timestampAfterMaxMs: 3_600_000,
      isCompacted: false
    }
  })
  return {
    errorCode: result.errorCode,
    message: result.message,
    growthBytes: process.resourceUsage().maxRSS * 1024 - rss,
    cpuMilliseconds: cpuMillisecondsSince(start)
  }
}

function cpuMillisecondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

if (import.meta.main) {
  const batch = bombs[process.argv[2]]()
  // Once as sent, once where the broker re-compresses.
  console.log(JSON.stringify([explode(Buffer.from(batch), 'producer'), explode(batch, 'none')]))
}
