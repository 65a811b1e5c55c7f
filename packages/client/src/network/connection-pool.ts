// The connections of one client, by address and purpose: one each, shared by all who ask, opened on the first use and again after
// a back-off that grows with each failure. A coordinator gets a connection of its own: a broker answers one request of a connection
// at a time, and a heartbeat must not wait behind a long fetch.
import { ClientConnection, type ClientConnectionOptions } from '@odradek/transport'
import type { World } from '@odradek/world'
import { closedError, toKafkaError } from '../errors.ts'
import type { NetworkMetrics } from '../metrics/network-metrics.ts'
import type { Endpoint } from './bootstrap.ts'
import { type Backoff, backoffMs, sleep, unlessAborted } from './retry.ts'

export type Purpose = 'data' | 'coordinator'

export interface PoolOptions {
  readonly world: World
  readonly connection: Omit<ClientConnectionOptions, 'world' | 'host' | 'port' | 'signal' | 'connectTimeoutMs' | 'observer'>
  readonly reconnectBackoff: Backoff
  readonly connectTimeout: Backoff
  readonly metrics: NetworkMetrics
  /** A connection that could not be opened, or that ended without being asked to. */
  readonly onFailure: () => void
}

interface Slot {
  connection: ClientConnection | undefined
  opening: Promise<ClientConnection> | undefined
  /** In a row. */
  failures: number
  retryAtMs: number
}

export class ConnectionPool {
  readonly #options: PoolOptions
  readonly #slots = new Map<string, Slot>()
  readonly #closing = new AbortController()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Waits out the back-off of the address. Rejects with a KafkaError, or the reason of the signal. */
  get(endpoint: Endpoint, purpose: Purpose, signal?: AbortSignal): Promise<ClientConnection> {
    if (this.#closing.signal.aborted) return Promise.reject(closedError())
    const key = keyOf(endpoint, purpose)
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = { connection: undefined, opening: undefined, failures: 0, retryAtMs: 0 }
      this.#slots.set(key, slot)
    }
    if (slot.connection !== undefined) return Promise.resolve(slot.connection)
    slot.opening ??= this.#open(endpoint, slot)
    return unlessAborted(slot.opening, signal)
  }

  /** The open connection, if there is one: for hot paths. */
  peek(endpoint: Endpoint, purpose: Purpose = 'data'): ClientConnection | undefined {
    return this.#slots.get(keyOf(endpoint, purpose))?.connection
  }

  /** Any open connection. */
  anyOpen(): ClientConnection | undefined {
    for (const { connection } of this.#slots.values()) if (connection !== undefined) return connection
    return undefined
  }

  /** Lower is better: requests in flight of an open connection; then what can be opened; last what has to wait. */
  rank(endpoint: Endpoint): number {
    const slot = this.#slots.get(keyOf(endpoint, 'data'))
    if (slot?.connection !== undefined) return slot.connection.inFlight
    const isWaiting = slot !== undefined && slot.retryAtMs > this.#options.world.clock.monotonicMs()
    return isWaiting ? 2e6 + slot.failures : 1e6
  }

  /** Closes the connections to addresses that are no longer of the cluster, once nothing is in flight on them. */
  retain(endpoints: Iterable<Endpoint>): void {
    const wanted = new Set<string>()
    for (const endpoint of endpoints) for (const purpose of ['data', 'coordinator'] as const) wanted.add(keyOf(endpoint, purpose))
    for (const [key, slot] of this.#slots) {
      if (wanted.has(key) || slot.opening !== undefined || (slot.connection?.inFlight ?? 0) > 0) continue
      this.#slots.delete(key)
      slot.connection?.close()
      const address = key.slice(key.indexOf('@') + 1)
      if (!this.#slots.has(`data@${address}`) && !this.#slots.has(`coordinator@${address}`)) this.#options.metrics.forgetNode(address)
    }
  }

  close(): void {
    this.#closing.abort(closedError())
    for (const slot of this.#slots.values()) slot.connection?.close()
    this.#slots.clear()
  }

  async #open(endpoint: Endpoint, slot: Slot): Promise<ClientConnection> {
    const { world, reconnectBackoff, connectTimeout, metrics } = this.#options
    const address = `${endpoint.host}:${endpoint.port}`
    const { signal } = this.#closing
    try {
      const waitMs = slot.retryAtMs - world.clock.monotonicMs()
      if (waitMs > 0) await sleep(world, waitMs, signal)
      const connectTimeoutMs = Math.round(backoffMs(connectTimeout, slot.failures, world))
      const { host, port } = endpoint
      const observer = metrics.observer(address)
      const connection = await ClientConnection.connect({
        ...this.#options.connection,
        host,
        port,
        world,
        signal,
        connectTimeoutMs,
        observer
      })
      slot.failures = 0
      slot.connection = connection
      connection.onClose(() => {
        if (slot.connection === connection) slot.connection = undefined
        slot.retryAtMs = world.clock.monotonicMs() + backoffMs(reconnectBackoff, 0, world)
        if (!connection.isClosedByUs) this.#options.onFailure()
      })
      metrics.opened(connection)
      return connection
    } catch (error) {
      if (signal.aborted) throw closedError()
      slot.retryAtMs = world.clock.monotonicMs() + backoffMs(reconnectBackoff, slot.failures, world)
      slot.failures++
      metrics.failed(address, error)
      // told the 1st, 2nd, 4th, 8th, … time in a row: a client that goes on trying must not be silent, nor fill a log
      if (Number.isInteger(Math.log2(slot.failures)))
        world.logger.log('WARN', 'odradek.client.Connection', `${toKafkaError(error).message} (failures in a row: ${slot.failures})`)
      this.#options.onFailure()
      throw toKafkaError(error)
    } finally {
      slot.opening = undefined
    }
  }
}

function keyOf({ host, port }: Endpoint, purpose: Purpose): string {
  return `${purpose}@${host}:${port}`
}
