// A record topic in memory that fails when told to. By default what is appended is committed at the end of the turn.
import { ErrorCode, readBatchHeader, setBaseOffset } from '@odradek/protocol'
import type {
  CoordinatorAppendResult,
  CoordinatorLog,
  CoordinatorLogListener,
  CoordinatorLogOffsets,
  CoordinatorReadResult
} from '../../src/index.ts'
import type { VirtualWorld } from './virtual-world.ts'

interface Partition {
  batches: { baseOffset: number; nextOffset: number; bytes: Buffer }[]
  nextOffset: number
  highWatermark: number
  listeners: Set<CoordinatorLogListener>
}

export class MemoryLog implements CoordinatorLog {
  /** False holds the high watermark back until `commit`. */
  isAutoCommitting = true
  /** The answer of the next appends, first to last; then they succeed again. */
  readonly failures: number[] = []
  /** The same for reads. */
  readonly readFailures: number[] = []
  maxBytes = 1_048_588
  appends = 0
  readonly #world: VirtualWorld
  readonly #partitions = new Map<number, Partition>()

  constructor(world: VirtualWorld) {
    this.#world = world
  }

  append(index: number, batch: Buffer): CoordinatorAppendResult {
    const failure = this.failures.shift() ?? ErrorCode.NONE
    if (failure !== ErrorCode.NONE) return { errorCode: failure, baseOffset: -1 }
    if (batch.length > this.maxBytes) return { errorCode: ErrorCode.MESSAGE_TOO_LARGE, baseOffset: -1 }
    const partition = this.partition(index)
    const bytes = Buffer.from(batch)
    const baseOffset = partition.nextOffset
    setBaseOffset(bytes, 0, baseOffset)
    partition.nextOffset = readBatchHeader(bytes).lastOffset + 1
    partition.batches.push({ baseOffset, nextOffset: partition.nextOffset, bytes })
    this.appends++
    if (this.isAutoCommitting) this.#world.timers.defer(() => this.commit(index))
    return { errorCode: ErrorCode.NONE, baseOffset }
  }

  read(index: number, offset: number, maxBytes: number): CoordinatorReadResult {
    const failure = this.readFailures.shift() ?? ErrorCode.NONE
    if (failure !== ErrorCode.NONE) return { errorCode: failure, buffers: [] }
    const buffers: Buffer[] = []
    let size = 0
    for (const batch of this.partition(index).batches) {
      if (batch.nextOffset <= offset) continue
      if (buffers.length > 0 && size + batch.bytes.length > maxBytes) break
      buffers.push(batch.bytes)
      size += batch.bytes.length
    }
    return { errorCode: ErrorCode.NONE, buffers }
  }

  offsets(index: number): CoordinatorLogOffsets {
    const { batches, nextOffset, highWatermark } = this.partition(index)
    return { logStartOffset: batches[0]?.baseOffset ?? nextOffset, logEndOffset: nextOffset, highWatermark }
  }

  maxBatchBytes(): number {
    return this.maxBytes
  }

  listen(index: number, listener: CoordinatorLogListener): () => void {
    const { listeners } = this.partition(index)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Moves the high watermark to `offset`, by default to the end. */
  commit(index = 0, offset = this.partition(index).nextOffset): void {
    const partition = this.partition(index)
    if (offset <= partition.highWatermark) return
    partition.highWatermark = offset
    for (const listener of partition.listeners) listener.onHighWatermark(offset)
  }

  /** What is above the high watermark is gone. */
  loseUncommitted(index = 0): void {
    const partition = this.partition(index)
    partition.batches = partition.batches.filter(({ nextOffset }) => nextOffset <= partition.highWatermark)
    partition.nextOffset = partition.highWatermark
    for (const listener of [...partition.listeners]) listener.onLost()
  }

  /** Bytes from elsewhere, as whole batches with their offsets. */
  put(index: number, bytes: Buffer): void {
    const partition = this.partition(index)
    for (let position = 0; position < bytes.length; ) {
      const batch = readBatchHeader(bytes, position)
      const nextOffset = batch.lastOffset + 1
      partition.batches.push({ baseOffset: batch.baseOffset, nextOffset, bytes: bytes.subarray(position, position + batch.sizeInBytes) })
      partition.nextOffset = nextOffset
      position += batch.sizeInBytes
    }
    partition.highWatermark = partition.nextOffset
  }

  bytes(index = 0): Buffer {
    return Buffer.concat(this.partition(index).batches.map(({ bytes }) => bytes))
  }

  partition(index: number): Partition {
    let partition = this.#partitions.get(index)
    if (partition === undefined) {
      partition = { batches: [], nextOffset: 0, highWatermark: 0, listeners: new Set() }
      this.#partitions.set(index, partition)
    }
    return partition
  }
}
