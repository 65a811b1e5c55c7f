// kafkajs's producer. The acks and the compression of a send are settings of a native producer: there is one for each pair in use.
import type { RecordMetadata as NativeMetadata, Producer as NativeProducer, ProducerOptions } from '@odradek/client'
import { type ClientBase, type Connected, connect } from './config.ts'
import { CompressionTypes, nameOf } from './enums.ts'
import { KafkaJSError, KafkaJSNonRetriableError, translated } from './errors.ts'
import { Events, producerEvents } from './events.ts'
import { Partitioners } from './partitioners.ts'
import type {
  IHeaders,
  Message,
  PartitionMetadata,
  Producer,
  ProducerBatch,
  ProducerConfig,
  RecordMetadata,
  TopicMessages,
  Transaction
} from './types.ts'

const METADATA_MAX_AGE_MS = 300_000
const TRANSACTION_TIMEOUT_MS = 60_000
/** kafkajs has no limit to a message: the broker's counts. */
const REQUEST_BYTES_MAX = 64 * 1024 * 1024
/** So that what is sent together stays together. */
const BATCH_BYTES = 1024 * 1024

type Status = 'disconnected' | 'connected' | 'disconnecting'

interface Sent {
  readonly metadata: NativeMetadata
  /** As it was given. */
  readonly timestamp: number
}

interface KnownTopic {
  readonly partitions: PartitionMetadata[]
  readonly untilMs: number
}

export function createProducer(base: ClientBase, config: ProducerConfig): Producer {
  return new ShimProducer(base, config).face()
}

class ShimProducer {
  readonly #base: ClientBase
  readonly #config: ProducerConfig
  readonly #events: Events<typeof producerEvents>
  readonly #partition: ReturnType<NonNullable<ProducerConfig['createPartitioner']>>
  readonly #producers = new Map<string, NativeProducer>()
  readonly #topics = new Map<string, KnownTopic>()
  readonly #learning = new Map<string, Promise<void>>()
  readonly #idempotent: boolean
  #status: Status = 'disconnected'
  #connected: Connected | undefined
  #initialized: Promise<void> | undefined
  #transaction: object | undefined

  constructor(base: ClientBase, config: ProducerConfig) {
    this.#base = base
    this.#config = config
    this.#idempotent = config.idempotent ?? config.transactionalId !== undefined
    if (config.transactionalId !== undefined && !this.#idempotent)
      throw new KafkaJSNonRetriableError('Cannot enable transactions without idempotence: leave idempotent out or give true')
    if (this.#idempotent && base.retries.retries < 1)
      throw new KafkaJSNonRetriableError('An idempotent producer must be allowed to retry: retry.retries must be at least 1')
    this.#partition = (config.createPartitioner ?? Partitioners.DefaultPartitioner)()
    const logger = base.logger.namespace('Producer')
    this.#events = new Events(producerEvents, (event, error) => logger.error(`A listener of ${event} failed`, { error: String(error) }))
  }

  face(): Producer {
    return {
      connect: () => translated(() => this.#connect()),
      disconnect: () => translated(() => this.#disconnect()),
      isIdempotent: () => this.#idempotent,
      events: producerEvents,
      on: this.#events.on,
      send: ({ topic, messages, ...options }) => this.#sendBatch({ ...options, topicMessages: [{ topic, messages }] }),
      sendBatch: (batch) => this.#sendBatch(batch),
      transaction: () => translated(() => this.#begin()),
      logger: () => this.#base.logger
    }
  }

  async #connect(): Promise<void> {
    if (this.#connected === undefined) this.#connected = await connect(this.#base)
    this.#status = 'connected'
    this.#events.emit(producerEvents.CONNECT, null)
  }

  async #disconnect(): Promise<void> {
    this.#status = 'disconnecting'
    const connected = this.#connected
    this.#connected = undefined
    this.#initialized = undefined
    this.#producers.clear()
    this.#topics.clear()
    await connected?.kafka.close()
    this.#status = 'disconnected'
    this.#events.emit(producerEvents.DISCONNECT, null)
  }

  #requireConnected(): Connected {
    if (this.#status === 'disconnecting')
      throw new KafkaJSNonRetriableError("The producer is disconnecting; therefore, it can't safely accept messages anymore")
    if (this.#connected === undefined) throw new KafkaJSError('The producer is disconnected')
    return this.#connected
  }

  #native(acks: number, compression: CompressionTypes): NativeProducer {
    const key = `${acks} ${compression}`
    const found = this.#producers.get(key)
    if (found !== undefined) return found
    const { kafka } = this.#requireConnected()
    const made = kafka.producer({ ...this.#settings(), acks: acks as -1 | 0 | 1, compressionType: compressionName(compression) })
    this.#producers.set(key, made)
    return made
  }

  /** What is sent outside of a transaction goes through a producer without one. */
  #transactional(): NativeProducer {
    const found = this.#producers.get('transactional')
    if (found !== undefined) return found
    const { transactionalId, transactionTimeout = TRANSACTION_TIMEOUT_MS } = this.#config
    const { kafka } = this.#requireConnected()
    const made = kafka.producer({ ...this.#settings(), transactionalId, transactionTimeoutMs: transactionTimeout })
    this.#producers.set('transactional', made)
    return made
  }

  #settings(): ProducerOptions {
    const { metadataMaxAge = METADATA_MAX_AGE_MS, maxInFlightRequests } = this.#config
    return {
      enableIdempotence: this.#idempotent,
      lingerMs: 0,
      batchSize: BATCH_BYTES,
      maxRequestSize: REQUEST_BYTES_MAX,
      bufferMemory: 2 * REQUEST_BYTES_MAX,
      metadataMaxAgeMs: metadataMaxAge,
      // Without idempotence a retry of one of several requests in flight would change the order.
      maxInFlightRequestsPerConnection: this.#idempotent ? Math.min(5, maxInFlightRequests ?? 5) : 1
    }
  }

  #sendBatch(batch: ProducerBatch, transaction?: object): Promise<RecordMetadata[]> {
    return translated(async () => {
      const { acks = -1, compression = CompressionTypes.None, topicMessages = [] } = batch
      checkBatch(topicMessages, acks, this.#idempotent)
      this.#requireConnected()
      const native = transaction === undefined ? this.#native(acks, compression) : this.#transactional()
      const unknown = topicMessages.filter(({ topic }) => !this.#isKnown(topic))
      for (const { topic } of unknown) await this.#learn(native, topic)
      const sends = topicMessages.flatMap(({ topic, messages }) => messages.map((message) => this.#send(native, topic, message)))
      const outcomes = await Promise.allSettled(sends)
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      // Nobody answers then.
      if (acks === 0) return []
      return summary(outcomes.map((outcome) => (outcome as PromiseFulfilledResult<Sent>).value))
    })
  }

  async #send(native: NativeProducer, topic: string, message: Message): Promise<Sent> {
    const partitionMetadata = this.#topics.get(topic)?.partitions ?? []
    const partition = this.#partition({ topic, partitionMetadata, message })
    const { key, value, headers } = message
    const timestamp = Number(message.timestamp ?? Date.now())
    const metadata = await native.send(topic, {
      partition,
      key,
      value,
      timestamp,
      ...(headers !== undefined && { headers: nativeHeaders(headers) })
    })
    return { metadata, timestamp }
  }

  #isKnown(topic: string): boolean {
    return (this.#topics.get(topic)?.untilMs ?? 0) > Date.now()
  }

  /** Sends that wait for the same topic go on in the order of their calls. */
  #learn(native: NativeProducer, topic: string): Promise<void> {
    const found = this.#learning.get(topic)
    if (found !== undefined) return found
    const learning = this.#lookUp(native, topic).finally(() => this.#learning.delete(topic))
    this.#learning.set(topic, learning)
    return learning
  }

  async #lookUp(native: NativeProducer, topic: string): Promise<void> {
    const { admin } = this.#requireConnected()
    // Asking as a producer creates the topic where the broker creates topics.
    if (this.#config.allowAutoTopicCreation ?? true) await native.partitionsFor(topic)
    const described = (await admin.describeTopics([topic])).get(topic)
    const ids = (nodes: readonly { readonly id: number }[]): number[] => nodes.map(({ id }) => id)
    const partitions = (described?.partitions ?? []).map((each) => ({
      partitionErrorCode: 0,
      partitionId: each.partition,
      leader: each.leader?.id ?? -1,
      replicas: ids(each.replicas),
      isr: ids(each.isr),
      offlineReplicas: ids(each.offlineReplicas)
    }))
    this.#topics.set(topic, { partitions, untilMs: Date.now() + (this.#config.metadataMaxAge ?? METADATA_MAX_AGE_MS) })
  }

  async #begin(): Promise<Transaction> {
    if (this.#config.transactionalId === undefined)
      throw new KafkaJSNonRetriableError('Must provide transactional id for transactional producer')
    if (this.#transaction !== undefined)
      throw new KafkaJSNonRetriableError('There is already an ongoing transaction for this producer: end it before beginning another')
    const mark = {}
    this.#transaction = mark
    try {
      const native = this.#transactional()
      this.#initialized ??= native.initTransactions()
      await this.#initialized
      native.beginTransaction()
      return this.#transactionFace(native, mark)
    } catch (error) {
      this.#initialized = undefined
      this.#transaction = undefined
      throw error
    }
  }

  #transactionFace(native: NativeProducer, mark: object): Transaction {
    const isActive = (): boolean => this.#transaction === mark
    const guarded = <T>(work: () => Promise<T>): Promise<T> =>
      isActive() ? translated(work) : Promise.reject(new KafkaJSNonRetriableError('Cannot continue to use transaction once ended'))
    const ending = (work: () => Promise<void>) => () =>
      guarded(async () => {
        await work()
        this.#transaction = undefined
      })
    return {
      send: ({ topic, messages, ...options }) => guarded(() => this.#sendBatch({ ...options, topicMessages: [{ topic, messages }] }, mark)),
      sendBatch: (batch) => guarded(() => this.#sendBatch(batch, mark)),
      sendOffsets: ({ consumerGroupId, topics }) =>
        guarded(() => {
          const offsets = topics.flatMap(({ topic, partitions }) =>
            partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
          )
          return native.sendOffsetsToTransaction(offsets, consumerGroupId)
        }),
      commit: ending(() => native.commitTransaction()),
      abort: ending(() => native.abortTransaction()),
      isActive
    }
  }
}

function checkBatch(topicMessages: readonly TopicMessages[], acks: number, idempotent: boolean): void {
  if (topicMessages.some(({ topic }) => !topic)) throw new KafkaJSNonRetriableError('Invalid topic')
  if (![-1, 0, 1].includes(acks)) throw new KafkaJSNonRetriableError(`acks must be -1, 0 or 1, not ${acks}`)
  if (idempotent && acks !== -1)
    throw new KafkaJSNonRetriableError("Not requiring ack for all messages invalidates the idempotent producer's EoS guarantees")
  for (const { topic, messages } of topicMessages) {
    if (!Array.isArray(messages)) throw new KafkaJSNonRetriableError(`Invalid messages array [${messages}] for topic "${topic}"`)
    const invalid = messages.find(({ value }) => value === undefined)
    if (invalid !== undefined)
      throw new KafkaJSNonRetriableError(`Invalid message without value for topic "${topic}": ${JSON.stringify(invalid)}`)
  }
}

type NativeCompression = NonNullable<ProducerOptions['compressionType']>

function compressionName(compression: CompressionTypes): NativeCompression {
  return nameOf(CompressionTypes, compression).toLowerCase() as NativeCompression
}

function nativeHeaders(headers: IHeaders): Record<string, Buffer | string | (Buffer | string)[]> {
  const defined = Object.entries(headers).filter((entry): entry is [string, Buffer | string] => entry[1] !== undefined)
  return Object.fromEntries(defined)
}

/** One line a partition, as kafkajs answers. */
function summary(sent: readonly Sent[]): RecordMetadata[] {
  const byPartition = Map.groupBy(sent, ({ metadata }) => `${metadata.topic}-${metadata.partition}`)
  return [...byPartition.values()].map((list) => {
    const [{ metadata, timestamp }] = list
    return {
      topicName: metadata.topic,
      partition: metadata.partition,
      errorCode: 0,
      baseOffset: String(Math.min(...list.map((each) => each.metadata.offset))),
      // The broker's, where it stamps records itself.
      logAppendTime: metadata.timestamp === timestamp ? '-1' : String(metadata.timestamp)
    }
  })
}
