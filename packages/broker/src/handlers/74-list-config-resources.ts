import { CONFIG_RESOURCE_CLIENT_METRICS, listConfigResources } from '@odradek/metadata'
import { ConfigResourceType, ErrorCode, type Input, ListConfigResourcesRequest, ListConfigResourcesResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler, type RequestContext } from '../handler.ts'

const LISTABLE: ReadonlySet<number> = new Set([
  ConfigResourceType.TOPIC,
  ConfigResourceType.BROKER,
  ConfigResourceType.BROKER_LOGGER,
  ConfigResourceType.CLIENT_METRICS,
  ConfigResourceType.GROUP
])
/** Version 0 was ListClientMetricsResources. */
const TYPES_VERSION = 1

export const listConfigResourcesHandler = defineHandler<BrokerContext, ListConfigResourcesRequest, ListConfigResourcesResponse>(
  ListConfigResourcesRequest,
  ListConfigResourcesResponse,
  handleListConfigResources
)

function handleListConfigResources(
  broker: BrokerContext,
  request: ListConfigResourcesRequest,
  context: RequestContext
): Input<ListConfigResourcesResponse> {
  if (context.apiVersion < TYPES_VERSION)
    return { configResources: listConfigResources(broker.image, new Set([CONFIG_RESOURCE_CLIENT_METRICS])) }
  const types = request.resourceTypes.length === 0 ? LISTABLE : new Set(request.resourceTypes)
  if (![...types].every((type) => LISTABLE.has(type))) return { errorCode: ErrorCode.UNSUPPORTED_VERSION }
  return { configResources: listConfigResources(broker.image, types) }
}
