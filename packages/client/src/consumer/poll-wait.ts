// What a poll waits for, and what ends the waiting: something happened, wakeup(), a failure that the poll is to throw.
import type { World } from '@odradek/world'
import { KafkaError } from '../errors.ts'
import { unlessAborted } from '../network/retry.ts'

export class PollWait {
  readonly #world: World
  /** Of a poll, and of what else waits meanwhile (position). */
  readonly #waiting = new Set<() => void>()
  #listener: (() => void) | undefined
  #isWokenUp = false
  #error: KafkaError | undefined

  constructor(world: World) {
    this.#world = world
  }

  get isWokenUp(): boolean {
    return this.#isWokenUp
  }

  /** Somebody who waits should look again. */
  wake(): void {
    for (const each of [...this.#waiting]) each()
    this.#listener?.()
  }

  wakeup(): void {
    this.#isWokenUp = true
    this.wake()
  }

  /** The next poll throws it; the first of several. */
  fail(error: KafkaError): void {
    this.#error ??= error
    this.wake()
  }

  throwPending(): void {
    this.#throwWakeup('poll')
    this.throwFailure()
  }

  throwFailure(): void {
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw error
  }

  /** What a call waits for; wakeup() ends the waiting, not what is waited for. */
  async unlessWokenUp<T>(signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    this.#throwWakeup('call')
    const controller = new AbortController()
    const onAbort = (): void => controller.abort(signal?.reason)
    const onWake = (): void => {
      try {
        this.#throwWakeup('call')
      } catch (wakeup) {
        controller.abort(wakeup)
      }
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.add(onWake)
    try {
      return await unlessAborted(call(controller.signal), controller.signal)
    } finally {
      this.#waiting.delete(onWake)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #throwWakeup(what: string): void {
    if (!this.#isWokenUp) return
    this.#isWokenUp = false
    throw new KafkaError(-1, { code: 'WAKEUP', message: `wakeup() ended this ${what}`, retriable: true })
  }

  /** Instead of `changed`, for those who wait for something else meanwhile. */
  onWake(listener: (() => void) | undefined): void {
    this.#listener = listener
  }

  /** Until something happened, or the time is over. */
  changed(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#world.timers.schedule(timeoutMs, resolve)
    this.#waiting.add(resolve)
    return unlessAborted(promise, signal).finally(() => {
      this.#waiting.delete(resolve)
      timer.cancel()
    })
  }
}
