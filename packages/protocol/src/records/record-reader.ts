/**
 * The walk over the records of a v2 batch. `next` reads one record into the reader's fields and allocates nothing; it
 * checks the framing as Apache Kafka's reader does (same answers for the same damage) and never trusts a length: a
 * field may not end past the bytes, a record must end where its length says.
 */
import { ErrorCode } from '../errors.ts'
import { invalid, RecordDecodeError } from './types.ts'

export class RecordReader {
  buffer: Buffer
  /** The next byte to read. */
  position: number
  end: number

  timestampDelta = 0
  offsetDelta = 0
  keyStart = 0
  /** -1 (or less, from careless writers) is null. */
  keyLength = -1
  valueStart = 0
  valueLength = -1
  headerCount = 0
  headersStart = 0
  /** Where the record's length stood. */
  recordStart = 0
  /** Where key length, key, value and headers start: the part that does not depend on the batch. */
  tailStart = 0

  constructor(buffer: Buffer, position: number, end: number) {
    this.buffer = buffer
    this.position = position
    this.end = end
  }

  get isAtEnd(): boolean {
    return this.position >= this.end
  }

  /** Reads the record's length only. Throws as Kafka does when it is cut or too long. */
  readLength(): number {
    this.recordStart = this.position
    return this.varint(false)
  }

  /** Reads one record. The fields stay as they are until the next call. */
  next(): void {
    const length = this.readLength()
    if (length > this.end - this.position) {
      throw invalid(
        `Invalid record size: expected ${length} bytes in record payload, but instead the buffer has only ${this.end - this.position} remaining bytes.`
      )
    }
    this.readBody(length)
  }

  /** Reads what follows the length; `length` bytes are there or the caller has checked that they are. */
  readBody(length: number): void {
    const b = this.buffer
    const end = this.end
    const start = this.position
    let p = start + 1
    if (p >= end) throw cutRecord()

    let byte = b[p]
    if (byte < 0x80) {
      this.timestampDelta = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      this.position = p
      this.timestampDelta = this.varlong()
      p = this.position
    }

    byte = b[p]
    if (byte < 0x80 && p < end) {
      this.offsetDelta = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      this.position = p
      this.offsetDelta = this.varint(true)
      p = this.position
    }

    this.tailStart = p
    byte = b[p]
    let size: number
    if (byte < 0x80 && p < end) {
      size = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      this.position = p
      size = this.varint(true)
      p = this.position
    }
    this.keyStart = p
    this.keyLength = size
    if (size > 0) {
      p += size
      if (p > end) throw cutRecord()
    }

    byte = b[p]
    if (byte < 0x80 && p < end) {
      size = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      this.position = p
      size = this.varint(true)
      p = this.position
    }
    this.valueStart = p
    this.valueLength = size
    if (size > 0) {
      p += size
      if (p > end) throw cutRecord()
    }

    p = p < end && b[p] === 0 ? this.noHeaders(p + 1) : this.skipHeaders(p)
    if (p - start !== length)
      throw invalid(`Invalid record size: expected to read ${length} bytes in record payload, but instead read ${p - start}`)
    this.position = p
  }

  private noHeaders(position: number): number {
    this.headerCount = 0
    this.headersStart = position
    return position
  }

  /** Reads the header count and passes over the headers; returns the position after them. */
  private skipHeaders(position: number): number {
    this.position = position
    const count = this.varint(true)
    if (count < 0) throw invalid(`Found invalid number of record headers ${count}`)
    if (count > this.end - this.position) {
      throw invalid(`Found invalid number of record headers. ${count} is larger than the remaining size of the buffer`)
    }
    this.headerCount = count
    this.headersStart = this.position
    for (let i = 0; i < count; i++) {
      const keyLength = this.varint(true)
      if (keyLength < 0) throw invalid(`Invalid negative header key size ${keyLength}`)
      this.skip(keyLength)
      const valueLength = this.varint(true)
      if (valueLength > 0) this.skip(valueLength)
    }
    return this.position
  }

  private skip(bytes: number): void {
    if (bytes > this.end - this.position) throw cutRecord()
    this.position += bytes
  }

  /** A zigzag int32 at `position`. `isInRecord` says which error a cut or endless one is. */
  varint(isInRecord: boolean): number {
    const b = this.buffer
    const end = this.end
    let p = this.position
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (p >= end) throw isInRecord ? cutRecord() : invalid('Incorrect declared batch size, premature EOF reached')
      const byte = b[p++]
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.position = p
        return (value >>> 1) ^ -(value & 1)
      }
    }
    if (isInRecord) throw cutRecord()
    throw new RecordDecodeError(
      ErrorCode.UNKNOWN_SERVER_ERROR,
      `Varint is too long, the most significant bit in the 5th byte is set, converted value: ${(value >>> 0).toString(16)}`
    )
  }

  /** A zigzag int64 at `position`; exact where it is a safe integer. */
  varlong(): number {
    const b = this.buffer
    const end = this.end
    let p = this.position
    let low = 0
    let middle = 0
    let high = 0
    for (let i = 0; i < 10; i++) {
      if (p >= end) throw cutRecord()
      const byte = b[p++]
      const bits = byte & 0x7f
      if (i < 4) low |= bits << (7 * i)
      else if (i < 8) middle |= bits << (7 * (i - 4))
      else high |= (i === 8 ? bits : bits & 1) << (7 * (i - 8))
      if (byte < 0x80) {
        this.position = p
        const magnitude = high * 36028797018963968 + middle * 134217728 + (low >>> 1)
        return (low & 1) === 0 ? magnitude : -magnitude - 1
      }
    }
    throw cutRecord()
  }
}

const cutRecord = (): RecordDecodeError => invalid('Found invalid record structure')
