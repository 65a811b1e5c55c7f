// Percentiles of durations of the last one to two minutes: exponential buckets with eight steps a doubling, so that a value is
// told within 6 %. Recording touches two numbers and allocates nothing; there is one writer, the event loop.

/** Steps within a doubling. */
const STEP_BITS = 3
const STEPS = 1 << STEP_BITS
/** Up to 2^31 µs, 35 minutes; what takes longer counts as that. */
const BUCKETS = (31 - STEP_BITS + 1) * STEPS
const VALUE_MAX = 0x7fffffff
const WINDOW_MS = 60_000

export class Histogram {
  count = 0
  #current = new Uint32Array(BUCKETS)
  #previous = new Uint32Array(BUCKETS)
  #windowEndMs = 0

  /** Whole or broken ms; `nowMs` on the clock that `quantiles` is asked with. */
  record(durationMs: number, nowMs: number): void {
    if (nowMs >= this.#windowEndMs) this.#rotate(nowMs)
    this.count++
    this.#current[bucketOf(durationMs * 1000)]++
  }

  /** One value in ms for each of `quantiles`, which ascend; 0 when nothing was recorded lately. */
  quantiles(quantiles: readonly number[], nowMs: number): number[] {
    if (nowMs >= this.#windowEndMs) this.#rotate(nowMs)
    let total = 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) total += this.#current[bucket] + this.#previous[bucket]
    const values: number[] = []
    let seen = 0
    let bucket = -1
    for (const quantile of quantiles) {
      while (bucket < BUCKETS - 1 && (bucket < 0 || seen < quantile * total)) {
        bucket++
        seen += this.#current[bucket] + this.#previous[bucket]
      }
      values.push(total === 0 ? 0 : middleOf(bucket) / 1000)
    }
    return values
  }

  #rotate(nowMs: number): void {
    const isNext = nowMs < this.#windowEndMs + WINDOW_MS
    const emptied = this.#previous
    this.#previous = this.#current
    this.#current = emptied.fill(0)
    if (!isNext) this.#previous.fill(0)
    this.#windowEndMs = nowMs + WINDOW_MS
  }
}

function bucketOf(micros: number): number {
  const value = micros >= VALUE_MAX ? VALUE_MAX : micros | 0
  if (value < STEPS) return Math.max(0, value)
  const shift = 31 - Math.clz32(value) - STEP_BITS
  return shift * STEPS + (value >> shift)
}

function middleOf(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket
  const shift = Math.floor(bucket / STEPS) - 1
  return (bucket - shift * STEPS + 0.5) * 2 ** shift
}
