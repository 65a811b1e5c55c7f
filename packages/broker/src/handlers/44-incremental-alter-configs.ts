import type { AlterOp } from '@odradek/config'
import { CONFIG_RESOURCE_BROKER_LOGGER } from '@odradek/metadata'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { alterBrokerLoggers, type ConfigOutcome, invalidRequest, refuseAlteration, screenResources } from '../config-admin.ts'
import { defineHandler } from '../handler.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]

const OPERATIONS: readonly (AlterOp['op'] | undefined)[] = ['SET', 'DELETE', 'APPEND', 'SUBTRACT']

export const incrementalAlterConfigsHandler = defineHandler<BrokerContext, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
  handleIncrementalAlterConfigs,
  {
    failure: (request, errorCode) => ({
      responses: request.resources.map(({ resourceType, resourceName }) => ({ errorCode, resourceType, resourceName }))
    })
  }
)

async function handleIncrementalAlterConfigs(
  broker: BrokerContext,
  request: IncrementalAlterConfigsRequest
): Promise<Input<IncrementalAlterConfigsResponse>> {
  const { forwarded, answered } = screenResources(request.resources, (resource) => answer(broker, resource, request.validateOnly))
  if (forwarded.length === 0) return { responses: answered }
  const response = await broker.metadata.call('incrementalAlterConfigs', { ...request, resources: forwarded })
  await broker.whenMetadataApplied()
  return { responses: [...answered, ...response.responses] }
}

/** Undefined: the controller is to decide. */
function answer(broker: BrokerContext, resource: Resource, validateOnly: boolean): ConfigOutcome | undefined {
  const isLogger = resource.resourceType === CONFIG_RESOURCE_BROKER_LOGGER
  const ops: AlterOp[] = []
  for (const { name, configOperation, value } of resource.configs) {
    const op = OPERATIONS[configOperation]
    if (op === undefined) return invalidRequest(`Unknown operation type ${configOperation}.`)
    ops.push({ name, op, value })
  }
  return isLogger ? alterBrokerLoggers(broker, resource, ops, validateOnly) : refuseAlteration(broker, resource, ops)
}
