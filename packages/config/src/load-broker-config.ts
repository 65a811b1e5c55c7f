import { closest } from '@odradek/base'
import { checkAllowed } from './allow-list.ts'
import { checkBrokerConfig } from './broker-checks.ts'
import { BrokerConfig } from './broker-config.ts'
import { configInvalid } from './config-error.ts'
import { baseName, brokerConfigDefinitions } from './definitions.ts'
import { settingsFromEnvironment } from './environment.ts'
import { parseValue } from './value.ts'

type Texts = Readonly<Record<string, string>> | ReadonlyMap<string, string>

export interface BrokerConfigSources {
  /** A properties file, parsed. */
  readonly properties?: Texts
  /** Environment variables; only `KAFKA_…` are read. They win over the file. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** From the command line or the embedding program. They win over everything. */
  readonly overrides?: Texts
}

/** Throws an OdradekError with code CONFIG_INVALID that names the setting, the value and what is allowed. */
export function loadBrokerConfig(sources: BrokerConfigSources): { config: BrokerConfig; warnings: string[] } {
  const texts = new Map([...entries(sources.properties), ...settingsFromEnvironment(sources.env ?? {}), ...entries(sources.overrides)])
  const nodeId = texts.get('node.id') ?? texts.get('broker.id')
  if (nodeId !== undefined) texts.set('node.id', nodeId)
  for (const definition of brokerConfigDefinitions.values()) {
    if (definition.default !== undefined || texts.has(definition.name)) continue
    throw configInvalid(`Missing required configuration "${definition.name}" which has no default value.`)
  }
  const warnings: string[] = []
  for (const [name, text] of texts) {
    checkAllowed(name, text)
    const definition = brokerConfigDefinitions.get(baseName(name))
    if (definition !== undefined) parseValue(name === definition.name ? definition : { ...definition, name }, text)
    else if (!/^(listener\.name|rsm\.config|rlmm\.config|config\.providers)\./.test(name)) warnings.push(unknownSetting(name))
  }
  const config = new BrokerConfig(texts)
  checkBrokerConfig(config)
  return { config, warnings }
}

function entries(texts: Texts | undefined): Iterable<[string, string]> {
  if (texts === undefined) return []
  return texts instanceof Map ? texts : Object.entries(texts)
}

function unknownSetting(name: string): string {
  const meant = closest(name, [...brokerConfigDefinitions.keys()])
  return `${name} is not a setting of Kafka or Odradek: it is ignored${meant === undefined ? '' : `; did you mean ${meant}?`}`
}
