// Compares what the replicas of each partition hold, batch by batch up to the high watermark, and knows where to go on reading.
import { nextBatch, type RecordBatch } from '@odradek/protocol'
import type { FetchedPartition, WantedPartition } from './replica-reader.ts'

export interface Replicas extends WantedPartition {
  readonly brokers: readonly number[]
}

interface Progress {
  readonly replicas: Replicas
  offset: number
  /** By broker. */
  readonly fetched: Map<number, FetchedPartition>
}

export class ReplicaVerifier {
  readonly #progress: ReadonlyMap<string, Progress>
  readonly #print: (text: string) => void
  readonly #reportIntervalMs: number
  #lastReportMs = 0

  constructor(partitions: readonly Replicas[], print: (text: string) => void, reportIntervalMs: number) {
    this.#progress = new Map(
      partitions.map((replicas) => [
        `${replicas.topic}-${replicas.partition}`,
        { replicas, offset: replicas.offset, fetched: new Map<number, FetchedPartition>() }
      ])
    )
    this.#print = print
    this.#reportIntervalMs = reportIntervalMs
  }

  wantedOf(brokerId: number): WantedPartition[] {
    return [...this.#progress.values()]
      .filter(({ replicas }) => replicas.brokers.includes(brokerId))
      .map(({ replicas, offset }) => ({ ...replicas, offset }))
  }

  add(brokerId: number, partitions: readonly FetchedPartition[]): void {
    for (const fetched of partitions) this.#progress.get(`${fetched.topic}-${fetched.partition}`)?.fetched.set(brokerId, fetched)
  }

  /** False: offsets do not match, so that going on makes no sense. */
  verify(): boolean {
    let worst: { readonly name: string; readonly lag: number; readonly offset: number } | undefined
    for (const [name, progress] of this.#progress) {
      if (!this.#compare(name, progress)) return false
      const highWatermark = Math.max(-1, ...[...progress.fetched.values()].map((one) => one.highWatermark))
      const lag = highWatermark - progress.offset
      if (lag > (worst?.lag ?? -1)) worst = { name, lag, offset: progress.offset }
      progress.fetched.clear()
    }
    const now = Date.now()
    if (now - this.#lastReportMs > this.#reportIntervalMs) {
      const { name, lag, offset } = worst ?? { name: 'null', lag: -1, offset: -1 }
      this.#print(`max lag is ${lag} for partition ${name} at offset ${offset} among ${this.#progress.size} partitions`)
      this.#lastReportMs = now
    }
    return true
  }

  #compare(name: string, progress: Progress): boolean {
    const { replicas, fetched } = progress
    const readers = replicas.brokers.map((brokerId) => new BatchReader(brokerId, fetched.get(brokerId)))
    for (;;) {
      const batches = readers.map((reader) => reader.next())
      const [first] = batches
      if (first === undefined || batches.includes(undefined)) return true
      for (const [index, batch] of (batches as RecordBatch[]).entries()) {
        if (batch.lastOffset !== first.lastOffset) {
          this.#print(
            `partition ${name}: replica ${readers[0].brokerId}'s offset ${first.lastOffset} doesn't match replica ${readers[index].brokerId}'s offset ${batch.lastOffset}`
          )
          return false
        }
        if (batch.crc !== first.crc)
          this.#print(
            `partition ${name} has unmatched checksum at offset ${batch.lastOffset}; replica ${readers[0].brokerId}'s checksum ${first.crc}; replica ${readers[index].brokerId}'s checksum ${batch.crc}`
          )
      }
      progress.offset = first.lastOffset + 1
    }
  }
}

/** Whole batches of one replica that lie below its high watermark. */
class BatchReader {
  readonly brokerId: number
  readonly #fetched: FetchedPartition | undefined
  #position = 0

  constructor(brokerId: number, fetched: FetchedPartition | undefined) {
    this.brokerId = brokerId
    this.#fetched = fetched
  }

  next(): RecordBatch | undefined {
    if (this.#fetched === undefined) return undefined
    const { records, highWatermark } = this.#fetched
    const batch = nextBatch(records, this.#position)
    if (batch === undefined || batch.lastOffset >= highWatermark) return undefined
    this.#position += batch.sizeInBytes
    return batch
  }
}
