/** Control batches: transaction markers, and what KRaft writes between its records. */
import type { ControlRecord } from '../framings.ts'
import { decodeControlRecord, encodeControlRecord } from '../framings.ts'
import type { BatchOptions } from './batch-builder.ts'
import { encodeBatch } from './batch-builder.ts'
import type { DecodeOptions } from './decode-records.ts'
import { decodeRecords } from './decode-records.ts'
import type { RecordBatch } from './record-batch.ts'

export interface ControlBatchOptions extends BatchOptions {
  records: readonly ControlRecord[]
  timestamp: number
}

export function encodeControlBatch(options: ControlBatchOptions): Buffer {
  return encodeBatch({ ...options, records: options.records.map(encodeControlRecord), isControl: true })
}

/** The batch that ends a transaction of `producerId` on a partition. */
export function encodeEndTransactionMarker(options: {
  type: 'COMMIT' | 'ABORT'
  coordinatorEpoch: number
  producerId: number
  producerEpoch: number
  timestamp: number
  baseOffset?: number
  partitionLeaderEpoch?: number
}): Buffer {
  const { type, coordinatorEpoch, ...batch } = options
  return encodeControlBatch({ ...batch, isTransactional: true, records: [{ type, value: { coordinatorEpoch } }] })
}

/** The records of a control batch by offset; those of a type that is not known are left out. */
export function decodeControlRecords(batch: RecordBatch, options?: DecodeOptions): { offset: number; record: ControlRecord }[] {
  const found: { offset: number; record: ControlRecord }[] = []
  for (const { offset, key, value } of decodeRecords(batch, options)) {
    const record = key === null || value === null ? undefined : decodeControlRecord(key, value)
    if (record !== undefined) found.push({ offset, record })
  }
  return found
}
