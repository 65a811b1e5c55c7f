/** What Kafka calls a ConfigDef entry: one row a setting, as data. `valid` is the text that Kafka's validator describes itself with. */
export type ConfigType = 'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'
export type ConfigValue = string | number | boolean | readonly string[] | null
/** `dynamic-only` settings exist as dynamic ones only; Kafka's static definition does not know them. */
export type DynamicMode = 'read-only' | 'per-broker' | 'cluster-wide' | 'dynamic-only'
export type Importance = 'HIGH' | 'MEDIUM' | 'LOW'

/** Java's Long.MAX_VALUE as Kafka writes it. As a double it is 2^63, which is how the house carries this sentinel. */
export const LONG_MAX = 2 ** 63

/** A row of a generated table. No `default` means that the setting is required; `null` means unset. */
export interface ConfigRow {
  readonly name: string
  readonly type: ConfigType
  readonly default?: ConfigValue
  readonly valid?: string
  readonly importance: Importance
  readonly dynamic?: DynamicMode
  /** Broker settings that a setting is taken from, most specific first. */
  readonly synonyms?: readonly string[]
  readonly internal?: boolean
}

export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  /** undefined: required. null: unset. */
  readonly default: ConfigValue | undefined
  readonly validator: string | undefined
  readonly importance: Importance
  readonly dynamicMode: DynamicMode
  readonly synonyms: readonly string[]
  /** Left out of listings unless it is set. */
  readonly internal: boolean
  readonly sensitive: boolean
  readonly doc: string
}

export function toDefinitions(rows: readonly ConfigRow[], docs: Readonly<Record<string, string>>): ReadonlyMap<string, ConfigDefinition> {
  return new Map(
    rows.map((row) => [
      row.name,
      {
        name: row.name,
        type: row.type,
        default: row.default,
        validator: row.valid,
        importance: row.importance,
        dynamicMode: row.dynamic ?? 'read-only',
        synonyms: row.synonyms ?? [],
        internal: row.internal ?? false,
        sensitive: row.type === 'PASSWORD',
        doc: docs[row.name] ?? ''
      }
    ])
  )
}
