// What a run of handlers is told: how many at once, what becomes of records that fail.
import { invalidConfig } from '../options.ts'
import type { RebalanceListener } from './types.ts'

export interface RetryPolicy {
  /** Tries after the first. */
  readonly retries: number
  /** ms before try `attempt` (from 2). */
  delayMs(attempt: number): number
}

export interface RetryTopicsOptions {
  /** Of each retry topic: how long its records wait, ms. */
  readonly delaysMs: readonly number[]
  /** Name of the retry topic of `topic`; `attempt` is from 1. Default `${topic}.retry.${attempt}`. */
  readonly topic?: (topic: string, attempt: number) => string
  /** Makes those that are missing, with as many partitions and replicas as `topic` has. Default false. */
  readonly create?: boolean
}

export type RetryTopics = Required<RetryTopicsOptions>

export interface RunOptions {
  readonly signal?: AbortSignal
  /** Default: by partition, 1 at a time. */
  readonly concurrency?: { readonly by: 'key' | 'partition'; readonly max: number }
  /** In place (`backoff`), which keeps the order, or by `retryTopics`, which holds up nobody. */
  readonly retry?: RetryPolicy | RetryTopics
  /** Topic that gets what fails for good, with the reason in headers. */
  readonly deadLetter?: string | { readonly name: string }
  readonly listener?: RebalanceListener
  /** How long the end of the run waits for handlers that still run, ms; then it rejects, and what they work on stays unfinished. Default 30 000. */
  readonly endTimeoutMs?: number
}

/** Throws INVALID_CONFIG, before anything is subscribed. */
export function valid(options: RunOptions): RunOptions {
  const { concurrency } = options as { concurrency?: unknown }
  if (concurrency === undefined) return options
  const { by, max } = Object(concurrency) as { by?: unknown; max?: unknown }
  const isWhole = typeof max === 'number' && Number.isInteger(max) && max >= 1
  if (isWhole && (by === 'key' || by === 'partition')) return options
  const given = typeof concurrency === 'object' ? `{ by: ${String(by)}, max: ${String(max)} }` : String(concurrency)
  const wanted = typeof concurrency === 'number' ? concurrency : 16
  throw invalidConfig(`concurrency is ${given}: give { by: 'key', max: ${wanted} } or { by: 'partition', max: ${wanted} }`)
}

export interface DeadLetter {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | string | null }[]
  readonly timestamp: number
}

export interface DeadLetterSender {
  send(letter: DeadLetter): Promise<unknown>
  close(): Promise<void>
}
