// From `run` to its end: one native consumer, polled all the time, so that the group goes on however long handlers take. A partition is
// paused below from the moment something of it was handed out until its handler has ended; what is resolved is committed, what is not is
// read again.
import { KafkaError, type Consumer as NativeConsumer, type TopicPartition } from '@odradek/client'
import { type Retries, retryTimeOf } from './config.ts'
import { KafkaJSError, KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError, toKafkaJSError } from './errors.ts'
import { consumerEvents, type Events } from './events.ts'
import { batchOf, PartitionWork } from './partition-work.ts'
import type { Offsets } from './topic-offsets.ts'
import type { Batch, ConsumerRunConfig, Logger, TopicPartitionOffsetAndMetadata } from './types.ts'

export interface RunnerInit {
  readonly native: NativeConsumer
  readonly groupId: string
  readonly topics: ReadonlyMap<string, { readonly fromBeginning: boolean }>
  /** Topics differ in where they begin. */
  readonly isMixed: boolean
  readonly config: ConsumerRunConfig
  readonly retries: Retries
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly events: Events<typeof consumerEvents>
  readonly logger: Logger
  readonly isPaused: (topic: string, partition: number) => boolean
  readonly pause: (topic: string, partition: number) => () => void
  /** Whether this member led the group when it last joined. */
  readonly isLeader: () => boolean
  readonly onCrash: (error: Error) => void
}

const POLL_MS = 1000
/** The group goes on without us: its next join puts things right. */
const rebalanceErrors = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID'])
/** As kafkajs: a bug is not tried again. */
const bugs = new Set(['RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'])
const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`

export class ConsumerRunner {
  readonly #init: RunnerInit
  readonly #works = new Map<string, PartitionWork>()
  readonly #seeks = new Map<string, { readonly target: TopicPartition; readonly offset: number }>()
  readonly #waiting: PartitionWork[] = []
  readonly #stopping = new AbortController()
  readonly #joined = Promise.withResolvers<void>()
  #active = 0
  #lastCommitMs = Date.now()
  #joinStartMs = Date.now()
  #loop: Promise<void> | undefined
  #heartbeats: ReturnType<typeof setInterval> | undefined
  #failure: Error | undefined

  constructor(init: RunnerInit) {
    this.#init = init
  }

  get isRunning(): boolean {
    return !this.#stopping.signal.aborted
  }

  /** Resolves when the group has been joined, or has refused. */
  start(): Promise<void> {
    const { native, topics, heartbeatIntervalMs } = this.#init
    native.subscribe([...topics.keys()], {
      onAssigned: (partitions) => this.#assigned(partitions),
      onRevoked: (partitions) => this.#revoked(partitions),
      onLost: (partitions) => this.#lost(partitions)
    })
    let beats = this.#heartbeatTotal()
    this.#heartbeats = setInterval(() => {
      const total = this.#heartbeatTotal()
      if (total > beats) this.#init.events.emit(consumerEvents.HEARTBEAT, { ...this.#member(), groupGenerationId: this.#generation() })
      beats = total
    }, heartbeatIntervalMs)
    this.#loop = this.#run()
    return this.#joined.promise
  }

  /** Waits for handlers, commits what is resolved, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#joined.resolve()
    await this.#loop
    await Promise.all([...this.#works.values()].map(({ busy }) => busy))
    clearInterval(this.#heartbeats)
    if (this.#autoCommits) await this.commit().catch((error) => this.#warn('The last commit failed', error))
    await this.#init.native.close()
  }

  // ---- what consumers ask for

  seek(target: TopicPartition, offset: number): void {
    const work = this.#works.get(keyOf(target.topic, target.partition))
    if (work === undefined) this.#seeks.set(keyOf(target.topic, target.partition), { target, offset })
    else this.#seekNow(work, offset)
  }

  /** After what is paused has changed. */
  update(): void {
    for (const work of this.#works.values()) this.#flow(work)
  }

  partitions(): readonly PartitionWork[] {
    return [...this.#works.values()]
  }

  uncommitted(): Offsets {
    const byTopic = Map.groupBy(this.#works.values(), ({ topic }) => topic)
    const topics = [...byTopic].map(([topic, works]) => ({ topic, partitions: works.flatMap(({ uncommitted }) => uncommitted ?? []) }))
    return { topics: topics.filter(({ partitions }) => partitions.length > 0) }
  }

  async commit(offsets: Offsets = this.uncommitted()): Promise<void> {
    await this.commitOffsets(
      offsets.topics.flatMap(({ topic, partitions }) => partitions.map(({ partition, offset }) => ({ topic, partition, offset })))
    )
  }

  async commitOffsets(offsets: readonly TopicPartitionOffsetAndMetadata[]): Promise<void> {
    if (offsets.length === 0) return
    this.#lastCommitMs = Date.now()
    const native = offsets.map(({ topic, partition, offset, metadata }) => ({
      topic,
      partition,
      offset: Number(offset),
      metadata: metadata ?? ''
    }))
    try {
      await this.#init.native.commitSync(native)
    } catch (error) {
      throw toKafkaJSError(error)
    }
    for (const { topic, partition, offset } of native) {
      const work = this.#works.get(keyOf(topic, partition))
      if (work === undefined) continue
      work.committed = offset
      work.resolvedCount = 0
    }
    const byTopic = Map.groupBy(offsets, ({ topic }) => topic)
    const topics = [...byTopic].map(([topic, list]) => ({
      topic,
      partitions: list.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
    }))
    this.#init.events.emit(consumerEvents.COMMIT_OFFSETS, { ...this.#member(), groupGenerationId: this.#generation(), topics })
  }

  // ---- the loop

  async #run(): Promise<void> {
    const { native, retries } = this.#init
    const { signal } = this.#stopping
    for (let failures = 0; this.isRunning; ) {
      try {
        await this.#poll(native, signal)
        failures = 0
      } catch (error) {
        if (!this.isRunning) return
        const failure = toKafkaJSError(error)
        const isPassing = error instanceof KafkaError && error.retriable
        if (!isPassing) return this.#crash(failure)
        if (failures >= retries.retries) return this.#crash(this.#exceeded(failure, failures))
        await this.#pauseFor(retryTimeOf(retries, failures++))
      }
    }
  }

  async #poll(native: NativeConsumer, signal: AbortSignal): Promise<void> {
    const { events } = this.#init
    const startMs = Date.now()
    // Which broker answers is not known here.
    events.emit(consumerEvents.FETCH_START, { nodeId: -1 })
    const records = await native.poll({ timeoutMs: POLL_MS, signal })
    events.emit(consumerEvents.FETCH, { numberOfBatches: records.partitions.length, duration: Date.now() - startMs, nodeId: -1 })
    for (const target of records.partitions) {
      const work = this.#works.get(keyOf(target.topic, target.partition))
      if (work === undefined) continue
      native.pause([target])
      const list = records.records(target)
      work.batch = batchOf(target.topic, target.partition, list, native.currentLag(target) ?? 0)
      if (!this.#waiting.includes(work)) this.#waiting.push(work)
    }
    this.#pump()
  }

  #pump(): void {
    const concurrency = Math.max(1, this.#init.config.partitionsConsumedConcurrently ?? 1)
    while (this.isRunning && this.#active < concurrency) {
      const work = this.#waiting.shift()
      if (work === undefined) return
      const { batch } = work
      // Revoked, or sought away, since it was fetched.
      if (batch === undefined || work.isLeaving) {
        this.#flow(work)
        continue
      }
      work.batch = undefined
      this.#active += 1
      work.busy = this.#process(work, batch).finally(() => {
        work.busy = undefined
        this.#active -= 1
        this.#flow(work)
        this.#pump()
      })
    }
  }

  /** Reads on where that is wanted. */
  #flow(work: PartitionWork): void {
    const { topic, partition } = work
    if (!this.isRunning || !this.#owns(work)) return
    const { native, isPaused } = this.#init
    const place = { topic, partition }
    const isWaiting = work.batch !== undefined && this.#waiting.includes(work)
    if (work.busy !== undefined || isWaiting || isPaused(topic, partition)) native.pause([place])
    else native.resume([place])
  }

  async #process(work: PartitionWork, batch: Batch): Promise<void> {
    const { events, config } = this.#init
    const { version } = work
    const startMs = Date.now()
    const payload = {
      topic: work.topic,
      partition: work.partition,
      highWatermark: batch.highWatermark,
      offsetLag: batch.offsetLag(),
      offsetLagLow: batch.offsetLagLow(),
      batchSize: batch.messages.length,
      firstOffset: batch.firstOffset() ?? '0',
      lastOffset: batch.lastOffset()
    }
    const from = Number(payload.firstOffset)
    try {
      events.emit(consumerEvents.START_BATCH_PROCESS, payload)
      if (config.eachMessage !== undefined) await this.#eachMessage(work, batch)
      else if (config.eachBatch !== undefined) await this.#eachBatch(work, batch)
      else for (const { offset } of batch.messages) work.resolve(offset, version)
      events.emit(consumerEvents.END_BATCH_PROCESS, { ...payload, duration: Date.now() - startMs })
      if (this.#autoCommits) await this.#commitUnlessRebalancing()
      work.failures = 0
    } catch (error) {
      await this.#failed(work, error)
    }
    // What is not resolved is read again.
    const wanted = work.next ?? from
    if (work.version === version && wanted !== Number(payload.lastOffset) + 1 && this.isRunning && this.#owns(work))
      this.#init.native.seek(work, wanted)
  }

  async #eachMessage(work: PartitionWork, batch: Batch): Promise<void> {
    const { topic, partition, version } = work
    const { config, isPaused } = this.#init
    for (const message of batch.messages) {
      if (!this.isRunning || work.isLeaving || work.version !== version) return
      const tools = { heartbeat: () => this.#heartbeat(work), pause: () => this.#init.pause(topic, partition) }
      await config.eachMessage?.({ topic, partition, message, ...tools })
      work.resolve(message.offset, version)
      if (this.#autoCommits) await this.#commitIfNecessary()
      if (isPaused(topic, partition)) return
    }
  }

  async #eachBatch(work: PartitionWork, batch: Batch): Promise<void> {
    const { topic, partition, version } = work
    const { config } = this.#init
    await config.eachBatch?.({
      batch,
      resolveOffset: (offset) => work.resolve(offset, version),
      heartbeat: () => this.#heartbeat(work),
      pause: () => this.#init.pause(topic, partition),
      commitOffsetsIfNecessary: (offsets) => (offsets === undefined ? this.#commitIfNecessary() : this.commit(offsets)),
      uncommittedOffsets: () => this.uncommitted(),
      isRunning: () => this.isRunning,
      isStale: () => work.version !== version
    })
    if (config.eachBatchAutoResolve ?? true) work.resolve(batch.lastOffset(), version)
  }

  /** The session does not depend on it; it tells handlers that the group wants the partition back. */
  async #heartbeat(work: PartitionWork): Promise<void> {
    if (!work.isLeaving) return
    if (this.#autoCommits) await this.#commitUnlessRebalancing()
    throw new KafkaJSProtocolError(
      Object.assign(new Error('The group is rebalancing, so a rejoin is needed'), {
        type: 'REBALANCE_IN_PROGRESS',
        code: 27,
        retriable: false
      })
    )
  }

  async #failed(work: PartitionWork, error: unknown): Promise<void> {
    const { retries, logger } = this.#init
    const failure = error instanceof Error ? error : new KafkaJSError(String(error))
    if (this.#autoCommits) await this.#commitUnlessRebalancing().catch((reason) => this.#warn('The commit after a failure failed', reason))
    if (work.isLeaving || rebalanceErrors.has(String((failure as { type?: string }).type))) return
    const { topic, partition } = work
    if (!(failure instanceof KafkaJSError))
      logger.error('Error when calling the handler', { topic, partition, offset: work.next, error: failure.message, stack: failure.stack })
    if ((failure as { retriable?: boolean }).retriable === false || bugs.has(failure.name))
      return this.#crash(new KafkaJSNonRetriableError(failure, { cause: failure.cause ?? failure }))
    if (work.failures >= retries.retries) return this.#crash(this.#exceeded(failure, work.failures))
    await this.#pauseFor(retryTimeOf(retries, work.failures++))
  }

  #exceeded(failure: Error, retryCount: number): Error {
    return new KafkaJSNumberOfRetriesExceeded(failure, { retryCount, retryTime: retryTimeOf(this.#init.retries, retryCount) })
  }

  #crash(error: Error): void {
    if (this.#failure !== undefined || !this.isRunning) return
    this.#failure = error
    this.#stopping.abort()
    this.#init.onCrash(error)
    this.#joined.resolve()
  }

  /** Ends early when the consumer stops. */
  #pauseFor(delayMs: number): Promise<void> {
    const { signal } = this.#stopping
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, delayMs)
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
    })
  }

  // ---- commits

  get #autoCommits(): boolean {
    return this.#init.config.autoCommit ?? true
  }

  async #commitIfNecessary(): Promise<void> {
    const { autoCommitInterval, autoCommitThreshold } = this.#init.config
    const isDue = typeof autoCommitInterval === 'number' && Date.now() >= this.#lastCommitMs + autoCommitInterval
    const resolved = this.partitions().reduce((sum, { resolvedCount }) => sum + resolvedCount, 0)
    if (isDue || (typeof autoCommitThreshold === 'number' && resolved >= autoCommitThreshold)) await this.#commitUnlessRebalancing()
  }

  async #commitUnlessRebalancing(offsets?: Offsets): Promise<void> {
    try {
      await this.commit(offsets)
    } catch (error) {
      if (!rebalanceErrors.has((error as { type?: string }).type ?? '')) throw error
    }
  }

  // ---- the group

  async #assigned(partitions: readonly TopicPartition[]): Promise<void> {
    const { native, isMixed, topics, events, logger, isLeader } = this.#init
    for (const { topic, partition } of partitions) this.#works.set(keyOf(topic, partition), new PartitionWork(topic, partition))
    if (isMixed && partitions.length > 0) {
      const committed = await native.committed(partitions)
      const fresh = partitions.filter(({ topic, partition }) => committed.get(keyOf(topic, partition)) === undefined)
      const first = fresh.filter(({ topic }) => topics.get(topic)?.fromBeginning)
      if (first.length > 0) native.seekToBeginning(first)
    }
    for (const { topic, partition } of partitions) {
      const work = this.#works.get(keyOf(topic, partition)) as PartitionWork
      const seek = this.#seeks.get(keyOf(topic, partition))
      this.#seeks.delete(keyOf(topic, partition))
      if (seek !== undefined) this.#seekNow(work, seek.offset)
      this.#flow(work)
    }
    const memberAssignment: Record<string, number[]> = {}
    for (const { topic, partition } of native.assignment()) {
      memberAssignment[topic] ??= []
      memberAssignment[topic].push(partition)
    }
    const member = this.#member()
    const isLeading = isLeader()
    const join = {
      ...member,
      // Other members are not told who leads.
      leaderId: isLeading ? member.memberId : '',
      isLeader: isLeading,
      memberAssignment,
      groupProtocol: 'RoundRobinAssigner',
      duration: Date.now() - this.#joinStartMs
    }
    logger.namespace('ConsumerGroup').info('Consumer has joined the group', join)
    events.emit(consumerEvents.GROUP_JOIN, join)
    this.#joined.resolve()
  }

  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const works = partitions.flatMap(({ topic, partition }) => this.#works.get(keyOf(topic, partition)) ?? [])
    for (const work of works) work.isLeaving = true
    if (this.isRunning) {
      this.#init.events.emit(consumerEvents.REBALANCING, this.#member())
      const limit = AbortSignal.timeout(this.#init.rebalanceTimeoutMs)
      const isOver = new Promise<void>((resolve) => limit.addEventListener('abort', () => resolve(), { once: true }))
      await Promise.race([Promise.all(works.map(({ busy }) => busy)), isOver])
    }
    if (this.#autoCommits) await this.#commitUnlessRebalancing().catch((error) => this.#warn('The commit before a rebalance failed', error))
    this.#forget(works)
    this.#joinStartMs = Date.now()
  }

  async #lost(partitions: readonly TopicPartition[]): Promise<void> {
    const works = partitions.flatMap(({ topic, partition }) => this.#works.get(keyOf(topic, partition)) ?? [])
    for (const work of works) work.isLeaving = true
    this.#forget(works)
    this.#joinStartMs = Date.now()
  }

  #forget(works: readonly PartitionWork[]): void {
    for (const work of works) {
      work.batch = undefined
      this.#works.delete(keyOf(work.topic, work.partition))
    }
  }

  #owns(work: PartitionWork): boolean {
    return !work.isLeaving && this.#works.get(keyOf(work.topic, work.partition)) === work
  }

  #seekNow(work: PartitionWork, offset: number): void {
    const { native } = this.#init
    work.seekTo(offset < 0 ? undefined : offset)
    if (offset >= 0) native.seek(work, offset)
    else if (offset === -2) native.seekToBeginning([work])
    else native.seekToEnd([work])
    if (offset >= 0 && this.#autoCommits)
      this.#commitUnlessRebalancing({
        topics: [{ topic: work.topic, partitions: [{ partition: work.partition, offset: String(offset) }] }]
      }).catch((error) => this.#warn('The commit of a seek failed', error))
    this.#flow(work)
  }

  #member(): { groupId: string; memberId: string } {
    return { groupId: this.#init.groupId, memberId: this.#init.native.groupMetadata().memberId }
  }

  #generation(): number {
    return this.#init.native.groupMetadata().generationId
  }

  #heartbeatTotal(): number {
    const found = [...this.#init.native.metrics()].find(({ name }) => name === 'heartbeat-total')
    return Number(found?.value ?? 0)
  }

  #warn(message: string, error: unknown): void {
    this.#init.logger.warn(message, { groupId: this.#init.groupId, error: error instanceof Error ? error.message : String(error) })
  }
}
