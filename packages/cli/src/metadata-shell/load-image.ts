// The image that a snapshot or a segment of the metadata log holds.
import { readFileSync } from 'node:fs'
import { decodeMetadataRecord, MetadataDelta, MetadataImage, type MetadataRecord } from '@odradek/metadata'
import { decodeRecords, iterateBatches } from '@odradek/protocol'
import { ToolError } from '../tool.ts'

/** A metadata snapshot of a huge cluster has some hundred megabytes. */
const DECOMPRESSED_BYTES_MAX = 1 << 30

export function loadImage(path: string, name: string): MetadataImage {
  const bytes = readFileSync(path)
  const delta = new MetadataDelta(MetadataImage.EMPTY)
  let transaction: MetadataRecord[] | undefined
  let provenance = { offset: -1, epoch: -1, timestampMs: -1 }
  for (const batch of iterateBatches(bytes, 0, bytes.length)) {
    batch.ensureValid()
    if (batch.isControl) continue
    for (const { value } of decodeRecords(batch, { outputBytesMax: DECOMPRESSED_BYTES_MAX })) {
      if (value === null) throw new ToolError(`${name} has a record without a value: it is no file of the metadata log`)
      const record = decodeMetadataRecord(value)
      if (record.type === 'BeginTransactionRecord') transaction = []
      else if (record.type === 'AbortTransactionRecord') transaction = undefined
      else if (record.type === 'EndTransactionRecord') {
        for (const one of transaction ?? []) delta.replay(one)
        transaction = undefined
      } else if (transaction !== undefined) transaction.push(record)
      else delta.replay(record)
    }
    provenance = { offset: batch.lastOffset, epoch: batch.partitionLeaderEpoch, timestampMs: batch.maxTimestamp }
  }
  return delta.apply(provenance)
}
