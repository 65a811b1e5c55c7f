// The sockets of a node: one server for each listener, broker and controller ones, with shared quotas and memory bounds.
import { OdradekError } from '@odradek/base'
import type { BrokerConfig, Endpoint } from '@odradek/config'
import { ConnectionQuotas, type FrameHandler, MemoryBudget, SocketServer } from '@odradek/transport'
import type { World } from '@odradek/world'
import type { RequestContext } from './handler.ts'
import { connectionLimitsFrom, isLoopback, requestMemoryFrom, responseMemoryFrom } from './limits.ts'

export interface ListenersOptions {
  readonly world: World
  readonly config: BrokerConfig
  readonly brokerHandler: FrameHandler
  readonly controllerHandler: FrameHandler
  /** Of the machine, or what of it this node may count on. */
  readonly memoryBytes?: number
  /** Files and sockets that the process may have open. */
  readonly openFilesMax?: number
}

export interface BoundListener {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly isController: boolean
}

/** How long requests in handling may take when the node stops. */
const CLOSE_GRACE_MS = 5_000

export class Listeners {
  readonly #config: BrokerConfig
  readonly #servers = new Map<string, SocketServer>()
  readonly requestMemory: MemoryBudget
  readonly responseMemory: MemoryBudget

  private constructor(config: BrokerConfig, requestMemory: MemoryBudget, responseMemory: MemoryBudget) {
    this.#config = config
    this.requestMemory = requestMemory
    this.responseMemory = responseMemory
  }

  /** Binds all; requests are read after `open`. */
  static async bind(options: ListenersOptions): Promise<Listeners> {
    const { world, config, memoryBytes, openFilesMax } = options
    // The controller's listeners have limits of their own, so that clients of the broker cannot shut it out.
    const newQuotas = () => new ConnectionQuotas(() => connectionLimitsFrom(config, openFilesMax))
    const [brokerQuotas, controllerQuotas] = [newQuotas(), newQuotas()]
    const requestMemory = new MemoryBudget(requestMemoryFrom(config, memoryBytes))
    const responseMemory = new MemoryBudget(responseMemoryFrom(memoryBytes))
    const listeners = new Listeners(config, requestMemory, responseMemory)
    const controllers = new Set(config.controllerListenerNames)
    for (const endpoint of config.listeners) {
      checkProtocol(endpoint)
      try {
        const server = await SocketServer.listen({
          world,
          listenerName: endpoint.listenerName,
          host: endpoint.host,
          port: endpoint.port,
          // Kafka's default of 50 is little for one loop that accepts: only a number that somebody gave counts.
          backlog: config.isSet('socket.listen.backlog.size') ? config.get('socket.listen.backlog.size') : undefined,
          handler: controllers.has(endpoint.listenerName) ? options.controllerHandler : options.brokerHandler,
          quotas: controllers.has(endpoint.listenerName) ? controllerQuotas : brokerQuotas,
          requestMemory,
          responseMemory,
          requestBytesMax: () => config.get('socket.request.max.bytes'),
          idleMs: () => config.get('connections.max.idle.ms'),
          frameDeadlineMs: () => config.get('odradek.frame.timeout.ms')
        })
        listeners.#servers.set(endpoint.listenerName, server)
        warnIfOpen(world, server)
      } catch (error) {
        await listeners.close()
        throw bindError(endpoint.listenerName, endpoint, error)
      }
    }
    return listeners
  }

  get bound(): BoundListener[] {
    const controllers = new Set(this.#config.controllerListenerNames)
    return Array.from(this.#servers, ([name, { host, port }]) => ({ name, host, port, isController: controllers.has(name) }))
  }

  get connectionCount(): number {
    return this.connectionCounts().reduce((sum, { connections }) => sum + connections, 0)
  }

  connectionCounts(): { name: string; connections: number }[] {
    return Array.from(this.#servers, ([name, { connections }]) => ({ name, connections: connections.size }))
  }

  /** Requests in handling, parked ones included. */
  get requestCount(): number {
    let count = 0
    for (const server of this.#servers.values()) for (const connection of server.connections) count += connection.inFlight
    return count
  }

  open(): void {
    for (const server of this.#servers.values()) server.open()
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#servers.values(), (server) => server.close(CLOSE_GRACE_MS)))
  }

  /** Where a client of this listener finds the node; undefined for a listener that is not advertised. */
  endpointFor(context: Pick<RequestContext, 'listenerName' | 'localAddress'>): { host: string; port: number } | undefined {
    const { listenerName, localAddress } = context
    const server = this.#servers.get(listenerName)
    if (server === undefined) return undefined
    const advertised = this.#config.advertisedListeners.find((endpoint) => endpoint.listenerName === listenerName) ?? server
    return { host: isWildcard(advertised.host) ? localAddress : advertised.host, port: advertised.port || server.port }
  }

  /** What the registration of the broker says; clients of a listener on every interface get the address they dialled instead. */
  registered(): { name: string; host: string; port: number; securityProtocol: number }[] {
    return this.bound
      .filter(({ isController }) => !isController)
      .map(({ name }) => ({
        name,
        securityProtocol: PLAINTEXT,
        host: 'localhost',
        port: 0,
        ...this.endpointFor({ listenerName: name, localAddress: 'localhost' })
      }))
  }
}

const PLAINTEXT = 0

function isWildcard(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::'
}

function checkProtocol({ listenerName, securityProtocol }: Endpoint): void {
  if (securityProtocol === 'PLAINTEXT') return
  throw new OdradekError(
    'CONFIG_INVALID',
    `Listener ${listenerName} uses ${securityProtocol}, which is not built yet; give it PLAINTEXT in listener.security.protocol.map`
  )
}

/** Nothing here encrypts or asks who comes: whoever reaches the port may do everything. */
function warnIfOpen({ logger }: World, { listenerName, host, port }: SocketServer): void {
  if (host === 'localhost' || isLoopback(host)) return
  const where = isWildcard(host) ? 'every interface' : host
  logger.log(
    'WARN',
    'kafka.network.SocketServer',
    `Listener ${listenerName} takes anyone's requests on port ${port} of ${where}, without encryption or authentication; keep strangers away from it by a firewall`
  )
}

/** The listener of metrics is named by its setting, and may meet another one of the same node. */
const inUse = (listenerName: string, address: string): string =>
  listenerName.includes('.')
    ? `${address} is in use, by another process or another listener of this node; choose another port for it`
    : `${address} is in use by another process; stop it, or choose another port (--port N, or listeners in the properties file)`

export function bindError(listenerName: string, { host, port }: { host: string; port: number }, error: unknown): OdradekError {
  const code = (error as { code?: string }).code
  const address = `${host === '' ? '0.0.0.0' : host}:${port}`
  const what =
    code === 'EADDRINUSE'
      ? inUse(listenerName, address)
      : code === 'EACCES'
        ? `${address} may not be bound by this user; choose a port above 1023`
        : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
          ? `${host} is no address of this machine; correct the host of the listener`
          : `${address} could not be bound (${code ?? 'unknown error'})`
  return new OdradekError('LISTENER_BIND_FAILED', `Listener ${listenerName}: ${what}`, { cause: error })
}
