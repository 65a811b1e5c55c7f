/** Answers that wait for the high watermark, in the order of their offsets and of their deadlines. */
interface Deferred {
  /** Completed once the high watermark reaches it. */
  readonly offset: number
  readonly deadlineMs: number
  readonly complete: (errorCode: number) => void
}

export class DeferredQueue {
  #items: Deferred[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  get nextDeadlineMs(): number | undefined {
    return this.#items[this.#head]?.deadlineMs
  }

  add(offset: number, deadlineMs: number, complete: (errorCode: number) => void): void {
    this.#items.push({ offset, deadlineMs, complete })
  }

  completeUpTo(highWatermark: number): void {
    while (this.size > 0 && this.#items[this.#head].offset <= highWatermark) this.#take().complete(0)
  }

  failDue(nowMs: number, errorCode: number): void {
    while (this.size > 0 && this.#items[this.#head].deadlineMs <= nowMs) this.#take().complete(errorCode)
  }

  failAll(errorCode: number): void {
    while (this.size > 0) this.#take().complete(errorCode)
  }

  #take(): Deferred {
    const item = this.#items[this.#head++]
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
