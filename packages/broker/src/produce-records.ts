// What every Produce request must be before a log looks at it: one batch of magic 2 a partition (KIP-98), and zstd only
// where the client is known to understand it (KIP-110).
import { BatchLayout, batchSizeAt, ErrorCode, RecordDecodeError } from '@odradek/protocol'

const ZSTD_ID = 4
const ZSTD_PRODUCE_VERSION = 7
const COMPRESSION_MASK = 0x07

const TRANSACTIONAL_BIT = 0x10

/** Of the first batch, which is the only one of a good request. */
export function isTransactional(records: Buffer | null): boolean {
  if (records === null || records.length < BatchLayout.records || records[BatchLayout.magic] !== 2) return false
  return (records.readInt16BE(BatchLayout.attributes) & TRANSACTIONAL_BIT) !== 0
}

export interface RecordsRefusal {
  readonly errorCode: number
  readonly message?: string
}

/** Undefined when the log may have the records. */
export function checkProduceRecords(records: Buffer | null, apiVersion: number): RecordsRefusal | undefined {
  try {
    return check(records, apiVersion)
  } catch (error) {
    if (error instanceof RecordDecodeError) return { errorCode: error.errorCode, message: error.message }
    throw error
  }
}

function check(records: Buffer | null, apiVersion: number): RecordsRefusal | undefined {
  const size = records === null ? -1 : batchSizeAt(records, 0, records.length)
  if (records === null || size < 0 || size > records.length) return { errorCode: ErrorCode.INVALID_RECORD }
  if (records.readInt8(BatchLayout.magic) !== 2) return { errorCode: ErrorCode.INVALID_RECORD }
  if (size < BatchLayout.records) return undefined // the log says what is wrong with it
  const compression = records.readInt16BE(BatchLayout.attributes) & COMPRESSION_MASK
  const isUnsupported = compression > ZSTD_ID || (compression === ZSTD_ID && apiVersion < ZSTD_PRODUCE_VERSION)
  if (isUnsupported) return { errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE }
  const rest = batchSizeAt(records, size, records.length)
  return rest >= 0 && size + rest <= records.length ? { errorCode: ErrorCode.INVALID_RECORD } : undefined
}
