// Transactions of one producer (KIP-98, KIP-360, KIP-447, KIP-890): the state machine and its requests to the coordinators.
//
// Contract: uninitialized → ready → inTransaction → committing | aborting → ready; a commit without an answer leaves it undecided: commit
// again, or abort. What goes wrong inside a transaction makes it
// abortable: everything but abort throws that error. What shows that another producer with the same id is there, or that this one
// may not go on, is fatal: everything throws from then on, and only a new producer helps.
import {
  AddOffsetsToTxnRequest,
  AddOffsetsToTxnResponse,
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnResponse,
  EndTxnRequest,
  EndTxnResponse,
  ErrorCode,
  InitProducerIdRequest,
  InitProducerIdResponse,
  TxnOffsetCommitRequest,
  TxnOffsetCommitResponse
} from '@odradek/protocol'
import type { OffsetToCommit } from '../admin/group-offsets.ts'
import { errorOf, KafkaError, toKafkaError } from '../errors.ts'
import type { Cluster, Target } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'
import type { IdentityKeeper } from './identity.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerIdentity } from './producer-batch.ts'
import type { SenderTransactions } from './sender.ts'
import type { GroupMetadata } from './types.ts'

type State = 'uninitialized' | 'ready' | 'inTransaction' | 'committing' | 'undecided' | 'aborting' | 'abortable' | 'fatal'

export interface TransactionOptions {
  readonly cluster: Cluster
  readonly transactionalId: string
  readonly timeoutMs: number
  readonly identity: IdentityKeeper
  readonly wake: () => void
  /** From now on nothing more of the transaction (fatal: of the producer) is sent: what waits would wait for its timeout. */
  readonly onFailure: (error: KafkaError, isFatal: boolean) => void
}

const fatalErrors: ReadonlySet<number> = new Set([
  ErrorCode.PRODUCER_FENCED,
  ErrorCode.TRANSACTION_COORDINATOR_FENCED,
  ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCode.UNSUPPORTED_VERSION,
  ErrorCode.INVALID_PRODUCER_ID_MAPPING,
  ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT
])

export class TransactionManager implements SenderTransactions {
  readonly transactionalId: string
  isVersion2 = false
  readonly #cluster: Cluster
  readonly #timeoutMs: number
  readonly #identity: IdentityKeeper
  readonly #wake: () => void
  readonly #onFailure: TransactionOptions['onFailure']
  #state: State = 'uninitialized'
  #error: KafkaError | undefined
  #initializing: Promise<void> | undefined
  readonly #added = new Set<PartitionQueue>()
  readonly #toAdd = new Set<PartitionQueue>()
  #adding: Promise<void> | undefined
  /** The coordinator knows of the transaction (or may): it has to be ended there. */
  #isStarted = false
  #needsEpoch = false
  /** Where a commit goes back to that is given up before its request. */
  #beforeCommit: State = 'inTransaction'
  /** Nobody may have awaited them, and the end of the transaction must not overtake them. */
  readonly #sendingOffsets = new Set<Promise<void>>()

  constructor(options: TransactionOptions) {
    this.transactionalId = options.transactionalId
    this.#cluster = options.cluster
    this.#timeoutMs = options.timeoutMs
    this.#identity = options.identity
    this.#wake = options.wake
    this.#onFailure = options.onFailure
  }

  get isInTransaction(): boolean {
    return this.#state === 'inTransaction' || this.#state === 'abortable' || this.#state === 'undecided'
  }

  /** The commit that has to come will throw what failed. */
  get tellsOfFailures(): boolean {
    return this.#state === 'inTransaction' || this.#state === 'abortable' || this.#state === 'fatal'
  }

  get isUninitialized(): boolean {
    return this.#state === 'uninitialized'
  }

  /** Fences older producers with this id and ends what they left open. Once; later calls give the same result, a failed one is tried again. */
  init(options: CallOptions = {}): Promise<void> {
    this.#throwIfFatal()
    this.#initializing ??= this.#init(options).catch((error) => {
      this.#initializing = undefined
      throw error
    })
    return this.#initializing
  }

  async #init(options: CallOptions): Promise<void> {
    await this.#initProducerId({ producerId: -1, producerEpoch: -1 }, options)
    this.#state = 'ready'
  }

  begin(): void {
    this.#expect('ready', 'begin a transaction')
    this.#state = 'inTransaction'
  }

  /** Before a record is taken. */
  checkSend(): void {
    this.#throwIfFailed()
    if (this.#state === 'undecided') throw stateError('The commit has no answer: commit again, or abort')
    if (this.#state !== 'inTransaction')
      throw stateError(`A producer with transactional.id sends inside a transaction: begin one first (it is ${this.#state} now)`)
  }

  /** A record of this partition was taken. */
  add(queue: PartitionQueue): void {
    if (this.#added.has(queue) || this.#toAdd.has(queue)) return
    if (this.isVersion2) {
      this.#added.add(queue)
      this.#isStarted = true
    } else this.#toAdd.add(queue)
  }

  maySend(queue: PartitionQueue): boolean {
    if (this.#added.has(queue)) return this.#state !== 'fatal'
    if (this.#toAdd.size > 0 && this.#adding === undefined && this.#isRunning) this.#startAdding()
    return false
  }

  /** A batch failed, or a record that did not get into one. */
  batchFailed(error: KafkaError): void {
    if (fatalErrors.has(error.errorCode)) this.#becomeFatal(error)
    else if (this.#isRunning) this.#becomeAbortable(error)
  }

  /** From now on nothing is taken any more: what came behind the flush would not be in the transaction. */
  beginCommit(): void {
    this.#throwIfFailed()
    if (this.#state !== 'undecided') this.#expect('inTransaction', 'commit')
    this.#beforeCommit = this.#state
    this.#state = 'committing'
  }

  /** The flush was given up. */
  cancelCommit(): void {
    if (this.#state === 'committing') this.#state = this.#beforeCommit
  }

  /** After a flush: what failed until now is thrown, and the transaction stays open for abort. */
  async commit(options: CallOptions): Promise<void> {
    await Promise.allSettled(this.#sendingOffsets)
    this.#throwIfFailed()
    await this.#end(true, options)
  }

  /** From now on what fails is of no account. May be called again when an abort did not get through. */
  beginAbort(): void {
    this.#throwIfFatal()
    if (!this.isInTransaction && this.#state !== 'aborting') this.#expect('inTransaction', 'abort')
    // The request to commit may still be on its way: under a new epoch it ends no later transaction.
    if (this.#state === 'undecided') this.#needsEpoch = true
    this.#state = 'aborting'
  }

  /** After the batches that were not sent were dropped, and those that were are done. */
  async abort(options: CallOptions): Promise<void> {
    this.#throwIfFatal()
    await this.#adding?.catch(() => {})
    await Promise.allSettled(this.#sendingOffsets)
    await this.#end(false, options)
  }

  async sendOffsets(offsets: readonly OffsetToCommit[], group: GroupMetadata, options: CallOptions): Promise<void> {
    this.checkSend()
    if (offsets.length === 0) return
    const sending = this.#sendOffsets(offsets, group, options)
    this.#sendingOffsets.add(sending)
    await sending.finally(() => this.#sendingOffsets.delete(sending))
  }

  async #sendOffsets(offsets: readonly OffsetToCommit[], group: GroupMetadata, options: CallOptions): Promise<void> {
    try {
      if (!this.isVersion2) await this.#addOffsets(group.groupId, options)
      this.#isStarted = true
      await this.#commitOffsets(offsets, group, options)
    } catch (error) {
      throw this.#failedInside(error)
    }
  }

  // ---- requests

  get #coordinator(): Target {
    return { coordinator: this.transactionalId, type: 'transaction' }
  }

  async #initProducerId(before: ProducerIdentity, options: CallOptions): Promise<void> {
    const body = { transactionalId: this.transactionalId, transactionTimeoutMs: this.#timeoutMs, ...before }
    try {
      const answer = await this.#cluster.call(this.#coordinator, InitProducerIdRequest, InitProducerIdResponse, body, {
        ...options,
        maxVersion: 5,
        errorOf: (response) => errorOf(response.errorCode)
      })
      await this.#learnVersion(options)
      this.#identity.set({ producerId: answer.producerId, producerEpoch: answer.producerEpoch })
    } catch (error) {
      throw this.#fatalOrSame(error)
    }
  }

  /** Version 2 when the cluster has finalized transaction.version 2 and the coordinator knows the requests of it. */
  async #learnVersion({ signal }: CallOptions): Promise<void> {
    const nodeId = await this.#cluster.coordinator('transaction', this.transactionalId, { signal })
    const connection = await this.#cluster.connection(nodeId, { signal })
    this.isVersion2 = (connection.features.get('transaction.version') ?? 0) >= 2
  }

  #startAdding(): void {
    const queues = [...this.#toAdd]
    this.#toAdd.clear()
    this.#isStarted = true
    this.#adding = this.#addPartitions(queues)
      .then(
        () => {
          for (const queue of queues) this.#added.add(queue)
        },
        (error) => {
          this.#failedInside(error)
        }
      )
      .finally(() => {
        this.#adding = undefined
        this.#wake()
      })
  }

  async #addPartitions(queues: readonly PartitionQueue[]): Promise<void> {
    const byTopic = Map.groupBy(queues, ({ topic }) => topic)
    const v3AndBelowTopics = [...byTopic].map(([name, of]) => ({ name, partitions: of.map(({ partition }) => partition) }))
    const body = {
      v3AndBelowTransactionalId: this.transactionalId,
      v3AndBelowProducerId: this.#current.producerId,
      v3AndBelowProducerEpoch: this.#current.producerEpoch,
      v3AndBelowTopics
    }
    await this.#cluster.call(this.#coordinator, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, body, {
      // From version 4 on it is the brokers' own.
      maxVersion: 3,
      errorOf: ({ resultsByTopicV3AndBelow }) => {
        const codes = resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
          resultsByPartition.map((each) => each.partitionErrorCode)
        )
        // What was not tried because another one failed says nothing.
        const code = codes.find((each) => each !== ErrorCode.NONE && each !== ErrorCode.OPERATION_NOT_ATTEMPTED)
        return errorOf(code ?? ErrorCode.NONE)
      }
    })
  }

  async #addOffsets(groupId: string, options: CallOptions): Promise<void> {
    this.#isStarted = true
    const body = { transactionalId: this.transactionalId, ...this.#current, groupId }
    await this.#cluster.call(this.#coordinator, AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, body, {
      ...options,
      errorOf: (response) => errorOf(response.errorCode)
    })
  }

  async #commitOffsets(offsets: readonly OffsetToCommit[], group: GroupMetadata, options: CallOptions): Promise<void> {
    const byTopic = Map.groupBy(offsets, ({ topic }) => topic)
    const topics = [...byTopic].map(([name, of]) => ({
      name,
      partitions: of.map(({ partition, offset, leaderEpoch = -1, metadata = '' }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: leaderEpoch,
        committedMetadata: metadata
      }))
    }))
    const { groupId, generationId = -1, memberId = '', groupInstanceId = null } = group
    const body = { transactionalId: this.transactionalId, groupId, ...this.#current, generationId, memberId, groupInstanceId, topics }
    const target: Target = { coordinator: groupId, type: 'group' }
    await this.#cluster.call(target, TxnOffsetCommitRequest, TxnOffsetCommitResponse, body, {
      ...options,
      minVersion: generationId >= 0 || memberId !== '' ? 3 : undefined,
      maxVersion: this.isVersion2 ? undefined : 4,
      errorOf: (response) => {
        const codes = response.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
        const code = codes.find((each) => each !== ErrorCode.NONE) ?? ErrorCode.NONE
        // As the Java client: partitions that are not known yet will be.
        return errorOf(code)
      }
    })
  }

  async #end(isCommit: boolean, options: CallOptions): Promise<void> {
    const needsEpoch = this.#needsEpoch || this.#identity.needsNewEpoch || this.#error !== undefined
    try {
      if (this.#isStarted) {
        const body = { transactionalId: this.transactionalId, ...this.#current, committed: isCommit }
        const answer = await this.#cluster.call(this.#coordinator, EndTxnRequest, EndTxnResponse, body, {
          ...options,
          maxVersion: this.isVersion2 ? undefined : 4,
          errorOf: (response) => errorOf(response.errorCode)
        })
        if (answer.producerId >= 0 && this.isVersion2)
          this.#identity.set({ producerId: answer.producerId, producerEpoch: answer.producerEpoch })
      }
      // Version 2 raises the epoch with each transaction; before it, it is asked for where sequences may be lost.
      if (needsEpoch && !this.isVersion2) await this.#initProducerId(this.#current, options)
    } catch (error) {
      // It was ended already, and not in this way: as in Java's client, the end of this producer.
      if (error instanceof KafkaError && error.errorCode === ErrorCode.INVALID_TXN_STATE) this.#becomeFatal(error)
      throw this.#failedEnd(error)
    }
    this.#isStarted = false
    this.#needsEpoch = false
    this.#added.clear()
    this.#toAdd.clear()
    this.#error = undefined
    this.#state = 'ready'
  }

  get #current(): ProducerIdentity {
    const { current } = this.#identity
    if (current === undefined) throw stateError('Call initTransactions first')
    return current
  }

  // ---- failures

  /** Its records and offsets are in it, or are getting there. */
  get #isRunning(): boolean {
    return this.#state === 'inTransaction' || this.#state === 'committing'
  }

  /** Something did not get into the transaction. The error to throw; the state follows from it. */
  #failedInside(cause: unknown): unknown {
    const error = this.#fatalOrSame(cause)
    if (this.#isRunning) this.#becomeAbortable(toKafkaError(error))
    return error
  }

  /** As `failedInside`, of the end of the transaction. */
  #failedEnd(cause: unknown): unknown {
    const error = this.#fatalOrSame(cause)
    if (this.#state !== 'committing') return error
    // A call that ran out of time may be made again, as may one that was given up.
    if (!(error instanceof KafkaError) || error.errorCode === ErrorCode.REQUEST_TIMED_OUT) this.#state = 'undecided'
    else this.#becomeAbortable(error)
    return error
  }

  #fatalOrSame(cause: unknown): unknown {
    const isOurs = cause instanceof KafkaError
    if (!isOurs) return cause
    let error: KafkaError = cause
    // At the coordinator an old epoch is that of a producer that another one has replaced.
    if (error.errorCode === ErrorCode.INVALID_PRODUCER_EPOCH) error = new KafkaError(ErrorCode.PRODUCER_FENCED, { cause })
    if (fatalErrors.has(error.errorCode)) this.#becomeFatal(error)
    return error
  }

  #becomeFatal(error: KafkaError): void {
    if (this.#state === 'fatal') return
    this.#state = 'fatal'
    this.#error = error
    this.#onFailure(error, true)
  }

  #becomeAbortable(error: KafkaError): void {
    if (this.#state === 'fatal') return
    this.#state = 'abortable'
    this.#error ??= error
    this.#onFailure(this.#abortableError(), false)
  }

  /** Nothing but an abort helps: what was not sent will not be. */
  get isAbortable(): boolean {
    return this.#state === 'abortable'
  }

  get fatalError(): KafkaError | undefined {
    return this.#state === 'fatal' ? this.#error : undefined
  }

  #throwIfFailed(): void {
    this.#throwIfFatal()
    if (this.#state === 'abortable') throw this.#abortableError()
  }

  #throwIfFatal(): void {
    if (this.#state === 'fatal') throw this.#error
  }

  #abortableError(): KafkaError {
    const cause = this.#error as KafkaError
    return new KafkaError(cause.errorCode, {
      code: cause.code,
      message: `The transaction can only be aborted: ${cause.message}`,
      cause,
      retriable: false
    })
  }

  #expect(state: State, what: string): void {
    this.#throwIfFatal()
    if (this.#state === state) return
    const hint = this.#state === 'uninitialized' ? ': call initTransactions first' : ''
    throw stateError(`Cannot ${what}: the state is ${this.#state}, not ${state}${hint}`)
  }
}

/** A call in the wrong order, which is the caller's bug: no broker was asked. */
export function stateError(message: string): KafkaError {
  return new KafkaError(ErrorCode.INVALID_TXN_STATE, { message })
}
