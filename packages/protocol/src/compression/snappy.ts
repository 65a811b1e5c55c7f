/**
 * Snappy as Kafka uses it. Written in the framing of snappy-java ("xerial": a header, then chunks of a big-endian
 * length and one raw block of up to 32 KiB); read in that framing or as one raw block, which some clients send.
 * Decoding keeps at most {@link WINDOW_BYTES_MAX} of output, whatever a block claims to hold.
 */
import { readInt32, writeInt32 } from '../records/wire.ts'
import type { ByteSource } from './byte-source.ts'
import { undecodable } from './errors.ts'

const XERIAL_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1])
const XERIAL_MAGIC_BYTES = 8
/** The first four bytes of the header: a chunk length that says another stream is concatenated. */
const XERIAL_MAGIC_START = 0x82534e41 | 0
const XERIAL_BLOCK_BYTES = 32 * 1024

/** Larger blocks are decoded through a window of this size; back references then reach at least half of it. */
const WINDOW_BYTES_MAX = 4 * 1024 * 1024
/** No element makes more than 64 bytes out of 3, so no honest block grows by more. */
const EXPANSION_MAX = 22

// ---- decoding ----

/** Decodes one raw block, element by element, into `out`, and stops where that is full. */
class BlockDecoder {
  out: Buffer
  /** Output of this block starts here in `out` (references may not reach before it). */
  outStart = 0
  outPosition = 0
  /** What the block says it holds, and what came out so far before the last slide. */
  readonly length: number
  private produced = 0
  private readonly input: Buffer
  private position: number
  private readonly end: number
  private literalLeft = 0
  private copyLeft = 0
  private copyOffset = 0

  constructor(input: Buffer, start: number, end: number, scratch: Buffer | undefined) {
    this.input = input
    this.position = start
    this.end = end
    this.length = this.readPreamble()
    const room = Math.min(this.length, WINDOW_BYTES_MAX)
    this.out = scratch !== undefined && scratch.length >= room ? scratch : Buffer.allocUnsafe(room)
  }

  private readPreamble(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.position >= this.end) break
      const byte = this.input[this.position++]
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > (this.end - this.position) * EXPANSION_MAX) throw undecodable(`a snappy block of ${this.end - this.position} bytes cannot hold ${value}`)
        return value
      }
    }
    throw undecodable('the length of a snappy block is cut')
  }

  /** Decodes until the block ends or `out` is full; returns the end of what is new in `out`. */
  decode(): number {
    const room = Math.min(this.out.length, this.outStart + this.length - this.produced)
    this.run(room)
    const isDone = this.position >= this.end && this.literalLeft === 0 && this.copyLeft === 0
    if (isDone && this.produced + this.outPosition - this.outStart !== this.length) {
      throw undecodable(`a snappy block of ${this.length} bytes ended after ${this.produced + this.outPosition - this.outStart}`)
    }
    if (!isDone && this.produced + this.outPosition - this.outStart >= this.length) throw undecodable('a snappy block holds more than it says')
    return this.outPosition
  }

  get isDone(): boolean {
    return this.produced + this.outPosition - this.outStart >= this.length
  }

  /** Keeps the last half of a full window as history. */
  slide(): void {
    const kept = this.out.length >>> 1
    this.out.copyWithin(0, this.outPosition - kept, this.outPosition)
    this.produced += this.outPosition - kept
    this.outPosition = kept
    this.outStart = 0
  }

  private run(room: number): void {
    const { input, out, end, outStart } = this
    let p = this.position
    let o = this.outPosition
    let literal = this.literalLeft
    let copy = this.copyLeft
    let offset = this.copyOffset
    for (;;) {
      if (literal > 0) {
        const n = Math.min(literal, room - o)
        if (n > end - p) throw undecodable('a snappy literal is cut')
        if (n > 48) input.copy(out, o, p, p + n)
        else for (let i = 0; i < n; i++) out[o + i] = input[p + i]
        o += n
        p += n
        literal -= n
        if (literal > 0) break
      } else if (copy > 0) {
        if (offset === 0 || offset > o - outStart) throw undecodable('a snappy copy reaches before the start')
        const n = Math.min(copy, room - o)
        for (let i = 0, from = o - offset; i < n; i++) out[o + i] = out[from + i]
        o += n
        copy -= n
        if (copy > 0) break
      }
      if (p >= end) break
      const tag = input[p++]
      const kind = tag & 3
      if (kind === 0) {
        literal = (tag >>> 2) + 1
        if (literal > 60) {
          const bytes = literal - 60
          if (bytes > end - p) throw undecodable('a snappy literal is cut')
          let value = 0
          for (let i = bytes - 1; i >= 0; i--) value = value * 256 + input[p + i]
          literal = value + 1
          p += bytes
        }
      } else if (kind === 1) {
        if (p >= end) throw undecodable('a snappy copy is cut')
        copy = ((tag >>> 2) & 7) + 4
        offset = ((tag & 0xe0) << 3) | input[p++]
      } else {
        const bytes = kind === 2 ? 2 : 4
        if (bytes > end - p) throw undecodable('a snappy copy is cut')
        copy = (tag >>> 2) + 1
        offset = input[p] | (input[p + 1] << 8)
        if (kind === 3) offset = (offset | (input[p + 2] << 16) | (input[p + 3] << 24)) >>> 0
        p += bytes
      }
    }
    this.position = p
    this.outPosition = o
    this.literalLeft = literal
    this.copyLeft = copy
    this.copyOffset = offset
  }
}

export class SnappySource implements ByteSource {
  private readonly input: Buffer
  private position = 0
  private readonly isFramed: boolean
  private block: BlockDecoder | undefined
  private scratch: Buffer | undefined
  /** Decoded and not yet given: [served, ready) of the block's output. */
  private served = 0
  private ready = 0

  constructor(input: Buffer) {
    if (input.length === 0) throw undecodable('snappy needs input')
    this.input = input
    this.isFramed = input.length >= XERIAL_HEADER.length && input.compare(XERIAL_HEADER, 0, XERIAL_MAGIC_BYTES, 0, XERIAL_MAGIC_BYTES) === 0
    if (this.isFramed) this.readHeader()
  }

  read(target: Buffer, offset: number, length: number): number {
    while (this.served === this.ready) {
      if (!this.decodeMore()) return 0
    }
    const n = Math.min(length, this.ready - this.served)
    this.block?.out.copy(target, offset, this.served, this.served + n)
    this.served += n
    return n
  }

  close(): void {
    this.block = undefined
    this.scratch = undefined
  }

  private decodeMore(): boolean {
    let block = this.block
    if (block !== undefined && !block.isDone) {
      block.slide()
      this.served = block.outPosition
    } else {
      block = this.nextBlock()
      if (block === undefined) return false
      this.block = block
      this.scratch = block.out
      this.served = 0
    }
    this.ready = block.decode()
    return true
  }

  private nextBlock(): BlockDecoder | undefined {
    const { input } = this
    if (!this.isFramed) {
      if (this.position > 0) return undefined
      this.position = input.length
      return new BlockDecoder(input, 0, input.length, undefined)
    }
    for (;;) {
      if (input.length - this.position < 4) return undefined
      const length = readInt32(input, this.position)
      if (length === XERIAL_MAGIC_START) {
        if (input.length - this.position < XERIAL_HEADER.length) throw undecodable('the header of a concatenated snappy stream is cut')
        this.readHeader()
        continue
      }
      const start = this.position + 4
      if (length < 0 || length > input.length - start) throw undecodable(`a snappy chunk says it has ${length} bytes, ${input.length - start} are there`)
      this.position = start + length
      return new BlockDecoder(input, start, start + length, this.scratch)
    }
  }

  private readHeader(): void {
    if (this.input.compare(XERIAL_HEADER, 0, XERIAL_MAGIC_BYTES, this.position, this.position + XERIAL_MAGIC_BYTES) !== 0) throw undecodable('not a snappy stream')
    if (readInt32(this.input, this.position + XERIAL_MAGIC_BYTES) < 1) throw undecodable('an unknown version of the snappy framing')
    this.position += XERIAL_HEADER.length
  }
}

// ---- encoding ----

/** `input` in xerial framing, after `reserve` free bytes. */
export function compressSnappy(input: Buffer, reserve: number): Buffer {
  const blocks = Math.ceil(input.length / XERIAL_BLOCK_BYTES)
  const out = Buffer.allocUnsafe(reserve + XERIAL_HEADER.length + blocks * 9 + compressedSizeMax(input.length))
  XERIAL_HEADER.copy(out, reserve)
  let o = reserve + XERIAL_HEADER.length
  const table = new Uint16Array(tableSize(Math.min(input.length, XERIAL_BLOCK_BYTES)))
  for (let start = 0; start < input.length; start += XERIAL_BLOCK_BYTES) {
    const end = Math.min(start + XERIAL_BLOCK_BYTES, input.length)
    const blockEnd = compressBlock(input, start, end, out, o + 4, table)
    writeInt32(out, o, blockEnd - o - 4)
    o = blockEnd
  }
  return out.subarray(0, o)
}

const compressedSizeMax = (bytes: number): number => 32 + bytes + Math.ceil(bytes / 6)

function tableSize(bytes: number): number {
  let size = 256
  while (size < bytes && size < 1 << 14) size <<= 1
  return size
}

const MULTIPLIER = 0x1e35a7bd
/** The tail of a block that is not searched for matches, so that four bytes can be read anywhere before it. */
const TAIL_BYTES = 15

/** One raw block of at most 64 KiB; returns the end of it in `out`. `table` is scratch. */
function compressBlock(input: Buffer, start: number, end: number, out: Buffer, outStart: number, table: Uint16Array): number {
  let o = outStart
  for (let v = end - start; ; v >>>= 7) {
    if (v < 0x80) {
      out[o++] = v
      break
    }
    out[o++] = (v & 0x7f) | 0x80
  }
  const limit = end - TAIL_BYTES
  let literalStart = start
  if (limit > start) {
    table.fill(0)
    const shift = Math.clz32(table.length - 1)
    let p = start + 1
    while (p < limit) {
      // Where nothing matched for long, look at fewer and fewer places.
      let skip = 32
      let next = p
      let candidate = 0
      let word = 0
      do {
        p = next
        next = p + (skip++ >>> 5)
        if (next > limit) return emitLiteral(input, literalStart, end, out, o)
        word = input[p] | (input[p + 1] << 8) | (input[p + 2] << 16) | (input[p + 3] << 24)
        const hash = Math.imul(word, MULTIPLIER) >>> shift
        candidate = start + table[hash]
        table[hash] = p - start
      } while (word !== (input[candidate] | (input[candidate + 1] << 8) | (input[candidate + 2] << 16) | (input[candidate + 3] << 24)))
      if (p > literalStart) o = emitLiteral(input, literalStart, p, out, o)
      let length = 4
      while (p + length < end && input[candidate + length] === input[p + length]) length++
      o = emitCopy(out, o, p - candidate, length)
      p += length
      literalStart = p
      if (p < limit) {
        const q = p - 1
        const before = input[q] | (input[q + 1] << 8) | (input[q + 2] << 16) | (input[q + 3] << 24)
        table[Math.imul(before, MULTIPLIER) >>> shift] = q - start
      }
    }
  }
  return literalStart < end ? emitLiteral(input, literalStart, end, out, o) : o
}

function emitLiteral(input: Buffer, start: number, end: number, out: Buffer, position: number): number {
  let o = position
  const n = end - start - 1
  if (n < 60) out[o++] = n << 2
  else if (n < 256) {
    out[o++] = 60 << 2
    out[o++] = n
  } else {
    out[o++] = 61 << 2
    out[o++] = n
    out[o++] = n >>> 8
  }
  if (n > 48) input.copy(out, o, start, end)
  else for (let i = 0; i <= n; i++) out[o + i] = input[start + i]
  return o + n + 1
}

function emitCopy(out: Buffer, position: number, offset: number, length: number): number {
  let o = position
  let left = length
  while (left >= 68) {
    out[o++] = (63 << 2) | 2
    out[o++] = offset
    out[o++] = offset >>> 8
    left -= 64
  }
  if (left > 64) {
    out[o++] = (59 << 2) | 2
    out[o++] = offset
    out[o++] = offset >>> 8
    left -= 60
  }
  if (left >= 12 || offset >= 2048) {
    out[o++] = ((left - 1) << 2) | 2
    out[o++] = offset
    out[o++] = offset >>> 8
  } else {
    out[o++] = ((offset >>> 8) << 5) | ((left - 4) << 2) | 1
    out[o++] = offset
  }
  return o
}
