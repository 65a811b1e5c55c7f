// One TCP connection of a client to a broker: requests out, pipelined; answers in, in the order of the requests.
//
// Contract: an answer is taken for the oldest request in flight and its correlation id must say so; a wrong id, an oversize
// frame, or bytes that do not decode end the connection with PROTOCOL_VIOLATION for the request they came for. Every other
// end (peer gone, close, idle, a request out of time) fails what is in flight with a retriable error. At most `inFlightMax`
// requests are sent and not answered, at most WAITING_MAX wait behind them, and nothing is sent while the kernel or the
// broker's throttle (KIP-219) says no. Requests of one turn of the event loop leave as one vectored write. One timer a connection.
// The buffers of a body are written without a copy: they are the connection's until the promise of the request settles.
import { OdradekError } from '@odradek/base'
import {
  ApiKey,
  ApiVersionsRequest,
  ApiVersionsResponse,
  decodeResponseHeader,
  ErrorCode,
  encodeRequestFrame,
  type Input,
  type MessageCodec
} from '@odradek/protocol'
import { isTlsError, type Socket, type TimerHandle, type World } from '@odradek/world'
import { BrokerApiVersions, newestApiVersionsVersion } from './api-versions.ts'
import { connectionBusy, connectionClosed, connectionFailed, protocolViolation, requestTimeout, tlsFailed } from './client-errors.ts'
import type { ClientSecurity } from './client-security.ts'
import { FrameReader } from './frame-reader.ts'
import { authenticate, type SaslChannel } from './sasl/authenticate.ts'
import type { SaslMechanism } from './sasl/mechanism.ts'

export interface ClientConnectionOptions {
  readonly world: World
  readonly host: string
  readonly port: number
  readonly clientId?: string | null
  /** Default: plain text. */
  readonly security?: ClientSecurity
  /** socket.connection.setup.timeout.ms. Default 10 s. */
  readonly connectTimeoutMs?: number
  /** request.timeout.ms, for requests that do not say otherwise. Default 30 s. */
  readonly requestTimeoutMs?: number
  /** connections.max.idle.ms; below 0: never. Default 9 min. */
  readonly idleMs?: number
  /** max.in.flight.requests.per.connection. Default 100. */
  readonly inFlightMax?: number
  /** Answers beyond this end the connection. Default 256 MiB. */
  readonly responseBytesMax?: number
  /** What ApiVersions tells of us (KIP-511). */
  readonly software?: { readonly name: string; readonly version: string }
  readonly observer?: ConnectionObserver
  readonly signal?: AbortSignal
}

/** What a connection tells of itself, as it happens; for metrics. Must not throw. */
export interface ConnectionObserver {
  onRequest(apiName: string, bytes: number): void
  /** `latencyMs`: since the request was given to the socket. */
  onResponse(apiName: string, bytes: number, latencyMs: number, throttleTimeMs: number): void
  onAuthenticated(latencyMs: number, isAgain: boolean): void
  onAuthenticationFailed(isAgain: boolean): void
}

export interface SendOptions {
  /** Default: the highest that both sides know within min and max. */
  readonly version?: number
  readonly minVersion?: number
  readonly maxVersion?: number
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** False (Produce with acks=0): resolves to undefined once the bytes are given to the socket. */
  readonly expectsResponse?: boolean
}

type Decode = (frame: Buffer, offset: number) => unknown

interface Pending {
  readonly correlationId: number
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  readonly buffers: readonly Buffer[]
  /** undefined: no answer comes. */
  readonly decode: Decode | undefined
  /** Goes out while others must wait for it. */
  readonly isAuthentication: boolean
  sentAtMs: number
  readonly timeoutMs: number
  readonly deadlineMs: number
  /** Empty once the caller gave up: the answer is still taken off the stream. */
  settle: { resolve(value: unknown): void; reject(error: unknown): void } | undefined
  detach: (() => void) | undefined
}

const { SASL_HANDSHAKE, SASL_AUTHENTICATE } = ApiKey
const WAITING_MAX = 10_000
/** How long a peer may take to end the connection after we did. */
const LINGER_MS = 1_000
const DEFAULT_SOFTWARE = { name: 'odradek', version: '0.1.0' }

export class ClientConnection {
  readonly host: string
  readonly port: number
  readonly #world: World
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #clientId: string | null
  readonly #requestTimeoutMs: number
  readonly #idleMs: number
  readonly #inFlightMax: number
  readonly #inFlight: Pending[] = []
  readonly #waiting: Pending[] = []
  #outgoing: Pending[] = []
  readonly #closeListeners = new Set<(error: OdradekError) => void>()
  readonly #sasl: SaslMechanism | undefined
  readonly #observer: ConnectionObserver | undefined
  #apiVersions: BrokerApiVersions | undefined
  #isAuthenticating = false
  /** From then on the next request waits for a new authentication (KIP-368). */
  #reauthenticateAtMs = Infinity
  #correlationId = 0
  #isFlushScheduled = false
  #isDraining = false
  #throttledUntilMs = 0
  #lastActiveMs: number
  #timer: TimerHandle | undefined
  #timerAtMs = Infinity
  #closeError: OdradekError | undefined
  #isClosedByUs = false
  #linger: TimerHandle | undefined

  /**
   * Resolves when the broker has said what it supports and has taken the credentials. Rejects with a retriable CONNECTION_FAILED, with
   * SSL_AUTHENTICATION_FAILED, SASL_AUTHENTICATION_FAILED and the like, which are for good, or PROTOCOL_VIOLATION.
   */
  static async connect(options: ClientConnectionOptions): Promise<ClientConnection> {
    const { world, host, port, signal, security = {} } = options
    signal?.throwIfAborted()
    const tls = await security.tls?.()
    const connecting = world.network.connect({ host, port, timeoutMs: options.connectTimeoutMs ?? 10_000, tls }).catch((error) => {
      throw connectionFailed(`${host}:${port}`, error, tls !== undefined)
    })
    const socket = await unlessAborted(connecting, signal, (late) => late.destroy())
    const connection = new ClientConnection(options, socket)
    try {
      await connection.#handshake(options)
      if (security.sasl !== undefined) await unlessAborted(connection.#authenticate(security.sasl), signal, () => {})
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  private constructor(options: ClientConnectionOptions, socket: Socket) {
    this.host = options.host
    this.port = options.port
    this.#world = options.world
    this.#socket = socket
    this.#clientId = options.clientId ?? null
    this.#sasl = options.security?.sasl
    this.#observer = options.observer
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 30_000
    this.#idleMs = (options.idleMs ?? 540_000) < 0 ? Infinity : (options.idleMs ?? 540_000)
    this.#inFlightMax = options.inFlightMax ?? 100
    const responseBytesMax = options.responseBytesMax ?? 256 * 1024 * 1024
    this.#reader = new FrameReader(() => responseBytesMax)
    this.#lastActiveMs = this.#now()
    socket.setHandlers({
      onData: (chunk) => this.#onData(chunk),
      target: () => this.#reader.target(),
      onDrain: () => this.#onDrain(),
      onEnd: () => this.#onEnd(),
      onClose: (error) => this.#onSocketClose(error)
    })
    this.#armAt(this.#lastActiveMs + this.#idleMs)
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  get isClosed(): boolean {
    return this.#closeError !== undefined
  }

  /** Closed by `close` or for being idle, not by a failure. */
  get isClosedByUs(): boolean {
    return this.#isClosedByUs
  }

  /** Requests sent or waiting to be sent whose answer has not come. */
  get inFlight(): number {
    return this.#inFlight.length + this.#waiting.length
  }

  get apiVersions(): BrokerApiVersions {
    if (this.#apiVersions === undefined) throw connectionClosed(this.address, 'it never opened')
    return this.#apiVersions
  }

  /** Features that the cluster runs (KIP-584): level by name. */
  get features(): ReadonlyMap<string, number> {
    return new Map(this.apiVersions.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]))
  }

  /** The highest version of the request that both sides know. Throws UNSUPPORTED_VERSION when there is none. */
  versionFor(codec: Pick<MessageCodec<unknown>, 'apiKey' | 'name'>, bounds?: { min?: number; max?: number }): number {
    return this.apiVersions.versionFor(codec, bounds)
  }

  send<Q, R>(
    request: MessageCodec<Q>,
    response: MessageCodec<R>,
    body: Input<Q>,
    options: SendOptions & { expectsResponse: false }
  ): Promise<undefined>
  send<Q, R>(request: MessageCodec<Q>, response: MessageCodec<R>, body: Input<Q>, options?: SendOptions): Promise<R>
  send<Q, R>(request: MessageCodec<Q>, response: MessageCodec<R>, body: Input<Q>, options: SendOptions = {}): Promise<R | undefined> {
    let version: number
    try {
      version = options.version ?? this.versionFor(request, { min: options.minVersion, max: options.maxVersion })
    } catch (error) {
      return Promise.reject(error)
    }
    const decode: Decode | undefined =
      options.expectsResponse === false ? undefined : (frame, offset) => response.decodeAt(frame, offset, version).value
    return this.#enqueue(request, body, version, decode, options) as Promise<R | undefined>
  }

  /** Called once when the connection is gone, in the turn of that; at once when it is gone already. */
  onClose(listener: (error: OdradekError) => void): void {
    if (this.#closeError !== undefined) listener(this.#closeError)
    else this.#closeListeners.add(listener)
  }

  /** Fails what is in flight with a retriable error. Bytes given to the socket still leave. Idempotent. */
  close(): void {
    if (this.#closeError !== undefined) return
    this.#flush()
    this.#isClosedByUs = true
    this.#end(connectionClosed(this.address, 'closed by this client'))
    this.#socket.end()
    this.#linger = this.#world.timers.schedule(LINGER_MS, () => this.#socket.destroy())
  }

  async #handshake(options: ClientConnectionOptions): Promise<void> {
    const software = options.software ?? DEFAULT_SOFTWARE
    const body = { clientSoftwareName: software.name, clientSoftwareVersion: software.version }
    let version = newestApiVersionsVersion
    for (;;) {
      const decode: Decode = (frame, offset) => decodeApiVersions(frame, offset, version)
      const response = (await this.#enqueue(ApiVersionsRequest, body, version, decode, { signal: options.signal })) as ApiVersionsResponse
      if (response.errorCode === ErrorCode.NONE) {
        if (response.apiKeys.length === 0) throw protocolViolation(this.address, 'it supports no request at all')
        this.#apiVersions = new BrokerApiVersions(this.address, response)
        return
      }
      if (response.errorCode !== ErrorCode.UNSUPPORTED_VERSION || version === 0)
        throw protocolViolation(this.address, `it answers ApiVersions with error ${response.errorCode}`)
      // The answer says what it knows; brokers before 2.4 say nothing, and then version 0 always works.
      const theirs = response.apiKeys.find(({ apiKey }) => apiKey === ApiVersionsRequest.apiKey)?.maxVersion ?? 0
      version = Math.max(0, Math.min(theirs, version - 1))
    }
  }

  /** Requests of others wait meanwhile; what is in flight is answered before, as a broker handles one request at a time. */
  async #authenticate(mechanism: SaslMechanism): Promise<void> {
    const isAgain = this.#reauthenticateAtMs !== Infinity
    const beganMs = this.#now()
    this.#isAuthenticating = true
    const channel: SaslChannel = {
      address: this.address,
      request: (request, response, body) => this.send(request, response, body, { minVersion: request.apiKey === SASL_HANDSHAKE ? 1 : 0 })
    }
    let lifetimeMs: number
    try {
      lifetimeMs = await authenticate(channel, mechanism, await mechanism.begin())
    } catch (error) {
      this.#observer?.onAuthenticationFailed(isAgain)
      throw error
    }
    this.#observer?.onAuthenticated(this.#now() - beganMs, isAgain)
    // As the Java client: early enough, and not all connections at once.
    const share = 0.85 + this.#world.random.below(1001) / 10_000
    this.#reauthenticateAtMs = lifetimeMs > 0 ? this.#now() + lifetimeMs * share : Infinity
    this.#isAuthenticating = false
    this.#pump()
  }

  #enqueue<Q>(
    request: MessageCodec<Q>,
    body: Input<Q>,
    version: number,
    decode: Decode | undefined,
    options: SendOptions
  ): Promise<unknown> {
    const { signal } = options
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError)
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#waiting.length >= WAITING_MAX) return Promise.reject(connectionBusy(this.address, WAITING_MAX))
    const correlationId = this.#correlationId
    this.#correlationId = (correlationId + 1) & 0x7fffffff
    const timeoutMs = options.timeoutMs ?? this.#requestTimeoutMs
    const deadlineMs = this.#now() + timeoutMs
    return new Promise((resolve, reject) => {
      const buffers = encodeRequestFrame(request, { apiVersion: version, correlationId, clientId: this.#clientId }, body)
      const pending: Pending = {
        correlationId,
        apiKey: request.apiKey ?? -1,
        apiVersion: version,
        apiName: request.name,
        buffers,
        decode,
        sentAtMs: 0,
        isAuthentication: request.apiKey === SASL_HANDSHAKE || request.apiKey === SASL_AUTHENTICATE,
        timeoutMs,
        deadlineMs,
        settle: { resolve, reject },
        detach: undefined
      }
      if (signal !== undefined) {
        const onAbort = (): void => this.#abandon(pending, signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        pending.detach = () => signal.removeEventListener('abort', onAbort)
      }
      if (pending.isAuthentication) this.#waiting.unshift(pending)
      else this.#waiting.push(pending)
      this.#armAt(deadlineMs)
      this.#pump()
    })
  }

  /** Gives waiting requests to the next write while all the bounds allow it. */
  #pump(): void {
    if (this.#isDraining || this.#closeError !== undefined) return
    if (this.#throttledUntilMs > 0 && this.#throttledUntilMs > this.#now()) return
    if (this.#reauthenticateAtMs !== Infinity) this.#reauthenticateWhenDue()
    while (this.#waiting.length > 0 && this.#inFlight.length < this.#inFlightMax) {
      if (this.#isAuthenticating && !this.#waiting[0].isAuthentication) break
      const pending = this.#waiting.shift() as Pending
      if (pending.decode !== undefined) this.#inFlight.push(pending)
      this.#outgoing.push(pending)
    }
    if (this.#outgoing.length === 0 || this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    this.#world.timers.defer(() => {
      this.#isFlushScheduled = false
      this.#flush()
      // Requests without an answer make no room by being answered.
      this.#pump()
    })
  }

  #reauthenticateWhenDue(): void {
    if (this.#sasl === undefined || this.#isAuthenticating || this.#waiting.length === 0 || this.#now() < this.#reauthenticateAtMs) return
    this.#authenticate(this.#sasl).catch((error) => this.#fail(error))
  }

  #flush(): void {
    if (this.#closeError !== undefined || this.#outgoing.length === 0) return
    const sent = this.#outgoing
    this.#outgoing = []
    const buffers: Buffer[] = []
    this.#lastActiveMs = this.#now()
    for (const pending of sent) {
      pending.sentAtMs = this.#lastActiveMs
      let bytes = 0
      for (const buffer of pending.buffers) {
        bytes += buffer.length
        buffers.push(buffer)
      }
      this.#observer?.onRequest(pending.apiName, bytes)
    }
    if (!this.#socket.write(buffers)) this.#isDraining = true
    for (const pending of sent) if (pending.decode === undefined) this.#resolve(pending, undefined)
  }

  #onData(chunk: Buffer): void {
    if (this.#closeError !== undefined) return
    this.#lastActiveMs = this.#now()
    this.#reader.push(chunk)
    try {
      for (;;) {
        const frame = this.#reader.next()
        if (frame === undefined) break
        this.#onFrame(frame)
        if (this.isClosed) return
      }
    } catch (error) {
      this.#violated(error instanceof Error ? error.message : String(error), error)
    }
    this.#pump()
  }

  #onFrame(frame: Buffer): void {
    const pending = this.#inFlight[0]
    if (pending === undefined) {
      this.#violated('it answers what nobody asked')
      return
    }
    const { value: header, error } = attempt(() => decodeResponseHeader(frame, pending))
    if (header === undefined || header.correlationId !== pending.correlationId) {
      this.#violated(
        header === undefined
          ? 'an answer has no header'
          : `an answer to request ${header.correlationId} came for request ${pending.correlationId}`,
        error
      )
      return
    }
    const body = attempt(() => pending.decode?.(frame, header.bodyOffset))
    if (body.error !== undefined) {
      this.#violated(`its answer to ${pending.apiName} version ${pending.apiVersion} does not decode`, body.error)
      return
    }
    this.#inFlight.shift()
    if (this.#inFlight.length === 0) this.#armAt(this.#lastActiveMs + this.#idleMs)
    const { throttleTimeMs = 0 } = body.value as { throttleTimeMs?: number }
    this.#observer?.onResponse(pending.apiName, frame.length, this.#lastActiveMs - pending.sentAtMs, throttleTimeMs)
    this.#throttle(throttleTimeMs)
    this.#resolve(pending, body.value)
  }

  #throttle(throttleTimeMs: number): void {
    if (throttleTimeMs <= 0) return
    this.#throttledUntilMs = this.#now() + throttleTimeMs
    this.#armAt(this.#throttledUntilMs)
  }

  #onDrain(): void {
    this.#isDraining = false
    this.#pump()
  }

  #onEnd(): void {
    // A broker that is killed ends inside an answer as easily as between two.
    this.#fail(connectionClosed(this.address, `the broker ended it${this.#reader.isMidFrame ? ' inside an answer' : ''}`))
  }

  #onSocketClose(error: Error | undefined): void {
    this.#linger?.cancel()
    // Under TLS 1.3 a server refuses a client's certificate after the client's part of the handshake.
    if (isTlsError(error) && this.#apiVersions === undefined)
      for (const pending of this.#inFlight) this.#reject(pending, tlsFailed(this.address, error))
    this.#end(connectionClosed(this.address, error?.message ?? 'the broker ended it', error))
  }

  /** The oldest request in flight fails for good: its answer was the wrong one. */
  #violated(what: string, cause?: unknown): void {
    const error = protocolViolation(this.address, what, cause)
    const [first] = this.#inFlight
    if (first !== undefined) this.#reject(first, error)
    this.#fail(error)
  }

  #fail(error: OdradekError): void {
    if (this.#closeError !== undefined) return
    this.#end(error)
    this.#socket.destroy()
  }

  #end(error: OdradekError): void {
    if (this.#closeError !== undefined) return
    const forOthers = error.retriable ? error : connectionClosed(this.address, error.message, error)
    this.#closeError = forOthers
    this.#timer?.cancel()
    this.#reader.clear()
    const pendings = [...this.#inFlight, ...this.#outgoing, ...this.#waiting]
    this.#inFlight.length = 0
    this.#outgoing = []
    this.#waiting.length = 0
    for (const pending of pendings) this.#reject(pending, forOthers)
    for (const listener of this.#closeListeners) listener(error)
    this.#closeListeners.clear()
  }

  #abandon(pending: Pending, reason: unknown): void {
    const at = this.#waiting.indexOf(pending)
    if (at >= 0) this.#waiting.splice(at, 1)
    this.#reject(pending, reason)
  }

  #resolve(pending: Pending, value: unknown): void {
    pending.detach?.()
    const { settle } = pending
    pending.settle = undefined
    settle?.resolve(value)
  }

  #reject(pending: Pending, error: unknown): void {
    pending.detach?.()
    const { settle } = pending
    pending.settle = undefined
    settle?.reject(error)
  }

  #armAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#closeError !== undefined) return
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    this.#timer = this.#world.timers.schedule(Math.max(0, atMs - this.#now()), () => this.#onTimer())
  }

  #onTimer(): void {
    this.#timerAtMs = Infinity
    const now = this.#now()
    const late = this.#inFlight.filter(({ deadlineMs }) => deadlineMs <= now)
    if (late.length > 0) {
      // Answers come in order: behind one that does not come, none comes.
      for (const pending of late) this.#reject(pending, requestTimeout(this.address, pending.apiName, pending.timeoutMs))
      this.#fail(connectionClosed(this.address, `no answer to ${late[0].apiName} within ${late[0].timeoutMs} ms`))
      return
    }
    for (const pending of this.#waiting.filter(({ deadlineMs }) => deadlineMs <= now)) {
      this.#waiting.splice(this.#waiting.indexOf(pending), 1)
      this.#reject(pending, requestTimeout(this.address, pending.apiName, pending.timeoutMs))
    }
    if (this.inFlight === 0 && now - this.#lastActiveMs >= this.#idleMs) {
      this.close()
      return
    }
    this.#pump()
    this.#armAt(this.#nextDeadlineMs(now))
  }

  #nextDeadlineMs(now: number): number {
    let next = this.inFlight === 0 ? this.#lastActiveMs + this.#idleMs : Infinity
    for (const { deadlineMs } of this.#inFlight) next = Math.min(next, deadlineMs)
    for (const { deadlineMs } of this.#waiting) next = Math.min(next, deadlineMs)
    if (this.#throttledUntilMs > now) next = Math.min(next, this.#throttledUntilMs)
    return next === Infinity ? now + this.#idleMs : next
  }

  #now(): number {
    return this.#world.clock.monotonicMs()
  }
}

/** An answer with error 35 is always of version 0, whatever version was asked (KIP-35). */
function decodeApiVersions(frame: Buffer, offset: number, version: number): ApiVersionsResponse {
  const isRefused = frame.length >= offset + 2 && frame.readInt16BE(offset) === ErrorCode.UNSUPPORTED_VERSION
  return ApiVersionsResponse.decodeAt(frame, offset, isRefused ? 0 : version).value
}

/** Hostile bytes are an outcome here; a bug still throws. */
function attempt<T>(decode: () => T): { value?: T; error?: OdradekError } {
  try {
    return { value: decode() }
  } catch (error) {
    if (error instanceof OdradekError) return { error }
    throw error
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined, discard: (value: T) => void): Promise<T> {
  if (signal === undefined) return promise
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      promise.then(discard, () => {})
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
