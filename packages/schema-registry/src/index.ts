export { type AvroOptions, avro } from './avro.ts'
export { RegistryError } from './errors.ts'
export { type JsonSchemaOptions, jsonSchema } from './json-schema.ts'
export { loadSchemas, type Serdes, withSchemas } from './load-schemas.ts'
export { type ProtobufOptions, protobuf } from './protobuf.ts'
export type { RegistryAuth } from './registry-connection.ts'
export {
  type Compatibility,
  type RegisterOptions,
  SchemaRegistry,
  type SchemaRegistryOptions,
  type SchemaToRegister
} from './schema-registry.ts'
export type { SchemaSerde, SerdeOptions } from './schema-serde.ts'
export type { SubjectContext, SubjectNameStrategy } from './subjects.ts'
export type { RegisteredSchema, RequestOptions, Schema, SchemaReference, SchemaType } from './types.ts'
