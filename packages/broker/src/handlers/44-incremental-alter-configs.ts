import type { AlterOp } from '@odradek/config'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { type ConfigRefusal, refuseAlteration, screenResources } from '../config-admin.ts'
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
  const { forwarded, refused } = screenResources(request.resources, (resource) => refuse(broker, resource))
  if (forwarded.length === 0) return { responses: refused }
  const response = await broker.metadata.call('incrementalAlterConfigs', { ...request, resources: forwarded })
  await broker.whenMetadataApplied()
  return { responses: [...refused, ...response.responses] }
}

/** The controller refuses operations that do not exist. */
function refuse(broker: BrokerContext, resource: Resource): ConfigRefusal | undefined {
  const ops: AlterOp[] = []
  for (const { name, configOperation, value } of resource.configs) {
    const op = OPERATIONS[configOperation]
    if (op === undefined) return undefined
    ops.push({ name, op, value })
  }
  return refuseAlteration(broker, resource, ops)
}
