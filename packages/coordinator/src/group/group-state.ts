/**
 * The state of one shard of the group coordinator and how handlers reach it: what the log says (`groups`, `offsets`,
 * replayed, goes back with a failed append) and the soft membership of the classic groups at work. A classic group
 * exists exactly while `groups` has it; its ClassicGroup is made from the record when somebody first needs it and
 * dropped when it says nothing that the record does not.
 */
import { assert } from '@odradek/base'
import { ErrorCode } from '@odradek/protocol'
import { OffsetStore } from '../offsets/offset-store.ts'
import type { ShardEnvironment } from '../runtime/shard.ts'
import { ClassicGroup } from './classic-group.ts'
import type { GroupCoordinatorConfig } from './config.ts'
import { GroupStore } from './group-store.ts'
import type { GroupMetrics } from './metrics.ts'
import type { GroupRecord } from './records.ts'
import { groupMetadataRecord } from './records.ts'
import { clientError } from './result.ts'

export class GroupState {
  readonly config: GroupCoordinatorConfig
  readonly environment: ShardEnvironment<GroupRecord>
  readonly metrics: GroupMetrics
  readonly groups: GroupStore
  readonly offsets: OffsetStore
  readonly #classicGroups = new Map<string, ClassicGroup>()
  readonly #startSessions: (group: ClassicGroup) => void

  /** `startSessions` runs for a group with members that comes from its record. */
  constructor(
    environment: ShardEnvironment<GroupRecord>,
    config: GroupCoordinatorConfig,
    metrics: GroupMetrics,
    startSessions: (group: ClassicGroup) => void
  ) {
    this.#startSessions = startSessions
    this.environment = environment
    this.config = config
    this.metrics = metrics
    this.groups = new GroupStore(environment.registry)
    this.offsets = new OffsetStore(environment.registry)
  }

  get now(): number {
    return this.environment.now()
  }

  /** Groups with soft state. */
  activeGroups(): IterableIterator<ClassicGroup> {
    return this.#classicGroups.values()
  }

  /** The group's soft state, if it has any. */
  activeGroup(groupId: string): ClassicGroup | undefined {
    return this.#classicGroups.get(groupId)
  }

  /** Undefined when there is no group of that id or it is of another type. */
  classicGroup(groupId: string): ClassicGroup | undefined {
    const stored = this.groups.get(groupId)
    if (stored === undefined || stored.type !== 'classic') return undefined
    const active = this.#classicGroups.get(groupId)
    if (active !== undefined) return active
    const group = ClassicGroup.restore(groupId, stored.value)
    if (group.members.size > 0) {
      this.keep(group)
      this.#startSessions(group)
    }
    return group
  }

  /** From now on the group's membership is more than what its record says. */
  keep(group: ClassicGroup): void {
    this.#classicGroups.set(group.groupId, group)
    group.countMetadataIn(this.metrics)
  }

  /** A group that does not exist yet, the records that make it exist, and what to do when they are lost. */
  createClassicGroup(groupId: string): { group: ClassicGroup; records: readonly GroupRecord[]; onAppended: (errorCode: number) => void } {
    const group = new ClassicGroup(groupId, this.now)
    this.keep(group)
    const onAppended = (errorCode: number): void => {
      if (errorCode !== ErrorCode.NONE) this.#abandon(group, clientError(errorCode))
    }
    return { group, records: [groupMetadataRecord(groupId, group.toRecordValue())], onAppended }
  }

  /** Is this still the membership of its group? A group of the same name may have taken its place meanwhile. */
  isCurrent(group: ClassicGroup): boolean {
    return this.#classicGroups.get(group.groupId) === group
  }

  /** Ends the membership of a group without members that is being deleted. */
  forget(groupId: string): void {
    const group = this.#classicGroups.get(groupId)
    if (group === undefined) return
    assert(group.members.size === 0, 'a deleted group has no members')
    for (const memberId of group.pendingJoins) this.environment.timers.cancel(sessionTimer(groupId, memberId))
    this.environment.timers.cancel(joinTimer(groupId))
    this.environment.timers.cancel(syncTimer(groupId))
    this.#drop(group)
  }

  /** A group without members needs no soft state: its record says it all, or will when it is committed. */
  forgetIfIdle(group: ClassicGroup): void {
    if (group.isIdle && this.isCurrent(group)) this.#drop(group)
  }

  /** Answers everything that is parked in all groups: this node coordinates them no longer. */
  closeAll(errorCode: number): void {
    for (const group of [...this.#classicGroups.values()]) this.#abandon(group, errorCode)
  }

  /** A fresh member id: unlike every other, and telling where it came from. */
  newMemberId(prefix: string): string {
    const bytes = Buffer.from(this.environment.randomBytes(16))
    bytes[6] = (bytes[6] & 0x0f) | 0x40
    bytes[8] = (bytes[8] & 0x3f) | 0x80
    const hex = bytes.toString('hex')
    return `${prefix}-${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  log(level: 'DEBUG' | 'INFO' | 'WARN', group: string, message: string): void {
    const { logger } = this.environment
    // Group and member ids come from clients: a line break in them must not forge a log line.
    if (logger.isEnabled(level, LOGGER)) logger.log(level, LOGGER, `[group ${JSON.stringify(group)}] ${message}`)
  }

  #abandon(group: ClassicGroup, errorCode: number): void {
    const { timers } = this.environment
    timers.cancel(joinTimer(group.groupId))
    timers.cancel(syncTimer(group.groupId))
    for (const memberId of group.pendingJoins) timers.cancel(sessionTimer(group.groupId, memberId))
    for (const member of group.members.values()) {
      timers.cancel(sessionTimer(group.groupId, member.memberId))
      group.completeJoin(member, { memberId: member.memberId, errorCode })
      group.completeSync(member, { errorCode })
    }
    group.transitionTo('Dead', this.now)
    if (this.isCurrent(group)) this.#drop(group)
  }

  #drop(group: ClassicGroup): void {
    this.#classicGroups.delete(group.groupId)
    group.countMetadataIn(undefined)
  }
}

const LOGGER = 'kafka.coordinator.group'

/** Ends a member's session. Ids hold any character, so the length says where the group's ends. */
export function sessionTimer(groupId: string, memberId: string): string {
  return `session ${groupId.length} ${groupId} ${memberId}`
}

/** Ends the join phase of a rebalance. */
export function joinTimer(groupId: string): string {
  return `join ${groupId}`
}

/** Ends the wait for SyncGroup requests. */
export function syncTimer(groupId: string): string {
  return `sync ${groupId}`
}
