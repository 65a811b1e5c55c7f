// The record inside an end-of-transaction control batch: key (version int16, type int16), value (version int16,
// coordinator epoch int32). Control batches are never compressed.

import type { RecordBatch } from '@odradek/protocol'
import { decodeRecords } from '@odradek/protocol'

const ABORT = 0
const COMMIT = 1

export interface EndTxnMarker {
  isAbort: boolean
  coordinatorEpoch: number
  timestamp: number
}

/** Undefined for control batches of another kind (leader change, snapshot header, …) and for empty ones that compaction left. */
export function parseEndTxnMarker(batch: RecordBatch): EndTxnMarker | undefined {
  if (!batch.isControl || batch.count === 0) return undefined
  const [record] = decodeRecords(batch)
  if (record === undefined || record.key === null || record.key.length < 4 || record.value === null || record.value.length < 6)
    return undefined
  const type = record.key.readInt16BE(2)
  if (type !== ABORT && type !== COMMIT) return undefined
  return { isAbort: type === ABORT, coordinatorEpoch: record.value.readInt32BE(2), timestamp: record.timestamp }
}
