import { encodeBatch, encodeControlRecord } from '@odradek/protocol'

export interface EndTransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly isCommit: boolean
}

/** The control batch that ends a producer's transaction in a partition. */
export function encodeEndTransactionMarker(marker: EndTransactionMarker, baseOffset: number, timestamp: number): Buffer {
  const { producerId, producerEpoch, coordinatorEpoch, isCommit } = marker
  const record = encodeControlRecord({ type: isCommit ? 'COMMIT' : 'ABORT', value: { coordinatorEpoch } })
  return encodeBatch({
    baseOffset,
    producerId,
    producerEpoch,
    isTransactional: true,
    isControl: true,
    records: [{ ...record, timestamp }]
  })
}
