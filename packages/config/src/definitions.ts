import type { ConfigDefinition } from './definition.ts'
import { toDefinitions } from './definition.ts'
import { brokerDocs } from './docs/broker.ts'
import { clientMetricsDocs, groupDocs, quotaDocs } from './docs/group.ts'
import { topicDocs } from './docs/topic.ts'
import { brokerRows } from './generated/broker-rows.ts'
import { clientMetricsRows } from './generated/client-metrics-rows.ts'
import { groupRows } from './generated/group-rows.ts'
import { quotaRows } from './generated/quota-rows.ts'
import type { BrokerSettings as GeneratedBrokerSettings } from './generated/settings.ts'
import { topicRows } from './generated/topic-rows.ts'
import type { OwnSettings } from './own-settings.ts'
import { ownDocs, ownRows } from './own-settings.ts'

export interface BrokerSettings extends GeneratedBrokerSettings, OwnSettings {}

export const brokerConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions([...brokerRows, ...ownRows], {
  ...brokerDocs,
  ...ownDocs
})
export const topicConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(topicRows, topicDocs)
export const groupConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(groupRows, groupDocs)
export const clientMetricsConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(clientMetricsRows, clientMetricsDocs)
export const quotaConfigDefinitions: ReadonlyMap<string, ConfigDefinition> = toDefinitions(quotaRows, quotaDocs)

const listenerPrefix = /^listener\.name\.[^.]*\.(.+)$/

/**
 * The names a broker setting is taken from, most specific first: `log.retention.ms` also from minutes and hours, and
 * `listener.name.x.KEY` from KEY.
 */
export function brokerConfigSynonyms(name: string): readonly string[] {
  const definition = brokerConfigDefinitions.get(name)
  if (definition !== undefined) return definition.synonyms.length > 0 ? definition.synonyms : [name]
  const base = baseName(name)
  return base === name ? [name] : [name, base]
}

/** `listener.name.x.KEY` and `listener.name.x.MECHANISM.KEY` (SASL settings) without what comes before KEY. */
export function baseName(name: string): string {
  const rest = listenerPrefix.exec(name)?.[1]
  if (rest === undefined) return name
  if (brokerConfigDefinitions.has(rest)) return rest
  const withoutMechanism = rest.slice(rest.indexOf('.') + 1)
  return brokerConfigDefinitions.has(withoutMechanism) ? withoutMechanism : rest
}
