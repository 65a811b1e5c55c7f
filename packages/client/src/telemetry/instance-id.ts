import type { Uuid } from '@odradek/base'
import { GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse } from '@odradek/protocol'
import { errorOf } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'

/** The id that the broker gives this client for its metrics (KIP-714). */
export async function clientInstanceId(cluster: Cluster, options: CallOptions = {}): Promise<Uuid> {
  const { askInstanceId } = cluster
  if (cluster.clientInstanceId === undefined && askInstanceId !== undefined)
    await cluster.retry('GetTelemetrySubscriptions', options, () => askInstanceId())
  if (cluster.clientInstanceId !== undefined) return cluster.clientInstanceId
  const response = await cluster.call(
    { anyNode: true },
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
    {},
    {
      ...options,
      errorOf: ({ errorCode }) => errorOf(errorCode)
    }
  )
  cluster.clientInstanceId ??= response.clientInstanceId
  return cluster.clientInstanceId
}
