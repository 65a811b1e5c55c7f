import protobufjs from 'protobufjs'
import { configInvalid, messageOf, schemaInvalid, serializationFailed } from './errors.ts'
import { addDescriptor, descriptorIn, type Numbered } from './protobuf-descriptors.ts'
import { encodableMessage } from './protobuf-values.ts'
import { createSerde, type SchemaFormat, type SchemaSerde, type SerdeOptions } from './schema-serde.ts'
import type { ResolvedSchema } from './types.ts'
import { decodeMessageIndexes, encodeMessageIndexes } from './wire-format.ts'

export interface ProtobufOptions extends SerdeOptions {
  /** Full or short name of the message in the file. Default: its first one. */
  readonly message?: string
}

/**
 * Values are plain objects: names in camelCase, enums by name, 64-bit numbers as bigint, bytes as Buffer; what was not sent has its default,
 * a message that was not sent is null.
 */
export function protobuf<T, In = T>(options: ProtobufOptions): Promise<SchemaSerde<T, In>> {
  if (options.schema !== undefined && typeof options.schema !== 'string')
    throw configInvalid('The schema of a Protobuf serde is the text of a .proto file')
  return createSerde(new ProtobufFormat<T, In>(options.message), options)
}

const conversion: protobufjs.IConversionOptions = { longs: BigInt, enums: String, defaults: true, oneofs: true }

class ProtobufFormat<T, In> implements SchemaFormat<T, In> {
  readonly schemaType = 'PROTOBUF'
  readonly #message: string | undefined

  constructor(message: string | undefined) {
    this.#message = message
  }

  recordNameOf(schema: ResolvedSchema): string {
    return nameOf(messageNamed(parsed(schema), this.#message))
  }

  writerOf(schema: ResolvedSchema): (value: In) => readonly Uint8Array[] {
    const type = messageNamed(parsed(schema), this.#message)
    const indexes = encodeMessageIndexes(indexesOf(type))
    return (value) => [indexes, type.encode(encodableMessage(type, value)).finish()]
  }

  readerOf(written: ResolvedSchema, own: ResolvedSchema | undefined): (payload: Buffer) => T {
    const file = parsed(written)
    const reader = own === undefined ? undefined : messageNamed(parsed(own), this.#message)
    return (payload) => {
      const { indexes, message } = decodeMessageIndexes(payload)
      const writer = messageAt(file, indexes)
      if (reader !== undefined && nameOf(reader) !== nameOf(writer))
        throw serializationFailed(`the message is a ${nameOf(writer)}, not a ${nameOf(reader)}`)
      const type = reader ?? writer
      return type.toObject(type.decode(message), conversion) as T
    }
  }
}

/** A namespace or message with the messages declared in it. */
type Scope = protobufjs.NamespaceBase

interface ProtoFile {
  readonly scope: Scope
  readonly isOwn: (type: protobufjs.Type) => boolean
}

const mainFile = 'the schema itself'

function parsed({ schema, imports }: ResolvedSchema): ProtoFile {
  const root = new protobufjs.Root()
  const known = new Set(imports.map(({ name }) => name))
  let at = 'The schema'
  try {
    const add = (file: string, text: string): string | undefined => {
      const descriptor = descriptorIn(text)
      if (descriptor !== undefined) {
        for (const name of descriptor.dependency ?? []) addWellKnown(root, known, name)
        return addDescriptor(root, descriptor, file)
      }
      // The parser takes the name of the file, which it notes at each message, from here.
      Object.assign(protobufjs.parse, { filename: file })
      const result = protobufjs.parse(text, root)
      for (const name of [...(result.imports ?? []), ...(result.weakImports ?? [])]) addWellKnown(root, known, name)
      return result.package ?? undefined
    }
    for (const each of imports) {
      at = `The schema ${each.name}, which is referred to,`
      add(each.name, each.schema)
    }
    at = 'The schema'
    const inPackage = add(mainFile, schema)
    root.resolveAll()
    const scope = inPackage === undefined ? root : root.lookup(inPackage)
    return { scope: scope as Scope, isOwn: ({ filename }) => filename === mainFile }
  } catch (error) {
    throw schemaInvalid(`${at} is no Protobuf schema: ${messageOf(error)}`, error)
  }
}

function addWellKnown(root: protobufjs.Root, known: Set<string>, name: string): void {
  if (known.has(name)) return
  known.add(name)
  const { nested } = protobufjs.common.get(name) ?? {}
  if (nested === undefined) throw new Error(`it imports ${name}, which is not among its references`)
  root.addJSON(nested)
}

/**
 * In the order of the file. The messages that a group field or a map makes are none of their own, as in Java's serializer; in a descriptor
 * they have an index, and the place of a map is empty.
 */
function messagesIn(scope: Scope, isOwn: (type: protobufjs.Type) => boolean): protobufjs.Type[] {
  const found: protobufjs.Type[] = []
  for (const each of scope.nestedArray as (protobufjs.Type & Numbered & { group?: boolean })[]) {
    if (!(each instanceof protobufjs.Type) || !isOwn(each)) continue
    if (each.descriptorIndex !== undefined) found[each.descriptorIndex] = each
    else if (!each.group) found.push(each)
  }
  return found
}

function nameOf(type: protobufjs.Type): string {
  return type.fullName.replace(/^\./, '')
}

function messageNamed({ scope, isOwn }: ProtoFile, name: string | undefined): protobufjs.Type {
  const [first] = messagesIn(scope, isOwn)
  if (first === undefined) throw schemaInvalid('The Protobuf schema has no message')
  if (name === undefined) return first
  const found = scope.lookup(name, [protobufjs.Type]) as protobufjs.Type | null
  if (found === null || !isOwn(found)) throw schemaInvalid(`The Protobuf schema has no message ${name}`)
  return found
}

function indexesOf(type: protobufjs.Type): number[] {
  const { parent } = type
  const inFile = ({ filename }: protobufjs.Type): boolean => filename === type.filename
  const index = messagesIn(parent as Scope, inFile).indexOf(type)
  return parent instanceof protobufjs.Type ? [...indexesOf(parent), index] : [index]
}

function messageAt({ scope, isOwn }: ProtoFile, indexes: readonly number[]): protobufjs.Type {
  let found: protobufjs.Type | undefined
  for (const index of indexes) {
    found = messagesIn(found ?? scope, isOwn)[index]
    if (found === undefined) break
  }
  if (found === undefined) throw serializationFailed(`the schema has no message [${indexes.join(', ')}]`)
  return found
}
