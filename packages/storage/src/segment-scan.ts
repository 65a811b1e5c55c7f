// Walks the batches of a `.log` file from a position on, a chunk at a time, so that the event loop gets its turn between
// chunks. With `checkCrc` every byte is checked, as recovery must; without, only that the batches follow each other.

import type { BufferPool } from '@odradek/base'
import type { RecordBatch } from '@odradek/protocol'
import { batchSizeAt, RecordDecodeError, readBatchHeader } from '@odradek/protocol'
import { batchNextOffset, batchSize, HEADER_BYTES, WALK_BYTES } from './batch-walk.ts'
import type { LogFile } from './file-pool.ts'

const CHUNK_BYTES = 1024 * 1024

export interface ScanOptions {
  from: number
  to: number
  checkCrc: boolean
}

export interface ScanResult {
  /** The end of the last good batch. */
  validBytes: number
  /** What ended the walk before `to`; undefined when all was good. */
  problem: string | undefined
}

/** A batch whose bytes are valid until the visitor returns; `false` ends the walk before it, any other answer goes on. */
export type BatchVisitor = (batch: RecordBatch, position: number) => unknown

export async function scanSegment(file: LogFile, buffers: BufferPool, options: ScanOptions, visit: BatchVisitor): Promise<ScanResult> {
  const { to, checkCrc } = options
  let position = options.from
  let want = CHUNK_BYTES
  while (position < to) {
    const length = Math.min(want, to - position)
    const chunk = buffers.take(length)
    try {
      const read = await file.read(position, chunk, 0, length)
      const walked = walkChunk(chunk.subarray(0, read), position, checkCrc, visit)
      position += walked.bytes
      if (walked.problem !== undefined) return { validBytes: position, problem: walked.problem }
      if (walked.bytes === 0) {
        if (read < length || position + length >= to) return { validBytes: position, problem: 'the last batch is cut' }
        want = Math.max(walked.needed, want * 2)
      } else {
        want = CHUNK_BYTES
      }
    } finally {
      buffers.release(chunk)
    }
  }
  return { validBytes: position, problem: undefined }
}

/** The batches of `[from, to)`, each valid until the next is asked for. Throws CORRUPT_MESSAGE where the bytes are none. */
export async function* batchesOf(
  file: LogFile,
  buffers: BufferPool,
  range: { from: number; to: number }
): AsyncGenerator<RecordBatch, void> {
  let { from: position } = range
  let want = CHUNK_BYTES
  while (position < range.to) {
    const length = Math.min(want, range.to - position)
    const buffer = buffers.take(length)
    const read = await file.read(position, buffer, 0, length)
    const chunk = buffer.subarray(0, read)
    let at = 0
    let size = 0
    for (;;) {
      size = batchSizeAt(chunk, at, chunk.length)
      if (size < 0 || at + size > chunk.length) break
      yield readBatchHeader(chunk, at)
      at += size
    }
    buffers.release(buffer)
    if (at === 0 && (read < length || length === range.to - position)) throw new Error(`a batch is cut at ${position}`)
    want = at === 0 ? Math.max(size, want * 2) : CHUNK_BYTES
    position += at
  }
}

/** Walks the whole batches of a chunk. `needed` is the size of the cut batch at its end, where known. */
function walkChunk(
  chunk: Buffer,
  base: number,
  checkCrc: boolean,
  visit: BatchVisitor
): { bytes: number; needed: number; problem?: string } {
  let at = 0
  try {
    for (;;) {
      const size = batchSizeAt(chunk, at, chunk.length)
      if (size < 0 || at + size > chunk.length) return { bytes: at, needed: size }
      const batch = readBatchHeader(chunk, at)
      if (batch.magic >= 2 && size < HEADER_BYTES) return { bytes: at, needed: 0, problem: `a batch of ${size} bytes at ${base + at}` }
      if (checkCrc && !batch.isValid()) return { bytes: at, needed: 0, problem: `CRC mismatch at ${base + at}` }
      if (visit(batch, base + at) === false) return { bytes: at, needed: 0, problem: `a batch out of place at ${base + at}` }
      at += size
    }
  } catch (error) {
    if (error instanceof RecordDecodeError) return { bytes: at, needed: 0, problem: `${error.message} at ${base + at}` }
    throw error
  }
}

const LOOK_BYTES = 64 * 1024

/**
 * The first batch at or after `from` that reaches `offset`: its place and size, or the end of the file where there is none.
 * Only headers are read.
 */
export async function findBatch(
  file: LogFile,
  buffers: BufferPool,
  range: { from: number; to: number },
  offset: number
): Promise<{ position: number; size: number }> {
  let { from: position } = range
  const chunk = buffers.take(LOOK_BYTES)
  try {
    while (position + WALK_BYTES <= range.to) {
      const read = await file.read(position, chunk, 0, Math.min(chunk.length, range.to - position))
      let at = 0
      while (at + WALK_BYTES <= read) {
        const size = batchSize(chunk, at)
        if (size < WALK_BYTES) return { position: range.to, size: 0 }
        if (batchNextOffset(chunk, at) > offset) return { position: position + at, size }
        at += size
      }
      if (at === 0) break
      position += at
    }
    return { position: range.to, size: 0 }
  } finally {
    buffers.release(chunk)
  }
}
