// Who may connect: totals, totals of an address, and the pace of new connections (max.connections, max.connections.per.ip,
// max.connection.creation.rate). Too many are refused, too fast are made to wait, as Kafka does. One a node; listeners share it.

export interface ConnectionLimits {
  readonly connectionsMax: number
  readonly connectionsPerIpMax: number
  readonly perIpOverrides: ReadonlyMap<string, number>
  /** Addresses that the limits of an address do not bind, overrides apart. */
  readonly isPerIpExempt?: (address: string) => boolean
  /** New connections a second of the node and of one address. */
  readonly creationRate: number
  readonly creationRatePerIp: number
}

/** Seconds of unused rate that may be spent at once (quota.window.num of Kafka's quotas). */
const BURST_SECONDS = 10

/** Tokens may go below zero: the debt is the wait of the one who took it. */
class TokenBucket {
  #tokens: number
  #lastMs: number

  constructor(rate: number, now: number) {
    this.#tokens = rate * BURST_SECONDS
    this.#lastMs = now
  }

  /** Takes one; ms until it is there. */
  take(rate: number, now: number): number {
    this.#tokens = Math.min(rate * BURST_SECONDS, this.#tokens + ((now - this.#lastMs) / 1000) * rate) - 1
    this.#lastMs = now
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / rate) * 1000)
  }

  isFull(rate: number, now: number): boolean {
    return this.#tokens + ((now - this.#lastMs) / 1000) * rate >= rate * BURST_SECONDS
  }
}

export type Admission = { refused: string } | { delayMs: number }

export class ConnectionQuotas {
  readonly #limits: () => ConnectionLimits
  readonly #perIp = new Map<string, number>()
  readonly #ipBuckets = new Map<string, TokenBucket>()
  #bucket: TokenBucket | undefined
  #connections = 0

  constructor(limits: () => ConnectionLimits) {
    this.#limits = limits
  }

  get connections(): number {
    return this.#connections
  }

  /** Counts the connection unless it is refused; give it back with `release`. */
  admit(address: string, now: number): Admission {
    const limits = this.#limits()
    const fromIp = this.#perIp.get(address) ?? 0
    if (this.#connections >= limits.connectionsMax) return { refused: `max.connections (${limits.connectionsMax}) reached` }
    const isExempt = limits.isPerIpExempt?.(address) === true
    const perIpMax = limits.perIpOverrides.get(address) ?? (isExempt ? Number.POSITIVE_INFINITY : limits.connectionsPerIpMax)
    if (fromIp >= perIpMax) return { refused: `max.connections.per.ip (${perIpMax}) reached by ${address}` }
    this.#connections++
    this.#perIp.set(address, fromIp + 1)
    const ipDelayMs = isExempt ? 0 : this.#ipDelayMs(limits, address, now)
    return { delayMs: Math.max(this.#nodeDelayMs(limits, now), ipDelayMs) }
  }

  release(address: string, now: number): void {
    this.#connections--
    const fromIp = (this.#perIp.get(address) ?? 1) - 1
    if (fromIp > 0) {
      this.#perIp.set(address, fromIp)
      return
    }
    this.#perIp.delete(address)
    // an address without connections is remembered only while its rate still matters
    const rate = this.#limits().creationRatePerIp
    for (const [ip, bucket] of this.#ipBuckets) {
      if (!this.#perIp.has(ip) && bucket.isFull(rate, now)) this.#ipBuckets.delete(ip)
      else break
    }
  }

  #nodeDelayMs(limits: ConnectionLimits, now: number): number {
    if (!Number.isFinite(limits.creationRate)) return 0
    this.#bucket ??= new TokenBucket(limits.creationRate, now)
    return this.#bucket.take(limits.creationRate, now)
  }

  #ipDelayMs(limits: ConnectionLimits, address: string, now: number): number {
    if (!Number.isFinite(limits.creationRatePerIp)) return 0
    let bucket = this.#ipBuckets.get(address)
    if (bucket === undefined) {
      bucket = new TokenBucket(limits.creationRatePerIp, now)
    } else {
      this.#ipBuckets.delete(address)
    }
    this.#ipBuckets.set(address, bucket)
    return bucket.take(limits.creationRatePerIp, now)
  }
}
