// A TCP socket over node:net. Chunks are handed on as they come; a write of many buffers leaves as one writev. Whatever
// goes wrong ends in one onClose: there is always an 'error' listener, from the moment the socket exists.

import type * as net from 'node:net'
import type { Socket, SocketHandlers } from '../ports.ts'

export class NodeSocket implements Socket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly #socket: net.Socket
  #handlers: SocketHandlers | undefined
  #error: Error | undefined
  #isClosed = false
  #needsDrain = false

  constructor(socket: net.Socket) {
    this.#socket = socket
    this.remoteAddress = plainAddress(socket.remoteAddress)
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = plainAddress(socket.localAddress)
    this.localPort = socket.localPort ?? 0
    socket.on('error', (error) => {
      this.#error ??= error
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
    this.#socket.on('end', () => this.#handlers?.onEnd())
    this.#socket.on('data', (chunk) => this.#handlers?.onData(chunk as Buffer))
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
    this.#socket.pause()
  }

  resume(): void {
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
