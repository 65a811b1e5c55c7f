// The broker's settings of log management, typed. All may change while the node runs.

import { LONG_MAX } from '@odradek/config'

export interface CleanerSettings {
  isEnabled: boolean
  backoffMs: number
  /** Memory of the key map, bytes. */
  dedupeBufferBytes: number
  /** How full the key map may get. */
  loadFactor: number
  maxBytesPerSecond: number
}

export interface LogManagerSettings {
  recoveryPointCheckpointMs: number
  startOffsetCheckpointMs: number
  highWatermarkCheckpointMs: number
  flushSchedulerMs: number
  retentionCheckMs: number
  initialTaskDelayMs: number
  /** Logs of one directory loaded at a time. */
  recoveryConcurrency: number
  producerIdExpirationMs: number
  producerIdExpirationCheckMs: number
  /** `replica.alter.log.dirs.io.max.bytes.per.second`. */
  moveMaxBytesPerSecond: number
  cleaner: CleanerSettings
}

/** Kafka 4.3's defaults. */
export const defaultLogManagerSettings: Readonly<LogManagerSettings> = Object.freeze({
  recoveryPointCheckpointMs: 60000,
  startOffsetCheckpointMs: 60000,
  highWatermarkCheckpointMs: 5000,
  flushSchedulerMs: LONG_MAX,
  retentionCheckMs: 300000,
  initialTaskDelayMs: 30000,
  recoveryConcurrency: 2,
  producerIdExpirationMs: 86400000,
  producerIdExpirationCheckMs: 600000,
  moveMaxBytesPerSecond: Number.MAX_VALUE,
  cleaner: Object.freeze({
    isEnabled: true,
    backoffMs: 15000,
    dedupeBufferBytes: 134217728,
    loadFactor: 0.9,
    maxBytesPerSecond: Number.MAX_VALUE
  })
})
