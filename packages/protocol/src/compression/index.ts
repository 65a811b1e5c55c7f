/**
 * The codecs of record batches. Synchronous, and bounded where they decompress: by the output the caller allows, by
 * one window of the format, by the bytes that are there; never by a number in them.
 */
import type { CompressionType } from '../records/types.ts'
import type { ByteSource } from './byte-source.ts'
import { BufferSource } from './byte-source.ts'
import { tooLarge } from './errors.ts'
import { compressGzip, GZIP_DEFAULT_LEVEL, GzipSource } from './gzip.ts'
import { compressLz4, LZ4_DEFAULT_LEVEL, Lz4Source } from './lz4.ts'
import { compressSnappy, SnappySource } from './snappy.ts'
import { compressZstd, ZSTD_DEFAULT_LEVEL, ZstdSource } from './zstd.ts'

export type { ByteSource } from './byte-source.ts'

export interface CompressOptions {
  /** Level of gzip (1-9), lz4 (1-17) or zstd (-131072-22); the codec's default where absent. */
  level?: number
  /** Bytes left free (and unset) at the front of the result, for a header. */
  reserve?: number
}

export interface DecompressOptions {
  /** More decompressed bytes than this are an error with code CORRUPT_MESSAGE. */
  outputBytesMax: number
  /** Magic of the batch: 0 has LZ4 frames with a wrong header checksum. */
  magic?: number
}

/** Levels that Kafka's `compression.*.level` settings take. */
export const COMPRESSION_LEVELS = {
  gzip: { min: 1, max: 9, default: GZIP_DEFAULT_LEVEL },
  lz4: { min: 1, max: 17, default: LZ4_DEFAULT_LEVEL },
  zstd: { min: -131072, max: 22, default: ZSTD_DEFAULT_LEVEL }
} as const

export function compress(type: CompressionType, input: Buffer, options: CompressOptions = {}): Buffer {
  const reserve = options.reserve ?? 0
  switch (type) {
    case 'none':
      return withReserve(input, reserve)
    case 'gzip':
      return withReserve(compressGzip(input, options.level), reserve)
    case 'zstd':
      return withReserve(compressZstd(input, options.level), reserve)
    case 'snappy':
      return compressSnappy(input, reserve)
    case 'lz4':
      return compressLz4(input, reserve, options.level)
  }
}

/** Opens the decompressor. Close it. Throws {@link RecordDecodeError} for a bad header. */
export function openDecompressor(type: CompressionType, input: Buffer, options: DecompressOptions): ByteSource {
  switch (type) {
    case 'none':
      return new BufferSource(input)
    case 'gzip':
      return new GzipSource(input, options.outputBytesMax)
    case 'zstd':
      return new ZstdSource(input, options.outputBytesMax)
    case 'snappy':
      return new SnappySource(input)
    case 'lz4':
      return new Lz4Source(input, options.magic === 0)
  }
}

const FIRST_ROOM_BYTES = 4096

/** All of the output in one buffer, which grows with what comes out. */
export function decompress(type: CompressionType, input: Buffer, options: DecompressOptions): Buffer {
  if (type === 'none') return input
  const { outputBytesMax } = options
  const source = openDecompressor(type, input, options)
  try {
    let output = Buffer.allocUnsafe(Math.min(outputBytesMax + 1, Math.max(input.length * 4, FIRST_ROOM_BYTES)))
    let length = 0
    for (;;) {
      const n = source.read(output, length, output.length - length)
      if (n === 0) return output.subarray(0, length)
      length += n
      if (length > outputBytesMax) throw tooLarge(`${outputBytesMax} bytes are allowed`)
      if (length === output.length) {
        const grown = Buffer.allocUnsafe(Math.min(outputBytesMax + 1, output.length * 2))
        output.copy(grown, 0, 0, length)
        output = grown
      }
    }
  } finally {
    source.close()
  }
}

function withReserve(bytes: Buffer, reserve: number): Buffer {
  if (reserve === 0) return bytes
  const result = Buffer.allocUnsafe(reserve + bytes.length)
  bytes.copy(result, reserve)
  return result
}
