// The I/O of one segment beside its appends: bringing evicted indexes back (rebuilding damaged ones from the batches),
// resuming a segment that grew before, renaming and removing its files.

import { INDEX_SUFFIX, SEGMENT_SUFFIXES, TIME_INDEX_SUFFIX } from './layout.ts'
import type { StorageNode } from './log-directory.ts'
import { Segment } from './segment.ts'
import { findBatch, scanSegment } from './segment-scan.ts'
import type { SparseIndex } from './sparse-index.ts'

/** What a segment's I/O needs of its log. */
export interface SegmentHome {
  readonly node: StorageNode
  readonly path: string
  readonly indexIntervalBytes: number
}

/** After this, lookups in both indexes answer at once. Index files that cannot be right are rebuilt. */
export function ensureIndexes(home: SegmentHome, segment: Segment): Promise<void> {
  if (segment.isIndexLoaded && !segment.offsets.needsLoad && !segment.times.needsLoad) return Promise.resolve()
  if (segment.isRemoved) return Promise.reject(new Error(`${segment.file.path} was removed`))
  segment.loading ??= loadOrRebuild(home, segment).finally(() => {
    segment.loading = undefined
  })
  return segment.loading
}

async function loadOrRebuild(home: SegmentHome, segment: Segment): Promise<void> {
  if (!segment.isIndexLoaded) {
    if (!(await loadIndexes(home, segment))) {
      // the names may be those of another one's files now
      if (segment.isRemoved) throw new Error(`${segment.file.path} was removed`)
      await rebuildIndexes(home, segment)
    }
  } else {
    await reload(home, segment.offsets, segment.path(home.path, INDEX_SUFFIX))
    await reload(home, segment.times, segment.path(home.path, TIME_INDEX_SUFFIX))
  }
  home.node.indexes.add(segment.offsets, segment.times)
}

/** Runs `use` at once when all entries of both indexes are in memory, where other segments cannot push them out. */
export async function withIndexes<T>(home: SegmentHome, segment: Segment, use: () => T): Promise<T> {
  do await ensureIndexes(home, segment)
  while (segment.offsets.needsLoad || segment.times.needsLoad)
  return use()
}

async function reload(home: SegmentHome, index: SparseIndex, path: string): Promise<void> {
  if (index.needsLoad) index.setCached(await home.node.world.disk.readFile(path))
}

/** Reads the index files of a segment opened before its indexes were needed. False when they are missing or wrong. */
export async function loadIndexes(home: SegmentHome, segment: Segment): Promise<boolean> {
  const offsets = await readIfThere(home, segment.path(home.path, INDEX_SUFFIX))
  const times = await readIfThere(home, segment.path(home.path, TIME_INDEX_SUFFIX))
  if (offsets === undefined || times === undefined) return false
  if (!segment.offsets.load(offsets, segment.size) || !segment.times.load(times)) return false
  if (offsets.length > segment.offsets.saved * segment.offsets.entryBytes)
    await cutIndexFile(home, segment.path(home.path, INDEX_SUFFIX), segment.offsets)
  if (times.length > segment.times.saved * segment.times.entryBytes)
    await cutIndexFile(home, segment.path(home.path, TIME_INDEX_SUFFIX), segment.times)
  segment.isIndexLoaded = true
  segment.hasIndexFiles = true
  return true
}

export async function readIfThere(home: SegmentHome, path: string): Promise<Buffer | undefined> {
  try {
    return await home.node.world.disk.readFile(path)
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    throw error
  }
}

/** Cuts what an index file has beyond its entries: those of truncated batches, the zeros of a preallocated file. */
export async function cutIndexFile(home: SegmentHome, path: string, index: SparseIndex): Promise<void> {
  const file = await home.node.world.disk.open(path, 'create')
  try {
    await file.truncate(index.saved * index.entryBytes)
  } finally {
    await file.close()
  }
}

/** Makes both indexes anew from the batches and, of a sealed segment, saves them. */
export async function rebuildIndexes(home: SegmentHome, segment: Segment): Promise<void> {
  const { node, path, indexIntervalBytes } = home
  node.world.logger.log('WARN', 'kafka.log.UnifiedLog', `rebuilding the index files of ${segment.file.path}: they are missing or damaged`)
  await removeFiles(home, segment, [INDEX_SUFFIX, TIME_INDEX_SUFFIX])
  const rebuilt = new Segment(segment.baseOffset, segment.file, segment.createdMs)
  await scanSegment(segment.file, node.buffers, { from: 0, to: segment.size, checkCrc: false }, (batch) => {
    rebuilt.addBatch(batch.lastOffset, batch.maxTimestamp, batch.sizeInBytes, indexIntervalBytes)
  })
  if (segment.isSealed) rebuilt.addLastTimestamp()
  segment.adoptIndexes(rebuilt)
  if (!segment.isSealed) return
  // nothing else would find that a power loss cut the time index, whose end tells retention how old the segment is
  await segment.saveIndexes(node.world.disk, path, { sync: true })
  await reload(home, segment.offsets, segment.path(path, INDEX_SUFFIX))
  await reload(home, segment.times, segment.path(path, TIME_INDEX_SUFFIX))
}

/**
 * Reads what is after the last index entry, so that the segment can grow on: greatest timestamp, distance to the next entry.
 * Returns the offset after the last batch, or undefined when the file does not end with a whole batch.
 */
export async function resumeSegment(home: SegmentHome, segment: Segment, size: number): Promise<number | undefined> {
  const from = segment.offsets.lastPosition
  let nextOffset = segment.baseOffset
  let { lastTimestamp, lastOffset } = segment.times
  const { validBytes } = await scanSegment(segment.file, home.node.buffers, { from, to: size, checkCrc: false }, (batch) => {
    if (batch.baseOffset < nextOffset) return false
    nextOffset = batch.nextOffset
    if (batch.maxTimestamp > lastTimestamp) {
      lastTimestamp = batch.maxTimestamp
      lastOffset = batch.lastOffset
    }
  })
  if (validBytes !== size) return undefined
  segment.maxTimestamp = lastTimestamp
  segment.offsetOfMaxTimestamp = lastTimestamp < 0 ? -1 : lastOffset
  segment.firstTimestamp = await firstTimestamp(home, segment, size)
  segment.resumeAt(size, size - from)
  return nextOffset
}

async function firstTimestamp(home: SegmentHome, segment: Segment, size: number): Promise<number> {
  let first = -1
  await scanSegment(segment.file, home.node.buffers, { from: 0, to: size, checkCrc: false }, (batch) => {
    first = batch.maxTimestamp
    return false
  })
  return first
}

/** The greatest timestamp of the segment's first batch, read when it is not known. */
export async function firstTimestampOf(home: SegmentHome, segment: Segment): Promise<number> {
  if (segment.firstTimestamp < 0 && segment.writtenSize > 0)
    segment.firstTimestamp = await firstTimestamp(home, segment, segment.writtenSize)
  return segment.firstTimestamp
}

/** The place of the first batch that reaches `offset`; the end of the segment when none does. */
export async function locate(home: SegmentHome, segment: Segment, offset: number): Promise<{ position: number; size: number }> {
  let from = segment.isIndexLoaded ? segment.offsets.lookup(offset) : -1
  if (from < 0) from = await withIndexes(home, segment, () => segment.offsets.lookup(offset))
  return findBatch(segment.file, home.node.buffers, { from, to: segment.writtenSize }, offset)
}

export async function removeFiles(home: SegmentHome, segment: Segment, suffixes: readonly string[] = SEGMENT_SUFFIXES): Promise<void> {
  for (const suffix of suffixes) await unlinkIfThere(home.node, segment.path(home.path, suffix))
}

export async function unlinkIfThere(node: StorageNode, path: string): Promise<void> {
  try {
    await node.world.disk.unlink(path)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
  }
}
