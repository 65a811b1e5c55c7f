import type { BrokerConfig } from '@odradek/config'
import type { GroupCoordinatorConfig } from '@odradek/coordinator'
import { COMPRESSION_TYPES } from '@odradek/protocol'

const MINUTE_MS = 60_000
/** Answers that may wait for the log at once; a working node is far below it. */
const PENDING_WRITES_MAX = 100_000

export function groupConfigFrom(config: BrokerConfig): GroupCoordinatorConfig {
  return {
    minSessionTimeoutMs: config.get('group.min.session.timeout.ms'),
    maxSessionTimeoutMs: config.get('group.max.session.timeout.ms'),
    initialRebalanceDelayMs: config.get('group.initial.rebalance.delay.ms'),
    groupMembersMax: config.get('group.max.size'),
    offsetMetadataMax: config.get('offset.metadata.max.bytes'),
    offsetsRetentionMs: config.get('offsets.retention.minutes') * MINUTE_MS,
    offsetsRetentionCheckIntervalMs: config.get('offsets.retention.check.interval.ms'),
    runtime: {
      appendLingerMs: config.get('group.coordinator.append.linger.ms'),
      writeTimeoutMs: config.get('offsets.commit.timeout.ms'),
      compression: COMPRESSION_TYPES[config.get('offsets.topic.compression.codec')] ?? 'none',
      loadBufferBytes: config.get('offsets.load.buffer.size'),
      maxPendingWrites: PENDING_WRITES_MAX
    }
  }
}
