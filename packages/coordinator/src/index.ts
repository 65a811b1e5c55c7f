export type { ClassicGroupState } from './group/classic-group.ts'
export * from './group/config.ts'
export type { GroupRequestContext } from './group/context.ts'
export * from './group/group-coordinator.ts'
export type { GroupMetrics } from './group/metrics.ts'
export type { DeletedTopic } from './offsets/delete.ts'
export type { EndTransactionMarker } from './runtime/end-transaction-marker.ts'
export { LoadError } from './runtime/loader.ts'
export type {
  CoordinatorAppendResult,
  CoordinatorLog,
  CoordinatorLogListener,
  CoordinatorLogOffsets,
  CoordinatorReadResult
} from './runtime/log.ts'
export type { RuntimeMetrics } from './runtime/metrics.ts'
export type { RuntimeConfig } from './runtime/partition-coordinator.ts'
export type { ProducerIdentity } from './runtime/pending-batch.ts'
export { CoordinatorRuntime } from './runtime/runtime.ts'
export type {
  CoordinatorOperation,
  CoordinatorResult,
  CoordinatorShard,
  CoordinatorWorld,
  RecordSerde,
  ShardEnvironment,
  ShardTimers
} from './runtime/shard.ts'
export type { DeletableGroupResult, DescribedGroup, ListedGroup, OffsetFetchRequestGroup, OffsetFetchResponseGroup } from './types.ts'
