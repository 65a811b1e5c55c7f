// What a producer holds for one partition: batches that wait, in order, and the sequences of those that are under way.
import type { ProducerBatch, ProducerIdentity } from './producer-batch.ts'

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Oldest first. Only the last may be open. */
  readonly batches: ProducerBatch[] = []
  /** Sent and not answered. */
  inFlight = 0
  /** The size that the last batch came to: room for the next. */
  sizeHint = 0
  /** Compressed by uncompressed size, as seen lately. */
  compressionRatio = 1

  // ---- of the identity keeper
  identity: ProducerIdentity | undefined
  nextSequence = 0
  lastAckedSequence = -1
  /** Batches that got a sequence so far. */
  numbered = 0
  /** Numbered and not done, in order: in flight or waiting to be sent again. */
  readonly outstanding: ProducerBatch[] = []
  isUnresolved = false

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }
}
