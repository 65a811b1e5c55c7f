// A fetch that waits for bytes, the core: told by partitions of what became readable, done once, when enough is there,
// when a partition changed under it, or when its time is over. It never polls and reads nothing itself.
import type { TimerHandle } from '@odradek/world'

/** Where a delayed fetch waits: a partition that tells its waiters. */
export interface FetchSource {
  readonly fetchWaiters: Set<DelayedFetch>
}

export class DelayedFetch {
  /** Reads committed data only. */
  readonly isCommitted: boolean
  #missingBytes: number
  readonly #onDone: () => void
  readonly #sources: FetchSource[] = []
  #isDone = false
  timer: TimerHandle | undefined

  constructor(options: { missingBytes: number; isCommitted: boolean; onDone: () => void }) {
    this.#missingBytes = options.missingBytes
    this.isCommitted = options.isCommitted
    this.#onDone = options.onDone
  }

  get isDone(): boolean {
    return this.#isDone
  }

  watch(source: FetchSource): void {
    this.#sources.push(source)
    source.fetchWaiters.add(this)
  }

  /** `bytes` more can be read in a watched partition. */
  onReadable(bytes: number): void {
    this.#missingBytes -= bytes
    if (this.#missingBytes <= 0) this.finish()
  }

  /** Done, whatever is there. */
  finish(): void {
    if (this.#isDone) return
    this.abandon()
    this.#onDone()
  }

  /** Nobody waits for it any more: it is never done, and nothing refers to it. */
  abandon(): void {
    this.#isDone = true
    this.timer?.cancel()
    for (const source of this.#sources) source.fetchWaiters.delete(this)
  }
}
