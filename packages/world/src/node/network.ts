import * as net from 'node:net'
import type { ConnectOptions, Listener, Logger, Network, Socket } from '../ports.ts'
import { canonicalNames } from './dns.ts'
import { adopt, NodeSocket, ReadBuffers, SCRATCH_BYTES } from './socket.ts'

/** Bytes of queued answers above which `write` says false. */
const HIGH_WATER_MARK = 256 * 1024
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, allowHalfOpen: false, highWaterMark: HIGH_WATER_MARK }

export function createNodeNetwork(logger: Logger): Network {
  const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  return {
    listen: (options, onConnection) => listen(options, onConnection, { logger, scratch }),
    connect: (options) => connect(options, scratch),
    canonicalNames,
    // the modules of HTTP take megabytes, and most processes never ask
    request: async (options) => await (await import('./http.ts')).request(options)
  }
}

interface ListenOptions {
  host: string
  port: number
  backlog?: number
}

function listen(
  options: ListenOptions,
  onConnection: (socket: Socket) => void,
  { logger, scratch }: { logger: Logger; scratch: Buffer }
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ ...SOCKET_OPTIONS, pauseOnConnect: true }, (accepted) => {
      const reads = new ReadBuffers(scratch)
      onConnection(new NodeSocket(adopt(accepted, { ...SOCKET_OPTIONS, allowHalfOpen: true }, reads), reads))
    })
    server.once('error', reject)
    server.listen({ host: options.host === '' ? undefined : options.host, port: options.port, backlog: options.backlog }, () => {
      server.removeListener('error', reject)
      // After this an error is one of a single accept (no descriptors left, the peer went away): the listener goes on.
      server.on('error', (error) => logger.log('ERROR', 'kafka.network.Acceptor', 'Error while accepting connection', error))
      const address = server.address() as net.AddressInfo
      resolve({
        host: options.host,
        port: address.port,
        // close() frees the port at once; its callback would wait for the open sockets.
        async close() {
          server.close()
        }
      })
    })
  })
}

type Secure = typeof import('./tls.ts').secure

async function connect(options: ConnectOptions, scratch: Buffer): Promise<Socket> {
  return await open(options, scratch, options.tls === undefined ? undefined : (await import('./tls.ts')).secure)
}

function open(options: ConnectOptions, scratch: Buffer, secure: Secure | undefined): Promise<Socket> {
  const { host, port, timeoutMs, tls } = options
  return new Promise((resolve, reject) => {
    const reads = new ReadBuffers(scratch)
    // Under TLS the bytes of this socket are not those to read.
    const socket = net.connect({ ...SOCKET_OPTIONS, host, port, onread: tls === undefined ? reads : undefined })
    socket.pause() // until there are handlers
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs)
    function onTimeout(): void {
      const error: NodeJS.ErrnoException = new Error(`connect ETIMEDOUT ${host}:${port} after ${timeoutMs} ms`)
      error.code = 'ETIMEDOUT'
      reject(error)
      socket.destroy(error)
    }
    function onError(error: Error): void {
      clearTimeout(timer)
      reject(error)
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      if (tls !== undefined && secure !== undefined) {
        secure(socket, host, tls).then((secured) => {
          clearTimeout(timer)
          secured.pause()
          secured.on('data', reads.onData)
          resolve(new NodeSocket(secured, reads))
        }, onError)
        return
      }
      clearTimeout(timer)
      socket.removeListener('error', onError)
      resolve(new NodeSocket(socket, reads))
    })
  })
}
