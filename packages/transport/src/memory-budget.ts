// A bound on bytes shared by all connections of a node (queued.max.request.bytes). A full budget drops nothing: the
// connections that ask stop reading and are woken in the order they asked. One holder may go on although the budget
// is full, so that half-received frames can never block each other for ever; the bound is therefore the limit plus one frame.

export interface BudgetHolder {
  /** Room again: read on. */
  onBudget(): void
}

export class MemoryBudget {
  readonly limitBytes: number
  #usedBytes = 0
  /** Of them, those that no holder has and that go without anybody's help. */
  #pinnedBytes = 0
  #exempt: BudgetHolder | undefined
  readonly #waiting = new Set<BudgetHolder>()
  readonly #patient = new Set<BudgetHolder>()

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get isFull(): boolean {
    return this.#usedBytes >= this.limitBytes
  }

  reserve(bytes: number): void {
    this.#usedBytes += bytes
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes
    this.#wake()
  }

  /** Bytes that stay when their request is answered, such as those that the disk has not taken yet. */
  pin(bytes: number): void {
    this.#pinnedBytes += bytes
    this.#usedBytes += bytes
  }

  unpin(bytes: number): void {
    this.#pinnedBytes -= bytes
    this.release(bytes)
  }

  /** May this holder take more bytes now? When not, it is woken by `onBudget` later. */
  mayGrow(holder: BudgetHolder): boolean {
    if (!this.isFull || this.#exempt === holder) return true
    if (this.#mayExempt) {
      this.#exempt = holder
      return true
    }
    this.#waiting.add(holder)
    return false
  }

  /** As `mayGrow`, for those whom no exemption helps: others make room sooner or later. */
  hasRoomFor(holder: BudgetHolder): boolean {
    if (!this.isFull) return true
    this.#patient.add(holder)
    return false
  }

  /** The holder keeps no bytes any more and wants none. */
  leave(holder: BudgetHolder): void {
    this.#waiting.delete(holder)
    this.#patient.delete(holder)
    this.endExemption(holder)
  }

  /** The holder keeps no bytes any more; when it waits for room, it goes on waiting. */
  endExemption(holder: BudgetHolder): void {
    if (this.#exempt !== holder) return
    this.#exempt = undefined
    this.#wake()
  }

  /** While bytes are pinned somebody else makes room: an exemption would only let them grow. */
  get #mayExempt(): boolean {
    return this.#exempt === undefined && this.#pinnedBytes === 0
  }

  #wake(): void {
    while (this.#waiting.size > 0 && (!this.isFull || this.#mayExempt)) {
      const [first] = this.#waiting
      this.#waiting.delete(first)
      if (this.isFull) this.#exempt = first
      first.onBudget()
    }
    while (this.#patient.size > 0 && !this.isFull) {
      const [first] = this.#patient
      this.#patient.delete(first)
      first.onBudget()
    }
  }
}
