// JSON as UTF-8, with or without a schema that checks what is sent and what is received.
import { described, type Serde, serializationError } from './serde.ts'
import { issuesText, type SchemaInput, type SchemaOutput, type StandardSchema } from './standard-schema.ts'

/**
 * Without a schema the type is a promise of the caller. With one, what is sent is validated and sent as given, and what is received is
 * validated and returned as the schema returns it (its transforms and defaults applied). The schema must be synchronous.
 */
export function json<T = unknown>(): Serde<T>
export function json<S extends StandardSchema>(schema: S): Serde<SchemaOutput<S>, SchemaInput<S>>
export function json(schema?: StandardSchema): Serde<unknown> {
  return {
    serialize(value, topic) {
      if (schema !== undefined) validated(schema, value, `A value for ${topic}`)
      const text = JSON.stringify(value)
      if (text === undefined) throw serializationError(`JSON cannot say ${described(value)}`)
      return text
    },
    deserialize(bytes, topic) {
      const value = parsed(bytes, topic)
      return schema === undefined ? value : validated(schema, value, `A value of ${topic}`)
    }
  }
}

function parsed(bytes: Buffer, topic: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw serializationError(`A value of ${topic} (${bytes.length} bytes) is no JSON`, error)
  }
}

function validated(schema: StandardSchema, value: unknown, what: string): unknown {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) throw serializationError('The schema validates asynchronously, which a serde cannot wait for')
  if (result.issues !== undefined) throw serializationError(`${what} does not fit its schema: ${issuesText(result.issues)}`)
  return result.value
}
