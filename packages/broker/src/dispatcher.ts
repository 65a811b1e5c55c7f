// From a frame to a handler and back to bytes: header, version negotiation, body, authorization hook, answer.
//
// A request that cannot be understood (unknown key, key not served here, version out of range, bytes that lie) closes its
// connection, as Kafka does; only ApiVersions of an unknown version gets an answer, in version 0 (KIP-511). A handler that
// fails answers UNKNOWN_SERVER_ERROR where its response can carry it. An AssertionError passes through: it stops the node.
import { AssertionError, DecodeError } from '@odradek/base'
import { decodeRequestHeader, ErrorCode, encodeResponseFrame } from '@odradek/protocol'
import type { FrameHandler, FrameResult, ServerConnection } from '@odradek/transport'
import type { World } from '@odradek/world'
import { CLOSE_CONNECTION, type Handler, type HandlerTable, NO_RESPONSE, type RequestContext } from './handler.ts'
import type { RequestInterceptor } from './interceptor.ts'
import type { ApiMetrics, RequestMetrics } from './metrics/request-metrics.ts'

export interface DispatcherOptions<B> {
  readonly world: World
  readonly broker: B
  readonly handlers: HandlerTable<B>
  /** Where requests are counted and timed; nowhere when absent. */
  readonly metrics?: RequestMetrics
  readonly interceptor?: RequestInterceptor
}

export class Dispatcher<B> implements FrameHandler {
  readonly #world: World
  readonly #broker: B
  readonly #handlers: HandlerTable<B>
  readonly #metrics: RequestMetrics | undefined
  readonly #interceptor: RequestInterceptor | undefined
  /** The request that waits for its answer on a connection; of those that may overlap none is kept. */
  readonly #waiting = new Map<ServerConnection, RequestContext>()

  constructor(options: DispatcherOptions<B>) {
    this.#world = options.world
    this.#broker = options.broker
    this.#handlers = options.handlers
    this.#metrics = options.metrics
    this.#interceptor = options.interceptor
  }

  mayOverlap(frame: Buffer): boolean {
    return frame.length >= 2 && this.#interceptor?.mayHold !== true && this.#handlers.get(frame.readInt16BE(0))?.mayOverlap === true
  }

  isDoneWith(frame: Buffer): boolean {
    return this.#interceptor?.mayHold !== true && this.#handlers.get(frame.readInt16BE(0))?.isDoneWithRequest === true
  }

  isParked(connection: ServerConnection): boolean {
    return this.#waiting.get(connection)?.onAbandoned !== undefined
  }

  onClosed(connection: ServerConnection): void {
    const context = this.#waiting.get(connection)
    if (context === undefined) return
    this.#waiting.delete(connection)
    context.isAbandoned = true
    context.onAbandoned?.()
  }

  onFrame(frame: Buffer, connection: ServerConnection): FrameResult | Promise<FrameResult> {
    if (frame.length < 8) throw new DecodeError(`a request of ${frame.length} bytes has no header`)
    const apiKey = frame.readInt16BE(0)
    const version = frame.readInt16BE(2)
    const handler = this.#handlers.get(apiKey)
    if (handler === undefined) throw new DecodeError(`API key ${apiKey} is not served on listener ${connection.listenerName}`)
    if (version < handler.api.min || version > handler.maxVersion) return this.#refuseVersion(handler, frame, version)
    const header = decodeRequestHeader(frame)
    const request = handler.request.decodeAt(frame, header.bodyOffset, version).value
    const context = this.#context(header, connection)
    const result = this.#interceptor === undefined ? this.#run(handler, request, context) : this.#intercept(handler, request, context)
    if (!(result instanceof Promise) || handler.mayOverlap) return result
    return this.#waitFor(result, context, connection)
  }

  #run(handler: Handler<B>, request: unknown, context: RequestContext): FrameResult | Promise<FrameResult> {
    return this.#metrics === undefined ? this.#handle(handler, request, context) : this.#timed(this.#metrics, handler, request, context)
  }

  #intercept(handler: Handler<B>, request: unknown, context: RequestContext): FrameResult | Promise<FrameResult> {
    const { apiKey, apiVersion, clientId } = context
    const proceed = () => this.#run(handler, request, context)
    const fail = (errorCode: number) => this.#failure(handler, request, errorCode, context)
    return (this.#interceptor as RequestInterceptor).intercept({ apiKey, apiVersion, clientId, proceed, fail })
  }

  #timed(metrics: RequestMetrics, handler: Handler<B>, request: unknown, context: RequestContext): FrameResult | Promise<FrameResult> {
    const { clock } = this.#world
    const api = metrics.onRequest(context.apiKey, context.apiVersion)
    const startMs = clock.monotonicMs()
    const result = this.#handle(handler, request, context)
    const nowMs = clock.monotonicMs()
    api.localTimeMs.record(nowMs - startMs, nowMs)
    if (result instanceof Promise) return this.#timedLater(result, api, startMs)
    api.totalTimeMs.record(nowMs - startMs, nowMs)
    return result
  }

  #timedLater(result: Promise<FrameResult>, api: ApiMetrics, startMs: number): Promise<FrameResult> {
    const { clock } = this.#world
    return result.then((value) => {
      const nowMs = clock.monotonicMs()
      api.totalTimeMs.record(nowMs - startMs, nowMs)
      return value
    })
  }

  #waitFor(result: Promise<FrameResult>, context: RequestContext, connection: ServerConnection): Promise<FrameResult> {
    this.#waiting.set(connection, context)
    return result.finally(() => {
      if (this.#waiting.get(connection) === context) this.#waiting.delete(connection)
    })
  }

  #context(
    header: { apiKey: number; apiVersion: number; correlationId: number; clientId: string | null },
    connection: ServerConnection
  ): RequestContext {
    const { socket } = connection
    return {
      apiKey: header.apiKey,
      apiVersion: header.apiVersion,
      correlationId: header.correlationId,
      clientId: header.clientId ?? '',
      listenerName: connection.listenerName,
      principal: 'User:ANONYMOUS',
      clientAddress: socket.remoteAddress,
      localAddress: socket.localAddress,
      localPort: socket.localPort,
      connectionId: connection.id,
      now: this.#world.clock.now()
    }
  }

  #refuseVersion(handler: Handler<B>, frame: Buffer, version: number): FrameResult {
    if (handler.unsupportedVersion === undefined) throw new DecodeError(`${handler.api.name} version ${version} is not supported`)
    return encodeResponseFrame(handler.response, { correlationId: frame.readInt32BE(4), apiVersion: 0 }, handler.unsupportedVersion())
  }

  #handle(handler: Handler<B>, request: unknown, context: RequestContext): FrameResult | Promise<FrameResult> {
    let answer: unknown
    try {
      answer = handler.handle(this.#broker, request, context)
    } catch (error) {
      return this.#failed(handler, request, context, error)
    }
    if (!(answer instanceof Promise)) return this.#encode(handler, context, answer)
    return answer.then(
      (value) => this.#encode(handler, context, value),
      (error) => this.#failed(handler, request, context, error)
    )
  }

  #encode(handler: Handler<B>, context: RequestContext, answer: unknown): FrameResult {
    if (answer === NO_RESPONSE) return 'none'
    if (answer === CLOSE_CONNECTION) return 'close'
    const buffers = encodeResponseFrame(handler.response, context, answer as object)
    return context.onSent === undefined ? buffers : { buffers, onSent: context.onSent }
  }

  #failed(handler: Handler<B>, request: unknown, context: RequestContext, error: unknown): FrameResult {
    if (error instanceof AssertionError || error instanceof DecodeError) throw error
    const what = `${handler.api.name} version ${context.apiVersion} from ${context.connectionId}`
    this.#world.logger.log('ERROR', 'kafka.server.KafkaApis', `Unexpected error handling ${what}`, error)
    return this.#failure(handler, request, ErrorCode.UNKNOWN_SERVER_ERROR, context)
  }

  #failure(handler: Handler<B>, request: unknown, errorCode: number, context: RequestContext): FrameResult {
    const failure = handler.failure(request, errorCode, context)
    return failure === undefined ? 'close' : this.#encode(handler, context, failure)
  }
}
