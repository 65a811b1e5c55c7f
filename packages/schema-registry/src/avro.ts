import avsc from 'avsc'
import { countsCheckerOf } from './avro-counts.ts'
import { configInvalid, messageOf, schemaInvalid } from './errors.ts'
import { createSerde, type SchemaFormat, type SchemaSerde, type SerdeOptions } from './schema-serde.ts'
import type { ResolvedSchema } from './types.ts'

export interface AvroOptions extends SerdeOptions {
  /**
   * How values of Avro's long are given and taken. number (default): one beyond ± 2^53 fails. A logical type (timestamp-millis, decimal, …)
   * is its underlying value.
   */
  readonly longs?: 'number' | 'bigint'
}

/** Values are those of avsc: records are objects, bytes Buffers, a union its value (`{ name: value }` where values cannot tell the branch). */
export function avro<T, In = T>(options: AvroOptions): Promise<SchemaSerde<T, In>> {
  return createSerde(new AvroFormat<T, In>(options.longs ?? 'number'), options)
}

class AvroFormat<T, In> implements SchemaFormat<T, In> {
  readonly schemaType = 'AVRO'
  readonly #longs: 'number' | 'bigint'

  constructor(longs: 'number' | 'bigint') {
    this.#longs = longs
  }

  recordNameOf(schema: ResolvedSchema): string {
    const { name } = this.#parsed(schema)
    if (name === undefined) throw configInvalid('Only a named Avro schema (a record) can name a subject')
    return name
  }

  writerOf(schema: ResolvedSchema): (value: In) => readonly Uint8Array[] {
    const type = this.#parsed(schema)
    if (isBytes(type)) return (value) => [bytesOf(value)]
    return (value) => [type.toBuffer(value)]
  }

  readerOf(written: ResolvedSchema, own: ResolvedSchema | undefined): (payload: Buffer) => T {
    const writer = this.#parsed(written)
    // Java's serializer writes bare bytes without their length.
    if (isBytes(writer)) return (payload) => payload as T
    const check = hasCounts(written) ? countsCheckerOf(writer) : undefined
    if (own === undefined)
      return (payload) => {
        check?.(payload)
        return writer.fromBuffer(payload)
      }
    const reader = this.#parsed(own)
    const resolver = resolverOf(reader, writer)
    return (payload) => {
      check?.(payload)
      return reader.fromBuffer(payload, resolver)
    }
  }

  #parsed({ schema, imports }: ResolvedSchema): avsc.Type {
    const registry: Record<string, avsc.Type> = this.#longs === 'bigint' ? { long: bigintLong } : {}
    const options = { registry, omitRecordMethods: true, wrapUnions: 'auto' as const }
    let at = 'The schema'
    try {
      for (const each of imports) {
        at = `The schema ${each.name}, which is referred to,`
        avsc.Type.forSchema(JSON.parse(each.schema), options)
      }
      at = 'The schema'
      const type = avsc.Type.forSchema(JSON.parse(schema), options)
      makePlain(type, new Set())
      return type
    } catch (error) {
      throw schemaInvalid(`${at} is no Avro schema: ${messageOf(error)}`, error)
    }
  }
}

/** avsc reads into classes of its own, which no assertion finds equal to an object: from here on they make objects. */
function makePlain(type: avsc.Type, seen: Set<avsc.Type>): void {
  if (seen.has(type)) return
  seen.add(type)
  const { recordConstructor, fields, types, itemsType, valuesType } = type as Partial<avsc.types.RecordType & avsc.types.WrappedUnionType> &
    Partial<avsc.types.ArrayType & avsc.types.MapType>
  if (recordConstructor !== undefined) recordConstructor.prototype = Object.prototype
  for (const branch of types ?? []) {
    const wrapper = branch.wrap(null)?.constructor
    if (wrapper !== undefined && wrapper !== Object) wrapper.prototype = Object.prototype
  }
  const parts = [...(fields ?? []).map((field) => field.type), ...(types ?? []), itemsType, valuesType]
  for (const part of parts) if (part !== undefined) makePlain(part, seen)
}

function resolverOf(reader: avsc.Type, writer: avsc.Type): ReturnType<avsc.Type['createResolver']> {
  try {
    return reader.createResolver(writer)
  } catch (error) {
    throw schemaInvalid(`The schema of this program cannot read what was written with another version: ${messageOf(error)}`, error)
  }
}

function hasCounts({ schema, imports }: ResolvedSchema): boolean {
  return [schema, ...imports.map((each) => each.schema)].some((text) => /"(array|map)"/.test(text))
}

function isBytes(type: avsc.Type): boolean {
  return type.typeName === 'bytes'
}

function bytesOf(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error(`bytes are a Uint8Array, not a ${typeof value}`)
  return value
}

const bigintLong = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: (value: number | string) => BigInt(value),
  toJSON: (value: bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1)
})
