// Reads of one log. The end of the log comes from the tail cache as a plain value: the very buffers that were appended. What
// is older comes from the file: one positional read of the whole range into a pooled buffer, cut to whole batches. A reader
// that goes on where its last read ended finds its place without the index, and its next range already being read.

import { ErrorCode } from '@odradek/protocol'
import { batchNextOffset, batchSize, WALK_BYTES } from './batch-walk.ts'
import type { PartitionLog } from './partition-log.ts'
import type { AheadRange } from './read-ahead.ts'
import type { Segment } from './segment.ts'
import { withIndexes } from './segment-files.ts'
import { cut } from './tail-cache.ts'

export interface ReadOptions {
  /** Bytes wanted at most; one batch may exceed it when `minOneBatch`. */
  maxBytes: number
  /** Only batches below it: the high watermark, the last stable offset, or the log's end (then leave it out). */
  endOffset?: number
  minOneBatch?: boolean
}

export interface ReadResult {
  /** 0, OFFSET_OUT_OF_RANGE or KAFKA_STORAGE_ERROR. */
  errorCode: number
  /** Whole batches; the first one holds the asked offset. */
  buffers: Buffer[]
  sizeInBytes: number
  /** The offset after the last batch: where the next read goes on. The asked offset when nothing was read. */
  nextOffset: number
  /**
   * Where present: gives the buffers back for reuse. Call it once, when nothing refers to them any more, the socket that
   * sends them included; or never, then they are garbage in the end.
   */
  release?: () => void
}

/** Bytes in a segment that are no batch. */
class CorruptLogError extends Error {}

/** The smallest read from a file: less costs as much. */
const READ_BYTES_MIN = 16 * 1024

const EMPTY: Buffer[] = []

function emptyRead(offset: number, errorCode = 0): ReadResult {
  return { errorCode, buffers: EMPTY, sizeInBytes: 0, nextOffset: offset }
}

/** A place in a segment that the next read is likely to ask for. */
interface Place {
  offset: number
  segment: Segment
  position: number
  /** What is there, on its way from the disk. */
  ahead: AheadRange | undefined
}

const PLACES_MAX = 16
/** Of who asks for more at once the next range is not read ahead. */
const AHEAD_BYTES_MAX = 4 * 1024 * 1024

export class LogReader {
  private readonly log: PartitionLog
  private readonly places: Place[] = []

  constructor(log: PartitionLog) {
    this.log = log
  }

  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    const { log } = this
    if (log.directory.isOffline || log.isClosed) return emptyRead(offset, ErrorCode.KAFKA_STORAGE_ERROR)
    if (offset < log.logStartOffset || offset > log.logEndOffset) return emptyRead(offset, ErrorCode.OFFSET_OUT_OF_RANGE)
    const endOffset = Math.min(options.endOffset ?? log.writtenOffset, log.writtenOffset)
    if (offset >= endOffset) return emptyRead(offset)
    if (offset >= log.tail.firstOffset) {
      return { errorCode: 0, ...log.tail.collect(offset, options.maxBytes, endOffset, options.minOneBatch ?? false) }
    }
    return this.readFile(offset, endOffset, options)
  }

  private async readFile(offset: number, endOffset: number, options: ReadOptions): Promise<ReadResult> {
    const { log } = this
    for (;;) {
      const { generation } = log
      try {
        const result = await this.readSegments(offset, endOffset, options)
        if (generation === log.generation || result.errorCode !== 0) return result
        this.forget() // the place that this read remembered
      } catch (error) {
        if (!(await log.hasMovedSince(generation))) return this.failedRead(offset, error)
      }
      if (offset < log.logStartOffset || offset > log.logEndOffset) return emptyRead(offset, ErrorCode.OFFSET_OUT_OF_RANGE)
      if (offset >= Math.min(endOffset, log.writtenOffset)) return emptyRead(offset)
    }
  }

  private failedRead(offset: number, error: unknown): ReadResult {
    const { log } = this
    if (log.isClosed) return emptyRead(offset, ErrorCode.KAFKA_STORAGE_ERROR)
    if (error instanceof CorruptLogError) {
      log.node.world.logger.log(
        'ERROR',
        'kafka.log.UnifiedLog',
        `${log.path} holds damaged bytes at or after offset ${offset}: ${error.message}`
      )
      return emptyRead(offset, ErrorCode.CORRUPT_MESSAGE)
    }
    log.directory.fail(error, `read of ${log.path}`)
    return emptyRead(offset, ErrorCode.KAFKA_STORAGE_ERROR)
  }

  /** Reads from the segment of `offset`, or from the next one that has something (compaction leaves gaps). */
  private async readSegments(offset: number, endOffset: number, options: ReadOptions): Promise<ReadResult> {
    const { log } = this
    for (let i = Math.max(log.segmentIndexFor(offset), 0); i < log.segments.length; i++) {
      const segment = log.segments[i]
      if (segment.baseOffset >= endOffset) break
      const found = await this.readSegment(segment, offset, endOffset, options)
      if (found !== undefined) return found
    }
    return emptyRead(offset)
  }

  /** Undefined when the segment holds no batch at or after `offset`. */
  private async readSegment(segment: Segment, offset: number, endOffset: number, options: ReadOptions): Promise<ReadResult | undefined> {
    const { log } = this
    const { maxBytes, minOneBatch = false } = options
    const known = this.takePlace(segment, offset)
    let position = known?.position ?? (await this.lookup(segment, offset))
    const slack = known === undefined ? log.config.indexIntervalBytes : 0
    let want = Math.max(Math.min(maxBytes, 1 << 30) + slack, READ_BYTES_MIN)
    let ahead = known?.ahead
    for (;;) {
      const available = segment.writtenSize - position
      if (available < WALK_BYTES) return undefined
      const { buffer, length, read } = await this.readRange(segment, position, Math.min(want, available), ahead)
      ahead = undefined
      const bytes = buffer.subarray(0, read)
      const start = startOf(bytes, offset)
      if (start.at >= 0) {
        const first = batchSize(bytes, start.at)
        if (start.at + first <= read || !minOneBatch) {
          const found = this.resultOf(segment, position, buffer, bytes, start.at, { offset, endOffset, maxBytes, minOneBatch })
          if (known !== undefined && found.sizeInBytes > 0) this.readOn(want)
          return found
        }
        position += start.at
        if (first > segment.writtenSize - position) throw new CorruptLogError(`the batch at ${position} is cut`)
        want = first
      } else {
        position += start.passed
        if (start.passed === 0) want *= 2
      }
      log.node.buffers.release(buffer)
      if (read < length) return undefined
    }
  }

  /** The place is taken: whoever reads on from it leaves a new one. */
  private takePlace(segment: Segment, offset: number): Place | undefined {
    const known = this.places.findIndex((place) => place.offset === offset && place.segment === segment)
    return known < 0 ? undefined : this.places.splice(known, 1)[0]
  }

  private async readRange(
    segment: Segment,
    position: number,
    length: number,
    ahead: AheadRange | undefined
  ): Promise<{ buffer: Buffer; length: number; read: number }> {
    const { node } = this.log
    if (ahead !== undefined && node.ahead.take(ahead)) {
      const read = await ahead.done
      if (read > 0) return { buffer: ahead.buffer, length: ahead.length, read }
      node.buffers.release(ahead.buffer)
    }
    const buffer = node.buffers.take(length)
    return { buffer, length, read: await segment.file.read(position, buffer, 0, length) }
  }

  /** The reader came from the place before: it will want the one that was remembered last, too. */
  private readOn(want: number): void {
    const place = this.places[this.places.length - 1]
    const { log } = this
    const length = Math.min(want, place.segment.writtenSize - place.position)
    if (length < WALK_BYTES || want > AHEAD_BYTES_MAX || place.offset >= log.tail.firstOffset) return
    place.ahead = log.node.ahead.start(place.segment.file, place.position, length)
  }

  private async lookup(segment: Segment, offset: number): Promise<number> {
    if (offset <= segment.baseOffset) return 0
    const position = segment.isIndexLoaded ? segment.offsets.lookup(offset) : -1
    if (position >= 0) return position
    return withIndexes(this.log, segment, () => segment.offsets.lookup(offset))
  }

  private resultOf(
    segment: Segment,
    position: number,
    buffer: Buffer,
    bytes: Buffer,
    start: number,
    limits: { offset: number; endOffset: number; maxBytes: number; minOneBatch: boolean }
  ): ReadResult {
    const { buffers } = this.log.node
    const { end, next } = cutWhole(bytes, start, limits.maxBytes, limits.endOffset, limits.minOneBatch)
    if (end === start) {
      buffers.release(buffer)
      return emptyRead(limits.offset)
    }
    this.remember({ offset: next, segment, position: position + end, ahead: undefined })
    let isReleased = false
    const release = (): void => {
      if (isReleased) return
      isReleased = true
      buffers.release(buffer)
    }
    return { errorCode: 0, buffers: [bytes.subarray(start, end)], sizeInBytes: end - start, nextOffset: next, release }
  }

  private remember(place: Place): void {
    this.places.push(place)
    if (this.places.length > PLACES_MAX) this.leave(this.places.shift())
  }

  private leave(place: Place | undefined): void {
    if (place?.ahead !== undefined) this.log.node.ahead.drop(place.ahead)
  }

  /** The log was cut or its segments were swapped. */
  forget(): void {
    for (const place of this.places.splice(0)) this.leave(place)
  }

  close(): void {
    this.forget()
  }
}

/** The place of the batch that holds `offset`; where there is none yet, -1 and the bytes passed over. */
function startOf(bytes: Buffer, offset: number): { at: number; passed: number } {
  let at = 0
  while (at + WALK_BYTES <= bytes.length) {
    const size = batchSize(bytes, at)
    if (size < WALK_BYTES) throw new CorruptLogError(`a batch of ${size} bytes`)
    if (batchNextOffset(bytes, at) > offset) return { at, passed: at }
    if (at + size > bytes.length) return { at: -1, passed: at + size }
    at += size
  }
  return { at: -1, passed: at }
}

/** As {@link cut}, for bytes that may end within a batch. */
function cutWhole(bytes: Buffer, start: number, maxBytes: number, endOffset: number, minOneBatch: boolean): { end: number; next: number } {
  let whole = start
  while (whole + WALK_BYTES <= bytes.length) {
    const size = batchSize(bytes, whole)
    // damage ends the range here, and is told to whoever reads on from it
    if (size < WALK_BYTES || whole + size > bytes.length) break
    whole += size
  }
  return cut(bytes.subarray(0, whole), start, maxBytes, endOffset, minOneBatch)
}
