// The batches of a .log or .checkpoint file, one in memory at a time. A file may be cut or damaged anywhere.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { LOG_OVERHEAD, RECORD_BATCH_OVERHEAD, RecordBatch } from '@odradek/protocol'
import { ToolError } from '../tool.ts'

/** Of the part that the length field counts, in any magic. */
const SMALLEST_LENGTH = 14

export interface BatchAt {
  readonly batch: RecordBatch
  /** In the file. */
  readonly position: number
}

export class LogFile {
  readonly #fd: number
  readonly #name: string
  readonly size: number

  /** Throws the error of the file system. */
  constructor(path: string, name = path) {
    this.#name = name
    this.#fd = openSync(path, 'r')
    this.size = fstatSync(this.#fd).size
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** Whole batches from `start` on; ends before the first that is cut. Gives where it ended. Throws for a length that cannot be. */
  *batches(start: number, bytesMax: number): Generator<BatchAt, number> {
    const end = Math.min(this.size, start + bytesMax)
    let position = start
    while (position + LOG_OVERHEAD + 5 <= end) {
      const prefix = this.#read(position, LOG_OVERHEAD + 5)
      const size = LOG_OVERHEAD + prefix.readInt32BE(8)
      if (size < LOG_OVERHEAD + SMALLEST_LENGTH) {
        const what = `Found record size ${size - LOG_OVERHEAD} smaller than minimum record overhead (${SMALLEST_LENGTH})`
        throw new ToolError(`${what} in file ${this.#name}.`, 'org.apache.kafka.common.errors.CorruptRecordException')
      }
      const smallest = prefix[16] === 2 ? RECORD_BATCH_OVERHEAD : LOG_OVERHEAD + SMALLEST_LENGTH
      if (size < smallest || position + size > end) break
      yield { batch: new RecordBatch(this.#read(position, size), 0), position }
      position += size
    }
    return position
  }

  /** The batch at `position`, undefined when none begins there that is whole. */
  batchAt(position: number): RecordBatch | undefined {
    const first = this.batches(position, Number.POSITIVE_INFINITY).next()
    return first.done === true ? undefined : first.value.batch
  }

  #read(position: number, size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size)
    for (let read = 0; read < size; ) {
      const count = readSync(this.#fd, bytes, read, size - read, position + read)
      if (count === 0) throw new Error('the file became shorter while it was read')
      read += count
    }
    return bytes
  }
}
