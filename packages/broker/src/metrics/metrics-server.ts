// A very small HTTP server: GET /metrics, one answer a connection. It speaks to scrapers, so it takes few of them, short
// requests, and gives them little time.
import type { Listener, Socket, World } from '@odradek/world'

export interface MetricsServerOptions {
  readonly world: World
  readonly host: string
  readonly port: number
  /** The text, chunk by chunk; made anew for each request. */
  readonly text: () => Iterable<string>
}

interface Exchange {
  received: string
  onDrain: () => void
}

const CONNECTIONS_MAX = 16
const REQUEST_BYTES_MAX = 8 * 1024
/** For the request to come and the answer to be read. */
const DEADLINE_MS = 10_000
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export class MetricsServer {
  readonly #options: MetricsServerOptions
  readonly #sockets = new Set<Socket>()
  #listener: Listener | undefined

  static async listen(options: MetricsServerOptions): Promise<MetricsServer> {
    const server = new MetricsServer(options)
    const { world, host, port } = options
    server.#listener = await world.network.listen({ host, port }, (socket) => server.#onAccept(socket))
    return server
  }

  private constructor(options: MetricsServerOptions) {
    this.#options = options
  }

  get port(): number {
    return this.#listener?.port ?? this.#options.port
  }

  async close(): Promise<void> {
    const closed = this.#listener?.close()
    for (const socket of [...this.#sockets]) socket.destroy()
    await closed
  }

  #onAccept(socket: Socket): void {
    if (this.#sockets.size >= CONNECTIONS_MAX) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    const { timers } = this.#options.world
    const deadline = timers.schedule(DEADLINE_MS, () => socket.destroy())
    const exchange: Exchange = { received: '', onDrain: () => {} }
    socket.setHandlers({
      onData: (chunk) => {
        const isAnswered = exchange.received.includes('\r\n\r\n')
        if (isAnswered) return
        exchange.received += chunk.toString('latin1')
        if (exchange.received.includes('\r\n\r\n')) this.#answer(socket, exchange)
        else if (exchange.received.length > REQUEST_BYTES_MAX) socket.destroy()
      },
      onDrain: () => exchange.onDrain(),
      onEnd: () => {
        if (!exchange.received.includes('\r\n\r\n')) socket.destroy()
        return true
      },
      onClose: () => {
        deadline.cancel()
        this.#sockets.delete(socket)
      }
    })
  }

  #answer(socket: Socket, exchange: Exchange): void {
    const [method, target] = exchange.received.slice(0, exchange.received.indexOf('\r\n')).split(' ')
    const path = target?.split('?')[0]
    if (path !== '/metrics') refuse(socket, '404 Not Found')
    else if (method !== 'GET') refuse(socket, '405 Method Not Allowed')
    else this.#send(socket, exchange)
  }

  /** A chunk a turn of the event loop, and none while the peer does not read. */
  #send(socket: Socket, exchange: Exchange): void {
    const { world, text } = this.#options
    const chunks = text()[Symbol.iterator]()
    const next = (): void => {
      if (!this.#sockets.has(socket)) return
      try {
        const { value, done } = chunks.next()
        if (done === true) socket.end()
        else if (socket.write([Buffer.from(value)])) world.timers.schedule(0, next)
      } catch (error) {
        world.logger.log('ERROR', 'kafka.metrics', 'The metrics could not be told', error)
        socket.destroy()
      }
    }
    exchange.onDrain = next
    // Without a length the end of the connection is the end of the text.
    socket.write([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: ${CONTENT_TYPE}\r\nConnection: close\r\n\r\n`)])
    next()
  }
}

function refuse(socket: Socket, status: string): void {
  socket.write([Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)])
  socket.end()
}
