// The metrics of a share consumer under Kafka's names.
import { followFetches, followHeartbeats, PollMetrics } from '../consumer/consumer-metrics.ts'
import type { Cluster } from '../network/cluster.ts'

const FETCH_GROUP = 'consumer-share-fetch-manager-metrics'
const COORDINATOR_GROUP = 'consumer-share-coordinator-metrics'

export function shareMetrics({ metrics, networkMetrics }: Pick<Cluster, 'metrics' | 'networkMetrics'>): PollMetrics {
  followFetches(metrics, networkMetrics, { group: FETCH_GROUP, api: 'ShareFetchRequest' })
  followHeartbeats(metrics, networkMetrics, { group: COORDINATOR_GROUP, apis: ['ShareGroupHeartbeatRequest'] })
  return new PollMetrics(metrics, { group: 'consumer-share-metrics', fetchGroup: FETCH_GROUP })
}
