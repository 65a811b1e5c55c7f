// Who may connect: totals of the node, of a listener and of an address, and the pace of new connections (max.connections,
// max.connections.per.ip, max.connection.creation.rate). Too many are refused, too fast are made to wait, as Kafka does.

/** Of one listener: its own settings, or those of the node that hold for each listener. */
export interface ListenerLimits {
  readonly connectionsMax: number
  /** New connections a second. */
  readonly creationRate: number
}

export interface ConnectionLimits {
  readonly connectionsMax: number
  readonly connectionsPerIpMax: number
  readonly perIpOverrides: ReadonlyMap<string, number>
  /** Addresses that the limits of an address do not bind, overrides apart. */
  readonly isPerIpExempt?: (address: string) => boolean
  /** New connections a second of the node (all listeners together) and of one address. */
  readonly creationRate: number
  readonly creationRatePerIp: number
  readonly listener: (listenerName: string) => ListenerLimits
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

interface ListenerCount {
  connections: number
  readonly bucket: TokenBucket
}

export class ConnectionQuotas {
  readonly #limits: () => ConnectionLimits
  readonly #listeners = new Map<string, ListenerCount>()
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
  admit(listenerName: string, address: string, now: number): Admission {
    const limits = this.#limits()
    const ofListener = limits.listener(listenerName)
    const listener = this.#listenerCount(listenerName, ofListener, now)
    if (this.#connections >= limits.connectionsMax) return { refused: `max.connections (${limits.connectionsMax}) reached` }
    if (listener.connections >= ofListener.connectionsMax)
      return { refused: `max.connections (${ofListener.connectionsMax}) of listener ${listenerName} reached` }
    if (Math.min(limits.creationRate, ofListener.creationRate) <= 0) return { refused: 'max.connection.creation.rate is 0' }
    const fromIp = this.#perIp.get(address) ?? 0
    const isExempt = limits.isPerIpExempt?.(address) === true
    const perIpMax = limits.perIpOverrides.get(address) ?? (isExempt ? Number.POSITIVE_INFINITY : limits.connectionsPerIpMax)
    if (fromIp >= perIpMax) return { refused: `max.connections.per.ip (${perIpMax}) reached by ${address}` }
    this.#connections++
    listener.connections++
    this.#perIp.set(address, fromIp + 1)
    const ipDelayMs = isExempt ? 0 : this.#ipDelayMs(limits, address, now)
    return { delayMs: Math.max(this.#nodeDelayMs(limits, now), delayOf(listener.bucket, ofListener.creationRate, now), ipDelayMs) }
  }

  release(listenerName: string, address: string, now: number): void {
    this.#connections--
    const listener = this.#listeners.get(listenerName)
    if (listener !== undefined) listener.connections--
    const fromIp = (this.#perIp.get(address) ?? 1) - 1
    if (fromIp > 0) this.#perIp.set(address, fromIp)
    else this.#perIp.delete(address)
    // a full bucket says no more than a new one; the longest unused are in front
    const rate = this.#limits().creationRatePerIp
    for (const [ip, bucket] of this.#ipBuckets) {
      if (!bucket.isFull(rate, now)) break
      this.#ipBuckets.delete(ip)
    }
  }

  /** Addresses whose pace is remembered. */
  get rememberedAddresses(): number {
    return this.#ipBuckets.size
  }

  #listenerCount(listenerName: string, limits: ListenerLimits, now: number): ListenerCount {
    let listener = this.#listeners.get(listenerName)
    if (listener === undefined) {
      listener = { connections: 0, bucket: new TokenBucket(limits.creationRate, now) }
      this.#listeners.set(listenerName, listener)
    }
    return listener
  }

  #nodeDelayMs(limits: ConnectionLimits, now: number): number {
    this.#bucket ??= new TokenBucket(limits.creationRate, now)
    return delayOf(this.#bucket, limits.creationRate, now)
  }

  #ipDelayMs(limits: ConnectionLimits, address: string, now: number): number {
    if (!Number.isFinite(limits.creationRatePerIp)) return 0
    const bucket = this.#ipBuckets.get(address) ?? new TokenBucket(limits.creationRatePerIp, now)
    this.#ipBuckets.delete(address)
    this.#ipBuckets.set(address, bucket)
    return bucket.take(limits.creationRatePerIp, now)
  }
}

function delayOf(bucket: TokenBucket, rate: number, now: number): number {
  return Number.isFinite(rate) ? bucket.take(rate, now) : 0
}
