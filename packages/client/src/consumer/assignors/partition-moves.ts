// What has moved during one assignment, so that a partition moves instead of another that would only move back: of two moves between the
// same members in opposite directions neither is needed.
import { javaStringHash } from '@odradek/base'
import { partitionKey, type TopicPartition } from '../../types.ts'
import { inHashOrder } from './java-order.ts'

interface Move {
  readonly from: string
  readonly to: string
}

export class PartitionMoves {
  readonly #moves = new Map<string, Move>()
  /** Partitions by topic and pair of members. */
  readonly #byPair = new Map<string, TopicPartition[]>()
  readonly #topics = new Set<string>()

  /** The partition to move when `each` should go from one to the other. */
  actual(each: TopicPartition, from: string, to: string): TopicPartition {
    if (!this.#topics.has(each.topic)) return each
    const source = this.#moves.get(partitionKey(each.topic, each.partition))?.from ?? from
    const reverse = this.#byPair.get(pairKey(each.topic, { from: to, to: source }))
    if (reverse === undefined || reverse.length === 0) return each
    return inHashOrder(reverse, hashOf)[0]
  }

  record(each: TopicPartition, from: string, to: string): void {
    const key = partitionKey(each.topic, each.partition)
    const earlier = this.#moves.get(key)
    if (earlier !== undefined) {
      this.#moves.delete(key)
      const pair = pairKey(each.topic, earlier)
      const left = (this.#byPair.get(pair) ?? []).filter(({ partition }) => partition !== each.partition)
      if (left.length === 0) this.#byPair.delete(pair)
      else this.#byPair.set(pair, left)
      // Back where it came from: it has not moved.
      if (earlier.from === to) return
    }
    const move = { from: earlier?.from ?? from, to }
    this.#moves.set(key, move)
    const pair = pairKey(each.topic, move)
    this.#byPair.set(pair, [...(this.#byPair.get(pair) ?? []), each])
    this.#topics.add(each.topic)
  }
}

function pairKey(topic: string, { from, to }: Move): string {
  return JSON.stringify([topic, from, to])
}

/** Of Kafka's TopicPartition. */
function hashOf({ topic, partition }: TopicPartition): number {
  return (Math.imul(31, 31 + partition) + javaStringHash(topic)) | 0
}
