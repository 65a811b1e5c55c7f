// Reads what the folder of the metadata log holds: the newest snapshot, then the log behind it. What comes out is the
// chain of images up to the log's end (nothing of it is committed yet) and the quorum's membership as the log has it.
import { DecodeError, OdradekError, type Uuid } from '@odradek/base'
import { decodeControlRecords, decodeRecords, iterateBatches, type RecordBatch } from '@odradek/protocol'
import {
  BOOTSTRAP_SNAPSHOT_ID,
  decodeSnapshot,
  type QuorumMembership,
  type RaftLog,
  type SnapshotContents,
  type SnapshotId,
  type SnapshotStore,
  votersFromRecord
} from '@odradek/raft'
import type { Logger } from '@odradek/world'
import { ImageChain, type MetadataBatch } from './image/image-chain.ts'
import { MetadataDelta } from './image/metadata-delta.ts'
import { MetadataImage } from './image/metadata-image.ts'
import { decodeMetadataRecord } from './records.ts'

const LOGGER = 'org.apache.kafka.image.loader.MetadataLoader'

const READ_BYTES = 1024 * 1024

export interface LoadedMetadata {
  readonly chain: ImageChain
  /** Undefined where neither log nor snapshot names the voters: a static quorum. */
  readonly membership: QuorumMembership | undefined
  /** The membership comes from more than the snapshot that the storage was formatted with. */
  readonly isMembershipInLog: boolean
  /** No record of a controller was ever written. */
  readonly isEmpty: boolean
  /** Ids of the topics that the log behind the snapshot deletes. */
  readonly deletedTopics: ReadonlySet<Uuid>
  /** Bytes of the log behind the snapshot. */
  readonly bytesSinceSnapshot: number
}

export async function loadMetadata(store: SnapshotStore, log: RaftLog, logger: Logger): Promise<LoadedMetadata> {
  const { id, snapshot } = await newestSnapshot(store, log, logger)
  if (id !== undefined && id.offset > log.logEndOffset) {
    const ends = `The metadata log ends at offset ${log.logEndOffset}, before its newest snapshot`
    logger.log('WARN', LOGGER, `${ends} at ${id.offset}: it goes on behind the snapshot, and what came after that is lost`)
    await log.restartAt(id.offset)
  }
  if (log.logStartOffset > (id?.offset ?? 0)) {
    throw new OdradekError(
      'METADATA_LOG_INVALID',
      `The metadata log begins at offset ${log.logStartOffset}, but no snapshot holds what was before. Restore the snapshots from a backup.`
    )
  }
  const chain = new ImageChain(snapshot?.image ?? MetadataImage.EMPTY)
  let membership = snapshot?.membership
  let isMembershipInLog = membership !== undefined && id?.offset !== BOOTSTRAP_SNAPSHOT_ID.offset
  let isEmpty = snapshot === undefined || snapshot.recordCount === 0
  const deletedTopics = new Set<Uuid>()
  let bytesSinceSnapshot = 0
  let pending: MetadataBatch | undefined
  for (let offset = id?.offset ?? 0; offset < log.logEndOffset; ) {
    const batches = (await log.read(offset, READ_BYTES)).flatMap((buffer) => iterateBatches(buffer))
    if (batches.length === 0)
      throw new OdradekError('METADATA_LOG_INVALID', `The metadata log has no batch at offset ${offset} before its end.`)
    for (const batch of batches) {
      if (batch.lastOffset < offset) continue
      if (pending !== undefined) chain.append(pending, { more: true })
      pending = decodeMetadataBatch(batch)
      if (pending.records.length > 0) isEmpty = false
      for (const { type, data } of pending.records) if (type === 'RemoveTopicRecord') deletedTopics.add(data.topicId)
      const changed = batch.isControl ? membershipOf(batch) : undefined
      if (changed !== undefined) {
        membership = changed
        isMembershipInLog = true
      }
      bytesSinceSnapshot += batch.sizeInBytes
      offset = batch.nextOffset
    }
  }
  if (pending !== undefined) chain.append(pending)
  return { chain, membership, isMembershipInLog, isEmpty, deletedTopics, bytesSinceSnapshot }
}

interface LoadedSnapshot {
  readonly image: MetadataImage
  readonly membership: QuorumMembership | undefined
  readonly recordCount: number
}

/** A damaged one is passed over where the log still has all that it held. */
async function newestSnapshot(
  store: SnapshotStore,
  log: RaftLog,
  logger: Logger
): Promise<{ id: SnapshotId | undefined; snapshot: LoadedSnapshot | undefined }> {
  for (let id = store.latest; id !== undefined; id = store.latest) {
    const path = store.path(id)
    const bytes = await store.read(id)
    let contents: SnapshotContents
    try {
      contents = decodeSnapshot(bytes, path)
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      const before = store.ids.at(-2)?.offset ?? 0
      if (log.logStartOffset > before || log.logEndOffset < id.offset || id.offset === BOOTSTRAP_SNAPSHOT_ID.offset) {
        const what = `The snapshot ${path} of the metadata is damaged, and the metadata log does not hold all of it.`
        throw new OdradekError('METADATA_LOG_INVALID', `${what} Restore the file from a backup.`, { cause })
      }
      logger.log('WARN', LOGGER, `The snapshot ${path} is damaged and removed: the metadata comes from what was before it`, cause)
      await store.delete(id)
      continue
    }
    const { records, membership, lastContainedLogTimestamp } = contents
    const image = imageFromSnapshot(records, id, lastContainedLogTimestamp)
    return { id, snapshot: { image, membership, recordCount: records.length } }
  }
  return { id: undefined, snapshot: undefined }
}

export function imageFromSnapshot(records: readonly Buffer[], { offset, epoch }: SnapshotId, timestampMs: number): MetadataImage {
  const delta = new MetadataDelta(MetadataImage.EMPTY)
  for (const value of records) delta.replay(decodeMetadataRecord(value))
  return delta.apply({ offset: offset - 1, epoch, timestampMs })
}

export function decodeMetadataBatch(batch: RecordBatch): MetadataBatch {
  batch.ensureValid()
  const { baseOffset, lastOffset, partitionLeaderEpoch: epoch, maxTimestamp: timestampMs } = batch
  const records = batch.isControl ? [] : decodeRecords(batch).map(({ value }) => decodeMetadataRecord(value ?? Buffer.alloc(0)))
  return { baseOffset, lastOffset, epoch, timestampMs, records }
}

/** The membership that a control batch sets, or undefined. */
function membershipOf(batch: RecordBatch): QuorumMembership | undefined {
  let kraftVersion = 1
  let membership: QuorumMembership | undefined
  for (const { record } of decodeControlRecords(batch)) {
    if (record.type === 'KRAFT_VERSION') kraftVersion = record.value.kRaftVersion
    else if (record.type === 'KRAFT_VOTERS') membership = { kraftVersion, voters: votersFromRecord(record.value) }
  }
  return membership
}
