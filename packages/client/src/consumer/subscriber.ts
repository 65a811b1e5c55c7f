// Which topics are wanted, and the metadata of them: asked for when missing or wrong, watched for changes.
import { ErrorCode } from '@odradek/protocol'
import type { TimerHandle } from '@odradek/world'
import { KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { backoffMs } from '../network/retry.ts'
import { invalidConfig } from '../options.ts'
import type { TopicPartition } from '../types.ts'
import type { Subscription } from './membership.ts'

interface Named {
  readonly name: string
}

/** `{ regex }` is RE2, matched by the coordinator (KIP-848 groups); a RegExp is matched here. */
export type SubscribeTo = string | Named | readonly (string | Named)[] | RegExp | { readonly regex: string }

type Expand = (names: readonly string[]) => readonly string[]

export interface SubscriberOptions {
  readonly cluster: Cluster
  readonly allowsCreation: boolean
  readonly excludesInternal: boolean
  readonly metadataMaxAgeMs: number
  readonly assignedTopics: () => readonly string[]
  readonly onSubscription: (subscription: Subscription) => void
  readonly onMetadata: () => void
  readonly onError: (error: KafkaError) => void
}

export class Subscriber {
  readonly #options: SubscriberOptions
  readonly #stale = new Set<string>()
  readonly #stopListening: () => void
  #names: readonly string[] = []
  #expand: Expand = (names) => names
  #pattern: RegExp | undefined
  #regex: string | undefined
  #mode: 'none' | 'automatic' | 'manual' = 'none'
  #leaving = 0
  #isLoading = false
  #failures = 0
  #timer: TimerHandle | undefined
  #isClosed = false

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.#stopListening = options.cluster.onMetadata(() => this.#onMetadata())
  }

  get isAutomatic(): boolean {
    return this.#mode === 'automatic'
  }

  get isManual(): boolean {
    return this.#mode === 'manual'
  }

  get topics(): readonly string[] {
    return this.#names
  }

  /** True of topics that are subscribed or assigned, or of `others`. */
  holder(others: readonly string[] = []): (name: string) => boolean {
    const held = new Set([...this.#names, ...this.#options.assignedTopics(), ...others])
    return (name) => held.has(name)
  }

  /** `expand` says what else goes with the topics. */
  subscribe(to: SubscribeTo, expand: Expand = (names) => names): void {
    if (this.#leaving > 0)
      throw new KafkaError(-1, { code: 'ILLEGAL_STATE', message: 'unsubscribe() is under way: await it before subscribing anew' })
    const isPattern = to instanceof RegExp || isRegex(to)
    const names = isPattern ? [] : expand(namesOf(to as string))
    this.#expand = expand
    this.#mode = 'automatic'
    if (this.#pattern !== undefined) this.#options.cluster.untrackAll()
    this.#pattern = to instanceof RegExp ? to : undefined
    this.#regex = isRegex(to) ? to.regex : undefined
    this.#names = names
    if (this.#pattern === undefined) this.#announce()
    for (const name of this.#names) this.#stale.add(name)
    this.#stopTimer()
    this.#load()
  }

  assign(partitions: readonly TopicPartition[]): void {
    this.#mode = 'manual'
    this.#names = []
    for (const { topic } of partitions) if (this.#options.cluster.current.topics.get(topic) === undefined) this.#stale.add(topic)
    this.#load()
  }

  /** What is subscribed from now on until `unsubscribe` would go with it. */
  beginUnsubscribe(): void {
    this.#leaving++
  }

  unsubscribe(): void {
    this.#leaving = Math.max(0, this.#leaving - 1)
    this.#mode = 'none'
    this.#names = []
    if (this.#pattern !== undefined) this.#options.cluster.untrackAll()
    this.#pattern = undefined
    this.#regex = undefined
    this.#stopTimer()
  }

  /** What is known of the topic is wrong. */
  refresh(topic: string): void {
    this.#options.cluster.invalidate(topic)
    this.#stale.add(topic)
    if (this.#failures === 0) this.#stopTimer()
    this.#load()
  }

  refreshMissing(): void {
    for (const topic of this.#options.assignedTopics()) {
      const known = this.#options.cluster.current.topics.get(topic)
      if (known === undefined || known.partitions.length === 0) this.#stale.add(topic)
    }
    this.#load()
  }

  close(): void {
    this.#isClosed = true
    this.#stopListening()
    this.#timer?.cancel()
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** One at a time; what comes meanwhile is asked for next. */
  #load(): void {
    if (this.#isLoading || this.#isClosed || this.#timer !== undefined) return
    if (this.#stale.size === 0 && this.#pattern === undefined) return
    this.#isLoading = true
    const { cluster, allowsCreation } = this.#options
    const names = [...this.#stale]
    const wanted = this.#pattern === undefined ? names : undefined
    cluster
      .metadata(wanted, { refresh: true, allowAutoTopicCreation: allowsCreation })
      .then(
        (metadata) => {
          const left = names.filter((name) => !isUsable(metadata.topics.get(name)))
          for (const name of names) if (!left.includes(name)) this.#stale.delete(name)
          this.#checkAuthorization(names)
          this.#failures = left.length === 0 ? 0 : this.#failures + 1
        },
        (error) => {
          this.#failures++
          const failure = toKafkaError(error)
          if (failure.fatal && !this.#isClosed) this.#options.onError(failure)
        }
      )
      .finally(() => {
        this.#isLoading = false
        this.#schedule()
      })
  }

  #schedule(): void {
    const { cluster, metadataMaxAgeMs } = this.#options
    if (this.#isClosed || this.#mode === 'none') return
    const isWaiting = this.#stale.size > 0
    if (!isWaiting && this.#pattern === undefined) return
    const waitMs = isWaiting ? backoffMs(cluster.backoff, this.#failures, cluster.world) : metadataMaxAgeMs
    this.#timer?.cancel()
    this.#timer = cluster.world.timers.schedule(waitMs, () => {
      this.#timer = undefined
      this.#load()
    })
  }

  #checkAuthorization(names: readonly string[]): void {
    const { cluster, onError } = this.#options
    const wrong = names.filter((name) => {
      const code = cluster.current.topics.get(name)?.errorCode
      return code === ErrorCode.TOPIC_AUTHORIZATION_FAILED || code === ErrorCode.INVALID_TOPIC_EXCEPTION
    })
    if (wrong.length === 0) return
    for (const name of wrong) this.#stale.delete(name)
    const code = cluster.current.topics.get(wrong[0])?.errorCode ?? -1
    onError(new KafkaError(code, { message: `${new KafkaError(code).message} (${wrong.join(', ')})` }))
  }

  #onMetadata(): void {
    if (this.#isClosed) return
    if (this.#pattern !== undefined) this.#match(this.#pattern)
    this.#options.onMetadata()
  }

  #match(pattern: RegExp): void {
    const { cluster, excludesInternal } = this.#options
    if (cluster.current.allTopicsFetchedAtMs === -Infinity) return
    const matching = [...cluster.current.topics.values()]
      .filter(({ name, isInternal, errorCode }) => {
        pattern.lastIndex = 0
        return errorCode === ErrorCode.NONE && !(isInternal && excludesInternal) && pattern.test(name)
      })
      .map(({ name }) => name)
      .sort()
    const names = this.#expanded(matching)
    if (names.join(' ') === this.#names.join(' ')) return
    this.#names = names
    this.#announce()
  }

  #expanded(matching: readonly string[]): readonly string[] {
    try {
      return this.#expand(matching)
    } catch (error) {
      this.#options.onError(toKafkaError(error))
      return this.#names
    }
  }

  #announce(): void {
    this.#options.onSubscription({ topics: this.#names, regex: this.#regex })
  }
}

function isUsable(topic: { errorCode: number; partitions: readonly { leaderId: number }[] } | undefined): boolean {
  return topic !== undefined && topic.errorCode === ErrorCode.NONE && topic.partitions.every(({ leaderId }) => leaderId >= 0)
}

function isRegex(to: SubscribeTo): to is { readonly regex: string } {
  return typeof to === 'object' && to !== null && 'regex' in to && typeof to.regex === 'string'
}

/** Throws INVALID_CONFIG where something else is given than names, or none. */
export function namesOf(to: string | Named | readonly (string | Named)[]): string[] {
  const list = typeof to === 'object' && to !== null && Symbol.iterator in to ? [...to] : [to]
  const names = list.map((each): unknown => (typeof each === 'object' && each !== null ? each.name : each))
  for (const name of names)
    if (typeof name !== 'string' || name.trim() === '')
      throw invalidConfig('Topics are given by name, by what topic() gives, or by pattern')
  if (names.length === 0) throw invalidConfig('There is no topic to subscribe to: unsubscribe() ends a subscription')
  return [...new Set(names as string[])].sort()
}
