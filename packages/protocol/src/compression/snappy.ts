/**
 * Snappy as Kafka uses it. Written in the framing of snappy-java ("xerial": a header, then chunks of a big-endian
 * length and one raw block of up to 32 KiB); read in that framing or as one raw block, which some clients send.
 * Decoding keeps at most {@link WINDOW_BYTES_MAX} of output, whatever a block claims to hold.
 */
import { readInt32, writeInt32 } from '../records/wire.ts'
import type { ByteSource } from './byte-source.ts'
import { undecodable } from './errors.ts'
import { copyExact, copyMatch, copyWild, matchingBytes, viewOf, WILD_BYTES } from './wild-copy.ts'

const XERIAL_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1])
const XERIAL_MAGIC_BYTES = 8
/** The first four bytes of the header: a chunk length that says another stream is concatenated. */
const XERIAL_MAGIC_START = 0x82534e41 | 0
const XERIAL_BLOCK_BYTES = 32 * 1024

/** Larger blocks are decoded through a window of this size; back references then reach at least half of it. */
const WINDOW_BYTES_MAX = 4 * 1024 * 1024
/** No element makes more than 64 bytes out of 3, so no honest block grows by more. */
const EXPANSION_MAX = 22
/** Behind what is decoded, for wild copies of up to 64 bytes. */
const WILD_SLACK_BYTES = 64 + WILD_BYTES

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
  private readonly inputView: DataView
  private readonly outView: DataView
  private readonly room: number
  private position: number
  private readonly end: number
  private literalLeft = 0
  private copyLeft = 0
  private copyOffset = 0

  constructor(input: Buffer, inputView: DataView, start: number, end: number, scratch: Buffer | undefined) {
    this.input = input
    this.inputView = inputView
    this.position = start
    this.end = end
    this.length = this.readPreamble()
    const room = Math.min(this.length, WINDOW_BYTES_MAX) + WILD_SLACK_BYTES
    this.out = scratch !== undefined && scratch.length >= room ? scratch : Buffer.allocUnsafe(room)
    this.room = this.out.length - WILD_SLACK_BYTES
    this.outView = viewOf(this.out)
  }

  private readPreamble(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.position >= this.end) break
      const byte = this.input[this.position++]
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > (this.end - this.position) * EXPANSION_MAX)
          throw undecodable(`a snappy block of ${this.end - this.position} bytes cannot hold ${value}`)
        return value
      }
    }
    throw undecodable('the length of a snappy block is cut')
  }

  /** Decodes until the block ends or `out` is full; returns the end of what is new in `out`. */
  decode(): number {
    const room = Math.min(this.room, this.outStart + this.length - this.produced)
    this.run(room)
    const isDone = this.position >= this.end && this.literalLeft === 0 && this.copyLeft === 0
    if (isDone && this.produced + this.outPosition - this.outStart !== this.length) {
      throw undecodable(`a snappy block of ${this.length} bytes ended after ${this.produced + this.outPosition - this.outStart}`)
    }
    if (!isDone && this.produced + this.outPosition - this.outStart >= this.length)
      throw undecodable('a snappy block holds more than it says')
    return this.outPosition
  }

  get isDone(): boolean {
    return this.produced + this.outPosition - this.outStart >= this.length
  }

  /** Keeps the last half of a full window as history. */
  slide(): void {
    const kept = this.room >>> 1
    this.out.copyWithin(0, this.outPosition - kept, this.outPosition)
    this.produced += this.outPosition - kept
    this.outPosition = kept
    this.outStart = 0
  }

  private run(room: number): void {
    for (;;) {
      if (this.literalLeft === 0 && this.copyLeft === 0) {
        this.runFast(room - 64)
        if (this.position >= this.end) return
        this.readElement()
      }
      if (this.literalLeft > 0) this.copyLiteral(room)
      else this.copyBack(room)
      if (this.literalLeft > 0 || this.copyLeft > 0) return
    }
  }

  /** The usual elements, short literals and copies of up to 64 KiB back; stops before any other. */
  private runFast(room: number): void {
    const { input, inputView, outView, outStart } = this
    const fastEnd = Math.min(this.end, input.length - WILD_SLACK_BYTES)
    let p = this.position
    let o = this.outPosition
    while (p < fastEnd && o < room) {
      const tag = input[p]
      const kind = tag & 3
      if (kind === 0) {
        const length = (tag >>> 2) + 1
        if (length > 16 || length >= this.end - p) break
        copyWild(inputView, p + 1, outView, o, 16)
        p += length + 1
        o += length
      } else if (kind === 1) {
        const offset = ((tag & 0xe0) << 3) | input[p + 1]
        if (offset === 0 || offset > o - outStart) break
        if (offset < 4) copyMatch(outView, o, offset, 16)
        else copyWild(outView, o - offset, outView, o, 16)
        p += 2
        o += ((tag >>> 2) & 7) + 4
      } else {
        const offset = inputView.getUint16(p + 1, true)
        if (kind === 3 || offset === 0 || offset > o - outStart) break
        const length = (tag >>> 2) + 1
        if (offset < 4) copyMatch(outView, o, offset, length)
        else copyWild(outView, o - offset, outView, o, length)
        p += 3
        o += length
      }
    }
    if (p > this.end) throw undecodable('a snappy copy is cut')
    this.position = p
    this.outPosition = o
  }

  private copyLiteral(room: number): void {
    const n = Math.min(this.literalLeft, room - this.outPosition)
    if (n > this.end - this.position) throw undecodable('a snappy literal is cut')
    copyExact(this.input, this.position, this.out, this.outPosition, n)
    this.outPosition += n
    this.position += n
    this.literalLeft -= n
  }

  private copyBack(room: number): void {
    const offset = this.copyOffset
    if (offset === 0 || offset > this.outPosition - this.outStart) throw undecodable('a snappy copy reaches before the start')
    const n = Math.min(this.copyLeft, room - this.outPosition)
    copyMatch(this.outView, this.outPosition, offset, n)
    this.outPosition += n
    this.copyLeft -= n
  }

  private readElement(): void {
    const { input, end } = this
    const tag = input[this.position++]
    const kind = tag & 3
    const left = end - this.position
    if (kind === 0) {
      const length = (tag >>> 2) + 1
      const bytes = length - 60
      if (bytes > left) throw undecodable('a snappy literal is cut')
      this.literalLeft = bytes > 0 ? input.readUIntLE(this.position, bytes) + 1 : length
      if (bytes > 0) this.position += bytes
      return
    }
    const bytes = kind === 3 ? 4 : kind
    if (bytes > left) throw undecodable('a snappy copy is cut')
    this.copyLeft = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    this.copyOffset = kind === 1 ? ((tag & 0xe0) << 3) | input[this.position] : input.readUIntLE(this.position, bytes)
    this.position += bytes
  }
}

export class SnappySource implements ByteSource {
  private readonly input: Buffer
  private readonly inputView: DataView
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
    this.inputView = viewOf(input)
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
      return new BlockDecoder(input, this.inputView, 0, input.length, undefined)
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
      if (length < 0 || length > input.length - start)
        throw undecodable(`a snappy chunk says it has ${length} bytes, ${input.length - start} are there`)
      this.position = start + length
      return new BlockDecoder(input, this.inputView, start, start + length, this.scratch)
    }
  }

  private readHeader(): void {
    if (this.input.compare(XERIAL_HEADER, 0, XERIAL_MAGIC_BYTES, this.position, this.position + XERIAL_MAGIC_BYTES) !== 0)
      throw undecodable('not a snappy stream')
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
  const view = viewOf(input)
  const table = new Uint16Array(tableSize(Math.min(input.length, XERIAL_BLOCK_BYTES)))
  for (let start = 0; start < input.length; start += XERIAL_BLOCK_BYTES) {
    const end = Math.min(start + XERIAL_BLOCK_BYTES, input.length)
    const blockEnd = compressBlock(input, view, start, end, out, o + 4, table)
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
function compressBlock(
  input: Buffer,
  view: DataView,
  start: number,
  end: number,
  out: Buffer,
  outStart: number,
  table: Uint16Array
): number {
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
        word = view.getUint32(p, true)
        const hash = Math.imul(word, MULTIPLIER) >>> shift
        candidate = start + table[hash]
        table[hash] = p - start
      } while (word !== view.getUint32(candidate, true))
      if (p > literalStart) o = emitLiteral(input, literalStart, p, out, o)
      const length = 4 + matchingBytes(view, candidate + 4, p + 4, end)
      o = emitCopy(out, o, p - candidate, length)
      p += length
      literalStart = p
      if (p < limit) table[Math.imul(view.getUint32(p - 1, true), MULTIPLIER) >>> shift] = p - 1 - start
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
  copyExact(input, start, out, o, n + 1)
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
