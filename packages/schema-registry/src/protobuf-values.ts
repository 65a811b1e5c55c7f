// From a value as a program has it to one that protobufjs encodes. Strict where protobufjs is not: it would drop a name that it does not
// know, wrap a number that is too large, and write 0 for text that is no number.
import protobuf from 'protobufjs'

type Message = Record<string, unknown>

const int32 = [-(2 ** 31), 2 ** 31 - 1] as const
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  ...{ int32, sint32: int32, sfixed32: int32 },
  ...{ uint32: [0, 2 ** 32 - 1], fixed32: [0, 2 ** 32 - 1] }
}
const longs: Readonly<Record<string, boolean>> = { int64: false, sint64: false, sfixed64: false, uint64: true, fixed64: true }

/** Throws for what does not fit, with the path of it. */
export function encodableMessage(type: protobuf.Type, value: unknown, path = ''): Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path || type.name} is an object`)
  const message: Message = {}
  for (const [name, given] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`
    const field = type.fields[name]
    // What was read has the name of the one that is set under the name of a oneof.
    if (field === undefined && type.oneofs?.[name] === undefined) throw new Error(`${at} is no field of ${type.name}`)
    if (field !== undefined && given !== null && given !== undefined) message[name] = encodableField(field, given, at)
  }
  for (const field of type.fieldsArray)
    if (field.required && message[field.name] === undefined) throw new Error(`${field.name} of ${type.name} is required`)
  return message
}

function encodableField(field: protobuf.Field, given: unknown, path: string): unknown {
  if (field.map) {
    if (typeof given !== 'object' || Array.isArray(given)) throw new Error(`${path} is an object with the entries of a map`)
    return Object.fromEntries(Object.entries(given as object).map(([key, each]) => [key, encodableOne(field, each, `${path}.${key}`)]))
  }
  if (!field.repeated) return encodableOne(field, given, path)
  if (!Array.isArray(given)) throw new Error(`${path} is a list`)
  return given.map((each, index) => encodableOne(field, each, `${path}[${index}]`))
}

function encodableOne(field: protobuf.Field, given: unknown, path: string): unknown {
  const { resolvedType, type } = field
  if (resolvedType instanceof protobuf.Type) return encodableMessage(resolvedType, given, path)
  if (resolvedType instanceof protobuf.Enum) return enumNumber(resolvedType, given, path)
  if (type in longs) return long(given, longs[type], path)
  if (type in ranges) {
    const [min, max] = ranges[type]
    if (Number.isInteger(given) && (given as number) >= min && (given as number) <= max) return given
  } else if (type === 'bytes') {
    if (given instanceof Uint8Array) return given
  } else if (typeof given === (type === 'bool' ? 'boolean' : type === 'string' ? 'string' : 'number')) return given
  throw new Error(`${path} is no ${type}`)
}

function enumNumber({ values, name }: protobuf.Enum, given: unknown, path: string): number {
  const found = typeof given === 'string' && Object.hasOwn(values, given) ? values[given] : given
  if (typeof found !== 'number' || !Number.isInteger(found)) throw new Error(`${path} is no value of ${name}`)
  return found
}

function long(given: unknown, isUnsigned: boolean, path: string): string {
  const value = Number.isSafeInteger(given) ? BigInt(given as number) : given
  if (typeof value !== 'bigint' || (isUnsigned ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) !== value)
    throw new Error(`${path} is a bigint or a safe integer that fits 64 bits`)
  return value.toString()
}
