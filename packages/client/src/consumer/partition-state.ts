// What the consumer knows of one assigned partition: where it reads, whether it may read, and what of the read is finished.
// Synchronous. `version` grows with every jump of the position: what was handed out before it is of no account. `fetchVersion` grows
// with that and whenever what is fetched ahead is dropped: what was fetched for an older one is worthless.
//
// initializing → (committed offset known) validating | fetching; → (none) resetting → fetching. A new leader epoch puts fetching
// back to validating until the log is known to hold what was read (KIP-320).
import { partitionKey } from '../types.ts'

export interface Position {
  /** Of the next record to fetch or to hand out. */
  readonly offset: number
  /** Of the last record read; -1: not known. */
  readonly epoch: number
}

export type ResetStrategy = { readonly kind: 'earliest' | 'latest' } | { readonly kind: 'by_duration'; readonly durationMs: number }

export type PartitionPhase = 'initializing' | 'resetting' | 'validating' | 'fetching'

const WORK_WAIT_MS = 60_000

export class PartitionState {
  readonly topic: string
  readonly partition: number
  readonly key: string
  phase: PartitionPhase = 'initializing'
  version = 0
  fetchVersion = 0
  /** What will be handed out next. */
  position: Position = { offset: -1, epoch: -1 }
  /** What is fetched next: ahead of `position` by what is buffered. */
  fetchOffset = -1
  bufferedBytes = 0
  reset: ResetStrategy | undefined
  isPaused = false
  /** Waits until what was read of it is due (retry topics). */
  isHeld = false
  /** No longer assigned: what still refers to it stops. */
  isGone = false
  /** Being revoked: nothing is handed out any more. */
  isLeaving = false
  /** The position was checked against the log of this leader epoch. */
  validatedEpoch = -1
  /** Not tried again before, monotonic ms. */
  retryAtMs = 0
  highWatermark = -1
  lastStableOffset = -1
  logStartOffset = -1
  preferredReplica = -1
  preferredUntilMs = 0
  /** The first record handed out and not finished, when finishing is followed record by record. */
  readonly unfinished = new UnfinishedOffsets()
  /** Since when a jump waits for that. */
  #jumpDueMs: number | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
    this.key = partitionKey(topic, partition)
  }

  /** Jumps: what is buffered is dropped. */
  seek(offset: number, epoch = -1, phase: PartitionPhase = 'fetching'): void {
    this.position = { offset, epoch }
    this.dropFetched()
    this.phase = phase
    this.reset = undefined
    this.retryAtMs = 0
    this.version++
    this.unfinished.clear()
  }

  requestReset(strategy: ResetStrategy): void {
    this.reset = strategy
    this.phase = 'resetting'
    this.preferredReplica = -1
    this.retryAtMs = 0
    this.dropFetched()
    this.version++
    this.unfinished.clear()
  }

  /** Fetched again from where it stands. */
  dropFetched(): void {
    this.fetchOffset = this.position.offset
    this.bufferedBytes = 0
    this.fetchVersion++
    this.#jumpDueMs = undefined
  }

  /** A jump that the log forces waits for what was handed out and is not finished; not for ever, for whoever finishes it may wait for more. */
  waitsForWork(now: number): boolean {
    if (this.unfinished.first === undefined) return false
    this.#jumpDueMs ??= now
    return now - this.#jumpDueMs < WORK_WAIT_MS
  }

  get hasPosition(): boolean {
    return this.phase === 'fetching' || this.phase === 'validating'
  }

  get canFetch(): boolean {
    return this.phase === 'fetching' && !this.isPaused && !this.isHeld && !this.isLeaving
  }

  get canDeliver(): boolean {
    return this.canFetch && !this.isGone
  }

  /** Up to where everything is finished; undefined: nothing was read. */
  get finishedOffset(): number | undefined {
    if (!this.hasPosition) return undefined
    return this.unfinished.first ?? this.position.offset
  }
}

/** Offsets handed out in order and finished in any. */
export class UnfinishedOffsets {
  /** In order; those before #head are finished. */
  #offsets: number[] = []
  #head = 0
  readonly #done = new Set<number>()

  get first(): number | undefined {
    return this.#offsets[this.#head]
  }

  get size(): number {
    return this.#offsets.length - this.#head - this.#done.size
  }

  add(offset: number): void {
    this.#offsets.push(offset)
  }

  finish(offset: number): void {
    const first = this.first
    if (first === undefined || offset < first) return
    if (offset !== first) {
      this.#done.add(offset)
      return
    }
    this.#head++
    while (this.#done.delete(this.#offsets[this.#head])) this.#head++
    if (this.#head === this.#offsets.length) {
      this.#offsets = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#offsets.length) {
      this.#offsets = this.#offsets.slice(this.#head)
      this.#head = 0
    }
  }

  /** Unfinished after all; before all others. */
  addFirst(offset: number): void {
    if (this.first !== undefined && offset >= this.first) return
    this.#offsets = [offset, ...this.#offsets.slice(this.#head)]
    this.#head = 0
  }

  /** All up to and including. */
  finishUpTo(offset: number): void {
    while (this.first !== undefined && this.first <= offset) this.finish(this.first)
  }

  clear(): void {
    this.#offsets = []
    this.#head = 0
    this.#done.clear()
  }
}
