/**
 * zlib's and zstd's decoders, pulled synchronously into the caller's room: bounded by construction, where the public
 * synchronous functions hold the whole output. They reach for the handle under Node's zlib streams; should a Node
 * release take that away, `openNativeDecoder` falls back to the public functions, which are bounded by
 * `outputBytesMax` only.
 */
import { constants, createInflateRaw, createZstdDecompress, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { tooLarge, undecodable } from './errors.ts'

export interface NativeDecoder {
  /** Decodes from `input` on into `target`. Returns the bytes written; `inputPosition` has moved. */
  decode(target: Buffer, offset: number, length: number): number
  /** The next byte of the input that was not consumed. */
  readonly inputPosition: number
  /** False for a context that grew: it is given back, not kept, when closed. */
  keepsForReuse: boolean
  /** Starts anew on `input[start, end)`: another member, another frame. */
  restart(start: number, end: number): void
  close(): void
}

interface ZlibHandle {
  writeSync(
    flush: number,
    input: Buffer,
    inputOffset: number,
    inputLength: number,
    output: Buffer,
    outputOffset: number,
    outputLength: number
  ): void
  reset(): void
  close(): void
  onerror: (message: string, errno: number, code: string) => void
}

interface ZlibStream {
  _handle?: ZlibHandle
  /** [output bytes left, input bytes left] after a write. */
  _writeState?: Uint32Array
}

export type NativeKind = 'inflate-raw' | 'zstd'

export interface NativeDecoderOptions {
  kind: NativeKind
  input: Buffer
  start: number
  end: number
  outputBytesMax: number
  /** For tests of the fallback. */
  withoutHandle?: boolean
}

/** zstd reads windows up to this by default (128 MiB), and so does Kafka's Java client. */
export const ZSTD_WINDOW_LOG_MAX = 27

/**
 * One idle context a kind: making one costs more than a small batch takes to decode. It is reset before use, so nothing
 * goes from batch to batch; what it may hold on to is one window (see `keepsForReuse`).
 */
const idle = new Map<NativeKind, HandleDecoder>()

export function openNativeDecoder(options: NativeDecoderOptions): NativeDecoder {
  if (!options.withoutHandle) {
    const kept = idle.get(options.kind)
    if (kept !== undefined) {
      idle.delete(options.kind)
      kept.open(options)
      return kept
    }
  }
  const stream = (options.kind === 'zstd'
    ? createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } })
    : createInflateRaw()) as unknown as ZlibStream & { destroy(): void }
  const handle = stream._handle
  const state = stream._writeState
  if (options.withoutHandle || typeof handle?.writeSync !== 'function' || state === undefined) {
    stream.destroy()
    return new WholeDecoder(options)
  }
  const decoder = new HandleDecoder(options.kind, handle, state)
  decoder.open(options)
  return decoder
}

const NO_INPUT = Buffer.alloc(0)

class HandleDecoder implements NativeDecoder {
  inputPosition = 0
  keepsForReuse = true
  private input: Buffer = NO_INPUT
  private end = 0
  private isOpen = false
  private readonly kind: NativeKind
  private readonly flush: number
  private readonly handle: ZlibHandle
  private readonly state: Uint32Array
  private failure: string | undefined

  constructor(kind: NativeKind, handle: ZlibHandle, state: Uint32Array) {
    this.kind = kind
    this.flush = kind === 'zstd' ? constants.ZSTD_e_continue : constants.Z_SYNC_FLUSH
    this.handle = handle
    this.state = state
    handle.onerror = (message) => {
      this.failure = message
    }
  }

  open(options: NativeDecoderOptions): void {
    this.input = options.input
    this.isOpen = true
    this.restart(options.start, options.end)
  }

  decode(target: Buffer, offset: number, length: number): number {
    if (!this.isOpen) return 0
    const inputLength = this.end - this.inputPosition
    this.handle.writeSync(this.flush, this.input, this.inputPosition, inputLength, target, offset, length)
    if (this.failure !== undefined) throw undecodable(this.failure)
    this.inputPosition += inputLength - this.state[1]
    return length - this.state[0]
  }

  restart(start: number, end: number): void {
    this.handle.reset()
    this.inputPosition = start
    this.end = end
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.input = NO_INPUT
    if (this.keepsForReuse && this.failure === undefined && !idle.has(this.kind)) idle.set(this.kind, this)
    else this.handle.close()
  }
}

class WholeDecoder implements NativeDecoder {
  inputPosition = 0
  keepsForReuse = false
  private readonly options: NativeDecoderOptions
  private output: Buffer = Buffer.alloc(0)
  private served = 0

  constructor(options: NativeDecoderOptions) {
    this.options = options
    this.restart(options.start, options.end)
  }

  decode(target: Buffer, offset: number, length: number): number {
    const copied = this.output.copy(target, offset, this.served, this.served + length)
    this.served += copied
    return copied
  }

  restart(start: number, end: number): void {
    const { input, kind, outputBytesMax } = this.options
    this.served = 0
    try {
      if (kind === 'zstd') {
        this.output = zstdDecompressSync(input.subarray(start, end), {
          maxOutputLength: outputBytesMax,
          params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX }
        })
        this.inputPosition = end
        return
      }
      const result = inflateRawSync(input.subarray(start, end), { maxOutputLength: outputBytesMax, info: true }) as unknown as {
        buffer: Buffer
        engine: { bytesWritten: number }
      }
      this.output = result.buffer
      this.inputPosition = start + result.engine.bytesWritten
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(`${outputBytesMax} bytes are allowed`)
      throw undecodable((error as Error).message, error)
    }
  }

  close(): void {
    this.output = Buffer.alloc(0)
  }
}
