// The metrics of a consumer under Kafka's names: what it counts itself, what its requests tell, and what its partitions look like now.
import type { ClientMetric, ClientMetrics } from '../metrics/client-metrics.ts'
import type { NetworkMetrics } from '../metrics/network-metrics.ts'
import type { Sensor } from '../metrics/sensor.ts'

const GROUP = 'consumer-metrics'
const FETCH_GROUP = 'consumer-fetch-manager-metrics'
const COORDINATOR_GROUP = 'consumer-coordinator-metrics'

export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** undefined: not known yet. */
  readonly lag: number | undefined
}

export class ConsumerMetrics {
  readonly #metrics: ClientMetrics
  readonly #polls: PollMetrics
  readonly #bytes: Sensor
  readonly #rebalances: Sensor
  #lastRebalanceMs = Number.NaN

  constructor(metrics: ClientMetrics, network: NetworkMetrics) {
    this.#metrics = metrics
    this.#polls = new PollMetrics(metrics, { group: GROUP, fetchGroup: FETCH_GROUP })
    this.#bytes = metrics.sensor()
    this.#rebalances = metrics.sensor()
    metrics.rateAndTotal(FETCH_GROUP, 'bytes-consumed', this.#bytes, 'sum')
    metrics.gauge(COORDINATOR_GROUP, 'rebalance-rate-per-hour', () => this.#rebalances.rateOfCount() * 3600)
    metrics.counter(COORDINATOR_GROUP, 'rebalance-total', () => this.#rebalances.count)
    metrics.gauge(COORDINATOR_GROUP, 'last-rebalance-seconds-ago', () => (metrics.now() - this.#lastRebalanceMs) / 1000)
    followFetches(metrics, network, { group: FETCH_GROUP, api: 'FetchRequest' })
    followHeartbeats(metrics, network, { group: COORDINATOR_GROUP, apis: ['HeartbeatRequest', 'ConsumerGroupHeartbeatRequest'] })
    this.#followGroup(network)
  }

  /** `partitions`: those assigned now. */
  watch(partitions: () => readonly PartitionLag[]): void {
    this.#metrics.gauge(COORDINATOR_GROUP, 'assigned-partitions', () => partitions().length)
    this.#metrics.gauge(FETCH_GROUP, 'records-lag-max', () => {
      const lags = partitions().flatMap(({ lag }) => lag ?? [])
      return lags.length === 0 ? Number.NaN : Math.max(...lags)
    })
    this.#metrics.list(() =>
      partitions().flatMap(({ topic, partition, lag }): Omit<ClientMetric, 'isCounter'>[] =>
        lag === undefined ? [] : [{ name: 'records-lag', group: FETCH_GROUP, tags: { topic, partition: String(partition) }, value: lag }]
      )
    )
  }

  polled(): void {
    this.#polls.polled()
  }

  handedOut(records: number): void {
    this.#polls.handedOut(records)
  }

  /** Of the records of one partition in an answer. */
  fetched(bytes: number): void {
    this.#bytes.record(bytes)
  }

  assigned(): void {
    this.#rebalances.record(1)
    this.#lastRebalanceMs = this.#metrics.now()
  }

  #followGroup(network: NetworkMetrics): void {
    const follow = (stem: string, api: string, duration: string): void => {
      const sensor = this.#metrics.sensor()
      this.#metrics.rateAndTotal(COORDINATOR_GROUP, stem, sensor, 'count')
      this.#metrics.averageAndMax(COORDINATOR_GROUP, `${stem}-${duration}`, sensor)
      network.onResponse(api, (latencyMs) => sensor.record(latencyMs))
    }
    follow('commit', 'OffsetCommitRequest', 'latency')
    follow('join', 'JoinGroupRequest', 'time')
    follow('sync', 'SyncGroupRequest', 'time')
  }
}

export function followFetches(metrics: ClientMetrics, network: NetworkMetrics, { group, api }: { group: string; api: string }): void {
  const [latency, size, throttle] = [metrics.sensor(), metrics.sensor(), metrics.sensor()]
  metrics.rateAndTotal(group, 'fetch', latency, 'count')
  metrics.averageAndMax(group, 'fetch-latency', latency)
  metrics.averageAndMax(group, 'fetch-size', size)
  metrics.averageAndMax(group, 'fetch-throttle-time', throttle)
  network.onResponse(api, (latencyMs, bytes, throttleTimeMs) => {
    latency.record(latencyMs)
    size.record(bytes)
    throttle.record(throttleTimeMs)
  })
}

export function followHeartbeats(
  metrics: ClientMetrics,
  network: NetworkMetrics,
  { group, apis }: { group: string; apis: readonly string[] }
): void {
  const beats = metrics.sensor()
  let lastBeatMs = Number.NaN
  metrics.rateAndTotal(group, 'heartbeat', beats, 'count')
  metrics.gauge(group, 'heartbeat-response-time-max', () => beats.maximum())
  metrics.gauge(group, 'last-heartbeat-seconds-ago', () => (metrics.now() - lastBeatMs) / 1000)
  for (const api of apis)
    network.onResponse(api, (latencyMs) => {
      beats.record(latencyMs)
      lastBeatMs = metrics.now()
    })
}

/** Of records handed out, and of polls. */
export class PollMetrics {
  readonly #now: () => number
  readonly #records: Sensor
  readonly #between: Sensor
  #lastMs = Number.NaN

  constructor(metrics: ClientMetrics, { group, fetchGroup }: { group: string; fetchGroup: string }) {
    this.#now = metrics.now
    this.#records = metrics.sensor()
    this.#between = metrics.sensor()
    metrics.rateAndTotal(fetchGroup, 'records-consumed', this.#records, 'sum')
    metrics.gauge(fetchGroup, 'records-per-request-avg', () => this.#records.average())
    metrics.averageAndMax(group, 'time-between-poll', this.#between)
    metrics.gauge(group, 'last-poll-seconds-ago', () => (this.#now() - this.#lastMs) / 1000)
  }

  polled(): void {
    const now = this.#now()
    if (!Number.isNaN(this.#lastMs)) this.#between.record(now - this.#lastMs)
    this.#lastMs = now
  }

  handedOut(records: number): void {
    this.#records.record(records)
  }
}
