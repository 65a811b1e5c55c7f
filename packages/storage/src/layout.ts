// Kafka's names of files and folders in a log directory, and how to read them back.

import type { Uuid } from '@odradek/base'
import { writeUuid } from '@odradek/base'

export const LOG_SUFFIX = '.log'
export const INDEX_SUFFIX = '.index'
export const TIME_INDEX_SUFFIX = '.timeindex'
export const TXN_INDEX_SUFFIX = '.txnindex'
export const SNAPSHOT_SUFFIX = '.snapshot'
export const DELETED_SUFFIX = '.deleted'
export const CLEANED_SUFFIX = '.cleaned'
export const SWAP_SUFFIX = '.swap'
/** Of what a disk replaces in one step, until it is whole. */
export const TEMPORARY_SUFFIX = '.tmp'
export const FUTURE_SUFFIX = '-future'
export const SEGMENT_SUFFIXES = [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX] as const

export const LEADER_EPOCH_CHECKPOINT = 'leader-epoch-checkpoint'
export const PARTITION_METADATA = 'partition.metadata'
export const META_PROPERTIES = 'meta.properties'
export const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown'
export const LOCK_FILE = '.lock'
export const RECOVERY_POINT_CHECKPOINT = 'recovery-point-offset-checkpoint'
export const LOG_START_OFFSET_CHECKPOINT = 'log-start-offset-checkpoint'
export const HIGH_WATERMARK_CHECKPOINT = 'replication-offset-checkpoint'
export const CLEANER_CHECKPOINT = 'cleaner-offset-checkpoint'
export const CHECKPOINTS = [RECOVERY_POINT_CHECKPOINT, LOG_START_OFFSET_CHECKPOINT, HIGH_WATERMARK_CHECKPOINT, CLEANER_CHECKPOINT] as const

export const METADATA_TOPIC = '__cluster_metadata'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The key of a partition in maps: its folder's name. */
export function partitionName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** Twenty digits, as every file of a segment begins. */
export function offsetName(offset: number): string {
  return String(offset).padStart(20, '0')
}

/** Reads `<20 digits><suffix…>`; undefined for other names. */
export function parseSegmentFile(name: string): { baseOffset: number; suffix: string } | undefined {
  const match = /^(\d{20})(\..+)$/.exec(name)
  if (!match) return undefined
  const baseOffset = Number(match[1])
  return Number.isSafeInteger(baseOffset) ? { baseOffset, suffix: match[2] } : undefined
}

export type DirectoryKind = 'live' | 'delete' | 'future' | 'stray'

/** Reads `<topic>-<partition>` and `<topic>-<partition>.<32 hex>-delete|future|stray`; undefined for anything else. */
export function parsePartitionDirectory(name: string): (TopicPartition & { kind: DirectoryKind }) | undefined {
  const renamed = /^(.+)\.[0-9a-f]{32}-(delete|future|stray)$/.exec(name)
  const live = /^(.+)-(\d{1,10})$/.exec(renamed ? renamed[1] : name)
  if (live) return { topic: live[1], partition: Number(live[2]), kind: renamed ? (renamed[2] as DirectoryKind) : 'live' }
  return undefined
}

/** Kafka cuts the topic's name so that the renamed folder's name stays within 255 bytes. */
export function renamedDirectory(topic: string, partition: number, unique: Uuid, kind: 'delete' | 'future' | 'stray'): string {
  const bytes = Buffer.alloc(16)
  writeUuid(bytes, 0, unique)
  const suffix = `-${partition}.${bytes.toString('hex')}-${kind}`
  return topic.slice(0, 255 - suffix.length) + suffix
}
