import {
  DescribeConfigsRequest,
  DescribeConfigsResponse,
  ErrorCode,
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
  ListConfigResourcesRequest,
  ListConfigResourcesResponse
} from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster, Target } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'
import { controllerRetries, drive, type Router } from './driver.ts'
import type { KeyedResult } from './keyed-result.ts'
import {
  type AlterConfigOpName,
  alterConfigOps,
  type ConfigResourceTypeName,
  type ConfigSourceName,
  type ConfigTypeName,
  configResourceTypes,
  configSourceName,
  configTypes
} from './names.ts'

/** A broker's name is its id as text; '' stands for all brokers. */
export interface ConfigResource {
  readonly type: ConfigResourceTypeName
  readonly name: string
}

export interface ConfigEntry {
  readonly name: string
  /** null: not set, or not to be shown (isSensitive). */
  readonly value: string | null
  readonly source: ConfigSourceName
  readonly isDefault: boolean
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
  readonly type: ConfigTypeName
  /** Where the value could come from, the strongest first. Empty unless asked for. */
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: ConfigSourceName }[]
  readonly documentation: string | null
}

export interface ResourceConfig extends ConfigResource {
  readonly entries: ReadonlyMap<string, ConfigEntry>
}

export interface AlterConfigs extends ConfigResource {
  /** null as a value, or `DELETE`: back to the default. */
  readonly ops: readonly { readonly name: string; readonly value?: string | number | boolean | null; readonly op?: AlterConfigOpName }[]
}

/** Keys of results about configurations: `TOPIC:orders`, `BROKER:1`. */
export function configResourceKey({ type, name }: ConfigResource): string {
  return `${type}:${name}`
}

const byKey = <R extends ConfigResource>(resources: readonly R[]): Map<string, R> =>
  new Map(resources.map((resource) => [configResourceKey(resource), resource]))

/** What one broker keeps for itself is asked of that broker; all else of any. */
function toOwners(resources: ReadonlyMap<string, ConfigResource>): Router {
  return (keys) => {
    const batches = new Map<string, { target: Target; keys: string[] }>()
    const errors = new Map<string, KafkaError>()
    for (const key of keys) {
      const { type, name } = resources.get(key) as ConfigResource
      const isOwn = (type === 'BROKER' || type === 'BROKER_LOGGER') && name !== ''
      if (isOwn && !/^\d+$/.test(name)) {
        errors.set(key, new KafkaError(ErrorCode.INVALID_REQUEST, { message: `A broker is named by its id, not ${name}` }))
        continue
      }
      const owner = isOwn ? name : 'any'
      const batch = batches.get(owner) ?? { target: isOwn ? { node: Number(name) } : { anyNode: true }, keys: [] }
      batch.keys.push(key)
      batches.set(owner, batch)
    }
    return { batches: [...batches.values()], errors }
  }
}

const resultKey = (result: { resourceType: number; resourceName: string }): string =>
  configResourceKey({ type: configResourceTypes.name(result.resourceType), name: result.resourceName })

export function describeConfigs(
  cluster: Cluster,
  resources: readonly ConfigResource[],
  options: CallOptions & { readonly includeSynonyms?: boolean; readonly includeDocumentation?: boolean } = {}
): KeyedResult<ResourceConfig> {
  const wanted = byKey(resources)
  return drive<ResourceConfig>(
    cluster,
    {
      what: 'describeConfigs',
      keys: [...wanted.keys()],
      route: toOwners(wanted),
      async send({ target, keys }, signal) {
        const own = keys.map((key) => wanted.get(key) as ConfigResource)
        const body = {
          resources: own.map(({ type, name }) => ({
            resourceType: configResourceTypes.number(type),
            resourceName: name,
            configurationKeys: null
          })),
          includeSynonyms: options.includeSynonyms ?? false,
          includeDocumentation: options.includeDocumentation ?? false
        }
        const response = await cluster.attempt(target, DescribeConfigsRequest, DescribeConfigsResponse, body, { signal })
        return response.results.map((result) => {
          const resource = { type: configResourceTypes.name(result.resourceType), name: result.resourceName }
          const entries = new Map(result.configs.map((config) => [config.name, configEntry(config)]))
          return [configResourceKey(resource), errorOf(result.errorCode, result.errorMessage) ?? { ...resource, entries }]
        })
      }
    },
    options
  )
}

function configEntry(config: DescribeConfigsResponse['results'][number]['configs'][number]): ConfigEntry {
  const source = configSourceName(config.configSource)
  return {
    name: config.name,
    value: config.value,
    source,
    isDefault: source === 'DEFAULT_CONFIG',
    isReadOnly: config.readOnly,
    isSensitive: config.isSensitive,
    type: configTypes.name(config.configType),
    synonyms: config.synonyms.map((synonym) => ({ ...synonym, source: configSourceName(synonym.source) })),
    documentation: config.documentation
  }
}

export function incrementalAlterConfigs(
  cluster: Cluster,
  changes: readonly AlterConfigs[],
  options: CallOptions & { readonly validateOnly?: boolean } = {}
): KeyedResult<void> {
  const wanted = byKey(changes)
  return drive<void>(
    cluster,
    {
      what: 'incrementalAlterConfigs',
      keys: [...wanted.keys()],
      route: toOwners(wanted),
      retryOn: controllerRetries,
      async send({ target, keys }, signal) {
        const body = {
          resources: keys.map((key) => alterResource(wanted.get(key) as AlterConfigs)),
          validateOnly: options.validateOnly ?? false
        }
        const response = await cluster.attempt(target, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, body, { signal })
        return response.responses.map((result) => [resultKey(result), errorOf(result.errorCode, result.errorMessage)])
      }
    },
    options
  )
}

function alterResource({ type, name, ops }: AlterConfigs) {
  const configs = ops.map((each) => {
    const value = each.value ?? null
    const op = each.op ?? (value === null ? 'DELETE' : 'SET')
    return { name: each.name, configOperation: alterConfigOps.number(op), value: value === null ? null : String(value) }
  })
  return { resourceType: configResourceTypes.number(type), resourceName: name, configs }
}

/** Resources that have configurations of their own; brokers before 4.1 know client metrics only. */
export async function listConfigResources(
  cluster: Cluster,
  types: readonly ConfigResourceTypeName[] = [],
  options: CallOptions = {}
): Promise<readonly ConfigResource[]> {
  const onlyClientMetrics = types.length === 1 && types[0] === 'CLIENT_METRICS'
  const body = (version: number) => (version >= 1 ? { resourceTypes: types.map((type) => configResourceTypes.number(type)) } : {})
  const response = await cluster.call({ anyNode: true }, ListConfigResourcesRequest, ListConfigResourcesResponse, body, {
    ...options,
    minVersion: onlyClientMetrics ? 0 : 1,
    errorOf: ({ errorCode }) => errorOf(errorCode)
  })
  return response.configResources.map(({ resourceType, resourceName }) => ({
    type: configResourceTypes.name(resourceType),
    name: resourceName
  }))
}
