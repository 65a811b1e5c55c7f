// A client of bytes: sends frames as the test makes them, and gives the answers as they come.
import net from 'node:net'
import { decodeResponseHeader, encodeRequestFrame, type Input, type MessageCodec } from '@odradek/protocol'

const ANSWER_TIMEOUT_MS = 10_000

export class RawClient {
  readonly socket: net.Socket
  readonly #answerTimeoutMs: number
  #chunks: Buffer[] = []
  #chunkBytes = 0
  #waiting: { resolve: (frame: Buffer | undefined) => void }[] = []
  #frames: Buffer[] = []
  #correlationId = 0
  isClosed = false

  static async connect(port: number, options: { answerTimeoutMs?: number } = {}): Promise<RawClient> {
    const socket = net.connect({ port, host: '127.0.0.1' })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve())
      socket.once('error', reject)
    })
    return new RawClient(socket, options)
  }

  constructor(socket: net.Socket, options: { answerTimeoutMs?: number } = {}) {
    this.socket = socket
    this.#answerTimeoutMs = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => this.#onData(chunk as Buffer))
    socket.on('close', () => {
      this.isClosed = true
      for (const { resolve } of this.#waiting.splice(0)) resolve(undefined)
    })
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes))
  }

  /** A frame of these bytes. */
  sendFrame(body: Buffer): void {
    const size = Buffer.alloc(4)
    size.writeInt32BE(body.length)
    this.send(size, body)
  }

  /** The next answer without its size; undefined when the connection is closed instead. */
  async nextFrame(): Promise<Buffer | undefined> {
    const frame = this.#frames.shift()
    if (frame !== undefined || this.isClosed) return frame
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer came')), this.#answerTimeoutMs)
    })
    try {
      return await Promise.race([new Promise<Buffer | undefined>((resolve) => this.#waiting.push({ resolve })), timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sends without waiting; the answer is the next but those of requests before it. Returns the correlation id. */
  request<Q>(codec: MessageCodec<Q>, apiVersion: number, body: Input<Q>): number {
    const correlationId = ++this.#correlationId
    this.send(...encodeRequestFrame(codec, { apiVersion, correlationId, clientId: 'raw' }, body))
    return correlationId
  }

  async response<R>(codec: MessageCodec<R>, apiVersion: number): Promise<{ correlationId: number; body: R }> {
    const frame = await this.nextFrame()
    if (frame === undefined) throw new Error('the broker closed the connection')
    const header = decodeResponseHeader(frame, { apiKey: codec.apiKey as number, apiVersion })
    const { value, end } = codec.decodeAt(frame, header.bodyOffset, apiVersion)
    if (end !== frame.length) throw new Error(`${frame.length - end} bytes behind the response`)
    return { correlationId: header.correlationId, body: value }
  }

  async call<Q, R>(request: MessageCodec<Q>, response: MessageCodec<R>, apiVersion: number, body: Input<Q>): Promise<R> {
    const correlationId = this.request(request, apiVersion, body)
    const answer = await this.response(response, apiVersion)
    if (answer.correlationId !== correlationId) throw new Error(`answer ${answer.correlationId} to request ${correlationId}`)
    return answer.body
  }

  /** True when the broker ends the connection without an answer. */
  async isEndedByBroker(): Promise<boolean> {
    return (await this.nextFrame()) === undefined
  }

  close(): void {
    this.socket.destroy()
  }

  /** Large answers come in many chunks: they are joined once. */
  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#chunkBytes += chunk.length
    while (this.#chunkBytes >= 4) {
      if (this.#chunks[0].length < 4) this.#join()
      const frameEnd = 4 + this.#chunks[0].readInt32BE(0)
      if (this.#chunkBytes < frameEnd) return
      this.#join()
      const frame = this.#chunks[0].subarray(4, frameEnd)
      this.#chunks = [this.#chunks[0].subarray(frameEnd)]
      this.#chunkBytes -= frameEnd
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#frames.push(frame)
      else waiting.resolve(frame)
    }
  }

  #join(): void {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
  }
}
