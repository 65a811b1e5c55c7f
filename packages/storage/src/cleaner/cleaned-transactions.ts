// Transactions as the cleaner passes over them in offset order: which batches are aborted, and which markers have nothing
// left that they decide. A marker goes only after all records of its transaction did, so that no record loses its verdict.

import type { RecordBatch } from '@odradek/protocol'
import { parseEndTxnMarker } from '../control-record.ts'
import type { AbortedTxn } from '../txn-index.ts'

export class CleanedTransactions {
  private readonly committed = new Set<number>()
  private readonly aborted = new Map<number, { txn: AbortedTxn; wasSeen: boolean }>()
  /** Not begun yet, by first offset. */
  private upcoming: AbortedTxn[] = []
  /** Entries that the cleaned segment's transaction index still needs, from the abort markers passed. */
  kept: AbortedTxn[] = []

  /** Aborted transactions of the next segment. */
  add(txns: readonly AbortedTxn[]): void {
    if (txns.length > 0) this.upcoming = [...this.upcoming, ...txns].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** True when the marker decides nothing any more. */
  passMarker(batch: RecordBatch): boolean {
    this.beginUpTo(batch.lastOffset)
    const { producerId } = batch
    if (batch.count === 0) return true
    const marker = parseEndTxnMarker(batch)
    if (marker === undefined) return false
    if (!marker.isAbort) return !this.committed.delete(producerId)
    const aborted = this.aborted.get(producerId)
    this.aborted.delete(producerId)
    if (aborted === undefined || !aborted.wasSeen) return true
    this.kept.push(aborted.txn)
    return false
  }

  /** True when the batch belongs to an aborted transaction. */
  passData(batch: RecordBatch): boolean {
    this.beginUpTo(batch.lastOffset)
    if (!batch.isTransactional) return false
    const aborted = this.aborted.get(batch.producerId)
    if (aborted !== undefined) {
      aborted.wasSeen = true
      return true
    }
    this.committed.add(batch.producerId)
    return false
  }

  private beginUpTo(offset: number): void {
    let begun = 0
    while (begun < this.upcoming.length && this.upcoming[begun].firstOffset <= offset) {
      const txn = this.upcoming[begun++]
      if (!this.aborted.has(txn.producerId)) this.aborted.set(txn.producerId, { txn, wasSeen: false })
    }
    if (begun > 0) this.upcoming = this.upcoming.slice(begun)
  }
}
