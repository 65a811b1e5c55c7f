import { ErrorCode } from '../errors.ts'
import { RecordDecodeError } from '../records/types.ts'

/** Compressed bytes that do not decode. Apache Kafka answers a producer of such with UNKNOWN_SERVER_ERROR. */
export function undecodable(reason: string, cause?: unknown): RecordDecodeError {
  return new RecordDecodeError(ErrorCode.UNKNOWN_SERVER_ERROR, `Failed to decompress record stream: ${reason}`, { cause })
}

/** More output than the caller allows, or a demand that only a bomb has. */
export function tooLarge(reason: string): RecordDecodeError {
  return new RecordDecodeError(ErrorCode.CORRUPT_MESSAGE, `Records decompress to more than is allowed: ${reason}`)
}
