import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { CompressionType } from '../records/types.ts'
import { corrupt, RecordDecodeError, UNKNOWN_SERVER_ERROR } from '../records/types.ts'

export interface CompressOptions {
  /** Level of gzip, lz4 or zstd; the codec's default where absent. */
  level?: number
  /** Bytes left free (and unset) at the front of the result, for a header. */
  reserve?: number
}

export interface DecompressOptions {
  /** More decompressed bytes than this are an error with code CORRUPT_MESSAGE. */
  outputBytesMax: number
}

export function compress(type: CompressionType, input: Buffer, options: CompressOptions = {}): Buffer {
  const reserve = options.reserve ?? 0
  switch (type) {
    case 'none':
      return withReserve(input, reserve)
    case 'gzip':
      return withReserve(gzipSync(input, { level: options.level ?? constants.Z_DEFAULT_COMPRESSION }), reserve)
    case 'zstd':
      return withReserve(zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: options.level ?? 3 } }), reserve)
    default:
      throw new RecordDecodeError(UNKNOWN_SERVER_ERROR, `${type} is not built`)
  }
}

export function decompress(type: CompressionType, input: Buffer, options: DecompressOptions): Buffer {
  try {
    switch (type) {
      case 'none':
        return input
      case 'gzip':
        return gunzipSync(input, { maxOutputLength: options.outputBytesMax })
      case 'zstd':
        return zstdDecompressSync(input, { maxOutputLength: options.outputBytesMax })
      default:
        throw new RecordDecodeError(UNKNOWN_SERVER_ERROR, `${type} is not built`)
    }
  } catch (error) {
    if (error instanceof RecordDecodeError) throw error
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw corrupt(`decompressed records exceed ${options.outputBytesMax} bytes`)
    throw new RecordDecodeError(UNKNOWN_SERVER_ERROR, 'Failed to decompress record stream', { cause: error })
  }
}

function withReserve(bytes: Buffer, reserve: number): Buffer {
  if (reserve === 0) return bytes
  const result = Buffer.allocUnsafe(reserve + bytes.length)
  bytes.copy(result, reserve)
  return result
}
