// Numbers in Kafka's binary forms, big-endian: ShortSerializer, IntegerSerializer, LongSerializer, FloatSerializer, DoubleSerializer.
import { described, type Serde, serializationError } from './serde.ts'

export type NumberForm = 'short' | 'int' | 'long' | 'float' | 'double'

interface Form {
  readonly bytes: number
  readonly fits: (value: number) => boolean
  readonly write: (target: Buffer, value: number) => void
  readonly read: (bytes: Buffer) => number
}

const forms: Readonly<Record<NumberForm, Form>> = {
  short: { bytes: 2, fits: isWholeWithin(2 ** 15), write: (b, v) => b.writeInt16BE(v), read: (b) => b.readInt16BE() },
  int: { bytes: 4, fits: isWholeWithin(2 ** 31), write: (b, v) => b.writeInt32BE(v), read: (b) => b.readInt32BE() },
  long: { bytes: 8, fits: Number.isSafeInteger, write: (b, v) => b.writeBigInt64BE(BigInt(v)), read: readSafeLong },
  float: { bytes: 4, fits: () => true, write: (b, v) => b.writeFloatBE(v), read: (b) => b.readFloatBE() },
  double: { bytes: 8, fits: () => true, write: (b, v) => b.writeDoubleBE(v), read: (b) => b.readDoubleBE() }
}

/** A number that its form cannot hold is an error, both ways: a `long` beyond 2^53 needs {@link bigint}. */
export function number(form: NumberForm = 'double'): Serde<number> {
  const { bytes: size, fits, write, read } = forms[form]
  return {
    serialize(value) {
      if (typeof value !== 'number' || !fits(value)) throw serializationError(`number('${form}') got ${described(value)}`)
      const bytes = Buffer.allocUnsafe(size)
      write(bytes, value)
      return bytes
    },
    deserialize(bytes) {
      if (bytes.length !== size) throw serializationError(`number('${form}') has ${size} bytes, not ${bytes.length}`)
      return read(bytes)
    }
  }
}

/** Kafka's LongSerializer with every bit. */
export function bigint(): Serde<bigint> {
  return {
    serialize(value) {
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) throw serializationError(`bigint() got ${described(value)}`)
      const bytes = Buffer.allocUnsafe(8)
      bytes.writeBigInt64BE(value)
      return bytes
    },
    deserialize(bytes) {
      if (bytes.length !== 8) throw serializationError(`bigint() has 8 bytes, not ${bytes.length}`)
      return bytes.readBigInt64BE()
    }
  }
}

function isWholeWithin(bound: number): (value: number) => boolean {
  return (value) => Number.isInteger(value) && value >= -bound && value < bound
}

function readSafeLong(bytes: Buffer): number {
  const value = bytes.readBigInt64BE()
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw serializationError(`${value} is no exact number: read it with bigint()`)
  return number
}
