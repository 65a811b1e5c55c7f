// Partitions as requests want them: gathered by topic.
import { partitionKey, type TopicPartition } from '../types.ts'

/** By topic, in the order given. */
export function byTopic<P extends TopicPartition>(partitions: Iterable<P>): Map<string, P[]> {
  const topics = new Map<string, P[]>()
  for (const each of partitions) {
    const own = topics.get(each.topic)
    if (own === undefined) topics.set(each.topic, [each])
    else own.push(each)
  }
  return topics
}

/** By key (`orders-0`); of doubles the last counts. */
export function keyed<P extends TopicPartition>(partitions: Iterable<P>): Map<string, P> {
  return new Map([...partitions].map((each) => [partitionKey(each.topic, each.partition), each]))
}

/** The partitions of these keys, by topic. */
export function topicsOf<P extends TopicPartition>(partitions: ReadonlyMap<string, P>, keys: readonly string[]): Map<string, P[]> {
  return byTopic(keys.map((key) => partitions.get(key) as P))
}
