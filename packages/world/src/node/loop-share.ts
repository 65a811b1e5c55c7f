/** Work of this length in one turn of the loop, then everybody else is served first. */
const SHARE_MS = 4

/**
 * Small steps that are done at once, because a way over libuv's threads and a promise of node:fs cost several times the system
 * call. What a turn of the event loop has no time left for waits for the next one, in the order of the calls.
 */
export class LoopShare {
  #spentMs = 0
  #next: Promise<void> | undefined

  async run<T>(step: () => T): Promise<T> {
    while (this.#spentMs >= SHARE_MS) await this.#next
    this.#next ??= new Promise((resolve) => setImmediate(() => this.#begin(resolve)))
    const began = performance.now()
    try {
      return step()
    } finally {
      this.#spentMs += performance.now() - began
    }
  }

  #begin(resolve: () => void): void {
    this.#spentMs = 0
    this.#next = undefined
    resolve()
  }
}
