// AlterConfigs, the old way: what a resource is not given any more is deleted.
import { AlterConfigsRequest, AlterConfigsResponse, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { refuseAlteration, screenResources } from '../config-admin.ts'
import { defineHandler } from '../handler.ts'

export const alterConfigsHandler = defineHandler<BrokerContext, AlterConfigsRequest, AlterConfigsResponse>(
  AlterConfigsRequest,
  AlterConfigsResponse,
  handleAlterConfigs,
  {
    failure: (request, errorCode) => ({
      responses: request.resources.map(({ resourceType, resourceName }) => ({ errorCode, resourceType, resourceName }))
    })
  }
)

async function handleAlterConfigs(broker: BrokerContext, request: AlterConfigsRequest): Promise<Input<AlterConfigsResponse>> {
  const { forwarded, answered } = screenResources(request.resources, (resource) =>
    refuseAlteration(
      broker,
      resource,
      resource.configs.map(({ name, value }) => ({ name, op: 'SET', value }))
    )
  )
  if (forwarded.length === 0) return { responses: answered }
  const response = await broker.metadata.call('alterConfigs', { ...request, resources: forwarded })
  await broker.whenMetadataApplied()
  return { responses: [...answered, ...response.responses] }
}
