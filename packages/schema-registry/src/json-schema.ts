import { Ajv, type Options, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { configInvalid, messageOf, schemaInvalid } from './errors.ts'
import { createSerde, type SchemaFormat, type SchemaSerde, type SerdeOptions } from './schema-serde.ts'
import type { ResolvedSchema } from './types.ts'

export interface JsonSchemaOptions extends SerdeOptions {}

/** Values are JSON, checked when they are written and when they are read: by the schema given, or else by the one they were written with. */
export function jsonSchema<T, In = T>(options: JsonSchemaOptions): Promise<SchemaSerde<T, In>> {
  return createSerde(new JsonSchemaFormat<T, In>(), options)
}

class JsonSchemaFormat<T, In> implements SchemaFormat<T, In> {
  readonly schemaType = 'JSON'

  recordNameOf({ schema }: ResolvedSchema): string {
    const { title } = (parsed(schema) ?? {}) as { title?: unknown }
    if (typeof title !== 'string') throw configInvalid('Only a JSON Schema with a title can name a subject')
    return title
  }

  writerOf(schema: ResolvedSchema): (value: In) => readonly Uint8Array[] {
    const validate = compiled(schema)
    return (value) => {
      const text = JSON.stringify(value)
      if (text === undefined) throw new Error(`${typeof value} is no JSON`)
      // What is sent is what is checked: a Date is a string by now.
      checked(validate, JSON.parse(text))
      return [Buffer.from(text)]
    }
  }

  readerOf(written: ResolvedSchema): (payload: Buffer) => T {
    return this.ownReaderOf(written)
  }

  ownReaderOf(own: ResolvedSchema): (payload: Buffer) => T {
    const validate = compiled(own)
    return (payload) => {
      const value = JSON.parse(payload.toString('utf8'))
      checked(validate, value)
      return value as T
    }
  }
}

function checked(validate: ValidateFunction, value: unknown): void {
  if (validate(value)) return
  const [{ instancePath = '', message = 'is not valid' } = {}] = validate.errors ?? []
  throw new Error(`${instancePath || 'the value'} ${message}`)
}

const options: Options = { strict: false, logger: false }

/** The draft that the schema says; draft-07 where it says none. */
function validatorFor(schema: unknown): Ajv {
  const { $schema: draft = 'draft-07' } = (schema ?? {}) as { $schema?: unknown }
  if (/draft-07/.test(String(draft))) return new Ajv(options)
  if (/2019-09/.test(String(draft))) return new Ajv2019(options)
  if (/2020-12/.test(String(draft))) return new Ajv2020(options)
  throw schemaInvalid(`JSON Schema ${String(draft)} is not supported: draft-07, 2019-09 and 2020-12 are`)
}

function compiled({ schema, imports }: ResolvedSchema): ValidateFunction {
  const main = parsed(schema) as { $id?: string }
  const ajv = validatorFor(main)
  try {
    formats.default(ajv)
    // A reference is named as `$ref` says it, which `$id` may make absolute.
    const base = typeof main === 'object' && typeof main?.$id === 'string' && URL.canParse(main.$id) ? main.$id : undefined
    for (const each of imports) {
      const name = base === undefined ? each.name : new URL(each.name, base).href
      // Under the name it is referred to by; an id of its own would be another name for it.
      const { $id: _, ...rest } = parsed(each.schema) as Record<string, unknown>
      ajv.addSchema({ ...rest, $id: name })
    }
    return ajv.compile(main)
  } catch (error) {
    throw schemaInvalid(`The schema is no JSON Schema: ${messageOf(error)}`, error)
  }
}

function parsed(schema: string): unknown {
  try {
    return JSON.parse(schema)
  } catch (error) {
    throw schemaInvalid(`The schema is no JSON: ${messageOf(error)}`, error)
  }
}
