// What a request handler is. One file an API in handlers/, named by its key; the table of all handlers is what
// ApiVersions advertises. A handler returns plain data; it never sees a socket.

import { assert } from '@odradek/base'
import type { Input, MessageCodec } from '@odradek/protocol'
import { type ApiInfo, apiKeys } from '@odradek/protocol'

export interface RequestContext {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string
  readonly listenerName: string
  readonly principal: string
  readonly clientAddress: string
  /** The address of ours that the client reached, and its port. */
  readonly localAddress: string
  readonly localPort: number
  readonly connectionId: string
  /** Wall clock, ms, when the request was read. */
  readonly now: number
  /** Set by a handler that lends buffers to its response: called when they are sent. */
  onSent?: () => void
  /** Set by a handler that waits: called when the connection goes before the answer, which nobody wants any more. */
  onAbandoned?: () => void
  /** The connection is gone. */
  isAbandoned?: boolean
}

/** An answer that is not a response: nothing is sent (acks=0), or the connection is closed (an error under acks=0). */
export const NO_RESPONSE = Symbol('no response')
export const CLOSE_CONNECTION = Symbol('close connection')
export type Answer<R> = Input<R> | typeof NO_RESPONSE | typeof CLOSE_CONNECTION

export type Handle<B, Q, R> = (broker: B, request: Q, context: RequestContext) => Answer<R> | Promise<Answer<R>>

export interface HandlerOptions<Q, R> {
  /** The answer when the handler failed unexpectedly. Default: the top-level error code where the response has one, else the connection closes. */
  readonly failure?: (request: Q, errorCode: number, context: RequestContext) => Input<R> | undefined
  /** Handled without waiting for the answers of the same API before it on the connection. */
  readonly mayOverlap?: boolean
  /** Nothing refers to the request's bytes once the handler has returned, even when it returned a promise: they may be reused. */
  readonly isDoneWithRequest?: boolean
  /** False: served, but not told to clients by ApiVersions. */
  readonly isAdvertised?: boolean
  /** The answer, in version 0, to a version that is not supported. Without it the connection closes. */
  readonly unsupportedVersion?: () => Input<R>
}

/** A handler with its types forgotten, as the dispatcher holds it. */
export interface Handler<B> {
  readonly api: ApiInfo
  /** The highest version that is served: the unstable ones above `advertisedMax` are not. */
  readonly maxVersion: number
  readonly request: MessageCodec<unknown>
  readonly response: MessageCodec<unknown>
  readonly handle: Handle<B, unknown, unknown>
  readonly failure: (request: unknown, errorCode: number, context: RequestContext) => object | undefined
  readonly unsupportedVersion: (() => object) | undefined
  readonly mayOverlap: boolean
  readonly isDoneWithRequest: boolean
  readonly isAdvertised: boolean
}

export function defineHandler<B, Q, R>(
  request: MessageCodec<Q>,
  response: MessageCodec<R>,
  handle: Handle<B, Q, R>,
  options: HandlerOptions<Q, R> = {}
): Handler<B> {
  const api = request.apiKey === undefined ? undefined : apiKeys.get(request.apiKey)
  assert(api !== undefined, `${request.name} is not a request`)
  return {
    api,
    maxVersion: api.advertisedMax,
    request: request as MessageCodec<unknown>,
    response: response as MessageCodec<unknown>,
    handle: handle as Handle<B, unknown, unknown>,
    failure: (options.failure ?? ((_, errorCode) => topLevelError(response, errorCode))) as Handler<B>['failure'],
    unsupportedVersion: options.unsupportedVersion as Handler<B>['unsupportedVersion'],
    mayOverlap: options.mayOverlap ?? false,
    isDoneWithRequest: options.isDoneWithRequest ?? false,
    isAdvertised: options.isAdvertised ?? true
  }
}

/** Undefined when the response cannot say that the whole request failed. */
function topLevelError<R>(response: MessageCodec<R>, errorCode: number): Input<R> | undefined {
  const empty = response.create() as object
  return 'errorCode' in empty ? ({ ...empty, errorCode } as Input<R>) : undefined
}

export type HandlerTable<B> = ReadonlyMap<number, Handler<B>>

export function handlerTable<B>(handlers: readonly Handler<B>[]): HandlerTable<B> {
  return new Map(handlers.map((handler) => [handler.api.key, handler]))
}
