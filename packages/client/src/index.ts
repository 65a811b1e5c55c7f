export { KafkaError, PartialFailureError } from './errors.ts'
export type { ClusterMetadata, Node, PartitionMetadata, TopicMetadata } from './network/metadata.ts'
export { type CallOptions, partitionKey, type TopicPartition } from './types.ts'
