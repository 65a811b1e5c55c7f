// Aborted transactions of a segment, in the order of their markers: entries of 34 bytes in `.txnindex`. Few, so that a
// segment in use keeps them as objects; the file exists only when there is one.

import { readInt64, writeInt64 } from './batch-walk.ts'

export const TXN_ENTRY_BYTES = 34

export interface AbortedTxn {
  producerId: number
  firstOffset: number
  /** The offset of the abort marker. */
  lastOffset: number
  /** The last stable offset when the marker was written. */
  lastStableOffset: number
}

export function formatAbortedTxns(txns: readonly AbortedTxn[]): Buffer {
  const bytes = Buffer.alloc(txns.length * TXN_ENTRY_BYTES)
  txns.forEach((txn, index) => {
    const at = index * TXN_ENTRY_BYTES
    writeInt64(bytes, at + 2, txn.producerId)
    writeInt64(bytes, at + 10, txn.firstOffset)
    writeInt64(bytes, at + 18, txn.lastOffset)
    writeInt64(bytes, at + 26, txn.lastStableOffset)
  })
  return bytes
}

/** Undefined when the bytes cannot be a transaction index of a segment that starts at `baseOffset`. */
export function parseAbortedTxns(bytes: Buffer, baseOffset: number): AbortedTxn[] | undefined {
  if (bytes.length % TXN_ENTRY_BYTES !== 0) return undefined
  const txns: AbortedTxn[] = []
  for (let at = 0; at < bytes.length; at += TXN_ENTRY_BYTES) {
    if (bytes[at] !== 0 || bytes[at + 1] !== 0) return undefined
    const txn = {
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26)
    }
    const previous = txns.length === 0 ? baseOffset - 1 : txns[txns.length - 1].lastOffset
    if (txn.lastOffset <= previous || txn.firstOffset > txn.lastOffset) return undefined
    txns.push(txn)
  }
  return txns
}

/**
 * Adds to `found` what a reader of [from, to) must leave out. True when no later entry can matter: a transaction whose
 * marker came when everything below `to` was decided.
 */
export function collectAbortedTxns(txns: readonly AbortedTxn[], from: number, to: number, found: AbortedTxn[]): boolean {
  for (const txn of txns) {
    if (txn.lastOffset >= from && txn.firstOffset < to) found.push(txn)
    if (txn.lastStableOffset >= to) return true
  }
  return false
}
