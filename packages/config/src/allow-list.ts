/**
 * Settings that would run code or fetch from elsewhere are allow-listed (CVE-2023-25194, CVE-2024-31141, CVE-2025-27817): class names,
 * JAAS login modules and URLs. A class joins the list in the commit that builds what it stands for.
 */
import { configInvalid, invalidValue } from './config-error.ts'
import { baseName, brokerConfigDefinitions } from './definitions.ts'

/** Settings whose value names classes though their type is not CLASS, with the names built here. */
const classNames: Readonly<Record<string, readonly string[]>> = {
  'principal.builder.class': ['org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder'],
  'sasl.oauthbearer.jwt.retriever.class': ['org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever'],
  'sasl.oauthbearer.jwt.validator.class': ['org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator'],
  'metric.reporters': ['org.apache.kafka.common.metrics.JmxReporter'],
  'kafka.metrics.reporters': [],
  'authorizer.class.name': [''],
  'replica.selector.class': ['org.apache.kafka.common.replica.RackAwareReplicaSelector', 'org.apache.kafka.common.replica.LeaderSelector'],
  'group.consumer.assignors': [
    'uniform',
    'range',
    'org.apache.kafka.coordinator.group.assignor.UniformAssignor',
    'org.apache.kafka.coordinator.group.assignor.RangeAssignor'
  ],
  'group.share.assignors': ['simple', 'org.apache.kafka.coordinator.group.assignor.SimpleAssignor'],
  'group.share.persister.class.name': ['org.apache.kafka.server.share.persister.DefaultStatePersister'],
  'remote.log.metadata.manager.class.name': ['org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager'],
  'remote.log.storage.manager.class.name': [],
  'remote.log.metadata.manager.class.path': [],
  'remote.log.storage.manager.class.path': [],
  'security.providers': []
}

const loginModules: readonly string[] = [
  'org.apache.kafka.common.security.plain.PlainLoginModule',
  'org.apache.kafka.common.security.scram.ScramLoginModule',
  'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule'
]

/**
 * For what a client sets: throws CONFIG_INVALID when the text of a setting, listener-prefixed or not, would run or fetch something not
 * allow-listed. Nobody makes a node read its files or environment for them.
 */
export function checkAllowed(name: string, text: string): void {
  if (name === 'config.providers') throw invalidValue(name, text, 'Providers are named where a node starts: in its properties file')
  checkNoReference(name, text, 'References to config providers are looked up where a node starts, not here: write the value itself')
  checkStaticAllowed(name, text)
}

export function checkNoReference(name: string, text: string, reason: string): void {
  if (/\$\{[a-zA-Z0-9_-]+:.*\}/.test(text)) throw invalidValue(name, '[hidden]', reason)
}

/** The same for what the owner of a node set. */
export function checkStaticAllowed(name: string, text: string): void {
  const key = baseName(name)
  const definition = brokerConfigDefinitions.get(key)
  const shown = definition === undefined || definition.sensitive ? '[hidden]' : text
  if (definition === undefined) return
  if (definition.type === 'CLASS' || Object.hasOwn(classNames, key)) checkClasses(name, key, text)
  if (key === 'sasl.jaas.config') checkLoginModule(name, text)
  if (key.endsWith('.url')) checkUrl(name, text, shown)
}

function checkClasses(name: string, key: string, text: string): void {
  const allowed = Object.hasOwn(classNames, key) ? classNames[key] : []
  for (const item of text.split(',').map((part) => part.trim())) {
    if (allowed.includes(item) || (item === '' && text.trim() === '' && brokerConfigDefinitions.get(key)?.type === 'LIST')) continue
    const named = allowed.filter((known) => known !== '')
    throw invalidValue(
      name,
      item,
      named.length === 0
        ? 'No class can be named here: remove the setting'
        : `Class ${item} could not be found. Known here: ${named.join(', ')}`
    )
  }
}

function checkLoginModule(name: string, text: string): void {
  const module = text.trim().split(/\s+/)[0] ?? ''
  if (loginModules.includes(module)) return
  throw configInvalid(`Invalid value [hidden] for configuration ${name}: The login module must be one of ${loginModules.join(', ')}`)
}

function checkUrl(name: string, text: string, shown: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isLoopback = url !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)) return
  throw invalidValue(name, shown, 'The URL must be an https one, or an http one of this machine')
}
