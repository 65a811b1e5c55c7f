// A world of hand-driven time and sockets for the tests of connections.
import type { Listener, LogLevel, Socket, SocketHandlers, TimerHandle, World } from '@odradek/world'

export class FakeSocket implements Socket {
  readonly remoteAddress: string
  readonly remotePort = 5555
  readonly localAddress = '127.0.0.1'
  readonly localPort = 9092
  handlers: SocketHandlers | undefined
  readonly written: Buffer[] = []
  writes = 0
  bufferedBytes = 0
  isPaused = false
  isEnded = false
  isDestroyed = false
  /** When false the kernel takes nothing. */
  peerReads = true

  constructor(remoteAddress = '127.0.0.1') {
    this.remoteAddress = remoteAddress
  }

  setHandlers(handlers: SocketHandlers): void {
    this.handlers = handlers
  }

  write(buffers: readonly Buffer[]): boolean {
    this.writes++
    this.written.push(...buffers)
    if (this.peerReads) return true
    for (const buffer of buffers) this.bufferedBytes += buffer.length
    return false
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  end(): void {
    this.isEnded = true
  }

  destroy(): void {
    this.isDestroyed = true
  }

  receive(...chunks: Buffer[]): void {
    for (const chunk of chunks) this.handlers?.onData(chunk)
  }

  drain(): void {
    this.bufferedBytes = 0
    this.peerReads = true
    this.handlers?.onDrain()
  }

  /** The bodies of the frames that were written. */
  get answers(): string[] {
    const all = Buffer.concat(this.written)
    const answers: string[] = []
    for (let position = 0; position < all.length; ) {
      const size = all.readInt32BE(position)
      answers.push(all.toString('latin1', position + 4, position + 4 + size))
      position += 4 + size
    }
    return answers
  }
}

export class FakeWorld {
  nowMs = 0
  readonly lines: string[] = []
  halted: unknown
  #timers: { atMs: number; callback: () => void; isCancelled: boolean }[] = []
  #deferred: (() => void)[] = []
  #accept: ((socket: Socket) => void) | undefined

  get world(): World {
    const self = this
    return {
      clock: { now: () => self.nowMs, monotonicMs: () => self.nowMs },
      timers: {
        schedule(delayMs: number, callback: () => void): TimerHandle {
          const timer = { atMs: self.nowMs + delayMs, callback, isCancelled: false }
          self.#timers.push(timer)
          return { cancel: () => (timer.isCancelled = true) }
        },
        defer: (callback: () => void) => self.#deferred.push(callback)
      },
      network: {
        async listen(options: { host: string; port: number }, onConnection: (socket: Socket) => void): Promise<Listener> {
          self.#accept = onConnection
          return { ...options, close: async () => {} }
        }
      },
      logger: { log: (level: LogLevel, _: string, message: string) => self.lines.push(`${level} ${message}`), isEnabled: () => true },
      halt: (_: string, error: unknown) => {
        self.halted = error
      }
    } as unknown as World
  }

  accept(socket: FakeSocket): FakeSocket {
    this.#accept?.(socket)
    return socket
  }

  /** Ends the turn: promises, then what was deferred, until all is quiet. */
  async turn(): Promise<void> {
    do {
      for (const callback of this.#deferred.splice(0)) callback()
      for (let i = 0; i < 10; i++) await undefined
    } while (this.#deferred.length > 0)
  }

  async advance(ms: number): Promise<void> {
    this.nowMs += ms
    for (;;) {
      const due = this.#timers.filter((timer) => !timer.isCancelled && timer.atMs <= this.nowMs)
      if (due.length === 0) break
      this.#timers = this.#timers.filter((timer) => !due.includes(timer))
      for (const timer of due) timer.callback()
    }
    await this.turn()
  }

  get pendingTimers(): number {
    return this.#timers.filter((timer) => !timer.isCancelled).length
  }
}

export function frame(body: string): Buffer {
  const buffer = Buffer.alloc(4 + body.length)
  buffer.writeInt32BE(body.length, 0)
  buffer.write(body, 4, 'latin1')
  return buffer
}

export function sizePrefix(size: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(size, 0)
  return buffer
}
