// What this consumer holds of one partition from one leader: records handed out and not acknowledged, acknowledgements that wait to be sent,
// renewals under way. Synchronous. The broker holds a lock for each; when it passes, the broker says so to a late acknowledgement.
//
// A record is held → acknowledged (pending → sent → gone), or held → renewing → held again. What is acknowledged while its renewal is under
// way is pending when that has succeeded.
import type { ConsumerRecord } from '../consumer/record.ts'
import { KafkaError } from '../errors.ts'
import { partitionKey } from '../types.ts'
import { type Acknowledgement, type AcknowledgementRun, isRenewal, mergeRuns, runOf } from './acknowledgements.ts'

export type AnyRecord = ConsumerRecord<unknown, unknown>

interface Renewal {
  readonly record: AnyRecord
  next: Acknowledgement | undefined
}

export interface PartitionPlace {
  readonly nodeId: number
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

export class SharePartition {
  readonly place: PartitionPlace
  readonly key: string
  readonly #held = new Map<number, AnyRecord>()
  readonly #renewing = new Map<number, Renewal>()
  #pending: AcknowledgementRun[] = []
  #renewed: AnyRecord[] = []

  constructor(place: PartitionPlace) {
    this.place = place
    this.key = partitionKey(place.topic, place.partition)
  }

  /** Handed out and neither acknowledged nor being renewed. */
  get heldCount(): number {
    return this.#held.size - this.#waitingAgain()
  }

  get isIdle(): boolean {
    return this.#held.size === 0 && this.#pending.length === 0 && this.#renewing.size === 0 && this.#renewed.length === 0
  }

  hold(record: AnyRecord): void {
    this.#held.set(record.offset, record)
  }

  holds(offset: number): boolean {
    return this.#held.has(offset) || this.#renewing.has(offset)
  }

  acknowledge(offset: number, type: Acknowledgement): void {
    const renewal = this.#renewing.get(offset)
    if (renewal !== undefined) {
      renewal.next = type
      return
    }
    const record = this.#held.get(offset)
    if (record === undefined)
      throw new KafkaError(-1, {
        code: 'ILLEGAL_STATE',
        message: `The record ${this.key} at offset ${offset} is not held by this consumer`
      })
    this.#held.delete(offset)
    this.#pending.push(runOf(offset, offset, type))
    if (type === 'renew') this.#renewing.set(offset, { record, next: undefined })
  }

  acknowledgeAll(type: Acknowledgement): void {
    for (const offset of [...this.#held.keys()]) this.acknowledge(offset, type)
  }

  /** Acquired, and never handed out. */
  settle(firstOffset: number, lastOffset: number, type: Acknowledgement | 'gap'): void {
    if (firstOffset <= lastOffset) this.#pending.push(runOf(firstOffset, lastOffset, type, true))
  }

  takePending(): AcknowledgementRun[] {
    const pending = mergeRuns(this.#pending)
    this.#pending = []
    return pending
  }

  /** Offsets of records of the run; the broker has answered for them. */
  onAnswer(runs: readonly AcknowledgementRun[], isDone: boolean): number[] {
    const offsets: number[] = []
    for (const run of runs) {
      if (run.isUnseen) continue
      for (let offset = run.firstOffset; offset <= run.lastOffset; offset++) {
        offsets.push(offset)
        if (isRenewal(run)) this.#onRenewal(offset, isDone)
      }
    }
    return offsets
  }

  /** Renewed, to be handed out again. */
  takeRenewed(): AnyRecord[] {
    const renewed = this.#renewed.filter((record) => this.#held.get(record.offset) === record)
    this.#renewed = []
    return renewed
  }

  #waitingAgain(): number {
    let count = 0
    for (const record of this.#renewed) if (this.#held.get(record.offset) === record) count++
    return count
  }

  #onRenewal(offset: number, isDone: boolean): void {
    const renewal = this.#renewing.get(offset)
    this.#renewing.delete(offset)
    if (renewal === undefined || !isDone) return
    this.#held.set(offset, renewal.record)
    if (renewal.next !== undefined) this.acknowledge(offset, renewal.next)
    else this.#renewed.push(renewal.record)
  }
}
