/**
 * The settings of one topic: its overrides over the broker's settings that they fall back to.
 *
 * Contract: a TopicConfig is a value. It follows the broker's dynamic settings only by being made again (ask resolveTopicConfig when
 * the topic's or the broker's settings change).
 */

import { checkAllowed } from './allow-list.ts'
import type { BrokerConfig } from './broker-config.ts'
import { configInvalid, invalidValue, messageOf } from './config-error.ts'
import type { ConfigValue } from './definition.ts'
import { topicConfigDefinitions } from './definitions.ts'
import { formatValue } from './format-value.ts'
import type { TopicSettings } from './generated/settings.ts'
import { parseValue } from './value.ts'

export type TopicConfigName = keyof TopicSettings
export type TopicOverrides = ReadonlyMap<string, string>

export class TopicConfig {
  readonly overrides: TopicOverrides
  readonly #own: ReadonlyMap<string, ConfigValue>
  // Shared by all topics: ten thousand topics must not cost ten thousand tables.
  readonly #defaults: ReadonlyMap<string, ConfigValue>

  constructor(overrides: TopicOverrides, own: ReadonlyMap<string, ConfigValue>, defaults: ReadonlyMap<string, ConfigValue>) {
    this.overrides = overrides
    this.#own = own
    this.#defaults = defaults
  }

  get<K extends TopicConfigName>(name: K): TopicSettings[K] {
    const own = this.#own.get(name)
    return (own === undefined ? this.#defaults.get(name) : own) as TopicSettings[K]
  }

  /** Whether cleanup.policy has `compact`, which asks for keys in every record. */
  get isCompacted(): boolean {
    return this.get('cleanup.policy').includes('compact')
  }
}

/** Overrides that are unknown or do not parse (written by another version) are passed over, so that a topic always has a configuration. */
export function resolveTopicConfig(broker: BrokerConfig, overrides: TopicOverrides): TopicConfig {
  const own = new Map<string, ConfigValue>()
  for (const [name, text] of overrides) {
    const definition = topicConfigDefinitions.get(name)
    if (definition !== undefined && validateTopicConfig(name, text) === undefined) own.set(name, parseValue(definition, text))
  }
  return new TopicConfig(overrides, own, broker.topicDefaults)
}

/** What is wrong with one override, undefined when nothing is. */
export function validateTopicConfig(name: string, value: string): string | undefined {
  return messageOf(() => checkOverride(name, value))
}

function checkOverride(name: string, value: string): void {
  const definition = topicConfigDefinitions.get(name)
  if (definition === undefined) throw configInvalid(`Unknown topic config name: ${name}`)
  checkAllowed(name, value)
  parseValue(definition, value)
}

/** What is wrong with the overrides of a topic as a whole. `existing` are the overrides before a change, empty for a new topic. */
export function validateTopicConfigs(
  broker: BrokerConfig,
  overrides: TopicOverrides,
  existing: TopicOverrides = new Map()
): string | undefined {
  return messageOf(() => {
    for (const name of overrides.keys()) if (!topicConfigDefinitions.has(name)) throw configInvalid(`Unknown topic config name: ${name}`)
    for (const [name, value] of overrides) checkOverride(name, value)
    const config = resolveTopicConfig(broker, overrides)
    checkCompactionLag(config)
    checkTieredStorage(broker, config, existing)
  })
}

function checkCompactionLag(config: TopicConfig): void {
  const [min, max] = [config.get('min.compaction.lag.ms'), config.get('max.compaction.lag.ms')]
  if (min > max)
    throw configInvalid(
      `conflict topic config setting min.compaction.lag.ms (${formatValue('LONG', min)}) > max.compaction.lag.ms (${formatValue('LONG', max)})`
    )
}

function checkTieredStorage(broker: BrokerConfig, config: TopicConfig, existing: TopicOverrides): void {
  if (!config.get('remote.storage.enable')) {
    if (existing.get('remote.storage.enable')?.trim().toLowerCase() !== 'true' || config.get('remote.log.delete.on.disable')) return
    throw configInvalid(
      'Remote storage cannot be disabled while remote data is kept. To keep it and stop copying set `remote.storage.enable=true,remote.log.copy.disable=true`; to delete it set `remote.storage.enable=false,remote.log.delete.on.disable=true`.'
    )
  }
  if (!broker.get('remote.log.storage.system.enable')) {
    throw configInvalid('Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.')
  }
  const policy = config.get('cleanup.policy')
  if (policy.length > 1 || (policy.length === 1 && policy[0] !== 'delete')) {
    throw configInvalid('Remote log storage only supports topics with cleanup.policy=delete or cleanup.policy being an empty list.')
  }
  for (const unit of ['ms', 'bytes'] as const) checkLocalRetention(config, unit)
}

function checkLocalRetention(config: TopicConfig, unit: 'ms' | 'bytes'): void {
  const [localName, name] = [`local.retention.${unit}`, `retention.${unit}`] as const
  const [local, total] = [config.get(localName), config.get(name)]
  if (local !== -2 && total !== -1 && (local === -1 || local > total)) {
    throw invalidValue(
      localName,
      String(local),
      `Value must not be ${local === -1 ? `-1 as ${name} value is set as ${total}.` : `more than ${name} property value: ${total}`}`
    )
  }
  if (config.get('remote.log.copy.disable') && local !== -2 && local !== total) {
    throw configInvalid(
      `When \`remote.log.copy.disable\` is set to true, the \`${localName}\` and \`${name}\` must be set to the identical value because there will be no more logs copied to the remote storage.`
    )
  }
}
