/**
 * The walk over the records of a compressed batch while it is decompressed: through one window, so that a batch that
 * decompresses to much costs time in proportion (to a limit) and no memory. A record that does not fit into the
 * window is passed over field by field; only its lengths are known then, which is all that validation needs.
 */

import { tooLarge } from '../compression/errors.ts'
import type { ByteSource } from '../compression/index.ts'
import { RecordReader } from './record-reader.ts'
import { invalid } from './types.ts'

const WINDOW_BYTES_MAX = 64 * 1024
const WINDOW_BYTES_MIN = 4096

export class RecordStream {
  /** Stands on the record that `next` read. */
  readonly reader: RecordReader
  /** Decompressed bytes so far. */
  bytesRead = 0
  private readonly window: Buffer
  private readonly source: ByteSource
  private readonly bytesMax: number

  /** `compressedBytes` only sizes the window. Reading more than `bytesMax` is an error. */
  constructor(source: ByteSource, compressedBytes: number, bytesMax: number) {
    this.source = source
    this.bytesMax = bytesMax
    this.window = Buffer.allocUnsafe(Math.max(WINDOW_BYTES_MIN, Math.min(WINDOW_BYTES_MAX, compressedBytes * 4)))
    this.reader = new RecordReader(this.window, 0, 0)
  }

  /** Reads one record. `keyStart` and the like point into the window and hold for records that fit it. */
  next(): void {
    const { reader } = this
    if (reader.end - reader.position < 5) this.fill(5)
    const length = reader.readLength()
    if (length < 0) throw invalid(`Invalid record size: ${length}`)
    if (length > reader.end - reader.position) {
      if (length > this.window.length) {
        this.passOver(length)
        return
      }
      this.fill(length)
      if (length > reader.end - reader.position) {
        throw invalid(`Invalid record size: expected ${length} bytes in record payload, but the record payload reached EOF.`)
      }
    }
    const windowEnd = reader.end
    reader.end = reader.position + length
    reader.readBody(length)
    reader.end = windowEnd
  }

  /** Throws unless everything was read. Meets the end of the compressed stream, and so its checksum. */
  ensureEnd(): void {
    const { reader } = this
    if (reader.position === reader.end) this.fill(1)
    if (reader.position < reader.end) throw invalid('Incorrect declared batch size, records still remaining in file')
  }

  /** Moves what is left to the front and reads until `bytes` are there or the source ends. */
  private fill(bytes: number): void {
    const { reader, window } = this
    window.copyWithin(0, reader.position, reader.end)
    reader.end -= reader.position
    reader.position = 0
    while (reader.end < bytes) {
      const n = this.pull(reader.end)
      if (n === 0) return
      reader.end += n
    }
  }

  private pull(offset: number): number {
    const n = this.source.read(this.window, offset, this.window.length - offset)
    this.bytesRead += n
    if (this.bytesRead > this.bytesMax) throw tooLarge(`${this.bytesMax} bytes are allowed`)
    return n
  }

  private passOver(length: number): void {
    const { reader } = this
    let left = length
    const varint = (): number => {
      if (reader.end - reader.position < 5) this.fill(5)
      const start = reader.position
      const value = reader.varint(true)
      left -= reader.position - start
      return value
    }
    const skip = (bytes: number): void => {
      if (bytes > left) throw invalid('Found invalid record structure')
      left -= bytes
      this.skip(bytes)
    }
    this.fill(16)
    skip(1)
    const start = reader.position
    reader.timestampDelta = reader.varlong()
    left -= reader.position - start
    reader.offsetDelta = varint()
    reader.keyLength = varint()
    skip(Math.max(0, reader.keyLength))
    reader.valueLength = varint()
    skip(Math.max(0, reader.valueLength))
    const count = varint()
    if (count < 0) throw invalid(`Found invalid number of record headers ${count}`)
    if (count > left) throw invalid(`Found invalid number of record headers. ${count} is larger than the remaining size of the buffer`)
    reader.headerCount = count
    for (let i = 0; i < count; i++) {
      const keyLength = varint()
      if (keyLength < 0) throw invalid(`Invalid negative header key size ${keyLength}`)
      skip(keyLength)
      skip(Math.max(0, varint()))
    }
    if (left !== 0)
      throw invalid(`Invalid record size: expected to read ${length} bytes in record payload, but instead read ${length - left}`)
  }

  private skip(bytes: number): void {
    const { reader } = this
    let left = bytes
    for (;;) {
      const n = Math.min(left, reader.end - reader.position)
      reader.position += n
      left -= n
      if (left === 0) return
      reader.position = 0
      reader.end = this.pull(0)
      if (reader.end === 0) throw invalid('Invalid record size: the record payload reached EOF.')
    }
  }
}
