import { ZERO_UUID } from '@odradek/base'
import { ErrorCode, PushTelemetryRequest, PushTelemetryResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'
import { NO_SUBSCRIPTION, TELEMETRY_COMPRESSION_TYPES } from './71-get-telemetry-subscriptions.ts'

/** Takes metrics that nobody asked for and drops them. */
export const pushTelemetryHandler = defineHandler<BrokerContext, PushTelemetryRequest, PushTelemetryResponse>(
  PushTelemetryRequest,
  PushTelemetryResponse,
  (broker, request) => ({ errorCode: errorOf(broker, request) }),
  { isAdvertised: false }
)

function errorOf(broker: BrokerContext, { clientInstanceId, subscriptionId, compressionType, metrics }: PushTelemetryRequest): number {
  if (clientInstanceId === ZERO_UUID) return ErrorCode.INVALID_REQUEST
  if (subscriptionId !== NO_SUBSCRIPTION) return ErrorCode.UNKNOWN_SUBSCRIPTION_ID
  if (compressionType !== 0 && !TELEMETRY_COMPRESSION_TYPES.includes(compressionType)) return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
  return metrics.length > broker.config.get('telemetry.max.bytes') ? ErrorCode.TELEMETRY_TOO_LARGE : ErrorCode.NONE
}
