/** What DescribeConfigs answers for topics, brokers, groups and client metrics. Values of sensitive settings never leave. */
import type { BrokerConfig, ConfigTexts } from './broker-config.ts'
import { messageOf } from './config-error.ts'
import type { ConfigDefinition, ConfigType } from './definition.ts'
import {
  baseName,
  brokerConfigDefinitions,
  brokerConfigSynonyms,
  clientMetricsConfigDefinitions,
  groupConfigDefinitions,
  topicConfigDefinitions
} from './definitions.ts'
import { isDynamicBrokerConfig } from './dynamic-config.ts'
import { formatValue } from './format-value.ts'
import type { TopicOverrides } from './topic-config.ts'
import { canonicalText } from './value.ts'

/** The numbers of the wire. */
export const ConfigSource = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
  CLIENT_METRICS_CONFIG: 7,
  GROUP_CONFIG: 8
} as const

const typeIds: Readonly<Record<ConfigType, number>> = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9
}

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

export interface ConfigEntry {
  readonly name: string
  readonly value: string | null
  readonly source: number
  readonly synonyms: readonly ConfigSynonym[]
  /** The wire's number of the type, 0 when the setting is unknown. */
  readonly type: number
  readonly documentation: string | null
  readonly readOnly: boolean
  readonly isSensitive: boolean
}

/** Names to describe; null or undefined means all. */
export type ConfigNames = ReadonlySet<string> | null | undefined

const isAsked = (names: ConfigNames, name: string) => names === null || names === undefined || names.has(name)

export function describeTopicConfig(broker: BrokerConfig, overrides: TopicOverrides, names?: ConfigNames): ConfigEntry[] {
  return [...topicConfigDefinitions.values()]
    .filter(({ name, internal }) => isAsked(names, name) && (!internal || overrides.has(name)))
    .map((definition) => {
      const inherited = definition.synonyms.length === 0 ? [] : sourcesOf(broker, definition.synonyms[0], definition.sensitive)
      const fallback = broker.topicDefaults.get(definition.name) ?? null
      return overridden(definition, overrides, ConfigSource.DYNAMIC_TOPIC_CONFIG, inherited, formatValue(definition.type, fallback))
    })
}

/** Group settings fall back to `group.<name>` of the broker where it has that. */
export function describeGroupConfig(broker: BrokerConfig, overrides: ConfigTexts, names?: ConfigNames): ConfigEntry[] {
  return [...groupConfigDefinitions.values()]
    .filter(({ name }) => isAsked(names, name))
    .map((definition) => {
      const { name, type } = definition
      const brokerName = `group.${name}`
      if (brokerConfigDefinitions.has(brokerName)) {
        const value = formatValue(type, broker.raw(brokerName))
        return overridden(definition, overrides, ConfigSource.GROUP_CONFIG, sourcesOf(broker, brokerName, false), value)
      }
      const value = formatValue(type, definition.default ?? null)
      return overridden(definition, overrides, ConfigSource.GROUP_CONFIG, [{ name, value, source: ConfigSource.DEFAULT_CONFIG }], value)
    })
}

export function describeClientMetricsConfig(overrides: ConfigTexts, names?: ConfigNames): ConfigEntry[] {
  return [...clientMetricsConfigDefinitions.values()]
    .filter(({ name }) => isAsked(names, name))
    .map((definition) =>
      overridden(definition, overrides, ConfigSource.CLIENT_METRICS_CONFIG, [], formatValue(definition.type, definition.default ?? null))
    )
}

function overridden(
  definition: ConfigDefinition,
  overrides: ConfigTexts,
  source: number,
  inherited: readonly ConfigSynonym[],
  fallback: string | null
): ConfigEntry {
  const text = overrides.get(definition.name)
  const value = text === undefined ? fallback : shownText(definition, text)
  const synonyms = text === undefined ? inherited : [{ name: definition.name, value, source }, ...inherited]
  return entry(definition.name, definition, value, synonyms, false)
}

function shownText(definition: ConfigDefinition, text: string): string {
  return messageOf(() => canonicalText(definition, text)) === undefined ? canonicalText(definition, text) : text
}

/** Every setting of a broker: all that it knows and what was set under other names. Settings of the last kind have no shown value. */
export function describeBrokerConfig(broker: BrokerConfig, names?: ConfigNames): ConfigEntry[] {
  const { perBroker, clusterWide } = broker.dynamic
  const listed = [...brokerConfigDefinitions.values()].filter(
    (definition) => !definition.internal && definition.dynamicMode !== 'dynamic-only'
  )
  const all = new Set([...listed.map(({ name }) => name), ...broker.staticTexts.keys(), ...clusterWide.keys(), ...perBroker.keys()])
  return [...all]
    .filter((name) => isAsked(names, name))
    .map((name) => brokerEntry(broker, name, textInForce(broker, name), sourcesOf(broker, name, isSensitive(name))))
}

/** A dynamic setting pushes the static texts of its synonyms aside: log.retention.ms makes log.retention.hours its default again. */
function textInForce(broker: BrokerConfig, name: string): string | undefined {
  const { perBroker, clusterWide } = broker.dynamic
  const dynamic = perBroker.get(name) ?? clusterWide.get(name)
  const isPushedAside =
    brokerConfigDefinitions.get(name)?.synonyms.some((synonym) => perBroker.has(synonym) || clusterWide.has(synonym)) ?? false
  return dynamic ?? (isPushedAside ? undefined : broker.staticTexts.get(name))
}

/** The dynamic settings of all brokers together (the resource with the empty name). */
export function describeClusterConfig(broker: BrokerConfig, names?: ConfigNames): ConfigEntry[] {
  return [...broker.dynamic.clusterWide]
    .filter(([name]) => isAsked(names, name))
    .map(([name, text]) => {
      const sources = sourcesOf(broker, name, isSensitive(name))
      return brokerEntry(
        broker,
        name,
        text,
        sources.filter(({ source }) => source === ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG)
      )
    })
}

function isSensitive(name: string): boolean {
  return brokerConfigDefinitions.get(baseName(name))?.sensitive ?? true
}

function brokerEntry(broker: BrokerConfig, name: string, text: string | undefined, synonyms: readonly ConfigSynonym[]): ConfigEntry {
  const definition = brokerConfigDefinitions.get(baseName(name))
  const value =
    isSensitive(name) || definition === undefined
      ? null
      : text === undefined
        ? defaultText(broker, definition)
        : shownText(definition, text)
  return entry(name, definition, value, synonyms, !isDynamicBrokerConfig(name))
}

// broker.id follows node.id in a static configuration, which is where Kafka puts it too.
function defaultText(broker: BrokerConfig, definition: ConfigDefinition): string | null {
  return definition.name === 'broker.id' ? String(broker.nodeId) : formatValue(definition.type, definition.default ?? null)
}

function entry(
  name: string,
  definition: ConfigDefinition | undefined,
  value: string | null,
  synonyms: readonly ConfigSynonym[],
  readOnly: boolean
): ConfigEntry {
  return {
    name,
    value,
    source: synonyms[0]?.source ?? ConfigSource.DEFAULT_CONFIG,
    synonyms,
    type: definition === undefined ? 0 : typeIds[definition.type],
    documentation: definition?.doc ?? null,
    readOnly,
    isSensitive: definition?.sensitive ?? true
  }
}

/**
 * Where a broker setting comes from, nearest first: every source in turn, and in each the setting's synonyms. What comes before the
 * asked name itself is dropped, so that a base setting does not list the overrides of listeners; the same rule hides a static
 * log.retention.hours behind an unset log.retention.ms. That is Kafka's behaviour.
 */
function sourcesOf(broker: BrokerConfig, name: string, sensitive: boolean): readonly ConfigSynonym[] {
  const all: ConfigSynonym[] = []
  const add = (source: number, textOf: (synonym: string) => string | null | undefined) => {
    for (const synonym of brokerConfigSynonyms(name)) {
      const value = textOf(synonym)
      if (value !== undefined && value !== null) all.push({ name: synonym, value: sensitive ? null : value, source })
    }
  }
  add(ConfigSource.DYNAMIC_BROKER_CONFIG, (synonym) => broker.dynamic.perBroker.get(synonym))
  add(ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG, (synonym) => broker.dynamic.clusterWide.get(synonym))
  add(
    ConfigSource.STATIC_BROKER_CONFIG,
    (synonym) => broker.staticTexts.get(synonym) ?? (synonym === 'broker.id' ? String(broker.nodeId) : undefined)
  )
  add(ConfigSource.DEFAULT_CONFIG, (synonym) => {
    const definition = brokerConfigDefinitions.get(synonym)
    return definition === undefined || definition.dynamicMode === 'dynamic-only'
      ? null
      : formatValue(definition.type, definition.default ?? null)
  })
  const first = all.findIndex((synonym) => synonym.name === name)
  return first < 0 ? [] : all.slice(first)
}
