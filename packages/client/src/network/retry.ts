// Waiting with bounds: sleeping, backing off, and trying again until a deadline or a signal ends it.
import { OdradekError } from '@odradek/base'
import type { World } from '@odradek/world'
import { type KafkaError, timedOut, toKafkaError } from '../errors.ts'

export interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
}

/** As the Java client: doubled for each failure, up to the maximum, ± 20 %. `failures` counts from 0. */
export function backoffMs({ initialMs, maxMs }: Backoff, failures: number, world: Pick<World, 'random'>): number {
  const term = Math.min(maxMs, initialMs * 2 ** Math.min(failures, 30))
  return term * (0.8 + world.random.below(4001) / 10_000)
}

/** Rejects with the reason of the signal. */
export function sleep(world: World, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = world.timers.schedule(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** The promise, or the reason of the signal if that comes first. The promise goes on for whoever else waits for it. */
export function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

export interface RetryOptions {
  readonly world: World
  /** For the error: what did not succeed. */
  readonly what: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Of the client: ends it too. Not AbortSignal.any, which some versions of Node keep for as long as its sources live. */
  readonly closing?: AbortSignal
  readonly backoff: Backoff
  /** Default: until the deadline. */
  readonly retries?: number
  /** What to tell of when the time is over before the first attempt failed: what the attempt itself waited for. */
  readonly obstacle?: () => KafkaError | undefined
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the time is over: then REQUEST_TIMED_OUT with the last failure as its
 * cause. The signal that `attempt` gets ends with the deadline and with the caller's own.
 */
export async function retrying<T>(options: RetryOptions, attempt: (signal: AbortSignal, failures: number) => Promise<T>): Promise<T> {
  const { world, signal, closing, timeoutMs, backoff, retries = Infinity } = options
  signal?.throwIfAborted()
  closing?.throwIfAborted()
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(signal?.reason)
  const onClosing = (): void => controller.abort(closing?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  closing?.addEventListener('abort', onClosing, { once: true })
  const deadline = Symbol('deadline')
  const timer = world.timers.schedule(timeoutMs, () => controller.abort(deadline))
  let last: KafkaError | undefined
  try {
    for (let failures = 0; ; failures++) {
      try {
        return await attempt(controller.signal, failures)
      } catch (error) {
        if (controller.signal.aborted) throw controller.signal.reason
        if (!(error instanceof OdradekError)) throw error
        last = toKafkaError(error)
        if (!last.retriable || failures >= retries) throw last
      }
      await sleep(world, backoffMs(backoff, failures, world), controller.signal)
    }
  } catch (error) {
    throw error === deadline ? timedOut(options.what, timeoutMs, last ?? options.obstacle?.()) : error
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
    closing?.removeEventListener('abort', onClosing)
  }
}
