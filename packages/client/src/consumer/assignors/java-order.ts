// The order in which Java iterates a HashMap of strings. Assignors of a group must agree whatever they are written in, and where
// Apache Kafka's walk over a hash map shows in their answers, ours walk in the same order.
import { javaStringHash } from '@odradek/base'

const spread = (hash: number): number => (hash ^ (hash >>> 16)) >>> 0

export function tableSize(count: number): number {
  let size = 16
  while (count > size * 0.75) size *= 2
  return size
}

/** By bucket; within one, in the order of insertion. */
export function inHashOrder<T>(items: readonly T[], hashOf: (item: T) => number, size = tableSize(items.length)): T[] {
  const bucket = (item: T): number => spread(hashOf(item)) & (size - 1)
  return items.toSorted((a, b) => bucket(a) - bucket(b))
}

export function stringsInHashOrder(strings: Iterable<string>): string[] {
  return inHashOrder([...new Set(strings)], javaStringHash)
}
