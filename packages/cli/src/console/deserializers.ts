// Kafka's deserializers by the names of their Java classes, as text: what Java's toString makes of the value.
import { formatValue } from '@odradek/config'
import { ToolError } from '../tool.ts'

/** The bytes of a key, a value or a header as what is printed. Throws for bytes that are not of the type. */
export type TextOf = (bytes: Buffer) => string | Uint8Array

const PACKAGE = 'org.apache.kafka.common.serialization.'

const failed = (message: string): ToolError => new ToolError(message, 'org.apache.kafka.common.errors.SerializationException')

const sized =
  (name: string, size: number, read: (bytes: Buffer) => string): TextOf =>
  (bytes) => {
    if (bytes.length !== size) throw failed(`Size of data received by ${name} is not ${size}`)
    return read(bytes)
  }

/** The shortest decimals that give the same float. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return formatValue('DOUBLE', value) as string
  let digits = 1
  while (Math.fround(Number(value.toPrecision(digits))) !== value) digits++
  return formatValue('DOUBLE', Number(value.toPrecision(digits))) as string
}

function uuidText(bytes: Buffer): string {
  const text = bytes.toString()
  const parts = /^([0-9a-f]{1,8})-([0-9a-f]{1,4})-([0-9a-f]{1,4})-([0-9a-f]{1,4})-([0-9a-f]{1,12})$/i.exec(text)
  if (parts === null) throw failed('Error parsing data into UUID')
  return [8, 4, 4, 4, 12].map((size, index) => parts[index + 1].toLowerCase().padStart(size, '0')).join('-')
}

function booleanText(bytes: Buffer): string {
  if (bytes.length !== 1) throw failed('Size of data received by BooleanDeserializer is not 1')
  if (bytes[0] > 1) throw failed(`Unexpected byte received by BooleanDeserializer: ${bytes.readInt8()}`)
  return String(bytes[0] === 1)
}

/** Printable ASCII as it is, other bytes as \xNN. */
function bytesText(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes)
    text +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return text
}

const encodings = {
  'UTF-8': 'utf8',
  UTF8: 'utf8',
  'ISO-8859-1': 'latin1',
  LATIN1: 'latin1',
  'US-ASCII': 'latin1',
  'UTF-16LE': 'utf16le'
} as const

/** Text in the encoding that the configuration names (UTF-8): as the bytes are where they are UTF-8 already. */
function stringText(config: Readonly<Record<string, string>>, isKey: boolean): TextOf {
  const name = config[`${isKey ? 'key' : 'value'}.deserializer.encoding`] ?? config['deserializer.encoding'] ?? 'UTF-8'
  const encoding = encodings[name.toUpperCase() as keyof typeof encodings]
  if (encoding === undefined) throw failed(`Error when deserializing byte[] to string due to unsupported encoding ${name}`)
  return (bytes) => bytes.toString(encoding)
}

const simple: Readonly<Record<string, TextOf>> = {
  ShortDeserializer: sized('ShortDeserializer', 2, (bytes) => String(bytes.readInt16BE())),
  IntegerDeserializer: sized('IntegerDeserializer', 4, (bytes) => String(bytes.readInt32BE())),
  LongDeserializer: sized('LongDeserializer', 8, (bytes) => String(bytes.readBigInt64BE())),
  FloatDeserializer: sized('Deserializer', 4, (bytes) => floatText(bytes.readFloatBE())),
  DoubleDeserializer: sized('Deserializer', 8, (bytes) => formatValue('DOUBLE', bytes.readDoubleBE()) as string),
  BooleanDeserializer: booleanText,
  UUIDDeserializer: uuidText,
  BytesDeserializer: bytesText,
  // What these print in Java are addresses in memory; the bytes themselves are of more use.
  ByteArrayDeserializer: (bytes) => bytes,
  ByteBufferDeserializer: (bytes) => bytes,
  VoidDeserializer: () => {
    throw new ToolError('Data should be null for a VoidDeserializer.')
  }
}

/** By the whole name of the class. Throws when there is none of that name. */
export function deserializerNamed(name: string, config: Readonly<Record<string, string>>, isKey: boolean): TextOf {
  const short = name.startsWith(PACKAGE) ? name.slice(PACKAGE.length) : ''
  if (short === 'StringDeserializer') return stringText(config, isKey)
  if (Object.hasOwn(simple, short)) return simple[short]
  throw new ToolError(name, 'java.lang.ClassNotFoundException')
}
