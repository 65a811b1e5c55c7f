// The images between what is committed and what is proposed. Batches go on in log order, each making the next image; when
// the high watermark passes them they come out as publications, in order. Uncommitted images are thrown away by making a
// new chain from the published image: nothing of a base image is ever changed.
//
// A metadata transaction (KIP-866) is one publication, made when its end is committed; an aborted one leaves no trace.
import { assert, OdradekError } from '@odradek/base'
import type { MetadataRecord } from '../records.ts'
import { MetadataDelta } from './metadata-delta.ts'
import type { MetadataImage } from './metadata-image.ts'

export interface MetadataBatch {
  readonly baseOffset: number
  readonly epoch: number
  readonly timestampMs: number
  /** At consecutive offsets. Control batches have none, but their `lastOffset` counts. */
  readonly records: readonly MetadataRecord[]
  readonly lastOffset: number
}

/** `delta` leads from the publication before to `image`. */
export interface Publication {
  readonly delta: MetadataDelta
  readonly image: MetadataImage
}

export class ImageChain {
  #published: MetadataImage
  #newest: MetadataImage
  /** Complete, not yet committed. */
  #pending: Publication[] = []
  /** Takes the records of batches that are not yet complete publications: an open transaction, or a run being loaded. */
  #open: MetadataDelta | undefined
  /** The image before the open transaction. */
  #beforeTransaction: MetadataImage | undefined

  constructor(published: MetadataImage) {
    this.#published = published
    this.#newest = published
  }

  /** The newest image: every batch so far. */
  get newest(): MetadataImage {
    return this.#newest
  }

  /** The newest image that was given out as a publication. */
  get published(): MetadataImage {
    return this.#published
  }

  get isInTransaction(): boolean {
    return this.#beforeTransaction !== undefined
  }

  /** With `more`, the batch and the ones that follow make one publication: a run that is loaded has no one watching. */
  append(batch: MetadataBatch, options: { more?: boolean } = {}): void {
    const { records, epoch, timestampMs } = batch
    for (const [index, record] of records.entries()) {
      const offset = batch.baseOffset + index
      if (record.type === 'BeginTransactionRecord') this.#begin({ offset: offset - 1, epoch, timestampMs })
      else if (record.type === 'EndTransactionRecord') this.#end({ offset, epoch, timestampMs })
      else if (record.type === 'AbortTransactionRecord') this.#abort()
      else this.#delta().replay(record)
    }
    // A transaction's end was the last record: its publication is the batch's.
    if (this.#open === undefined && this.#newest.provenance.offset === batch.lastOffset) return
    const provenance = { offset: batch.lastOffset, epoch, timestampMs }
    this.#newest = this.#delta().apply(provenance)
    if (!this.isInTransaction && options.more !== true) this.#complete(provenance)
  }

  /** What the high watermark passed, in order. */
  commit(highWatermark: number): Publication[] {
    let count = 0
    while (count < this.#pending.length && this.#pending[count].image.provenance.offset < highWatermark) count++
    const publications = this.#pending.splice(0, count)
    if (count > 0) this.#published = publications[count - 1].image
    return publications
  }

  #delta(): MetadataDelta {
    this.#open ??= new MetadataDelta(this.#newest)
    return this.#open
  }

  #complete(provenance: { offset: number; epoch: number; timestampMs: number }): void {
    const delta = this.#delta()
    this.#newest = delta.apply(provenance)
    this.#pending.push({ delta, image: this.#newest })
    this.#open = undefined
  }

  #begin(before: { offset: number; epoch: number; timestampMs: number }): void {
    if (this.isInTransaction) throw new OdradekError('METADATA_RECORD_INVALID', 'A metadata transaction begins inside another.')
    if (this.#open !== undefined) this.#complete(before)
    this.#beforeTransaction = this.#newest
  }

  #end(provenance: { offset: number; epoch: number; timestampMs: number }): void {
    if (!this.isInTransaction) throw new OdradekError('METADATA_RECORD_INVALID', 'A metadata transaction ends that did not begin.')
    this.#beforeTransaction = undefined
    this.#complete(provenance)
  }

  #abort(): void {
    const before = this.#beforeTransaction
    if (before === undefined) throw new OdradekError('METADATA_RECORD_INVALID', 'A metadata transaction is aborted that did not begin.')
    assert(before.provenance.offset <= this.#newest.provenance.offset)
    this.#newest = before
    this.#beforeTransaction = undefined
    this.#open = undefined
  }
}
