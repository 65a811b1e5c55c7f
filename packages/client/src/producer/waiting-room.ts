// Sends that cannot be taken yet: their topic is not known, or buffer.memory is full. In order, each until its deadline (max.block.ms).
//
// Contract: whoever sends to a topic while others wait for it goes behind them; whoever needs memory goes behind all that need it. So the
// order of a partition is that of the calls. A record leaves by being taken, by its deadline, or by its signal; never silently.

import { ErrorCode } from '@odradek/protocol'
import type { TimerHandle, World } from '@odradek/world'
import { KafkaError, timedOut } from '../errors.ts'
import type { PreparedRecord } from './prepared-record.ts'
import type { RecordMetadata } from './types.ts'

export interface WaitingSend {
  readonly record: PreparedRecord
  readonly deadlineMs: number
  readonly resolve: (result: PromiseLike<RecordMetadata>) => void
  readonly reject: (error: unknown) => void
  /** Counts up in the order of the calls. */
  readonly id: number
  isGone: boolean
}

export class WaitingRoom {
  readonly #world: World
  readonly #maxBlockMs: number
  readonly #memoryBytes: number
  /** Tries again to take it; undefined: still no memory. Throws what the record fails with. */
  readonly #take: (record: PreparedRecord) => PromiseLike<RecordMetadata> | undefined
  readonly #queue: WaitingSend[] = []
  #head = 0
  readonly #byTopic = new Map<string, WaitingSend[]>()
  /** In the order of the calls. */
  readonly #all = new Set<WaitingSend>()
  #entered = 0
  /** Of all that wait. */
  #bytes = 0
  #timer: TimerHandle | undefined
  #onEmpty: (() => void)[] = []
  #onLeave: (() => void)[] = []

  constructor(
    world: World,
    limits: { maxBlockMs: number; memoryBytes: number },
    take: (record: PreparedRecord) => PromiseLike<RecordMetadata> | undefined
  ) {
    this.#world = world
    this.#maxBlockMs = limits.maxBlockMs
    this.#memoryBytes = limits.memoryBytes
    this.#take = take
  }

  get size(): number {
    return this.#all.size
  }

  /** Somebody waits for memory. */
  get isShort(): boolean {
    return this.#head < this.#queue.length
  }

  /** Somebody waits for memory, or those who wait for their topics hold as much as buffer.memory. */
  get isFull(): boolean {
    return this.isShort || this.#bytes >= this.#memoryBytes
  }

  isWaitingFor(topic: string): boolean {
    return this.#byTopic.size > 0 && this.#byTopic.has(topic)
  }

  forMemory(record: PreparedRecord, signal: AbortSignal | undefined): Promise<RecordMetadata> {
    return this.#enter(record, signal, (waiting) => {
      this.#queue.push(waiting)
      this.#arm()
    })
  }

  /** True for the first one: then somebody has to find the topic and call `topicKnown` or `topicFailed`. */
  forTopic(record: PreparedRecord, signal: AbortSignal | undefined, onFirst: () => void): Promise<RecordMetadata> {
    return this.#enter(record, signal, (waiting) => {
      const others = this.#byTopic.get(record.topic)
      if (others !== undefined) {
        others.push(waiting)
        return
      }
      this.#byTopic.set(record.topic, [waiting])
      onFirst()
    })
  }

  topicKnown(topic: string): void {
    const waiting = this.#byTopic.get(topic) ?? []
    this.#byTopic.delete(topic)
    // one by one: there may be more of them than a call takes arguments
    for (const each of waiting) this.#queue.push(each)
    this.pump()
    this.#arm()
  }

  /** Out of time is each one by its own deadline: true when there are some who have time left, so that the topic is to be looked for again. */
  topicFailed(topic: string, error: unknown): boolean {
    const now = this.#world.clock.monotonicMs()
    const isTimeout = error instanceof KafkaError && error.errorCode === ErrorCode.REQUEST_TIMED_OUT
    const left: WaitingSend[] = []
    for (const each of this.#byTopic.get(topic) ?? []) {
      if (each.isGone) continue
      if (isTimeout && each.deadlineMs > now) left.push(each)
      else this.#leave(each, () => each.reject(error))
    }
    if (left.length > 0) this.#byTopic.set(topic, left)
    else this.#byTopic.delete(topic)
    return left.length > 0
  }

  /** How long the one who has waited longest for the topic still may, ms. */
  timeLeftMs(topic: string): number {
    const [first] = this.#byTopic.get(topic) ?? []
    return first === undefined ? this.#maxBlockMs : Math.max(1, first.deadlineMs - this.#world.clock.monotonicMs())
  }

  /** There may be memory now. */
  pump(): void {
    while (this.#head < this.#queue.length) {
      const waiting = this.#queue[this.#head]
      if (!waiting.isGone && !this.#tryTake(waiting)) break
      this.#head++
    }
    if (this.#head === this.#queue.length || this.#head > 10_000) {
      this.#queue.splice(0, this.#head)
      this.#head = 0
    }
    this.#tellReady()
  }

  #tellReady(): void {
    if (this.#onEmpty.length === 0 || this.isFull) return
    const listeners = this.#onEmpty
    this.#onEmpty = []
    for (const listener of listeners) listener()
  }

  /** Resolves when there is room again. */
  ready(): Promise<void> {
    return this.isFull ? new Promise((resolve) => this.#onEmpty.push(resolve)) : Promise.resolve()
  }

  /** Resolves when everybody who waits now has been taken or has gone. */
  async settled(): Promise<void> {
    const last = this.#entered
    for (;;) {
      const [oldest] = this.#all
      if (oldest === undefined || oldest.id > last) return
      await new Promise<void>((resolve) => this.#onLeave.push(resolve))
    }
  }

  rejectAll(error: KafkaError): void {
    this.#byTopic.clear()
    for (const waiting of [...this.#all]) this.#leave(waiting, () => waiting.reject(error))
    this.pump()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #tryTake(waiting: WaitingSend): boolean {
    try {
      const delivery = this.#take(waiting.record)
      if (delivery === undefined) return false
      this.#leave(waiting, () => waiting.resolve(delivery))
    } catch (error) {
      this.#leave(waiting, () => waiting.reject(error))
    }
    return true
  }

  #enter(record: PreparedRecord, signal: AbortSignal | undefined, place: (waiting: WaitingSend) => void): Promise<RecordMetadata> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const deadlineMs = this.#world.clock.monotonicMs() + this.#maxBlockMs
    const { promise, resolve, reject } = Promise.withResolvers<RecordMetadata>()
    const waiting: WaitingSend = { record, deadlineMs, resolve, reject, id: ++this.#entered, isGone: false }
    if (signal !== undefined) {
      const onAbort = (): void => this.#leave(waiting, () => reject(signal.reason))
      signal.addEventListener('abort', onAbort, { once: true })
      const detach = (): void => signal.removeEventListener('abort', onAbort)
      promise.then(detach, detach)
    }
    this.#all.add(waiting)
    this.#bytes += record.sizeMax
    place(waiting)
    return promise
  }

  #leave(waiting: WaitingSend, settle: () => void): void {
    if (waiting.isGone) return
    waiting.isGone = true
    this.#all.delete(waiting)
    this.#bytes -= waiting.record.sizeMax
    settle()
    this.#tellReady()
    const listeners = this.#onLeave
    this.#onLeave = []
    for (const listener of listeners) listener()
  }

  /** Deadlines of those who wait for memory come about in their order. */
  #arm(): void {
    if (this.#timer !== undefined || !this.isShort) return
    const now = this.#world.clock.monotonicMs()
    const delayMs = Math.max(0, this.#queue[this.#head].deadlineMs - now)
    this.#timer = this.#world.timers.schedule(delayMs, () => {
      this.#timer = undefined
      this.#expire()
      this.#arm()
    })
  }

  #expire(): void {
    const now = this.#world.clock.monotonicMs()
    for (let i = this.#head; i < this.#queue.length && this.#queue[i].deadlineMs <= now; i++) {
      const waiting = this.#queue[i]
      this.#leave(waiting, () => waiting.reject(timedOut('Waiting for room in buffer.memory', this.#maxBlockMs)))
    }
    this.pump()
  }
}
