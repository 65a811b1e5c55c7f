// Dynamic configuration of topics, brokers, groups and client metrics.
import {
  type AlterOp,
  applyAlterOps,
  brokerConfigDefinitions,
  type ConfigDefinition,
  clientMetricsConfigDefinitions,
  groupConfigDefinitions,
  topicConfigDefinitions
} from '@odradek/config'
import type {
  AlterConfigsRequest,
  AlterConfigsResponse,
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
  ListConfigResourcesResponse
} from '@odradek/protocol'
import {
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_BROKER_LOGGER,
  CONFIG_RESOURCE_CLIENT_METRICS,
  CONFIG_RESOURCE_GROUP,
  CONFIG_RESOURCE_TOPIC,
  type ConfigResource,
  type MetadataImage
} from '../image/metadata-image.ts'
import { type MetadataRecord, metadataRecord } from '../records.ts'
import { type ApiError, apiError, NO_ERROR } from './api-error.ts'
import { type ControllerOutcome, type ControllerState, MAX_RECORDS_PER_OPERATION } from './controller-state.ts'
import { isElrEnabled } from './leadership.ts'

export const MIN_IN_SYNC_REPLICAS = 'min.insync.replicas'
const CORDONED_LOG_DIRS = 'cordoned.log.dirs'
const MAX_VALUE_LENGTH = 32_767

const definitions = new Map<number, ReadonlyMap<string, ConfigDefinition>>([
  [CONFIG_RESOURCE_TOPIC, topicConfigDefinitions],
  [CONFIG_RESOURCE_BROKER, brokerConfigDefinitions],
  [CONFIG_RESOURCE_CLIENT_METRICS, clientMetricsConfigDefinitions],
  [CONFIG_RESOURCE_GROUP, groupConfigDefinitions]
])

type AlterRequest<Change> = {
  readonly validateOnly: boolean
  readonly resources: readonly { resourceType: number; resourceName: string; configs: Change[] }[]
}

export function incrementalAlterConfigs(
  state: ControllerState,
  request: IncrementalAlterConfigsRequest
): ControllerOutcome<IncrementalAlterConfigsResponse> {
  return alterEach(state, request, (resource, changes) => incrementalChanges(state.image, resource, changes))
}

/** The old way: what the request leaves out is deleted. */
export function alterConfigs(state: ControllerState, request: AlterConfigsRequest): ControllerOutcome<AlterConfigsResponse> {
  return alterEach(state, request, (resource, configs) => {
    const changes = new Map<string, string | null>()
    for (const name of state.image.configs(resource.type, resource.name).keys()) changes.set(name, null)
    for (const { name, value } of configs) changes.set(name, value)
    return changes
  })
}

function alterEach<Change>(
  state: ControllerState,
  request: AlterRequest<Change>,
  changesOf: (resource: ConfigResource, configs: readonly Change[]) => ReadonlyMap<string, string | null> | ApiError
): ControllerOutcome<{
  throttleTimeMs: number
  responses: { errorCode: number; errorMessage: string | null; resourceType: number; resourceName: string }[]
}> {
  const records: MetadataRecord[] = []
  const byResource = Map.groupBy(request.resources, ({ resourceType, resourceName }) => `${resourceType}:${resourceName}`)
  const responses = Array.from(byResource.values(), ([{ resourceType, resourceName, configs }, second]) => {
    const resource = { type: resourceType, name: resourceName }
    const outcome =
      second === undefined ? alterOne(state, resource, changesOf, configs) : apiError('INVALID_REQUEST', 'Duplicate resource.')
    if ('errorCode' in outcome) return { ...outcome, resourceType, resourceName }
    records.push(...outcome)
    return { ...NO_ERROR, resourceType, resourceName }
  })
  if (records.length > MAX_RECORDS_PER_OPERATION)
    return apiError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  return { records: request.validateOnly ? [] : records, response: { throttleTimeMs: 0, responses } }
}

function alterOne<Change>(
  state: ControllerState,
  resource: ConfigResource,
  changesOf: (resource: ConfigResource, configs: readonly Change[]) => ReadonlyMap<string, string | null> | ApiError,
  configs: readonly Change[]
): MetadataRecord[] | ApiError {
  if (!definitions.has(resource.type)) return apiError('UNSUPPORTED_VERSION', `Unknown resource type ${resource.type}.`)
  const changes = changesOf(resource, configs)
  return 'errorCode' in changes ? changes : changedConfigRecords(state, resource, changes, { isNewResource: false })
}

const operations = ['SET', 'DELETE', 'APPEND', 'SUBTRACT'] as const

function incrementalChanges(
  image: MetadataImage,
  resource: ConfigResource,
  configs: readonly { readonly name: string; readonly configOperation: number; readonly value: string | null }[]
): ReadonlyMap<string, string | null> | ApiError {
  const ops: AlterOp[] = []
  for (const { name, configOperation, value } of configs) {
    const op = operations[configOperation]
    if (op === undefined) return apiError('INVALID_REQUEST', `Unknown operation type ${configOperation}.`)
    ops.push({ name, op, value })
  }
  const result = applyAlterOps(
    definitions.get(resource.type) as ReadonlyMap<string, ConfigDefinition>,
    image.configs(resource.type, resource.name),
    ops
  )
  if (!result.ok) return apiError(result.refusal.error, result.refusal.message)
  return new Map(ops.map(({ name }) => [name, result.texts.get(name) ?? null]))
}

/**
 * The records that set (or, with null, delete) settings of a resource, or what is wrong with them. A setting that stays
 * as it is has no record, but for brokers, where setting a password file again makes the broker read it again.
 */
export function changedConfigRecords(
  state: ControllerState,
  resource: ConfigResource,
  changes: ReadonlyMap<string, string | null>,
  { isNewResource }: { isNewResource: boolean }
): MetadataRecord[] | ApiError {
  const { image } = state
  const existing = image.configs(resource.type, resource.name)
  const changed = [...changes].filter(([name, value]) => resource.type === CONFIG_RESOURCE_BROKER || (existing.get(name) ?? null) !== value)
  const texts = new Map(existing)
  for (const [name, value] of changed) {
    const problem = guardedConfigProblem(image, resource, name, value)
    if (problem !== undefined) return problem
    if (value === null) texts.delete(name)
    else texts.set(name, value)
  }
  const problem =
    state.options.configRules.problem(resource, texts, existing, image) ?? (isNewResource ? undefined : absenceProblem(state, resource))
  if (problem !== undefined) return problem
  const records = changed.map(([name, value]) =>
    metadataRecord('ConfigRecord', 0, { resourceType: resource.type, resourceName: resource.name, name, value })
  )
  // With another minimum, who was eligible under the old one is not any more.
  if (isElrEnabled(image) && changed.some(([name]) => name === MIN_IN_SYNC_REPLICAS)) {
    records.push(metadataRecord('ClearElrRecord', 0, { topicName: resource.type === CONFIG_RESOURCE_TOPIC ? resource.name : '' }))
  }
  return records
}

function guardedConfigProblem(image: MetadataImage, resource: ConfigResource, name: string, value: string | null): ApiError | undefined {
  if (value !== null && value.length > MAX_VALUE_LENGTH) {
    return apiError('INVALID_CONFIG', 'The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.')
  }
  if (resource.type !== CONFIG_RESOURCE_BROKER) return undefined
  if (name === MIN_IN_SYNC_REPLICAS && isElrEnabled(image)) {
    if (resource.name !== '') return apiError('INVALID_CONFIG', 'Broker-level min.insync.replicas cannot be altered while ELR is enabled.')
    if (value === null) return apiError('INVALID_CONFIG', 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.')
  }
  if (name === CORDONED_LOG_DIRS && !image.metadataVersion.cordonedLogDirs) {
    return apiError(
      'INVALID_CONFIG',
      `The cordoned.log.dirs configuration value cannot be set because it requires metadata.version >= 4.3-IV0`
    )
  }
  return undefined
}

function absenceProblem(state: ControllerState, { type, name }: ConfigResource): ApiError | undefined {
  if (type === CONFIG_RESOURCE_TOPIC && !state.image.topicIds.has(name))
    return apiError('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
  if (type === CONFIG_RESOURCE_BROKER && name !== '') {
    const id = Number(name)
    if (!state.image.brokers.has(id) && !state.image.controllers.has(id) && id !== state.options.nodeId) {
      return apiError('BROKER_ID_NOT_REGISTERED', `No node with id ${id} found.`)
    }
  }
  return undefined
}

/**
 * Turning ELR on pins the minimum that it depends on: a cluster-wide one is set (from this node's own) and those of
 * single brokers go. Nothing when it is pinned already.
 */
export function elrSafetyRecords(state: ControllerState): MetadataRecord[] {
  const records: MetadataRecord[] = []
  const config = (resourceName: string, value: string | null): MetadataRecord =>
    metadataRecord('ConfigRecord', 0, { resourceType: CONFIG_RESOURCE_BROKER, resourceName, name: MIN_IN_SYNC_REPLICAS, value })
  if (!state.image.configs(CONFIG_RESOURCE_BROKER, '').has(MIN_IN_SYNC_REPLICAS)) {
    records.push(config('', String(state.options.configRules.staticMinInSyncReplicas)))
  }
  for (const resource of state.image.configResources.values()) {
    const isBroker = resource.type === CONFIG_RESOURCE_BROKER && resource.name !== ''
    if (isBroker && resource.values.has(MIN_IN_SYNC_REPLICAS)) records.push(config(resource.name, null))
  }
  return records
}

/** Resource types that ListConfigResources can ask for, in the order of their answer. */
export const listableConfigResourceTypes: readonly number[] = [
  CONFIG_RESOURCE_GROUP,
  CONFIG_RESOURCE_CLIENT_METRICS,
  CONFIG_RESOURCE_BROKER_LOGGER,
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_TOPIC
]

/** All resources of these types: brokers and topics whether they have settings of their own or not. */
export function listConfigResources(image: MetadataImage, types: ReadonlySet<number>): ListConfigResourcesResponse['configResources'] {
  const resources: ListConfigResourcesResponse['configResources'] = []
  for (const resourceType of listableConfigResourceTypes.filter((type) => types.has(type))) {
    const names =
      resourceType === CONFIG_RESOURCE_TOPIC
        ? [...image.topicIds.keys()]
        : resourceType === CONFIG_RESOURCE_BROKER || resourceType === CONFIG_RESOURCE_BROKER_LOGGER
          ? Array.from(image.brokers.keys(), String)
          : Array.from(image.configResources.values())
              .filter((resource) => resource.type === resourceType)
              .map((resource) => resource.name)
    for (const resourceName of names) resources.push({ resourceName, resourceType })
  }
  return resources
}
