// What a log knows of its producers: the last five batches of each (idempotence), open transactions (last stable offset),
// and what a snapshot keeps of it. Rebuilt by replaying batches over the newest snapshot, so that every change must follow
// from the batches alone. `check` decides and changes nothing; `apply` changes and never refuses.

import type { RecordBatch } from '@odradek/protocol'
import { decrementSequence, ErrorCode } from '@odradek/protocol'
import { parseEndTxnMarker } from './control-record.ts'
import { type BatchMetadata, formatProducerSnapshot, type ProducerStateEntry } from './producer-snapshot.ts'
import type { AbortedTxn } from './txn-index.ts'

export const BATCHES_KEPT = 5
const NO_EPOCH = -1
const NO_SEQUENCE = -1
const EPOCH_MAX = 32767
const SEQUENCE_MAX = 2147483647

export interface OngoingTxn {
  producerId: number
  firstOffset: number
}

export interface CompletedTxn extends AbortedTxn {
  isAborted: boolean
}

export interface ProducerRejection {
  errorCode: number
  message: string
}

/** KIP-890: what the coordinator's verification of a transactional producer told before its first batch. */
export interface VerificationState {
  supportsEpochBump: boolean
  lowestSequence: number
}

export class ProducerState {
  private readonly producers = new Map<number, ProducerStateEntry>()
  /** By first offset, which is the order in which they began. */
  private ongoing: OngoingTxn[] = []
  /** Completed, but the marker is not below the high watermark yet: they still hold the last stable offset. */
  private unreplicated: { firstOffset: number; lastOffset: number }[] = []
  /** All batches below this offset are in the state. */
  mapEndOffset = 0
  /** The offset of the newest snapshot file, or of the log's start. */
  snapshotOffset = 0

  get entries(): IterableIterator<ProducerStateEntry> {
    return this.producers.values()
  }

  get size(): number {
    return this.producers.size
  }

  get ongoingTxns(): readonly OngoingTxn[] {
    return this.ongoing
  }

  entry(producerId: number): ProducerStateEntry | undefined {
    return this.producers.get(producerId)
  }

  /** The stored batch that `batch` repeats, whose offsets answer it. */
  duplicateOf(batch: RecordBatch): BatchMetadata | undefined {
    const entry = this.producers.get(batch.producerId)
    if (entry === undefined || entry.producerEpoch !== batch.producerEpoch) return undefined
    const { lastSequence, baseSequence } = batch
    return entry.batches.find(
      (known) => known.lastSequence === lastSequence && decrementSequence(known.lastSequence, known.offsetDelta) === baseSequence
    )
  }

  /** What forbids a data batch of a client; undefined when it may be appended. */
  checkData(batch: RecordBatch, checkSequence: boolean, verification?: VerificationState): ProducerRejection | undefined {
    const { producerId, producerEpoch, baseSequence } = batch
    const entry = this.producers.get(producerId)
    const currentEpoch = entry?.producerEpoch ?? NO_EPOCH
    if (producerEpoch < currentEpoch) return staleEpoch(producerId, producerEpoch, currentEpoch)
    if (checkSequence) {
      const rejection = checkSequenceOf(entry, batch, verification)
      if (rejection) return rejection
    }
    if (entry !== undefined && entry.currentTxnFirstOffset >= 0 && !batch.isTransactional) {
      return {
        errorCode: ErrorCode.INVALID_TXN_STATE,
        message: `Expected transactional write from producer ${producerId}: its transaction is open`
      }
    }
    if (producerEpoch === currentEpoch || baseSequence === 0 || !checkSequence || currentEpoch === NO_EPOCH) return undefined
    return outOfOrder(
      `producer ${producerId} began epoch ${producerEpoch} with sequence ${baseSequence}, expected 0 (last epoch ${currentEpoch})`
    )
  }

  /** What forbids an end-of-transaction marker; undefined when it may be appended. */
  checkMarker(batch: RecordBatch, coordinatorEpoch: number, transactionVersion: number): ProducerRejection | undefined {
    const { producerId, producerEpoch } = batch
    const entry = this.producers.get(producerId)
    if (entry === undefined) return undefined
    const current = entry.producerEpoch
    const isRetry = transactionVersion >= 2 && producerEpoch === current && (entry.currentTxnFirstOffset < 0 || producerEpoch === EPOCH_MAX)
    if ((transactionVersion >= 2 ? producerEpoch <= current : producerEpoch < current) && !isRetry)
      return staleEpoch(producerId, producerEpoch, current)
    if (entry.coordinatorEpoch > coordinatorEpoch) {
      const message = `the marker's coordinator epoch ${coordinatorEpoch} is older than ${entry.coordinatorEpoch} (producer ${producerId})`
      return { errorCode: ErrorCode.TRANSACTION_COORDINATOR_FENCED, message }
    }
    return undefined
  }

  /** Takes a batch with a producer id into the state, with its offsets assigned. Returns the transaction that it ends. */
  apply(batch: RecordBatch): CompletedTxn | undefined {
    const entry = this.entryOf(batch.producerId)
    if (batch.isControl) return this.applyMarker(batch, entry)
    const { producerEpoch, lastOffset, baseOffset, maxTimestamp } = batch
    if (producerEpoch !== entry.producerEpoch) {
      entry.producerEpoch = producerEpoch
      entry.batches = []
    }
    const { batches } = entry
    const kept = batches.length === BATCHES_KEPT ? batches.shift()! : { lastSequence: 0, lastOffset: 0, offsetDelta: 0, timestamp: 0 }
    kept.lastSequence = batch.lastSequence
    kept.lastOffset = lastOffset
    kept.offsetDelta = lastOffset - baseOffset
    kept.timestamp = maxTimestamp
    batches.push(kept)
    entry.lastTimestamp = maxTimestamp
    if (batch.isTransactional && entry.currentTxnFirstOffset < 0) {
      entry.currentTxnFirstOffset = baseOffset
      this.ongoing.push({ producerId: batch.producerId, firstOffset: baseOffset })
    }
    return undefined
  }

  private entryOf(producerId: number): ProducerStateEntry {
    let entry = this.producers.get(producerId)
    if (entry === undefined) {
      entry = { producerId, producerEpoch: NO_EPOCH, coordinatorEpoch: -1, lastTimestamp: -1, currentTxnFirstOffset: -1, batches: [] }
      this.producers.set(producerId, entry)
    }
    return entry
  }

  private applyMarker(batch: RecordBatch, entry: ProducerStateEntry): CompletedTxn | undefined {
    const marker = parseEndTxnMarker(batch)
    if (marker === undefined) return undefined
    if (batch.producerEpoch !== entry.producerEpoch) {
      entry.producerEpoch = batch.producerEpoch
      entry.batches = []
    }
    const { producerId, baseOffset: lastOffset } = batch
    const firstOffset = entry.currentTxnFirstOffset
    entry.currentTxnFirstOffset = -1
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.lastTimestamp = marker.timestamp
    if (firstOffset < 0) return undefined
    this.ongoing = this.ongoing.filter((txn) => txn.producerId !== producerId)
    const lastStableOffset = this.ongoing.length === 0 ? lastOffset + 1 : this.ongoing[0].firstOffset
    this.unreplicated.push({ firstOffset, lastOffset })
    return { producerId, firstOffset, lastOffset, lastStableOffset, isAborted: marker.isAbort }
  }

  /** The first offset that a read_committed reader may not pass; undefined when none is undecided. */
  get firstUnstableOffset(): number | undefined {
    const open = this.ongoing.length > 0 ? this.ongoing[0].firstOffset : undefined
    if (this.unreplicated.length === 0) return open
    let first = open ?? Number.POSITIVE_INFINITY
    for (const txn of this.unreplicated) first = Math.min(first, txn.firstOffset)
    return first
  }

  onHighWatermark(highWatermark: number): void {
    if (this.unreplicated.length > 0) this.unreplicated = this.unreplicated.filter((txn) => txn.lastOffset >= highWatermark)
  }

  /** Forgets producers idle for `expirationMs` by the time of their last batch, but none with an open transaction. */
  expire(now: number, expirationMs: number): void {
    for (const entry of this.producers.values()) {
      if (entry.currentTxnFirstOffset < 0 && now - entry.lastTimestamp >= expirationMs) this.producers.delete(entry.producerId)
    }
  }

  /** The bytes of a snapshot file for `mapEndOffset`. */
  snapshot(): Buffer {
    return formatProducerSnapshot(this.producers.values(), this.producers.size)
  }

  /** As a snapshot held it, replacing everything. */
  load(entries: readonly ProducerStateEntry[], offset: number): void {
    this.clear(offset)
    for (const entry of entries) {
      this.producers.set(entry.producerId, entry)
      if (entry.currentTxnFirstOffset >= 0) this.ongoing.push({ producerId: entry.producerId, firstOffset: entry.currentTxnFirstOffset })
    }
    this.ongoing.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  clear(offset: number): void {
    this.producers.clear()
    this.ongoing = []
    this.unreplicated = []
    this.mapEndOffset = offset
    this.snapshotOffset = offset
  }
}

function checkSequenceOf(
  entry: ProducerStateEntry | undefined,
  batch: RecordBatch,
  verification: VerificationState | undefined
): ProducerRejection | undefined {
  const { producerId, producerEpoch, baseSequence } = batch
  if (verification !== undefined) {
    if (verification.supportsEpochBump && baseSequence !== 0 && (entry === undefined || entry.batches.length === 0)) {
      return outOfOrder(`producer ${producerId} has no state here and sent sequence ${baseSequence}, expected 0`)
    }
    if (baseSequence > verification.lowestSequence) {
      return outOfOrder(
        `producer ${producerId} sent sequence ${baseSequence}, a lower one (${verification.lowestSequence}) is under verification`
      )
    }
  }
  if (entry === undefined || entry.producerEpoch === NO_EPOCH || producerEpoch !== entry.producerEpoch) return undefined
  const { batches } = entry
  const last = batches.length === 0 ? NO_SEQUENCE : batches[batches.length - 1].lastSequence
  if (baseSequence === last + 1 || (baseSequence === 0 && last === SEQUENCE_MAX)) return undefined
  return outOfOrder(`producer ${producerId} sent sequence ${baseSequence} after ${last}`)
}

function outOfOrder(what: string): ProducerRejection {
  return { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, message: `Out of order sequence number: ${what}` }
}

function staleEpoch(producerId: number, epoch: number, current: number): ProducerRejection {
  return {
    errorCode: ErrorCode.INVALID_PRODUCER_EPOCH,
    message: `Epoch of producer ${producerId} is ${epoch}, which is smaller than the last seen epoch ${current}`
  }
}
