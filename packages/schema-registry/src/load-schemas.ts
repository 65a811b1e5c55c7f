import type { SchemaSerde } from './schema-serde.ts'

interface RawRecord {
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
}

/** A topic of `topic()`, or the serdes alone. Those that are not of this package have nothing to load. */
export interface Serdes {
  readonly key?: object
  readonly value?: object
}

/** Fetches the schemas that the record was written with; undefined when they are here, as they are for all but the first of a version. */
export function loadSchemas(serdes: Serdes, record: RawRecord): Promise<void> | undefined {
  const key = loadOne(serdes.key, record.rawKey)
  const value = loadOne(serdes.value, record.rawValue)
  if (key === undefined || value === undefined) return key ?? value
  return Promise.all([key, value]).then(() => {})
}

/** The records of the stream, each when its schemas are here. Ends and acknowledges as the stream itself does. */
export async function* withSchemas<R extends RawRecord>(
  records: AsyncIterable<R> | Iterable<R>,
  serdes: Serdes
): AsyncGenerator<R, void, undefined> {
  for await (const record of records) {
    const loading = loadSchemas(serdes, record)
    if (loading !== undefined) await loading
    yield record
  }
}

function loadOne(serde: object | undefined, bytes: Buffer | null): Promise<void> | undefined {
  return bytes === null || serde === undefined || !('load' in serde) ? undefined : (serde as SchemaSerde<unknown>).load(bytes)
}
