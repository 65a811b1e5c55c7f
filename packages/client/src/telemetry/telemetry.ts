// KIP-714: the cluster says which metrics of this client it wants and how often; the client sends them, and once more when it closes.
//
// Nothing of this is ever seen by the user: it uses connections that are there anyway, does nothing on brokers without receiver (they do
// not offer the API), and what fails is tried again an interval later.
import { type Uuid, ZERO_UUID } from '@odradek/base'
import {
  ApiKey,
  COMPRESSION_TYPES,
  compress,
  ErrorCode,
  GetTelemetrySubscriptionsRequest,
  GetTelemetrySubscriptionsResponse,
  PushTelemetryRequest,
  PushTelemetryResponse
} from '@odradek/protocol'
import type { ClientConnection } from '@odradek/transport'
import type { TimerHandle } from '@odradek/world'
import type { ClientMetric } from '../metrics/client-metrics.ts'
import type { Cluster } from '../network/cluster.ts'
import { encodeMetrics, telemetryName } from './otlp.ts'

interface Subscription {
  readonly id: number
  readonly intervalMs: number
  readonly maxBytes: number
  readonly compressionTypes: readonly number[]
  readonly isDelta: boolean
  /** Prefixes of names; none: nothing is wanted. */
  readonly prefixes: readonly string[]
}

/** What a client says of itself beside its metrics is what its settings say. */
export interface TelemetrySettings {
  readonly 'enable.metrics.push': boolean
  readonly 'client.rack'?: string
  readonly 'group.id'?: string | null
  readonly 'group.instance.id'?: string | null
  readonly 'transactional.id'?: string | null
}

const resourceSettings = ['client.rack', 'group.id', 'group.instance.id', 'transactional.id'] as const
const INTERVAL_MS = 300_000
const INTERVAL_MIN_MS = 100
const INTERVAL_MAX_MS = 3_600_000
const ALL = '*'
/** Another subscription is there, or other forms are taken now. */
const subscribeAgain: ReadonlySet<number> = new Set([ErrorCode.UNKNOWN_SUBSCRIPTION_ID, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE])
/** The broker will never take what this client sends. */
const hopeless: ReadonlySet<number> = new Set([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_RECORD, ErrorCode.UNSUPPORTED_VERSION])

class Telemetry {
  readonly #cluster: Cluster
  readonly #resource: Readonly<Record<string, string>>
  readonly #startMs: number
  /** Counters at the last push, by name and tags. */
  #pushed: ReadonlyMap<string, number> = new Map()
  #subscription: Subscription | undefined
  #timer: TimerHandle | undefined
  #subscribing: Promise<void> | undefined
  #isStarted = false
  #isStopped = false

  /** `resource`: labels of the client as a whole. */
  constructor(cluster: Cluster, resource: Readonly<Record<string, string>>) {
    this.#cluster = cluster
    this.#resource = resource
    this.#startMs = cluster.world.clock.now()
  }

  start(): void {
    this.#cluster.networkMetrics.onOpen = (connection) => this.#onOpen(connection)
    this.#cluster.onClosing = (connection) => this.#onClosing(connection)
    this.#cluster.askInstanceId = () => this.#subscribeOnce()
  }

  #onOpen(connection: ClientConnection): void {
    if (!this.#isStarted && offers(connection)) this.#later(0)
  }

  #later(delayMs: number): void {
    if (this.#isStopped) return
    this.#isStarted = true
    this.#timer?.cancel()
    this.#timer = this.#cluster.world.timers.schedule(delayMs, () => {
      const step = this.#subscription === undefined ? this.#subscribeOnce() : this.#push(this.#subscription)
      step.catch((error) => {
        this.#cluster.world.logger.log('DEBUG', 'odradek.client.Telemetry', 'Client metrics were not sent', error)
        this.#subscription = undefined
        this.#later(INTERVAL_MS)
      })
    })
  }

  /** One request for all who ask: a broker refuses a second one within the interval. */
  #subscribeOnce(): Promise<void> {
    this.#isStarted = true
    this.#subscribing ??= this.#subscribe().finally(() => {
      this.#subscribing = undefined
    })
    return this.#subscribing
  }

  async #subscribe(): Promise<void> {
    const body = { clientInstanceId: this.#cluster.clientInstanceId ?? ZERO_UUID }
    const answer = await this.#cluster.attempt({ anyNode: true }, GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse, body)
    if (hopeless.has(answer.errorCode)) this.#isStopped = true
    const intervalMs = bounded(answer.pushIntervalMs)
    if (answer.errorCode !== ErrorCode.NONE) {
      this.#later(intervalMs)
      return
    }
    this.#cluster.clientInstanceId ??= answer.clientInstanceId
    const subscription: Subscription = {
      id: answer.subscriptionId,
      intervalMs,
      maxBytes: answer.telemetryMaxBytes,
      compressionTypes: answer.acceptedCompressionTypes,
      isDelta: answer.deltaTemporality,
      prefixes: answer.requestedMetrics
    }
    if (subscription.prefixes.length === 0) {
      // Nothing is wanted now: asked again later.
      this.#later(intervalMs)
      return
    }
    this.#subscription = subscription
    // Not all clients that connected to a new broker at once push at once.
    this.#later(intervalMs * (0.5 + this.#cluster.world.random.below(1001) / 1000))
  }

  async #push(subscription: Subscription): Promise<void> {
    const body = this.#body(subscription, false)
    if (body === undefined) {
      this.#later(subscription.intervalMs)
      return
    }
    const { errorCode } = await this.#cluster.attempt({ anyNode: true }, PushTelemetryRequest, PushTelemetryResponse, body)
    if (hopeless.has(errorCode)) this.#isStopped = true
    if (subscribeAgain.has(errorCode)) this.#subscription = undefined
    this.#later(subscribeAgain.has(errorCode) ? 0 : subscription.intervalMs)
  }

  /** The last one. Its answer is not waited for: a client that closes has nothing to do with it. */
  #onClosing(connection: ClientConnection | undefined): void {
    this.#timer?.cancel()
    const subscription = this.#subscription
    const isDone = this.#isStopped
    this.#isStopped = true
    if (isDone || subscription === undefined || connection === undefined || !offers(connection)) return
    const body = this.#body(subscription, true)
    if (body !== undefined) connection.send(PushTelemetryRequest, PushTelemetryResponse, body, { expectsResponse: false }).catch(() => {})
  }

  /** undefined: there is nothing to send, or it is more than the broker takes. */
  #body({ id, isDelta, prefixes, compressionTypes, maxBytes }: Subscription, terminating: boolean): PushedMetrics | undefined {
    const isAll = prefixes.length === 1 && prefixes[0] === ALL
    const wanted = [...this.#cluster.metrics.telemetry()].filter((metric) => {
      const name = telemetryName(metric)
      return isAll || prefixes.some((prefix) => name.startsWith(prefix))
    })
    const clientInstanceId = this.#cluster.clientInstanceId
    if (clientInstanceId === undefined || (wanted.length === 0 && !terminating)) return undefined
    // What is no metric any more is not remembered.
    const pushed = new Map<string, number>()
    const plain = encodeMetrics(wanted, {
      resource: this.#resource,
      startMs: this.#startMs,
      nowMs: this.#cluster.world.clock.now(),
      deltaOf: isDelta ? (metric) => this.#delta(metric, pushed) : undefined
    })
    this.#pushed = pushed
    const compressionType = compressionTypes.find((type) => COMPRESSION_TYPES[type] !== undefined) ?? 0
    const metrics = compress(COMPRESSION_TYPES[compressionType], plain)
    if (metrics.length > maxBytes) return undefined
    return { clientInstanceId, subscriptionId: id, terminating, compressionType, metrics }
  }

  #delta(metric: ClientMetric, pushed: Map<string, number>): number {
    const key = `${metric.group}:${metric.name}:${JSON.stringify(metric.tags)}`
    const before = this.#pushed.get(key) ?? 0
    pushed.set(key, metric.value)
    // A counter that was forgotten with its topic begins anew.
    return metric.value < before ? metric.value : metric.value - before
  }
}

/** Nothing is asked before a connection is open. */
export function startTelemetry(cluster: Cluster, settings: TelemetrySettings): void {
  if (!settings['enable.metrics.push']) return
  const labels = resourceSettings.flatMap((name): [string, string][] => {
    const value = settings[name]
    return value === undefined || value === null || value === '' ? [] : [[name.replaceAll('.', '_'), value]]
  })
  new Telemetry(cluster, Object.fromEntries(labels)).start()
}

interface PushedMetrics {
  readonly clientInstanceId: Uuid
  readonly subscriptionId: number
  readonly terminating: boolean
  readonly compressionType: number
  readonly metrics: Buffer
}

function offers({ apiVersions }: ClientConnection): boolean {
  return apiVersions.supports(ApiKey.GET_TELEMETRY_SUBSCRIPTIONS) && apiVersions.supports(ApiKey.PUSH_TELEMETRY)
}

function bounded(intervalMs: number): number {
  return intervalMs <= 0 ? INTERVAL_MS : Math.min(INTERVAL_MAX_MS, Math.max(INTERVAL_MIN_MS, intervalMs))
}
