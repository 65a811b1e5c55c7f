import type { BrokerConfig, TopicConfig } from '@odradek/config'
import type { LogConfig } from './log-config.ts'
import type { LogManagerSettings } from './log-settings.ts'

/** The settings of a topic's logs. `broker` gives what no topic can override. */
export function logConfigFrom(topic: TopicConfig, broker: BrokerConfig): LogConfig {
  const cleanupPolicy = topic.get('cleanup.policy')
  return {
    segmentBytes: topic.get('internal.segment.bytes') ?? topic.get('segment.bytes'),
    segmentMs: topic.get('segment.ms'),
    segmentJitterMs: topic.get('segment.jitter.ms'),
    segmentIndexBytes: topic.get('segment.index.bytes'),
    indexIntervalBytes: topic.get('index.interval.bytes'),
    flushMessages: topic.get('flush.messages'),
    flushMs: topic.get('flush.ms'),
    retentionBytes: topic.get('retention.bytes'),
    retentionMs: topic.get('retention.ms'),
    fileDeleteDelayMs: topic.get('file.delete.delay.ms'),
    maxMessageBytes: topic.get('max.message.bytes'),
    isCompact: cleanupPolicy.includes('compact'),
    isDelete: cleanupPolicy.includes('delete'),
    deleteRetentionMs: topic.get('delete.retention.ms'),
    minCompactionLagMs: topic.get('min.compaction.lag.ms'),
    maxCompactionLagMs: topic.get('max.compaction.lag.ms'),
    minCleanableDirtyRatio: topic.get('min.cleanable.dirty.ratio'),
    compressionType: topic.get('compression.type') as LogConfig['compressionType'],
    compressionGzipLevel: topic.get('compression.gzip.level'),
    compressionLz4Level: topic.get('compression.lz4.level'),
    compressionZstdLevel: topic.get('compression.zstd.level'),
    messageTimestampType: topic.get('message.timestamp.type') as LogConfig['messageTimestampType'],
    messageTimestampBeforeMaxMs: topic.get('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: topic.get('message.timestamp.after.max.ms'),
    durability: broker.get('odradek.durability') as LogConfig['durability'],
    decompressionRatioMax: broker.get('odradek.decompression.ratio.max')
  }
}

/** The broker's own settings of log management. */
export function logManagerSettingsFrom(broker: BrokerConfig): LogManagerSettings {
  return {
    recoveryPointCheckpointMs: broker.get('log.flush.offset.checkpoint.interval.ms'),
    startOffsetCheckpointMs: broker.get('log.flush.start.offset.checkpoint.interval.ms'),
    highWatermarkCheckpointMs: broker.get('replica.high.watermark.checkpoint.interval.ms'),
    flushSchedulerMs: broker.get('log.flush.scheduler.interval.ms'),
    retentionCheckMs: broker.get('log.retention.check.interval.ms'),
    initialTaskDelayMs: broker.get('log.initial.task.delay.ms'),
    recoveryConcurrency: broker.get('num.recovery.threads.per.data.dir'),
    producerIdExpirationMs: broker.get('producer.id.expiration.ms'),
    producerIdExpirationCheckMs: broker.get('producer.id.expiration.check.interval.ms'),
    moveMaxBytesPerSecond: broker.get('replica.alter.log.dirs.io.max.bytes.per.second'),
    cleaner: {
      isEnabled: broker.get('log.cleaner.enable'),
      backoffMs: broker.get('log.cleaner.backoff.ms'),
      dedupeBufferBytes: broker.get('log.cleaner.dedupe.buffer.size'),
      loadFactor: broker.get('log.cleaner.io.buffer.load.factor'),
      maxBytesPerSecond: broker.get('log.cleaner.io.max.bytes.per.second')
    }
  }
}
