// Configurations between kafkajs's numbers and the native client's names.
import type { ConfigEntry, ConfigSourceName, Admin as NativeAdmin } from '@odradek/client'
import { ConfigResourceTypes, ConfigSource, nameOf } from './enums.ts'
import { KafkaJSNonRetriableError } from './errors.ts'
import type { AlterConfigsResponse, ConfigEntries, DescribeConfigResponse, IResourceConfig, ResourceConfigQuery } from './types.ts'

function checkResources(resources: readonly { type: ConfigResourceTypes; name: string }[]): void {
  if (!Array.isArray(resources)) throw new KafkaJSNonRetriableError(`Invalid resources array ${resources}`)
  if (resources.length === 0) throw new KafkaJSNonRetriableError('Resources array cannot be empty')
  const known: readonly number[] = Object.values(ConfigResourceTypes)
  for (const resource of resources) {
    if (!known.includes(resource.type))
      throw new KafkaJSNonRetriableError(`Invalid resource type ${resource.type}: ${JSON.stringify(resource)}`)
    if (typeof resource.name !== 'string' || resource.name === '')
      throw new KafkaJSNonRetriableError(`Invalid resource name ${resource.name}: ${JSON.stringify(resource)}`)
  }
}

const resourceOf = ({ type, name }: { type: ConfigResourceTypes; name: string }) => ({ type: nameOf(ConfigResourceTypes, type), name })

function sourceOf(source: ConfigSourceName): ConfigSource {
  const name = source === 'DYNAMIC_TOPIC_CONFIG' ? 'TOPIC_CONFIG' : source
  return name in ConfigSource ? ConfigSource[name as keyof typeof ConfigSource] : ConfigSource.UNKNOWN
}

function entryOf({ name, value, isDefault, source, isSensitive, isReadOnly, synonyms }: ConfigEntry): ConfigEntries {
  return {
    configName: name,
    // kafkajs's types say text; what is not shown is null there too.
    configValue: value as string,
    isDefault,
    configSource: sourceOf(source),
    isSensitive,
    readOnly: isReadOnly,
    configSynonyms: synonyms.map((each) => ({
      configName: each.name,
      configValue: each.value as string,
      configSource: sourceOf(each.source)
    }))
  }
}

export async function describeConfigs(
  admin: NativeAdmin,
  { resources, includeSynonyms = false }: { resources: readonly ResourceConfigQuery[]; includeSynonyms?: boolean }
): Promise<DescribeConfigResponse> {
  checkResources(resources)
  const described = await admin.describeConfigs(resources.map(resourceOf), { includeSynonyms })
  const answers = resources.map((query) => {
    const { type, name } = resourceOf(query)
    const entries = [...(described.get(`${type}:${name}`)?.entries.values() ?? [])]
    const wanted = query.configNames === undefined || query.configNames.length === 0 ? undefined : new Set(query.configNames)
    return {
      configEntries: entries.filter((entry) => wanted?.has(entry.name) ?? true).map(entryOf),
      errorCode: 0,
      errorMessage: '',
      resourceName: name,
      resourceType: query.type
    }
  })
  return { resources: answers, throttleTime: 0 }
}

/** As AlterConfigs: what is not named goes back to its default. */
export async function alterConfigs(
  admin: NativeAdmin,
  { resources, validateOnly = false }: { resources: readonly IResourceConfig[]; validateOnly?: boolean }
): Promise<AlterConfigsResponse> {
  checkResources(resources)
  for (const { configEntries } of resources)
    if (!Array.isArray(configEntries) || configEntries.some(({ name, value }) => typeof name !== 'string' || typeof value !== 'string'))
      throw new KafkaJSNonRetriableError('Invalid resource config value: names and values are text')
  const described = await admin.describeConfigs(resources.map(resourceOf))
  const changes = resources.map(({ configEntries, ...query }) => {
    const resource = resourceOf(query)
    const named = new Set(configEntries.map(({ name }) => name))
    const own = resource.type === 'TOPIC' ? 'DYNAMIC_TOPIC_CONFIG' : 'DYNAMIC_BROKER_CONFIG'
    const entries = [...(described.get(`${resource.type}:${resource.name}`)?.entries.values() ?? [])]
    const others = entries.filter(({ name, source }) => source === own && !named.has(name))
    return { ...resource, ops: [...configEntries, ...others.map(({ name }) => ({ name, op: 'DELETE' as const }))] }
  })
  await admin.incrementalAlterConfigs(changes, { validateOnly })
  const answers = resources.map(({ type, name }) => ({ errorCode: 0, errorMessage: '', resourceName: name, resourceType: type }))
  return { resources: answers, throttleTime: 0 }
}
