// The REST interface of Confluent's schema registry (and of those that speak it). What never changes (a schema by its id, a version of a
// subject that something refers to) is kept, at most `cacheSize` of it, and asked for once by all who want it at the same time.
import { BoundedMap } from './bounded-map.ts'
import { configInvalid, schemaInvalid } from './errors.ts'
import { type ConnectionOptions, RegistryConnection } from './registry-connection.ts'
import type { RegisteredSchema, RequestOptions, ResolvedSchema, Schema, SchemaReference, SchemaType } from './types.ts'

export interface SchemaRegistryOptions extends ConnectionOptions {
  /** Schemas kept. Default 1 000. */
  readonly cacheSize?: number
}

export interface SchemaToRegister {
  /** Default: AVRO. */
  readonly schemaType?: SchemaType
  readonly schema: string
  readonly references?: readonly SchemaReference[]
}

export interface RegisterOptions extends RequestOptions {
  /** The registry compares schemas without regard to their layout. */
  readonly normalize?: boolean
}

export interface Compatibility {
  readonly isCompatible: boolean
  /** Why not, in the words of the registry. */
  readonly messages: readonly string[]
}

const importsMax = 1_000

export class SchemaRegistry {
  readonly #connection: RegistryConnection
  readonly #schemas: BoundedMap<string, Promise<Schema>>

  constructor(options: SchemaRegistryOptions) {
    const { cacheSize = 1_000 } = options
    if (!Number.isSafeInteger(cacheSize) || cacheSize < 1) throw configInvalid('cacheSize is a whole number from 1')
    this.#connection = new RegistryConnection(options)
    this.#schemas = new BoundedMap(cacheSize)
  }

  /** The id of the schema; of the one that is there when it is registered already. */
  async register(subject: string, schema: SchemaToRegister, options: RegisterOptions = {}): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions${query({ normalize: options.normalize })}`
    return idOf(await this.#connection.request('POST', path, bodyOf(schema), options))
  }

  getById(id: number, options?: RequestOptions): Promise<Schema> {
    return this.#kept(`id ${id}`, async () => schemaOf(await this.#connection.request('GET', `/schemas/ids/${id}`)), options)
  }

  /** Which version of the subject the schema is. REGISTRY_REFUSED with errorCode 40403 when it is none. */
  async lookup(
    subject: string,
    schema: SchemaToRegister,
    options: RegisterOptions & { readonly deleted?: boolean } = {}
  ): Promise<RegisteredSchema> {
    const path = `/subjects/${encodeURIComponent(subject)}${query({ normalize: options.normalize, deleted: options.deleted })}`
    return registeredOf(await this.#connection.request('POST', path, bodyOf(schema), options))
  }

  getLatest(subject: string, options?: RequestOptions): Promise<RegisteredSchema> {
    return this.getVersion(subject, 'latest', options)
  }

  async getVersion(subject: string, version: number | 'latest', options?: RequestOptions): Promise<RegisteredSchema> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    const { id, ...found } = registeredOf(await this.#connection.request('GET', path, undefined, options))
    const { schemaType, schema, references } = found
    this.#schemas.set(`id ${id}`, Promise.resolve({ schemaType, schema, references }))
    return { id, ...found }
  }

  /** Ascending. */
  async versions(subject: string, options?: RequestOptions): Promise<number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    return listOf(await this.#connection.request('GET', path, undefined, options), isVersion).sort((a, b) => a - b)
  }

  async subjects(options: RequestOptions & { readonly deleted?: boolean } = {}): Promise<string[]> {
    const answer = await this.#connection.request('GET', `/subjects${query({ deleted: options.deleted })}`, undefined, options)
    return listOf(answer, (each): each is string => typeof each === 'string')
  }

  /** Whether the schema may become the next version, by the rules of the subject. */
  async checkCompatibility(
    subject: string,
    schema: SchemaToRegister,
    options: RegisterOptions & { readonly version?: number | 'latest' } = {}
  ): Promise<Compatibility> {
    const { version = 'latest', normalize } = options
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/${version}${query({ verbose: true, normalize })}`
    const answer = (await this.#connection.request('POST', path, bodyOf(schema), options)) as Record<string, unknown> | null
    const messages = Array.isArray(answer?.messages) ? answer.messages.map(String) : []
    return { isCompatible: answer?.is_compatible === true, messages }
  }

  /** The versions that are gone. `permanent` forgets what was deleted before; without it ids can still be read. */
  async deleteSubject(subject: string, options: RequestOptions & { readonly permanent?: boolean } = {}): Promise<number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}${query({ permanent: options.permanent })}`
    return listOf(await this.#connection.request('DELETE', path, undefined, options), isVersion)
  }

  async deleteVersion(
    subject: string,
    version: number | 'latest',
    options: RequestOptions & { readonly permanent?: boolean } = {}
  ): Promise<void> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}${query({ permanent: options.permanent })}`
    await this.#connection.request('DELETE', path, undefined, options)
  }

  /** The schema with all that it refers to. */
  async resolve({ schemaType, schema, references }: Schema, options?: RequestOptions): Promise<ResolvedSchema> {
    const imports = new Map<string, string>()
    const seen = new Set<string>()
    const visit = async (each: readonly SchemaReference[]): Promise<void> => {
      for (const { name, subject, version } of each) {
        if (seen.has(name)) continue
        seen.add(name)
        if (seen.size > importsMax) throw schemaInvalid(`A schema refers to more than ${importsMax} others`)
        const found = await this.#kept(`version ${version} ${subject}`, () => this.getVersion(subject, version), options)
        await visit(found.references)
        imports.set(name, found.schema)
      }
    }
    await visit(references)
    return { schemaType, schema, imports: [...imports].map(([name, text]) => ({ name, schema: text })) }
  }

  /** Several may wait for one request: the signal of each ends its own waiting, and the request goes on for the others. */
  #kept(key: string, load: () => Promise<Schema>, { signal }: RequestOptions = {}): Promise<Schema> {
    let found = this.#schemas.get(key)
    if (found === undefined) {
      found = load()
      this.#schemas.set(key, found)
      found.catch(() => this.#schemas.delete(key))
    }
    return signal === undefined ? found : unlessAborted(found, signal)
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

const isVersion = (each: unknown): each is number => Number.isSafeInteger(each)

function query(parameters: Readonly<Record<string, boolean | undefined>>): string {
  const given = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  return given.length === 0 ? '' : `?${given.join('&')}`
}

/** Registries from before Protobuf and references know `schema` alone. */
function bodyOf({ schemaType = 'AVRO', schema, references = [] }: SchemaToRegister): object {
  return { schema, ...(schemaType === 'AVRO' ? {} : { schemaType }), ...(references.length === 0 ? {} : { references }) }
}

const schemaTypes: readonly unknown[] = ['AVRO', 'PROTOBUF', 'JSON'] satisfies SchemaType[]

function schemaOf(answer: unknown): Schema {
  const { schema, schemaType = 'AVRO', references } = (answer ?? {}) as { schema?: unknown; schemaType?: unknown; references?: unknown }
  if (typeof schema !== 'string') throw schemaInvalid('The answer of the schema registry has no schema')
  if (!schemaTypes.includes(schemaType))
    throw schemaInvalid(`The schema registry has a schema of type ${String(schemaType)}: only ${schemaTypes.join(', ')} are known`)
  const isReference = (each: unknown): each is SchemaReference => {
    const { name, subject, version } = (each ?? {}) as Record<string, unknown>
    return typeof name === 'string' && typeof subject === 'string' && Number.isSafeInteger(version)
  }
  return { schema, schemaType: schemaType as SchemaType, references: listOf(references ?? [], isReference) }
}

function registeredOf(answer: unknown): RegisteredSchema {
  const { subject, version } = (answer ?? {}) as { subject?: unknown; version?: unknown }
  if (typeof subject !== 'string' || !Number.isSafeInteger(version))
    throw schemaInvalid('The answer of the schema registry is no version of a subject')
  return { ...schemaOf(answer), id: idOf(answer), subject, version: version as number }
}

function idOf(answer: unknown): number {
  const { id } = (answer ?? {}) as { id?: unknown }
  if (!Number.isInteger(id) || (id as number) < 0 || (id as number) > 0x7fff_ffff)
    throw schemaInvalid('The answer of the schema registry has no id')
  return id as number
}

function listOf<T>(answer: unknown, isEach: (each: unknown) => each is T): T[] {
  if (!Array.isArray(answer) || !answer.every(isEach))
    throw schemaInvalid('The answer of the schema registry is not the list that it should be')
  return answer as T[]
}
