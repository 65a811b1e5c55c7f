/**
 * gzip, read member by member around a raw inflater, so that memory is bounded and trailing bytes are treated as Java's
 * reader treats them: another member where a header starts there, nothing otherwise.
 */
import { constants, crc32, gzipSync } from 'node:zlib'
import type { ByteSource } from './byte-source.ts'
import { undecodable } from './errors.ts'
import type { NativeDecoder } from './native-decoder.ts'
import { openNativeDecoder } from './native-decoder.ts'

const FHCRC = 0x02
const FEXTRA = 0x04
const FNAME = 0x08
const FCOMMENT = 0x10
const TRAILER_BYTES = 8
/** Writers make one member a batch; a stream of empty ones only costs time. */
const MEMBERS_MAX = 1024

export const GZIP_DEFAULT_LEVEL = constants.Z_DEFAULT_COMPRESSION

export class GzipSource implements ByteSource {
  private readonly input: Buffer
  private readonly decoder: NativeDecoder
  private crc = 0
  private size = 0
  private members = 1
  private isFinished = false

  constructor(input: Buffer, outputBytesMax: number) {
    this.input = input
    const start = headerEnd(input, 0)
    if (start === undefined) throw undecodable('not in gzip format')
    this.decoder = openNativeDecoder({ kind: 'inflate-raw', input, start, end: input.length, outputBytesMax })
  }

  read(target: Buffer, offset: number, length: number): number {
    while (!this.isFinished) {
      const n = this.decoder.decode(target, offset, length)
      if (n > 0) {
        this.crc = crc32(target.subarray(offset, offset + n), this.crc)
        this.size = (this.size + n) >>> 0
        // A full target says nothing about the end; the next call, which decodes nothing, will.
        if (n < length) this.endMember()
        return n
      }
      this.endMember()
    }
    return 0
  }

  close(): void {
    this.isFinished = true
    this.decoder.close()
  }

  /** The inflater wants nothing more: the trailer must follow, and another member may. */
  private endMember(): void {
    const { input } = this
    const at = this.decoder.inputPosition
    if (input.length - at < TRAILER_BYTES) throw undecodable('a gzip stream ended early')
    if (input.readUInt32LE(at) !== this.crc) throw undecodable('the checksum of a gzip stream is wrong')
    if (input.readUInt32LE(at + 4) !== this.size) throw undecodable('the length of a gzip stream is wrong')
    const start = headerEnd(input, at + TRAILER_BYTES)
    if (start === undefined) {
      this.isFinished = true
      return
    }
    if (++this.members > MEMBERS_MAX) throw undecodable(`more than ${MEMBERS_MAX} gzip members`)
    this.crc = 0
    this.size = 0
    this.decoder.restart(start, input.length)
  }
}

/** The end of the gzip header at `position`, or undefined where there is none. */
function headerEnd(input: Buffer, position: number): number | undefined {
  if (input.length - position < 10 || input[position] !== 0x1f || input[position + 1] !== 0x8b || input[position + 2] !== 8)
    return undefined
  const flags = input[position + 3]
  let p = position + 10
  if ((flags & FEXTRA) !== 0) {
    if (input.length - p < 2) return undefined
    p += 2 + input.readUInt16LE(p)
  }
  for (const flag of [FNAME, FCOMMENT]) {
    if ((flags & flag) === 0) continue
    const zero = input.indexOf(0, p)
    if (zero < 0) return undefined
    p = zero + 1
  }
  if ((flags & FHCRC) !== 0) p += 2
  return p <= input.length ? p : undefined
}

export function compressGzip(input: Buffer, level = GZIP_DEFAULT_LEVEL): Buffer {
  return gzipSync(input, { level })
}
