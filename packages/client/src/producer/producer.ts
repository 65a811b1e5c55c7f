// Kafka's producer. `send` takes a record into a batch and returns at once; the promise tells where it went.
//
// Contract: records of a partition arrive in the order of the calls. Memory is bounded by buffer.memory: beyond it a send waits up to
// max.block.ms (see `isFull` and `ready` for who does not await each). Every record ends: delivered, or failed within
// max.block.ms + delivery.timeout.ms. Parts: accumulator.ts (batches), sender.ts (requests), identity.ts and transactions.ts.
import type { ProducerSettings } from '@odradek/config'
import { type CompressionType, ErrorCode, InitProducerIdRequest, InitProducerIdResponse, RECORD_BATCH_OVERHEAD } from '@odradek/protocol'
import type { World } from '@odradek/world'
import type { OffsetToCommit } from '../admin/group-offsets.ts'
import { isHeard, publish } from '../diagnostics.ts'
import { closedError, errorOf, KafkaError, toKafkaError } from '../errors.ts'
import { MeasuredClient } from '../metrics/measured-client.ts'
import type { Cluster } from '../network/cluster.ts'
import type { TopicMetadata } from '../network/metadata.ts'
import { type PartitionInfo, partitionInfos } from '../network/partition-info.ts'
import { retrying, unlessAborted } from '../network/retry.ts'
import { type ClientOptions, invalidConfig, type ResolvedOptions } from '../options.ts'
import { requireOffsets } from '../place-checks.ts'
import type { Serializer } from '../serdes/serde.ts'
import { type Raw, raw } from '../topic.ts'
import type { CallOptions } from '../types.ts'
import { Accumulator } from './accumulator.ts'
import { Delivery, settleAll } from './delivery.ts'
import { IdentityKeeper } from './identity.ts'
import { Interceptors } from './interceptors.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { partitionOfKey } from './partitioner.ts'
import { type PreparedRecord, sizeMaxOf, toBytes, toHeaders } from './prepared-record.ts'
import type { Bytes } from './producer-batch.ts'
import { ProducerMetrics } from './producer-metrics.ts'
import { Sender } from './sender.ts'
import { interceptorsOf, partitionerOf, producerConfig, serializerOf } from './settings.ts'
import { type TopicState, TopicTable } from './topic-table.ts'
import { stateError, TransactionManager } from './transactions.ts'
import type {
  GroupMetadata,
  Partitioner,
  PartitionerContext,
  ProducerInterceptor,
  ProducerRecord,
  RecordMetadata,
  SendCallback,
  SendOptions,
  TopicLike
} from './types.ts'
import { WaitingRoom } from './waiting-room.ts'

export type RecordWithTopic<K, V> = ProducerRecord<K, V> & { readonly topic: TopicLike<K, V> }

/** Every setting of Java's producer by both its names; serializers, partitioner and interceptors as objects. */
export interface ProducerOptions
  extends ClientOptions<
    Omit<
      ProducerSettings,
      | 'bootstrap.servers'
      | 'key.serializer'
      | 'value.serializer'
      | 'partitioner.class'
      | 'interceptor.classes'
      | 'acks'
      | 'compression.type'
    >
  > {
  readonly acks?: Acks
  readonly compressionType?: CompressionType
  readonly 'compression.type'?: CompressionType
  /** For topics that are given by name; or one of Kafka's serializers by its class name. */
  readonly keySerializer?: Serializer<never> | string
  readonly valueSerializer?: Serializer<never> | string
  readonly 'key.serializer'?: Serializer<never> | string
  readonly 'value.serializer'?: Serializer<never> | string
  readonly partitionerClass?: Partitioner | string
  readonly 'partitioner.class'?: Partitioner | string
  readonly interceptorClasses?: readonly ProducerInterceptor[]
  readonly 'interceptor.classes'?: readonly ProducerInterceptor[]
}

export type Acks = 'all' | '-1' | '0' | '1' | -1 | 0 | 1

/** What a transaction gives to its function. */
export type Transaction = Pick<Producer, 'send' | 'sendBatch'> & {
  /** The offsets become the group's when the transaction commits. */
  sendOffsets(offsets: readonly OffsetToCommit[], group: GroupMetadata | string, options?: CallOptions): Promise<void>
}

type AnyRecord = ProducerRecord<unknown, unknown>

export class Producer extends MeasuredClient implements AsyncDisposable {
  readonly clientId: string
  readonly #world: World
  readonly #cluster: Cluster
  readonly #settings: ProducerSettings
  readonly #accumulator: Accumulator
  readonly #sender: Sender
  readonly #waiting: WaitingRoom
  readonly #topics: TopicTable
  readonly #identity: IdentityKeeper | undefined
  readonly #transactions: TransactionManager | undefined
  readonly #partitioner: Partitioner | undefined
  readonly #interceptors: Interceptors | undefined
  readonly #keySerializer: Serializer<never>
  readonly #valueSerializer: Serializer<never>
  #isIdentifying = false
  #fatal: KafkaError | undefined
  #closing: Promise<void> | undefined
  /** The last commit. */
  #committing: Promise<void> | undefined
  #unlisten: (() => void) | undefined

  /** Made by `kafka.producer()`. Owns the cluster. */
  constructor(cluster: Cluster, options: ResolvedOptions<ProducerSettings>, clientId: string) {
    super(cluster)
    const { settings } = options
    const config = producerConfig(options)
    this.clientId = clientId
    this.#world = cluster.world
    this.#cluster = cluster
    this.#settings = settings
    this.#keySerializer = serializerOf('key.serializer', settings['key.serializer'], raw as Serializer<never>)
    this.#valueSerializer = serializerOf('value.serializer', settings['value.serializer'], raw as Serializer<never>)
    this.#partitioner = partitionerOf(settings['partitioner.class'])
    const interceptors = interceptorsOf(settings['interceptor.classes'])
    if (interceptors.length > 0) this.#interceptors = new Interceptors(interceptors, cluster.world.logger)
    const { 'batch.size': batchBytes, 'linger.ms': lingerMs, 'max.request.size': requestBytesMax, 'buffer.memory': memoryBytes } = settings
    const requestTimeoutMs = settings['request.timeout.ms']
    const deliveryTimeoutMs = Math.max(settings['delivery.timeout.ms'], lingerMs + requestTimeoutMs)
    const { compression, compressionLevel, transactionalId } = config
    const isTransactional = transactionalId !== null
    this.#accumulator = new Accumulator({
      batchBytes,
      lingerMs,
      memoryBytes,
      requestBytesMax,
      deliveryTimeoutMs,
      compression,
      compressionLevel,
      isTransactional
    })
    const metrics = new ProducerMetrics(cluster.metrics, cluster.networkMetrics)
    if (config.isIdempotent) this.#identity = new IdentityKeeper(isTransactional)
    if (isTransactional) {
      const timeoutMs = settings['transaction.timeout.ms']
      const identity = this.#identity as IdentityKeeper
      const wake = (): void => this.#sender.wake()
      const onFailure = (error: KafkaError, isFatal: boolean): void => this.#drop(error, isFatal)
      this.#transactions = new TransactionManager({ cluster, transactionalId, timeoutMs, identity, wake, onFailure })
    }
    const { acks, retries, inFlightMax } = config
    this.#sender = new Sender({
      world: cluster.world,
      cluster,
      accumulator: this.#accumulator,
      identity: this.#identity,
      transactions: this.#transactions,
      options: { acks, retries, inFlightMax, requestBytesMax, requestTimeoutMs, deliveryTimeoutMs, clientId },
      hooks: { onRelease: () => this.#onRelease(), requestIdentity: () => this.#identify() },
      metrics
    })
    this.#waiting = new WaitingRoom(
      cluster.world,
      { maxBlockMs: settings['max.block.ms'], memoryBytes: settings['buffer.memory'] },
      (record) => this.#takeKnown(record)
    )
    this.#topics = new TopicTable({
      cluster,
      stickyBytes: batchBytes,
      isAdaptive: settings['partitioner.adaptive.partitioning.enable'],
      availabilityTimeoutMs: settings['partitioner.availability.timeout.ms'],
      blockedForMs: (nodeId) => this.#sender.blockedForMs(nodeId),
      idleMs: settings['metadata.max.idle.ms'],
      isSettled: (queue) => this.#identity?.isSettled(queue) ?? true,
      onForget: ({ name, queues }) => {
        for (const queue of queues) this.#identity?.forget(queue)
        metrics.forget(name)
      }
    })
    cluster.topicHolder = () => (name) => this.#topics.holds(name) || this.#waiting.isWaitingFor(name)
    metrics.watch({
      bufferTotalBytes: memoryBytes,
      bufferAvailableBytes: () => this.#accumulator.availableBytes,
      requestsInFlight: () => this.#sender.requestsInFlight,
      recordsWaiting: () => this.#waiting.size,
      metadataAgeMs: () => cluster.metadataAgeMs
    })
  }

  // ---- sending

  /**
   * Takes one record. The promise resolves when the broker has acknowledged it as `acks` says, and rejects with a KafkaError. With a
   * callback there is no promise. Not awaiting is fine: a batch that fails and that nobody waits for is an unhandled rejection.
   */
  send<K, V>(topic: TopicLike<K, V>, record: ProducerRecord<K, V>, options?: SendOptions): Promise<RecordMetadata>
  send<K, V>(topic: TopicLike<K, V>, record: ProducerRecord<K, V>, callback: SendCallback): void
  send(topic: string, record: ProducerRecord<Raw, Raw>, options?: SendOptions): Promise<RecordMetadata>
  send<K, V>(record: RecordWithTopic<K, V>, options?: SendOptions): Promise<RecordMetadata>
  send<K, V>(record: RecordWithTopic<K, V>, callback: SendCallback): void
  // biome-ignore lint/suspicious/noConfusingVoidType: the overload with a callback gives nothing
  send(first: unknown, second?: unknown, third?: unknown): Promise<RecordMetadata> | void {
    const isApart = typeof first === 'string' || (typeof first === 'object' && first !== null && 'name' in first && !('topic' in first))
    const topic = (isApart ? first : (first as RecordWithTopic<unknown, unknown> | undefined)?.topic) as TopicLike<unknown, unknown>
    const record = (isApart ? second : first) as AnyRecord
    const rest = isApart ? third : second
    if (typeof rest !== 'function') return this.#send(topic, record, (rest as SendOptions | undefined)?.signal)
    const callback = rest as SendCallback
    const sent = this.#send(topic, record, undefined)
    if (sent instanceof Delivery) sent.report(callback)
    else
      sent.then(
        (metadata) => callback(null, metadata),
        (error) => callback(error, null)
      )
  }

  /** All of them in order; resolves to where each went, or rejects with the first failure (the others are sent all the same). */
  sendBatch<K, V>(topic: TopicLike<K, V>, records: readonly ProducerRecord<K, V>[], options?: SendOptions): Promise<RecordMetadata[]>
  sendBatch(topic: string, records: readonly ProducerRecord<Raw, Raw>[], options?: SendOptions): Promise<RecordMetadata[]>
  async sendBatch(topic: TopicLike<unknown, unknown>, records: readonly AnyRecord[], options: SendOptions = {}): Promise<RecordMetadata[]> {
    const deliveries: Promise<RecordMetadata>[] = []
    for (const record of records) {
      if (this.isFull) await unlessAborted(this.ready(), options.signal)
      deliveries.push(this.#send(topic, record, options.signal))
    }
    return settleAll(deliveries)
  }

  /** buffer.memory is used up, by what is to be sent or by what waits for its topic to be found: what is sent now waits. */
  get isFull(): boolean {
    return this.#waiting.isFull
  }

  /** Resolves when there is room again. */
  ready(): Promise<void> {
    return this.#waiting.ready()
  }

  /** Sends what is there without lingering; resolves when every record sent before this call is delivered or has failed. */
  async flush(options: CallOptions = {}): Promise<void> {
    await unlessAborted(this.#flush(), options.signal)
  }

  /** The partitions of a topic; asks the cluster when they are not known, until max.block.ms while there is no such topic. */
  async partitionsFor(topic: string, options: CallOptions = {}): Promise<PartitionInfo[]> {
    this.#throwIfUnusable()
    await this.#findTopic(topic, 0, options)
    const { current } = this.#cluster
    return partitionInfos(current, current.topics.get(topic) as TopicMetadata)
  }

  /** Sends what is there (up to `timeoutMs`, default without end), then closes the connections. Idempotent. */
  close(options: { timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeoutMs ?? Infinity)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // ---- transactions

  async initTransactions(options: CallOptions = {}): Promise<void> {
    await this.#transactional().init(options)
  }

  beginTransaction(): void {
    this.#throwIfUnusable()
    this.#transactional().begin()
  }

  /** Flushes and commits. Rejects, with the transaction still to be aborted, when a record or an offset did not make it. */
  async commitTransaction(options: CallOptions = {}): Promise<void> {
    const transactions = this.#transactional()
    transactions.beginCommit()
    const committing = this.#flushAndCommit(transactions, options)
    this.#committing = committing.catch(() => {})
    await committing
  }

  async #flushAndCommit(transactions: TransactionManager, options: CallOptions): Promise<void> {
    try {
      await this.flush(options)
    } catch (error) {
      transactions.cancelCommit()
      throw error
    }
    await transactions.commit(options)
  }

  /** Drops what was not sent, and makes what was invisible to readers of committed records. */
  async abortTransaction(options: CallOptions = {}): Promise<void> {
    const transactions = this.#transactional()
    transactions.beginAbort()
    const message = 'The transaction was aborted before this record was sent'
    const aborted = new KafkaError(-1, { code: 'TRANSACTION_ABORTED', message, retriable: false })
    this.#waiting.rejectAll(aborted)
    this.#sender.failUnsent(aborted)
    await this.flush(options)
    await transactions.abort(options)
  }

  /** The offsets become the group's when the transaction commits. */
  async sendOffsetsToTransaction(
    offsets: readonly OffsetToCommit[],
    group: GroupMetadata | string,
    options: CallOptions = {}
  ): Promise<void> {
    requireOffsets(offsets)
    await this.#transactional().sendOffsets(offsets, typeof group === 'string' ? { groupId: group } : group, options)
  }

  /** Runs `body` in a transaction: commits when it returns, aborts when it throws. Initializes on the first use. */
  async transaction<T>(body: (transaction: Transaction) => Promise<T>, options: CallOptions = {}): Promise<T> {
    if (this.#transactional().isUninitialized) await this.initTransactions(options)
    this.beginTransaction()
    try {
      const result = await body({
        send: this.send.bind(this) as Producer['send'],
        sendBatch: this.sendBatch.bind(this) as Producer['sendBatch'],
        sendOffsets: (offsets, group, own) => this.sendOffsetsToTransaction(offsets, group, own)
      })
      await this.commitTransaction(options)
      return result
    } catch (error) {
      const { fatalError, isInTransaction } = this.#transactional()
      // Why it failed says more than that it could not be aborted. The signal ended the body, and not what has to follow.
      const { timeoutMs } = options
      if (fatalError === undefined && isInTransaction) await this.abortTransaction({ timeoutMs }).catch(() => {})
      throw error
    }
  }

  // ---- inside

  #send(topic: TopicLike<unknown, unknown>, record: AnyRecord, signal: AbortSignal | undefined): Promise<RecordMetadata> {
    try {
      const interceptors = this.#interceptors
      if (interceptors === undefined) return this.#sendPrepared(this.#prepare(topic, record), signal)
      return this.#quietly(
        interceptors.around(topic, record, (target, changed) => this.#sendPrepared(this.#prepare(target, changed), signal))
      )
    } catch (error) {
      const transactions = this.#transactions
      if (transactions?.tellsOfFailures) transactions.batchFailed(toKafkaError(error))
      return this.#quietly(Promise.reject(error))
    }
  }

  /** What fails in a transaction is told by its commit: nobody has to look at every promise. Outside of one nothing else would tell. */
  #quietly(promise: Promise<RecordMetadata>): Promise<RecordMetadata> {
    const transactions = this.#transactions
    if (transactions?.tellsOfFailures) promise.catch((error) => transactions.batchFailed(toKafkaError(error)))
    return promise
  }

  #prepare(target: TopicLike<unknown, unknown>, record: AnyRecord): PreparedRecord {
    this.#throwIfUnusable()
    this.#transactions?.checkSend()
    const isNamed = typeof target === 'string'
    const topic = isNamed ? target : target?.name
    if (typeof topic !== 'string' || topic === '') throw invalidConfig('A record needs a topic: a name, or what topic() gives')
    const keySerializer = (isNamed ? this.#keySerializer : target.key) as Serializer<unknown>
    const valueSerializer = (isNamed ? this.#valueSerializer : target.value) as Serializer<unknown>
    const { key: givenKey, value: givenValue, partition, timestamp } = record
    if (givenValue === undefined) throw withoutValue(record)
    if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0))
      throw invalidConfig(`A partition is a whole number from 0 on, not ${partition}`)
    if (timestamp !== undefined && !(Number.isInteger(timestamp) && timestamp >= 0))
      throw invalidConfig(`A timestamp is a whole number of ms from 0 on, not ${timestamp}`)
    const key: Bytes = givenKey === null || givenKey === undefined ? null : toBytes(keySerializer.serialize(givenKey, topic))
    const value: Bytes = givenValue === null ? null : toBytes(valueSerializer.serialize(givenValue, topic))
    const headers = record.headers === undefined ? undefined : toHeaders(record.headers)
    const sizeMax = sizeMaxOf(key, value, headers)
    this.#checkSize(sizeMax + RECORD_BATCH_OVERHEAD)
    return { topic, partition, key, value, headers, timestamp: timestamp ?? this.#world.clock.now(), sizeMax, given: record }
  }

  #checkSize(size: number): void {
    const { 'max.request.size': requestBytesMax, 'buffer.memory': memoryBytes } = this.#settings
    if (size <= requestBytesMax && size <= memoryBytes) return
    const [setting, bytesMax] = size > requestBytesMax ? ['max.request.size', requestBytesMax] : ['buffer.memory', memoryBytes]
    const message = `The record is ${size} bytes when serialized, which is larger than ${setting}=${bytesMax}`
    throw new KafkaError(ErrorCode.MESSAGE_TOO_LARGE, { message })
  }

  #sendPrepared(record: PreparedRecord, signal: AbortSignal | undefined): Promise<RecordMetadata> {
    const { topic } = record
    const waiting = this.#waiting
    const state = waiting.isWaitingFor(topic) ? undefined : this.#topics.get(topic)
    if (state === undefined || (record.partition ?? 0) >= state.partitionCount)
      return this.#quietly(waiting.forTopic(record, signal, () => this.#lookUp(topic, record.partition ?? 0)))
    const delivery = waiting.isShort ? undefined : this.#take(record, state)
    if (delivery !== undefined) return delivery
    const promise = this.#quietly(waiting.forMemory(record, signal))
    this.#accumulator.isShort = true
    this.#sender.wake()
    return promise
  }

  /** For the waiting room: the topic is known by now. */
  #takeKnown(record: PreparedRecord): PromiseLike<RecordMetadata> | undefined {
    const state = this.#topics.get(record.topic)
    if (state === undefined || (record.partition ?? 0) >= state.partitionCount)
      throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { message: `${record.topic} has no partition ${record.partition ?? 0}` })
    return this.#take(record, state)
  }

  #take(record: PreparedRecord, state: TopicState): Delivery | undefined {
    const isSticky = record.partition === undefined && this.#partitioner === undefined && !this.#usesKey(record.key)
    const queue = state.queues[isSticky ? state.sticky.current(state.available, state.partitionCount) : this.#partitionOf(record, state)]
    const taken = this.#accumulator.append(queue, this.#world.clock.monotonicMs(), record)
    if (taken === undefined) return undefined
    const { batch, index } = taken
    if (isSticky) state.sticky.appended(record.sizeMax, this.#accumulator.isFull(batch))
    // A new batch: the one before it, if there is one, is full; and this one starts to linger.
    if (index === 0) {
      state.usedAtMs = batch.createdMs
      this.#transactions?.add(queue as PartitionQueue)
      this.#sender.wake()
    }
    if (isHeard('producer:send'))
      publish('producer:send', () => ({ clientId: this.clientId, topic: queue.topic, partition: queue.partition, headers: record.headers }))
    return new Delivery(batch, index, record.timestamp)
  }

  #usesKey(key: Bytes): key is Exclude<Bytes, null> {
    return key !== null && !this.#settings['partitioner.ignore.keys']
  }

  #partitionOf(record: PreparedRecord, { name, partitionCount, available }: TopicState): number {
    if (record.partition !== undefined) return record.partition
    const { key, value, given } = record
    if (this.#partitioner === undefined) return partitionOfKey(key as Exclude<Bytes, null>, partitionCount)
    const context: PartitionerContext = {
      topic: name,
      key: given.key ?? null,
      value: given.value,
      keyBytes: typeof key === 'string' ? Buffer.from(key) : key,
      valueBytes: typeof value === 'string' ? Buffer.from(value) : value,
      partitionCount,
      availablePartitions: available
    }
    const partition = this.#partitioner(context)
    if (Number.isInteger(partition) && partition >= 0 && partition < partitionCount) return partition
    throw invalidConfig(`The partitioner gave ${partition}, but ${name} has partitions 0 to ${partitionCount - 1}`)
  }

  #lookUp(topic: string, partition: number): void {
    this.#findTopic(topic, partition, { timeoutMs: this.#waiting.timeLeftMs(topic) }).then(
      () => {
        this.#waiting.topicKnown(topic)
        this.#accumulator.isShort = this.#waiting.isShort
        this.#sender.wake()
      },
      (error) => {
        if (this.#waiting.topicFailed(topic, error)) this.#lookUp(topic, partition)
      }
    )
  }

  /** Topics are made by being asked for where the broker allows it (auto.create.topics.enable): until max.block.ms they may appear. */
  #findTopic(name: string, partition: number, { signal, timeoutMs }: CallOptions): Promise<TopicState> {
    // From the first topic on they are kept up to date.
    this.#unlisten ??= this.#cluster.onMetadata(() => {
      this.#topics.refresh()
      this.#sender.wake()
    })
    const world = this.#world
    const options = {
      world,
      what: partition === 0 ? `Finding topic ${name}` : `Finding partition ${partition} of topic ${name}`,
      timeoutMs: timeoutMs ?? this.#settings['max.block.ms'],
      signal,
      backoff: this.#cluster.backoff,
      obstacle: () => this.#cluster.obstacle
    }
    return retrying(options, async (own, failures) => {
      await this.#cluster.metadata([name], { allowAutoTopicCreation: true, refresh: failures > 0, signal: own })
      this.#topics.refresh()
      const state = this.#topics.get(name)
      if (state !== undefined && partition < state.partitionCount) return state
      const { errorCode = ErrorCode.NONE } = this.#cluster.current.topics.get(name) ?? {}
      const code = errorCode === ErrorCode.NONE ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : errorCode
      const absent = code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION ? 'The cluster does not have it' : new KafkaError(code).message
      const what = state === undefined ? `Topic ${name}: ${absent}` : `${name} has ${state.partitionCount} partition(s), no ${partition}`
      throw new KafkaError(code, { message: what })
    })
  }

  #onRelease(): void {
    if (!this.#waiting.isShort) return
    this.#waiting.pump()
    this.#accumulator.isShort = this.#waiting.isShort
  }

  #identify(): void {
    const identity = this.#identity
    if (this.#isIdentifying || identity === undefined || this.#transactions !== undefined || this.#fatal !== undefined) return
    this.#isIdentifying = true
    const body = { transactionalId: null, transactionTimeoutMs: 0x7fffffff }
    this.#cluster
      .call({ anyNode: true }, InitProducerIdRequest, InitProducerIdResponse, body, {
        maxVersion: 5,
        errorOf: (response) => errorOf(response.errorCode)
      })
      .then(
        ({ producerId, producerEpoch }) => identity.set({ producerId, producerEpoch }),
        (cause) => {
          const error = toKafkaError(cause)
          // Out of time is not out of hope: the batches have deadlines of their own.
          if (error.errorCode !== ErrorCode.REQUEST_TIMED_OUT) this.#fail(error)
        }
      )
      .finally(() => {
        this.#isIdentifying = false
        this.#sender.wake()
      })
  }

  /** A failed transaction: what was not sent fails now, not when its time is over. After what is under way has been dealt with. */
  #drop(error: KafkaError, isFatal: boolean): void {
    this.#world.timers.defer(() => {
      if (!isFatal && !this.#transactions?.isAbortable) return
      this.#waiting.rejectAll(error)
      if (isFatal) this.#sender.failAll(error)
      else this.#sender.failUnsent(error)
    })
  }

  /** Nothing can be sent by this producer any more. */
  #fail(error: KafkaError): void {
    this.#fatal ??= error
    this.#waiting.rejectAll(error)
    this.#sender.failAll(error)
  }

  async #flush(): Promise<void> {
    const accumulator = this.#accumulator
    accumulator.flushes++
    try {
      this.#sender.wake()
      await this.#waiting.settled()
      this.#sender.wake()
      await Promise.all([...accumulator.incomplete].map((batch) => batch.settled()))
    } finally {
      accumulator.flushes--
    }
  }

  async #close(timeoutMs: number): Promise<void> {
    const error = closedError()
    if (timeoutMs > 0 && this.#fatal === undefined) {
      // As in Java: what was not committed is aborted, not left for the coordinator's timeout.
      const isOpen = this.#transactions?.isInTransaction ?? false
      const flushed = (): Promise<void> => this.#flush().then(() => this.#committing)
      await unlessLate(this.#world, isOpen ? this.abortTransaction() : flushed(), timeoutMs)
    }
    this.#fatal ??= error
    this.#waiting.rejectAll(error)
    this.#sender.failAll(error)
    this.#sender.close()
    this.#unlisten?.()
    this.#cluster.close()
    this.#interceptors?.close()
  }

  #throwIfUnusable(): void {
    const { fatalError } = this.#transactions ?? {}
    if (this.#fatal !== undefined) throw this.#fatal
    if (this.#closing !== undefined) throw closedError()
    if (fatalError !== undefined) throw fatalError
  }

  #transactional(): TransactionManager {
    if (this.#transactions === undefined) throw stateError('This producer has no transactional.id')
    return this.#transactions
  }
}

/** For those whom no compiler tells: `send` of kafkajs takes messages. */
function withoutValue(record: AnyRecord): KafkaError {
  if (typeof record !== 'object') return invalidConfig(`A record is an object with a value, not a ${typeof record}`)
  if (!('messages' in record)) return invalidConfig('A record has no value: give null for a tombstone')
  return invalidConfig('A record has a value and no messages: sendBatch() takes many, and odradek/kafkajs takes messages as kafkajs does')
}

/** Resolves with the promise, or when the time is over. */
function unlessLate(world: World, promise: Promise<void>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = timeoutMs === Infinity ? undefined : world.timers.schedule(timeoutMs, resolve)
    const settled = (): void => {
      timer?.cancel()
      resolve()
    }
    promise.then(settled, settled)
  })
}
