// One listener: accepts within the quotas, owns its connections, and looks now and then for those that are idle, that send
// a frame too slowly, or that do not read their answers while memory for answers is short.
import { BufferPool } from '@odradek/base'
import type { Listener, Socket, TimerHandle, World } from '@odradek/world'
import type { ConnectionQuotas } from './connection-quotas.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { RateLimitedLog } from './rate-limited-log.ts'
import { type FrameHandler, ServerConnection } from './server-connection.ts'

export interface SocketServerOptions {
  readonly world: World
  readonly listenerName: string
  readonly host: string
  readonly port: number
  /** socket.listen.backlog.size; the system's default where absent. */
  readonly backlog?: number
  readonly handler: FrameHandler
  readonly quotas: ConnectionQuotas
  readonly requestMemory: MemoryBudget
  readonly responseMemory: MemoryBudget
  readonly requestBytesMax: () => number
  /** connections.max.idle.ms */
  readonly idleMs: () => number
  /** How long a started frame may take to arrive. */
  readonly frameDeadlineMs?: () => number
}

/** Unused buffers for large frames kept for the next ones. */
const FRAME_POOL_BYTES = 16 * 1024 * 1024
const FRAME_DEADLINE_MS = 30_000
/** Without a byte taken, while memory for answers is full and others wait for it: less than the patience of a client. */
const STALL_MS = 5_000
const SWEEP_MS = 1_000

export class SocketServer {
  readonly listenerName: string
  readonly #options: SocketServerOptions
  readonly #log: RateLimitedLog
  readonly #connections = new Set<ServerConnection>()
  readonly #buffers = new BufferPool(FRAME_POOL_BYTES)
  #listener: Listener | undefined
  #sweep: TimerHandle | undefined
  #onEmpty: (() => void) | undefined
  #isStopping = false
  /** Connections made before `open` wait unread, as in the backlog of a socket. */
  #held: Set<ServerConnection> | undefined = new Set()
  /** Connections that came too fast wait unread for their turn. */
  readonly #delayed = new Map<ServerConnection, TimerHandle>()
  #sequence = 0

  static async listen(options: SocketServerOptions): Promise<SocketServer> {
    const server = new SocketServer(options)
    const { host, port, backlog } = options
    server.#listener = await options.world.network.listen({ host, port, backlog }, (socket) => server.#onAccept(socket))
    return server
  }

  private constructor(options: SocketServerOptions) {
    this.#options = options
    this.listenerName = options.listenerName
    this.#log = new RateLimitedLog(options.world, 'kafka.network.SocketServer')
  }

  get host(): string {
    return this.#listener?.host ?? this.#options.host
  }

  get port(): number {
    return this.#listener?.port ?? this.#options.port
  }

  get connections(): ReadonlySet<ServerConnection> {
    return this.#connections
  }

  /** Starts to read requests. */
  open(): void {
    const held = this.#held
    this.#held = undefined
    for (const connection of held ?? []) if (!connection.isClosed) connection.socket.resume()
  }

  /** Accepts no more, lets what is in handling be answered for up to `graceMs`, then ends all connections. */
  async close(graceMs: number): Promise<void> {
    if (this.#isStopping) return
    this.#isStopping = true
    const closed = this.#listener?.close()
    const answered = this.#whenEmpty()
    for (const connection of [...this.#connections]) connection.closeWhenAnswered()
    const { timers } = this.#options.world
    const deadline = timers.schedule(graceMs, () => {
      for (const connection of [...this.#connections]) connection.destroy()
    })
    await answered
    deadline.cancel()
    this.#sweep?.cancel()
    await closed
  }

  #whenEmpty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
    })
  }

  #onAccept(socket: Socket): void {
    if (this.#isStopping) {
      socket.destroy()
      return
    }
    const now = this.#options.world.clock.monotonicMs()
    const admission = this.#options.quotas.admit(this.listenerName, socket.remoteAddress, now)
    if ('refused' in admission) {
      this.#log.log(
        'WARN',
        'refused',
        `Rejected connection from ${socket.remoteAddress} on listener ${this.listenerName}: ${admission.refused}`
      )
      socket.destroy()
      return
    }
    const connection = this.#connect(socket)
    if (this.#held !== undefined) {
      this.#held.add(connection)
      socket.pause()
      return
    }
    if (admission.delayMs === 0) return
    this.#log.log('INFO', 'delayed', `New connections come faster than allowed; ${socket.remoteAddress} waits ${admission.delayMs} ms`)
    socket.pause()
    const turn = this.#options.world.timers.schedule(admission.delayMs, () => {
      this.#delayed.delete(connection)
      socket.resume()
    })
    this.#delayed.set(connection, turn)
  }

  #connect(socket: Socket): ServerConnection {
    const { world, handler, requestBytesMax, requestMemory, responseMemory, quotas } = this.#options
    const id = `${socket.localAddress}:${socket.localPort}-${socket.remoteAddress}:${socket.remotePort}-${this.#sequence++}`
    const connection = new ServerConnection({
      id,
      world,
      socket,
      listenerName: this.listenerName,
      handler,
      log: this.#log,
      requestBytesMax,
      requestMemory,
      responseMemory,
      buffers: this.#buffers,
      onClose: (closed) => {
        this.#connections.delete(closed)
        this.#delayed.get(closed)?.cancel()
        this.#delayed.delete(closed)
        quotas.release(this.listenerName, socket.remoteAddress, world.clock.monotonicMs())
        if (this.#connections.size === 0) this.#onEmpty?.()
      }
    })
    this.#connections.add(connection)
    this.#scheduleSweep()
    return connection
  }

  #scheduleSweep(): void {
    if (this.#sweep !== undefined || this.#isStopping) return
    const { idleMs, frameDeadlineMs, world } = this.#options
    const everyMs = Math.max(1, Math.min(SWEEP_MS, idleMs() / 2, (frameDeadlineMs?.() ?? FRAME_DEADLINE_MS) / 2))
    this.#sweep = world.timers.schedule(everyMs, () => {
      this.#sweep = undefined
      this.#closeExpired()
      if (this.#connections.size > 0) this.#scheduleSweep()
    })
  }

  #closeExpired(): void {
    const { world, responseMemory } = this.#options
    const now = world.clock.monotonicMs()
    const idleMs = this.#options.idleMs()
    const frameDeadlineMs = this.#options.frameDeadlineMs?.() ?? FRAME_DEADLINE_MS
    for (const connection of [...this.#connections]) {
      const quietMs = connection.idleMs(now)
      if (connection.frameAgeMs(now) > frameDeadlineMs) {
        this.#log.log(
          'WARN',
          'slow frame',
          `Closing connection ${connection.id}: a request took longer than ${frameDeadlineMs} ms to arrive`
        )
        connection.destroy()
      } else if (connection.isStalled && responseMemory.isFull && quietMs > STALL_MS) {
        this.#log.log(
          'WARN',
          'stalled',
          `Closing connection ${connection.id}: it does not read its responses and memory for responses is short`
        )
        connection.destroy()
      } else if (idleMs > 0 && quietMs > idleMs) {
        connection.destroy()
      }
    }
  }
}
