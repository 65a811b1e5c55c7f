// Counts and latencies of a producer's performance test, and the lines that tell them, as Kafka's tool prints them.
import type { ToolIo } from '../tool.ts'

/** Latencies that are kept for the percentiles: beyond it, each n-th. */
const SAMPLES_MAX = 500_000
const MB = 1024 * 1024

export interface ProducerStatsOptions {
  readonly recordCount: number
  readonly reportingIntervalMs: number
  /** After the warm-up. */
  readonly isSteadyState: boolean
  readonly io: ToolIo
}

export class ProducerStats {
  readonly #options: ProducerStatsOptions
  readonly #startMs = Date.now()
  readonly #sampling: number
  readonly #latencies: Int32Array
  #sampled = 0
  #count = 0
  #bytes = 0
  #latencySum = 0
  #latencyMax = 0
  #window = newWindow()
  isSilent = false

  constructor(options: ProducerStatsOptions) {
    this.#options = options
    this.#sampling = Math.floor(options.recordCount / Math.min(options.recordCount, SAMPLES_MAX))
    this.#latencies = new Int32Array(Math.floor(options.recordCount / this.#sampling) + 1)
  }

  record(latencyMs: number, bytes: number, nowMs: number): void {
    if (this.#count % this.#sampling === 0) this.#latencies[this.#sampled++] = latencyMs
    this.#count++
    this.#bytes += bytes
    this.#latencySum += latencyMs
    if (latencyMs > this.#latencyMax) this.#latencyMax = latencyMs
    const window = this.#window
    window.count++
    window.bytes += bytes
    window.latencySum += latencyMs
    if (latencyMs > window.latencyMax) window.latencyMax = latencyMs
    if (nowMs - window.startMs >= this.#options.reportingIntervalMs) this.#report()
  }

  #report(): void {
    const { isSteadyState, io } = this.#options
    const { count, bytes, latencySum, latencyMax, startMs } = this.#window
    if (isSteadyState && count === this.#count) io.out('In steady state.\n')
    if (!this.isSilent) {
      const rates = ratesOf(count, bytes, startMs)
      io.out(
        `${count} records sent, ${rates.records.toFixed(1)} records/sec (${rates.mb.toFixed(2)} MB/sec), ${(latencySum / count).toFixed(1)} ms avg latency, ${latencyMax.toFixed(1)} ms max latency.\n`
      )
    }
    this.#window = newWindow()
  }

  printTotal(): void {
    const { isSteadyState, io } = this.#options
    const rates = ratesOf(this.#count, this.#bytes, this.#startMs)
    const sorted = this.#latencies.subarray(0, this.#sampled).sort()
    const percentile = (part: number): number => this.#latencies[Math.floor(part * sorted.length)]
    io.out(
      `${this.#count}${isSteadyState ? ' steady state' : ''} records sent, ${rates.records.toFixed(6)} records/sec (${rates.mb.toFixed(2)} MB/sec), ${(this.#latencySum / this.#count).toFixed(2)} ms avg latency, ${this.#latencyMax.toFixed(2)} ms max latency, ${percentile(0.5)} ms 50th, ${percentile(0.95)} ms 95th, ${percentile(0.99)} ms 99th, ${percentile(0.999)} ms 99.9th.\n`
    )
  }
}

const newWindow = () => ({ startMs: Date.now(), count: 0, bytes: 0, latencySum: 0, latencyMax: 0 })

function ratesOf(count: number, bytes: number, startMs: number): { records: number; mb: number } {
  const seconds = (Date.now() - startMs) / 1000
  return { records: count / seconds, mb: bytes / seconds / MB }
}
