// Client telemetry (KIP-714). This broker has no receiver for metrics, so it asks for none; like an Apache Kafka without a
// receiver it does not advertise the API, and answers whoever asks all the same.
import { randomUuid, ZERO_UUID } from '@odradek/base'
import { CONFIG_RESOURCE_CLIENT_METRICS } from '@odradek/metadata'
import { ErrorCode, GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { defineHandler } from '../handler.ts'

export const NO_SUBSCRIPTION = 0
const PUSH_INTERVAL_MS = 300_000
/** zstd, lz4, gzip, snappy: in the order of preference. */
export const TELEMETRY_COMPRESSION_TYPES: readonly number[] = [4, 3, 1, 2]

/** The shortest of the subscriptions that are for every client. Those with a `match` are for clients that nobody tells apart here. */
function pushIntervalMs({ image }: BrokerContext): number {
  let shortest = Number.POSITIVE_INFINITY
  for (const { type, values } of image.configResources.values())
    if (type === CONFIG_RESOURCE_CLIENT_METRICS && !values.has('match'))
      shortest = Math.min(shortest, Number(values.get('interval.ms') ?? PUSH_INTERVAL_MS))
  return Number.isFinite(shortest) ? shortest : PUSH_INTERVAL_MS
}

export const getTelemetrySubscriptionsHandler = defineHandler<
  BrokerContext,
  GetTelemetrySubscriptionsRequest,
  GetTelemetrySubscriptionsResponse
>(
  GetTelemetrySubscriptionsRequest,
  GetTelemetrySubscriptionsResponse,
  (broker, { clientInstanceId }) => ({
    errorCode: ErrorCode.NONE,
    clientInstanceId: clientInstanceId === ZERO_UUID ? randomUuid((size) => broker.world.random.bytes(size)) : clientInstanceId,
    subscriptionId: NO_SUBSCRIPTION,
    acceptedCompressionTypes: TELEMETRY_COMPRESSION_TYPES,
    pushIntervalMs: pushIntervalMs(broker),
    telemetryMaxBytes: broker.config.get('telemetry.max.bytes'),
    deltaTemporality: true,
    requestedMetrics: []
  }),
  { isAdvertised: false }
)
