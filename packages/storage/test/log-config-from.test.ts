// Which setting a field of the logs' configuration comes from: each is set to a value of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { developmentProperties, loadBrokerConfig, resolveTopicConfig } from '@odradek/config'
import { logConfigFrom, logManagerSettingsFrom } from '../src/log-config-from.ts'

const brokerWith = (overrides: Record<string, string>) =>
  loadBrokerConfig({ properties: developmentProperties({ port: 0, dataDir: '/data' }), overrides }).config

test('the settings of a topic are those of its logs', () => {
  const numbers = {
    'segment.bytes': ['segmentBytes', 20_000_001],
    'segment.ms': ['segmentMs', 20_002],
    'segment.jitter.ms': ['segmentJitterMs', 3],
    'segment.index.bytes': ['segmentIndexBytes', 20_004],
    'index.interval.bytes': ['indexIntervalBytes', 20_005],
    'flush.messages': ['flushMessages', 20_006],
    'flush.ms': ['flushMs', 20_007],
    'retention.bytes': ['retentionBytes', 20_008],
    'retention.ms': ['retentionMs', 20_009],
    'file.delete.delay.ms': ['fileDeleteDelayMs', 20_010],
    'max.message.bytes': ['maxMessageBytes', 20_011],
    'delete.retention.ms': ['deleteRetentionMs', 20_012],
    'min.compaction.lag.ms': ['minCompactionLagMs', 20_013],
    'max.compaction.lag.ms': ['maxCompactionLagMs', 20_014],
    'min.cleanable.dirty.ratio': ['minCleanableDirtyRatio', 0.15],
    'compression.gzip.level': ['compressionGzipLevel', 7],
    'compression.lz4.level': ['compressionLz4Level', 8],
    'compression.zstd.level': ['compressionZstdLevel', 12],
    'message.timestamp.before.max.ms': ['messageTimestampBeforeMaxMs', 20_018],
    'message.timestamp.after.max.ms': ['messageTimestampAfterMaxMs', 20_019]
  } as const
  const texts = { 'cleanup.policy': 'compact', 'compression.type': 'lz4', 'message.timestamp.type': 'LogAppendTime' }
  const overrides = [...Object.entries(numbers).map(([name, [, value]]) => [name, String(value)] as const), ...Object.entries(texts)]
  const broker = brokerWith({ 'odradek.durability': 'sync', 'odradek.decompression.ratio.max': '21' })
  assert.deepEqual(logConfigFrom(resolveTopicConfig(broker, new Map(overrides)), broker), {
    ...Object.fromEntries(Object.values(numbers)),
    isCompact: true,
    isDelete: false,
    compressionType: 'lz4',
    messageTimestampType: 'LogAppendTime',
    durability: 'sync',
    decompressionRatioMax: 21
  })
  const tiny = resolveTopicConfig(broker, new Map([['internal.segment.bytes', '100']]))
  assert.equal(logConfigFrom(tiny, broker).segmentBytes, 100)
})

test('the settings of the broker are those of its log manager', () => {
  const common = {
    'log.flush.offset.checkpoint.interval.ms': ['recoveryPointCheckpointMs', 20_001],
    'log.flush.start.offset.checkpoint.interval.ms': ['startOffsetCheckpointMs', 20_002],
    'replica.high.watermark.checkpoint.interval.ms': ['highWatermarkCheckpointMs', 20_003],
    'log.flush.scheduler.interval.ms': ['flushSchedulerMs', 20_004],
    'log.retention.check.interval.ms': ['retentionCheckMs', 20_005],
    'log.initial.task.delay.ms': ['initialTaskDelayMs', 20_006],
    'num.recovery.threads.per.data.dir': ['recoveryConcurrency', 7],
    'producer.id.expiration.ms': ['producerIdExpirationMs', 20_008],
    'producer.id.expiration.check.interval.ms': ['producerIdExpirationCheckMs', 20_009],
    'replica.alter.log.dirs.io.max.bytes.per.second': ['moveMaxBytesPerSecond', 20_010]
  } as const
  const cleaner = {
    'log.cleaner.enable': ['isEnabled', false],
    'log.cleaner.backoff.ms': ['backoffMs', 20_011],
    'log.cleaner.dedupe.buffer.size': ['dedupeBufferBytes', 20_000_012],
    'log.cleaner.io.buffer.load.factor': ['loadFactor', 0.75],
    'log.cleaner.io.max.bytes.per.second': ['maxBytesPerSecond', 20_014]
  } as const
  const texts = Object.entries({ ...common, ...cleaner }).map(([name, [, value]]) => [name, String(value)])
  assert.deepEqual(logManagerSettingsFrom(brokerWith(Object.fromEntries(texts))), {
    ...Object.fromEntries(Object.values(common)),
    cleaner: Object.fromEntries(Object.values(cleaner))
  })
})
