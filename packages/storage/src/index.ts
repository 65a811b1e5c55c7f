export type { AppendOrigin } from '@odradek/protocol'
export type { EpochEntry, MetaProperties, OffsetEntry } from './checkpoints.ts'
export {
  formatEpochCheckpoint,
  formatMetaProperties,
  formatOffsetCheckpoint,
  formatPartitionMetadata,
  parseEpochCheckpoint,
  parseMetaProperties,
  parseOffsetCheckpoint,
  parsePartitionMetadata
} from './checkpoints.ts'
export { readMetaProperties, writeMetaProperties } from './directory-files.ts'
export type { TopicPartition } from './layout.ts'
export { META_PROPERTIES, METADATA_TOPIC, offsetName, parsePartitionDirectory, partitionName } from './layout.ts'
export type { LogConfig } from './log-config.ts'
export { defaultLogConfig } from './log-config.ts'
export { logConfigFrom, logManagerSettingsFrom } from './log-config-from.ts'
export type { StorageLimits } from './log-directory.ts'
export { defaultStorageLimits, isDiskFull } from './log-directory.ts'
export type { TimestampAndOffset } from './log-lookup.ts'
export type { DirectoryInfo, LogManagerOptions } from './log-manager.ts'
export { LogManager } from './log-manager.ts'
export type { ReadOptions, ReadResult } from './log-reader.ts'
export type { CleanerSettings, LogManagerSettings } from './log-settings.ts'
export { defaultLogManagerSettings } from './log-settings.ts'
export type { AppendOptions, AppendResult, LogListener } from './log-types.ts'
export { PartitionLog } from './partition-log.ts'
export type { ProducerStateEntry } from './producer-snapshot.ts'
export { parseProducerSnapshot } from './producer-snapshot.ts'
export type { VerificationState } from './producer-state.ts'
export { deleteOldSegments } from './retention.ts'
export { type AbortedTxn, parseAbortedTxns } from './txn-index.ts'
