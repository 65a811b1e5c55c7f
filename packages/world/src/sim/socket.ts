import { createDiskError } from '../disk-error.ts'
import type { Socket, SocketHandlers } from '../ports.ts'
import type { SimHost, SimListener, SimNetwork } from './network.ts'
import { Pipe } from './pipe.ts'
import type { SimProcess } from './process.ts'

/** As in the Node world: above it `write` answers false. */
const HIGH_WATER_MARK = 256 * 1024
const END = Symbol('end of stream')

export function connectSockets(network: SimNetwork, process: SimProcess, listener: SimListener): { client: SimSocket; server: SimSocket } {
  const client = new SimSocket(network, process, process.node.host.nextPort++)
  const server = new SimSocket(network, listener.process, listener.port)
  client.join(server)
  server.join(client)
  return { client, server }
}

/** One end of a connection, with the behaviour of the Node world: an end of stream is answered by our own. */
export class SimSocket implements Socket {
  readonly host: SimHost
  readonly localAddress: string
  readonly localPort: number
  outgoing!: Pipe
  peer!: SimSocket
  readonly #network: SimNetwork
  readonly #process: SimProcess
  #handlers: SocketHandlers | undefined
  readonly #unread: (Buffer | typeof END)[] = []
  #unreadBytes = 0
  #state: 'open' | 'closed' | 'vanished' = 'open'
  #isPaused = false
  #isEnded = false
  #isEndReceived = false
  #needsDrain = false
  #isFlushing = false
  #isDelivering = false
  /** Set once it is closed and nobody was there to be told. */
  #untold: { error: Error | undefined } | undefined

  constructor(network: SimNetwork, process: SimProcess, localPort: number) {
    this.#network = network
    this.#process = process
    this.host = process.node.host
    this.localAddress = this.host.address
    this.localPort = localPort
    this.host.sockets.add(this)
  }

  join(peer: SimSocket): void {
    this.peer = peer
    this.outgoing = new Pipe(this.#network, this, peer)
  }

  get remoteAddress(): string {
    return this.peer.localAddress
  }

  get remotePort(): number {
    return this.peer.localPort
  }

  get bufferedBytes(): number {
    return this.outgoing.queuedBytes
  }

  get unreadBytes(): number {
    return this.#unreadBytes
  }

  // ---- the port

  setHandlers(handlers: SocketHandlers): void {
    this.#handlers = handlers
    const untold = this.#untold
    this.#untold = undefined
    if (untold !== undefined) this.#process.after(0, 'net.close', () => handlers.onClose(untold.error))
    else this.#deliverSoon()
  }

  write(buffers: readonly Buffer[]): boolean {
    if (!this.#process.effect('net.write') || this.#state !== 'open' || this.#isEnded) return false
    this.outgoing.write(buffers)
    if (this.outgoing.queuedBytes < HIGH_WATER_MARK) return true
    this.#needsDrain = true
    return false
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#deliverSoon()
  }

  end(): void {
    if (this.#isEnded || this.#state !== 'open' || !this.#process.effect('net.end')) return
    this.#isEnded = true
    this.outgoing.end()
    this.#closeWhenDone()
  }

  destroy(error?: Error): void {
    if (this.#state !== 'open' || !this.#process.effect('net.destroy')) return
    this.#leave()
    this.#tellClose(error)
  }

  // ---- from the kernel and the wire

  onSegment(data: Buffer): void {
    if (this.#state !== 'open') {
      // Nobody is here any more: the kernel answers with a reset.
      const { simulation } = this.#network
      simulation.schedule(this.#network.drawDelayMs(), 'net.reset', () => this.peer.reset('ECONNRESET'))
      return
    }
    this.#unread.push(data)
    this.#unreadBytes += data.length
    this.#deliver()
  }

  onFin(): void {
    if (this.#state !== 'open') return
    this.#unread.push(END)
    this.#deliver()
  }

  /** The connection broke: what is queued and unread is lost. */
  reset(code: string): void {
    if (this.#state !== 'open') return
    this.outgoing.clear()
    this.#close()
    this.#tellClose(createDiskError(code, `connection ${this.localPort} of ${this.host.name} with ${this.peer.host.name}`))
  }

  /** The process died; its kernel closes the connection. */
  closeByKernel(): void {
    if (this.#state === 'open') this.#leave()
  }

  /** The machine lost power: nobody is told anything. */
  vanish(): void {
    this.outgoing.dropQueue()
    this.#state = 'vanished'
  }

  onProcessResumed(): void {
    this.#deliverSoon()
    if (this.outgoing.queuedBytes > 0) this.flushSoon()
  }

  /** The window opened: the process moves on what it has queued. */
  flushSoon(): void {
    if (this.#isFlushing || this.#state !== 'open') return
    this.#isFlushing = true
    this.#process.after(0, 'net.flush', () => {
      this.#isFlushing = false
      if (this.#state !== 'open') return
      this.outgoing.flush()
      if (this.#needsDrain && this.outgoing.queuedBytes === 0) {
        this.#needsDrain = false
        this.#handlers?.onDrain()
      }
      this.#closeWhenDone()
    })
  }

  #deliverSoon(): void {
    if (this.#isDelivering || this.#unread.length === 0) return
    this.#isDelivering = true
    this.#process.after(0, 'net.deliver', () => {
      this.#isDelivering = false
      this.#deliver()
    })
  }

  /** Hands one unread piece to the handlers, if they take it now. */
  #deliver(): void {
    const handlers = this.#handlers
    if (handlers === undefined || this.#isPaused || this.#state !== 'open' || this.#process.isSuspended || !this.#process.isAlive) return
    const piece = this.#unread.shift()
    if (piece === undefined) return
    if (piece === END) {
      this.#isEndReceived = true
      if (handlers.onEnd() !== true) this.end()
      this.#closeWhenDone()
      return
    }
    this.#unreadBytes -= piece.length
    // The room is the sender's again.
    if (this.peer.outgoing.queuedBytes > 0) this.peer.flushSoon()
    handlers.onData(handlers.target === undefined ? piece : lend(piece, handlers.target()))
    this.#deliverSoon()
  }

  #closeWhenDone(): void {
    if (this.#state !== 'open' || !this.#isEndReceived || !this.outgoing.isEndSent) return
    this.#close()
    this.#tellClose(undefined)
  }

  /** Closes our side; the peer sees the end of the stream, or a reset when we leave bytes unread. */
  #leave(): void {
    const hasUnread = this.#unreadBytes > 0
    this.#close()
    if (hasUnread) {
      this.outgoing.clear()
      this.#network.simulation.schedule(this.#network.drawDelayMs(), 'net.reset', () => this.#resetPeer())
    } else {
      this.outgoing.dropQueue()
      this.outgoing.end()
    }
  }

  #resetPeer(): void {
    const link = this.#network.link(this.host.name, this.peer.host.name)
    if (!link.isBlocked && !this.outgoing.isDead) this.peer.reset('ECONNRESET')
  }

  #close(): void {
    this.#state = 'closed'
    this.#unread.length = 0
    this.#unreadBytes = 0
    this.host.sockets.delete(this)
  }

  #tellClose(error: Error | undefined): void {
    this.#process.after(0, 'net.close', () => {
      if (this.#handlers === undefined) this.#untold = { error }
      else this.#handlers.onClose(error)
    })
  }
}

/** The piece in the place where its owner wants it, as far as that reaches, so that nobody relies on keeping it. */
function lend(piece: Buffer, target: Buffer | undefined): Buffer {
  if (target === undefined || target.length < piece.length) return piece
  piece.copy(target)
  return target.subarray(0, piece.length)
}
