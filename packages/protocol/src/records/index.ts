export * from './batch-builder.ts'
export * from './control-batch.ts'
export * from './decode-records.ts'
export { firstOffset, LegacyRecord } from './legacy.ts'
export * from './record-batch.ts'
export { RecordReader } from './record-reader.ts'
export type { CompressionType, KafkaRecord, RecordHeader, RecordInput, TimestampType } from './types.ts'
export {
  COMPRESSION_TYPES,
  NO_PARTITION_LEADER_EPOCH,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  NO_TIMESTAMP,
  RecordDecodeError
} from './types.ts'
export * from './validate.ts'
export type { AppendOrigin, RecordError, RecordsConfig, RejectionReason, ValidatedRecords } from './validate-types.ts'
