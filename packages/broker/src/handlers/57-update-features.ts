// UpdateFeatures. The controller decides; the words around its decision are those of Apache Kafka: a refused update lists no
// features, one that is done says so of each, and the switch for downgrades of version 0 does nothing.
import { ErrorCode, errorByCode, type Input, UpdateFeaturesRequest, UpdateFeaturesResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'

export const updateFeaturesHandler = defineHandler<BrokerContext, UpdateFeaturesRequest, UpdateFeaturesResponse>(
  UpdateFeaturesRequest,
  UpdateFeaturesResponse,
  handleUpdateFeatures,
  { failure: (_, errorCode) => ({ errorCode, errorMessage: errorByCode(errorCode).message }) }
)

async function handleUpdateFeatures(broker: BrokerContext, request: UpdateFeaturesRequest): Promise<Input<UpdateFeaturesResponse>> {
  const featureUpdates = request.featureUpdates.map((update) => ({ ...update, allowDowngrade: false }))
  const response = await broker.metadata.call('updateFeatures', { ...request, featureUpdates })
  await broker.whenMetadataApplied()
  if (response.errorCode !== ErrorCode.NONE) return { ...response, results: [] }
  return { ...response, results: response.results.map((result) => ({ ...result, errorMessage: result.errorMessage ?? 'NONE' })) }
}
