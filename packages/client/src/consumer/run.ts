// Handlers, many at once, in order a lane: a lane is a partition or a key. A record is finished when its handler has succeeded, or
// its dead letter is written; what is committed never passes an unfinished record. A record that fails for good without a dead letter
// topic ends the run with its error, uncommitted.
import { timedOut } from '../errors.ts'
import { sleep } from '../network/retry.ts'
import { invalidConfig } from '../options.ts'
import { type ConsumerEngine, endsWithin } from './engine.ts'
import type { PartitionState } from './partition-state.ts'
import type { ConsumerRecord } from './record.ts'
import { isRetryTopics, type RetryTopicsRun, reasonOf } from './retry-topics.ts'
import type { DeadLetter, DeadLetterSender, RetryPolicy, RunOptions } from './run-options.ts'

export interface HandlerContext {
  /** Aborts when the run ends or the partition was lost to another member. */
  readonly signal: AbortSignal
  /** From 1; goes on from topic to retry topic. */
  readonly attempt: number
}

export type Handler<K, V> = (record: ConsumerRecord<K, V>, context: HandlerContext) => unknown

/** Doubled for each retry, up to the maximum. */
export function backoff(retries: number, { initialMs = 100, maxMs = 10_000 }: { initialMs?: number; maxMs?: number } = {}): RetryPolicy {
  return { retries, delayMs: (attempt) => Math.min(maxMs, initialMs * 2 ** Math.min(30, attempt - 2)) }
}

interface Work<K, V> {
  readonly state: PartitionState
  readonly version: number
  readonly record: ConsumerRecord<K, V>
  readonly lane: string
}

const POLL_MS = 1000

export async function runHandlers<K, V>(
  engine: ConsumerEngine<K, V>,
  handler: Handler<K, V>,
  options: RunOptions,
  deadLetters: (() => DeadLetterSender) | undefined,
  retries?: RetryTopicsRun
): Promise<void> {
  const max = options.concurrency?.max ?? 1
  await new Runner(engine, handler, options, max, deadLetters, retries).run()
}

class Runner<K, V> {
  readonly #engine: ConsumerEngine<K, V>
  readonly #handler: Handler<K, V>
  readonly #options: RunOptions
  readonly #max: number
  readonly #deadLetters: (() => DeadLetterSender) | undefined
  readonly #retries: RetryTopicsRun | undefined
  readonly #stop = new AbortController()
  /** In order; the first of a lane may run. */
  readonly #lanes = new Map<string, Work<K, V>[]>()
  readonly #ready: string[] = []
  /** Lanes of paused partitions. */
  readonly #held = new Set<string>()
  readonly #running = new Set<Work<K, V>>()
  /** What handlers of a partition get: one for all, because one for each costs more than the rest of a record. */
  readonly #aborts = new Map<PartitionState, AbortController>()
  #queued = 0
  #letters: DeadLetterSender | undefined
  #failure: { readonly error: unknown } | undefined
  #idle: (() => void)[] = []

  constructor(
    engine: ConsumerEngine<K, V>,
    handler: Handler<K, V>,
    options: RunOptions,
    max: number,
    deadLetters: (() => DeadLetterSender) | undefined,
    retries: RetryTopicsRun | undefined
  ) {
    this.#engine = engine
    this.#handler = handler
    this.#options = options
    this.#max = max
    this.#deadLetters = deadLetters
    this.#retries = retries
  }

  async run(): Promise<void> {
    const { signal } = this.#options
    const onAbort = (): void => this.#stop.abort(signal?.reason)
    const onStop = (): void => {
      for (const controller of this.#aborts.values()) controller.abort(this.#stop.signal.reason)
    }
    this.#stop.signal.addEventListener('abort', onStop, { once: true })
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    this.#engine.setDrain((states) => this.#drain(states))
    try {
      while (!this.#stop.signal.aborted) await this.#turn()
      this.#forgetQueued(() => true)
      await this.#end()
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#retries?.close()
      await this.#engine.commitFinished().catch((error) => this.#fail(error))
      await this.#engine.unsubscribe().catch((error) => this.#fail(error))
      this.#engine.setDrain(undefined)
      await this.#letters?.close()
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #end(): Promise<void> {
    const { endTimeoutMs = 30_000 } = this.#options
    const idle = this.#whenIdle(() => this.#running.size === 0)
    if (await endsWithin(this.#engine.world, idle, endTimeoutMs)) return
    this.#failure ??= { error: timedOut(`Ending ${this.#running.size} handlers that still run`, endTimeoutMs) }
    this.#running.clear()
    for (const check of [...this.#idle]) check()
  }

  async #turn(): Promise<void> {
    // What waits is bounded, and taken in again when half of it is done; the group is still served while it is full.
    const max = this.#hasRoom() ? this.#room() : 0
    const until = (): boolean => (max === 0 && this.#hasRoom()) || [...this.#held].some((lane) => !this.#isHeld(lane))
    try {
      const { records, taken } = await this.#engine.take({ timeoutMs: POLL_MS, signal: this.#stop.signal, max, until })
      for (const { state, from, to } of taken) for (let at = from; at < to; at++) this.#enqueue(state, records[at])
      this.#abortLost()
      this.#dispatch()
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#fail(error)
        throw error
      }
    }
  }

  #enqueue(state: PartitionState, record: ConsumerRecord<K, V>): void {
    state.unfinished.add(record.offset)
    const key = this.#options.concurrency?.by === 'key' ? record.rawKey : null
    const lane = key === null ? state.key : `${state.key}/${key.toString('latin1')}`
    const work = { state, version: state.version, record, lane }
    this.#queued++
    const lanes = this.#lanes.get(lane)
    if (lanes !== undefined) lanes.push(work)
    else {
      this.#lanes.set(lane, [work])
      this.#ready.push(lane)
    }
  }

  #isHeld(lane: string): boolean {
    const work = this.#lanes.get(lane)?.[0]
    if (work === undefined || work.state.isGone) return false
    return work.state.isPaused || this.#retries?.holds(work.state, work.record, () => this.#engine.wake()) === true
  }

  #signalOf(state: PartitionState): AbortSignal {
    let controller = this.#aborts.get(state)
    if (controller === undefined) {
      controller = new AbortController()
      this.#aborts.set(state, controller)
    }
    return controller.signal
  }

  #abortLost(): void {
    for (const [state, controller] of this.#aborts)
      if (state.isGone) {
        controller.abort()
        this.#aborts.delete(state)
      }
  }

  get #bound(): number {
    return Math.max(this.#max, this.#engine.maxPollRecords)
  }

  #room(): number {
    return this.#bound - this.#queued + this.#heldCount() - this.#running.size
  }

  #hasRoom(): boolean {
    return this.#room() >= this.#bound / 2
  }

  /** Of paused partitions: they take no room from the others. */
  #heldCount(): number {
    let count = 0
    for (const lane of this.#held) count += this.#lanes.get(lane)?.length ?? 0
    return count
  }

  #dispatch(): void {
    for (const lane of this.#held) if (!this.#isHeld(lane) && this.#held.delete(lane)) this.#ready.push(lane)
    while (this.#running.size < this.#max && this.#ready.length > 0 && !this.#stop.signal.aborted) {
      const lane = this.#ready.shift() as string
      if (this.#isHeld(lane)) {
        this.#held.add(lane)
        continue
      }
      const work = this.#lanes.get(lane)?.shift()
      if (work === undefined) {
        this.#lanes.delete(lane)
        continue
      }
      this.#queued--
      if (work.state.isGone || work.state.isLeaving || work.state.version !== work.version) {
        this.#ready.unshift(lane)
        continue
      }
      const signal = this.#signalOf(work.state)
      this.#running.add(work)
      this.#handle(work, signal).then(
        () => this.#settled(work, true),
        (error) => {
          this.#settled(work, false)
          if (!signal.aborted) this.#fail(error)
        }
      )
    }
  }

  #settled(work: Work<K, V>, isFinished: boolean): void {
    const { state, version, record, lane } = work
    this.#running.delete(work)
    if (isFinished && state.version === version) state.unfinished.finish(record.offset)
    if ((this.#lanes.get(lane)?.length ?? 0) > 0) this.#ready.push(lane)
    else this.#lanes.delete(lane)
    this.#dispatch()
    if (this.#hasRoom()) this.#engine.wake()
    for (const check of [...this.#idle]) check()
  }

  async #handle({ record }: Work<K, V>, signal: AbortSignal): Promise<void> {
    const { retry, deadLetter } = this.#options
    if (this.#retries?.isForeign(record)) return
    const before = this.#retries?.attemptsBefore(record) ?? 0
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#handler(record, { signal, attempt: before + attempt })
        return
      } catch (error) {
        if (signal.aborted) throw error
        if (retry !== undefined && !isRetryTopics(retry) && attempt <= retry.retries) {
          await sleep(this.#engine.world, retry.delayMs(attempt + 1), signal)
          continue
        }
        if (await this.#retries?.retry(record, error, (letter) => this.#send(letter))) return
        if (deadLetter === undefined) throw error
        await this.#sendDeadLetter(typeof deadLetter === 'string' ? deadLetter : deadLetter.name, record, error)
        return
      }
    }
  }

  async #sendDeadLetter(topic: string, record: ConsumerRecord<K, V>, error: unknown): Promise<void> {
    const reason = reasonOf(error)
    const origin = this.#retries?.originOf(record) ?? record
    const headers = [
      ...(this.#retries?.headersOf(record) ?? record.headers),
      { key: 'dlq.original.topic', value: origin.topic },
      { key: 'dlq.original.partition', value: String(origin.partition) },
      { key: 'dlq.original.offset', value: String(origin.offset) },
      { key: 'dlq.group.id', value: this.#engine.groupId },
      { key: 'dlq.error.name', value: reason.name },
      { key: 'dlq.error.message', value: reason.message }
    ]
    await this.#send({ topic, key: record.rawKey, value: record.rawValue, headers, timestamp: record.timestamp })
  }

  #send(letter: DeadLetter): Promise<unknown> {
    if (this.#deadLetters === undefined) throw invalidConfig('Dead letters and retry topics need a consumer made by a Kafka object')
    this.#letters ??= this.#deadLetters()
    return this.#letters.send(letter)
  }

  /** Before partitions go: what runs of them ends, what waits is forgotten (others will read it). */
  async #drain(states: readonly PartitionState[]): Promise<void> {
    const leaving = new Set(states)
    this.#forgetQueued(({ state }) => leaving.has(state))
    await this.#whenIdle(() => ![...this.#running].some(({ state }) => leaving.has(state)))
  }

  #forgetQueued(goes: (work: Work<K, V>) => boolean): void {
    for (const [lane, works] of this.#lanes) {
      const left = works.filter((work) => !goes(work))
      this.#queued -= works.length - left.length
      works.length = 0
      works.push(...left)
      if (left.length === 0 && ![...this.#running].some((work) => work.lane === lane)) {
        this.#lanes.delete(lane)
        this.#held.delete(lane)
        const at = this.#ready.indexOf(lane)
        if (at >= 0) this.#ready.splice(at, 1)
      }
    }
  }

  #whenIdle(isIdle: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!isIdle()) return
        this.#idle = this.#idle.filter((each) => each !== check)
        resolve()
      }
      this.#idle.push(check)
      check()
    })
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#stop.abort(error)
    this.#engine.wake()
  }
}
