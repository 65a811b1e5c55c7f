// The settings of one partition log, typed and resolved (topic override, else broker default). The log never reads a
// setting by its text; `logConfigFrom` in log-config-from.ts makes this value from the config package's view.

import { LONG_MAX } from '@odradek/config'
import type { RecordsConfig } from '@odradek/protocol'

export type Durability = 'page-cache' | 'sync'

export interface LogConfig {
  segmentBytes: number
  segmentMs: number
  segmentJitterMs: number
  segmentIndexBytes: number
  indexIntervalBytes: number
  flushMessages: number
  flushMs: number
  retentionBytes: number
  retentionMs: number
  fileDeleteDelayMs: number
  maxMessageBytes: number
  isCompact: boolean
  isDelete: boolean
  deleteRetentionMs: number
  minCompactionLagMs: number
  maxCompactionLagMs: number
  minCleanableDirtyRatio: number
  compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  compressionGzipLevel: number
  compressionLz4Level: number
  compressionZstdLevel: number
  messageTimestampType: 'CreateTime' | 'LogAppendTime'
  messageTimestampBeforeMaxMs: number
  messageTimestampAfterMaxMs: number
  /** `odradek.durability`: an acknowledgement waits for the page cache (as Kafka's), or for a grouped fdatasync. */
  durability: Durability
  /** `odradek.decompression.ratio.max`: decompressed bytes allowed for a batch, in max.message.bytes (at least of 1 MiB). */
  decompressionRatioMax: number
}

/** Kafka 4.3's defaults. */
export const defaultLogConfig: Readonly<LogConfig> = Object.freeze({
  segmentBytes: 1073741824,
  segmentMs: 604800000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10485760,
  indexIntervalBytes: 4096,
  flushMessages: LONG_MAX,
  flushMs: LONG_MAX,
  retentionBytes: -1,
  retentionMs: 604800000,
  fileDeleteDelayMs: 60000,
  maxMessageBytes: 1048588,
  isCompact: false,
  isDelete: true,
  deleteRetentionMs: 86400000,
  minCompactionLagMs: 0,
  maxCompactionLagMs: LONG_MAX,
  minCleanableDirtyRatio: 0.5,
  compressionType: 'producer',
  compressionGzipLevel: -1,
  compressionLz4Level: 9,
  compressionZstdLevel: 3,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: LONG_MAX,
  messageTimestampAfterMaxMs: 3600000,
  durability: 'page-cache',
  decompressionRatioMax: 32
})

/** What the validator of records asks of it. */
export function recordsConfigOf(config: LogConfig): RecordsConfig {
  const { compressionType } = config
  const levels = { gzip: config.compressionGzipLevel, lz4: config.compressionLz4Level, zstd: config.compressionZstdLevel }
  return {
    maxMessageBytes: config.maxMessageBytes,
    compressionType: compressionType === 'uncompressed' ? 'none' : compressionType,
    compressionLevel: compressionType in levels ? levels[compressionType as keyof typeof levels] : undefined,
    timestampType: config.messageTimestampType,
    timestampBeforeMaxMs: config.messageTimestampBeforeMaxMs,
    timestampAfterMaxMs: config.messageTimestampAfterMaxMs,
    isCompacted: config.isCompact,
    decompressedBytesMax: decompressedBytesMax(config)
  }
}

/** What a batch of a topic with these settings may decompress to. */
export function decompressedBytesMax(config: LogConfig): number {
  return Math.max(config.maxMessageBytes, 1024 * 1024) * config.decompressionRatioMax
}
