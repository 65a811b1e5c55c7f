// The partitions that this consumer reads now. Synchronous.
import { KafkaError } from '../errors.ts'
import { requirePartitions } from '../place-checks.ts'
import { partitionKey, type TopicPartition } from '../types.ts'
import { PartitionState } from './partition-state.ts'
import type { TopicPartitionOffset } from './types.ts'

export class Assignment {
  readonly #states = new Map<string, PartitionState>()
  readonly #committed = new Map<string, number>()

  states(): Iterable<PartitionState> {
    return this.#states.values()
  }

  list(): TopicPartition[] {
    return [...this.#states.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  pick(partitions: readonly TopicPartition[]): PartitionState[] {
    return partitions.flatMap(({ topic, partition }) => this.#states.get(partitionKey(topic, partition)) ?? [])
  }

  require({ topic, partition }: TopicPartition): PartitionState {
    const state = this.#states.get(partitionKey(topic, partition))
    if (state !== undefined) return state
    throw new KafkaError(-1, { code: 'ILLEGAL_STATE', message: `${partitionKey(topic, partition)} is not assigned to this consumer` })
  }

  /** Those that were not there. */
  add(partitions: readonly TopicPartition[]): PartitionState[] {
    const added: PartitionState[] = []
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition)
      if (this.#states.has(key)) continue
      const state = new PartitionState(topic, partition)
      this.#states.set(key, state)
      added.push(state)
    }
    return added
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const key = partitionKey(topic, partition)
      const state = this.#states.get(key)
      if (state === undefined) continue
      state.isGone = true
      this.#states.delete(key)
      this.#committed.delete(key)
    }
  }

  /** Those that stay keep their positions. */
  replace(partitions: readonly TopicPartition[]): void {
    requirePartitions(partitions)
    const wanted = new Set(partitions.map(({ topic, partition }) => partitionKey(topic, partition)))
    this.remove(this.list().filter(({ topic, partition }) => !wanted.has(partitionKey(topic, partition))))
    this.add(partitions)
  }

  /** Handed out. `isPoll`: all of it; otherwise what is finished. */
  consumed(isPoll: boolean): TopicPartitionOffset[] {
    const offsets: TopicPartitionOffset[] = []
    for (const state of this.#states.values()) {
      const offset = isPoll && state.hasPosition ? state.position.offset : state.finishedOffset
      if (offset !== undefined) offsets.push(offsetOf(state, offset))
    }
    return offsets
  }

  /** Finished, and not committed as that yet; `isAgain`: that too. */
  finished(only: readonly TopicPartition[] | undefined, isAgain: boolean): TopicPartitionOffset[] {
    const offsets: TopicPartitionOffset[] = []
    for (const state of only === undefined ? this.#states.values() : this.pick(only)) {
      const offset = state.finishedOffset
      if (offset !== undefined && (isAgain || this.#committed.get(state.key) !== offset)) offsets.push(offsetOf(state, offset))
    }
    return offsets
  }

  /** What somebody commits by hand is finished: automatic commits do not go back behind it. `isPoll`: one offset stands for a whole poll. */
  finishBefore(offsets: readonly TopicPartitionOffset[], isPoll: boolean): void {
    for (const { topic, partition, offset } of offsets) {
      const state = this.#states.get(partitionKey(topic, partition))
      const first = state?.unfinished.first
      if (state === undefined || first === undefined || first >= offset) continue
      state.unfinished.finishUpTo(offset - 1)
      if (isPoll && offset < state.position.offset) state.unfinished.add(offset)
    }
  }

  noteCommitted(offsets: readonly TopicPartitionOffset[]): void {
    for (const { topic, partition, offset } of offsets) this.#committed.set(partitionKey(topic, partition), offset)
  }
}

function offsetOf(state: PartitionState, offset: number): TopicPartitionOffset {
  const { topic, partition, position } = state
  const leaderEpoch = position.epoch >= 0 && offset === position.offset ? { leaderEpoch: position.epoch } : {}
  return { topic, partition, offset, ...leaderEpoch }
}
