import { ApiVersionsRequest, ApiVersionsResponse, ErrorCode, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler, type HandlerTable, type RequestContext } from '../handler.ts'

const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
const API_VERSIONS = 18
const SOFTWARE_VERSION = 3
/** Clients of older versions fail on a feature whose lowest level is 0 (KAFKA-17492). */
const LEVEL_ZERO_VERSION = 4

/** `table` is the table that the handler itself stands in: what is not in it is not advertised. */
export function apiVersionsHandler(table: () => HandlerTable<BrokerContext>) {
  return defineHandler<BrokerContext, ApiVersionsRequest, ApiVersionsResponse>(
    ApiVersionsRequest,
    ApiVersionsResponse,
    (broker, request, context) => handleApiVersions(broker, request, context, table()),
    { unsupportedVersion: () => refuseVersion(table()) }
  )
}

function handleApiVersions(
  broker: BrokerContext,
  request: ApiVersionsRequest,
  context: RequestContext,
  table: HandlerTable<BrokerContext>
): Input<ApiVersionsResponse> {
  if (context.apiVersion >= SOFTWARE_VERSION && !isSoftwareValid(request)) return { errorCode: ErrorCode.INVALID_REQUEST }
  return {
    errorCode: ErrorCode.NONE,
    apiKeys: [...table.values()]
      .filter(({ isAdvertised }) => isAdvertised)
      .map(({ api, maxVersion }) => ({ apiKey: api.key, minVersion: api.advertisedMin, maxVersion })),
    ...(context.apiVersion >= SOFTWARE_VERSION ? features(broker, context) : {})
  }
}

function isSoftwareValid(request: ApiVersionsRequest): boolean {
  return SOFTWARE_PATTERN.test(request.clientSoftwareName) && SOFTWARE_PATTERN.test(request.clientSoftwareVersion)
}

function features(broker: BrokerContext, context: RequestContext): Input<ApiVersionsResponse> {
  const { featureLevels, provenance } = broker.image
  const { kraftVersion } = broker.metadata.membership
  const supported = [...broker.supportedFeatures].filter(([, { minVersion }]) => minVersion > 0 || context.apiVersion >= LEVEL_ZERO_VERSION)
  const finalized = [...featureLevels, ...(kraftVersion > 0 ? [['kraft.version', kraftVersion] as const] : [])]
  return {
    supportedFeatures: supported.map(([name, { minVersion, maxVersion }]) => ({ name, minVersion, maxVersion })),
    finalizedFeaturesEpoch: provenance.offset,
    finalizedFeatures: finalized.map(([name, level]) => ({ name, maxVersionLevel: level, minVersionLevel: level }))
  }
}

/** In version 0: which versions of ApiVersions itself there are. */
function refuseVersion(table: HandlerTable<BrokerContext>): Input<ApiVersionsResponse> {
  const own = table.get(API_VERSIONS)
  const apiKeys = own === undefined ? [] : [{ apiKey: API_VERSIONS, minVersion: own.api.advertisedMin, maxVersion: own.maxVersion }]
  return { errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys }
}
