// What every client tells of itself: its metrics, and the id under which it pushes them.
import type { Cluster } from '../network/cluster.ts'
import { clientInstanceId } from '../telemetry/instance-id.ts'
import type { CallOptions } from '../types.ts'
import type { ApplicationMetric, MetricsSnapshot } from './client-metrics.ts'

export abstract class MeasuredClient {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Kafka's metrics of a client of this kind, as they are now. */
  metrics(): MetricsSnapshot {
    return this.#cluster.metrics.snapshot()
  }

  /** A metric of the application, for those who subscribe to it on the cluster. */
  registerMetricForSubscription(metric: ApplicationMetric): void {
    this.#cluster.metrics.register(metric)
  }

  unregisterMetricFromSubscription(metric: Pick<ApplicationMetric, 'name' | 'group' | 'tags'>): void {
    this.#cluster.metrics.unregister(metric)
  }

  clientInstanceId(options: CallOptions = {}): ReturnType<typeof clientInstanceId> {
    return clientInstanceId(this.#cluster, options)
  }
}
