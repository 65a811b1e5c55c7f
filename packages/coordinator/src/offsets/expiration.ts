/**
 * Expiry of committed offsets and of groups that nothing is left of (offsets.retention.minutes, KIP-211). Offsets of an
 * empty group expire the retention after it became empty; of a group of stable consumers those of topics that nobody
 * subscribes to, the retention after their commit; of groups without members ever, the retention after their commit.
 */
import type { ClassicGroup } from '../group/classic-group.ts'
import type { GroupState } from '../group/group-state.ts'
import type { StoredGroup } from '../group/group-store.ts'
import type { GroupRecord } from '../group/records.ts'
import { offsetTombstone } from '../group/records.ts'
import type { GroupStep } from '../group/result.ts'
import { groupTombstones } from './delete.ts'
import type { CommittedOffset } from './offset-store.ts'

const TIMER = 'expire groups'
/** Offsets looked at in one turn of the event loop. */
const SLICE_OFFSETS = 20_000

export function scheduleExpiration(state: GroupState): void {
  const { environment, config } = state
  environment.timers.schedule(TIMER, config.offsetsRetentionCheckIntervalMs, () => expireSlice(state, state.groups.groupIds(), 0))
}

function expireSlice(state: GroupState, groupIds: readonly string[], start: number): GroupStep {
  const records: GroupRecord[] = []
  let index = start
  let looked = 0
  for (; index < groupIds.length && looked < SLICE_OFFSETS; index++) {
    looked += 1 + (state.offsets.ofGroup(groupIds[index])?.size ?? 0)
    expireGroup(state, groupIds[index], records)
  }
  const next = index
  if (next < groupIds.length) state.environment.timers.schedule(TIMER, 0, () => expireSlice(state, groupIds, next))
  else scheduleExpiration(state)
  if (records.length > 0)
    state.environment.logger.log(
      'INFO',
      'kafka.coordinator.group',
      `expiry deletes ${records.length} offsets and groups of ${next - start} groups looked at`
    )
  return { records, response: undefined, isSplittable: true }
}

function expireGroup(state: GroupState, groupId: string, records: GroupRecord[]): void {
  const stored = state.groups.get(groupId)
  if (stored === undefined || stored.type === 'share') return
  const group = state.classicGroup(groupId)
  const offsets = state.offsets.ofGroup(groupId)
  let isAllExpired = true
  if (offsets !== undefined) {
    const baseTimestamp = expiryBase(stored, group)
    if (baseTimestamp === undefined) return
    for (const committed of offsets.values()) {
      const { topic, partition } = committed
      const isKept = group?.isSubscribedToTopic(topic) ?? false
      if (!isKept && isExpired(state, committed, baseTimestamp(committed)) && !state.offsets.isUnstable(groupId, topic, partition)) {
        records.push(offsetTombstone(groupId, topic, partition))
        state.metrics.offsetExpirations++
      } else {
        isAllExpired = false
      }
    }
  }
  if (!isAllExpired || state.offsets.hasOpenTransactions(groupId)) return
  const isEmpty = group === undefined ? stored.type !== 'classic' && stored.isEmpty() : group.isIdle
  if (isEmpty) records.push(...groupTombstones(state, groupId))
}

/** From when the retention of an offset counts; undefined when the group's offsets do not expire now. */
function expiryBase(stored: StoredGroup, group: ClassicGroup | undefined): ((committed: CommittedOffset) => number) | undefined {
  const sinceCommit = (committed: CommittedOffset): number => committed.commitTimestampMs
  if (stored.type !== 'classic') return stored.isEmpty() ? sinceCommit : undefined
  if (group === undefined || group.protocolType === undefined) return sinceCommit
  if (group.state === 'Empty') return group.currentStateTimestamp === -1 ? sinceCommit : () => group.currentStateTimestamp
  return group.state === 'Stable' && group.usesConsumerProtocol && group.subscribedTopics !== undefined ? sinceCommit : undefined
}

function isExpired(state: GroupState, committed: CommittedOffset, baseTimestamp: number): boolean {
  const { now } = state
  return committed.expireTimestampMs === -1 ? now - baseTimestamp >= state.config.offsetsRetentionMs : now >= committed.expireTimestampMs
}
