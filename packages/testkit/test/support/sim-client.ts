// The least that talks to a broker: one connection, requests with their answers in order, bytes checked on the way.

import assert from 'node:assert/strict'
import { decodeResponseHeader, encodeRequestFrame, type Input, type MessageCodec } from '@odradek/protocol'
import type { Socket, World } from '@odradek/world'

const REQUEST_TIMEOUT_MS = 5000

interface Waiting {
  apiKey: number
  apiVersion: number
  correlationId: number
  resolve(body: Buffer): void
  reject(error: Error): void
}

export class SimClient {
  readonly #world: World
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #received: Buffer = Buffer.alloc(0)
  #correlationId = 0
  #closed: Error | undefined

  static async connect(world: World, host: string, port: number): Promise<SimClient> {
    return new SimClient(world, await world.network.connect({ host, port, timeoutMs: 5000 }))
  }

  private constructor(world: World, socket: Socket) {
    this.#world = world
    this.#socket = socket
    socket.setHandlers({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => {},
      onEnd: () => {},
      onClose: (error) => this.#onClose(error ?? new Error('connection closed'))
    })
  }

  /** Rejects when the connection ends before the answer, or when that takes longer than five seconds. */
  async request<Q, R>(request: MessageCodec<Q>, response: MessageCodec<R>, apiVersion: number, body: Input<Q>): Promise<R> {
    const correlationId = this.#correlationId++
    const timeout = this.#world.timers.schedule(REQUEST_TIMEOUT_MS, () => this.#socket.destroy(new Error('no answer')))
    const answer = new Promise<Buffer>((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed)
        return
      }
      this.#waiting.push({ apiKey: request.apiKey ?? -1, apiVersion, correlationId, resolve, reject })
      this.#socket.write(encodeRequestFrame(request, { apiVersion, correlationId, clientId: 'sim' }, body))
    })
    try {
      return response.decode(await answer, apiVersion)
    } finally {
      timeout.cancel()
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
      const end = 4 + this.#received.readInt32BE(0)
      const frame = this.#received.subarray(4, end)
      this.#received = this.#received.subarray(end)
      const waiting = this.#waiting.shift()
      assert.ok(waiting !== undefined, 'an answer that nobody waits for')
      const { correlationId, bodyOffset } = decodeResponseHeader(frame, waiting)
      assert.equal(correlationId, waiting.correlationId, 'answers come in the order of the requests')
      waiting.resolve(frame.subarray(bodyOffset))
    }
  }

  #onClose(error: Error): void {
    this.#closed = error
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error)
  }
}
