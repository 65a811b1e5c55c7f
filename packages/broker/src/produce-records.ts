// What every Produce request must be before a log looks at it: one batch of magic 2 a partition (KIP-98), and zstd only
// where the client is known to understand it (KIP-110).
import { BatchLayout, batchSizeAt, ErrorCode, LOG_OVERHEAD, RecordDecodeError } from '@odradek/protocol'

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
  if (records === null || size < 0) {
    return invalidRecord(`Produce requests with version ${apiVersion} must have at least one record batch per partition`)
  }
  const magic = records.length > BatchLayout.magic ? records.readInt8(BatchLayout.magic) : -1
  if (magic !== 2)
    return invalidRecord(`Produce requests with version ${apiVersion} are only allowed to contain record batches with magic version 2`)
  if (size > records.length || size < BatchLayout.records) return undefined // the log says what is wrong with it
  if ((records.readInt16BE(BatchLayout.attributes) & COMPRESSION_MASK) === ZSTD_ID && apiVersion < ZSTD_PRODUCE_VERSION) {
    return {
      errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
      message: `Produce requests with version ${apiVersion} are not allowed to use ZStandard compression`
    }
  }
  if (records.length - size >= LOG_OVERHEAD && batchSizeAt(records, size, records.length) >= 0) {
    return invalidRecord(`Produce requests with version ${apiVersion} are only allowed to contain exactly one record batch per partition`)
  }
  return undefined
}

function invalidRecord(message: string): RecordsRefusal {
  return { errorCode: ErrorCode.INVALID_RECORD, message }
}
