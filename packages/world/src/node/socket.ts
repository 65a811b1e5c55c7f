// A TCP socket over node:net. Bytes are read into the owner's buffer where it has a place for them, else into the scratch of
// the network, which is everybody's in turn; a write of many buffers leaves as one writev. Whatever goes wrong ends in one
// onClose: there is always an 'error' listener, from the moment the socket exists.

import * as net from 'node:net'
import type { Socket, SocketHandlers } from '../ports.ts'
import { knownTlsError } from './known-tls-error.ts'

/** The bytes of one read, until the turn of the next socket. */
export const SCRATCH_BYTES = 64 * 1024

/** Calls `onRead(bytes, buffer)` after each read into the buffer that `buffer()` gave. */
export interface ReadHook {
  buffer: () => Buffer
  callback: (bytes: number, buffer: Buffer) => boolean
}

/** What a socket is made with, and tied to its {@link NodeSocket} afterwards: node:net takes the hook only when it makes one. */
export class ReadBuffers implements ReadHook {
  readonly #scratch: Buffer
  handlers: SocketHandlers | undefined
  isPaused = false

  constructor(scratch: Buffer) {
    this.#scratch = scratch
  }

  readonly buffer = (): Buffer => this.handlers?.target?.() ?? this.#scratch

  readonly callback = (bytes: number, buffer: Buffer): boolean => {
    const chunk = buffer.subarray(0, bytes)
    const handlers = this.handlers
    handlers?.onData(handlers.target === undefined ? Buffer.from(chunk) : chunk)
    return !this.isPaused
  }

  /** For sockets that cannot read into a buffer of ours. */
  readonly onData = (chunk: Buffer): void => this.handlers?.onData(chunk)
}

/** The connection of an accepted, paused socket in a new one that reads with `hook`, which a server cannot be told to do. */
export function adopt(accepted: net.Socket, options: net.SocketConstructorOpts, hook: ReadHook): net.Socket {
  const holder = accepted as unknown as { _handle: unknown }
  const handle = holder._handle
  holder._handle = null
  return new net.Socket({ ...options, handle, onread: hook, manualStart: true } as net.SocketConstructorOpts)
}

export class NodeSocket implements Socket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly #socket: net.Socket
  readonly #reads: ReadBuffers
  #handlers: SocketHandlers | undefined
  #error: Error | undefined
  #isClosed = false
  #needsDrain = false

  constructor(socket: net.Socket, reads: ReadBuffers) {
    this.#socket = socket
    this.#reads = reads
    this.remoteAddress = plainAddress(socket.remoteAddress)
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = plainAddress(socket.localAddress)
    this.localPort = socket.localPort ?? 0
    socket.on('error', (error) => {
      this.#error ??= knownTlsError(error)
    })
    socket.on('close', () => {
      this.#isClosed = true
      this.#handlers?.onClose(this.#error)
    })
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  setHandlers(handlers: SocketHandlers): void {
    const isFirst = this.#handlers === undefined
    this.#handlers = handlers
    this.#reads.handlers = handlers
    if (!isFirst) return
    if (this.#isClosed) {
      setImmediate(() => handlers.onClose(this.#error))
      return
    }
    this.#socket.on('drain', () => {
      if (!this.#needsDrain) return
      this.#needsDrain = false
      this.#handlers?.onDrain()
    })
    this.#socket.on('end', () => {
      // After an alert of TLS the stream ends as well; the error is what counts, and onClose brings it.
      const staysOpen = this.#error === undefined && this.#handlers?.onEnd() === true
      if (!staysOpen) this.#socket.end()
    })
    // A server makes its connection wait in this very turn: nothing is read before that is known.
    process.nextTick(() => {
      if (!this.#reads.isPaused) this.#socket.resume()
    })
  }

  write(buffers: readonly Buffer[]): boolean {
    const socket = this.#socket
    if (!socket.writable) return false
    if (buffers.length === 1) {
      socket.write(buffers[0])
    } else {
      socket.cork()
      for (const buffer of buffers) if (buffer.length > 0) socket.write(buffer)
      socket.uncork()
    }
    // Asked now and not of the stream's write, which counts corked bytes that the kernel has taken meanwhile.
    if (socket.writableLength < socket.writableHighWaterMark) return true
    this.#needsDrain = true
    return false
  }

  pause(): void {
    this.#reads.isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#reads.isPaused = false
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(error?: Error): void {
    this.#socket.destroy(error)
  }
}

/** Java shows an IPv4 peer of a dual-stack listener as IPv4, and so do quotas and ACLs by address. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
