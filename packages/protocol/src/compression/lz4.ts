/**
 * LZ4 in its frame format as Kafka's Java client reads and writes it: independent blocks, written with 64 KiB blocks
 * and no checksums but the header's. Read: one frame, bytes after it are ignored, block checksums are checked, a
 * content checksum is not. Decoding holds one block (at most 4 MiB), however large the frame says it is.
 */
import type { ByteSource } from './byte-source.ts'
import { undecodable } from './errors.ts'
import { compressLz4Block, lz4BlockSizeMax } from './lz4-block.ts'
import { copyExact, copyMatch, copyWild, viewOf, WILD_BYTES } from './wild-copy.ts'
import { xxhash32 } from './xxhash32.ts'

const MAGIC = 0x184d2204
const VERSION_1 = 0x40
const BLOCK_INDEPENDENCE = 0x20
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const FLG_RESERVED = 0x03
const BLOCK_SIZE_64_KIB = 4
const BLOCK_BYTES = 64 * 1024
const UNCOMPRESSED_BIT = 0x80000000

/** One byte of a length makes at most 255 bytes of output. */
const EXPANSION_MAX = 255
/** What is tried first. */
const USUAL_EXPANSION = 6
const USUAL_ROOM_BYTES = 1024
const MORE = 0
const END = 1
const FULL = 2
/** Behind the fast loop's positions: 14 literals, 18 bytes of match and a wild copy of each. */
const WILD_SLACK_BYTES = 4 * WILD_BYTES

export const LZ4_DEFAULT_LEVEL = 9

function readLittle32(b: Uint8Array, p: number): number {
  return (b[p] | (b[p + 1] << 8) | (b[p + 2] << 16) | (b[p + 3] << 24)) >>> 0
}

function writeLittle32(b: Uint8Array, p: number, value: number): void {
  b[p] = value
  b[p + 1] = value >>> 8
  b[p + 2] = value >>> 16
  b[p + 3] = value >>> 24
}

export class Lz4Source implements ByteSource {
  private readonly input: Buffer
  private position = 0
  private readonly hasBlockChecksum: boolean
  private readonly blockBytesMax: number
  private isFinished = false
  /** The bytes of the current block, decoded (or the input itself where it is stored plain): [served, ready). */
  private block: Buffer
  private served = 0
  private ready = 0
  private readonly decoder: BlockDecoder

  /** `ignoresHeaderChecksum`: Kafka wrote a wrong one with magic 0 and never checks it there. */
  constructor(input: Buffer, ignoresHeaderChecksum = false) {
    this.input = input
    this.block = input
    this.decoder = new BlockDecoder(input)
    if (input.length < 7) throw undecodable('an LZ4 frame ended early')
    if (readLittle32(input, 0) !== MAGIC) throw undecodable('not an LZ4 frame')
    const flags = input[4]
    const descriptor = input[5]
    if ((flags & FLG_RESERVED) !== 0 || (descriptor & 0x8f) !== 0) throw undecodable('reserved bits of an LZ4 frame are set')
    if ((flags & 0xc0) !== VERSION_1) throw undecodable('an unknown version of the LZ4 frame')
    if ((flags & BLOCK_INDEPENDENCE) === 0) throw undecodable('LZ4 blocks that depend on each other are not supported')
    const blockSizeId = descriptor >>> 4
    if (blockSizeId < 4) throw undecodable(`an unknown LZ4 block size ${blockSizeId}`)
    this.blockBytesMax = 1 << (8 + 2 * blockSizeId)
    this.hasBlockChecksum = (flags & BLOCK_CHECKSUM) !== 0
    const end = 6 + ((flags & CONTENT_SIZE) !== 0 ? 8 : 0)
    if (input.length < end + 1) throw undecodable('an LZ4 frame ended early')
    if (!ignoresHeaderChecksum && input[end] !== ((xxhash32(input, 4, end) >>> 8) & 0xff))
      throw undecodable('the header checksum of an LZ4 frame is wrong')
    this.position = end + 1
  }

  read(target: Buffer, offset: number, length: number): number {
    while (this.served === this.ready) {
      if (this.isFinished) return 0
      this.nextBlock()
    }
    const n = Math.min(length, this.ready - this.served)
    this.block.copy(target, offset, this.served, this.served + n)
    this.served += n
    return n
  }

  close(): void {
    this.isFinished = true
    this.served = this.ready
    this.block = this.decoder.out = Buffer.alloc(0)
  }

  private nextBlock(): void {
    const { input } = this
    if (input.length - this.position < 4) throw undecodable('an LZ4 frame ended early')
    const field = readLittle32(input, this.position)
    const isCompressed = field < UNCOMPRESSED_BIT
    const size = isCompressed ? field : field - UNCOMPRESSED_BIT
    const start = this.position + 4
    if (size === 0) {
      this.isFinished = true
      return
    }
    if (size > this.blockBytesMax) throw undecodable(`an LZ4 block of ${size} bytes exceeds the frame's ${this.blockBytesMax}`)
    const end = start + size
    if (end + (this.hasBlockChecksum ? 4 : 0) > input.length) throw undecodable('an LZ4 frame ended early')
    if (this.hasBlockChecksum && readLittle32(input, end) !== xxhash32(input, start, end))
      throw undecodable('the checksum of an LZ4 block is wrong')
    if (isCompressed) {
      this.served = 0
      this.ready = this.decodeBlock(start, end)
      this.block = this.decoder.out
    } else {
      this.block = input
      this.served = start
      this.ready = end
    }
    this.position = end + (this.hasBlockChecksum ? 4 : 0)
  }

  /** A small batch is not given room for the 64 KiB that its block may hold, unless it does. */
  private decodeBlock(start: number, end: number): number {
    const { decoder, blockBytesMax } = this
    const usual = (end - start) * USUAL_EXPANSION + USUAL_ROOM_BYTES
    if (usual < blockBytesMax) {
      decoder.reserve(usual)
      const ready = decoder.decode(start, end)
      if (ready >= 0) return ready
    }
    decoder.reserve(Math.min(blockBytesMax, (end - start) * EXPANSION_MAX))
    const ready = decoder.decode(start, end)
    if (ready < 0) throw undecodable('an LZ4 block holds more than it may')
    return ready
  }
}

/** Decodes blocks of one input into `out`, of which no more than `room` bytes count. */
class BlockDecoder {
  private readonly input: Buffer
  private readonly inputView: DataView
  out: Buffer = Buffer.alloc(0)
  private outView: DataView = viewOf(this.out)
  private room = 0
  /** The next byte of the input, and how much came out. */
  private p = 0
  private o = 0

  constructor(input: Buffer) {
    this.input = input
    this.inputView = viewOf(input)
  }

  reserve(room: number): void {
    this.room = room
    if (this.out.length >= room + WILD_SLACK_BYTES) return
    this.out = Buffer.allocUnsafe(room + WILD_SLACK_BYTES)
    this.outView = viewOf(this.out)
  }

  /** Decodes `input[start, end)` and returns how many bytes came out, or -1 where they did not fit. */
  decode(start: number, end: number): number {
    const { input, inputView, outView, room } = this
    const fastEnd = Math.min(end, input.length - WILD_SLACK_BYTES)
    this.p = start
    this.o = 0
    for (;;) {
      // The usual sequence, of a few literals and a short match, passes without a loop or a call.
      let p = this.p
      let o = this.o
      while (p < fastEnd && o < room) {
        const token = input[p]
        const literals = token >>> 4
        const match = (token & 15) + 4
        const offset = inputView.getUint16(p + 1 + literals, true)
        if (literals === 15 || match === 19 || offset < 4 || offset > o + literals) break
        if (p + 3 + literals > end || o + literals + match > room) break
        copyWild(inputView, p + 1, outView, o, 14)
        o += literals
        copyWild(outView, o - offset, outView, o, 16)
        if (match > 16) outView.setUint32(o + 16, outView.getUint32(o + 16 - offset, true), true)
        o += match
        p += 3 + literals
      }
      this.p = p
      this.o = o
      const next = this.sequence(end)
      if (next === END) return this.o
      if (next === FULL) return -1
    }
  }

  /** Any sequence, every length checked. The last has literals only. */
  private sequence(end: number): number {
    const { input, out } = this
    if (this.p >= end) throw undecodable('an LZ4 block is cut')
    const token = input[this.p++]
    const literals = this.length(token >>> 4, end)
    if (literals > end - this.p) throw undecodable('an LZ4 literal is cut')
    if (literals > this.room - this.o) return FULL
    copyExact(input, this.p, out, this.o, literals)
    this.p += literals
    this.o += literals
    if (this.p === end) return END

    if (end - this.p < 2) throw undecodable('an LZ4 block is cut')
    const offset = input[this.p] | (input[this.p + 1] << 8)
    this.p += 2
    if (offset === 0 || offset > this.o) throw undecodable('an LZ4 match reaches before the start')
    const match = this.length(token & 15, end) + 4
    if (match > this.room - this.o) return FULL
    copyMatch(this.outView, this.o, offset, match)
    this.o += match
    return MORE
  }

  private length(first: number, end: number): number {
    let length = first
    if (length < 15) return length
    for (let byte = 255; byte === 255; length += byte) {
      if (this.p >= end) throw undecodable('an LZ4 block is cut')
      byte = this.input[this.p++]
    }
    return length
  }
}

/** `input` as one frame, after `reserve` free bytes. Levels 1 to 17 as Kafka's; the default 9 is the fast encoder, as there. */
export function compressLz4(input: Buffer, reserve: number, level = LZ4_DEFAULT_LEVEL): Buffer {
  const blocks = Math.ceil(input.length / BLOCK_BYTES)
  const out = Buffer.allocUnsafe(reserve + 7 + blocks * 4 + lz4BlockSizeMax(input.length) + blocks * 16 + 4)
  writeLittle32(out, reserve, MAGIC)
  out[reserve + 4] = VERSION_1 | BLOCK_INDEPENDENCE
  out[reserve + 5] = BLOCK_SIZE_64_KIB << 4
  out[reserve + 6] = (xxhash32(out, reserve + 4, reserve + 6) >>> 8) & 0xff
  const view = viewOf(input)
  let o = reserve + 7
  for (let start = 0; start < input.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, input.length)
    const blockEnd = compressLz4Block(input, view, start, end, out, o + 4, level === LZ4_DEFAULT_LEVEL ? 0 : level)
    if (blockEnd - o - 4 < end - start) {
      writeLittle32(out, o, blockEnd - o - 4)
      o = blockEnd
    } else {
      writeLittle32(out, o, (UNCOMPRESSED_BIT | (end - start)) >>> 0)
      input.copy(out, o + 4, start, end)
      o += 4 + end - start
    }
  }
  writeLittle32(out, o, 0)
  return out.subarray(0, o + 4)
}
