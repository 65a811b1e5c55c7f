// A second, naive implementation of the wire format that walks the plan field by field. The bench measures what
// compiling saves against it, and the fuzz tests hold the compiled codecs to its answers.
import { DecodeError } from '@odradek/base'
import { type FieldPlan, fixedSize, planMessage, type StructPlan } from '../../src/schema.ts'

type Fields = Record<string, unknown>
interface Tag {
  tag: number
  data: Buffer
}

export interface Interpreter {
  decode(bytes: Buffer): { value: Fields; end: number }
  encode(value: object): Buffer
}

export function interpret(name: string, version: number, exact = false): Interpreter {
  const plan = planMessage(name, version, exact)
  return {
    decode(bytes) {
      const source = new Source(bytes)
      const value = readStruct(plan, source)
      return { value, end: source.position }
    },
    encode(value) {
      const parts: Buffer[] = []
      writeStruct(plan, value as Fields, parts)
      return Buffer.concat(parts)
    }
  }
}

class Source {
  readonly bytes: Buffer
  position = 0
  elements = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  take(length: number): Buffer {
    if (length < 0 || length > this.bytes.length - this.position) throw new DecodeError('cut')
    this.position += length
    return this.bytes.subarray(this.position - length, this.position)
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.take(1)[0]
      value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    throw new DecodeError('endless varint')
  }
}

function readStruct(plan: StructPlan, source: Source): Fields {
  const value: Fields = {}
  for (const field of plan.fields)
    value[field.name] = field.isPresent && field.tag === undefined ? readField(field, source) : defaultValue(field)
  if (!plan.isFlexible) return value
  const unknown: Tag[] = []
  for (let count = source.varint(); count > 0; count--) {
    const tag = source.varint()
    const data = source.take(source.varint())
    const field = plan.fields.find((candidate) => candidate.isPresent && candidate.tag === tag)
    if (field === undefined) unknown.push({ tag, data })
    else {
      const inner = new Source(data)
      value[field.name] = readField(field, inner)
      if (inner.position !== data.length) throw new DecodeError('wrong size of a tagged field')
    }
  }
  if (unknown.length > 0) value.unknownTaggedFields = unknown
  return value
}

function defaultValue(field: FieldPlan): unknown {
  if (field.default === null || field.struct === undefined) return field.isArray && field.default !== null ? [] : field.default
  if (field.isArray) return []
  return Object.fromEntries(field.struct.fields.map((nested) => [nested.name, defaultValue(nested)]))
}

function readLength(field: FieldPlan, source: Source, isShort: boolean): number {
  const length = field.compact ? source.varint() - 1 : isShort ? source.take(2).readInt16BE() : source.take(4).readInt32BE()
  if (length < -1) throw new DecodeError('negative length')
  return length
}

function readField(field: FieldPlan, source: Source): unknown {
  if (!field.isArray) return readValue(field, source, field.nullable)
  const length = readLength(field, source, false)
  if (length === -1) return orNull(field.nullable)
  if (length > source.bytes.length - source.position) throw new DecodeError('more elements than bytes')
  return Array.from({ length }, () => readValue(field, source, false))
}

function orNull(nullable: boolean): null {
  if (!nullable) throw new DecodeError('null')
  return null
}

function readValue(field: FieldPlan, source: Source, nullable: boolean): unknown {
  switch (field.type) {
    case 'bool':
      return source.take(1)[0] !== 0
    case 'int8':
      return source.take(1).readInt8()
    case 'int16':
      return source.take(2).readInt16BE()
    case 'uint16':
      return source.take(2).readUInt16BE()
    case 'int32':
      return source.take(4).readInt32BE()
    case 'uint32':
      return source.take(4).readUInt32BE()
    case 'float64':
      return source.take(8).readDoubleBE()
    case 'uuid':
      return source.take(16).toString('base64url')
    case 'int64':
      return readInt64(source.take(8).readBigInt64BE(), field.big)
    case 'struct': {
      const isNull = nullable && (field.tag === undefined ? source.take(1).readInt8() < 0 : source.varint() === 0)
      return isNull ? null : readStruct(field.struct as StructPlan, source)
    }
    default: {
      const length = readLength(field, source, field.type === 'string')
      if (length === -1) return orNull(nullable)
      if (field.type === 'string' && length > 32767) throw new DecodeError('long string')
      const bytes = source.take(length)
      return field.type === 'string' ? bytes.toString('utf8') : bytes
    }
  }
}

function readInt64(value: bigint, big: boolean): number | bigint {
  if (big) return value
  const isSentinel = value === 2n ** 63n - 1n || value === -(2n ** 63n)
  if (!isSentinel && !Number.isSafeInteger(Number(value))) throw new DecodeError('unsafe int64')
  return Number(value)
}

function writeStruct(plan: StructPlan, value: Fields, parts: Buffer[]): void {
  for (const field of plan.fields) if (field.isPresent && field.tag === undefined) writeField(field, given(field, value), parts)
  if (!plan.isFlexible) return
  const tags = [...((value.unknownTaggedFields as Tag[] | undefined) ?? [])]
  for (const field of plan.fields) {
    if (!field.isPresent || field.tag === undefined || isDefault(field, given(field, value))) continue
    const inner: Buffer[] = []
    writeField(field, given(field, value), inner)
    tags.push({ tag: field.tag, data: Buffer.concat(inner) })
  }
  tags.sort((a, b) => a.tag - b.tag)
  parts.push(varint(tags.length))
  for (const { tag, data } of tags) parts.push(varint(tag), varint(data.length), data)
}

const given = (field: FieldPlan, value: Fields) => (value[field.name] === undefined ? defaultValue(field) : value[field.name])

function isDefault(field: FieldPlan, value: unknown): boolean {
  if (value === null || field.default === null) return value === field.default
  if (field.isArray || field.type === 'bytes' || field.type === 'records') return (value as unknown[]).length === 0
  if (field.struct === undefined) return value === field.default
  const struct = value as Fields
  return struct.unknownTaggedFields === undefined && field.struct.fields.every((nested) => isDefault(nested, given(nested, struct)))
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return Buffer.from([...bytes, value])
}

function length(field: FieldPlan, value: number, isShort: boolean): Buffer {
  if (field.compact) return varint(value + 1)
  const bytes = Buffer.alloc(isShort ? 2 : 4)
  bytes.writeIntBE(value, 0, bytes.length)
  return bytes
}

function writeField(field: FieldPlan, value: unknown, parts: Buffer[]): void {
  if (!field.isArray) {
    writeValue(field, value, parts, field.nullable)
    return
  }
  const elements = value as unknown[] | null
  parts.push(length(field, elements === null ? -1 : elements.length, false))
  for (const element of elements ?? []) writeValue(field, element, parts, false)
}

function writeValue(field: FieldPlan, value: unknown, parts: Buffer[], nullable: boolean): void {
  if (field.type === 'struct') {
    if (nullable) parts.push(Buffer.of(value === null ? (field.tag === undefined ? 255 : 0) : 1))
    if (value !== null) writeStruct(field.struct as StructPlan, value as Fields, parts)
  } else if (field.type === 'string' || field.type === 'bytes' || field.type === 'records') {
    const bytes = value === null ? undefined : field.type === 'string' ? Buffer.from(value as string) : (value as Buffer)
    parts.push(length(field, bytes === undefined ? -1 : bytes.length, field.type === 'string'), bytes ?? Buffer.alloc(0))
  } else parts.push(fixedBytes(field.type, value))
}

function fixedBytes(type: FieldPlan['type'], value: unknown): Buffer {
  const bytes = Buffer.alloc(fixedSize(type) as number)
  if (type === 'bool') bytes[0] = value ? 1 : 0
  else if (type === 'uuid') bytes.write(value as string, 'base64url')
  else if (type === 'float64') bytes.writeDoubleBE(value as number)
  else if (type === 'int64') bytes.writeBigInt64BE(value === 2 ** 63 ? 2n ** 63n - 1n : BigInt(value as number | bigint))
  else if (type.startsWith('uint')) bytes.writeUIntBE(value as number, 0, bytes.length)
  else bytes.writeIntBE(value as number, 0, bytes.length)
  return bytes
}
