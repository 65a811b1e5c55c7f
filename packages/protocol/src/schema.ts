// Message schemas and their plans. A schema (generated/schemas.json) covers all versions of a message; a plan is the
// schema at one version, with nothing left to decide: the compilers of codecs, the JSON form and the tests walk plans.
import { DecodeError, OdradekError, unreachable, ZERO_UUID } from '@odradek/base'
import schemasJson from './generated/schemas.json' with { type: 'json' }

export type ScalarType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'string'
  | 'uuid'
  | 'bytes'
  | 'records'

interface FieldSchema {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  flexibleVersions?: string
  tag?: number
  default?: string | number | boolean | null
  ignorable?: boolean
  /** An int64 of 64 meaningful bits (a hash): a bigint in both flavours. */
  wide?: boolean
  fields?: FieldSchema[]
}

export interface MessageSchema {
  type: string
  apiKey?: number
  validVersions: string
  flexibleVersions: string
  listeners?: string[]
  latestVersionUnstable?: boolean
  fields: FieldSchema[]
  commonStructs?: { name: string; versions: string; fields: FieldSchema[] }[]
}

export interface Versions {
  min: number
  max: number
}

export interface FieldPlan {
  name: string
  /** The element type where `isArray`. */
  type: ScalarType | 'struct'
  isArray: boolean
  struct: StructPlan | undefined
  /** False: the version lacks this field; it decodes to its default and may be encoded only as that. */
  isPresent: boolean
  ignorable: boolean
  nullable: boolean
  /** Lengths are unsigned varints of length + 1. */
  compact: boolean
  tag: number | undefined
  /** int64 as bigint. */
  big: boolean
  /** The default as the decoder gives it; for arrays an empty array or null, for structs `undefined` (theirs) or null. */
  default: unknown
}

export interface StructPlan {
  name: string
  isFlexible: boolean
  fields: FieldPlan[]
  /** No encoding of this struct is shorter; at least 1 so that a count of elements is bounded by the bytes present. */
  minSize: number
}

const schemas = schemasJson as unknown as Record<string, MessageSchema>

export const messageNames: readonly string[] = Object.keys(schemas)

export function messageSchema(name: string): MessageSchema {
  const schema = schemas[name]
  if (schema === undefined) throw new OdradekError('UNKNOWN_MESSAGE', `no message is called ${name}`)
  return schema
}

export function parseVersions(text: string | undefined): Versions | undefined {
  if (text === undefined || text === 'none') return undefined
  if (text.endsWith('+')) return { min: Number(text.slice(0, -1)), max: 32767 }
  const dash = text.indexOf('-')
  if (dash < 0) return { min: Number(text), max: Number(text) }
  return { min: Number(text.slice(0, dash)), max: Number(text.slice(dash + 1)) }
}

function includes(text: string | undefined, version: number): boolean {
  const versions = parseVersions(text)
  return versions !== undefined && version >= versions.min && version <= versions.max
}

/** The plan of a message at a version. `exact`: every int64 is a bigint. */
export function planMessage(name: string, version: number, exact: boolean): StructPlan {
  const schema = messageSchema(name)
  if (!includes(schema.validVersions, version)) throw new OdradekError('UNSUPPORTED_VERSION', `${name} has no version ${version}`)
  return planStruct({ name, schema, version, exact, isFlexible: includes(schema.flexibleVersions, version) }, name, schema.fields)
}

interface PlanContext {
  name: string
  schema: MessageSchema
  version: number
  exact: boolean
  isFlexible: boolean
}

function planStruct(context: PlanContext, name: string, schemaFields: FieldSchema[]): StructPlan {
  const fields = schemaFields.map((field) => planField(context, field))
  let minSize = context.isFlexible ? 1 : 0
  for (const field of fields) if (field.isPresent && field.tag === undefined) minSize += minFieldSize(field)
  return { name, isFlexible: context.isFlexible, fields, minSize: Math.max(1, minSize) }
}

function planField(context: PlanContext, field: FieldSchema): FieldPlan {
  const { version } = context
  const isArray = field.type.startsWith('[]')
  const typeName = isArray ? field.type.slice(2) : field.type
  const isStruct = /^[A-Z]/.test(typeName)
  const compact = field.flexibleVersions === undefined ? context.isFlexible : includes(field.flexibleVersions, version)
  const big = typeName === 'int64' && (context.exact || field.wide === true)
  const plan: FieldPlan = {
    name: field.name,
    type: isStruct ? 'struct' : (typeName as ScalarType),
    isArray,
    struct: undefined,
    isPresent: includes(field.versions ?? field.taggedVersions, version),
    ignorable: field.ignorable === true,
    nullable: includes(field.nullableVersions, version),
    compact,
    tag: includes(field.taggedVersions, version) ? field.tag : undefined,
    big,
    default: undefined
  }
  if (isStruct) plan.struct = planStruct(context, typeName, structFields(context.schema, typeName, field))
  plan.default = defaultOf(plan, field)
  return plan
}

function structFields(schema: MessageSchema, typeName: string, field: FieldSchema): FieldSchema[] {
  const fields = field.fields ?? schema.commonStructs?.find((struct) => struct.name === typeName)?.fields
  if (fields === undefined) throw new OdradekError('UNKNOWN_MESSAGE', `the schema names no struct ${typeName}`)
  return fields
}

function defaultOf(plan: FieldPlan, field: FieldSchema): unknown {
  // A JSON null, unlike the text 'null', means "no default given".
  const given = field.default === null || field.default === undefined ? '' : String(field.default)
  if (given === 'null') return null
  if (plan.isArray) return []
  switch (plan.type) {
    case 'struct':
      return undefined
    case 'bool':
      return given === 'true'
    case 'string':
      return given
    case 'uuid':
      return given === '' ? ZERO_UUID : given
    case 'bytes':
      return Buffer.alloc(0)
    case 'records':
      return field.nullableVersions === undefined ? Buffer.alloc(0) : null
    case 'int64':
      return plan.big ? BigInt(given === '' ? 0 : given) : Number(given)
    case 'float64':
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint16':
    case 'uint32':
      return Number(given)
    default:
      return unreachable(plan.type, 'field type')
  }
}

/** Bytes of a value of fixed size, else undefined. */
export function fixedSize(type: FieldPlan['type']): number | undefined {
  switch (type) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int32':
    case 'uint32':
      return 4
    case 'int64':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'string':
    case 'bytes':
    case 'records':
    case 'struct':
      return undefined
    default:
      return unreachable(type, 'field type')
  }
}

/** The fewest bytes that one element (or the field itself where it is no array) can take. */
export function minElementSize(field: FieldPlan): number {
  const fixed = fixedSize(field.type)
  if (fixed !== undefined) return fixed
  if (field.type === 'struct') return (field.struct as StructPlan).minSize
  if (field.compact) return 1
  return field.type === 'string' ? 2 : 4
}

function minFieldSize(field: FieldPlan): number {
  if (field.isArray) return field.compact ? 1 : 4
  if (field.type === 'struct' && field.nullable) return 1
  return minElementSize(field)
}

export function versionError(name: string, version: number, decoding: boolean): Error {
  const text = `${name} has no version ${version}`
  return decoding ? new DecodeError(text) : new OdradekError('UNSUPPORTED_VERSION', text)
}
