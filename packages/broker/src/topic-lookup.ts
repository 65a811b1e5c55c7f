// What a request gets for a partition that is not here.

import type { TopicImage } from '@odradek/metadata'
import { ErrorCode } from '@odradek/protocol'
import type { BrokerContext } from './broker-context.ts'

/** For a topic named by name. */
export function missingTopicCode(broker: BrokerContext, name: string, partition: number): number {
  const topic = broker.image.topic(name)
  return topic === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : missingPartitionCode(broker, topic, partition)
}

/** For a partition of a topic that the metadata has. */
export function missingPartitionCode(broker: BrokerContext, topic: TopicImage, partition: number): number {
  if (topic.partitions.get(partition) === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  return broker.replicas.missingCode(topic.name, partition)
}
