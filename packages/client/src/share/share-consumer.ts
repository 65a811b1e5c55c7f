// The share consumer (KIP-932): the members of a group share the records of a topic, each record goes to one of them under a lock, and is
// acknowledged by itself: accepted, released to be delivered again, rejected for good, or its lock renewed.
//
// As the consumer: everything happens in the turns of one event loop, records are handed out inside `poll` (stream and run poll too), one poll
// at a time. Implicit acknowledgement: the next poll, a commit or close accept what the last poll gave.
import type { ShareConsumerSettings } from '@odradek/config'
import type { TimerHandle } from '@odradek/world'
import type { PollMetrics } from '../consumer/consumer-metrics.ts'
import { ConsumerRecords, type Taken } from '../consumer/consumer-records.ts'
import { deserializerOf, typesOf } from '../consumer/engine.ts'
import type { Deserializers } from '../consumer/fetched-records.ts'
import { PollWait } from '../consumer/poll-wait.ts'
import type { ConsumerRecord } from '../consumer/record.ts'
import { Subscriber, type SubscribeTo } from '../consumer/subscriber.ts'
import type { PollOptions } from '../consumer/types.ts'
import { untilLoaded, warmUp } from '../consumer/warm-up.ts'
import { closedError, KafkaError, toKafkaError } from '../errors.ts'
import { MeasuredClient } from '../metrics/measured-client.ts'
import type { Cluster } from '../network/cluster.ts'
import { unlessAborted } from '../network/retry.ts'
import { invalidConfig } from '../options.ts'
import type { Topic } from '../topic.ts'
import { type CallOptions, partitionKey, type TopicPartition } from '../types.ts'
import type { Acknowledgement } from './acknowledgements.ts'
import type { AcknowledgementCommitCallback, ShareHandler, ShareRunOptions, ShareStreamOptions } from './options.ts'
import { ShareFetcher } from './share-fetcher.ts'
import { ShareMembership } from './share-membership.ts'
import { shareMetrics } from './share-metrics.ts'
import type { SharePartition } from './share-partition.ts'
import { runShareHandlers } from './share-run.ts'

export interface ShareConsumerInit {
  readonly cluster: Cluster
  readonly settings: ShareConsumerSettings
}

export type ShareSubscribeTo = Exclude<SubscribeTo, RegExp | { readonly regex: string }>

type Typed<K, V> = Topic<K, V, never, never> | Topic<K, V> | ShareSubscribeTo

const POLL_TIMEOUT_MS = 1000
const STREAM_POLL_MS = 60_000
const CLOSE_TIMEOUT_MS = 30_000

export class ShareConsumer<K = Buffer, V = Buffer> extends MeasuredClient implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #metrics: PollMetrics
  readonly #settings: ShareConsumerSettings
  readonly #defaults: Deserializers<K, V>
  readonly #topics = new Map<string, Deserializers<K, V>>()
  readonly #wait: PollWait
  readonly #membership: ShareMembership
  readonly #subscriber: Subscriber
  readonly #fetcher: ShareFetcher
  readonly #isImplicit: boolean
  #callback: AcknowledgementCommitCallback | undefined
  #isPolling = false
  /** A stream or run has the say over what is acknowledged. */
  #isStreaming = false
  #pollTimer: TimerHandle | undefined
  #closed: Promise<void> | undefined

  constructor({ cluster, settings }: ShareConsumerInit) {
    super(cluster)
    this.#cluster = cluster
    this.#metrics = shareMetrics(cluster)
    this.#settings = settings
    const groupId = settings['group.id']
    if (groupId === null || groupId === '') throw invalidConfig('A share consumer needs a group.id')
    this.#defaults = {
      key: deserializerOf<K>('key.deserializer', settings['key.deserializer']),
      value: deserializerOf<V>('value.deserializer', settings['value.deserializer'])
    }
    this.#isImplicit = settings['share.acknowledgement.mode'].toLowerCase() === 'implicit'
    this.#wait = new PollWait(cluster.world)
    const onError = (error: KafkaError): void => this.#wait.fail(error)
    this.#membership = new ShareMembership({
      cluster,
      groupId,
      rackId: settings['client.rack'],
      onAssignment: (assigned) => this.#fetcher.assign(assigned),
      onError
    })
    this.#fetcher = new ShareFetcher({
      cluster,
      groupId,
      memberId: this.#membership.memberId,
      minBytes: settings['fetch.min.bytes'],
      maxBytes: settings['fetch.max.bytes'],
      maxWaitMs: settings['fetch.max.wait.ms'],
      maxRecords: settings['max.poll.records'],
      isRecordLimit: settings['share.acquire.mode'].toLowerCase() === 'record_limit',
      checksCrc: settings['check.crcs'],
      onAck: (partition, offset) => this.#acknowledge(partition, offset, 'accept'),
      wake: () => this.#wait.wake(),
      refresh: (topic) => this.#subscriber.refresh(topic),
      onAcknowledged: (partition, offsets, error) => this.#onAcknowledged(partition, offsets, error),
      onError
    })
    this.#subscriber = new Subscriber({
      cluster,
      allowsCreation: settings['allow.auto.create.topics'],
      excludesInternal: settings['exclude.internal.topics'],
      metadataMaxAgeMs: settings['metadata.max.age.ms'],
      assignedTopics: () => this.#fetcher.assigned.flatMap(({ topicId }) => cluster.topicName(topicId) ?? []),
      onSubscription: ({ topics }) => this.#membership.subscribe(topics),
      onMetadata: () => this.#fetcher.pump(),
      onError
    })
    cluster.topicHolder = () => this.#subscriber.holder()
  }

  /** By name or by typed topic. Replaces what was subscribed before. */
  subscribe(to: ShareSubscribeTo | readonly Topic<K, V, never, never>[]): void {
    this.#ensureOpen()
    const assigned = new Set(this.#fetcher.assigned.map(({ topicId }) => this.#cluster.topicName(topicId)))
    for (const name of this.#topics.keys()) if (!assigned.has(name)) this.#topics.delete(name)
    for (const [name, types] of typesOf<K, V>(to)) this.#topics.set(name, types)
    this.#subscriber.subscribe(to as SubscribeTo)
    this.#armPollTimer()
    this.#wait.wake()
  }

  subscription(): string[] {
    return [...this.#subscriber.topics]
  }

  /** Sends what is acknowledged, gives back what is not, and leaves the group. */
  async unsubscribe({ timeoutMs = this.#cluster.apiTimeoutMs, signal }: CallOptions = {}): Promise<void> {
    this.#ensureOpen()
    const isSubscribed = this.#subscriber.isAutomatic
    this.#pollTimer?.cancel()
    this.#subscriber.unsubscribe()
    this.#giveBack()
    await this.#flush('Committing acknowledgements', { timeoutMs, signal })
    if (isSubscribed) await this.#membership.leave(timeoutMs, signal)
    this.#wait.wake()
  }

  /**
   * Records that are there, or the first that come within `timeoutMs`. max.poll.records is a strict limit with share.acquire.mode=record_limit;
   * otherwise the batch that passes it is handed out whole. Explicit acknowledgement: throws ILLEGAL_STATE while records of the last poll are
   * not acknowledged; renewed records are handed out again.
   */
  async poll(options: PollOptions | number = {}): Promise<ConsumerRecords<K, V>> {
    const { timeoutMs = POLL_TIMEOUT_MS, signal } = typeof options === 'number' ? { timeoutMs: options } : options
    this.#enter()
    try {
      this.#settleLast()
      return await this.#take(timeoutMs, signal)
    } finally {
      this.#isPolling = false
    }
  }

  /** With share.acknowledgement.mode=explicit, and in streams. Sent with the next poll or commit. */
  acknowledge(record: TopicPartition & { readonly offset: number }, type: Acknowledgement = 'accept'): void {
    const { topic, partition, offset } = record
    const key = partitionKey(topic, partition)
    for (const each of this.#fetcher.partitions()) {
      if (each.key === key && each.holds(offset)) {
        this.#acknowledge(each, offset, type)
        return
      }
    }
    throw illegal(`The record ${key} at offset ${offset} is not held by this consumer`)
  }

  /** Sends what is acknowledged and waits for the answers. Keys as Kafka prints partitions; undefined: done. */
  commitSync(options: CallOptions = {}): Promise<Map<string, KafkaError | undefined>> {
    this.#ensureOpen()
    this.#acceptImplicitly()
    return this.#flush('Committing acknowledgements', options)
  }

  /** Sends what is acknowledged; the callback of setAcknowledgementCommitCallback gets the outcome. */
  commitAsync(): void {
    this.#ensureOpen()
    this.#acceptImplicitly()
    void this.#fetcher.flush(this.#deadline(this.#cluster.apiTimeoutMs))
  }

  /** Called for each partition when the broker has answered. What it throws is thrown by the next poll. */
  setAcknowledgementCommitCallback(callback: AcknowledgementCommitCallback | undefined): void {
    this.#callback = callback
  }

  /** How long a record stays with the consumer that it was delivered to, ms; undefined: no broker has said it yet. */
  get acquisitionLockTimeoutMs(): number | undefined {
    return this.#fetcher.acquisitionLockTimeoutMs
  }

  /** Records one by one. Ending the loop gives back what was not accepted and, when the stream has subscribed, leaves the group. */
  stream<SK = K, SV = V>(to?: Typed<SK, SV>, options: ShareStreamOptions = {}): AsyncGenerator<ConsumerRecord<SK, SV>, void, undefined> {
    if (to !== undefined) this.subscribe(to as ShareSubscribeTo)
    return this.#iterate(options, to !== undefined) as unknown as AsyncGenerator<ConsumerRecord<SK, SV>, void, undefined>
  }

  /** Calls `handler` for each record until the signal aborts, renewing the locks of those that take long. */
  async run<SK = K, SV = V>(
    to: Typed<SK, SV> | undefined,
    handler: ShareHandler<NoInfer<SK>, NoInfer<SV>>,
    options: ShareRunOptions<SK, SV> = {}
  ): Promise<void> {
    if (to !== undefined) this.subscribe(to as ShareSubscribeTo)
    this.#beginStream()
    try {
      await runShareHandlers<SK, SV>(
        {
          world: this.#cluster.world,
          take: async (signal) => (await this.#taking(STREAM_POLL_MS, signal)) as unknown as Iterable<ConsumerRecord<SK, SV>>,
          acknowledge: (record, type) => this.#acknowledgeIfHeld(record, type),
          lockTimeoutMs: () => this.acquisitionLockTimeoutMs,
          flush: () => void this.#fetcher.flush(this.#deadline(this.#cluster.apiTimeoutMs))
        },
        handler,
        options
      )
    } finally {
      await this.#endStream(to !== undefined)
    }
  }

  /** A waiting poll, or the next one, throws WAKEUP. Safe from anywhere. */
  wakeup(): void {
    this.#wait.wakeup()
  }

  /** Sends the last acknowledgements, releases every other lock, leaves the group, ends. Idempotent. */
  close(options: CallOptions = {}): Promise<void> {
    this.#closed ??= this.#close(options)
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // ---- inside

  async *#iterate({ signal, ack }: ShareStreamOptions, ownsSubscription: boolean): AsyncGenerator<ConsumerRecord<K, V>, void, undefined> {
    this.#beginStream()
    try {
      while (!signal?.aborted) {
        for (const record of await this.#taking(STREAM_POLL_MS, signal)) {
          yield record
          if (ack !== 'manual') this.#acknowledgeIfHeld(record, 'accept')
          if (signal?.aborted) break
        }
      }
    } catch (error) {
      if (!signal?.aborted) throw error
    } finally {
      await this.#endStream(ownsSubscription)
    }
  }

  #beginStream(): void {
    if (this.#isStreaming) throw illegal('Another stream or run of this consumer is under way')
    this.#isStreaming = true
  }

  async #endStream(ownsSubscription: boolean): Promise<void> {
    try {
      if (this.#closed !== undefined) return
      if (ownsSubscription) await this.unsubscribe()
      else {
        this.#giveBack()
        await this.#flush('Committing acknowledgements', {})
      }
    } finally {
      this.#isStreaming = false
    }
  }

  async #taking(timeoutMs: number, signal: AbortSignal | undefined): Promise<ConsumerRecords<K, V>> {
    this.#enter()
    try {
      this.#requireAcknowledged()
      return await this.#take(timeoutMs, signal)
    } finally {
      this.#isPolling = false
    }
  }

  async #take(timeoutMs: number, signal: AbortSignal | undefined): Promise<ConsumerRecords<K, V>> {
    const deadlineMs = this.#deadline(timeoutMs)
    const answerMs = this.#deadline(this.#cluster.apiTimeoutMs)
    this.#metrics.polled()
    this.#armPollTimer()
    this.#membership.start()
    try {
      for (;;) {
        signal?.throwIfAborted()
        this.#ensureOpen()
        this.#wait.throwPending()
        const records: ConsumerRecord<K, V>[] = []
        const taken = this.#collect(records)
        if (taken.length > 0) {
          this.#metrics.handedOut(records.length)
          this.#fetcher.wantNot()
          void this.#fetcher.flush(answerMs)
          const loading = warmUp(records, taken, (topic) => this.#topics.get(topic) ?? this.#defaults)
          const isClosed = (): boolean => this.#closed !== undefined
          const { requestTimeoutMs: waitMs } = this.#cluster
          if (loading !== undefined)
            await untilLoaded(loading, { world: this.#cluster.world, wait: this.#wait, timeoutMs: waitMs, signal, isClosed })
          return new ConsumerRecords(records, taken)
        }
        this.#fetcher.want(answerMs)
        const leftMs = deadlineMs - this.#now()
        if (leftMs <= 0) return new ConsumerRecords(records, taken)
        await this.#wait.changed(leftMs, signal)
      }
    } finally {
      this.#fetcher.wantNot()
    }
  }

  #collect(records: ConsumerRecord<K, V>[]): Taken[] {
    const renewed = this.#fetcher.takeRenewed(records)
    if (renewed.length > 0) return renewed
    return this.#fetcher.collect((topic) => this.#topics.get(topic) ?? this.#defaults, records)
  }

  #enter(): void {
    this.#ensureOpen()
    if (this.#isPolling) throw illegal('Another poll (or stream, or run) of this consumer is under way')
    if (!this.#subscriber.isAutomatic) throw illegal('Nothing to read: subscribe to topics first')
    this.#isPolling = true
  }

  #settleLast(): void {
    if (this.#isStreaming) throw illegal('A stream or run of this consumer is under way')
    if (this.#isImplicit) this.#acceptImplicitly()
    else this.#requireAcknowledged()
  }

  #acceptImplicitly(): void {
    if (!this.#isImplicit || this.#isStreaming) return
    for (const partition of this.#fetcher.partitions()) partition.acknowledgeAll('accept')
  }

  #requireAcknowledged(): void {
    for (const { heldCount, key } of this.#fetcher.partitions())
      if (heldCount > 0) throw illegal(`${heldCount} records of ${key} are not acknowledged: acknowledge each record before the next poll`)
  }

  #acknowledge(partition: SharePartition, offset: number, type: Acknowledgement): void {
    if (this.#isImplicit && !this.#isStreaming)
      throw illegal('Acknowledgement is implicit here: set share.acknowledgement.mode to explicit, or use stream or run')
    partition.acknowledge(offset, type)
  }

  /** False: its lock is lost, or it was acknowledged already. */
  #acknowledgeIfHeld({ topic, partition, offset }: TopicPartition & { readonly offset: number }, type: Acknowledgement): boolean {
    const key = partitionKey(topic, partition)
    for (const each of this.#fetcher.partitions()) {
      if (each.key !== key || !each.holds(offset)) continue
      each.acknowledge(offset, type)
      return true
    }
    return false
  }

  /** What is held or buffered is for others. */
  #giveBack(): void {
    this.#acceptImplicitly()
    for (const partition of this.#fetcher.partitions()) partition.acknowledgeAll('release')
    this.#fetcher.release()
  }

  #onAcknowledged(partition: SharePartition, offsets: readonly number[], error: KafkaError | undefined): void {
    const { topic, partition: index } = partition.place
    if (error !== undefined && this.#callback === undefined)
      this.#log(`${offsets.length} acknowledgements of ${partition.key} failed: the records will be delivered again`, error)
    try {
      this.#callback?.({ topic, partition: index, offsets }, error)
    } catch (thrown) {
      this.#wait.fail(toKafkaError(thrown))
    }
  }

  #flush(what: string, { timeoutMs = this.#cluster.apiTimeoutMs, signal }: CallOptions): Promise<Map<string, KafkaError | undefined>> {
    const answers = this.#fetcher.flush(this.#deadline(timeoutMs))
    return this.#cluster.retry(what, { timeoutMs, signal }, (own) => unlessAborted(answers, own))
  }

  /** max.poll.interval.ms: who does not poll is no member. */
  #armPollTimer(): void {
    this.#pollTimer?.cancel()
    const intervalMs = this.#settings['max.poll.interval.ms']
    this.#pollTimer = this.#cluster.world.timers.schedule(intervalMs, () => {
      if (this.#isPolling) {
        this.#armPollTimer()
        return
      }
      this.#log(`No poll for max.poll.interval.ms (${intervalMs} ms): leaving the group until the next one`)
      this.#membership.leave(5000).catch((error) => this.#log('The group was not told that this member left', error))
    })
  }

  async #close({ timeoutMs = CLOSE_TIMEOUT_MS, signal }: CallOptions): Promise<void> {
    this.#acceptImplicitly()
    this.#pollTimer?.cancel()
    this.#wait.wake()
    try {
      await unlessAborted(this.#fetcher.close(timeoutMs), signal)
      await this.#membership.leave(timeoutMs, signal)
    } catch (error) {
      this.#log('The group was not told that this member left', error)
    }
    this.#subscriber.close()
    this.#cluster.close()
  }

  #ensureOpen(): void {
    if (this.#closed !== undefined) throw closedError()
  }

  #deadline(timeoutMs: number): number {
    return this.#now() + timeoutMs
  }

  #now(): number {
    return this.#cluster.world.clock.monotonicMs()
  }

  #log(message: string, error?: unknown): void {
    this.#cluster.world.logger.log('WARN', 'odradek.client.ShareConsumer', message, error)
  }
}

function illegal(message: string): KafkaError {
  return new KafkaError(-1, { code: 'ILLEGAL_STATE', message })
}
