// The metrics that every client has of its connections and requests (`producer-metrics`, `producer-node-metrics`, …), and the events of
// connections for node:diagnostics_channel.
import type { ClientConnection, ConnectionObserver } from '@odradek/transport'
import { publish } from '../diagnostics.ts'
import type { ClientMetrics } from './client-metrics.ts'
import type { Sensor } from './sensor.ts'

/** Of one request of an API, as its answer came. */
export type ResponseListener = (latencyMs: number, bytes: number, throttleTimeMs: number) => void

export class NetworkMetrics {
  readonly #metrics: ClientMetrics
  readonly #opened: Sensor
  readonly #closed: Sensor
  readonly #sent: Sensor
  readonly #received: Sensor
  readonly #authenticated: Sensor
  readonly #reauthenticated: Sensor
  readonly #reauthenticationLatency: Sensor
  readonly #refused: Sensor
  readonly #refusedAgain: Sensor
  readonly #listeners = new Map<string, ResponseListener>()
  /** Called with each connection that opens. */
  onOpen: ((connection: ClientConnection) => void) | undefined
  #count = 0

  constructor(metrics: ClientMetrics) {
    this.#metrics = metrics
    const group = `${metrics.kind}-metrics`
    const counted = (stem: string): Sensor => {
      const sensor = metrics.sensor()
      metrics.rateAndTotal(group, stem, sensor, 'count')
      return sensor
    }
    metrics.gauge(group, 'connection-count', () => this.#count)
    this.#opened = counted('connection-creation')
    this.#closed = counted('connection-close')
    this.#authenticated = counted('successful-authentication')
    this.#refused = counted('failed-authentication')
    this.#reauthenticated = counted('successful-reauthentication')
    this.#refusedAgain = counted('failed-reauthentication')
    this.#reauthenticationLatency = metrics.sensor()
    metrics.averageAndMax(group, 'reauthentication-latency', this.#reauthenticationLatency)
    this.#sent = counted('request')
    this.#received = counted('response')
    metrics.rateAndTotal(group, 'outgoing-byte', this.#sent, 'sum')
    metrics.rateAndTotal(group, 'incoming-byte', this.#received, 'sum')
    metrics.averageAndMax(group, 'request-size', this.#sent)
    metrics.gauge(group, 'network-io-rate', () => this.#sent.rateOfCount() + this.#received.rateOfCount())
    metrics.counter(group, 'network-io-total', () => this.#sent.count + this.#received.count)
  }

  /** `api`: FetchRequest. One listener each. */
  onResponse(api: string, listener: ResponseListener): void {
    this.#listeners.set(api, listener)
  }

  opened(connection: ClientConnection): void {
    const { clientId } = this.#metrics
    const { address } = connection
    this.#opened.record(1)
    this.#count++
    publish('connection:open', () => ({ clientId, address }))
    connection.onClose((error) => {
      this.#closed.record(1)
      this.#count--
      const reason = connection.isClosedByUs ? undefined : error
      publish('connection:close', () => ({ clientId, address, error: reason }))
    })
    this.onOpen?.(connection)
  }

  failed(address: string, error: unknown): void {
    publish('connection:error', () => ({ clientId: this.#metrics.clientId, address, error }))
  }

  /** Of a connection to `address`. */
  observer(address: string): ConnectionObserver {
    const { clientId } = this.#metrics
    const node = this.#metrics.keyed(`node ${address}`, () => this.#nodeSensors(address))
    return {
      onRequest: (api, bytes) => {
        this.#sent.record(bytes)
        node?.sent.record(bytes)
        publish('network:request', () => ({ clientId, address, api, bytes }))
      },
      onResponse: (api, bytes, latencyMs, throttleTimeMs) => {
        this.#received.record(bytes)
        node?.received.record(bytes)
        node?.latency.record(latencyMs)
        this.#listeners.get(api)?.(latencyMs, bytes, throttleTimeMs)
        publish('network:response', () => ({ clientId, address, api, bytes, latencyMs, throttleTimeMs }))
      },
      onAuthenticated: (latencyMs, isAgain) => {
        if (isAgain) this.#reauthenticationLatency.record(latencyMs)
        ;(isAgain ? this.#reauthenticated : this.#authenticated).record(1)
        publish('connection:authenticate', () => ({ clientId, address, latencyMs, isAgain }))
      },
      onAuthenticationFailed: (isAgain) => (isAgain ? this.#refusedAgain : this.#refused).record(1)
    }
  }

  /** Nothing at the address is of the cluster any more. */
  forgetNode(address: string): void {
    this.#metrics.forget(`node ${address}`)
  }

  /** Java tags by node id; an address may be that of a bootstrap server, whose id is not known. */
  #nodeSensors(address: string): { sent: Sensor; received: Sensor; latency: Sensor } {
    const metrics = this.#metrics
    const group = `${metrics.kind}-node-metrics`
    const tags = { 'node-id': address }
    const [sent, received, latency] = [metrics.sensor(), metrics.sensor(), metrics.sensor()]
    metrics.rateAndTotal(group, 'request', sent, 'count', tags)
    metrics.rateAndTotal(group, 'response', received, 'count', tags)
    metrics.rateAndTotal(group, 'outgoing-byte', sent, 'sum', tags)
    metrics.rateAndTotal(group, 'incoming-byte', received, 'sum', tags)
    metrics.averageAndMax(group, 'request-size', sent, tags)
    metrics.averageAndMax(group, 'request-latency', latency, tags)
    return { sent, received, latency }
  }
}
