export type SchemaType = 'AVRO' | 'PROTOBUF' | 'JSON'

/** `name` is how the schema that refers says it: a full name (Avro), an import path (Protobuf), a `$ref` (JSON Schema). */
export interface SchemaReference {
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface Schema {
  readonly schemaType: SchemaType
  readonly schema: string
  readonly references: readonly SchemaReference[]
}

export interface RegisteredSchema extends Schema {
  readonly id: number
  readonly subject: string
  readonly version: number
}

/** With the text of all that it refers to, directly or not; what is referred to comes before what refers. */
export interface ResolvedSchema {
  readonly schemaType: SchemaType
  readonly schema: string
  readonly imports: readonly { readonly name: string; readonly schema: string }[]
}

export interface RequestOptions {
  readonly signal?: AbortSignal
}
