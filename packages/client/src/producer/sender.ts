// Sends what the accumulator has ready, and decides what every answer means.
//
// Contract: one run after each event (a new batch, an answer, metadata, a timer), never two at a time, nothing polls. A request holds at
// most one batch a partition and max.request.size bytes; at most max.in.flight.requests.per.connection of them are unanswered a broker.
// A batch ends acknowledged, failed or split; until delivery.timeout.ms it is sent again after what may pass. With idempotence the order
// of a partition is that of `send`, whatever fails (identity.ts); without, only one request in flight keeps it through failures.
import { ErrorCode, ProduceRequest, ProduceResponse } from '@odradek/protocol'
import type { ClientConnection } from '@odradek/transport'
import type { TimerHandle, World } from '@odradek/world'
import { describeProducers, type ProducerState } from '../admin/transactions.ts'
import { publish } from '../diagnostics.ts'
import { KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { backoffMs } from '../network/retry.ts'
import { isSecurityFailure } from '../security/security.ts'
import { partitionKey } from '../types.ts'
import type { Accumulator } from './accumulator.ts'
import { type IdentityKeeper, isAfter } from './identity.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { isMetadataError, judge } from './produce-errors.ts'
import type { ProducerBatch } from './producer-batch.ts'
import type { ProducerMetrics } from './producer-metrics.ts'

export interface SenderOptions {
  readonly acks: number
  readonly retries: number
  readonly inFlightMax: number
  readonly requestBytesMax: number
  readonly requestTimeoutMs: number
  readonly deliveryTimeoutMs: number
  readonly clientId: string
}

/** What the sender asks of transactions. */
export interface SenderTransactions {
  readonly transactionalId: string
  /** KIP-890: the broker adds partitions by itself. */
  readonly isVersion2: boolean
  /** False: the partition is not in the transaction yet; this gets it there and wakes the sender. */
  maySend(queue: PartitionQueue): boolean
  batchFailed(error: KafkaError): void
}

export interface SenderHooks {
  /** Memory is free. */
  onRelease(): void
  /** Asks for a producer id and wakes the sender. */
  requestIdentity(): void
}

interface NodeState {
  inFlight: number
  isConnecting: boolean
  connectFailures: number
  /** No connection is tried before. */
  connectAtMs: number
  /** Since when something is ready for it that it does not take. */
  blockedSinceMs: number | undefined
}

/** A new leader is asked at once so often; brokers that name each other for ever are asked with a back-off. */
const PROMPT_ATTEMPTS = 5

type PartitionResponse = ProduceResponse['responses'][number]['partitionResponses'][number]

export class Sender {
  readonly #world: World
  readonly #cluster: Cluster
  readonly #accumulator: Accumulator
  readonly #identity: IdentityKeeper | undefined
  readonly #transactions: SenderTransactions | undefined
  readonly #options: SenderOptions
  readonly #hooks: SenderHooks
  readonly #metrics: ProducerMetrics
  readonly #nodes = new Map<number, NodeState>()
  /** Queues that may have unknown sequences. */
  readonly #unresolved = new Set<PartitionQueue>()
  #isScheduled = false
  #isClosed = false
  #timer: TimerHandle | undefined
  #timerAtMs = Infinity
  #rotation = 0
  #isRefreshing = false
  #refreshFailures = 0
  #refreshAtMs = 0
  #lastError: KafkaError | undefined

  constructor(parts: {
    world: World
    cluster: Cluster
    accumulator: Accumulator
    identity: IdentityKeeper | undefined
    transactions: SenderTransactions | undefined
    options: SenderOptions
    hooks: SenderHooks
    metrics: ProducerMetrics
  }) {
    this.#world = parts.world
    this.#cluster = parts.cluster
    this.#accumulator = parts.accumulator
    this.#identity = parts.identity
    this.#transactions = parts.transactions
    this.#options = parts.options
    this.#hooks = parts.hooks
    this.#metrics = parts.metrics
  }

  get requestsInFlight(): number {
    let sum = 0
    for (const { inFlight } of this.#nodes.values()) sum += inFlight
    return sum
  }

  /** Since when the broker has been taking nothing, ms; undefined: it takes. For partitioner.availability.timeout.ms. */
  blockedForMs(nodeId: number): number {
    const since = this.#nodes.get(nodeId)?.blockedSinceMs
    return since === undefined ? 0 : this.#now() - since
  }

  /** A run, once what happens now is over. */
  wake(): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    this.#world.timers.defer(() => {
      this.#isScheduled = false
      if (!this.#isClosed) this.#run()
    })
  }

  /** Fails every batch that is not done. */
  failAll(error: KafkaError): void {
    for (const batch of [...this.#accumulator.incomplete]) this.#fail(batch, error, false)
  }

  /** Fails the batches that were never sent: what an aborted transaction leaves behind. */
  failUnsent(error: KafkaError): void {
    for (const batch of [...this.#accumulator.incomplete]) if (batch.attempts === 0 && !batch.isInFlight) this.#fail(batch, error, true)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #run(): void {
    const now = this.#now()
    this.#timer?.cancel()
    this.#timerAtMs = Infinity
    this.#expire(now)
    if (this.#isIdentified()) this.#sendReady(now)
    const [oldest] = this.#accumulator.incomplete
    if (oldest !== undefined) this.#armAt(this.#accumulator.deadlineMs(oldest))
  }

  #isIdentified(): boolean {
    const identity = this.#identity
    if (identity === undefined || this.#accumulator.active.size === 0) return true
    const isIdentified = identity.refresh(this.#unresolved)
    for (const queue of this.#unresolved) if (!queue.isUnresolved) this.#unresolved.delete(queue)
    if (!isIdentified) this.#hooks.requestIdentity()
    return isIdentified
  }

  #sendReady(now: number): void {
    const byNode = new Map<number, PartitionQueue[]>()
    const leaderless = new Set<string>()
    for (const queue of this.#accumulator.active) {
      if (!this.#accumulator.isReady(queue, now)) {
        this.#armAt(this.#accumulator.readyAtMs(queue))
        continue
      }
      const leader = this.#cluster.leaderOf(queue.topic, queue.partition)
      if (leader === undefined) {
        leaderless.add(queue.topic)
        continue
      }
      const queues = byNode.get(leader.nodeId)
      if (queues === undefined) byNode.set(leader.nodeId, [queue])
      else queues.push(queue)
    }
    for (const [nodeId, queues] of byNode) this.#sendTo(nodeId, queues, now)
    if (leaderless.size > 0) this.#refreshMetadata(leaderless, now)
  }

  #sendTo(nodeId: number, queues: readonly PartitionQueue[], now: number): void {
    const node = this.#node(nodeId)
    const connection = this.#cluster.peek(nodeId)
    if (connection === undefined) {
      node.blockedSinceMs ??= now
      if (now < node.connectAtMs) this.#armAt(node.connectAtMs)
      else this.#connect(nodeId, node, queues)
      return
    }
    while (node.inFlight < this.#options.inFlightMax) {
      const batches = this.#drain(queues, now)
      if (batches.length === 0) break
      node.blockedSinceMs = undefined
      this.#request(connection, node, batches)
    }
    if (node.inFlight >= this.#options.inFlightMax && queues.some((queue) => queue.batches.length > 0)) node.blockedSinceMs ??= now
  }

  /** At most one batch of each queue; who comes first goes round, so that a full request starves nobody. */
  #drain(queues: readonly PartitionQueue[], now: number): ProducerBatch[] {
    const batches: ProducerBatch[] = []
    const start = this.#rotation % queues.length
    let bytes = 0
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[(start + i) % queues.length]
      if (!this.#mayDrain(queue, now)) continue
      const [first] = queue.batches
      if (batches.length > 0 && bytes + first.sizeInBytes > this.#options.requestBytesMax) {
        this.#rotation = (start + i) % queues.length
        break
      }
      this.#identity?.assign(queue, first)
      this.#accumulator.take(queue)
      first.isInFlight = true
      queue.inFlight++
      bytes += first.sizeInBytes
      batches.push(first)
    }
    return batches
  }

  #mayDrain(queue: PartitionQueue, now: number): boolean {
    if (!this.#accumulator.isReady(queue, now)) return false
    if (this.#options.inFlightMax === 1 && queue.inFlight > 0) return false
    if (this.#identity !== undefined && !this.#identity.maySend(queue, queue.batches[0])) return false
    return this.#transactions?.maySend(queue) ?? true
  }

  #request(connection: ClientConnection, node: NodeState, batches: readonly ProducerBatch[]): void {
    const { acks, requestTimeoutMs } = this.#options
    const topicData = this.#topicData(batches)
    const max = this.#versionMax(topicData)
    const transactionalId = this.#transactions?.transactionalId ?? null
    const body = { transactionalId, acks, timeoutMs: requestTimeoutMs, topicData }
    node.inFlight++
    this.#metrics.sent(batches, this.#now())
    publish('producer:request', () => ({ clientId: this.#options.clientId, address: connection.address, batches: batches.length }))
    const settled = (handle: () => void): void => {
      node.inFlight--
      for (const batch of batches) {
        batch.isInFlight = false
        batch.queue.inFlight--
      }
      handle()
      this.wake()
    }
    const options = { maxVersion: max, timeoutMs: requestTimeoutMs, expectsResponse: acks !== 0 }
    connection.send<ProduceRequest, ProduceResponse>(ProduceRequest, ProduceResponse, body, options).then(
      (response: ProduceResponse | undefined) => settled(() => this.#onResponse(batches, topicData, response)),
      (error) => settled(() => this.#onFailure(batches, toKafkaError(error)))
    )
  }

  #topicData(batches: readonly ProducerBatch[]): TopicData[] {
    const byTopic = new Map<string, PartitionData[]>()
    for (const batch of batches) {
      const { topic, partition } = batch.queue
      const data = { index: partition, records: batch.encode() }
      const others = byTopic.get(topic)
      if (others === undefined) byTopic.set(topic, [data])
      else others.push(data)
    }
    return [...byTopic].map(([name, partitionData]) => ({ name, topicId: this.#cluster.topicId(name), partitionData }))
  }

  /** Version 13 names topics by id; from 12 on the broker adds partitions to the transaction by itself. */
  #versionMax(topics: readonly { topicId: string | undefined }[]): number | undefined {
    if (this.#transactions !== undefined && !this.#transactions.isVersion2) return 11
    return topics.some(({ topicId }) => topicId === undefined) ? 12 : undefined
  }

  // ---- what came of it

  /** What the ids in the answer mean is what they meant in the request: the cluster may not know them any more. */
  #onResponse(batches: readonly ProducerBatch[], asked: readonly TopicData[], response: ProduceResponse | undefined): void {
    if (response === undefined) {
      for (const batch of batches) this.#acknowledge(batch, -1, -1)
      return
    }
    const byPartition = new Map<string, PartitionResponse>()
    for (const { name, topicId, partitionResponses } of response.responses) {
      const topic = name === '' ? (asked.find((each) => each.topicId === topicId)?.name ?? '') : name
      for (const each of partitionResponses) byPartition.set(`${topic}-${each.index}`, each)
    }
    const stale = new Set<string>()
    for (const batch of batches) {
      const { topic, partition } = batch.queue
      const answer = byPartition.get(`${topic}-${partition}`)
      if (answer === undefined) {
        const message = `The broker's answer does not say what became of ${topic}-${partition}`
        this.#onError(batch, new KafkaError(ErrorCode.NETWORK_EXCEPTION, { message }), undefined)
      } else if (answer.errorCode === ErrorCode.NONE) this.#acknowledge(batch, answer.baseOffset, answer.logAppendTimeMs)
      else {
        const error = new KafkaError(answer.errorCode, { message: answer.errorMessage })
        const isNewLeader = isMetadataError(error.errorCode) && this.#learnLeader(batch.queue, answer, response)
        if (isMetadataError(error.errorCode) && !isNewLeader) stale.add(topic)
        this.#onError(batch, error, answer, isNewLeader)
      }
    }
    if (stale.size > 0) this.#refreshMetadata(stale, this.#now())
  }

  /** The leader that the old one names (KIP-951). True when it is news: then there is nothing to wait for. */
  #learnLeader({ topic, partition }: PartitionQueue, answer: PartitionResponse, { nodeEndpoints }: ProduceResponse): boolean {
    const { leaderId, leaderEpoch } = answer.currentLeader
    if (leaderId < 0) return false
    const before = this.#cluster.leaderOf(topic, partition)
    const nodes = nodeEndpoints.map(({ nodeId: id, host, port, rack }) => ({ id, host, port, rack }))
    this.#cluster.updateLeaders([{ topic, partition, leaderId, leaderEpoch }], nodes)
    return this.#cluster.leaderOf(topic, partition)?.leaderEpoch !== before?.leaderEpoch
  }

  #onFailure(batches: readonly ProducerBatch[], error: KafkaError): void {
    this.#lastError = error
    for (const batch of batches) this.#onError(batch, error, undefined)
    if (error.retriable) this.#refreshMetadata(new Set(batches.map(({ queue }) => queue.topic)), this.#now())
  }

  #onError(batch: ProducerBatch, error: KafkaError, answer: PartitionResponse | undefined, isNewLeader = false): void {
    if (batch.isDone) return
    const { queue } = batch
    const identity = this.#identity
    const verdict = judge({ error, batch, identity, logStartOffset: answer?.logStartOffset ?? -1 })
    if (verdict === 'duplicate') {
      this.#acknowledge(batch, -1, -1)
      return
    }
    if (verdict === 'split') {
      this.#split(batch)
      return
    }
    if (verdict === 'restart') {
      if (error.errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER && batch.attempts > 0) {
        this.#askWhetherWritten(batch)
        return
      }
      identity?.requestRestart(queue)
    }
    if (verdict !== 'fail' && batch.attempts < this.#options.retries) {
      const now = this.#now()
      batch.retryAtMs =
        isNewLeader && batch.attempts < PROMPT_ATTEMPTS ? now : now + backoffMs(this.#cluster.backoff, batch.attempts, this.#world)
      batch.attempts++
      this.#metrics.retried(batch)
      this.#lastError = error
      this.#accumulator.putBack(batch)
      return
    }
    const recordErrors = new Map<number, KafkaError>()
    for (const { batchIndex, batchIndexErrorMessage: message } of answer?.recordErrors ?? [])
      recordErrors.set(batchIndex, new KafkaError(error.errorCode, { message: message ?? error.message }))
    // A refusal says that nothing was written by this try; of an earlier one, or of a connection that broke, nobody knows.
    const wasNotWritten = answer !== undefined && verdict === 'fail' && batch.attempts === 0
    this.#fail(batch, error, wasNotWritten, recordErrors.size > 0 ? recordErrors : undefined)
  }

  /**
   * A broker that was killed may know the last batch of a producer only (Apache's snapshots hold no more): what it calls out of order may
   * be a copy of one before that. It can tell which the last one is; without an answer the batch counts as not written, as in Java's client.
   */
  #askWhetherWritten(batch: ProducerBatch): void {
    const { queue, identity } = batch
    const { topic, partition } = queue
    // It may be numbered anew before the answer comes.
    const { lastSequence } = batch
    batch.attempts++
    batch.retryAtMs = Infinity
    this.#accumulator.putBack(batch)
    const settle = (producers: readonly ProducerState[] | undefined): void => {
      if (batch.isDone) return
      const isOurs = (each: ProducerState): boolean =>
        each.producerId === identity?.producerId && each.producerEpoch === identity.producerEpoch
      const known = producers?.find(isOurs)
      if (known !== undefined && !isAfter(lastSequence, known.lastSequence)) {
        this.#accumulator.remove(batch)
        this.#acknowledge(batch, -1, -1)
      } else {
        this.#identity?.requestRestart(queue)
        batch.retryAtMs = this.#now() + backoffMs(this.#cluster.backoff, batch.attempts, this.#world)
      }
      this.wake()
    }
    describeProducers(this.#cluster, [{ topic, partition }], { timeoutMs: this.#options.requestTimeoutMs })
      .outcomes()
      .then(
        ({ values }) => settle(values.get(partitionKey(topic, partition))),
        () => settle(undefined)
      )
  }

  #split(batch: ProducerBatch): void {
    const parts = this.#accumulator.split(batch, this.#now())
    this.#identity?.split(batch.queue, batch, parts)
    this.#metrics.split()
    batch.replaceBy(parts)
    for (const part of parts) {
      part.attempts = Math.max(1, batch.attempts)
      this.#accumulator.putBack(part)
    }
  }

  #acknowledge(batch: ProducerBatch, baseOffset: number, logAppendTimeMs: number): void {
    if (batch.isDone) return
    this.#identity?.acknowledged(batch.queue, batch)
    batch.acknowledge(baseOffset, logAppendTimeMs)
    this.#release(batch)
    const { topic, partition } = batch.queue
    publish('producer:acknowledge', () => ({ clientId: this.#options.clientId, topic, partition, baseOffset, records: batch.count }))
  }

  #fail(batch: ProducerBatch, error: KafkaError, wasNotWritten: boolean, recordErrors?: ReadonlyMap<number, KafkaError>): void {
    if (batch.isDone) return
    const { queue } = batch
    this.#accumulator.remove(batch)
    if (batch.hasSequence) {
      this.#identity?.failed(queue, batch, wasNotWritten)
      if (queue.isUnresolved) this.#unresolved.add(queue)
    }
    this.#metrics.failed(batch)
    this.#transactions?.batchFailed(error)
    batch.fail(error, recordErrors)
    this.#release(batch)
    const { topic, partition } = queue
    publish('producer:error', () => ({ clientId: this.#options.clientId, topic, partition, records: batch.count, error }))
  }

  #release(batch: ProducerBatch): void {
    this.#accumulator.release(batch)
    this.#hooks.onRelease()
  }

  /** Oldest first, so that the first one that has time ends the search. */
  #expire(now: number): void {
    for (const batch of this.#accumulator.incomplete) {
      if (this.#accumulator.deadlineMs(batch) > now) return
      const { topic, partition } = batch.queue
      const last = this.#lastError === undefined ? '' : `; the last failure was: ${this.#lastError.message}`
      const message = `${batch.count} record(s) for ${topic}-${partition} were not delivered within ${this.#options.deliveryTimeoutMs} ms${last}`
      this.#fail(batch, new KafkaError(ErrorCode.REQUEST_TIMED_OUT, { message, cause: this.#lastError }), false)
    }
  }

  // ---- the cluster

  #connect(nodeId: number, node: NodeState, queues: readonly PartitionQueue[]): void {
    if (node.isConnecting) return
    node.isConnecting = true
    this.#cluster.connection(nodeId).then(
      () => {
        node.isConnecting = false
        node.connectFailures = 0
        this.wake()
      },
      (error) => {
        node.isConnecting = false
        node.connectAtMs = this.#now() + backoffMs(this.#cluster.backoff, node.connectFailures++, this.#world)
        this.#lastError = toKafkaError(error)
        if (isSecurityFailure(this.#lastError)) this.#refuse(queues, this.#lastError)
        if (!this.#isClosed) this.#refreshMetadata(new Set(queues.map(({ topic }) => topic)), this.#now())
      }
    )
  }

  /** Waiting would not help: what waits for the broker fails now. */
  #refuse(queues: readonly PartitionQueue[], error: KafkaError): void {
    for (const { batches } of queues) for (const batch of [...batches]) this.#fail(batch, error, batch.attempts === 0)
  }

  /** One at a time, and with a growing back-off while it does not help. */
  #refreshMetadata(topics: ReadonlySet<string>, now: number): void {
    for (const topic of topics) this.#cluster.invalidate(topic)
    if (this.#isRefreshing) return
    if (now < this.#refreshAtMs) {
      this.#armAt(this.#refreshAtMs)
      return
    }
    this.#isRefreshing = true
    this.#cluster
      .metadata([...topics])
      .then(
        () => {
          const isHelped = [...topics].every((topic) => this.#cluster.current.topics.get(topic)?.errorCode === ErrorCode.NONE)
          this.#refreshFailures = isHelped ? 0 : this.#refreshFailures + 1
        },
        (error) => {
          this.#lastError = toKafkaError(error)
          this.#refreshFailures++
        }
      )
      .finally(() => {
        this.#isRefreshing = false
        this.#refreshAtMs = this.#now() + backoffMs(this.#cluster.backoff, this.#refreshFailures, this.#world)
        this.wake()
      })
  }

  #node(nodeId: number): NodeState {
    let node = this.#nodes.get(nodeId)
    if (node === undefined) {
      node = { inFlight: 0, isConnecting: false, connectFailures: 0, connectAtMs: 0, blockedSinceMs: undefined }
      this.#nodes.set(nodeId, node)
    }
    return node
  }

  #armAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#isClosed) return
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    this.#timer = this.#world.timers.schedule(Math.max(0, atMs - this.#now()), () => this.#run())
  }

  #now(): number {
    return this.#world.clock.monotonicMs()
  }
}

interface TopicData {
  readonly name: string
  readonly topicId: string | undefined
  readonly partitionData: PartitionData[]
}

interface PartitionData {
  readonly index: number
  readonly records: readonly Buffer[]
}
