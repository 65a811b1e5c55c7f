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
  readonly #records: Sensor
  readonly #bytes: Sensor
  readonly #betweenPolls: Sensor
  readonly #rebalances: Sensor
  #lastPollMs = Number.NaN

  constructor(metrics: ClientMetrics, network: NetworkMetrics) {
    this.#metrics = metrics
    this.#records = metrics.sensor()
    this.#bytes = metrics.sensor()
    this.#betweenPolls = metrics.sensor()
    this.#rebalances = metrics.sensor()
    metrics.rateAndTotal(FETCH_GROUP, 'records-consumed', this.#records, 'sum')
    metrics.rateAndTotal(FETCH_GROUP, 'bytes-consumed', this.#bytes, 'sum')
    metrics.gauge(FETCH_GROUP, 'records-per-request-avg', () => this.#records.average())
    metrics.averageAndMax(GROUP, 'time-between-poll', this.#betweenPolls)
    metrics.gauge(GROUP, 'last-poll-seconds-ago', () => (metrics.now() - this.#lastPollMs) / 1000)
    metrics.rateAndTotal(COORDINATOR_GROUP, 'rebalance', this.#rebalances, 'count')
    this.#followFetches(network)
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
    const now = this.#metrics.now()
    if (!Number.isNaN(this.#lastPollMs)) this.#betweenPolls.record(now - this.#lastPollMs)
    this.#lastPollMs = now
  }

  handedOut(records: number): void {
    this.#records.record(records)
  }

  /** Of the records of one partition in an answer. */
  fetched(bytes: number): void {
    this.#bytes.record(bytes)
  }

  assigned(): void {
    this.#rebalances.record(1)
  }

  #followFetches(network: NetworkMetrics): void {
    const [latency, size, throttle] = [this.#metrics.sensor(), this.#metrics.sensor(), this.#metrics.sensor()]
    this.#metrics.rateAndTotal(FETCH_GROUP, 'fetch', latency, 'count')
    this.#metrics.averageAndMax(FETCH_GROUP, 'fetch-latency', latency)
    this.#metrics.averageAndMax(FETCH_GROUP, 'fetch-size', size)
    this.#metrics.averageAndMax(FETCH_GROUP, 'fetch-throttle-time', throttle)
    network.onResponse('FetchRequest', (latencyMs, bytes, throttleTimeMs) => {
      latency.record(latencyMs)
      size.record(bytes)
      throttle.record(throttleTimeMs)
    })
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
    const beats = this.#metrics.sensor()
    let lastBeatMs = Number.NaN
    this.#metrics.rateAndTotal(COORDINATOR_GROUP, 'heartbeat', beats, 'count')
    this.#metrics.gauge(COORDINATOR_GROUP, 'heartbeat-response-time-max', () => beats.maximum())
    this.#metrics.gauge(COORDINATOR_GROUP, 'last-heartbeat-seconds-ago', () => (this.#metrics.now() - lastBeatMs) / 1000)
    for (const api of ['HeartbeatRequest', 'ConsumerGroupHeartbeatRequest'])
      network.onResponse(api, (latencyMs) => {
        beats.record(latencyMs)
        lastBeatMs = this.#metrics.now()
      })
  }
}
