/**
 * LZ4 in its frame format as Kafka's Java client reads and writes it: independent blocks, written with 64 KiB blocks
 * and no checksums but the header's. Read: one frame, bytes after it are ignored, block checksums are checked, a
 * content checksum is not. Decoding holds one block (at most 4 MiB), however large the frame says it is.
 */
import type { ByteSource } from './byte-source.ts'
import { undecodable } from './errors.ts'
import { compressLz4Block, lz4BlockSizeMax } from './lz4-block.ts'
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
  private scratch: Buffer = Buffer.alloc(0)

  /** `ignoresHeaderChecksum`: Kafka wrote a wrong one with magic 0 and never checks it there. */
  constructor(input: Buffer, ignoresHeaderChecksum = false) {
    this.input = input
    this.block = input
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
    if (!ignoresHeaderChecksum && input[end] !== ((xxhash32(input, 4, end) >>> 8) & 0xff)) throw undecodable('the header checksum of an LZ4 frame is wrong')
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
    this.scratch = this.block = Buffer.alloc(0)
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
    if (this.hasBlockChecksum && readLittle32(input, end) !== xxhash32(input, start, end)) throw undecodable('the checksum of an LZ4 block is wrong')
    if (isCompressed) {
      const room = Math.min(this.blockBytesMax, size * EXPANSION_MAX)
      if (this.scratch.length < room) this.scratch = Buffer.allocUnsafe(room)
      this.block = this.scratch
      this.served = 0
      this.ready = decodeBlock(input, start, end, this.scratch, Math.min(this.scratch.length, this.blockBytesMax))
    } else {
      this.block = input
      this.served = start
      this.ready = end
    }
    this.position = end + (this.hasBlockChecksum ? 4 : 0)
  }
}

/** Decodes one block into `out` and returns how many bytes came out; never more than `room`. */
function decodeBlock(input: Buffer, start: number, end: number, out: Buffer, room: number): number {
  let p = start
  let o = 0
  for (;;) {
    if (p >= end) throw undecodable('an LZ4 block is cut')
    const token = input[p++]
    let length = token >>> 4
    if (length === 15) {
      let byte: number
      do {
        if (p >= end) throw undecodable('an LZ4 block is cut')
        byte = input[p++]
        length += byte
      } while (byte === 255)
    }
    if (length > end - p || length > room - o) throw undecodable('an LZ4 literal does not fit')
    if (length > 48) input.copy(out, o, p, p + length)
    else for (let i = 0; i < length; i++) out[o + i] = input[p + i]
    o += length
    p += length
    if (p === end) return o

    if (end - p < 2) throw undecodable('an LZ4 block is cut')
    const offset = input[p] | (input[p + 1] << 8)
    p += 2
    if (offset === 0 || offset > o) throw undecodable('an LZ4 match reaches before the start')
    length = token & 15
    if (length === 15) {
      let byte: number
      do {
        if (p >= end) throw undecodable('an LZ4 block is cut')
        byte = input[p++]
        length += byte
      } while (byte === 255)
    }
    length += 4
    if (length > room - o) throw undecodable('an LZ4 match does not fit')
    copyMatch(out, o, offset, length)
    o += length
  }
}

function copyMatch(out: Buffer, o: number, offset: number, length: number): void {
  const from = o - offset
  if (length <= 48) {
    for (let i = 0; i < length; i++) out[o + i] = out[from + i]
    return
  }
  // The first `offset` bytes are there; each copy doubles what can be copied at once.
  let copied = 0
  let available = offset
  while (copied < length) {
    const n = Math.min(available, length - copied)
    out.copyWithin(o + copied, from, from + n)
    copied += n
    available += n
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
  let o = reserve + 7
  for (let start = 0; start < input.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, input.length)
    const blockEnd = compressLz4Block(input, start, end, out, o + 4, level === LZ4_DEFAULT_LEVEL ? 0 : level)
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
