// Recovery after an unclean stop: scans segments batch by batch with CRC, rebuilds their indexes, the epoch cache and the
// producer state, and ends the log before the first bad batch.

import type { BufferPool } from '@odradek/base'
import type { EpochCache } from './epoch-cache.ts'
import type { LogFile } from './file-pool.ts'
import { INDEX_SUFFIX, offsetName, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX } from './layout.ts'
import type { ProducerHome } from './producer-rebuild.ts'
import { loadProducers } from './producer-rebuild.ts'
import type { Segment } from './segment.ts'
import { removeFiles, unlinkIfThere } from './segment-files.ts'
import { scanSegment } from './segment-scan.ts'

const INT32_MAX = 2147483647
const CHUNK_BYTES = 1024 * 1024

export interface RecoveryHome extends ProducerHome {
  segments: Segment[]
  readonly epochs: EpochCache
  /** Cleaning may have left offsets out between segments. */
  readonly mayHaveGaps: boolean
  /** What the last process wrote may never reach the disk, and the log promises that it does. */
  readonly mustRewrite: boolean
}

/** Recovers the segments from index `first` on. Returns the end of the log. */
export async function recoverSegments(home: RecoveryHome, first: number): Promise<number> {
  // Newer snapshots tell of batches that may not be there any more.
  await dropSnapshotsAfter(home, home.segments[first].baseOffset)
  await loadProducers(home, home.segments[first].baseOffset)
  let nextOffset = home.segments[first].baseOffset
  for (let i = first; i < home.segments.length; i++) {
    const segment = home.segments[i]
    if (i > first) await snapshotAt(home, segment.baseOffset)
    const { endOffset, problem } = await recoverSegment(
      home,
      segment,
      i > 0 ? Math.max(nextOffset, segment.baseOffset) : segment.baseOffset
    )
    nextOffset = endOffset
    const next = home.segments[i + 1]
    // a gap that no segment could have filled is the work of compaction, on whatever node that was
    const canFill = next !== undefined && next.baseOffset - segment.baseOffset <= INT32_MAX
    const isShort = next !== undefined && next.baseOffset > endOffset && canFill && !home.mayHaveGaps
    if (problem === undefined && !isShort) continue
    const why = problem ?? `the next segment begins at ${next.baseOffset}, what lay between was not on disk`
    home.node.world.logger.log('WARN', 'kafka.log.UnifiedLog', `${segment.file.path} ends at offset ${endOffset} after recovery: ${why}`)
    await dropSegments(home, i + 1)
  }
  const last = home.segments[home.segments.length - 1]
  last.isSealed = false
  return Math.max(nextOffset, last.baseOffset)
}

async function recoverSegment(
  home: RecoveryHome,
  segment: Segment,
  minOffset: number
): Promise<{ endOffset: number; problem: string | undefined }> {
  const { node, indexIntervalBytes, epochs, producers } = home
  const { size } = segment
  await removeFiles(home, segment, [INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX])
  segment.resetTo(0)
  segment.isIndexLoaded = true
  segment.hasIndexFiles = false
  segment.abortedTxnsSaved = 0
  segment.abortedTxnsSynced = 0
  let nextOffset = minOffset
  const { validBytes, problem } = await scanSegment(segment.file, node.buffers, { from: 0, to: size, checkCrc: true }, (batch) => {
    const { baseOffset, lastOffset, partitionLeaderEpoch } = batch
    if (baseOffset < nextOffset || lastOffset < baseOffset || lastOffset - segment.baseOffset > INT32_MAX) return false
    segment.addBatch(lastOffset, batch.maxTimestamp, batch.sizeInBytes, indexIntervalBytes)
    if (partitionLeaderEpoch > epochs.latestEpoch) epochs.assign(partitionLeaderEpoch, baseOffset)
    if (batch.producerId >= 0) {
      const completed = producers.apply(batch)
      if (completed?.isAborted) segment.abortedTxns!.push(completed)
    }
    nextOffset = lastOffset + 1
    producers.mapEndOffset = nextOffset
  })
  if (validBytes < size) {
    await segment.file.truncate(validBytes)
    // What is cut must not come back with the next power loss, between records that took its offsets.
    await segment.file.sync()
  }
  segment.writtenSize = validBytes
  if (home.mustRewrite) await rewrite(segment.file, node.buffers, validBytes)
  if (segment.isSealed) {
    segment.addLastTimestamp()
    await segment.saveIndexes(node.world.disk, home.path, { sync: false })
  }
  return { endOffset: nextOffset, problem }
}

/**
 * Writes the bytes of a file again, where they are. After a sync that failed, the kernel still shows what it could not write
 * and takes it for clean; the next sync succeeds and says nothing of it. The process that saw the failure is gone.
 */
async function rewrite(file: LogFile, buffers: BufferPool, size: number): Promise<void> {
  for (let position = 0; position < size; position += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, size - position)
    const buffer = buffers.take(length)
    const read = await file.read(position, buffer, 0, length)
    await file.write(position, [buffer.subarray(0, read)])
    buffers.release(buffer)
  }
}

/** So that the next recovery need not read what this one read. */
async function snapshotAt(home: RecoveryHome, offset: number): Promise<void> {
  const { producers } = home
  await home.node.world.disk.writeFileAtomic(`${home.path}/${offsetName(offset)}${SNAPSHOT_SUFFIX}`, producers.snapshot(), { sync: false })
  home.snapshots.push(offset)
}

async function dropSnapshotsAfter(home: RecoveryHome, offset: number): Promise<void> {
  for (const at of home.snapshots.filter((snapshot) => snapshot > offset)) {
    await unlinkIfThere(home.node, `${home.path}/${offsetName(at)}${SNAPSHOT_SUFFIX}`)
  }
  home.snapshots = home.snapshots.filter((snapshot) => snapshot <= offset)
}

async function dropSegments(home: RecoveryHome, from: number): Promise<void> {
  if (from >= home.segments.length) return
  for (const segment of home.segments.splice(from)) {
    await segment.file.close()
    await removeFiles(home, segment)
  }
  await home.node.world.disk.syncDir(home.path)
}
