/**
 * What the log says of the groups of a shard: the last GroupMetadata of each classic group, and the records of groups
 * of the newer types. Timeline collections, changed by replay alone.
 */
import type { SnapshotRegistry } from '@odradek/base'
import { TimelineMap, TimelineSet } from '@odradek/base'
import { GroupMetadataValue } from '@odradek/protocol'
import type { GroupMetadataRecord, ModernGroupRecord, ModernGroupType } from './records.ts'

export interface StoredClassicGroup {
  readonly type: 'classic'
  readonly value: GroupMetadataValue
}

/**
 * A consumer, share or streams group that another version of the coordinator wrote. Its records stay in the log
 * untouched; its offsets can be read and, without members, written, and with all its keys known it can be deleted.
 */
export class StoredModernGroup {
  readonly type: ModernGroupType
  /** By key bytes in base64. */
  readonly #records: TimelineMap<string, ModernGroupRecord>
  readonly #members: TimelineSet<string>

  constructor(registry: SnapshotRegistry, type: ModernGroupType) {
    this.type = type
    this.#records = new TimelineMap(registry)
    this.#members = new TimelineSet(registry)
  }

  isEmpty(epoch?: number): boolean {
    return (epoch === undefined ? this.#members.size : this.#members.sizeAt(epoch)) === 0
  }

  replay(record: ModernGroupRecord): void {
    const key = record.key.toString('base64')
    if (record.value === null) {
      this.#records.delete(key)
      this.#members.delete(key)
    } else {
      this.#records.set(key, record)
      if (record.role === 'member') this.#members.add(key)
    }
  }

  /** Records that end the group: a tombstone for each key, the group's own last. */
  tombstones(): ModernGroupRecord[] {
    const records = Array.from(this.#records.values(), (record) => ({ ...record, value: null }))
    return [...records.filter(({ role }) => role !== 'group'), ...records.filter(({ role }) => role === 'group')]
  }
}

export type StoredGroup = StoredClassicGroup | StoredModernGroup

/** A group that exists because someone committed offsets without ever joining. */
const SIMPLE_GROUP: StoredClassicGroup = {
  type: 'classic',
  value: GroupMetadataValue.create({ protocolType: '', generation: 0, protocol: null, leader: null })
}

export class GroupStore {
  readonly #registry: SnapshotRegistry
  readonly #groups: TimelineMap<string, StoredGroup>

  constructor(registry: SnapshotRegistry) {
    this.#registry = registry
    this.#groups = new TimelineMap(registry)
  }

  get size(): number {
    return this.#groups.size
  }

  get(groupId: string, epoch?: number): StoredGroup | undefined {
    return this.#groups.get(groupId, epoch)
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  entries(epoch?: number): IterableIterator<[string, StoredGroup]> {
    return this.#groups.entries(epoch)
  }

  groupIds(): string[] {
    return [...this.#groups.keys()]
  }

  replayGroupMetadata(record: GroupMetadataRecord): void {
    if (record.value !== null) this.#groups.set(record.groupId, { type: 'classic', value: record.value })
    // The tombstone of a classic group can outlive it in the log and precede the records of a newer group of that name.
    else if (this.#groups.get(record.groupId)?.type === 'classic') this.#groups.delete(record.groupId)
  }

  replayModernGroup(record: ModernGroupRecord): void {
    let group = this.#groups.get(record.groupId)
    if (record.value === null) {
      if (group === undefined || group.type === 'classic' || group.type !== record.groupType) return
      if (record.role === 'group') this.#groups.delete(record.groupId)
      else group.replay(record)
      return
    }
    // Offsets replayed before made a simple group of it; of two types in one log the later one holds.
    if (group === undefined || group.type === 'classic' || group.type !== record.groupType) {
      group = new StoredModernGroup(this.#registry, record.groupType)
      this.#groups.set(record.groupId, group)
    }
    group.replay(record)
  }

  replayOffsetCommit(groupId: string): void {
    if (!this.#groups.has(groupId)) this.#groups.set(groupId, SIMPLE_GROUP)
  }
}
