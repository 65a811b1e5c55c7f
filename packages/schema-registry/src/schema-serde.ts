// A serde of the client is synchronous and a registry is not. What is written is settled before there is a serde: the schema has its id.
// What is read may have any id: the newest versions of the subject are here from the start, every other one is fetched by `load`,
// which consumers await before they hand out the record. Where nobody does, the record throws SCHEMA_NOT_LOADED, which is retriable: its
// schema is on the way.
import type { Serde } from '@odradek/client'
import { BoundedMap } from './bounded-map.ts'
import { configInvalid, isAbsence, messageOf, RegistryError, schemaNotLoaded, serializationFailed } from './errors.ts'
import type { SchemaRegistry } from './schema-registry.ts'
import { type SubjectNameStrategy, subjectOf } from './subjects.ts'
import type { RegisteredSchema, RequestOptions, ResolvedSchema, SchemaReference, SchemaType } from './types.ts'
import { frame, unframe } from './wire-format.ts'

export interface SerdeOptions extends RequestOptions {
  readonly registry: SchemaRegistry
  /** What is written, and what is read is brought to. Absent: each record is read by the schema that it was written with. */
  readonly schema?: string | object
  readonly references?: readonly SchemaReference[]
  /** The topic that is written to; the strategies TopicName and TopicRecordName make the subject of it. */
  readonly topic?: string
  /** The serde is for keys. Default false. */
  readonly isKey?: boolean
  /** Default TopicName: `orders-value`, `orders-key`. */
  readonly subjectNameStrategy?: SubjectNameStrategy
  /** `schema` is registered under the subject. Otherwise it must be there. Default true, and false with `useLatestVersion`. */
  readonly autoRegisterSchemas?: boolean
  /** What is written has the latest schema of the subject. Default false. */
  readonly useLatestVersion?: boolean
  /** The registry compares schemas without regard to their layout. Default false. */
  readonly normalizeSchemas?: boolean
  /** Nothing is registered or looked up, and nothing can be written: for consumers. Default false. */
  readonly readOnly?: boolean
  /** Newest versions of the subject that are fetched at once, 0 to 100. Default 16. */
  readonly preloadVersions?: number
}

/** What Avro, Protobuf and JSON Schema differ in. Every function throws; what it throws becomes SCHEMA_INVALID or SERIALIZATION_FAILED. */
export interface SchemaFormat<T, In> {
  readonly schemaType: SchemaType
  /** CONFIG_INVALID where it has none. */
  recordNameOf(schema: ResolvedSchema): string
  writerOf(schema: ResolvedSchema): (value: In) => readonly Uint8Array[]
  readerOf(written: ResolvedSchema, own: ResolvedSchema | undefined): (payload: Buffer) => T
  /** Present where `own` alone suffices to read: then nothing is fetched. */
  ownReaderOf?(own: ResolvedSchema): (payload: Buffer) => T
}

export interface SchemaSerde<T, In = T> extends Serde<T, In> {
  /** Of what is written; undefined: read-only. */
  readonly id: number | undefined
  readonly subject: string | undefined
  /** Fetches the schema that the bytes were written with; undefined when it is here. Bytes without a schema id are left to `deserialize`. */
  load(bytes: Buffer): Promise<void> | undefined
}

type Reader<T> = (payload: Buffer) => T

const readersMax = 1_000
/** Bytes may name any id. */
const loadingMax = 64

class RegistrySerde<T, In> implements SchemaSerde<T, In> {
  readonly id: number | undefined
  readonly subject: string | undefined
  readonly #topic: string | undefined
  readonly #write: ((value: In) => readonly Uint8Array[]) | undefined
  readonly #ownReader: Reader<T> | undefined
  readonly #compile: (id: number) => Promise<Reader<T>>
  readonly #readers = new BoundedMap<number, Reader<T>>(readersMax)
  readonly #loading = new Map<number, Promise<void>>()
  /** Why a schema did not come: told once, then it is asked for again. */
  readonly #failed = new BoundedMap<number, Error>(loadingMax)

  constructor(settings: {
    readonly id: number | undefined
    readonly subject: string | undefined
    readonly topic: string | undefined
    readonly write: ((value: In) => readonly Uint8Array[]) | undefined
    readonly ownReader: Reader<T> | undefined
    readonly compile: (id: number) => Promise<Reader<T>>
  }) {
    this.id = settings.id
    this.subject = settings.subject
    this.#topic = settings.topic
    this.#write = settings.write
    this.#ownReader = settings.ownReader
    this.#compile = settings.compile
  }

  serialize(value: In, topic: string): Uint8Array {
    if (this.#write === undefined || this.id === undefined)
      throw serializationFailed('This serde only reads: give it a topic and a schema or useLatestVersion, and not readOnly')
    if (this.#topic !== undefined && topic !== this.#topic)
      throw serializationFailed(`This serde writes to ${this.#topic}, whose subject is ${this.subject}, and not to ${topic}`)
    try {
      return frame(this.id, this.#write(value))
    } catch (error) {
      throw serializationFailed(`A value does not fit the schema of ${this.subject}: ${messageOf(error)}`, error)
    }
  }

  deserialize(bytes: Buffer, topic: string): T {
    const { id, payload } = unframe(bytes)
    const read = this.#ownReader ?? this.#readers.get(id)
    if (read === undefined) throw this.#missing(id)
    try {
      return read(payload)
    } catch (error) {
      throw serializationFailed(`Bytes of ${topic} do not fit their schema ${id}: ${messageOf(error)}`, error)
    }
  }

  load(bytes: Buffer): Promise<void> | undefined {
    if (this.#ownReader !== undefined || bytes.length < 5 || bytes[0] !== 0) return undefined
    const { id } = unframe(bytes)
    return this.#readers.get(id) === undefined ? this.loadId(id) : undefined
  }

  loadId(id: number): Promise<void> {
    let loading = this.#loading.get(id)
    if (loading === undefined) {
      loading = this.#compile(id)
        .then(
          (reader) => this.#readers.set(id, reader),
          (error) => {
            this.#failed.set(id, error)
            throw error
          }
        )
        .finally(() => this.#loading.delete(id))
      this.#loading.set(id, loading)
    }
    return loading
  }

  #missing(id: number): Error {
    const failure = this.#failed.get(id)
    if (failure !== undefined) {
      this.#failed.delete(id)
      return failure
    }
    if (this.#loading.size < loadingMax) void this.loadId(id).catch(() => {})
    return schemaNotLoaded(id)
  }
}

export async function createSerde<T, In>(format: SchemaFormat<T, In>, options: SerdeOptions): Promise<SchemaSerde<T, In>> {
  const { registry, topic, signal } = options
  check(options)
  const own = await ownSchema(format.schemaType, options)
  const named = own === undefined ? undefined : () => format.recordNameOf(own)
  const recordName = named ?? ((): string => missingSchema())
  const subject = subjectOf(options.subjectNameStrategy ?? 'TopicName', { topic, isKey: options.isKey ?? false, recordName })
  const written = options.readOnly || subject === undefined ? undefined : await registeredSchema(format.schemaType, subject, options)
  const writes = written?.latest === undefined ? own : await registry.resolve(written.latest, { signal })
  checkType(format, writes)
  const serde = new RegistrySerde<T, In>({
    ...{ id: written?.id, subject, topic: written === undefined ? undefined : topic },
    write: written === undefined || writes === undefined ? undefined : format.writerOf(writes),
    ownReader: own === undefined ? undefined : format.ownReaderOf?.(own),
    compile: async (id) => {
      const schema = await registry.resolve(await registry.getById(id))
      checkType(format, schema)
      return format.readerOf(schema, own)
    }
  })
  if (own === undefined || format.ownReaderOf === undefined) await preload(serde, subject, written?.id, options)
  return serde
}

function check({ schema, autoRegisterSchemas, useLatestVersion, preloadVersions = 16 }: SerdeOptions): void {
  if (autoRegisterSchemas && useLatestVersion) throw configInvalid('Give autoRegisterSchemas or useLatestVersion: they exclude each other')
  if (autoRegisterSchemas && schema === undefined) throw configInvalid('autoRegisterSchemas needs a schema')
  if (!Number.isInteger(preloadVersions) || preloadVersions < 0 || preloadVersions > 100)
    throw configInvalid('preloadVersions is a whole number from 0 to 100')
}

function missingSchema(): never {
  throw configInvalid('The subject is named by the record of the schema: give a schema, or the strategy TopicName')
}

function checkType<T, In>(format: SchemaFormat<T, In>, schema: ResolvedSchema | undefined): void {
  if (schema !== undefined && schema.schemaType !== format.schemaType)
    throw serializationFailed(`A serde for ${format.schemaType} has met a schema of type ${schema.schemaType}`)
}

function textOf(schema: string | object): string {
  return typeof schema === 'string' ? schema : JSON.stringify(schema)
}

async function ownSchema(schemaType: SchemaType, options: SerdeOptions): Promise<ResolvedSchema | undefined> {
  const { registry, schema, references = [], signal } = options
  return schema === undefined ? undefined : registry.resolve({ schemaType, schema: textOf(schema), references }, { signal })
}

/** `latest` is what is written when the program does not say it itself. */
async function registeredSchema(
  schemaType: SchemaType,
  subject: string,
  options: SerdeOptions
): Promise<{ id: number; latest?: RegisteredSchema } | undefined> {
  const { registry, schema, references, autoRegisterSchemas = true, useLatestVersion, normalizeSchemas: normalize, signal } = options
  if (useLatestVersion) {
    const latest = await registry.getLatest(subject, { signal })
    return { id: latest.id, latest }
  }
  if (schema === undefined) return undefined
  const given = { schemaType, schema: textOf(schema), references }
  if (autoRegisterSchemas) return { id: await registry.register(subject, given, { normalize, signal }) }
  return { id: (await registry.lookup(subject, given, { normalize, signal })).id }
}

/** What the serde writes, and the newest versions of its subject: most of what it will read. */
async function preload<T, In>(
  serde: RegistrySerde<T, In>,
  subject: string | undefined,
  id: number | undefined,
  { registry, preloadVersions = 16, signal }: SerdeOptions
): Promise<void> {
  const ids = new Set(id === undefined ? [] : [id])
  if (subject !== undefined && preloadVersions > 0) {
    const versions = (await unlessAbsent(registry.versions(subject, { signal }))) ?? []
    const newest = versions.slice(-preloadVersions).map((version) => unlessAbsent(registry.getVersion(subject, version, { signal })))
    for (const found of await Promise.all(newest)) if (found !== undefined) ids.add(found.id)
  }
  // An old version that this program cannot read is the matter of the records that have it.
  await Promise.all([...ids].map((each) => (each === id ? serde.loadId(each) : serde.loadId(each).catch(() => {}))))
}

/** undefined: a subject that is still to come, or a version that is just being deleted. */
function unlessAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  return found.catch((error) => {
    if (error instanceof RegistryError && isAbsence(error.errorCode)) return undefined
    throw error
  })
}
