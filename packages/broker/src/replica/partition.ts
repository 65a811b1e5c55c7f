// One partition that this broker leads: the log, the epochs that fence clients, and those who wait for the high watermark.
//
// Contract: all appends pass here. With one replica the high watermark is the log's acknowledged offset (in the page cache,
// or on the disk where the durability asks for it); it never falls. Waiters are told in the turn in which it moves.
// Not thread of control of its own, no clock, no promise; the log tells it of progress and of failure.

import type { Uuid } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import { type AppendOptions, type AppendResult, isDiskFull, type PartitionLog } from '@odradek/storage'
import type { DelayedFetch, FetchSource } from '../fetch/delayed-fetch.ts'

export interface PartitionState {
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly number[]
  readonly replicas: readonly number[]
}

export interface PartitionListener {
  onHighWatermark(highWatermark: number): void
  /** Records above the high watermark were lost. */
  onLost(): void
}

/** Called once, with NONE when the high watermark reached the offset, else with the error that ends the wait. */
export type CommitWaiter = (errorCode: number) => void

export class Partition implements FetchSource {
  readonly topic: string
  readonly partition: number
  readonly topicId: Uuid
  readonly log: PartitionLog
  readonly fetchWaiters = new Set<DelayedFetch>()
  minInsyncReplicas: number
  #state: PartitionState
  /** Why the partition serves nothing any more; NONE while it does. */
  #errorCode: number = ErrorCode.NONE
  /** Pairs of end offset and total bytes appended up to it, of what the high watermark has not passed. */
  readonly #appended: number[] = []
  #appendedHead = 0
  #appendedBytes = 0
  #committedBytes = 0
  readonly #commitWaiters: { offset: number; waiter: CommitWaiter }[] = []
  readonly #listeners = new Set<PartitionListener>()

  constructor(options: {
    topic: string
    partition: number
    topicId: Uuid
    log: PartitionLog
    state: PartitionState
    minInsyncReplicas: number
  }) {
    this.topic = options.topic
    this.partition = options.partition
    this.topicId = options.topicId
    this.log = options.log
    this.minInsyncReplicas = options.minInsyncReplicas
    this.#state = options.state
    this.#lead()
    this.log.setListener({
      onWritten: (offset) => this.#onAcknowledged(offset),
      onFailed: (error) => this.#onFailed(error)
    })
  }

  get errorCode(): number {
    return this.#errorCode
  }

  get leaderEpoch(): number {
    return this.#state.leaderEpoch
  }

  get isr(): readonly number[] {
    return this.#state.isr
  }

  get replicas(): readonly number[] {
    return this.#state.replicas
  }

  /** min.insync.replicas, but never more than there are replicas. */
  get effectiveMinIsr(): number {
    return Math.min(this.minInsyncReplicas, this.#state.replicas.length)
  }

  get isUnderMinIsr(): boolean {
    return this.#state.isr.length < this.effectiveMinIsr
  }

  get highWatermark(): number {
    return this.log.highWatermark
  }

  setState(state: PartitionState): void {
    const isNewEpoch = state.leaderEpoch > this.#state.leaderEpoch
    this.#state = state
    if (isNewEpoch) this.#lead()
  }

  /** A new leader epoch begins where the log ends. What the only replica has acknowledged is committed. */
  #lead(): void {
    const { log } = this
    log.assignEpoch(this.#state.leaderEpoch, log.logEndOffset)
    if (log.ackOffset > log.highWatermark) log.updateHighWatermark(log.ackOffset)
  }

  /** FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH when the client's view is older or newer than ours; -1 is no view. */
  checkLeaderEpoch(currentLeaderEpoch: number): number {
    if (this.#errorCode !== ErrorCode.NONE) return this.#errorCode
    if (currentLeaderEpoch < 0 || currentLeaderEpoch === this.#state.leaderEpoch) return ErrorCode.NONE
    return currentLeaderEpoch < this.#state.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH
  }

  append(records: Buffer, options: Pick<AppendOptions, 'origin' | 'now'>): AppendResult {
    const { origin, now } = options
    const result = this.log.append(records, { origin, now, leaderEpoch: this.#state.leaderEpoch })
    if (result.errorCode === ErrorCode.NONE && !result.duplicate) {
      this.#appendedBytes += records.length
      this.#appended.push(result.lastOffset + 1, this.#appendedBytes)
    }
    return result
  }

  /** Calls the waiter when the high watermark has reached `offset`; at once when it has. Offsets come in rising order but for retries. */
  whenCommitted(offset: number, waiter: CommitWaiter): void {
    if (this.#errorCode !== ErrorCode.NONE) waiter(this.#errorCode)
    else if (this.log.highWatermark >= offset) waiter(ErrorCode.NONE)
    else this.#commitWaiters.push({ offset, waiter })
  }

  /** The listener is told until the returned function was called. */
  listen(listener: PartitionListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The records before the log start are gone: what waits to read looks again. */
  wakeFetches(): void {
    for (const fetch of [...this.fetchWaiters]) fetch.finish()
  }

  /** Ends all waits with an error: the partition is deleted, or its disk failed. */
  fail(errorCode: number): void {
    if (this.#errorCode !== ErrorCode.NONE) return
    this.#errorCode = errorCode
    this.#failCommits(errorCode)
    this.wakeFetches()
  }

  /** A full disk loses what was not written, and the log goes on; any other failure is for good. */
  #onFailed(error: unknown): void {
    this.#appended.length = 0
    this.#appendedHead = 0
    if (isDiskFull(error)) this.#failCommits(ErrorCode.KAFKA_STORAGE_ERROR)
    else this.fail(ErrorCode.KAFKA_STORAGE_ERROR)
    for (const listener of [...this.#listeners]) listener.onLost()
  }

  #failCommits(errorCode: number): void {
    for (const { waiter } of this.#commitWaiters.splice(0)) waiter(errorCode)
  }

  #onAcknowledged(offset: number): void {
    if (offset <= this.log.highWatermark) return
    const stableBefore = this.log.lastStableOffset
    this.log.updateHighWatermark(offset)
    const readable = this.#takeReadableBytes(offset)
    this.#completeCommits(offset)
    for (const listener of [...this.#listeners]) listener.onHighWatermark(offset)
    if (this.fetchWaiters.size > 0) this.#wakeReaders(readable, stableBefore)
  }

  #takeReadableBytes(offset: number): number {
    const appended = this.#appended
    const before = this.#committedBytes
    let head = this.#appendedHead
    while (head < appended.length && appended[head] <= offset) {
      this.#committedBytes = appended[head + 1]
      head += 2
    }
    if (head === appended.length) {
      appended.length = 0
      head = 0
    } else if (head > 1024) {
      appended.splice(0, head)
      head = 0
    }
    this.#appendedHead = head
    return this.#committedBytes - before
  }

  #completeCommits(offset: number): void {
    const waiters = this.#commitWaiters
    let done = 0
    while (done < waiters.length && waiters[done].offset <= offset) done++
    if (done === 0) return
    for (const { waiter } of waiters.splice(0, done)) waiter(ErrorCode.NONE)
  }

  /** A reader of committed data is woken by the last stable offset, and does not count bytes while it lags behind. */
  #wakeReaders(readableBytes: number, stableBefore: number): void {
    const { highWatermark, lastStableOffset } = this.log
    for (const fetch of [...this.fetchWaiters]) {
      if (!fetch.isCommitted || lastStableOffset === highWatermark) fetch.onReadable(readableBytes)
      else if (lastStableOffset > stableBefore) fetch.finish()
    }
  }
}
