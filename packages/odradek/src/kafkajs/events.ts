// Instrumentation events: names, payloads, and who listens.
import { KafkaJSNonRetriableError, KafkaJSNotImplemented } from './errors.ts'
import type { TopicOffsets } from './topic-offsets.ts'

export interface InstrumentationEvent<T> {
  id: string
  type: string
  timestamp: number
  payload: T
}

export type RemoveInstrumentationEventListener<T> = (() => void) & { readonly __event?: T }

const network = <K extends string>(kind: K) =>
  ({
    REQUEST: `${kind}.network.request`,
    REQUEST_TIMEOUT: `${kind}.network.request_timeout`,
    REQUEST_QUEUE_SIZE: `${kind}.network.request_queue_size`
  }) as const

export const producerEvents = { CONNECT: 'producer.connect', DISCONNECT: 'producer.disconnect', ...network('producer') } as const
export type ProducerEvents = typeof producerEvents

export const adminEvents = { CONNECT: 'admin.connect', DISCONNECT: 'admin.disconnect', ...network('admin') } as const
export type AdminEvents = typeof adminEvents

export const consumerEvents = {
  HEARTBEAT: 'consumer.heartbeat',
  COMMIT_OFFSETS: 'consumer.commit_offsets',
  GROUP_JOIN: 'consumer.group_join',
  FETCH_START: 'consumer.fetch_start',
  FETCH: 'consumer.fetch',
  START_BATCH_PROCESS: 'consumer.start_batch_process',
  END_BATCH_PROCESS: 'consumer.end_batch_process',
  CONNECT: 'consumer.connect',
  DISCONNECT: 'consumer.disconnect',
  STOP: 'consumer.stop',
  CRASH: 'consumer.crash',
  REBALANCING: 'consumer.rebalancing',
  RECEIVED_UNSUBSCRIBED_TOPICS: 'consumer.received_unsubscribed_topics',
  ...network('consumer')
} as const
export type ConsumerEvents = typeof consumerEvents

export interface IMemberAssignment {
  [topic: string]: number[]
}

interface MemberOf {
  groupId: string
  memberId: string
}

interface BatchProcess {
  topic: string
  partition: number
  highWatermark: string
  offsetLag: string
  offsetLagLow: string
  batchSize: number
  firstOffset: string
  lastOffset: string
}

export interface RequestPayload {
  apiKey: number
  apiName: string
  apiVersion: number
  broker: string
  clientId: string
  correlationId: number
  createdAt: number
  duration: number
  pendingDuration: number
  sentAt: number
  size: number
}

/** By the name of the event. */
export interface EventPayloads {
  'consumer.heartbeat': MemberOf & { groupGenerationId: number }
  'consumer.commit_offsets': MemberOf & { groupGenerationId: number; topics: TopicOffsets[] }
  'consumer.group_join': MemberOf & {
    duration: number
    isLeader: boolean
    leaderId: string
    groupProtocol: string
    memberAssignment: IMemberAssignment
  }
  'consumer.fetch_start': { nodeId: number }
  'consumer.fetch': { numberOfBatches: number; duration: number; nodeId: number }
  'consumer.start_batch_process': BatchProcess
  'consumer.end_batch_process': BatchProcess & { duration: number }
  'consumer.crash': { error: Error; groupId: string; restart: boolean }
  'consumer.rebalancing': MemberOf
  'consumer.received_unsubscribed_topics': MemberOf & {
    generationId: number
    assignedTopics: string[]
    topicsSubscribed: string[]
    topicsNotSubscribed: string[]
  }
}

type PayloadOf<N extends string> = N extends keyof EventPayloads
  ? EventPayloads[N]
  : N extends `${string}.request`
    ? RequestPayload
    : N extends `${string}.request_timeout`
      ? Omit<RequestPayload, 'duration' | 'size'>
      : N extends `${string}.request_queue_size`
        ? { broker: string; clientId: string; queueSize: number }
        : null

/** kafkajs's `on`: returns what takes the listener away again. */
export type Listen<E extends Readonly<Record<string, string>>> = <N extends E[keyof E]>(
  eventName: N,
  listener: (event: InstrumentationEvent<PayloadOf<N>>) => void
) => RemoveInstrumentationEventListener<N>

export type ConnectEvent = InstrumentationEvent<null>
export type DisconnectEvent = InstrumentationEvent<null>
export type RequestEvent = InstrumentationEvent<PayloadOf<'consumer.network.request'>>
export type RequestTimeoutEvent = InstrumentationEvent<PayloadOf<'consumer.network.request_timeout'>>
export type RequestQueueSizeEvent = InstrumentationEvent<PayloadOf<'consumer.network.request_queue_size'>>
export type ConsumerHeartbeatEvent = InstrumentationEvent<EventPayloads['consumer.heartbeat']>
export type ConsumerCommitOffsetsEvent = InstrumentationEvent<EventPayloads['consumer.commit_offsets']>
export type ConsumerGroupJoinEvent = InstrumentationEvent<EventPayloads['consumer.group_join']>
export type ConsumerFetchStartEvent = InstrumentationEvent<EventPayloads['consumer.fetch_start']>
export type ConsumerFetchEvent = InstrumentationEvent<EventPayloads['consumer.fetch']>
export type ConsumerStartBatchProcessEvent = InstrumentationEvent<EventPayloads['consumer.start_batch_process']>
export type ConsumerEndBatchProcessEvent = InstrumentationEvent<EventPayloads['consumer.end_batch_process']>
export type ConsumerCrashEvent = InstrumentationEvent<EventPayloads['consumer.crash']>
export type ConsumerRebalancingEvent = InstrumentationEvent<EventPayloads['consumer.rebalancing']>
export type ConsumerReceivedUnsubcribedTopicsEvent = InstrumentationEvent<EventPayloads['consumer.received_unsubscribed_topics']>

type AnyListener = (event: InstrumentationEvent<never>) => void

let ids = 0

export class Events<E extends Readonly<Record<string, string>>> {
  readonly names: E
  readonly #onError: (event: string, error: unknown) => void
  readonly #listeners = new Map<string, Set<AnyListener>>()

  constructor(names: E, onError: (event: string, error: unknown) => void) {
    this.names = names
    this.#onError = onError
  }

  readonly on: Listen<E> = (eventName, listener) => {
    if (!Object.values(this.names).includes(eventName)) {
      const known = Object.keys(this.names).join(', ')
      throw new KafkaJSNonRetriableError(`Event name should be one of ${known}, not ${String(eventName)}`)
    }
    if (eventName.includes('.network.'))
      throw new KafkaJSNotImplemented(
        `The event ${eventName} is not available: listen to the channel odradek:network:response of node:diagnostics_channel instead`
      )
    const own = this.#listeners.get(eventName) ?? new Set()
    // A wrapper, so that one function may listen twice.
    const entry: AnyListener = (event) => listener(event)
    this.#listeners.set(eventName, own.add(entry))
    return () => void own.delete(entry)
  }

  emit<N extends E[keyof E]>(eventName: N, payload: PayloadOf<N>): void {
    const listeners = this.#listeners.get(eventName)
    if (listeners === undefined || listeners.size === 0) return
    const event = { id: String(ids++), type: eventName, timestamp: Date.now(), payload }
    for (const listener of [...listeners]) {
      try {
        listener(event as unknown as InstrumentationEvent<never>)
      } catch (error) {
        this.#onError(eventName, error)
      }
    }
  }
}
