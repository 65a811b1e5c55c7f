/**
 * Keyed deadlines of one shard in a heap. Moving a deadline later (what every heartbeat does) touches no heap: the
 * entry is put back when its old place surfaces. Pure: the owner gives the time and asks for the next deadline.
 */
interface Entry<T> {
  readonly key: string
  payload: T
  deadlineMs: number
  /** The deadline that the heap knows; never later than `deadlineMs`. */
  queuedMs: number
  /** Breaks ties in the order of scheduling. */
  readonly sequence: number
  isDead: boolean
}

export class DeadlineTimers<T> {
  readonly #entries = new Map<string, Entry<T>>()
  #heap: Entry<T>[] = []
  #sequence = 0
  #dead = 0

  get size(): number {
    return this.#entries.size
  }

  schedule(key: string, deadlineMs: number, payload: T): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) {
      if (deadlineMs >= entry.queuedMs) {
        entry.deadlineMs = deadlineMs
        entry.payload = payload
        return
      }
      this.#kill(entry)
    }
    const fresh = { key, payload, deadlineMs, queuedMs: deadlineMs, sequence: this.#sequence++, isDead: false }
    this.#entries.set(key, fresh)
    this.#push(fresh)
  }

  cancel(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#kill(entry)
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  clear(): void {
    this.#entries.clear()
    this.#heap = []
    this.#dead = 0
  }

  /** When to call `takeDue` next; can be earlier than the earliest deadline. */
  nextDeadlineMs(): number | undefined {
    while (this.#heap.length > 0 && this.#heap[0].isDead) {
      this.#pop()
      this.#dead--
    }
    return this.#heap[0]?.queuedMs
  }

  /** Removes one entry whose deadline has come and returns its payload. */
  takeDue(nowMs: number): T | undefined {
    for (;;) {
      const next = this.nextDeadlineMs()
      if (next === undefined || next > nowMs) return undefined
      const entry = this.#pop()
      if (entry.deadlineMs > nowMs) {
        entry.queuedMs = entry.deadlineMs
        this.#push(entry)
        continue
      }
      this.#entries.delete(entry.key)
      return entry.payload
    }
  }

  #kill(entry: Entry<T>): void {
    entry.isDead = true
    this.#dead++
    // A churn of members with long session timeouts must not pile up dead entries.
    if (this.#dead > this.#entries.size + 64) {
      const live = this.#heap.filter((candidate) => !candidate.isDead)
      this.#heap = []
      this.#dead = 0
      for (const candidate of live) this.#push(candidate)
    }
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(entry, heap[parent])) break
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = entry
  }

  #pop(): Entry<T> {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop() as Entry<T>
    if (heap.length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (!isBefore(heap[child], last)) break
      heap[index] = heap[child]
      index = child
    }
    heap[index] = last
    return top
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.queuedMs < b.queuedMs || (a.queuedMs === b.queuedMs && a.sequence < b.sequence)
}
