/** Checks of the settings of groups and client metrics resources. Outcomes are values with Kafka's error name and words. */
import type { BrokerConfig, ConfigTexts } from './broker-config.ts'
import { messageOf } from './config-error.ts'
import type { ConfigDefinition, ConfigValue } from './definition.ts'
import { brokerConfigDefinitions, clientMetricsConfigDefinitions, groupConfigDefinitions } from './definitions.ts'
import type { ConfigRefusal } from './dynamic-config.ts'
import type { GroupSettings } from './generated/settings.ts'
import { parseValue } from './value.ts'

/** Undefined when a group can have these settings. Bounds come from the broker's group.*.min and group.*.max settings. */
export function validateGroupConfigs(broker: BrokerConfig, texts: ConfigTexts): ConfigRefusal | undefined {
  for (const [name, text] of texts) {
    const definition = groupConfigDefinitions.get(name)
    const message =
      definition === undefined
        ? `Unknown group config name: ${name}`
        : (messageOf(() => parseValue(definition, text)) ?? outOfBounds(broker, definition, text))
    if (message !== undefined) return { error: 'INVALID_CONFIG', message }
  }
  for (const kind of ['consumer', 'share', 'streams']) {
    const [heartbeat, session] = [`${kind}.heartbeat.interval.ms`, `${kind}.session.timeout.ms`] as const
    if (Number(groupValue(broker, texts, heartbeat)) >= Number(groupValue(broker, texts, session))) {
      return { error: 'INVALID_CONFIG', message: `${heartbeat} must be less than ${session}` }
    }
  }
  return undefined
}

function outOfBounds(broker: BrokerConfig, definition: ConfigDefinition, text: string): string | undefined {
  const [kind, ...rest] = definition.name.split('.')
  const [min, max] = [`group.${kind}.min.${rest.join('.')}`, `group.${kind}.max.${rest.join('.')}`]
  const value = parseValue(definition, text) as number
  if (brokerConfigDefinitions.has(min) && value < (broker.raw(min) as number))
    return `${definition.name} must be greater than or equal to ${min}`
  if (brokerConfigDefinitions.has(max) && value > (broker.raw(max) as number))
    return `${definition.name} must be less than or equal to ${max}`
  return undefined
}

/** The value of a group's setting: its own, the broker's `group.<name>`, or the default. */
export function resolveGroupConfig<K extends keyof GroupSettings>(broker: BrokerConfig, texts: ConfigTexts, name: K): GroupSettings[K] {
  return groupValue(broker, texts, name) as GroupSettings[K]
}

function groupValue(broker: BrokerConfig, texts: ConfigTexts, name: string): ConfigValue {
  const definition = groupConfigDefinitions.get(name) as ConfigDefinition
  const text = texts.get(name)
  if (text !== undefined && messageOf(() => parseValue(definition, text)) === undefined) return parseValue(definition, text)
  return brokerConfigDefinitions.has(`group.${name}`) ? broker.raw(`group.${name}`) : (definition.default ?? null)
}

const matchKeys = new Set([
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port'
])

/** Undefined when a client metrics subscription can have these settings. */
export function validateClientMetricsConfigs(texts: ConfigTexts): ConfigRefusal | undefined {
  for (const [name, text] of texts) {
    const definition = clientMetricsConfigDefinitions.get(name)
    if (definition === undefined) return { error: 'INVALID_REQUEST', message: `Unknown client metrics configuration: ${name}` }
    const message = messageOf(() => parseValue(definition, text))
    if (message !== undefined) return { error: 'INVALID_CONFIG', message }
    const value = parseValue(definition, text)
    if (name === 'interval.ms' && ((value as number) < 100 || (value as number) > 3_600_000)) {
      return {
        error: 'INVALID_REQUEST',
        message: `Invalid value ${text} for interval.ms, interval must be between 100 and 3600000 (1 hour)`
      }
    }
    const wrong = name === 'match' ? (value as readonly string[]).find((pattern) => !isMatchPattern(pattern)) : undefined
    if (wrong !== undefined) return { error: 'INVALID_CONFIG', message: `Illegal client matching pattern: ${wrong}` }
  }
  return undefined
}

/** KEY=PATTERN. The pattern is compiled to see whether it is one; it is never run here. */
function isMatchPattern(text: string): boolean {
  const at = text.indexOf('=')
  if (at < 0 || !matchKeys.has(text.slice(0, at))) return false
  try {
    new RegExp(text.slice(at + 1))
    return true
  } catch {
    return false
  }
}
