import type { RuntimeConfig } from '../runtime/partition-coordinator.ts'

/** The settings of Kafka that classic groups and offsets obey, under names with their units. */
export interface GroupCoordinatorConfig {
  /** group.min.session.timeout.ms */
  readonly minSessionTimeoutMs: number
  /** group.max.session.timeout.ms */
  readonly maxSessionTimeoutMs: number
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number
  /** group.max.size */
  readonly groupMembersMax: number
  /** offset.metadata.max.bytes; counted in UTF-16 units as Kafka does. */
  readonly offsetMetadataMax: number
  /** offsets.retention.minutes */
  readonly offsetsRetentionMs: number
  /** offsets.retention.check.interval.ms */
  readonly offsetsRetentionCheckIntervalMs: number
  readonly runtime: RuntimeConfig
}

/** How long a member that joins for the first time may wait in a rebalance before its request is given up. Kafka's constant. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000

/**
 * Bounds that Kafka does not have, far above what a working group needs: a group whose subscriptions pass
 * max.message.bytes can never be stored, so what lies beyond can only be an attack. The bounds of a group answer
 * GROUP_MAX_SIZE_REACHED, that of all groups together COORDINATOR_NOT_AVAILABLE, which clients try again.
 */
export const GROUP_METADATA_BYTES_MAX = 64 * 1024 * 1024
export const ALL_METADATA_BYTES_MAX = 256 * 1024 * 1024
export const PENDING_MEMBERS_MAX = 10_000
