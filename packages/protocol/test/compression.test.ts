import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { createPrng } from '@odradek/base'
import { compress, decompress, openDecompressor } from '../src/compression/index.ts'
import { openNativeDecoder } from '../src/compression/native-decoder.ts'
import { xxhash32 } from '../src/compression/xxhash32.ts'
import { ErrorCode } from '../src/errors.ts'
import { decodeRecords } from '../src/records/decode-records.ts'
import { iterateBatches } from '../src/records/record-batch.ts'
import { type CompressionType, RecordDecodeError } from '../src/records/types.ts'

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const prng = createPrng(11)
const noise = (size: number): Buffer => prng.bytes(size)

/** Runs of patterns of one to seven bytes: copies that overlap themselves in every way. */
function runs(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let p = 0; p < size; ) {
    const pattern = noise(1 + prng.below(7))
    const end = Math.min(size, p + 1 + prng.below(200))
    for (let i = p; i < end; i++) bytes[i] = pattern[(i - p) % pattern.length]
    p = end
  }
  return bytes
}

const text = (size: number): Buffer => {
  let s = ''
  while (s.length < size) s += `{"user":${prng.below(500)},"state":"${prng.below(2) === 0 ? 'ok' : 'failed'}"},`
  return Buffer.from(s.slice(0, size))
}

const inputs: Buffer[] = [0, 1, 4, 12, 13, 14, 15, 16, 17, 60, 61, 255, 4096, 32767, 32768, 32769, 65535, 65536, 65537, 200_000].flatMap(
  (size) => [Buffer.alloc(size, 7), noise(size), runs(size), text(size)]
)

const decodeCode = (code: number) => (error: unknown) => error instanceof RecordDecodeError && error.errorCode === code

test('every codec gives back what it was given, at every level and around block sizes', () => {
  const levels: Record<string, readonly (number | undefined)[]> = {
    gzip: [undefined, 1, 9],
    snappy: [undefined],
    lz4: [undefined, 1, 4, 9, 17],
    zstd: [undefined, -7, 19]
  }
  for (const codec of CODECS) {
    for (const input of inputs) {
      for (const level of levels[codec]) {
        const compressed = compress(codec, input, { level, reserve: 9 }).subarray(9)
        assert.ok(decompress(codec, compressed, { outputBytesMax: input.length }).equals(input), `${codec} ${level} ${input.length}`)
      }
    }
  }
})

test('a source gives the same bytes whatever room it is given', () => {
  const input = Buffer.concat([runs(50_000), text(70_000), noise(10_000)])
  for (const codec of CODECS) {
    const compressed = compress(codec, input)
    for (const room of [1, 7, 1000, 65536]) {
      const source = openDecompressor(codec, compressed, { outputBytesMax: input.length })
      const out = Buffer.alloc(input.length + room)
      let length = 0
      for (let n = -1; n !== 0; length += n) n = source.read(out, length, room)
      source.close()
      source.close()
      assert.ok(out.subarray(0, length).equals(input), `${codec} by ${room}`)
    }
  }
})

test('more output than allowed is CORRUPT_MESSAGE, exactly as much is not', () => {
  const input = text(100_000)
  for (const codec of CODECS) {
    const compressed = compress(codec, input)
    assert.equal(decompress(codec, compressed, { outputBytesMax: input.length }).length, input.length)
    assert.throws(() => decompress(codec, compressed, { outputBytesMax: input.length - 1 }), decodeCode(ErrorCode.CORRUPT_MESSAGE))
  }
})

test('input cut anywhere is an error, never a short answer', () => {
  const input = Buffer.concat([text(3000), noise(100)])
  for (const codec of CODECS) {
    const compressed = compress(codec, input)
    for (let length = 0; length < compressed.length; length++) {
      let output: Buffer
      try {
        output = decompress(codec, compressed.subarray(0, length), { outputBytesMax: 1 << 20 })
      } catch (error) {
        assert.ok(error instanceof RecordDecodeError, `${codec} ${length}: ${error}`)
        continue
      }
      // No bytes are no zstd frame, and a xerial stream may end between chunks: as Java has it.
      const isEmptyStream = output.length === 0 && (codec === 'snappy' ? length >= 16 && length < 20 : length === 0)
      assert.ok(isEmptyStream, `${codec} cut to ${length} gave ${output.length}`)
    }
  }
})

test('several gzip members and zstd frames are one stream; garbage after gzip is passed over, after zstd refused', () => {
  const options = { outputBytesMax: 1 << 20 }
  const gzip = Buffer.concat([gzipSync('one '), gzipSync('two')])
  assert.equal(decompress('gzip', gzip, options).toString(), 'one two')
  assert.equal(decompress('gzip', Buffer.concat([gzip, noise(30)]), options).toString(), 'one two')
  const skippable = Buffer.from('5a2a4d1803000000aabbcc', 'hex')
  const zstd = Buffer.concat([skippable, zstdCompressSync('one '), skippable, zstdCompressSync('two'), skippable])
  assert.equal(decompress('zstd', zstd, options).toString(), 'one two')
  assert.throws(() => decompress('zstd', Buffer.concat([zstd, Buffer.alloc(5)]), options), decodeCode(ErrorCode.UNKNOWN_SERVER_ERROR))
})

test('gzip checks its checksum and length', () => {
  const bytes = gzipSync('some text')
  for (const at of [bytes.length - 8, bytes.length - 4]) {
    const damaged = Buffer.from(bytes)
    damaged[at] ^= 1
    assert.throws(() => decompress('gzip', damaged, { outputBytesMax: 100 }), decodeCode(ErrorCode.UNKNOWN_SERVER_ERROR))
  }
})

test('snappy is read with and without the framing, and in concatenated streams', () => {
  const input = text(90_000)
  const framed = Buffer.from(compress('snappy', input))
  const options = { outputBytesMax: 1 << 20 }
  assert.ok(decompress('snappy', Buffer.concat([framed, framed]), options).equals(Buffer.concat([input, input])))
  // One chunk of the framing is a raw block.
  const small = compress('snappy', input.subarray(0, 30_000))
  assert.ok(decompress('snappy', small.subarray(20), options).equals(input.subarray(0, 30_000)))
})

test('a raw snappy block larger than the window is decoded through it', () => {
  const literal = noise(60)
  const copies = 150_000
  const preamble: number[] = []
  for (let left = 60 + copies * 64; left > 0; left >>>= 7) preamble.push(left >= 0x80 ? (left & 0x7f) | 0x80 : left)
  const copy = Buffer.from([(63 << 2) | 2, 60, 0])
  const block = Buffer.concat([Buffer.from(preamble), Buffer.from([59 << 2]), literal, ...Array<Buffer>(copies).fill(copy)])
  const output = decompress('snappy', block, { outputBytesMax: 1 << 24 })
  assert.equal(output.length, 60 + copies * 64)
  for (let i = 0; i < output.length; i += 997) assert.equal(output[i], literal[i % 60])
})

test('lz4 frames are read with block checksums and a content size; a wrong checksum is refused but with magic 0', () => {
  const plain = Buffer.from('hello hello hello')
  const frame = (flags: number, middle: Buffer): Buffer => {
    const descriptor = Buffer.concat([Buffer.from([flags, 0x40]), middle])
    const block = Buffer.alloc(4)
    block.writeUInt32LE((0x80000000 | plain.length) >>> 0)
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32LE(xxhash32(plain))
    return Buffer.concat([
      Buffer.from('04224d18', 'hex'),
      descriptor,
      Buffer.from([(xxhash32(descriptor) >>> 8) & 0xff]),
      block,
      plain,
      (flags & 0x10) === 0 ? Buffer.alloc(0) : checksum,
      Buffer.alloc(4)
    ])
  }
  const options = { outputBytesMax: 100 }
  for (const bytes of [frame(0x60, Buffer.alloc(0)), frame(0x70, Buffer.alloc(0)), frame(0x68, Buffer.alloc(8))]) {
    assert.equal(decompress('lz4', bytes, options).toString(), plain.toString())
  }
  const damagedHeader = frame(0x60, Buffer.alloc(0))
  damagedHeader[6] ^= 1
  assert.throws(() => decompress('lz4', damagedHeader, options), decodeCode(ErrorCode.UNKNOWN_SERVER_ERROR))
  assert.equal(decompress('lz4', damagedHeader, { ...options, magic: 0 }).toString(), plain.toString())
  const damagedBlock = frame(0x70, Buffer.alloc(0))
  damagedBlock[12] ^= 1
  assert.throws(() => decompress('lz4', damagedBlock, options), decodeCode(ErrorCode.UNKNOWN_SERVER_ERROR))
  assert.throws(() => decompress('lz4', frame(0x40, Buffer.alloc(0)), options), /depend on each other/)
})

test('xxHash32 is that of its reference', () => {
  assert.equal(xxhash32(Buffer.alloc(0)), 0x02cc5d05)
  assert.equal(xxhash32(Buffer.from('a')), 0x550d7456)
  assert.equal(xxhash32(Buffer.from('Nobody inspects the spammish repetition')), 0xe2293b2f)
})

test('the native decoders are pulled in this Node, and the fallback without their handle gives the same', () => {
  const input = text(300_000)
  for (const [kind, compressed] of [
    ['zstd', zstdCompressSync(input)],
    ['inflate-raw', gzipSync(input).subarray(10)]
  ] as const) {
    for (const withoutHandle of [false, true]) {
      const decoder = openNativeDecoder({
        kind,
        input: compressed,
        start: 0,
        end: compressed.length,
        outputBytesMax: 1 << 20,
        withoutHandle
      })
      assert.equal(decoder.constructor.name, withoutHandle ? 'WholeDecoder' : 'HandleDecoder')
      const out = Buffer.alloc(input.length + 1)
      let length = 0
      for (let n = -1; n !== 0; length += n) n = decoder.decode(out, length, Math.min(1000, out.length - length))
      assert.ok(out.subarray(0, length).equals(input), kind)
      assert.equal(decoder.inputPosition, kind === 'zstd' ? compressed.length : compressed.length - 8)
      decoder.close()
    }
  }
})

// Batches that Kafka's Java client 4.3.1 built, by codec and level; `hash` is Java's over offsets, timestamps, keys and values.
test('batches that the Java client compressed are read', () => {
  const javaHash = (bytes: Buffer | null): number => bytes?.reduce((h, byte) => (Math.imul(31, h) + ((byte << 24) >> 24)) | 0, 1) ?? 0
  const longHash = (value: number): number => Number(BigInt.asIntN(32, BigInt(value) ^ (BigInt(value) >> 32n)))
  const lines = readFileSync(join(import.meta.dirname, 'fixtures/java-batches.ndjson'), 'utf8')
    .trim()
    .split('\n')
  const seen = new Set<CompressionType>()
  for (const line of lines) {
    const sample = JSON.parse(line) as { name: string; count: number; hash: number; base64: string }
    const [batch] = iterateBatches(Buffer.from(sample.base64, 'base64'))
    batch.ensureValid()
    seen.add(batch.compression)
    let hash = 1
    const records = decodeRecords(batch)
    for (const { offset, timestamp, key, value, headers } of records) {
      for (const part of [longHash(offset), longHash(timestamp), javaHash(key), javaHash(value), headers.length])
        hash = (Math.imul(31, hash) + part) | 0
    }
    assert.equal(records.length, sample.count, sample.name)
    assert.equal(hash, sample.hash, sample.name)
  }
  assert.equal(seen.size, 4)
})
