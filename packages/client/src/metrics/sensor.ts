// Numbers over time, as Kafka's metrics have them: what is recorded falls into samples of a window; rates, averages and maxima are over
// the last few of them, totals over all.

export interface SensorOptions {
  /** metrics.num.samples */
  readonly samples: number
  /** metrics.sample.window.ms */
  readonly windowMs: number
}

interface Sample {
  startMs: number
  sum: number
  count: number
  max: number
}

export class Sensor {
  /** Of all that was recorded. */
  sum = 0
  count = 0
  readonly #options: SensorOptions
  readonly #now: () => number
  readonly #samples: Sample[] = []

  constructor(options: SensorOptions, now: () => number) {
    this.#options = options
    this.#now = now
  }

  record(value: number, count = 1): void {
    this.sum += value
    this.count += count
    const sample = this.#current()
    sample.sum += value
    sample.count += count
    if (value > sample.max) sample.max = value
  }

  /** Per second. */
  rateOfSum(): number {
    return this.#perSecond((sample) => sample.sum)
  }

  rateOfCount(): number {
    return this.#perSecond((sample) => sample.count)
  }

  /** NaN: nothing was recorded of late. */
  average(): number {
    let sum = 0
    let count = 0
    for (const sample of this.#recent()) {
      sum += sample.sum
      count += sample.count
    }
    return count === 0 ? Number.NaN : sum / count
  }

  maximum(): number {
    let max = Number.NaN
    for (const sample of this.#recent()) if (sample.count > 0 && !(sample.max <= max)) max = sample.max
    return max
  }

  /** As Java: the time counts as at least all windows but the one that has just begun. */
  #perSecond(of: (sample: Sample) => number): number {
    const recent = this.#recent()
    if (recent.length === 0) return 0
    const { samples, windowMs } = this.#options
    const elapsedMs = Math.max(this.#now() - recent[0].startMs, (samples - 1) * windowMs)
    return (recent.reduce((sum, sample) => sum + of(sample), 0) * 1000) / elapsedMs
  }

  #current(): Sample {
    const now = this.#now()
    const last = this.#samples.at(-1)
    if (last !== undefined && now - last.startMs < this.#options.windowMs) return last
    const sample = { startMs: now, sum: 0, count: 0, max: Number.NEGATIVE_INFINITY }
    this.#samples.push(sample)
    if (this.#samples.length > this.#options.samples) this.#samples.shift()
    return sample
  }

  #recent(): readonly Sample[] {
    const oldest = this.#now() - this.#options.samples * this.#options.windowMs
    return this.#samples.filter(({ startMs }) => startMs > oldest)
  }
}
