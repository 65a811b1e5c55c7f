// What a broker says to changes of settings before the controller sees them: settings of brokers are the broker's to check,
// since the controller does not know what is in force on it; and each resource may be named once.
import { type AlterOp, applyAlterOps, brokerConfigDefinitions, validateDynamicBrokerConfigs } from '@odradek/config'
import {
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_BROKER_LOGGER,
  CONFIG_RESOURCE_CLIENT_METRICS,
  CONFIG_RESOURCE_GROUP,
  CONFIG_RESOURCE_TOPIC
} from '@odradek/metadata'
import { ErrorCode } from '@odradek/protocol'
import type { BrokerContext } from './broker-context.ts'

export interface ConfigRefusal {
  readonly errorCode: number
  readonly errorMessage: string
}

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

export interface Outcome extends Resource {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Splits resources into those that the controller may have and the answers to the others. */
export function screenResources<R extends Resource>(
  resources: readonly R[],
  refuse: (resource: R) => ConfigRefusal | undefined
): { forwarded: R[]; refused: Outcome[] } {
  const counts = Map.groupBy(resources, ({ resourceType, resourceName }) => `${resourceType}:${resourceName}`)
  const forwarded: R[] = []
  const refused: Outcome[] = []
  for (const resource of resources) {
    const { resourceType, resourceName } = resource
    const isRepeated = (counts.get(`${resourceType}:${resourceName}`)?.length ?? 0) > 1
    const refusal = isRepeated ? invalidRequest('Each resource must appear at most once.') : refuse(resource)
    if (refusal === undefined) forwarded.push(resource)
    else refused.push({ ...refusal, resourceType, resourceName })
  }
  return { forwarded, refused }
}

const ALTERED_TYPES: readonly number[] = [
  CONFIG_RESOURCE_TOPIC,
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_CLIENT_METRICS,
  CONFIG_RESOURCE_GROUP
]

/** Undefined when this broker has nothing against the operations. */
export function refuseAlteration(broker: BrokerContext, resource: Resource, ops: readonly AlterOp[]): ConfigRefusal | undefined {
  const { resourceType, resourceName } = resource
  if (resourceType === CONFIG_RESOURCE_BROKER_LOGGER) return refuseOtherNode(broker, resourceName) ?? refuseLoggers(ops)
  if (!ALTERED_TYPES.includes(resourceType)) return invalidRequest(`Unknown resource type ${resourceType}`)
  const nulls = ops.filter(({ op, value }) => op !== 'DELETE' && value === null).map(({ name }) => name)
  if (nulls.length > 0) return invalidRequest(`Null value not supported for : ${nulls.join(',')}`)
  if (resourceType !== CONFIG_RESOURCE_BROKER) return undefined
  const otherNode = resourceName === '' ? undefined : refuseOtherNode(broker, resourceName)
  return otherNode ?? refuseBrokerConfigs(broker, resourceName, ops)
}

function refuseBrokerConfigs(broker: BrokerContext, resourceName: string, ops: readonly AlterOp[]): ConfigRefusal | undefined {
  const current = broker.image.configs(CONFIG_RESOURCE_BROKER, resourceName)
  const altered = applyAlterOps(brokerConfigDefinitions, current, ops)
  const refusal = altered.ok
    ? validateDynamicBrokerConfigs(broker.config, altered.texts, resourceName === '' ? 'cluster' : 'broker')
    : altered.refusal
  return refusal === undefined ? undefined : { errorCode: ErrorCode[refusal.error], errorMessage: refusal.message }
}

export function refuseOtherNode(broker: BrokerContext, resourceName: string): ConfigRefusal | undefined {
  if (!/^[+-]?\d{1,9}$/.test(resourceName)) return invalidRequest(`Node id must be an integer, but it is: ${resourceName}`)
  if (Number(resourceName) === broker.nodeId) return undefined
  return invalidRequest(`Unexpected broker id, expected ${broker.nodeId}, but received ${resourceName}`)
}

/** Levels of loggers are set at the start; while the node runs there is none to alter. */
function refuseLoggers(ops: readonly AlterOp[]): ConfigRefusal | undefined {
  const [first] = ops
  return first === undefined ? undefined : { errorCode: ErrorCode.INVALID_CONFIG, errorMessage: `Logger ${first.name} does not exist!` }
}

function invalidRequest(errorMessage: string): ConfigRefusal {
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage }
}
