// kafkajs's consumer: what it was told (topics, pauses), and a runner from `run` to `stop` that does the work.
import type { Consumer as NativeConsumer } from '@odradek/client'
import { describeGroups } from './admin-groups.ts'
import { checkAssigners, roundRobinAssignor } from './assigners.ts'
import { type ClientBase, type Connected, connect } from './config.ts'
import { ConsumerRunner } from './consumer-runner.ts'
import { KafkaJSNonRetriableError, toKafkaJSError, translated } from './errors.ts'
import { consumerEvents, Events } from './events.ts'
import type {
  Consumer,
  ConsumerConfig,
  ConsumerRunConfig,
  ConsumerSubscribeTopic,
  ConsumerSubscribeTopics,
  GroupDescription,
  TopicPartitionOffset,
  TopicPartitionOffsetAndMetadata,
  TopicPartitions
} from './types.ts'

/** kafkajs's defaults. */
const defaults = {
  sessionTimeout: 30_000,
  rebalanceTimeout: 60_000,
  heartbeatInterval: 3000,
  metadataMaxAge: 300_000,
  maxBytesPerPartition: 1024 * 1024,
  minBytes: 1,
  maxBytes: 10 * 1024 * 1024,
  maxWaitTimeInMs: 5000
}
const POLL_RECORDS_MAX = 10_000
/** A partition that is read again waits for the fetch under way; with minBytes at 1 a longer one gains nothing. */
const IDLE_WAIT_MS = 500

type PauseList = { topic: string; partitions?: number[] }[]

export function createConsumer(base: ClientBase, config: ConsumerConfig): Consumer {
  if (!config.groupId) throw new KafkaJSNonRetriableError('Consumer groupId must be a non-empty string.')
  checkAssigners(config.partitionAssigners)
  return new ShimConsumer(base, config).face()
}

class ShimConsumer {
  readonly #base: ClientBase
  readonly #config: ConsumerConfig & typeof defaults
  readonly #events: Events<typeof consumerEvents>
  readonly #topics = new Map<string, { readonly fromBeginning: boolean }>()
  /** By topic; undefined: all of its partitions. */
  readonly #paused = new Map<string, Set<number> | undefined>()
  #connected: Connected | undefined
  #runner: ConsumerRunner | undefined
  #restart: ReturnType<typeof setTimeout> | undefined
  /** Whether the next restart is still wanted. */
  #run = 0

  constructor(base: ClientBase, config: ConsumerConfig) {
    this.#base = base
    const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
    this.#config = { ...defaults, ...(given as ConsumerConfig) } as ConsumerConfig & typeof defaults
    const logger = base.logger.namespace('Consumer')
    this.#events = new Events(consumerEvents, (event, error) => logger.error(`A listener of ${event} failed`, { error: String(error) }))
  }

  face(): Consumer {
    return {
      connect: () => translated(() => this.#connect()),
      disconnect: () => translated(() => this.#disconnect()),
      subscribe: (subscription) => translated(() => this.#subscribe(subscription)),
      stop: () => translated(() => this.#stop()),
      run: (config = {}) => translated(() => this.#start(config)),
      commitOffsets: (offsets) => translated(() => this.#commit(offsets)),
      seek: (target) => this.#seek(target),
      describeGroup: () => translated(() => this.#describeGroup()),
      pause: (list) => this.#setPaused(list, true),
      paused: () => this.#pausedPartitions(),
      resume: (list) => this.#setPaused(list, false),
      on: this.#events.on,
      logger: () => this.#base.logger,
      events: consumerEvents
    }
  }

  async #connect(): Promise<void> {
    if (this.#connected === undefined) this.#connected = await connect(this.#base)
    this.#events.emit(consumerEvents.CONNECT, null)
  }

  async #stop(): Promise<void> {
    this.#run += 1
    clearTimeout(this.#restart)
    await this.#endRunner()
  }

  async #endRunner(): Promise<void> {
    const runner = this.#runner
    if (runner === undefined) return
    await runner.stop()
    if (this.#runner === runner) this.#runner = undefined
    this.#base.logger.namespace('Consumer').info('Stopped', { groupId: this.#config.groupId })
    this.#events.emit(consumerEvents.STOP, null)
  }

  async #disconnect(): Promise<void> {
    await this.#stop()
    await this.#close()
  }

  async #close(): Promise<void> {
    const connected = this.#connected
    this.#connected = undefined
    await connected?.kafka.close()
    this.#events.emit(consumerEvents.DISCONNECT, null)
  }

  async #subscribe(subscription: ConsumerSubscribeTopics | ConsumerSubscribeTopic): Promise<void> {
    if (this.#runner !== undefined) throw new KafkaJSNonRetriableError('Cannot subscribe to topic while consumer is running')
    const { fromBeginning = false } = subscription
    const topics = 'topics' in subscription ? subscription.topics : [subscription.topic]
    if (!Array.isArray(topics)) throw new KafkaJSNonRetriableError('Argument "topics" must be an array')
    for (const topic of topics)
      if (!(topic instanceof RegExp) && (typeof topic !== 'string' || topic === ''))
        throw new KafkaJSNonRetriableError(`Invalid topic ${topic} (${typeof topic}), the topic name has to be a String or a RegExp`)
    const { admin } = this.#requireConnected()
    const known = topics.some((topic) => topic instanceof RegExp) ? [...(await admin.listTopics({ listInternal: true })).keys()] : []
    for (const topic of topics) {
      const names = topic instanceof RegExp ? known.filter((name) => new RegExp(topic).test(name)) : [topic]
      for (const name of names) this.#topics.set(name, { fromBeginning })
    }
  }

  async #start(config: ConsumerRunConfig): Promise<void> {
    if (this.#runner !== undefined) {
      this.#base.logger.warn('consumer#run was called, but the consumer is already running', { groupId: this.#config.groupId })
      return
    }
    this.#requireConnected()
    await this.#launch(config)
  }

  async #launch(config: ConsumerRunConfig): Promise<void> {
    const { groupId, rebalanceTimeout, heartbeatInterval } = this.#config
    const beginnings = new Set([...this.#topics.values()].map(({ fromBeginning }) => fromBeginning))
    let isLeader = false
    const native = this.#native(beginnings.size === 1 && beginnings.has(true), () => {
      isLeader = true
    })
    const runner = new ConsumerRunner({
      native,
      groupId,
      topics: this.#topics,
      isMixed: beginnings.size > 1,
      config,
      retries: this.#base.retries,
      rebalanceTimeoutMs: rebalanceTimeout,
      heartbeatIntervalMs: heartbeatInterval,
      events: this.#events,
      logger: this.#base.logger.namespace('Consumer'),
      isPaused: (topic, partition) => this.#isPaused(topic, partition),
      pause: (topic, partition) => {
        this.#setPaused([{ topic, partitions: [partition] }], true)
        return () => this.#setPaused([{ topic, partitions: [partition] }], false)
      },
      isLeader: () => {
        const was = isLeader
        isLeader = false
        return was
      },
      onCrash: (error) => void this.#crashed(error, config)
    })
    this.#runner = runner
    this.#base.logger.namespace('Consumer').info('Starting', { groupId })
    await runner.start()
  }

  #native(fromBeginning: boolean, onLead: () => void): NativeConsumer {
    const { kafka } = this.#requireConnected()
    const config = this.#config
    return kafka.consumer({
      groupId: config.groupId,
      groupProtocol: 'classic',
      partitionAssignmentStrategy: [roundRobinAssignor(onLead)],
      enableAutoCommit: false,
      autoOffsetReset: fromBeginning ? 'earliest' : 'latest',
      isolationLevel: config.readUncommitted === true ? 'read_uncommitted' : 'read_committed',
      sessionTimeoutMs: config.sessionTimeout,
      heartbeatIntervalMs: Math.min(config.heartbeatInterval, config.sessionTimeout - 1),
      maxPollIntervalMs: config.rebalanceTimeout,
      maxPollRecords: POLL_RECORDS_MAX,
      metadataMaxAgeMs: config.metadataMaxAge,
      maxPartitionFetchBytes: config.maxBytesPerPartition,
      fetchMinBytes: config.minBytes,
      fetchMaxBytes: config.maxBytes,
      fetchMaxWaitMs: config.minBytes > 1 ? config.maxWaitTimeInMs : Math.min(config.maxWaitTimeInMs, IDLE_WAIT_MS),
      allowAutoCreateTopics: config.allowAutoTopicCreation ?? true,
      clientRack: config.rackId ?? ''
    })
  }

  /** As kafkajs: the consumer disconnects, says so, and comes back where that may help. */
  async #crashed(error: Error, config: ConsumerRunConfig): Promise<void> {
    const { logger, retries } = this.#base
    const { groupId, retry } = this.#config
    const run = this.#run
    logger.namespace('Consumer').error(`Crash: ${error.name}: ${error.message}`, { groupId, stack: error.stack })
    await this.#endRunner().catch((failure) => logger.error('The consumer did not stop well', { error: String(failure) }))
    await this.#close()
    const mayHelp = error.name === 'KafkaJSNumberOfRetriesExceeded' || (rootOf(error) as { retriable?: boolean }).retriable === true
    const restartOnFailure = retry?.restartOnFailure ?? this.#base.config.retry?.restartOnFailure
    const restart = mayHelp && (await (restartOnFailure?.(error) ?? Promise.resolve(true)).catch(() => true))
    this.#events.emit(consumerEvents.CRASH, { error, groupId, restart })
    if (!restart || run !== this.#run) return
    const waitMs = (error as { retryTime?: number }).retryTime || retries.initialRetryTime
    logger.namespace('Consumer').error(`Restarting the consumer in ${waitMs}ms`, { groupId })
    this.#restart = setTimeout(() => void this.#comeBack(config, run), waitMs)
  }

  async #comeBack(config: ConsumerRunConfig, run: number): Promise<void> {
    try {
      await this.#connect()
      if (run === this.#run) await this.#launch(config)
      else await this.#close()
    } catch (error) {
      await this.#crashed(toKafkaJSError(error), config)
    }
  }

  async #commit(offsets: TopicPartitionOffsetAndMetadata[]): Promise<void> {
    for (const { offset, metadata, ...target } of offsets) {
      checkTarget(target)
      if (offsetOf(offset) < 0) throw new KafkaJSNonRetriableError('Offset must not be a negative number')
      if (metadata !== undefined && metadata !== null && typeof metadata !== 'string')
        throw new KafkaJSNonRetriableError(`Invalid offset metadata, expected string or null, received ${metadata}`)
    }
    await this.#requireRunner().commitOffsets(offsets)
  }

  #seek({ topic, partition, offset }: TopicPartitionOffset): void {
    checkTarget({ topic, partition })
    const to = offsetOf(offset)
    if (to < -2) throw new KafkaJSNonRetriableError('Offset must not be a negative number')
    this.#requireRunner().seek({ topic, partition }, to)
  }

  #setPaused(list: PauseList, isPaused: boolean): void {
    for (const each of list) {
      if (!each?.topic) throw new KafkaJSNonRetriableError(`Invalid topic ${each?.topic || each}`)
      if (each.partitions !== undefined && (!Array.isArray(each.partitions) || each.partitions.some(Number.isNaN)))
        throw new KafkaJSNonRetriableError(`Array of valid partitions required to pause or resume, not ${each.partitions}`)
    }
    const runner = this.#requireRunner()
    for (const { topic, partitions } of list) {
      const before = this.#paused.get(topic)
      if (partitions === undefined) {
        if (isPaused) this.#paused.set(topic, undefined)
        else this.#paused.delete(topic)
        continue
      }
      // All partitions of the topic are paused: those that are here, from now on by number.
      const isWhole = this.#paused.has(topic) && before === undefined
      if (isWhole && isPaused) continue
      const own = runner.partitions().filter((each) => each.topic === topic)
      const set = before ?? new Set(isWhole ? own.map(({ partition }) => partition) : [])
      for (const partition of partitions) isPaused ? set.add(partition) : set.delete(partition)
      if (set.size > 0) this.#paused.set(topic, set)
      else this.#paused.delete(topic)
    }
    runner.update()
  }

  #isPaused(topic: string, partition: number): boolean {
    return this.#paused.has(topic) && (this.#paused.get(topic)?.has(partition) ?? true)
  }

  #pausedPartitions(): TopicPartitions[] {
    const own = this.#runner?.partitions().filter(({ topic, partition }) => this.#isPaused(topic, partition)) ?? []
    const byTopic = Map.groupBy(own, ({ topic }) => topic)
    return [...byTopic].map(([topic, list]) => ({ topic, partitions: list.map(({ partition }) => partition) }))
  }

  async #describeGroup(): Promise<GroupDescription> {
    const [group] = await describeGroups(this.#requireConnected().admin, [this.#config.groupId])
    return group
  }

  #requireConnected(): Connected {
    if (this.#connected === undefined) throw new KafkaJSNonRetriableError('The consumer is not connected: call connect() first')
    return this.#connected
  }

  #requireRunner(): ConsumerRunner {
    if (this.#runner === undefined)
      throw new KafkaJSNonRetriableError('Consumer group was not initialized, consumer#run must be called first')
    return this.#runner
  }
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}

function checkTarget({ topic, partition }: { topic: string; partition: number }): void {
  if (!topic) throw new KafkaJSNonRetriableError(`Invalid topic ${topic}`)
  if (!Number.isInteger(partition)) throw new KafkaJSNonRetriableError(`Invalid partition, expected a number received ${partition}`)
}

function offsetOf(offset: string): number {
  const number = Number(offset)
  if (offset === '' || !Number.isSafeInteger(number))
    throw new KafkaJSNonRetriableError(`Invalid offset, expected a long received ${offset}`)
  return number
}
