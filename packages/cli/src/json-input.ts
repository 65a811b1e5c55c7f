// JSON files that commands read: what is not as expected is told in the words of Kafka's tools.
import { LONG_MAX } from '@odradek/base'
import { messageOf, readInput, ToolError, type ToolIo } from './tool.ts'

const unexpected = (message: string): ToolError => new ToolError(message, 'com.fasterxml.jackson.databind.JsonMappingException')
const received = (expected: string, value: unknown): ToolError =>
  unexpected(`Expected ${expected}, received ${value === undefined ? '' : JSON.stringify(value)}`)

export function readFile(path: string, io: ToolIo): string {
  try {
    return readInput(path, io)
  } catch {
    throw new ToolError(`Unable to read file ${path}`, 'java.io.IOException')
  }
}

/** A value of a file. */
export class JsonInput {
  readonly #value: unknown

  constructor(value: unknown) {
    this.#value = value
  }

  /** Throws a ToolError, with the words of `malformed` if given, when it is no JSON. */
  static parse(text: string, malformed?: string): JsonInput {
    try {
      return new JsonInput(JSON.parse(text))
    } catch (error) {
      if (malformed !== undefined) throw new ToolError(malformed, 'org.apache.kafka.server.common.AdminOperationException')
      throw new ToolError(messageOf(error), 'com.fasterxml.jackson.core.JsonParseException')
    }
  }

  /** undefined: there is no such field. */
  optional(name: string): JsonInput | undefined {
    const value = this.#value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw received('JSON object', value)
    return Object.hasOwn(value, name) ? new JsonInput((value as Record<string, unknown>)[name]) : undefined
  }

  field(name: string): JsonInput {
    const found = this.optional(name)
    if (found === undefined) throw unexpected(`No such field exists: \`${name}\``)
    return found
  }

  items(): readonly JsonInput[] {
    if (!Array.isArray(this.#value)) throw received('JSON array', this.#value)
    return this.#value.map((item) => new JsonInput(item))
  }

  /** Where a list of simple values is asked for, Kafka words the failure otherwise. */
  list<T>(read: (item: JsonInput) => T): T[] {
    if (!Array.isArray(this.#value)) throw received('`JSON array` value', this.#value)
    return this.items().map(read)
  }

  string(): string {
    if (typeof this.#value !== 'string') throw received('`String` value', this.#value)
    return this.#value
  }

  /** Of 32 bits. */
  integer(): number {
    const value = this.#value
    if (typeof value !== 'number' || value !== (value | 0)) throw received('`Integer` value', value)
    return value
  }

  long(): number {
    const value = this.#value
    if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > LONG_MAX) throw received('`Long` value', value)
    return value
  }
}
