import type { RecordBatch } from '@odradek/protocol'
import { decodeControlRecords } from '@odradek/protocol'

export interface EndTxnMarker {
  isAbort: boolean
  coordinatorEpoch: number
  timestamp: number
}

/** Undefined for control batches of another kind (leader change, snapshot header, …) and for empty ones that compaction left. */
export function parseEndTxnMarker(batch: RecordBatch): EndTxnMarker | undefined {
  if (!batch.isControl || batch.count === 0) return undefined
  const record = decodeControlRecords(batch)[0]?.record
  if (record?.type !== 'ABORT' && record?.type !== 'COMMIT') return undefined
  return { isAbort: record.type === 'ABORT', coordinatorEpoch: record.value.coordinatorEpoch, timestamp: batch.maxTimestamp }
}
