// A real broker as the target of scripts: each request on a connection of its own.
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { decodeResponseHeader, encodeRequestFrame } from '@odradek/protocol'
import { type AnyCodec, type ApiRequest, apis, CLIENT_ID } from './apis.ts'
import type { Pending, Target } from './scenario.ts'

const ANSWER_TIMEOUT_MS = 10_000

export class SocketTarget implements Target {
  readonly #host: string
  readonly #port: number
  readonly #sockets = new Set<Socket>()

  constructor(host: string, port: number) {
    this.#host = host
    this.#port = port
  }

  send({ api, version, body }: ApiRequest): Pending {
    return this.request(apis[api], version, body)
  }

  request([request, response]: readonly [AnyCodec, AnyCodec], version: number, body: object): Pending {
    const socket = connect(this.#port, this.#host)
    this.#sockets.add(socket)
    let hasCome = false
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0)
      socket.on('error', reject)
      socket.on('close', () => reject(new Error(`connection closed without an answer to ${request.name}`)))
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk])
        if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
        const frame = received.subarray(4)
        const { bodyOffset } = decodeResponseHeader(frame, { apiKey: request.apiKey ?? -1, apiVersion: version })
        hasCome = true
        resolve(response.decodeAt(frame, bodyOffset, version).value)
        this.#sockets.delete(socket)
        socket.destroy()
      })
    })
    answer.catch(() => undefined)
    for (const buffer of encodeRequestFrame(request, { apiVersion: version, correlationId: 1, clientId: CLIENT_ID }, body))
      socket.write(buffer)
    return {
      answer: async () => {
        const timedOut = setTimeout(ANSWER_TIMEOUT_MS, undefined, { ref: false }).then(() => ({ never: 'came' }))
        return Promise.race([answer, timedOut])
      },
      hasCome: async () => {
        await setTimeout(150)
        return hasCome
      }
    }
  }

  async wait(ms: number): Promise<void> {
    await setTimeout(ms)
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
