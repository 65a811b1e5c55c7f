// The metrics of a producer under Kafka's names, from what its rooms count.
import type { ClientMetrics } from '../metrics/client-metrics.ts'
import type { NetworkMetrics } from '../metrics/network-metrics.ts'
import type { Sensor } from '../metrics/sensor.ts'
import type { ProducerBatch } from './producer-batch.ts'

const GROUP = 'producer-metrics'
const TOPIC_GROUP = 'producer-topic-metrics'

interface TopicSensors {
  readonly records: Sensor
  readonly bytes: Sensor
  readonly retries: Sensor
  readonly errors: Sensor
}

export interface ProducerGauges {
  readonly bufferTotalBytes: number
  readonly bufferAvailableBytes: () => number
  readonly requestsInFlight: () => number
  /** Sends that wait for memory or their topic. */
  readonly recordsWaiting: () => number
  readonly metadataAgeMs: () => number
}

export class ProducerMetrics {
  readonly #metrics: ClientMetrics
  readonly #records: Sensor
  readonly #batchBytes: Sensor
  readonly #recordsOfRequest: Sensor
  readonly #queueTime: Sensor
  readonly #retries: Sensor
  readonly #errors: Sensor
  readonly #splits: Sensor
  readonly #latency: Sensor
  readonly #throttle: Sensor

  constructor(metrics: ClientMetrics, network: NetworkMetrics) {
    this.#metrics = metrics
    const rate = (stem: string): Sensor => {
      const sensor = metrics.sensor()
      metrics.rateAndTotal(GROUP, stem, sensor, 'sum')
      return sensor
    }
    const average = (stem: string): Sensor => {
      const sensor = metrics.sensor()
      metrics.averageAndMax(GROUP, stem, sensor)
      return sensor
    }
    this.#records = rate('record-send')
    this.#retries = rate('record-retry')
    this.#errors = rate('record-error')
    this.#splits = rate('batch-split')
    this.#batchBytes = average('batch-size')
    this.#queueTime = average('record-queue-time')
    this.#latency = average('request-latency')
    this.#throttle = average('produce-throttle-time')
    this.#recordsOfRequest = metrics.sensor()
    metrics.gauge(GROUP, 'records-per-request-avg', () => this.#recordsOfRequest.average())
    network.onResponse('ProduceRequest', (latencyMs, _bytes, throttleTimeMs) => {
      this.#latency.record(latencyMs)
      this.#throttle.record(throttleTimeMs)
    })
  }

  watch({ bufferTotalBytes, bufferAvailableBytes, requestsInFlight, recordsWaiting, metadataAgeMs }: ProducerGauges): void {
    this.#metrics.gauge(GROUP, 'metadata-age', () => metadataAgeMs() / 1000)
    this.#metrics.gauge(GROUP, 'buffer-total-bytes', () => bufferTotalBytes)
    this.#metrics.gauge(GROUP, 'buffer-available-bytes', bufferAvailableBytes)
    this.#metrics.gauge(GROUP, 'requests-in-flight', requestsInFlight)
    this.#metrics.gauge(GROUP, 'waiting-threads', recordsWaiting)
  }

  /** One request with these batches leaves; `now` as the batches have it. */
  sent(batches: readonly ProducerBatch[], now: number): void {
    let records = 0
    for (const batch of batches) {
      const topic = this.#topic(batch.queue.topic)
      records += batch.count
      this.#batchBytes.record(batch.sizeInBytes)
      this.#queueTime.record(Math.max(0, now - batch.createdMs))
      topic?.records.record(batch.count)
      topic?.bytes.record(batch.sizeInBytes)
    }
    this.#records.record(records)
    this.#recordsOfRequest.record(records)
  }

  retried({ queue, count }: ProducerBatch): void {
    this.#retries.record(count)
    this.#topic(queue.topic)?.retries.record(count)
  }

  failed({ queue, count }: ProducerBatch): void {
    this.#errors.record(count)
    this.#topic(queue.topic)?.errors.record(count)
  }

  split(): void {
    this.#splits.record(1)
  }

  forget(topic: string): void {
    this.#metrics.forget(`topic ${topic}`)
  }

  #topic(topic: string): TopicSensors | undefined {
    return this.#metrics.keyed(`topic ${topic}`, () => {
      const made = (stem: string): Sensor => {
        const sensor = this.#metrics.sensor()
        this.#metrics.rateAndTotal(TOPIC_GROUP, stem, sensor, 'sum', { topic })
        return sensor
      }
      return { records: made('record-send'), bytes: made('byte'), retries: made('record-retry'), errors: made('record-error') }
    })
  }
}
