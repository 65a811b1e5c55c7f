/**
 * zstd by Node's decoder, frame by frame. The frames are walked first (headers and block sizes only, nothing decoded):
 * a cut frame, garbage after one and an oversized window are found before anything is allocated.
 */
import { constants, zstdCompressSync } from 'node:zlib'
import { corrupt } from '../records/types.ts'
import type { ByteSource } from './byte-source.ts'
import { tooLarge, undecodable } from './errors.ts'
import type { NativeDecoder } from './native-decoder.ts'
import { openNativeDecoder, ZSTD_WINDOW_LOG_MAX } from './native-decoder.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC_MIN = 0x184d2a50
const SKIPPABLE_MAGIC_MAX = 0x184d2a5f
const BLOCK_BYTES_MAX = 128 * 1024
/** Writers make one frame a batch; a stream of empty ones only costs time. */
const FRAMES_MAX = 1024
/** The decoder's window is native memory that output fills; only so much output is let into a larger one. */
const WINDOW_BYTES_UNLIMITED = 8 * 1024 * 1024
/** The window of zstd's default level, which an idle decoder may keep. */
const WINDOW_BYTES_KEPT = 2 * 1024 * 1024

export const ZSTD_DEFAULT_LEVEL = 3

export class ZstdSource implements ByteSource {
  private readonly input: Buffer
  private readonly outputBytesMax: number
  private decoder: NativeDecoder | undefined
  private frameEnd = 0
  private frames = 0
  private largeWindowOutput = 0
  private hasLargeWindow = false

  constructor(input: Buffer, outputBytesMax: number) {
    this.input = input
    this.outputBytesMax = outputBytesMax
  }

  read(target: Buffer, offset: number, length: number): number {
    for (;;) {
      if (this.decoder === undefined || this.decoder.inputPosition >= this.frameEnd) {
        // The frame's bytes are consumed, its output may not be.
        const left = this.decoder?.decode(target, offset, length) ?? 0
        if (left > 0) return this.given(left)
        if (!this.nextFrame()) return 0
      }
      const before = this.decoder?.inputPosition
      const n = this.decoder?.decode(target, offset, length) ?? 0
      if (n > 0) return this.given(n)
      if (this.decoder?.inputPosition === before) throw undecodable('a zstd frame does not go on')
    }
  }

  close(): void {
    this.decoder?.close()
    this.decoder = undefined
    this.frameEnd = this.input.length
  }

  private given(bytes: number): number {
    if (this.hasLargeWindow) {
      this.largeWindowOutput += bytes
      if (this.largeWindowOutput > WINDOW_BYTES_UNLIMITED)
        throw tooLarge(`${WINDOW_BYTES_UNLIMITED} bytes are allowed with a zstd window above that`)
    }
    return bytes
  }

  private nextFrame(): boolean {
    const { input } = this
    for (let position = this.frameEnd; position < input.length; ) {
      if (++this.frames > FRAMES_MAX) throw undecodable(`more than ${FRAMES_MAX} zstd frames`)
      const frame = frameAt(input, position)
      this.frameEnd = frame.end
      if (!frame.isSkippable) {
        this.hasLargeWindow = frame.windowBytes > WINDOW_BYTES_UNLIMITED
        if (this.decoder !== undefined) this.decoder.restart(position, frame.end)
        else this.decoder = openNativeDecoder({ kind: 'zstd', input, start: position, end: frame.end, outputBytesMax: this.outputBytesMax })
        if (frame.windowBytes > WINDOW_BYTES_KEPT) this.decoder.keepsForReuse = false
        return true
      }
      position = frame.end
    }
    return false
  }
}

interface Frame {
  end: number
  isSkippable: boolean
  windowBytes: number
}

/** Walks the frame at `position`. Throws where it is cut or none. */
function frameAt(input: Buffer, position: number): Frame {
  if (input.length - position < 5) throw undecodable('a zstd frame ended early')
  const magic = input.readUInt32LE(position)
  if (magic >= SKIPPABLE_MAGIC_MIN && magic <= SKIPPABLE_MAGIC_MAX) {
    const end = input.length - position >= 8 ? position + 8 + input.readUInt32LE(position + 4) : input.length + 1
    if (end > input.length) throw undecodable('a zstd frame ended early')
    return { end, isSkippable: true, windowBytes: 0 }
  }
  if (magic !== MAGIC) throw undecodable('not a zstd frame')
  const descriptor = input[position + 4]
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]
  const sizeFlag = descriptor >>> 6
  const contentSizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag
  let p = position + 5
  let windowBytes = 0
  if (input.length - p < (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes) throw undecodable('a zstd frame ended early')
  if (!isSingleSegment) {
    const exponent = 10 + (input[p] >>> 3)
    windowBytes = 2 ** exponent + (2 ** exponent / 8) * (input[p] & 7)
    p++
  }
  p += dictionaryIdBytes
  if (isSingleSegment) windowBytes = contentSize(input, p, contentSizeBytes)
  p += contentSizeBytes
  if (windowBytes > 2 ** ZSTD_WINDOW_LOG_MAX)
    throw corrupt(`A zstd frame asks for a window of ${windowBytes} bytes, ${2 ** ZSTD_WINDOW_LOG_MAX} are allowed`)
  const hasChecksum = (descriptor & 0x04) !== 0
  const end = blocksEnd(input, p) + (hasChecksum ? 4 : 0)
  if (end > input.length) throw undecodable('a zstd frame ended early')
  return { end, isSkippable: false, windowBytes }
}

function contentSize(input: Buffer, position: number, bytes: number): number {
  if (bytes === 1) return input[position]
  if (bytes === 2) return input.readUInt16LE(position) + 256
  if (bytes === 4) return input.readUInt32LE(position)
  return input.readUInt32LE(position) + input.readUInt32LE(position + 4) * 2 ** 32
}

/** The byte after the last block. A block is a 3-byte header and its bytes (one byte for a repeated one). */
function blocksEnd(input: Buffer, position: number): number {
  for (let p = position; ; ) {
    if (input.length - p < 3) throw undecodable('a zstd frame ended early')
    const header = input.readUIntLE(p, 3)
    const kind = (header >>> 1) & 3
    const size = header >>> 3
    if (kind === 3 || (size > BLOCK_BYTES_MAX && kind !== 1)) throw undecodable('a zstd block is malformed')
    p += 3 + (kind === 1 ? 1 : size)
    if ((header & 1) === 1) return p
  }
}

export function compressZstd(input: Buffer, level = ZSTD_DEFAULT_LEVEL): Buffer {
  return zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: level } })
}
