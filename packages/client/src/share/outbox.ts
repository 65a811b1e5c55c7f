// Acknowledgements on their way to one leader, at most one parcel a partition on the way and one waiting. Synchronous.
import type { KafkaError } from '../errors.ts'
import { type AcknowledgementRun, isRenewal, mergeRuns } from './acknowledgements.ts'
import type { SharePartition } from './share-partition.ts'

export interface Parcel {
  readonly partition: SharePartition
  readonly runs: readonly AcknowledgementRun[]
  /** Not tried again after that, monotonic ms. */
  readonly deadlineMs: number
  /** By the answer that is being read. */
  isAnswered: boolean
  readonly answer: Promise<KafkaError | undefined>
  readonly resolve: (error: KafkaError | undefined) => void
}

export class Outbox {
  readonly #waiting = new Map<SharePartition, Parcel>()
  /** The newest of each partition, until it is answered. */
  readonly #newest = new Map<SharePartition, Parcel>()

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  get hasRenewals(): boolean {
    return [...this.#waiting.values()].some(({ runs }) => runs.some(isRenewal))
  }

  put(partition: SharePartition, runs: readonly AcknowledgementRun[], deadlineMs: number): void {
    const waiting = this.#waiting.get(partition)
    const { promise, resolve } = Promise.withResolvers<KafkaError | undefined>()
    const parcel: Parcel = {
      partition,
      runs: mergeRuns([...(waiting?.runs ?? []), ...runs]),
      deadlineMs,
      isAnswered: false,
      answer: promise,
      resolve: (error) => {
        if (this.#newest.get(partition) === parcel) this.#newest.delete(partition)
        waiting?.resolve(error)
        resolve(error)
      }
    }
    this.#waiting.set(partition, parcel)
    this.#newest.set(partition, parcel)
  }

  /** To be tried again; what came meanwhile goes with it. */
  putBack(parcel: Parcel): void {
    const later = this.#waiting.get(parcel.partition)
    this.#waiting.set(parcel.partition, parcel)
    if (later === undefined) return
    this.put(parcel.partition, later.runs, later.deadlineMs)
    void this.#newest.get(parcel.partition)?.answer.then(later.resolve)
  }

  /** undefined: nothing of the partition is on its way. */
  answered(partition: SharePartition): Promise<KafkaError | undefined> | undefined {
    return this.#newest.get(partition)?.answer
  }

  takeAll(): Parcel[] {
    const parcels = [...this.#waiting.values()]
    this.#waiting.clear()
    return parcels
  }

  expired(now: number): Parcel[] {
    const expired = [...this.#waiting.values()].filter(({ deadlineMs }) => deadlineMs <= now)
    for (const { partition } of expired) this.#waiting.delete(partition)
    return expired
  }
}
