// The face of message codecs. A codec is compiled from the schema on the first use of a (message, version) pair.

import { compileDecoder, type DecodeFunction } from './compile-decode.ts'
import { compileCreate, compileEncoder, type EncodeFunction } from './compile-encode.ts'
import { Reader, type UnknownTaggedField } from './reader.ts'
import { messageSchema, parseVersions, planMessage, versionError } from './schema.ts'
import { Writer } from './writer.ts'

export type { UnknownTaggedField } from './reader.ts'
export { Writer } from './writer.ts'

/**
 * What an encoder takes: every field may be left out and then has the schema's default. A `bytes` or `records` field
 * also takes a list of buffers, written one after the other; `encodeChunks` passes large ones by without a copy.
 */
export type Input<T> = T extends Buffer
  ? Buffer | readonly Buffer[]
  : T extends readonly (infer E)[]
    ? readonly Input<E>[]
    : T extends object
      ? { [K in keyof T]?: Input<T[K]> }
      : T

export interface MessageCodec<T> {
  readonly name: string
  readonly apiKey: number | undefined
  /** maxVersion is below minVersion for a message of which no version is left. */
  readonly minVersion: number
  readonly maxVersion: number
  isFlexible(version: number): boolean
  /** The whole message: what `fields` leaves out, at any depth, has the schema's default. */
  create(fields?: Input<T>): T
  /** Throws DecodeError. Byte fields are views of `buffer`; bytes behind the message are let be. */
  decode(buffer: Buffer, version: number): T
  decodeAt(buffer: Buffer, offset: number, version: number): { value: T; end: number }
  /** Throws OdradekError UNSUPPORTED_VERSION when a field is set that the version has not and may not drop. */
  encode(value: Input<T>, version: number): Buffer
  /** As `encode`, with large byte fields passed by; `prefix` writes what goes before. */
  encodeChunks(value: Input<T>, version: number, prefix?: (writer: Writer) => void): Buffer[]
  encodeInto(writer: Writer, value: Input<T>, version: number): void
}

/** A message of the exact flavour: every int64 is a bigint. For goldens and dump tools; no typed face. */
export type ExactMessage = { [field: string]: unknown; unknownTaggedFields?: UnknownTaggedField[] }

const SIZE_HINT_MAX = 65_536
const SLACK_MAX = 4096

class CompiledCodec<T> implements MessageCodec<T> {
  readonly name: string
  readonly apiKey: number | undefined
  readonly minVersion: number
  readonly maxVersion: number
  private readonly exact: boolean
  private readonly flexible: { min: number; max: number } | undefined
  private readonly decoders: (DecodeFunction | undefined)[] = []
  private readonly encoders: (EncodeFunction | undefined)[] = []
  private creator: ((fields: unknown) => unknown) | undefined
  /** The size of the last encoding, a guess for the next. */
  private sizeHint = 256

  constructor(name: string, exact: boolean) {
    const schema = messageSchema(name)
    const versions = parseVersions(schema.validVersions)
    this.name = name
    this.apiKey = schema.apiKey
    this.minVersion = versions?.min ?? 0
    this.maxVersion = versions?.max ?? -1
    this.flexible = parseVersions(schema.flexibleVersions)
    this.exact = exact
  }

  isFlexible(version: number): boolean {
    return this.flexible !== undefined && version >= this.flexible.min && version <= this.flexible.max
  }

  create(fields?: Input<T>): T {
    this.creator ??= compileCreate(planMessage(this.name, this.maxVersion, this.exact))
    return this.creator(fields ?? {}) as T
  }

  decode(buffer: Buffer, version: number): T {
    return this.decoder(version)(buffer, new Reader(this.name, version, 0)) as T
  }

  decodeAt(buffer: Buffer, offset: number, version: number): { value: T; end: number } {
    const reader = new Reader(this.name, version, offset)
    const value = this.decoder(version)(buffer, reader) as T
    return { value, end: reader.p }
  }

  encode(value: Input<T>, version: number): Buffer {
    const writer = new Writer({ size: this.sizeHint })
    this.encoder(version)(value, writer)
    const { sizeHint } = this
    this.sizeHint = Math.min(writer.length + 16, SIZE_HINT_MAX)
    const bytes = writer.finish()[0]
    // A small message that is kept must not keep the room of the large one before it.
    return sizeHint - bytes.length > SLACK_MAX ? Buffer.from(bytes) : bytes
  }

  encodeChunks(value: Input<T>, version: number, prefix?: (writer: Writer) => void): Buffer[] {
    const writer = new Writer({ size: this.sizeHint, passThrough: true })
    prefix?.(writer)
    this.encoder(version)(value, writer)
    this.sizeHint = Math.min(writer.ownLength + 16, SIZE_HINT_MAX)
    return writer.finish()
  }

  encodeInto(writer: Writer, value: Input<T>, version: number): void {
    this.encoder(version)(value, writer)
  }

  private decoder(version: number): DecodeFunction {
    const compiled = this.decoders[version]
    if (compiled !== undefined) return compiled
    this.check(version, true)
    const decoder = compileDecoder(planMessage(this.name, version, this.exact))
    this.decoders[version] = decoder
    return decoder
  }

  private encoder(version: number): EncodeFunction {
    const compiled = this.encoders[version]
    if (compiled !== undefined) return compiled
    this.check(version, false)
    const encoder = compileEncoder(planMessage(this.name, version, this.exact), version)
    this.encoders[version] = encoder
    return encoder
  }

  private check(version: number, decoding: boolean): void {
    if (!(version >= this.minVersion && version <= this.maxVersion)) throw versionError(this.name, version, decoding)
  }
}

/** The codec of a message. int64 is a number: a DecodeError beyond 2^53, but for Long.MAX_VALUE and Long.MIN_VALUE. */
export function codec<T>(name: string): MessageCodec<T> {
  return new CompiledCodec<T>(name, false)
}

/** The codec that takes and gives every int64 as a bigint. */
export function exactCodec(name: string): MessageCodec<ExactMessage> {
  return new CompiledCodec<ExactMessage>(name, true)
}
