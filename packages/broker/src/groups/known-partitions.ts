// Offsets are kept for partitions that exist; the others are answered before the group coordinator is asked.
import type { TopicImage } from '@odradek/metadata'

export function splitKnown<P extends { readonly partitionIndex: number }>(
  topic: TopicImage,
  partitions: readonly P[]
): { known: P[]; unknown: P[] } {
  const known: P[] = []
  const unknown: P[] = []
  for (const partition of partitions) (topic.partitions.get(partition.partitionIndex) === undefined ? unknown : known).push(partition)
  return { known, unknown }
}

/** One entry a topic: partitions that were refused here go before those that the coordinator answered. */
export function mergeTopics<P, T extends { readonly partitions: readonly P[] }>(
  refused: readonly T[],
  answered: readonly T[],
  keyOf: (topic: T) => string
): T[] {
  if (refused.length === 0) return [...answered]
  const topics = new Map<string, T>()
  for (const topic of [...refused, ...answered]) {
    const before = topics.get(keyOf(topic))
    topics.set(keyOf(topic), before === undefined ? topic : { ...before, partitions: [...before.partitions, ...topic.partitions] })
  }
  return [...topics.values()]
}
