// Generates packages/protocol/src/generated/* from a folder of Kafka message schemas.
//
//   node scripts/generate-messages.ts [--check] [SCHEMA_DIR]
//
// `schemas.json` is the one definition of every message, data only: the codec compiler reads it at run time.
// `types.ts` holds the TypeScript shapes (erased at run time) and `codecs.ts` one typed codec a message.
// With --check nothing is written and the exit code says whether the committed files are fresh.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface FieldSchema {
  name: string
  type: string
  versions?: string
  nullableVersions?: string
  taggedVersions?: string
  flexibleVersions?: string
  tag?: number
  default?: string
  ignorable?: boolean | string
  mapKey?: boolean
  fields?: FieldSchema[]
}
interface MessageSchema {
  name: string
  type: string
  apiKey?: number
  validVersions: string
  flexibleVersions?: string
  listeners?: string[]
  latestVersionUnstable?: boolean
  fields: FieldSchema[]
  commonStructs?: { name: string; versions: string; fields: FieldSchema[] }[]
}

const check = process.argv.includes('--check')
const schemaDir =
  process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? join(import.meta.dirname, '../../shared/facts/messages')
const outDir = join(import.meta.dirname, '../packages/protocol/src/generated')

if (!existsSync(schemaDir)) {
  console.error(`generate-messages: no schemas at ${schemaDir}; pass the folder that holds them`)
  process.exit(2)
}

const scalarTypes: Record<string, string> = {
  bool: 'boolean',
  int8: 'number',
  int16: 'number',
  int32: 'number',
  int64: 'number',
  uint16: 'number',
  uint32: 'number',
  float64: 'number',
  string: 'string',
  uuid: 'Uuid',
  bytes: 'Buffer',
  records: 'Buffer'
}

/** int64 fields of 64 meaningful bits, which no double holds: bigint in both flavours. */
const wideFields = new Set(['MetadataHash'])

/** Kafka's JSON spelling of a field: the first letter in lower case. */
const camelCase = (name: string) => name[0].toLowerCase() + name.slice(1)

const messages = readdirSync(schemaDir)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => JSON.parse(readFileSync(join(schemaDir, file), 'utf8')) as MessageSchema)

function compactField(field: FieldSchema): Record<string, unknown> {
  const { name, type, versions, nullableVersions, taggedVersions, flexibleVersions, tag, ignorable, mapKey, fields } = field
  return {
    name: camelCase(name),
    type,
    versions,
    nullableVersions,
    taggedVersions,
    flexibleVersions,
    tag,
    default: field.default,
    ignorable: String(ignorable) === 'true' || undefined,
    wide: wideFields.has(name) || undefined,
    mapKey: mapKey || undefined,
    fields: fields?.map(compactField)
  }
}

const schemas: Record<string, unknown> = {}
const typeLines: string[] = []
const codecLines: string[] = []
const structNames = new Set<string>()

function structTypeName(message: string, struct: string): string {
  return struct.startsWith(message) ? struct : message + struct
}

function emitInterface(name: string, fields: FieldSchema[], message: MessageSchema) {
  if (structNames.has(name)) throw new Error(`two structs would be called ${name}`)
  structNames.add(name)
  const nested: FieldSchema[] = []
  typeLines.push(`export interface ${name} {`)
  for (const field of fields) {
    const isArray = field.type.startsWith('[]')
    const element = isArray ? field.type.slice(2) : field.type
    let type = wideFields.has(field.name) ? 'bigint' : (scalarTypes[element] ?? structTypeName(message.name, element))
    if (isArray) type += '[]'
    if (field.nullableVersions !== undefined) type += ' | null'
    if (field.fields !== undefined) nested.push({ ...field, type: element })
    const where = [`${field.type}, versions ${field.versions ?? field.taggedVersions}`]
    if (field.taggedVersions !== undefined) where.push(`tag ${field.tag}`)
    if (field.default !== undefined && field.default !== '') where.push(`default ${field.default}`)
    typeLines.push(`  /** ${where.join(', ')} */`, `  ${camelCase(field.name)}: ${type}`)
  }
  typeLines.push(
    '  /** Tagged fields that this definition does not know (flexible versions), kept for a re-write. */',
    '  unknownTaggedFields?: UnknownTaggedField[]',
    '}'
  )
  for (const field of nested) emitInterface(structTypeName(message.name, field.type), field.fields ?? [], message)
}

for (const message of messages) {
  schemas[message.name] = {
    type: message.type,
    apiKey: message.apiKey,
    validVersions: message.validVersions,
    flexibleVersions: message.flexibleVersions ?? 'none',
    listeners: message.listeners,
    latestVersionUnstable: message.latestVersionUnstable || undefined,
    fields: message.fields.map(compactField),
    commonStructs: message.commonStructs?.map((struct) => ({
      name: struct.name,
      versions: struct.versions,
      fields: struct.fields.map(compactField)
    }))
  }
  emitInterface(message.name, message.fields, message)
  for (const struct of message.commonStructs ?? []) emitInterface(structTypeName(message.name, struct.name), struct.fields, message)
  codecLines.push(
    `export type ${message.name} = types.${message.name}`,
    `export const ${message.name} = codec<types.${message.name}>('${message.name}')`
  )
}

const header = '// Generated by scripts/generate-messages.ts from the message schemas. Do not edit.\n'
const outputs: Record<string, string> = {
  'schemas.json': `{\n${Object.entries(schemas)
    .map(([name, schema]) => `${JSON.stringify(name)}:${JSON.stringify(schema)}`)
    .join(',\n')}\n}\n`,
  'types.ts': `${header}import type { Uuid } from '@odradek/base'\nimport type { UnknownTaggedField } from '../codec.ts'\n\n${typeLines.join('\n')}\n`,
  'codecs.ts': `${header}import { codec } from '../codec.ts'\nimport type * as types from './types.ts'\n\n${codecLines.join('\n')}\n`
}

let stale = false
for (const [file, text] of Object.entries(outputs)) {
  const path = join(outDir, file)
  if (check) {
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
      console.error(`stale: ${file} (run npm run generate)`)
      stale = true
    }
  } else writeFileSync(path, text)
}
if (stale) process.exit(1)
