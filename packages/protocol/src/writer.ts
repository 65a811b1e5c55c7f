// A growing buffer that large byte fields pass by: `finish` gives the buffers in order, the caller's own among them, so
// that records go from the log to the socket without a copy. What was handed in must not be written again.
import { AssertionError, LONG_MAX, LONG_MIN, OdradekError } from '@odradek/base'
import type { UnknownTaggedField } from './reader.ts'
import { STRING_BYTES_MAX } from './reader.ts'

export type Bytes = Buffer | readonly Buffer[]

/** Below this a copy costs less than one more buffer in a vectored write. */
const PASS_THROUGH_MIN = 1024
const NO_CHUNKS: Buffer[] = []

/** Node's own methods below `Buffer.write`, which costs more than the write of a short text. */
interface NativeWrites {
  utf8Write(text: string, offset: number): number
  base64urlWrite(text: string, offset: number, length: number): number
}

export class Writer {
  /** Compiled encoders keep `b` and `p` in locals and take them back from here after a call that may grow. */
  b: Buffer
  p = 0
  private start = 0
  private chunks: Buffer[] = NO_CHUNKS
  private chunkedBytes = 0
  /** Of buffers that were outgrown: what lies in chunks. */
  private ownBytesBefore = 0
  /** Within a tagged field nothing passes by: its size is patched in afterwards. */
  private copyDepth = 0
  private readonly passThrough: boolean

  constructor(options: { size?: number; passThrough?: boolean } = {}) {
    this.b = Buffer.allocUnsafe(options.size ?? 256)
    this.passThrough = options.passThrough ?? false
  }

  /** Bytes written so far. */
  get length(): number {
    return this.chunkedBytes + this.p - this.start
  }

  /** Bytes in the writer's own buffers: what a next writer of the like should begin with. */
  get ownLength(): number {
    return this.p + this.ownBytesBefore
  }

  /** All that was written, in order. The writer is spent. */
  finish(): Buffer[] {
    const rest = this.b.subarray(this.start, this.p)
    if (this.chunks === NO_CHUNKS) return [rest]
    if (rest.length > 0) this.chunks.push(rest)
    return this.chunks
  }

  int8(value: number): void {
    this.ensure(1)
    this.b[this.p++] = value
  }

  int16(value: number): void {
    this.ensure(2)
    this.p = this.b.writeInt16BE(value, this.p)
  }

  int32(value: number): void {
    this.ensure(4)
    this.p = this.b.writeInt32BE(value, this.p)
  }

  unsignedVarint(value: number): void {
    this.ensure(5)
    this.p = this.uvarintAt(value, this.p)
  }

  raw(bytes: Buffer): void {
    this.p = this.content(bytes, this.p)
  }

  private ensure(size: number): void {
    if (this.p + size > this.b.length) this.grow(this.p, size)
  }

  // What follows is for compiled encoders: `p` comes in and the new one goes out (or lies in this.p).

  /** Makes room for `size` bytes behind `p`; the new position is in this.p. */
  grow(p: number, size: number): Buffer {
    const used = p - this.start
    const next = Buffer.allocUnsafe(Math.max((used + size) * 2, 512))
    this.b.copy(next, 0, this.start, p)
    this.b = next
    this.ownBytesBefore += this.start
    this.start = 0
    this.p = used
    return next
  }

  /** The caller made sure of five bytes. */
  uvarintAt(value: number, p: number): number {
    const b = this.b
    while (value > 127) {
      b[p++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    b[p++] = value
    return p
  }

  string(value: string, p: number, field: string): number {
    return this.text(value, p, field, false)
  }

  compactString(value: string, p: number, field: string): number {
    return this.text(value, p, field, true)
  }

  private text(value: string, p: number, field: string, compact: boolean): number {
    const length = value.length
    if (p + length * 3 + 3 > this.b.length) {
      this.grow(p, length * 3 + 3)
      p = this.p
    }
    const b = this.b
    const head = compact ? (length < 127 ? 1 : length < 16383 ? 2 : 3) : 2
    let at = p + head
    if (length <= 48) {
      let i = 0
      for (; i < length; i++) {
        const unit = value.charCodeAt(i)
        if (unit > 127) break
        b[at + i] = unit
      }
      at = i === length ? at + length : at + (b as Buffer & NativeWrites).utf8Write(value, at)
    } else at += (b as Buffer & NativeWrites).utf8Write(value, at)
    const size = at - p - head
    if (size > STRING_BYTES_MAX)
      throw new OdradekError('ENCODE', `${field} is a string of ${size} bytes, at most ${STRING_BYTES_MAX} fit; shorten it`)
    if (!compact) {
      b[p] = size >> 8
      b[p + 1] = size
      return at
    }
    const needed = size < 127 ? 1 : size < 16383 ? 2 : 3
    if (needed !== head) {
      b.copyWithin(p + needed, p + head, at)
      at += needed - head
    }
    this.uvarintAt(size + 1, p)
    return at
  }

  bytes(value: Bytes, p: number): number {
    p = this.room(p, 4)
    return this.content(value, this.b.writeInt32BE(byteLengthOf(value), p))
  }

  compactBytes(value: Bytes, p: number): number {
    p = this.room(p, 5)
    return this.content(value, this.uvarintAt(byteLengthOf(value) + 1, p))
  }

  private room(p: number, size: number): number {
    if (p + size <= this.b.length) return p
    this.grow(p, size)
    return this.p
  }

  private content(value: Bytes, p: number): number {
    if (Array.isArray(value)) {
      for (const part of value as readonly Buffer[]) p = this.content(part, p)
      return p
    }
    const part = value as Buffer
    if (this.passThrough && this.copyDepth === 0 && part.length >= PASS_THROUGH_MIN) return this.pass(part, p)
    p = this.room(p, part.length)
    part.copy(this.b, p)
    return p + part.length
  }

  private pass(part: Buffer, p: number): number {
    if (this.chunks === NO_CHUNKS) this.chunks = []
    if (p > this.start) this.chunks.push(this.b.subarray(this.start, p))
    this.chunks.push(part)
    this.chunkedBytes += p - this.start + part.length
    this.start = p
    return p
  }

  /** Begins a tagged field behind its tag; gives a mark for `endTag`. */
  beginTag(p: number): number {
    this.copyDepth++
    const mark = p - this.start
    this.p = this.room(p, 1) + 1
    return mark
  }

  endTag(mark: number, p: number): number {
    this.copyDepth--
    const size = p - this.start - mark - 1
    if (size > 127) {
      const width = size < 0x4000 ? 2 : size < 0x200000 ? 3 : size < 0x10000000 ? 4 : 5
      p = this.room(p, width)
      const from = this.start + mark + 1
      this.b.copyWithin(from + width - 1, from, p)
      p += width - 1
    }
    this.uvarintAt(size, this.start + mark)
    return p
  }

  /** Writes the unknown fields from `index` on whose tag is below `limit`; the index of the next is in this.p's stead. */
  unknownTags(fields: readonly UnknownTaggedField[], index: number, limit: number, p: number): number {
    for (; index < fields.length && fields[index].tag < limit; index++) {
      p = this.uvarintAt(fields[index].tag, this.room(p, 10))
      p = this.uvarintAt(fields[index].data.length, p)
      this.copyDepth++
      p = this.content(fields[index].data, p)
      this.copyDepth--
    }
    this.p = p
    return index
  }
}

export function byteLengthOf(value: Bytes): number {
  if (!Array.isArray(value)) return (value as Buffer).length
  let size = 0
  for (const part of value as readonly Buffer[]) size += part.length
  return size
}

function putInt64(b: Buffer, p: number, value: number, field: string): void {
  let high: number
  let low: number
  if (Number.isSafeInteger(value)) {
    high = Math.floor(value / 4294967296)
    low = value - high * 4294967296
  } else if (value === LONG_MAX) {
    high = 0x7fffffff
    low = 0xffffffff
  } else if (value === LONG_MIN) {
    high = -0x80000000
    low = 0
  } else outOfRange(field, value)
  b[p] = high >> 24
  b[p + 1] = high >> 16
  b[p + 2] = high >> 8
  b[p + 3] = high
  b[p + 4] = low >>> 24
  b[p + 5] = low >>> 16
  b[p + 6] = low >>> 8
  b[p + 7] = low
}

function putBigInt64(b: Buffer, p: number, value: bigint): void {
  b.writeBigInt64BE(value, p)
}

function putUuid(b: Buffer, p: number, value: string, field: string): void {
  if (value.length !== 22 || (b as Buffer & NativeWrites).base64urlWrite(value, p, 16) !== 16) outOfRange(field, value)
}

function outOfRange(field: string, value: unknown): never {
  throw new AssertionError(`${field} cannot hold ${String(value)}`)
}

function nullValue(field: string, version: number): never {
  throw new OdradekError('UNSUPPORTED_VERSION', `${field} cannot be null in version ${version}`)
}

function unsupported(field: string, version: number): never {
  throw new OdradekError('UNSUPPORTED_VERSION', `${field} is set and version ${version} has no such field`)
}

function sortedTags(fields: readonly UnknownTaggedField[]): readonly UnknownTaggedField[] {
  for (let i = 1; i < fields.length; i++) if (fields[i].tag <= fields[i - 1].tag) return [...fields].sort((a, b) => a.tag - b.tag)
  return fields
}

/** By these names compiled encoders see the helpers. */
export const encodeSupport = {
  EMPTY: Buffer.alloc(0),
  byteLengthOf,
  putInt64,
  putBigInt64,
  putUuid,
  outOfRange,
  nullValue,
  unsupported,
  sortedTags
}
