// Confluent's wire format: a zero, the id of the schema in four bytes, the payload. Protobuf puts before its payload which message of the
// file it is: how many indexes and each of them as zigzag varints, or one zero for the first message. Ids in record headers (GUIDs) are
// not read: a deserializer gets no headers.
import { readVarint, sizeOfVarint, writeVarint } from '@odradek/base'
import { serializationFailed } from './errors.ts'

const headerBytes = 5
/** Messages nest no deeper in practice; a longer list is a lie. */
const indexesMax = 100

export function frame(id: number, parts: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(headerBytes)
  header.writeInt32BE(id, 1)
  return Buffer.concat([header, ...parts])
}

export function unframe(bytes: Buffer): { id: number; payload: Buffer } {
  if (bytes.length < headerBytes || bytes[0] !== 0) {
    const found = bytes.length < headerBytes ? `${bytes.length} bytes` : `bytes that begin with ${bytes[0]}`
    throw serializationFailed(`Bytes that a schema registry's serializer did not write: ${found}, not a zero and the id of a schema`)
  }
  return { id: bytes.readInt32BE(1), payload: bytes.subarray(headerBytes) }
}

/** `[0]`: the first message of the file; `[2, 1]`: the second inside of the third. */
export function encodeMessageIndexes(indexes: readonly number[]): Buffer {
  if (indexes.length === 1 && indexes[0] === 0) return Buffer.of(0)
  const values = [indexes.length, ...indexes]
  const bytes = Buffer.alloc(values.reduce((size, value) => size + sizeOfVarint(value), 0))
  let end = 0
  for (const value of values) end = writeVarint(bytes, end, value)
  return bytes
}

export function decodeMessageIndexes(payload: Buffer): { indexes: number[]; message: Buffer } {
  let { value: count, end } = readVarint(payload, 0)
  if (count === 0) return { indexes: [0], message: payload.subarray(end) }
  if (count < 0 || count > indexesMax) throw serializationFailed(`Protobuf bytes with ${count} message indexes`)
  const indexes: number[] = []
  for (; count > 0; count--) {
    const read = readVarint(payload, end)
    indexes.push(read.value)
    end = read.end
  }
  return { indexes, message: payload.subarray(end) }
}
