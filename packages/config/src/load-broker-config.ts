import { closest } from '@odradek/base'
import { checkNoReference, checkStaticAllowed } from './allow-list.ts'
import { checkBrokerConfig } from './broker-checks.ts'
import { BrokerConfig } from './broker-config.ts'
import { configInvalid, invalidValue, messageOf } from './config-error.ts'
import { isProviderSetting, type ProviderSources, resolveConfigProviders } from './config-providers.ts'
import type { ConfigDefinition } from './definition.ts'
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
  /** What `config.providers` may read; default: nothing. */
  readonly providers?: ProviderSources
}

const nothing: ProviderSources = {
  env: {},
  kindOf: () => undefined,
  readText() {
    throw new Error('a node without a machine reads no files')
  }
}

/** Throws an OdradekError with code CONFIG_INVALID that names the setting, the value and what is allowed. */
export function loadBrokerConfig(sources: BrokerConfigSources): { config: BrokerConfig; warnings: string[] } {
  const given = new Map([...entries(sources.properties), ...settingsFromEnvironment(sources.env ?? {}), ...entries(sources.overrides)])
  const { texts, looked, hasProviders, warnings: unknown } = resolveConfigProviders(given, sources.providers ?? nothing)
  const nodeId = texts.get('node.id') ?? texts.get('broker.id')
  if (nodeId !== undefined) texts.set('node.id', nodeId)
  for (const definition of brokerConfigDefinitions.values()) {
    if (definition.default !== undefined || texts.has(definition.name)) continue
    throw configInvalid(`Missing required configuration "${definition.name}" which has no default value.`)
  }
  const warnings: string[] = [...unknown]
  for (const [name, text] of texts) {
    // A node that names providers has had its references looked up: what they gave is not looked at again.
    if (!hasProviders) checkNoReference(name, text, 'config.providers names no provider to look it up')
    checkStaticAllowed(name, text)
    const definition = brokerConfigDefinitions.get(baseName(name))
    if (definition !== undefined) checkValue({ ...definition, name }, text, looked.has(name))
    else if (!isProviderSetting(name) && !/^(listener\.name|rsm\.config|rlmm\.config)\./.test(name)) warnings.push(unknownSetting(name))
  }
  const config = new BrokerConfig(texts)
  checkBrokerConfig(config)
  return { config, warnings }
}

/** What came from a provider may be a secret, in whatever setting it was put by mistake. */
function checkValue(definition: ConfigDefinition, text: string, isLookedUp: boolean): void {
  const problem = messageOf(() => parseValue(definition, text))
  if (problem === undefined) return
  const reason = problem.split(`for configuration ${definition.name}: `)[1] ?? `Not a ${definition.type}`
  throw isLookedUp ? invalidValue(definition.name, '[hidden]', reason) : configInvalid(problem)
}

function entries(texts: Texts | undefined): Iterable<[string, string]> {
  if (texts === undefined) return []
  return texts instanceof Map ? texts : Object.entries(texts)
}

function unknownSetting(name: string): string {
  const meant = closest(name, [...brokerConfigDefinitions.keys()])
  return `${name} is not a setting of Kafka or Odradek: it is ignored${meant === undefined ? '' : `; did you mean ${meant}?`}`
}
