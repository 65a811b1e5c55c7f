// Producer ids for idempotent producers, from blocks that the controller gives. The next block is asked for before the
// current one is used up; who comes in between waits for it.
import { assert } from '@odradek/base'

export interface ProducerIdBlock {
  readonly firstProducerId: number
  readonly size: number
}

/** Part of a block that is used before the next one is asked for. */
const PREFETCH_AT = 0.9

export class ProducerIds {
  readonly #allocate: () => Promise<ProducerIdBlock>
  #next = 0
  #end = 0
  #prefetchAt = 0
  #coming: Promise<void> | undefined
  #reserve: ProducerIdBlock | undefined

  constructor(allocate: () => Promise<ProducerIdBlock>) {
    this.#allocate = allocate
  }

  /** A producer id that nobody else has; a promise when a block has to come first. */
  next(): number | Promise<number> {
    if (this.#next === this.#end) this.#useReserve()
    if (this.#next === this.#end) return this.#fetch().then(() => this.next())
    const id = this.#next++
    if (this.#next >= this.#prefetchAt && this.#reserve === undefined) this.#fetch().catch(() => undefined)
    return id
  }

  #useReserve(): void {
    const block = this.#reserve
    if (block === undefined) return
    assert(block.size > 0, 'an empty block of producer ids')
    this.#reserve = undefined
    this.#next = block.firstProducerId
    this.#end = block.firstProducerId + block.size
    this.#prefetchAt = block.firstProducerId + Math.floor(block.size * PREFETCH_AT)
  }

  #fetch(): Promise<void> {
    this.#coming ??= this.#allocate()
      .then((block) => {
        this.#reserve = block
      })
      .finally(() => {
        this.#coming = undefined
      })
    return this.#coming
  }
}
