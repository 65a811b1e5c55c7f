// What compiled decoders call for the parts that are not worth inlining. Hostile bytes end here: every helper checks
// that the bytes are there before it reads or allocates, and answers a lie with a DecodeError.
import { DecodeError, LONG_MAX, LONG_MIN } from '@odradek/base'

/**
 * Objects, strings and views that one message may make. Bytes bound the time to decode but not the memory: one byte can
 * stand for an object of a hundred. A frame of garbage would otherwise cost gigabytes.
 */
export const DECODED_ELEMENTS_MAX = 1_000_000
const UNKNOWN_TAG_ELEMENTS = 16
/** Kafka's limit: lengths of strings are int16 wherever they are not compact. */
export const STRING_BYTES_MAX = 32767

const EMPTY = Buffer.alloc(0)

/** State of one decode that helpers and compiled code share; the position lives in a local between calls. */
export class Reader {
  p: number
  elementsLeft = DECODED_ELEMENTS_MAX
  readonly message: string
  readonly version: number

  constructor(message: string, version: number, position: number) {
    this.message = message
    this.version = version
    this.p = position
  }
}

function fail(r: Reader, what: string): never {
  throw new DecodeError(`${r.message} version ${r.version}: ${what}`)
}

function cut(r: Reader, field: string, position: number): never {
  fail(r, `the bytes end within ${field}, at ${position}`)
}

function tooLong(r: Reader, field: string, length: number, left: number): never {
  fail(r, `${field} claims a length of ${length}, ${left} bytes are left`)
}

function notNullable(r: Reader, field: string, length = -1): never {
  fail(r, length === -1 ? `${field} is null` : `${field} has the length ${length}`)
}

function tooMany(r: Reader): never {
  fail(r, `more than ${DECODED_ELEMENTS_MAX} elements`)
}

/** An unsigned varint at r.p, for the case that it is longer than one byte. As a uint32: Java's negative lengths are huge here. */
function uvarint(b: Buffer, r: Reader): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    if (r.p >= b.length) cut(r, 'a varint', r.p)
    const byte = b[r.p++]
    value |= (byte & 0x7f) << shift
    if (byte < 128) return value >>> 0
  }
  return fail(r, 'a varint of more than five bytes')
}

function int64(b: Buffer, p: number, r: Reader): number {
  const high = (b[p] << 24) | (b[p + 1] << 16) | (b[p + 2] << 8) | b[p + 3]
  const low = ((b[p + 4] << 24) | (b[p + 5] << 16) | (b[p + 6] << 8) | b[p + 7]) >>> 0
  const value = high * 4294967296 + low
  if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) return int64Sentinel(r, high, low)
  return value
}

function int64Sentinel(r: Reader, high: number, low: number): number {
  if (high === 0x7fffffff && low === 0xffffffff) return LONG_MAX
  if (high === -0x80000000 && low === 0) return LONG_MIN
  return fail(r, `the int64 ${(BigInt(high) << 32n) | BigInt(low)} is beyond what is supported (2^53)`)
}

function bigInt64(b: Buffer, p: number): bigint {
  return b.readBigInt64BE(p)
}

function takeElements(r: Reader, count: number): void {
  r.elementsLeft -= count
  if (r.elementsLeft < 0) tooMany(r)
}

/** A tagged field that the schema does not know; its bytes stay a view. No peer sends many of them: each counts for sixteen elements. */
function unknownTag(
  r: Reader,
  list: UnknownTaggedField[] | undefined,
  { b, tag, p, size }: { b: Buffer; tag: number; p: number; size: number }
): UnknownTaggedField[] {
  takeElements(r, UNKNOWN_TAG_ELEMENTS - 1)
  const field = { tag, data: size === 0 ? EMPTY : b.subarray(p, p + size) }
  if (list === undefined) return [field]
  list.push(field)
  return list
}

function wrongTagSize(r: Reader, field: string, size: number, used: number): never {
  fail(r, `the tagged field ${field} claims a size of ${size} and takes ${used}`)
}

/** A tagged field that the schema does not know, kept so that a re-write gives the same bytes. */
export interface UnknownTaggedField {
  tag: number
  data: Buffer
}

/** By these names compiled decoders see the helpers. */
export const decodeSupport = {
  EMPTY,
  STRING_BYTES_MAX,
  fail,
  cut,
  tooLong,
  notNullable,
  uvarint,
  int64,
  bigInt64,
  takeElements,
  unknownTag,
  wrongTagSize
}
