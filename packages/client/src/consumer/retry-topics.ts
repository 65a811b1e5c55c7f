// Retries that hold up nobody: a record whose handler failed is copied to a topic of its own and handled again from there when its time has
// come. It is finished only when the copy is acknowledged: nothing is lost, and a crash between the two doubles. Partitions of retry
// topics wait by `isHeld`, while the loop of polls goes on. Which retry a record is in, the name of its topic says; the headers (which
// anybody may write) only say where it came from and when it is due, and no record waits for longer than the delay of its topic.
import { ErrorCode } from '@odradek/protocol'
import type { TimerHandle } from '@odradek/world'
import { createTopics } from '../admin/topics.ts'
import { toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { invalidConfig } from '../options.ts'
import type { PartitionState, ResetStrategy } from './partition-state.ts'
import type { ConsumerRecord } from './record.ts'
import type { DeadLetter, RetryTopics, RetryTopicsOptions, RunOptions } from './run-options.ts'
import { namesOf, type SubscribeTo } from './subscriber.ts'

type AnyRecord = ConsumerRecord<unknown, unknown>
type Origin = Pick<AnyRecord, 'topic' | 'partition' | 'offset'>

const TOPICS_MAX = 100
/** Of timers. */
const DELAY_MAX_MS = 2 ** 31 - 1
const MESSAGE_MAX = 1000

const header = {
  topic: 'retry.original.topic',
  partition: 'retry.original.partition',
  offset: 'retry.original.offset',
  groupId: 'retry.group.id',
  attempt: 'retry.attempt',
  dueMs: 'retry.due.ms',
  errorName: 'retry.error.name',
  errorMessage: 'retry.error.message'
} as const
const headerNames: ReadonlySet<string> = new Set(Object.values(header))

/** A handler that fails is tried again later, from a retry topic for each delay, while the run goes on with the next record. */
export function retryTopics(options: RetryTopicsOptions): RetryTopics {
  const { delaysMs, topic = (name, attempt) => `${name}.retry.${attempt}`, create = false } = options
  if (delaysMs.length < 1 || delaysMs.length > TOPICS_MAX) throw invalidConfig(`delaysMs has 1 to ${TOPICS_MAX} delays`)
  for (const delay of delaysMs)
    if (!Number.isInteger(delay) || delay < 0 || delay > DELAY_MAX_MS)
      throw invalidConfig(`A delay is a whole number of ms from 0 to ${DELAY_MAX_MS}, not ${delay}`)
  return { delaysMs: [...delaysMs], topic, create }
}

export function isRetryTopics(retry: object | undefined): retry is RetryTopics {
  return retry !== undefined && 'delaysMs' in retry
}

/** Name and message of what a handler threw, for headers: a bounded message. */
export function reasonOf(error: unknown): { readonly name: string; readonly message: string } {
  const { name, message } = error instanceof Error ? error : toKafkaError(error)
  return { name, message: message.slice(0, MESSAGE_MAX) }
}

/** Calls `start` with what it needs for the retry topics that the options name, if any, when they are there. */
export function withRetryTopics<T>(
  cluster: Cluster,
  groupId: string,
  to: SubscribeTo | undefined,
  { retry, signal }: RunOptions,
  start: (retries: RetryTopicsRun | undefined) => Promise<T>
): Promise<T> {
  if (!isRetryTopics(retry)) return start(undefined)
  const retries = new RetryTopicsRun(cluster, groupId, retry)
  return retries.prepare(to, signal).then(() => start(retries))
}

/** What one run knows of its retry topics. */
export class RetryTopicsRun {
  readonly #cluster: Cluster
  readonly #groupId: string
  readonly #topics: RetryTopics
  readonly #origins = new Map<string, { readonly origin: string; readonly attempt: number }>()
  readonly #created = new Map<string, Promise<void>>()
  readonly #waiting = new Map<PartitionState, TimerHandle>()
  /** Of records that were not due when they were looked at. */
  readonly #dueMs = new WeakMap<AnyRecord, number>()

  constructor(cluster: Cluster, groupId: string, topics: RetryTopics) {
    this.#cluster = cluster
    this.#groupId = groupId
    this.#topics = topics
  }

  /** Before the subscription, which might make brokers create what is missing in their own way. */
  async prepare(to: SubscribeTo | undefined, signal: AbortSignal | undefined): Promise<void> {
    if (to === undefined) throw invalidConfig('run subscribes to the retry topics too: give it the topics, by name or by a RegExp')
    if (typeof to === 'object' && 'regex' in to)
      throw invalidConfig(
        `The coordinator matches { regex: "${to.regex}" }, and run has to know the topics to retry from: give it a RegExp, which is matched here, as new RegExp('^(?:${to.regex})$')`
      )
    if (to instanceof RegExp) return
    const names = namesOf(to)
    this.expand(names)
    if (!this.#topics.create) return
    try {
      await Promise.all(names.map((name) => this.#create(name, signal)))
    } catch (error) {
      if (!signal?.aborted) throw error
    }
  }

  /** What another member sent there before the first commit is not passed over. */
  strategyOf(topic: string): ResetStrategy | undefined {
    return this.#origins.has(topic) ? { kind: 'earliest' } : undefined
  }

  namesFor(topic: string): string[] {
    return this.#topics.delaysMs.map((_, at) => this.#topics.topic(topic, at + 1))
  }

  /** The topics with their retry topics. A pattern may match both: what is a retry topic of another is none to retry from anew. */
  expand(names: readonly string[]): string[] {
    const retries = new Set(names.flatMap((name) => this.namesFor(name)))
    const origins = names.filter((name) => !retries.has(name))
    if (origins.length === 0 && names.length > 0) throw invalidConfig('A retry topic needs a name that is not that of its topic')
    const all = new Set(origins)
    for (const origin of origins) {
      this.namesFor(origin).forEach((name, at) => {
        if (all.has(name)) throw invalidConfig(`"${name}" would be the retry topic of two topics or attempts: each needs its own`)
        all.add(name)
        this.#origins.set(name, { origin, attempt: at + 1 })
      })
    }
    return [...all].sort()
  }

  /** Tries that the record had before it came here. */
  attemptsBefore(record: AnyRecord): number {
    return this.#origins.get(record.topic)?.attempt ?? 0
  }

  /** A retry of another group, which reads the same topic and has the same names: not ours to handle. */
  isForeign(record: AnyRecord): boolean {
    if (!this.#origins.has(record.topic)) return false
    const groupId = record.header(header.groupId)
    return groupId !== undefined && String(groupId) !== this.#groupId
  }

  /** Where the record was first. */
  originOf(record: AnyRecord): Origin {
    const known = this.#origins.get(record.topic)
    if (known === undefined) return record
    const partition = numberOf(record.header(header.partition))
    const offset = numberOf(record.header(header.offset))
    if (partition === undefined || offset === undefined) return record
    return { topic: known.origin, partition, offset }
  }

  headersOf(record: AnyRecord): AnyRecord['headers'] {
    return this.#origins.has(record.topic) ? record.headers.filter(({ key }) => !headerNames.has(key)) : record.headers
  }

  /** True: the partition waits, `wake` is called when it is over. */
  holds(state: PartitionState, record: AnyRecord, wake: () => void): boolean {
    if (state.isHeld) return true
    const known = this.#origins.get(record.topic)
    if (known === undefined) return false
    const { clock, timers } = this.#cluster.world
    const now = clock.now()
    const waitMs = this.#dueOf(record, now + this.#topics.delaysMs[known.attempt - 1]) - now
    if (waitMs <= 0) return false
    state.isHeld = true
    const timer = timers.schedule(waitMs, () => {
      this.#waiting.delete(state)
      state.isHeld = false
      wake()
    })
    this.#waiting.set(state, timer)
    return true
  }

  /** False: it was the last retry. Resolves when the copy is acknowledged. */
  async retry(record: AnyRecord, error: unknown, send: (letter: DeadLetter) => Promise<unknown>): Promise<boolean> {
    const origin = this.originOf(record)
    const first = this.#origins.get(record.topic)?.origin ?? record.topic
    const attempt = this.attemptsBefore(record) + 1
    if (attempt > this.#topics.delaysMs.length) return false
    if (this.#topics.create) await this.#create(first)
    const reason = reasonOf(error)
    const headers = [
      ...this.headersOf(record),
      { key: header.topic, value: origin.topic },
      { key: header.partition, value: String(origin.partition) },
      { key: header.offset, value: String(origin.offset) },
      { key: header.groupId, value: this.#groupId },
      { key: header.attempt, value: String(attempt) },
      { key: header.dueMs, value: String(this.#cluster.world.clock.now() + this.#topics.delaysMs[attempt - 1]) },
      { key: header.errorName, value: reason.name },
      { key: header.errorMessage, value: reason.message }
    ]
    const topic = this.#topics.topic(first, attempt)
    await send({ topic, key: record.rawKey, value: record.rawValue, headers, timestamp: record.timestamp })
    return true
  }

  close(): void {
    for (const [state, timer] of this.#waiting) {
      timer.cancel()
      state.isHeld = false
    }
    this.#waiting.clear()
  }

  #dueOf(record: AnyRecord, latestMs: number): number {
    let dueMs = this.#dueMs.get(record)
    if (dueMs !== undefined) return dueMs
    dueMs = this.isForeign(record) ? 0 : Math.min(numberOf(record.header(header.dueMs)) ?? 0, latestMs)
    this.#dueMs.set(record, dueMs)
    return dueMs
  }

  /** Once for each topic, when it is there. */
  #create(origin: string, signal?: AbortSignal): Promise<void> {
    let created = this.#created.get(origin)
    if (created === undefined) {
      created = this.#createAll(origin, signal).then((isThere) => {
        if (!isThere) this.#created.delete(origin)
      })
      created.catch(() => this.#created.delete(origin))
      this.#created.set(origin, created)
    }
    return created
  }

  async #createAll(origin: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { topics } = await this.#cluster.metadata([origin], { signal, refresh: true })
    const partitions = topics.get(origin)?.partitions ?? []
    if (partitions.length === 0) return false
    const shape = { numPartitions: partitions.length, replicationFactor: partitions[0].replicas.length || undefined }
    const names = this.namesFor(origin)
    const wanted = names.map((name) => ({ name, ...shape }))
    const { errors } = await createTopics(this.#cluster, wanted, { signal }).outcomes()
    for (const error of errors.values()) if (error.errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) throw error
    // Those who subscribed by a pattern see them now.
    if (errors.size < names.length) await this.#cluster.metadata(names, { signal, refresh: true })
    return true
  }
}

function numberOf(value: Buffer | null | undefined): number | undefined {
  const number = value === null || value === undefined || value.length === 0 ? Number.NaN : Number(value.toString())
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined
}
