// Messages as JSON in the shape that Kafka's tools print (dump-log, quorum-state): bytes in base64, Uuids as text,
// fields that the version lacks and tagged fields at their default left out. For tools and tests; walks plans, not fast.
import { LONG_MAX, OdradekError } from '@odradek/base'
import { type FieldPlan, planMessage, type StructPlan } from './schema.ts'
import { type Bytes, byteLengthOf } from './writer.ts'

/** int64 beyond 2^53 is a bigint: print it as digits. */
export type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

type Fields = Record<string, unknown>

/** The JSON form of a decoded message of either flavour. */
export function messageToJson(name: string, value: object, version: number): JsonValue {
  return structToJson(planMessage(name, version, false), value as Fields)
}

/** What an encoder of the exact flavour takes. Throws OdradekError INVALID_JSON on a shape that is not the message's. */
export function messageFromJson(name: string, json: JsonValue, version: number): Fields {
  return structFromJson(planMessage(name, version, true), json, name)
}

function structToJson(plan: StructPlan, value: Fields): JsonValue {
  const json: Record<string, JsonValue> = {}
  for (const field of plan.fields) {
    const given = value[field.name]
    if (!field.isPresent || (field.tag !== undefined && isDefault(field, given))) continue
    json[field.name] = fieldToJson(field, given)
  }
  return json
}

function fieldToJson(field: FieldPlan, value: unknown): JsonValue {
  if (value === null) return null
  if (field.isArray) return (value as unknown[]).map((element) => elementToJson(field, element))
  return elementToJson(field, value)
}

function elementToJson(field: FieldPlan, value: unknown): JsonValue {
  if (field.struct !== undefined) return structToJson(field.struct, value as Fields)
  if (field.type === 'bytes' || field.type === 'records') return toBuffer(value as Bytes).toString('base64')
  if (field.type === 'int64') return int64ToJson(value as number | bigint)
  return value as JsonValue
}

function toBuffer(value: Bytes): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.concat(value)
}

function int64ToJson(value: number | bigint): JsonValue {
  if (value === LONG_MAX) return 9223372036854775807n
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(value)
}

function isDefault(field: FieldPlan, value: unknown): boolean {
  if (value === undefined) return true
  if (field.default === null || value === null) return field.default === value
  if (field.isArray) return (value as unknown[]).length === 0
  if (field.struct !== undefined) {
    const struct = value as Fields & { unknownTaggedFields?: unknown[] }
    return (struct.unknownTaggedFields?.length ?? 0) === 0 && field.struct.fields.every((nested) => isDefault(nested, struct[nested.name]))
  }
  if (field.type === 'bytes' || field.type === 'records') return byteLengthOf(value as Bytes) === 0
  if (field.type === 'int64') return int64ToJson(value as number | bigint) === int64ToJson(field.default as number | bigint)
  return value === field.default
}

function structFromJson(plan: StructPlan, json: JsonValue, path: string): Fields {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid(path, 'an object')
  const given = json as { readonly [key: string]: JsonValue }
  const value: Fields = {}
  for (const field of plan.fields) {
    if (!Object.hasOwn(given, field.name)) continue
    value[field.name] = fieldFromJson(field, given[field.name], `${path}.${field.name}`)
  }
  return value
}

function fieldFromJson(field: FieldPlan, json: JsonValue, path: string): unknown {
  if (json === null) return null
  if (!field.isArray) return elementFromJson(field, json, path)
  if (!Array.isArray(json)) throw invalid(path, 'an array')
  return json.map((element) => elementFromJson(field, element, path))
}

function elementFromJson(field: FieldPlan, json: JsonValue, path: string): unknown {
  switch (field.type) {
    case 'struct':
      return structFromJson(field.struct as StructPlan, json, path)
    case 'bool':
      if (typeof json !== 'boolean') throw invalid(path, 'true or false')
      return json
    case 'string':
    case 'uuid':
      if (typeof json !== 'string') throw invalid(path, 'a text')
      return json
    case 'bytes':
    case 'records':
      if (typeof json !== 'string') throw invalid(path, 'a text in base64')
      return Buffer.from(json, 'base64')
    case 'int64':
      if (typeof json !== 'bigint' && !Number.isInteger(json)) throw invalid(path, 'a whole number')
      return BigInt(json as number | bigint)
    default:
      if (typeof json !== 'number') throw invalid(path, 'a number')
      return json
  }
}

function invalid(path: string, expected: string): OdradekError {
  return new OdradekError('INVALID_JSON', `${path} must be ${expected}`)
}
