/**
 * Big-endian integers and zigzag varints of record batches, without the per-call checks of Buffer's methods: callers
 * have checked that the bytes are there. int64 is `number`; values beyond ±2^53 come out as the nearest double (the
 * bytes stay the truth) and `bigint` goes in exactly.
 */
import { LONG_MAX } from '@odradek/base'

const TWO_32 = 4294967296
const TWO_63 = LONG_MAX

export function readInt32(b: Uint8Array, p: number): number {
  return (b[p] << 24) | (b[p + 1] << 16) | (b[p + 2] << 8) | b[p + 3]
}

export function writeInt32(b: Uint8Array, p: number, value: number): void {
  b[p] = value >>> 24
  b[p + 1] = value >>> 16
  b[p + 2] = value >>> 8
  b[p + 3] = value
}

export function readInt16(b: Uint8Array, p: number): number {
  return ((b[p] << 24) | (b[p + 1] << 16)) >> 16
}

export function writeInt16(b: Uint8Array, p: number, value: number): void {
  b[p] = value >>> 8
  b[p + 1] = value
}

export function readInt64(b: Uint8Array, p: number): number {
  return readInt32(b, p) * TWO_32 + (readInt32(b, p + 4) >>> 0)
}

/** Every bit of an int64, for the rare place (a message, a wrapped sum) where a double would round. */
export function readInt64Exact(b: Uint8Array, p: number): bigint {
  return (BigInt(readInt32(b, p)) << 32n) | BigInt(readInt32(b, p + 4) >>> 0)
}

export function writeInt64(b: Uint8Array, p: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    writeInt32(b, p, Number(BigInt.asIntN(32, value >> 32n)))
    writeInt32(b, p + 4, Number(BigInt.asIntN(32, value)))
    return
  }
  if (value >= TWO_63) {
    writeInt32(b, p, 0x7fffffff)
    writeInt32(b, p + 4, -1)
    return
  }
  const high = Math.floor(value / TWO_32)
  writeInt32(b, p, high)
  writeInt32(b, p + 4, value - high * TWO_32)
}

/** `a + b` in 64 bits as Java does it. */
export function addInt64(a: number, b: number): number {
  const sum = a + b
  if (Number.isSafeInteger(sum) || (sum < TWO_63 && sum >= -TWO_63)) return sum
  return Number(BigInt.asIntN(64, BigInt(a) + BigInt(b)))
}

export function sizeOfUnsignedVarint(value: number): number {
  const v = value >>> 0
  return v < 0x80 ? 1 : v < 0x4000 ? 2 : v < 0x200000 ? 3 : v < 0x10000000 ? 4 : 5
}

export function sizeOfVarint(value: number): number {
  return sizeOfUnsignedVarint((value << 1) ^ (value >> 31))
}

/** Writes a zigzag int32 and returns the position after it. */
export function writeVarint(b: Uint8Array, p: number, value: number): number {
  let v = ((value << 1) ^ (value >> 31)) >>> 0
  while (v >= 0x80) {
    b[p++] = (v & 0x7f) | 0x80
    v >>>= 7
  }
  b[p++] = v
  return p
}

const isInt32 = (value: number): boolean => (value | 0) === value

/** Zigzag of a safe integer beyond 32 bits, as an unsigned high and low half. */
function zigzagHalves(value: number | bigint): { high: number; low: number } {
  if (typeof value === 'bigint' || !Number.isSafeInteger(value)) {
    const v = BigInt.asIntN(64, BigInt(value))
    const z = BigInt.asUintN(64, (v << 1n) ^ (v >> 63n))
    return { high: Number(z >> 32n), low: Number(z & 0xffffffffn) }
  }
  const magnitude = value < 0 ? -value - 1 : value
  const high = Math.floor(magnitude / 2147483648)
  return { high, low: (magnitude - high * 2147483648) * 2 + (value < 0 ? 1 : 0) }
}

export function sizeOfVarlong(value: number | bigint): number {
  if (typeof value === 'number' && isInt32(value)) return sizeOfVarint(value)
  const { high, low } = zigzagHalves(value)
  if (high === 0) return sizeOfUnsignedVarint(low)
  return high < 8 ? 5 : high < 0x400 ? 6 : high < 0x20000 ? 7 : high < 0x1000000 ? 8 : high < 0x80000000 ? 9 : 10
}

/** Writes a zigzag int64 and returns the position after it. */
export function writeVarlong(b: Uint8Array, p: number, value: number | bigint): number {
  if (typeof value === 'number' && isInt32(value)) return writeVarint(b, p, value)
  let { high, low } = zigzagHalves(value)
  while (high > 0 || low >= 0x80) {
    b[p++] = (low & 0x7f) | 0x80
    low = ((low >>> 7) | ((high & 0x7f) << 25)) >>> 0
    high >>>= 7
  }
  b[p++] = low
  return p
}
