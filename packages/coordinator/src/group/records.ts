/**
 * The records of `__consumer_offsets`: how they are made and how they lie in the log (key = int16 type + key message,
 * value = int16 version + value message, null = tombstone). Versions are those that Apache Kafka 4.3 writes. Records
 * of the newer group types are kept as bytes: their groups exist here, their inner state does not yet.
 */

import type { Input } from '@odradek/protocol'
import {
  decodeRecordType,
  decodeVersioned,
  encodeRecordKey,
  encodeVersioned,
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitKey,
  LegacyOffsetCommitValue,
  OffsetCommitKey,
  OffsetCommitValue
} from '@odradek/protocol'
import type { RecordSerde } from '../runtime/shard.ts'

export type ModernGroupType = 'consumer' | 'share' | 'streams'

export interface OffsetCommitRecord {
  readonly kind: 'offsetCommit'
  readonly key: { readonly group: string; readonly topic: string; readonly partition: number }
  readonly value: OffsetCommitValue | null
}

export interface GroupMetadataRecord {
  readonly kind: 'groupMetadata'
  readonly groupId: string
  readonly value: GroupMetadataValue | null
}

/** A record of a consumer, share or streams group. */
export interface ModernGroupRecord {
  readonly kind: 'modernGroup'
  readonly groupType: ModernGroupType
  /** `group` is the record whose life is the group's, `member` the one that makes somebody a member. */
  readonly role: 'group' | 'member' | 'other'
  readonly groupId: string
  /** With the record type. */
  readonly key: Buffer
  /** With the version. */
  readonly value: Buffer | null
}

export type GroupRecord = OffsetCommitRecord | GroupMetadataRecord | ModernGroupRecord

const MODERN_TYPES: readonly { groupType: ModernGroupType; group: number; member: number; others: readonly number[] }[] = [
  { groupType: 'consumer', group: 3, member: 5, others: [4, 6, 7, 8, 16] },
  { groupType: 'share', group: 11, member: 10, others: [12, 13, 14, 15] },
  { groupType: 'streams', group: 17, member: 19, others: [20, 21, 22, 23] }
]

function modernRole(type: number): Pick<ModernGroupRecord, 'groupType' | 'role'> | undefined {
  for (const { groupType, group, member, others } of MODERN_TYPES) {
    if (type === group) return { groupType, role: 'group' }
    if (type === member) return { groupType, role: 'member' }
    if (others.includes(type)) return { groupType, role: 'other' }
  }
  return undefined
}

/** Version 1 is the only one that can carry an expiry of the commit's own (OffsetCommit up to version 4). */
const OFFSET_COMMIT_VERSION = 4
const OFFSET_COMMIT_VERSION_WITH_EXPIRY = 1
const GROUP_METADATA_VERSION = 3

export function offsetCommitRecord(group: string, topic: string, partition: number, value: Input<OffsetCommitValue>): OffsetCommitRecord {
  return { kind: 'offsetCommit', key: { group, topic, partition }, value: OffsetCommitValue.create(value) }
}

export function offsetTombstone(group: string, topic: string, partition: number): OffsetCommitRecord {
  return { kind: 'offsetCommit', key: { group, topic, partition }, value: null }
}

export function groupMetadataRecord(groupId: string, value: Input<GroupMetadataValue>): GroupMetadataRecord {
  return { kind: 'groupMetadata', groupId, value: GroupMetadataValue.create(value) }
}

export function groupTombstone(groupId: string): GroupMetadataRecord {
  return { kind: 'groupMetadata', groupId, value: null }
}

export const groupRecordSerde: RecordSerde<GroupRecord> = {
  encode(record) {
    switch (record.kind) {
      case 'offsetCommit': {
        const { key, value } = record
        const version = value?.expireTimestamp === -1 ? OFFSET_COMMIT_VERSION : OFFSET_COMMIT_VERSION_WITH_EXPIRY
        return {
          key: encodeRecordKey(OffsetCommitKey, key),
          value: value === null ? null : encodeVersioned(OffsetCommitValue, value, version)
        }
      }
      case 'groupMetadata': {
        const { groupId: group, value } = record
        const bytes = value === null ? null : encodeVersioned(GroupMetadataValue, value, GROUP_METADATA_VERSION)
        return { key: encodeRecordKey(GroupMetadataKey, { group }), value: bytes }
      }
      case 'modernGroup':
        return { key: record.key, value: record.value }
    }
  },

  decode(key, value) {
    const type = decodeRecordType(key)
    const body = key.subarray(2)
    switch (type) {
      case LegacyOffsetCommitKey.apiKey: {
        const { group, topic, partition } = LegacyOffsetCommitKey.decode(body, 0)
        const legacy = value === null ? null : OffsetCommitValue.create(decodeVersioned(LegacyOffsetCommitValue, value).value)
        return { kind: 'offsetCommit', key: { group, topic, partition }, value: legacy }
      }
      case OffsetCommitKey.apiKey: {
        const { group, topic, partition } = OffsetCommitKey.decode(body, 0)
        const committed = value === null ? null : decodeVersioned(OffsetCommitValue, value).value
        return { kind: 'offsetCommit', key: { group, topic, partition }, value: committed }
      }
      case GroupMetadataKey.apiKey: {
        const metadata = value === null ? null : detached(decodeVersioned(GroupMetadataValue, value).value)
        return { kind: 'groupMetadata', groupId: GroupMetadataKey.decode(body, 0).group, value: metadata }
      }
      default: {
        const modern = modernRole(type)
        if (modern === undefined) return undefined
        // Every key of these types starts with the group id, as the key of a classic group does.
        const { group: groupId } = GroupMetadataKey.decode(body, 0)
        return { kind: 'modernGroup', ...modern, groupId, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }
      }
    }
  }
}

/** The decoder gives views; a member's few bytes must not keep a whole slice of the log in memory. */
function detached(value: GroupMetadataValue): GroupMetadataValue {
  for (const member of value.members) {
    member.subscription = Buffer.from(member.subscription)
    member.assignment = Buffer.from(member.assignment)
  }
  return value
}
