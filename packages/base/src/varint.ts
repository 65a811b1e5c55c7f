// Variable-length integers as Kafka writes them: base 128, low bits first; signed ones zigzag. Plain functions on bytes;
// the decoders of messages and records have their own, inlined ones, and these are for everything that is not hot.
// Reading is of bytes that may be hostile: DecodeError where they end early or go on for more than 5 (or 10) bytes.
import { DecodeError } from './errors.ts'

/** A value and the position behind it. */
export interface VarintRead<T = number> {
  value: T
  end: number
}

/** As a uint32; a fifth byte's bits beyond the 32nd are dropped, as Java does. */
export function readUnsignedVarint(bytes: Uint8Array, position: number): VarintRead {
  let value = 0
  for (let index = 0; index < 5; index++) {
    if (position + index >= bytes.length) throw new DecodeError(`the bytes end within a varint, at ${position + index}`)
    const byte = bytes[position + index]
    value |= (byte & 0x7f) << (7 * index)
    if (byte < 0x80) return { value: value >>> 0, end: position + index + 1 }
  }
  throw new DecodeError(`a varint of more than 5 bytes at ${position}`)
}

export function readVarint(bytes: Uint8Array, position: number): VarintRead {
  const { value, end } = readUnsignedVarint(bytes, position)
  return { value: (value >>> 1) ^ -(value & 1), end }
}

export function readVarlong(bytes: Uint8Array, position: number): VarintRead<bigint> {
  let value = 0n
  for (let index = 0; index < 10; index++) {
    if (position + index >= bytes.length) throw new DecodeError(`the bytes end within a varlong, at ${position + index}`)
    const byte = bytes[position + index]
    value |= BigInt(byte & 0x7f) << BigInt(7 * index)
    if (byte < 0x80) return { value: BigInt.asIntN(64, (BigInt.asUintN(64, value) >> 1n) ^ -(value & 1n)), end: position + index + 1 }
  }
  throw new DecodeError(`a varlong of more than 10 bytes at ${position}`)
}

/** Writes an int32 or uint32 and gives the position behind it; the caller made room (see sizeOfUnsignedVarint). */
export function writeUnsignedVarint(bytes: Uint8Array, position: number, value: number): number {
  value >>>= 0
  while (value > 0x7f) {
    bytes[position++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[position++] = value
  return position
}

export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  return writeUnsignedVarint(bytes, position, (value << 1) ^ (value >> 31))
}

export function writeVarlong(bytes: Uint8Array, position: number, value: bigint): number {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  while (rest > 0x7fn) {
    bytes[position++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  bytes[position++] = Number(rest)
  return position
}

export function sizeOfUnsignedVarint(value: number): number {
  const bits = 32 - Math.clz32(value)
  return bits === 0 ? 1 : Math.ceil(bits / 7)
}

export function sizeOfVarint(value: number): number {
  return sizeOfUnsignedVarint((value << 1) ^ (value >> 31))
}

export function sizeOfVarlong(value: bigint): number {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  let size = 1
  for (; rest > 0x7fn; rest >>= 7n) size++
  return size
}
