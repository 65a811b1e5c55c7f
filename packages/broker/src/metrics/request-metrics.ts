// How many requests of each API came in which version, and how long they took. Off, it costs one look at a field.
import { Histogram } from './histogram.ts'

export class ApiMetrics {
  /** By version; sparse. */
  readonly requests: number[] = []
  /** From the frame's arrival at its handler to its answer. */
  readonly totalTimeMs = new Histogram()
  /** Of it, until the handler returned; the rest was waited for. */
  readonly localTimeMs = new Histogram()
}

export class RequestMetrics {
  /** By API key; sparse. */
  readonly apis: (ApiMetrics | undefined)[] = []

  onRequest(apiKey: number, version: number): ApiMetrics {
    let api = this.apis[apiKey]
    if (api === undefined) {
      api = new ApiMetrics()
      this.apis[apiKey] = api
    }
    api.requests[version] = (api.requests[version] ?? 0) + 1
    return api
  }
}
