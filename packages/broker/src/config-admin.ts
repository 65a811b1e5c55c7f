// What a broker says to changes of settings before the controller sees them: settings of brokers are the broker's to check,
// since the controller does not know what is in force on it; and each resource may be named once.
import { type AlterOp, applyAlterOps, brokerConfigDefinitions, validateDynamicBrokerConfigs } from '@odradek/config'
import { CONFIG_RESOURCE_BROKER, CONFIG_RESOURCE_CLIENT_METRICS, CONFIG_RESOURCE_GROUP, CONFIG_RESOURCE_TOPIC } from '@odradek/metadata'
import { ErrorCode } from '@odradek/protocol'
import type { BrokerContext } from './broker-context.ts'
import { alterLoggers, type ConfigRefusal } from './broker-loggers.ts'

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

export interface ConfigOutcome {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface Outcome extends Resource, ConfigOutcome {}

/**
 * Splits resources into those that the controller may have and the answers to the others: `answer` gives undefined for the
 * first, an outcome (NONE where it is done) for the second.
 */
export function screenResources<R extends Resource>(
  resources: readonly R[],
  answer: (resource: R) => ConfigOutcome | undefined
): { forwarded: R[]; answered: Outcome[] } {
  const counts = Map.groupBy(resources, ({ resourceType, resourceName }) => `${resourceType}:${resourceName}`)
  const forwarded: R[] = []
  const answered: Outcome[] = []
  for (const resource of resources) {
    const { resourceType, resourceName } = resource
    const isRepeated = (counts.get(`${resourceType}:${resourceName}`)?.length ?? 0) > 1
    const outcome = isRepeated ? invalidRequest('Each resource must appear at most once.') : answer(resource)
    if (outcome === undefined) forwarded.push(resource)
    else answered.push({ ...outcome, resourceType, resourceName })
  }
  return { forwarded, answered }
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
  if (!ALTERED_TYPES.includes(resourceType)) return unknownResourceType(resource)
  const nulls = refuseNulls(ops)
  if (nulls !== undefined || resourceType !== CONFIG_RESOURCE_BROKER) return nulls
  const otherNode =
    resourceName === '' ? undefined : refuseOtherNode(broker, resourceName, `Unexpected broker id, expected ${broker.nodeId}, but received`)
  return otherNode ?? refuseBrokerConfigs(broker, resourceName, ops)
}

/** Levels of loggers are the broker's own affair: what comes of it, whatever it is. */
export function alterBrokerLoggers(
  broker: BrokerContext,
  { resourceName }: Resource,
  ops: readonly AlterOp[],
  validateOnly: boolean
): ConfigOutcome {
  const refusal =
    refuseNulls(ops) ??
    refuseRepeated(ops) ??
    refuseOtherNode(broker, resourceName, `Unexpected node id. Expected ${broker.nodeId}, but received`) ??
    alterLoggers(broker.loggers, ops, validateOnly)
  return refusal ?? { errorCode: ErrorCode.NONE, errorMessage: null }
}

function refuseNulls(ops: readonly AlterOp[]): ConfigRefusal | undefined {
  const nulls = ops.filter(({ op, value }) => op !== 'DELETE' && value === null).map(({ name }) => name)
  return nulls.length === 0 ? undefined : invalidRequest(`Null value not supported for : ${nulls.join(',')}`)
}

function refuseRepeated(ops: readonly AlterOp[]): ConfigRefusal | undefined {
  return new Set(ops.map(({ name }) => name)).size === ops.length ? undefined : invalidRequest('Error due to duplicate config keys')
}

function unknownResourceType({ resourceType }: Resource): ConfigRefusal {
  return invalidRequest(`Unknown resource type ${resourceType}`)
}

function refuseBrokerConfigs(broker: BrokerContext, resourceName: string, ops: readonly AlterOp[]): ConfigRefusal | undefined {
  const current = broker.image.configs(CONFIG_RESOURCE_BROKER, resourceName)
  const altered = applyAlterOps(brokerConfigDefinitions, current, ops)
  const refusal = altered.ok
    ? validateDynamicBrokerConfigs(broker.config, altered.texts, resourceName === '' ? 'cluster' : 'broker')
    : altered.refusal
  return refusal === undefined ? undefined : { errorCode: ErrorCode[refusal.error], errorMessage: refusal.message }
}

/** `unexpected`: what is said before the id of a node that is not this one. */
function refuseOtherNode(broker: BrokerContext, resourceName: string, unexpected: string): ConfigRefusal | undefined {
  if (!/^[+-]?\d{1,9}$/.test(resourceName)) return invalidRequest(`Node id must be an integer, but it is: ${resourceName}`)
  return Number(resourceName) === broker.nodeId ? undefined : invalidRequest(`${unexpected} ${resourceName}`)
}

export function invalidRequest(errorMessage: string): ConfigRefusal {
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage }
}
