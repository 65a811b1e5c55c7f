// One engine for all calls about many items: it finds the broker of each item, sends one request a broker, takes the answer apart,
// and tries again what may pass by itself (a coordinator that moves, a leader that changes, a quota) until the deadline.
import { OdradekError } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import { KafkaError, timedOut, toKafkaError } from '../errors.ts'
import type { Cluster, Target } from '../network/cluster.ts'
import type { CoordinatorKind } from '../network/coordinators.ts'
import type { CallOptions, TopicPartition } from '../types.ts'
import { KeyedResult, type Outcomes } from './keyed-result.ts'

export interface Batch {
  readonly target: Target
  readonly keys: readonly string[]
}

export interface Routed {
  readonly batches: readonly Batch[]
  readonly errors?: ReadonlyMap<string, KafkaError>
}

export type Router = (keys: readonly string[], signal: AbortSignal) => Routed | Promise<Routed>
export type KeyOutcomes<V> = Iterable<readonly [key: string, outcome: V | KafkaError]>

export interface Plan<V> {
  /** For errors: the name of the call. */
  readonly what: string
  readonly keys: readonly string[]
  readonly route: Router
  /** One request. Every key of the batch is in the result, with a value or an error; what is missing is an error. */
  send(batch: Batch, signal: AbortSignal): Promise<KeyOutcomes<V>>
  /** Errors of an item that are tried again. Failures of a connection are anyway. */
  readonly retryOn?: ReadonlySet<number>
  /** Before an item is tried again: forget what was wrong. */
  onRetry?(key: string, error: KafkaError): void
  /** Unknown topics may be news on their way: they are tried again for this long, ms. */
  readonly unknownTopicMs?: number
}

export function drive<V>(cluster: Cluster, plan: Plan<V>, options: CallOptions = {}): KeyedResult<V> {
  return new KeyedResult(new Driver(cluster, plan, options).run())
}

class Driver<V> {
  readonly #cluster: Cluster
  readonly #plan: Plan<V>
  readonly #options: CallOptions
  readonly #startMs: number
  readonly #values = new Map<string, V>()
  readonly #errors = new Map<string, KafkaError>()
  /** With the last failure. */
  readonly #pending: Map<string, KafkaError | undefined>

  constructor(cluster: Cluster, plan: Plan<V>, options: CallOptions) {
    this.#cluster = cluster
    this.#plan = plan
    this.#options = options
    this.#startMs = cluster.world.clock.monotonicMs()
    this.#pending = new Map(plan.keys.map((key) => [key, undefined]))
  }

  async run(): Promise<Outcomes<V>> {
    const { what, keys } = this.#plan
    try {
      if (keys.length > 0) await this.#cluster.retry(what, this.#options, (signal) => this.#round(signal))
    } catch (error) {
      // The deadline, the last of `retries`, or what ends everything (closed, aborted, a bug).
      if (!(error instanceof KafkaError) || !error.retriable) throw error
      for (const [key, last] of this.#pending) this.#errors.set(key, this.#final(error, last))
    }
    return { values: inOrder(keys, this.#values), errors: inOrder(keys, this.#errors) }
  }

  #final(error: KafkaError, last: KafkaError | undefined): KafkaError {
    const timeoutMs = this.#options.timeoutMs ?? this.#cluster.apiTimeoutMs
    const isDeadline = this.#cluster.world.clock.monotonicMs() - this.#startMs >= timeoutMs
    return isDeadline ? timedOut(this.#plan.what, timeoutMs, last ?? error.cause) : (last ?? error)
  }

  async #round(signal: AbortSignal): Promise<void> {
    const keys = [...this.#pending.keys()]
    let routed: Routed
    try {
      routed = await this.#plan.route(keys, signal)
    } catch (error) {
      this.#failAll(keys, error, signal)
      routed = { batches: [] }
    }
    for (const [key, error] of routed.errors ?? []) this.#settle(key, error, false)
    await Promise.all(routed.batches.map((batch) => this.#sendBatch(batch, signal)))
    const [waiting] = this.#pending
    if (waiting === undefined) return
    const [key, last] = waiting
    throw new KafkaError(last?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, {
      message: last?.message ?? `${key} has no broker`,
      cause: last,
      retriable: true
    })
  }

  async #sendBatch(batch: Batch, signal: AbortSignal): Promise<void> {
    try {
      const outcomes = new Map(await this.#plan.send(batch, signal))
      for (const key of batch.keys) {
        const missing = `The broker's answer does not mention ${key}`
        this.#settle(
          key,
          outcomes.has(key) ? (outcomes.get(key) as V | KafkaError) : new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, { message: missing }),
          false
        )
      }
    } catch (error) {
      this.#failAll(batch.keys, error, signal)
    }
  }

  #failAll(keys: readonly string[], error: unknown, signal: AbortSignal): void {
    if (signal.aborted || !(error instanceof OdradekError)) throw error
    const failure = toKafkaError(error)
    if (failure.code === 'CLIENT_CLOSED') throw failure
    for (const key of keys) this.#settle(key, failure, true)
  }

  #settle(key: string, outcome: V | KafkaError, isConnectionFailure: boolean): void {
    if (!this.#pending.has(key)) return
    if (!(outcome instanceof KafkaError)) {
      this.#pending.delete(key)
      this.#values.set(key, outcome)
      return
    }
    if (isConnectionFailure ? outcome.retriable : this.#isRetriable(outcome)) {
      this.#plan.onRetry?.(key, outcome)
      this.#pending.set(key, outcome)
      return
    }
    this.#pending.delete(key)
    this.#errors.set(key, outcome)
  }

  #isRetriable(error: KafkaError): boolean {
    if (this.#plan.retryOn?.has(error.errorCode) !== true) return false
    if (error.errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return true
    return this.#cluster.world.clock.monotonicMs() - this.#startMs < (this.#plan.unknownTopicMs ?? Infinity)
  }
}

function inOrder<V>(keys: readonly string[], found: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  return new Map(keys.filter((key) => found.has(key)).map((key) => [key, found.get(key) as V]))
}

// ---- routes

export const toController: Router = (keys) => ({ batches: [{ target: { controller: true }, keys }] })
export const toAnyNode: Router = (keys) => ({ batches: [{ target: { anyNode: true }, keys }] })
/** Keys are node ids. */
export const toNodes: Router = (keys) => ({ batches: keys.map((key) => ({ target: { node: Number(key) }, keys: [key] })) })

export function toCoordinators(cluster: Cluster, type: CoordinatorKind): Router {
  return async (keys, signal) => {
    const errors = new Map<string, KafkaError>()
    const byNode = new Map<number, string[]>()
    for (const [key, found] of await cluster.findCoordinators(type, keys, signal)) {
      if (found instanceof KafkaError) errors.set(key, found)
      else byNode.set(found.id, [...(byNode.get(found.id) ?? []), key])
    }
    return { batches: [...byNode.values()].map((own) => ({ target: { coordinator: own[0], type }, keys: own })), errors }
  }
}

/** `partitions` gives the partition of each key. */
export function toLeaders(cluster: Cluster, partitions: ReadonlyMap<string, TopicPartition>): Router {
  return async (keys, signal) => {
    const topics = new Set(keys.map((key) => (partitions.get(key) as TopicPartition).topic))
    await cluster.metadata([...topics], { signal })
    const errors = new Map<string, KafkaError>()
    const byNode = new Map<number, string[]>()
    for (const key of keys) {
      const { topic, partition } = partitions.get(key) as TopicPartition
      const found = cluster.leaderOf(topic, partition)
      if (found !== undefined) byNode.set(found.nodeId, [...(byNode.get(found.nodeId) ?? []), key])
      else errors.set(key, noLeader(cluster, topic, partition))
    }
    return { batches: [...byNode].map(([node, own]) => ({ target: { node }, keys: own })), errors }
  }
}

function noLeader(cluster: Cluster, topic: string, partition: number): KafkaError {
  const found = cluster.current.topics.get(topic)
  if (found !== undefined && found.errorCode !== ErrorCode.NONE)
    return new KafkaError(found.errorCode, { message: `Topic ${topic}: ${new KafkaError(found.errorCode).message}` })
  const known = cluster.partitionOf(topic, partition)
  if (known === undefined)
    return new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { message: `Topic ${topic} has no partition ${partition}` })
  return new KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, { message: `Partition ${topic}-${partition} has no leader now` })
}

// ---- what is tried again

export const controllerRetries: ReadonlySet<number> = new Set([ErrorCode.NOT_CONTROLLER, ErrorCode.THROTTLING_QUOTA_EXCEEDED])
export const coordinatorRetries: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR
])
export const leaderRetries: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.BROKER_NOT_AVAILABLE,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.OFFSET_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
])
/** How long an unknown topic may be news on its way. */
export const UNKNOWN_TOPIC_MS = 5_000
