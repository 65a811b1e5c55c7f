// What may stand between requests and their handlers: there the controls of tests (startKafka) fail, hold and lose requests.
import type { FrameResult } from '@odradek/transport'

export interface InterceptedRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly clientId: string
  /** Hands it to its handler and gives the answer. At most once. */
  proceed(): FrameResult | Promise<FrameResult>
  /** The answer that all of the request failed; closes the connection where the response cannot say that. */
  fail(errorCode: number): FrameResult
}

export interface RequestInterceptor {
  /** While true no request overtakes another of its connection, and the bytes of requests are kept until they are answered. */
  readonly mayHold: boolean
  intercept(request: InterceptedRequest): FrameResult | Promise<FrameResult>
}
