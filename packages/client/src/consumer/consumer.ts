// The consumer: what a user holds. It owns the assignment and the loop of `poll`; the rooms behind it know one thing each: fetcher.ts
// (bytes), positions.ts (where to read), offsets.ts (commits), membership (the group). All happens in the turns of one event loop;
// records are handed out, and listeners called, inside `poll` only. One poll at a time.
// Commits never pass what is finished: `unfinished` of each partition says what was handed out and is not.
import type { ConsumerSettings } from '@odradek/config'
import type { TimerHandle, World } from '@odradek/world'
import { publish } from '../diagnostics.ts'
import { closedError, KafkaError } from '../errors.ts'
import { MeasuredClient } from '../metrics/measured-client.ts'
import type { Cluster } from '../network/cluster.ts'
import { fetchPartitionInfos, type PartitionInfo } from '../network/partition-info.ts'
import { unlessAborted } from '../network/retry.ts'
import { invalidConfig } from '../options.ts'
import { requireOffset, requireOffsets } from '../place-checks.ts'
import type { Topic } from '../topic.ts'
import type { CallOptions, TopicPartition } from '../types.ts'
import { Assignment } from './assignment.ts'
import { type ConsumerAssignor, resolveAssignors } from './assignors/index.ts'
import { ConsumerMetrics } from './consumer-metrics.ts'
import { ConsumerRecords, type Taken } from './consumer-records.ts'
import { createMembership } from './create-membership.ts'
import { type ConsumerEngine, deserializerOf, endsWithin, type TakeOptions, timeUp, toListenerError, typesOf } from './engine.ts'
import type { Deserializers } from './fetched-records.ts'
import { Fetcher, fetcherSettings } from './fetcher.ts'
import { ConsumerInterceptors } from './interceptors.ts'
import { endpointsOf, type Isolation, offsetsForTimes } from './log-offsets.ts'
import type { Membership } from './membership.ts'
import { isFenced, OffsetStore } from './offsets.ts'
import type { ConsumerInit } from './options.ts'
import type { PartitionState } from './partition-state.ts'
import { PollWait } from './poll-wait.ts'
import { Positions } from './positions.ts'
import type { ConsumerRecord } from './record.ts'
import { parseResetStrategy } from './reset-strategy.ts'
import { type RetryTopicsRun, withRetryTopics } from './retry-topics.ts'
import { type Handler, runHandlers } from './run.ts'
import { type DeadLetterSender, type RunOptions, valid } from './run-options.ts'
import { RecordStream, type StreamOptions } from './stream.ts'
import { Subscriber, type SubscribeTo } from './subscriber.ts'
import type {
  CloseOptions,
  CommitCallback,
  ConsumerGroupMetadata,
  OffsetAndMetadata,
  OffsetAndTimestamp,
  PollOptions,
  RebalanceListener,
  TopicPartitionOffset
} from './types.ts'
import { untilLoaded, warmUp } from './warm-up.ts'

const POLL_TIMEOUT_MS = 1000

export class Consumer<K = Buffer, V = Buffer> extends MeasuredClient implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #world: World
  readonly #settings: ConsumerSettings
  readonly #assignment = new Assignment()
  readonly #fetcher: Fetcher
  readonly #metrics: ConsumerMetrics
  readonly #positions: Positions
  readonly #offsets: OffsetStore | undefined
  readonly #membership: Membership | undefined
  readonly #subscriber: Subscriber
  /** enable.auto.commit, in a group. */
  readonly commitsAutomatically: boolean
  readonly #interceptors: ConsumerInterceptors
  readonly #defaults: Deserializers<K, V>
  readonly #topics = new Map<string, Deserializers<K, V>>()
  readonly #assignors: readonly ConsumerAssignor[]
  readonly #deadLetters: (() => DeadLetterSender) | undefined
  #listener: RebalanceListener = {}
  #retries: RetryTopicsRun | undefined
  readonly #wait: PollWait
  #isPolling = false
  #closed: Promise<void> | undefined
  #nextCommitMs: number
  #pollTimer: TimerHandle | undefined
  #drain: ((states: readonly PartitionState[]) => Promise<void>) | undefined

  constructor(init: ConsumerInit) {
    const { cluster, settings } = init
    super(cluster)
    this.#cluster = cluster
    this.#world = cluster.world
    this.#wait = new PollWait(cluster.world)
    this.#settings = settings
    this.#defaults = {
      key: deserializerOf<K>('key.deserializer', settings['key.deserializer']),
      value: deserializerOf<V>('value.deserializer', settings['value.deserializer'])
    }
    this.#deadLetters = init.deadLetters
    this.#interceptors = new ConsumerInterceptors(settings['interceptor.classes'], cluster.world.logger)
    this.#assignors = resolveAssignors(settings['partition.assignment.strategy'])
    const groupId = settings['group.id'] || undefined
    if (groupId === undefined && init.given.has('enable.auto.commit') && settings['enable.auto.commit'])
      throw invalidConfig('enable.auto.commit needs a group.id')
    this.commitsAutomatically = groupId !== undefined && settings['enable.auto.commit']
    this.#nextCommitMs = this.#now() + settings['auto.commit.interval.ms']
    const isReadCommitted = this.#isolation === 'read_committed'
    const onError = (error: KafkaError): void => this.#wait.fail(error)
    const refresh = (topic: string): void => this.#subscriber.refresh(topic)
    const states = (): Iterable<PartitionState> => this.#assignment.states()
    const wake = (): void => this.#wait.wake()
    const onReady = (): void => {
      this.#fetcher.pump()
      wake()
    }
    if (groupId !== undefined) {
      this.#membership = createMembership({
        cluster,
        settings,
        given: init.given,
        groupId,
        assignors: this.#assignors,
        host: {
          assigned: () => this.#assignment.list(),
          revoke: (partitions) => this.#revoke(partitions),
          lose: (partitions) => this.#lose(partitions),
          assign: (partitions) => this.#assigned(partitions),
          wake,
          fail: onError
        }
      })
      const membership = this.#membership
      this.#offsets = new OffsetStore({
        cluster,
        groupId,
        identity: () => membership.identity(),
        isConsumerProtocol: () => membership.kind === 'consumer' && membership.identity().generationId > 0,
        onCommitted: (offsets) => this.#interceptors.committed(offsets),
        onFenced: (error) => this.#subscriber.isAutomatic && membership.onFenced(error)
      })
    }
    const strategy = parseResetStrategy(settings['auto.offset.reset'])
    const strategyOf = (topic: string) => this.#retries?.strategyOf(topic) ?? strategy
    this.#positions = new Positions({ cluster, offsets: this.#offsets, strategyOf, isReadCommitted, states, onReady, refresh, onError })
    this.#metrics = new ConsumerMetrics(cluster.metrics, cluster.networkMetrics)
    this.#fetcher = new Fetcher({
      cluster,
      metrics: this.#metrics,
      ...fetcherSettings(settings, init.prefetchBytes),
      isReadCommitted,
      states,
      wake,
      refresh,
      onOutOfRange: (state) => this.#positions.outOfRange(state),
      onError
    })
    this.#subscriber = this.#createSubscriber(onError)
    this.#metrics.watch(() => this.lag())
  }

  // ---- what to read

  /** By name, by typed topic, by a pattern on all topics of the cluster, or by a pattern that the coordinator matches (KIP-848). */
  subscribe(to: SubscribeTo | readonly Topic<K, V, never, never>[], listener: RebalanceListener = {}): void {
    this.#ensureOpen()
    if (this.#membership === undefined) throw invalidConfig('To subscribe, give a group.id; without one, assign partitions')
    if (this.#subscriber.isManual)
      throw new KafkaError(-1, { code: 'ILLEGAL_STATE', message: 'Partitions were assigned by hand: unsubscribe first' })
    const retries = this.#retries
    this.#subscriber.subscribe(to as SubscribeTo, retries && ((names) => retries.expand(names)))
    this.#listener = listener
    const assigned = new Set(this.#assignment.list().map(({ topic }) => topic))
    for (const name of this.#topics.keys()) if (!assigned.has(name)) this.#topics.delete(name)
    for (const [name, types] of typesOf<K, V>(to, retries)) this.#topics.set(name, types)
    this.#armPollTimer()
    this.#wait.wake()
  }

  subscription(): string[] {
    return [...this.#subscriber.topics]
  }

  /** Reads these, outside of any group. Replaces what was assigned before. */
  assign(partitions: readonly TopicPartition[]): void {
    this.#ensureOpen()
    if (this.#subscriber.isAutomatic)
      throw new KafkaError(-1, { code: 'ILLEGAL_STATE', message: 'Topics are subscribed: unsubscribe first' })
    this.#autoCommit()
    this.#assignment.replace(partitions)
    this.#subscriber.assign(partitions)
    this.#fetcher.sweep()
    this.#kick()
  }

  assignment(): TopicPartition[] {
    return this.#assignment.list()
  }

  /** Leaves the group after a last commit of what is finished (where commits are automatic); drops what was assigned. */
  async unsubscribe({ timeoutMs = this.#cluster.apiTimeoutMs, signal }: CallOptions = {}): Promise<void> {
    this.#subscriber.beginUnsubscribe()
    try {
      if (this.#subscriber.isAutomatic) await unlessAborted(this.#leave({ timeoutMs }), signal)
    } finally {
      this.#subscriber.unsubscribe()
      this.#assignment.replace([])
      this.#listener = {}
      this.#retries = undefined
      this.#fetcher.sweep()
      this.#wait.wake()
    }
  }

  // ---- reading

  /** Records that are there, or the first that come within `timeoutMs`; up to max.poll.records. */
  async poll(options: PollOptions | number = {}): Promise<ConsumerRecords<K, V>> {
    const { timeoutMs = POLL_TIMEOUT_MS, signal } = typeof options === 'number' ? { timeoutMs: options } : options
    this.#enter()
    try {
      for (const state of this.#assignment.states()) state.unfinished.clear()
      const records: ConsumerRecord<K, V>[] = []
      const taken = await this.#take(records, { timeoutMs, signal, max: this.#settings['max.poll.records'] })
      for (const { state, from } of taken) if (state.unfinished.first === undefined) state.unfinished.add(records[from].offset)
      return new ConsumerRecords(records, taken)
    } finally {
      this.#isPolling = false
    }
  }

  /** Records one by one. Ending the loop commits what is finished and, when the stream has subscribed, leaves the group. */
  stream<SK = K, SV = V>(
    to?: Topic<SK, SV, never, never> | Topic<SK, SV> | SubscribeTo,
    options: StreamOptions = {}
  ): RecordStream<SK, SV> {
    if (to !== undefined) this.subscribe(to as SubscribeTo, options.listener)
    return new RecordStream<SK, SV>(this.#engine<SK, SV>(), options, to !== undefined)
  }

  /** Calls `handler` for each record until the signal aborts or a record fails for good. */
  async run<SK = K, SV = V>(
    to: Topic<SK, SV, never, never> | Topic<SK, SV> | SubscribeTo | undefined,
    handler: Handler<NoInfer<SK>, NoInfer<SV>>,
    options: RunOptions = {}
  ): Promise<void> {
    return withRetryTopics(this.#cluster, this.#settings['group.id'] ?? '', to as SubscribeTo | undefined, valid(options), (retries) => {
      this.#retries = retries
      if (to !== undefined) this.subscribe(to as SubscribeTo, options.listener)
      return runHandlers<SK, SV>(this.#engine<SK, SV>(), handler, options, this.#deadLetters, retries)
    })
  }

  /**
   * Ends what waits: a poll, or else a `position`, `commitSync`, `committed`, `beginningOffsets`, `endOffsets` or `offsetsForTimes`, throws
   * WAKEUP. When nothing waits, the next of them does. Safe from anywhere.
   */
  wakeup(): void {
    this.#wait.wakeup()
  }

  // ---- positions

  /** The next poll reads from there. */
  seek(target: TopicPartition, to: number | OffsetAndMetadata): void {
    const { offset, leaderEpoch = -1 } = typeof to === 'number' ? { offset: to } : to
    requireOffset(offset)
    this.#assignment.require(target).seek(offset, leaderEpoch, leaderEpoch >= 0 ? 'validating' : 'fetching')
    this.#fetcher.sweep()
    this.#kick()
  }

  /** All that are assigned when none are given. */
  seekToBeginning(partitions: readonly TopicPartition[] = []): void {
    this.#resetTo(partitions, 'earliest')
  }

  seekToEnd(partitions: readonly TopicPartition[] = []): void {
    this.#resetTo(partitions, 'latest')
  }

  /** Of the next record that poll gives; waits until it is known. */
  async position(target: TopicPartition, options: CallOptions = {}): Promise<number> {
    const state = this.#assignment.require(target)
    await this.#wakeable(options, (own) =>
      this.#cluster.retry(`Finding the position of ${state.key}`, own, async (signal) => {
        while (!state.hasPosition && !state.isGone) {
          this.#positions.update()
          await this.#wait.changed(50, signal)
          this.#wait.throwFailure()
        }
      })
    )
    return state.unfinished.first === undefined ? state.position.offset : Math.max(state.position.offset, 0)
  }

  /** Acts at once: what was fetched already stays, and is not handed out. */
  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#assignment.require(partition).isPaused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#assignment.require(partition).isPaused = false
    this.#kick()
  }

  paused(): TopicPartition[] {
    return [...this.#assignment.states()].filter(({ isPaused }) => isPaused).map(({ topic, partition }) => ({ topic, partition }))
  }

  /** Records between the position and the end that readers may see; undefined: not known yet. */
  currentLag(target: TopicPartition): number | undefined {
    const state = this.#assignment.require(target)
    const end = this.#isolation === 'read_committed' ? state.lastStableOffset : state.highWatermark
    return !state.hasPosition || end < 0 ? undefined : Math.max(0, end - state.position.offset)
  }

  /** As `currentLag`, of every partition that is assigned. */
  lag(): (TopicPartition & { readonly lag: number | undefined })[] {
    return this.assignment().map((place) => ({ ...place, lag: this.currentLag(place) }))
  }

  beginningOffsets(partitions: readonly TopicPartition[], options: CallOptions = {}): Promise<Map<string, number>> {
    return this.#wakeable(options, (own) => endpointsOf(this.#cluster, partitions, 'earliest', { ...own, isolationLevel: this.#isolation }))
  }

  endOffsets(partitions: readonly TopicPartition[], options: CallOptions = {}): Promise<Map<string, number>> {
    return this.#wakeable(options, (own) => endpointsOf(this.#cluster, partitions, 'latest', { ...own, isolationLevel: this.#isolation }))
  }

  /** The first record at or after the time (ms); undefined: there is none. Keys as Kafka prints partitions: `orders-0`. */
  offsetsForTimes(
    times: readonly (TopicPartition & { readonly timestamp: number })[],
    options: CallOptions = {}
  ): Promise<Map<string, OffsetAndTimestamp | undefined>> {
    return this.#wakeable(options, (own) => offsetsForTimes(this.#cluster, times, { ...own, isolationLevel: this.#isolation }))
  }

  // ---- commits

  /** Without a list: up to what poll has handed out (stream and run: what is finished). Rejects when the group has moved on. */
  async commitSync(offsets?: readonly TopicPartitionOffset[], options: CallOptions = {}): Promise<void> {
    const given = this.#toCommit(offsets)
    await this.#wakeable(options, (own) => this.#requireGroup().commit(given, own))
    this.#assignment.noteCommitted(given)
  }

  /** One try, in the background; `callback` gets the error. */
  commitAsync(offsets?: readonly TopicPartitionOffset[] | CommitCallback, callback?: CommitCallback): void {
    const done = typeof offsets === 'function' ? offsets : callback
    const given = this.#toCommit(typeof offsets === 'function' ? undefined : offsets)
    const tell = (error: Error | undefined): void => {
      if (done !== undefined) done(error, given)
      else if (error !== undefined) this.#log('WARN', 'Offsets were not committed', error)
    }
    // What the callback throws is an unhandled rejection: it is nobody else's matter.
    void this.#requireGroup()
      .commit(given, { tries: 1 })
      .then(
        () => {
          this.#assignment.noteCommitted(given)
          tell(undefined)
        },
        (error) => tell(error instanceof Error ? error : new Error(String(error)))
      )
  }

  /** undefined: none is committed. */
  committed(partitions: readonly TopicPartition[], options: CallOptions = {}): Promise<Map<string, OffsetAndMetadata | undefined>> {
    return this.#wakeable(options, (own) => this.#requireGroup().fetch(partitions, own))
  }

  /** For sendOffsetsToTransaction. */
  groupMetadata(): ConsumerGroupMetadata {
    if (this.#membership === undefined) throw invalidConfig('This consumer has no group.id')
    return this.#membership.identity()
  }

  /** What a transaction may commit now: up to what was handed out and, in stream and run, finished. */
  consumedOffsets(): TopicPartitionOffset[] {
    return this.#consumed()
  }

  enforceRebalance(reason = 'rebalance enforced by user'): void {
    if (this.#membership === undefined) throw invalidConfig('This consumer has no group.id')
    this.#membership.rejoin(reason)
  }

  /** Empty: there is no such topic. */
  async partitionsFor(topic: string, options: CallOptions = {}): Promise<PartitionInfo[]> {
    const allowAutoTopicCreation = this.#settings['allow.auto.create.topics']
    return (await fetchPartitionInfos(this.#cluster, topic, { ...options, allowAutoTopicCreation })).get(topic) ?? []
  }

  /** All topics that this client may see, by name. */
  listTopics(options: CallOptions = {}): Promise<Map<string, PartitionInfo[]>> {
    return fetchPartitionInfos(this.#cluster, undefined, options)
  }

  /** Commits what is finished (where commits are automatic), leaves the group, ends. Idempotent. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(options)
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // ---- inside

  #createSubscriber(onError: (error: KafkaError) => void): Subscriber {
    const settings = this.#settings
    this.#cluster.topicHolder = () => this.#subscriber.holder(this.#membership?.watchedTopics)
    return new Subscriber({
      cluster: this.#cluster,
      allowsCreation: settings['allow.auto.create.topics'],
      excludesInternal: settings['exclude.internal.topics'],
      metadataMaxAgeMs: settings['metadata.max.age.ms'],
      assignedTopics: () => this.#assignment.list().map(({ topic }) => topic),
      onSubscription: (subscription) => this.#membership?.subscribe(subscription),
      onMetadata: () => this.#onMetadata(),
      onError
    })
  }

  /** For stream and run: the loop without the accounting of poll. */
  #engine<SK, SV>(): ConsumerEngine<SK, SV> {
    return {
      world: this.#world,
      maxPollRecords: this.#settings['max.poll.records'],
      groupId: this.#settings['group.id'] ?? '',
      take: async (options) => {
        this.#enter()
        try {
          const records: ConsumerRecord<K, V>[] = []
          const taken = await this.#take(records, options)
          return { records: records as ConsumerRecord<unknown, unknown>[] as ConsumerRecord<SK, SV>[], taken }
        } finally {
          this.#isPolling = false
        }
      },
      setDrain: (drain) => {
        this.#drain = drain
      },
      wake: () => this.#wait.wake(),
      commitFinished: async () => {
        if (!this.commitsAutomatically) return
        await this.#commitFinished({}).catch((error) => {
          if (!isFenced(error)) throw error
          this.#log('WARN', 'The last commit came too late', error)
        })
      },
      unsubscribe: () => (this.#closed === undefined ? this.unsubscribe() : Promise.resolve())
    }
  }

  async #take(records: ConsumerRecord<K, V>[], options: TakeOptions): Promise<Taken[]> {
    const { timeoutMs, signal, max } = options
    const deadlineMs = this.#now() + timeoutMs
    this.#metrics.polled()
    this.#armPollTimer()
    for (;;) {
      signal?.throwIfAborted()
      this.#ensureOpen()
      this.#wait.throwPending()
      await this.#workForGroup(deadlineMs, signal)
      this.#commitWhenDue()
      this.#positions.update(true)
      this.#wait.throwPending()
      const typesFor = (topic: string): Deserializers<K, V> => this.#topics.get(topic) ?? this.#defaults
      const found = max > 0 ? this.#fetcher.collect(max, typesFor, records) : []
      this.#fetcher.pump()
      const loading = warmUp(records, found, typesFor)
      if (loading !== undefined) await untilLoaded(loading, this.#waiting(signal))
      const taken = this.#interceptors.consume(records as ConsumerRecord<unknown, unknown>[], found)
      if (taken.length > 0) {
        publish('consumer:records', () => ({ clientId: this.#cluster.metrics.clientId, records: records.length }))
        return taken
      }
      if (options.until?.()) return taken
      const leftMs = deadlineMs - this.#now()
      if (leftMs <= 0) return taken
      await this.#wait.changed(leftMs, signal)
    }
  }

  async #workForGroup(deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#membership === undefined || !this.#subscriber.isAutomatic) return
    const bound = new AbortController()
    const work = this.#membership.poll(bound.signal)
    if (work === undefined) return
    const onAbort = (): void => bound.abort(signal?.reason)
    const timer = this.#world.timers.schedule(Math.max(0, deadlineMs - this.#now()), () => bound.abort(timeUp))
    this.#wait.onWake(() => this.#wait.isWokenUp && bound.abort(timeUp))
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await work
    } catch (error) {
      if (error !== timeUp) throw error
    } finally {
      this.#wait.onWake(undefined)
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    signal?.throwIfAborted()
  }

  #waiting(signal: AbortSignal | undefined): Parameters<typeof untilLoaded>[1] {
    const isClosed = (): boolean => this.#closed !== undefined
    return { world: this.#world, wait: this.#wait, timeoutMs: this.#cluster.requestTimeoutMs, signal, isClosed }
  }

  #enter(): void {
    this.#ensureOpen()
    if (this.#isPolling)
      throw new KafkaError(-1, { code: 'ILLEGAL_STATE', message: 'Another poll (or stream, or run) of this consumer is under way' })
    if (!this.#subscriber.isAutomatic && !this.#subscriber.isManual)
      throw new KafkaError(-1, { code: 'ILLEGAL_STATE', message: 'Nothing to read: subscribe to topics or assign partitions first' })
    this.#isPolling = true
  }

  #ensureOpen(): void {
    if (this.#closed !== undefined) throw closedError()
  }

  #kick(): void {
    this.#positions.onMetadata()
    this.#positions.update()
    this.#fetcher.pump()
    this.#wait.wake()
  }

  #onMetadata(): void {
    if (this.#closed !== undefined) return
    this.#membership?.onMetadata()
    this.#kick()
  }

  #resetTo(partitions: readonly TopicPartition[], kind: 'earliest' | 'latest'): void {
    const targets = partitions.length > 0 ? partitions : this.#assignment.list()
    for (const partition of targets) this.#assignment.require(partition).requestReset({ kind })
    this.#fetcher.sweep()
    this.#kick()
  }

  get #isolation(): Isolation {
    return this.#settings['isolation.level'].toLowerCase() === 'read_committed' ? 'read_committed' : 'read_uncommitted'
  }

  /** What waits for brokers, unless wakeup() ends it. While a poll is under way (listeners, handlers) it is that poll which it ends. */
  async #wakeable<T>(options: CallOptions, call: (options: CallOptions) => Promise<T>): Promise<T> {
    if (this.#cluster.isClosed) throw closedError()
    if (this.#isPolling || this.#closed !== undefined) return call(options)
    return this.#wait.unlessWokenUp(options.signal, (signal) => call({ ...options, signal }))
  }

  #requireGroup(): OffsetStore {
    if (this.#offsets === undefined) throw invalidConfig('This consumer has no group.id: there is no group to keep offsets')
    return this.#offsets
  }

  #consumed(): TopicPartitionOffset[] {
    return this.#assignment.consumed(this.#drain === undefined)
  }

  #toCommit(offsets: readonly TopicPartitionOffset[] = this.#consumed()): readonly TopicPartitionOffset[] {
    // Listeners may commit while the consumer closes.
    if (this.#cluster.isClosed) throw closedError()
    requireOffsets(offsets)
    this.#assignment.finishBefore(offsets, this.#drain === undefined)
    return offsets
  }

  #commitWhenDue(): void {
    if (!this.commitsAutomatically || this.#now() < this.#nextCommitMs) return
    this.#nextCommitMs = this.#now() + this.#settings['auto.commit.interval.ms']
    this.#autoCommit()
  }

  #autoCommit(): void {
    if (!this.commitsAutomatically) return
    this.#commitFinished({ tries: 1 }).catch((error) => this.#log('WARN', 'The automatic commit failed', error))
  }

  async #commitFinished(options: CallOptions & { readonly tries?: number }, only?: readonly TopicPartition[]): Promise<void> {
    const offsets = this.#assignment.finished(only, this.#offsets?.isInDoubt === true)
    if (offsets.length === 0 || this.#offsets === undefined) {
      await this.#offsets?.settled()
      return
    }
    await this.#offsets.commit(offsets, options)
    this.#assignment.noteCommitted(offsets)
  }

  async #revoke(partitions: readonly TopicPartition[], drainMs = this.#settings['max.poll.interval.ms']): Promise<void> {
    const states = this.#assignment.pick(partitions)
    if (states.length === 0) return
    this.#tell('consumer:revoke', partitions)
    for (const state of states) state.isLeaving = true
    // A handler that hangs does not hold up others for ever: what it works on stays unfinished.
    if (this.#drain !== undefined && !(await endsWithin(this.#world, this.#drain(states), drainMs)))
      this.#log('WARN', `Handlers still run after ${drainMs} ms: their partitions go without them`)
    if (this.commitsAutomatically) {
      const timeoutMs = Math.min(this.#cluster.apiTimeoutMs, this.#settings['max.poll.interval.ms'])
      await this.#commitFinished({ timeoutMs }, partitions).catch((error) =>
        this.#log('WARN', 'The commit before a rebalance failed', error)
      )
    } else await this.#offsets?.settled()
    try {
      const told = Promise.resolve(this.#listener.onRevoked?.(partitions))
      if (!(await endsWithin(this.#world, told, drainMs))) this.#log('WARN', `onRevoked has not ended within ${drainMs} ms`)
    } catch (error) {
      if (this.#closed === undefined) this.#wait.fail(toListenerError(error))
      else this.#log('WARN', 'A rebalance listener threw while the consumer closed', error)
    }
    this.#assignment.remove(partitions)
    this.#fetcher.sweep()
  }

  async #lose(partitions: readonly TopicPartition[]): Promise<void> {
    const states = this.#assignment.pick(partitions)
    if (states.length === 0) return
    this.#tell('consumer:lose', partitions)
    for (const state of states) state.isLeaving = true
    this.#assignment.remove(partitions)
    this.#fetcher.sweep()
    try {
      await (this.#listener.onLost ?? this.#listener.onRevoked)?.call(this.#listener, partitions)
    } catch (error) {
      this.#wait.fail(toListenerError(error))
    }
  }

  async #assigned(partitions: readonly TopicPartition[]): Promise<void> {
    const states = this.#assignment.add(partitions)
    this.#metrics.assigned()
    this.#tell('consumer:assign', partitions)
    // Nothing is read before the listener has had its say: it may seek.
    for (const state of states) state.isLeaving = true
    try {
      await this.#listener.onAssigned?.(partitions)
    } catch (error) {
      this.#wait.fail(toListenerError(error))
    }
    for (const state of states) state.isLeaving = false
    this.#subscriber.refreshMissing()
    this.#kick()
  }

  /** max.poll.interval.ms: who does not poll does not hold partitions. */
  #armPollTimer(): void {
    if (this.#membership === undefined || !this.#subscriber.isAutomatic) return
    this.#pollTimer?.cancel()
    this.#pollTimer = this.#world.timers.schedule(this.#settings['max.poll.interval.ms'], () => {
      if (this.#isPolling) {
        this.#armPollTimer()
        return
      }
      this.#log(
        'WARN',
        `No poll for max.poll.interval.ms (${this.#settings['max.poll.interval.ms']} ms): leaving the group until the next one`
      )
      this.#membership?.onPollTimeout()
    })
  }

  async #leave(options: { timeoutMs: number; leaves?: boolean }): Promise<void> {
    this.#pollTimer?.cancel()
    const assigned = this.#assignment.list()
    await this.#revoke(assigned, options.timeoutMs)
    await this.#membership?.leave(options)
  }

  async #close(options: CloseOptions): Promise<void> {
    this.#wait.wake()
    const timeoutMs = options.timeoutMs ?? 30_000
    try {
      if (this.#subscriber.isAutomatic) await unlessAborted(this.#leave({ timeoutMs, leaves: options.leaveGroup }), options.signal)
      else if (this.commitsAutomatically) await this.#commitFinished({ timeoutMs, signal: options.signal })
      await this.#offsets?.settled()
    } catch (error) {
      this.#log('WARN', 'The last commit failed', error)
    }
    this.#pollTimer?.cancel()
    this.#positions.close()
    this.#subscriber.close()
    await this.#fetcher.close(1000)
    this.#assignment.replace([])
    this.#interceptors.close()
    this.#cluster.close()
  }

  #now(): number {
    return this.#world.clock.monotonicMs()
  }

  #tell(event: 'consumer:assign' | 'consumer:revoke' | 'consumer:lose', partitions: readonly TopicPartition[]): void {
    publish(event, () => ({ clientId: this.#cluster.metrics.clientId, partitions }))
  }

  #log(level: 'WARN' | 'INFO', message: string, error?: unknown): void {
    this.#world.logger.log(level, 'odradek.client.Consumer', message, error)
  }
}
