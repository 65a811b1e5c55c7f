// Some clients (Python, .NET) register a file not as its text but as its descriptor in base64. Confluent's registry turns it into text; others
// hand it out as they got it.
import protobufjs from 'protobufjs'
import descriptors, {
  type IDescriptorProto,
  type IEnumDescriptorProto,
  type IFieldDescriptorProto,
  type IFileDescriptorProto
} from 'protobufjs/ext/descriptor.js'

/** Which message of its parent the descriptor has it as, with those that maps and groups make: they who write descriptors count in them. */
export interface Numbered {
  descriptorIndex?: number
}

/** undefined for the text of a .proto file, which cannot do without characters that base64 does not have. */
export function descriptorIn(schema: string): IFileDescriptorProto | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(schema.trim())) return undefined
  return descriptors.FileDescriptorProto.decode(Buffer.from(schema, 'base64')) as IFileDescriptorProto
}

/** Adds what the file declares under its package, as protobufjs.parse does with a text, and gives the name of the package. */
export function addDescriptor(root: protobufjs.Root, descriptor: IFileDescriptorProto, filename: string): string | undefined {
  const { syntax = 'proto2', messageType = [], enumType = [], extension = [] } = descriptor
  if (syntax !== '' && syntax !== 'proto2' && syntax !== 'proto3') throw new Error(`its descriptor has the syntax ${syntax}`)
  const scope = descriptor.package ? root.define(descriptor.package) : root
  messageType.forEach((each: IDescriptorProto, index) => {
    nameFields(each)
    const type = protobufjs.Type.fromDescriptor(each, syntax)
    note(type, each, { filename, index })
    scope.add(type)
  })
  for (const each of enumType as IEnumDescriptorProto[]) scope.add(protobufjs.Enum.fromDescriptor(each, syntax))
  for (const each of extension as IFieldDescriptorProto[]) scope.add(protobufjs.Field.fromDescriptor(each, syntax))
  return descriptor.package || undefined
}

/** As the parser of texts names them, also where the descriptor has no names for JSON. */
function nameFields({ field = [], nestedType = [] }: IDescriptorProto): void {
  for (const each of field) each.jsonName = protobufjs.util.camelCase(each.name ?? '')
  for (const each of nestedType) nameFields(each)
}

function note(type: protobufjs.Type & Numbered, { nestedType = [] }: IDescriptorProto, at: { filename: string; index: number }): void {
  type.filename = at.filename
  type.descriptorIndex = at.index
  nestedType.forEach((each, index) => {
    const nested = type.nested?.[each.name ?? '']
    if (nested instanceof protobufjs.Type) note(nested, each, { ...at, index })
  })
}
