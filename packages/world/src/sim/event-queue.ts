import type { SimProcess } from './process.ts'

export interface SimEvent {
  timeMs: number
  sequence: number
  /** The process whose code it runs; undefined for what kernels and wires do. */
  readonly process: SimProcess | undefined
  readonly label: string
  /** Undefined once cancelled or run. */
  run: (() => void) | undefined
}

/** A binary heap: earliest first, and in the order of arrival at one time. */
export class EventQueue {
  readonly #heap: SimEvent[] = []

  get length(): number {
    return this.#heap.length
  }

  push(event: SimEvent): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent])) break
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = event
  }

  peek(): SimEvent | undefined {
    return this.#heap[0]
  }

  pop(): SimEvent | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
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
    return first
  }
}

function isBefore(left: SimEvent, right: SimEvent): boolean {
  return left.timeMs < right.timeMs || (left.timeMs === right.timeMs && left.sequence < right.sequence)
}
