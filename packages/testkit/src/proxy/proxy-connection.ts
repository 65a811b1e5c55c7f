// One connection through the proxy. Requests and answers are cut into frames, so that an answer can be dropped, cut, held back or rewritten;
// answers leave in the order of the requests, also those that the proxy gives itself.
import { apiKeys, decodeRequestHeader, decodeResponseHeader, encodeResponseFrame } from '@odradek/protocol'
import { FrameReader } from '@odradek/transport'
import type { Socket, SocketHandlers } from '@odradek/world'
import type { FaultProxy, ProxyFault, ProxyRequest } from './fault-proxy.ts'
import { Lane } from './lane.ts'

const FRAME_BYTES_MAX = 128 << 20

interface Slot {
  readonly request: ProxyRequest
  readonly fault: ProxyFault | undefined
  answer: readonly Buffer[] | undefined
}

export class ProxyConnection {
  readonly #proxy: FaultProxy
  readonly #nodeId: number
  readonly #client: Socket
  readonly #requests = new FrameReader(() => FRAME_BYTES_MAX)
  readonly #answers = new FrameReader(() => FRAME_BYTES_MAX)
  /** Requests whose answers have not left, oldest first. */
  readonly #slots: Slot[] = []
  #broker: Socket | undefined
  #up: Lane | undefined
  #down: Lane | undefined
  #isClosed = false
  /** Nothing more leaves for the client: the connection ends once what is before it has. */
  #isEnding = false

  constructor(proxy: FaultProxy, nodeId: number, client: Socket) {
    this.#proxy = proxy
    this.#nodeId = nodeId
    this.#client = client
    client.setHandlers(this.#handlers(this.#requests, (frame) => this.#onRequest(frame)))
    client.pause()
    proxy.connectBroker().then(
      (broker) => this.#join(broker),
      () => this.close()
    )
  }

  /** Bytes may flow again. */
  pump(): void {
    this.#up?.pump()
    this.#down?.pump()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#up?.close()
    this.#down?.close()
    this.#client.destroy()
    this.#broker?.destroy()
    this.#proxy.forget(this.#nodeId, this)
  }

  #join(broker: Socket): void {
    if (this.#isClosed) {
      broker.destroy()
      return
    }
    this.#broker = broker
    const { world, up, down } = this.#proxy
    this.#up = new Lane(world, up, this.#client, broker)
    this.#down = new Lane(world, down, broker, this.#client)
    broker.setHandlers(this.#handlers(this.#answers, (frame) => this.#onAnswer(frame)))
    broker.resume()
    this.#client.resume()
  }

  #handlers(reader: FrameReader, onFrame: (frame: Buffer) => void): SocketHandlers {
    const isClient = reader === this.#requests
    return {
      onData: (chunk) => {
        if (this.#isClosed) return
        reader.push(chunk)
        for (let frame = reader.next(); frame !== undefined && !this.#isClosed; frame = reader.next()) onFrame(frame)
      },
      target: () => reader.target(),
      onDrain: () => (isClient ? this.#down : this.#up)?.drained(),
      onEnd: () => this.#endAfterAnswers(),
      onClose: () => this.#endAfterAnswers()
    }
  }

  /** One side is gone: the other is, as soon as what came from it has been passed on. */
  #endAfterAnswers(): void {
    if (this.#down === undefined) this.close()
    else this.#down.whenEmpty(() => this.close())
  }

  #onRequest(frame: Buffer): void {
    const header = decodeRequestHeader(frame)
    const codec = apiKeys.get(header.apiKey)?.request
    const decode = (): unknown => codec?.decodeAt(frame, header.bodyOffset, header.apiVersion).value
    let body: unknown
    const request: ProxyRequest = {
      ...header,
      nodeId: this.#nodeId,
      get body() {
        body ??= decode()
        return body as never
      }
    }
    this.#proxy.onRequest?.(request)
    const fault = this.#proxy.fault?.(request)
    if (fault === 'cut before') {
      this.close()
      return
    }
    const own = typeof fault === 'object' && 'answer' in fault ? fault.answer : this.#proxy.cluster.refuse(request)
    if (own === undefined) this.#up?.push([sizeOf(frame), frame])
    if (header.apiKey === 0 && (request.body as { acks: number }).acks === 0) return
    const slot: Slot = { request, fault, answer: undefined }
    this.#slots.push(slot)
    if (own === undefined) return
    slot.answer = Buffer.isBuffer(own) ? [own] : this.#encode(request, own)
    this.#flush()
  }

  #onAnswer(frame: Buffer): void {
    const slot = this.#slots.find(({ answer }) => answer === undefined)
    if (slot === undefined) return
    const { request } = slot
    this.#proxy.onAnswer?.(request, frame.length)
    const { cluster } = this.#proxy
    if (cluster.rewrites(request.apiKey)) {
      const { bodyOffset } = decodeResponseHeader(frame, request)
      const body = apiKeys.get(request.apiKey)?.response.decodeAt(frame, bodyOffset, request.apiVersion).value
      cluster.rewrite(this.#nodeId, request.apiKey, body)
      slot.answer = this.#encode(request, body as object)
    } else slot.answer = [sizeOf(frame), frame]
    this.#flush()
  }

  #encode(request: ProxyRequest, body: object): Buffer[] {
    const api = apiKeys.get(request.apiKey)
    if (api === undefined) throw new Error(`no API ${request.apiKey}`)
    return encodeResponseFrame(api.response, request, body as never)
  }

  #flush(): void {
    while (this.#slots[0]?.answer !== undefined && !this.#isEnding && !this.#isClosed) {
      const { fault, answer = [] } = this.#slots.shift() as Slot
      if (fault === 'swallow') {
        // An answer less, and all behind it would be taken for its own: nothing follows.
        this.#isEnding = true
      } else if (fault === 'cut after' || fault === 'cut inside') {
        this.#isEnding = true
        const bytes = Buffer.concat(answer)
        if (fault === 'cut inside') this.#down?.push([bytes.subarray(0, bytes.length >> 1)])
        this.#endAfterAnswers()
      } else this.#down?.push(answer, typeof fault === 'object' && 'lateMs' in fault ? fault.lateMs : 0)
    }
  }
}

function sizeOf(frame: Buffer): Buffer {
  const size = Buffer.allocUnsafe(4)
  size.writeInt32BE(frame.length)
  return size
}
