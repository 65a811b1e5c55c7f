// The bytes of a snapshot (KIP-630): record batches like the log's, between a control batch with the SnapshotHeader (and
// kraft.version and voters, where the quorum keeps them in its log) and one with the SnapshotFooter. Offsets count from 0
// within the file. A file without its footer was not finished.
import { DecodeError } from '@odradek/base'
import { decodeControlRecords, decodeRecords, encodeBatch, encodeControlBatch, iterateBatches, type RecordBatch } from '@odradek/protocol'
import { type QuorumMembership, votersFromRecord, votersToRecord } from './voter-set.ts'

/** `offset` is the first one that the snapshot does not hold. */
export interface SnapshotId {
  readonly offset: number
  readonly epoch: number
}

/** Holds the voters that the storage was formatted with, and no metadata. */
export const BOOTSTRAP_SNAPSHOT_ID: SnapshotId = { offset: 0, epoch: 0 }

const SUFFIX = '.checkpoint'

export function snapshotFileName({ offset, epoch }: SnapshotId): string {
  return `${String(offset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}${SUFFIX}`
}

export function parseSnapshotFileName(name: string): SnapshotId | undefined {
  const match = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name)
  if (match === null) return undefined
  const offset = Number(match[1])
  return Number.isSafeInteger(offset) ? { offset, epoch: Number(match[2]) } : undefined
}

export interface SnapshotHeader {
  readonly id: SnapshotId
  /** Of the last record that the snapshot holds, ms. */
  readonly lastContainedLogTimestamp: number
  /** Undefined where the quorum is static. */
  readonly membership: QuorumMembership | undefined
}

/** Makes the batches of one snapshot, in order: `header`, `records` as often as needed, `footer`. */
export class SnapshotBatches {
  readonly #epoch: number
  readonly #now: number
  #nextOffset = 0

  constructor(id: SnapshotId, now: number) {
    this.#epoch = id.epoch
    this.#now = now
  }

  header({ lastContainedLogTimestamp, membership }: Omit<SnapshotHeader, 'id'>): Buffer {
    const header = { type: 'SNAPSHOT_HEADER', value: { version: 0, lastContainedLogTimestamp } } as const
    if (membership === undefined || membership.kraftVersion === 0) return this.#control([header])
    return this.#control([
      header,
      { type: 'KRAFT_VERSION', value: { version: 0, kRaftVersion: membership.kraftVersion } },
      { type: 'KRAFT_VOTERS', value: votersToRecord(membership.voters) }
    ])
  }

  records(values: readonly Buffer[]): Buffer {
    const batch = encodeBatch({
      baseOffset: this.#nextOffset,
      partitionLeaderEpoch: this.#epoch,
      timestamp: this.#now,
      records: values.map((value) => ({ value }))
    })
    this.#nextOffset += values.length
    return batch
  }

  footer(): Buffer {
    return this.#control([{ type: 'SNAPSHOT_FOOTER', value: { version: 0 } }])
  }

  #control(records: Parameters<typeof encodeControlBatch>[0]['records']): Buffer {
    const baseOffset = this.#nextOffset
    this.#nextOffset += records.length
    return encodeControlBatch({ baseOffset, partitionLeaderEpoch: this.#epoch, timestamp: this.#now, records })
  }
}

export interface SnapshotContents {
  readonly lastContainedLogTimestamp: number
  readonly membership: QuorumMembership | undefined
  /** The values of the records, in order: views into the given bytes. */
  readonly records: readonly Buffer[]
}

/** Throws {@link DecodeError} on a snapshot that is cut or damaged. `bootstrap.checkpoint` has the same form. */
export function decodeSnapshot(bytes: Buffer, path: string): SnapshotContents {
  const batches = iterateBatches(bytes)
  const last = batches.at(-1)
  if (last === undefined || last.end !== bytes.length) throw new DecodeError(`The snapshot ${path} ends in the middle of a batch.`)
  let lastContainedLogTimestamp: number | undefined
  let hasFooter = false
  let kraftVersion = 0
  let membership: QuorumMembership | undefined
  const records: Buffer[] = []
  for (const batch of batches) {
    batch.ensureValid()
    if (!batch.isControl) {
      records.push(...values(batch))
      continue
    }
    for (const { record } of decodeControlRecords(batch)) {
      if (record.type === 'SNAPSHOT_HEADER') lastContainedLogTimestamp = record.value.lastContainedLogTimestamp
      else if (record.type === 'SNAPSHOT_FOOTER') hasFooter = true
      else if (record.type === 'KRAFT_VERSION') kraftVersion = record.value.kRaftVersion
      else if (record.type === 'KRAFT_VOTERS') membership = { kraftVersion, voters: votersFromRecord(record.value) }
    }
  }
  if (lastContainedLogTimestamp === undefined) throw new DecodeError(`The snapshot ${path} has no header.`)
  if (!hasFooter) throw new DecodeError(`The snapshot ${path} has no footer: it was not finished.`)
  return { lastContainedLogTimestamp, membership, records }
}

function values(batch: RecordBatch): Buffer[] {
  return decodeRecords(batch).map(({ value, offset }) => {
    if (value === null) throw new DecodeError(`The record at ${offset} of a snapshot has no value.`)
    return value
  })
}
