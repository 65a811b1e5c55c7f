// One segment: `<base>.log` with its indexes. The log core tells it of every batch; it keeps the sparse indexes, the
// greatest timestamp and the sizes. Bytes go to disk through the log's writer, index files through `saveIndexes`.
// Only the last segment of a log grows; a sealed one changes only by deletion, cleaning or truncation.

import type { Disk } from '@odradek/world'
import type { LogFile } from './file-pool.ts'
import { INDEX_SUFFIX, LOG_SUFFIX, offsetName, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX } from './layout.ts'
import { OFFSET_ENTRY_BYTES, OffsetIndex } from './offset-index.ts'
import { TIME_ENTRY_BYTES, TimeIndex } from './time-index.ts'
import type { AbortedTxn } from './txn-index.ts'
import { formatAbortedTxns, TXN_ENTRY_BYTES } from './txn-index.ts'

/** Unsaved index entries of a growing segment beyond this go to file. */
export const RESIDENT_ENTRIES_MAX = 4096

/** Aborted transactions that a sealed segment keeps in memory. */
export const RESIDENT_TXNS_MAX = 1000
/** A segment with as many aborted transactions is full: they are in memory while it grows. */
const GROWING_TXNS_MAX = 100_000

export class Segment {
  readonly baseOffset: number
  readonly file: LogFile
  offsets: OffsetIndex
  times: TimeIndex
  /** Aborted transactions whose marker is here; undefined while they are only on file. */
  abortedTxns: AbortedTxn[] | undefined = []
  abortedTxnsSaved = 0
  abortedTxnsSynced = 0
  /** False for a sealed segment whose indexes were not looked at since the log was opened. */
  isIndexLoaded = true
  /** Bytes appended, and of those, bytes in the file. */
  size = 0
  writtenSize = 0
  /** Bytes that survive a power loss, as far as known. */
  syncedSize = 0
  maxTimestamp = -1
  offsetOfMaxTimestamp = -1
  /** The greatest timestamp of the first batch: rolling by time counts from it. -1 when none or unknown. */
  firstTimestamp = -1
  createdMs: number
  lastModifiedMs: number
  isSealed = false
  /** The names of its files survive a power loss. */
  isNameSynced = false
  /** Index files exist, maybe behind the memory. */
  hasIndexFiles = false
  /** It left the log: its files belong to whoever removes them. */
  isRemoved = false
  /** Its index files are being read. */
  loading: Promise<void> | undefined
  private bytesSinceEntry = 0

  constructor(baseOffset: number, file: LogFile, now: number) {
    this.baseOffset = baseOffset
    this.file = file
    this.offsets = new OffsetIndex(baseOffset)
    this.times = new TimeIndex(baseOffset)
    this.createdMs = now
    this.lastModifiedMs = now
  }

  /** A batch of `bytes` is appended at the current end. */
  addBatch(lastOffset: number, maxTimestamp: number, bytes: number, indexIntervalBytes: number): void {
    if (this.size === 0) this.firstTimestamp = maxTimestamp
    if (maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = maxTimestamp
      this.offsetOfMaxTimestamp = lastOffset
    }
    if (this.bytesSinceEntry > indexIntervalBytes) {
      this.offsets.append(lastOffset, this.size)
      this.times.maybeAppend(this.maxTimestamp, this.offsetOfMaxTimestamp)
      this.bytesSinceEntry = 0
    }
    this.size += bytes
    this.bytesSinceEntry += bytes
  }

  /** Back to `size` bytes with nothing known of them. */
  resetTo(size: number): void {
    this.offsets.clear()
    this.times.clear()
    this.abortedTxns = []
    this.maxTimestamp = -1
    this.offsetOfMaxTimestamp = -1
    this.firstTimestamp = -1
    this.resumeAt(size, 0)
  }

  /** What a later append must know of the bytes after the last index entry. */
  resumeAt(size: number, bytesSinceEntry: number): void {
    this.size = size
    this.writtenSize = size
    this.bytesSinceEntry = bytesSinceEntry
  }

  /** Takes the indexes over from `other`, which was built from the same file. */
  adoptIndexes(other: Segment): void {
    this.offsets = other.offsets
    this.times = other.times
    this.maxTimestamp = other.maxTimestamp
    this.offsetOfMaxTimestamp = other.offsetOfMaxTimestamp
    this.firstTimestamp = other.firstTimestamp
    this.bytesSinceEntry = other.bytesSinceEntry
    this.isIndexLoaded = true
    this.hasIndexFiles = false
  }

  /** No batch comes any more. */
  seal(): void {
    this.isSealed = true
    this.addLastTimestamp()
  }

  /** The greatest timestamp must be the last entry of the time index of a segment that is closed. */
  addLastTimestamp(): void {
    if (this.maxTimestamp >= 0) this.times.maybeAppend(this.maxTimestamp, this.offsetOfMaxTimestamp)
  }

  isIndexFull(segmentIndexBytes: number): boolean {
    return (
      (this.abortedTxns?.length ?? 0) >= GROWING_TXNS_MAX ||
      this.offsets.count >= Math.floor(segmentIndexBytes / OFFSET_ENTRY_BYTES) ||
      this.times.count >= Math.floor(segmentIndexBytes / TIME_ENTRY_BYTES) - 1
    )
  }

  /** Everything that its index files must have survives a power loss. */
  get areIndexesSynced(): boolean {
    const { offsets, times, abortedTxns } = this
    if (!this.isIndexLoaded) return true
    if (!this.hasIndexFiles || offsets.synced < offsets.count || times.synced < times.count) return false
    return abortedTxns === undefined || abortedTxns.length === this.abortedTxnsSynced
  }

  get wantsSpill(): boolean {
    return this.offsets.residentCount > RESIDENT_ENTRIES_MAX
  }

  /** The newest time of anything in it: what retention by time goes by. */
  get largestTimestamp(): number {
    return this.maxTimestamp >= 0 ? this.maxTimestamp : this.lastModifiedMs
  }

  /** The path of one of its files: `directory/<base><suffix>`. */
  path(directory: string, suffix: string): string {
    return `${directory}/${offsetName(this.baseOffset)}${suffix}`
  }

  /** Writes what the index files lack, and makes them, even empty: Kafka scans a segment that has none. */
  async saveIndexes(disk: Disk, directory: string, options: { sync: boolean; suffix?: string }): Promise<void> {
    if (!this.isIndexLoaded) return
    const { sync, suffix = '' } = options
    const isNew = !this.hasIndexFiles
    for (const [index, name] of [
      [this.offsets, INDEX_SUFFIX],
      [this.times, TIME_INDEX_SUFFIX]
    ] as const) {
      const { count, saved, synced, entryBytes } = index
      if (!isNew && !index.hasUnsaved && (!sync || synced === count)) continue
      await writeAt(disk, this.path(directory, name + suffix), saved * entryBytes, index.unsaved(), sync)
      index.markSaved(count, true)
      if (sync) index.synced = count
    }
    this.hasIndexFiles = true
    if (isNew) this.isNameSynced = false
    await this.saveAbortedTxns(disk, this.path(directory, TXN_INDEX_SUFFIX + suffix), sync)
  }

  private async saveAbortedTxns(disk: Disk, path: string, sync: boolean): Promise<void> {
    const { abortedTxns: aborted, abortedTxnsSaved: saved, abortedTxnsSynced: synced } = this
    if (aborted === undefined || aborted.length === 0) return
    const count = aborted.length
    if (count === saved && (!sync || synced === count)) return
    await writeAt(disk, path, saved * TXN_ENTRY_BYTES, formatAbortedTxns(aborted.slice(saved)), sync)
    this.abortedTxnsSaved = count
    if (sync) this.abortedTxnsSynced = count
    if (saved === 0) this.isNameSynced = false
    if (this.isSealed && count > RESIDENT_TXNS_MAX) this.abortedTxns = undefined
  }

  /** Takes the list that is on file. */
  keepAbortedTxns(txns: AbortedTxn[]): void {
    this.abortedTxns = txns
    this.abortedTxnsSaved = txns.length
    this.abortedTxnsSynced = txns.length
  }

  logPath(directory: string): string {
    return this.path(directory, LOG_SUFFIX)
  }
}

async function writeAt(disk: Disk, path: string, position: number, bytes: Buffer, sync: boolean): Promise<void> {
  const file = await disk.open(path, 'create')
  try {
    if (bytes.length > 0) await file.write(position, [bytes])
    if (sync) await file.sync()
  } finally {
    await file.close()
  }
}
