// The numbers that make a producer idempotent (KIP-98, KIP-360): who it is, and which sequence each batch of a partition has.
//
// Contract: plain state, no clock, no I/O. Batches of a partition are numbered in the order in which they are first sent and sent again
// in that order; when it cannot be known whether a batch was written, or numbers were lost at the broker, the epoch is raised and
// everything outstanding is numbered from 0 again. An idempotent producer raises its epoch by itself; a transactional one gets it
// from the coordinator (transactions.ts).

import { partitionKey } from '../types.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { addSequence, type ProducerBatch, type ProducerIdentity } from './producer-batch.ts'

type Sequences = Pick<PartitionQueue, 'identity' | 'nextSequence' | 'lastAckedSequence'>

const EPOCH_MAX = 32_767
/** Partitions whose sequences are kept although nothing was sent to them for long. */
const FORGOTTEN_MAX = 10_000
/** Batches of a producer that a broker knows again. Written behind one that is sent again, more of them make its copy look like a gap. */
const REMEMBERED_BATCHES = 5

export class IdentityKeeper {
  readonly isTransactional: boolean
  current: ProducerIdentity | undefined
  readonly #restarting = new Set<PartitionQueue>()
  /** Sequences of partitions that the producer has forgotten: brokers have not. Of the current identity, or of no use. */
  readonly #forgotten = new Map<string, Sequences>()
  readonly #forgottenMax: number

  constructor(isTransactional: boolean, forgottenMax = FORGOTTEN_MAX) {
    this.isTransactional = isTransactional
    this.#forgottenMax = forgottenMax
  }

  /** May this batch of the queue be sent now without breaking the order of sequences? It is the first that waits. */
  maySend(queue: PartitionQueue, batch: ProducerBatch): boolean {
    if (this.current === undefined) return false
    if (batch.hasSequence) return queue.outstanding[0] === batch
    const [oldest] = queue.outstanding
    if (oldest !== undefined && queue.numbered - oldest.ordinal >= REMEMBERED_BATCHES) return false
    // A broker that knows nothing of this producer takes any sequence for its first: a batch behind a lost one too.
    if (oldest !== undefined && queue.lastAckedSequence < 0) return false
    const isStale = queue.outstanding.length > 0 && queue.identity !== this.current
    return !isStale && !(queue.isUnresolved && queue.outstanding.length > 0)
  }

  /** Numbers the batch as it is sent for the first time. */
  assign(queue: PartitionQueue, batch: ProducerBatch): void {
    if (batch.hasSequence) return
    const current = this.current as ProducerIdentity
    if (queue.identity === undefined) this.#recall(queue)
    if (queue.identity !== current) this.#restart(queue)
    batch.setSequence(current, queue.nextSequence)
    queue.nextSequence = addSequence(queue.nextSequence, batch.count)
    queue.outstanding.push(batch)
    batch.ordinal = queue.numbered++
  }

  acknowledged(queue: PartitionQueue, batch: ProducerBatch): void {
    if (!remove(queue.outstanding, batch)) return
    // After a leader has moved, answers of the old one may come late.
    if (queue.lastAckedSequence < 0 || isAfter(batch.lastSequence, queue.lastAckedSequence)) queue.lastAckedSequence = batch.lastSequence
  }

  /**
   * The batch failed for good. `wasNotWritten`: surely; its numbers go to those behind it. Otherwise nobody knows what the next number
   * is, which has to be found out before new batches are sent.
   */
  failed(queue: PartitionQueue, batch: ProducerBatch, wasNotWritten: boolean): void {
    const at = queue.outstanding.indexOf(batch)
    if (at < 0) return
    queue.outstanding.splice(at, 1)
    if (!wasNotWritten) {
      queue.isUnresolved = true
      // Its transaction can only be aborted, and what comes after it begins under a new epoch.
      if (this.isTransactional) this.requestRestart(queue)
      return
    }
    queue.nextSequence = addSequence(queue.nextSequence, 2 ** 31 - batch.count)
    let sequence = batch.baseSequence
    for (const later of queue.outstanding.slice(at)) {
      later.setSequence(later.identity as ProducerIdentity, sequence)
      sequence = addSequence(sequence, later.count)
    }
  }

  /** The parts take the place and the numbers of the batch. */
  split(queue: PartitionQueue, batch: ProducerBatch, parts: readonly ProducerBatch[]): void {
    const at = queue.outstanding.indexOf(batch)
    if (at < 0) return
    let sequence = batch.baseSequence
    for (const part of parts) {
      part.setSequence(batch.identity as ProducerIdentity, sequence)
      part.ordinal = batch.ordinal
      sequence = addSequence(sequence, part.count)
    }
    queue.outstanding.splice(at, 1, ...parts)
  }

  /** True when the broker expects this batch next as far as is known. */
  isNext(queue: PartitionQueue, batch: ProducerBatch): boolean {
    return batch.baseSequence === (queue.lastAckedSequence < 0 ? 0 : addSequence(queue.lastAckedSequence, 1))
  }

  /** The broker and we disagree on the sequences of this partition. */
  requestRestart(queue: PartitionQueue): void {
    this.#restarting.add(queue)
  }

  /** Nothing is outstanding, and nothing unknown: the queue may go. */
  isSettled(queue: PartitionQueue): boolean {
    return queue.outstanding.length === 0 && !queue.isUnresolved && !this.#restarting.has(queue)
  }

  /** The queue goes; another one of its partition goes on with its sequences. */
  forget(queue: PartitionQueue): void {
    const { topic, partition, identity, nextSequence, lastAckedSequence } = queue
    if (identity === undefined || identity !== this.current) return
    this.#forgotten.set(partitionKey(topic, partition), { identity, nextSequence, lastAckedSequence })
  }

  /** Too many to remember: with a new epoch every partition begins at 0. */
  get #remembersTooMany(): boolean {
    return this.#forgotten.size > this.#forgottenMax
  }

  #recall(queue: PartitionQueue): void {
    const key = partitionKey(queue.topic, queue.partition)
    const known = this.#forgotten.get(key)
    this.#forgotten.delete(key)
    if (known?.identity === this.current) Object.assign(queue, known)
  }

  /** Called before sending: settles queues with unknown sequences, raises the epoch when needed. False: a new producer id is needed. */
  refresh(queues: Iterable<PartitionQueue>): boolean {
    for (const queue of queues) {
      if (!queue.isUnresolved || queue.outstanding.length > 0) continue
      queue.isUnresolved = false
      const expected = queue.lastAckedSequence < 0 ? 0 : addSequence(queue.lastAckedSequence, 1)
      if (queue.nextSequence !== expected) this.requestRestart(queue)
    }
    if (!this.needsNewEpoch || this.isTransactional) return this.current !== undefined
    return this.#raise()
  }

  /** Sequences are lost, or too many: only a new epoch helps. A transaction has it with its end. */
  get needsNewEpoch(): boolean {
    return this.#restarting.size > 0 || this.#remembersTooMany
  }

  /** From the coordinator. Every partition begins at 0 when it is another one. */
  set(identity: ProducerIdentity): void {
    const { current } = this
    if (current?.producerId !== identity.producerId || current.producerEpoch !== identity.producerEpoch) {
      this.current = identity
      this.#forgotten.clear()
    }
    for (const queue of this.#restarting) this.#restart(queue)
    this.#restarting.clear()
  }

  #raise(): boolean {
    const { current } = this
    if (current === undefined) return false
    const isExhausted = current.producerEpoch >= EPOCH_MAX
    if (isExhausted) {
      this.current = undefined
      return false
    }
    this.current = { producerId: current.producerId, producerEpoch: current.producerEpoch + 1 }
    this.#forgotten.clear()
    for (const queue of this.#restarting) this.#restart(queue)
    this.#restarting.clear()
    return true
  }

  #restart(queue: PartitionQueue): void {
    const identity = this.current as ProducerIdentity
    queue.identity = identity
    queue.lastAckedSequence = -1
    queue.isUnresolved = false
    let sequence = 0
    for (const batch of queue.outstanding) {
      batch.setSequence(identity, sequence)
      sequence = addSequence(sequence, batch.count)
    }
    queue.nextSequence = sequence
  }
}

/** On the circle of sequences, where what is compared lies close together. */
export function isAfter(a: number, b: number): boolean {
  const distance = addSequence(a, 2 ** 31 - b)
  return distance > 0 && distance < 2 ** 30
}

function remove(batches: ProducerBatch[], batch: ProducerBatch): boolean {
  const at = batches.indexOf(batch)
  if (at >= 0) batches.splice(at, 1)
  return at >= 0
}
