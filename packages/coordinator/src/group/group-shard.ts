import { ErrorCode } from '@odradek/protocol'
import { scheduleExpiration } from '../offsets/expiration.ts'
import type { CoordinatorShard, ShardEnvironment } from '../runtime/shard.ts'
import type { GroupCoordinatorConfig } from './config.ts'
import { GroupState } from './group-state.ts'
import type { GroupMetrics } from './metrics.ts'
import { prepareRebalance, restartSession } from './rebalance.ts'
import type { GroupRecord } from './records.ts'

/** One partition of `__consumer_offsets` as a state machine: `replay` is the only way into what survives. */
export class GroupShard implements CoordinatorShard<GroupRecord> {
  readonly state: GroupState

  constructor(environment: ShardEnvironment<GroupRecord>, config: GroupCoordinatorConfig, metrics: GroupMetrics) {
    this.state = new GroupState(environment, config, metrics, (group) => {
      for (const member of group.members.values()) restartSession(this.state, group, member)
    })
  }

  replay(offset: number, producerId: number, _producerEpoch: number, record: GroupRecord): void {
    const { groups, offsets } = this.state
    switch (record.kind) {
      case 'offsetCommit':
        if (record.value !== null) groups.replayOffsetCommit(record.key.group)
        offsets.replay(offset, producerId, record)
        break
      case 'groupMetadata':
        groups.replayGroupMetadata(record)
        break
      case 'modernGroup':
        groups.replayModernGroup(record)
    }
  }

  replayEndTransactionMarker(producerId: number, _producerEpoch: number, isCommit: boolean): void {
    this.state.offsets.replayEndTransactionMarker(producerId, isCommit)
  }

  onLoaded(): void {
    const { state } = this
    for (const [groupId, stored] of state.groups.entries()) {
      if (stored.type !== 'classic' || stored.value.members.length === 0) continue
      // Its members' sessions start anew, for nobody knows when they were last heard of.
      const group = state.classicGroup(groupId)
      if (group === undefined || group.members.size <= state.config.groupMembersMax) continue
      // The limit was lowered meanwhile: whoever comes too late to the rebalance has to go. Members are there and none has
      // joined, so there is nothing to write.
      prepareRebalance(state, group, `its ${group.members.size} members are more than group.max.size`)
    }
    scheduleExpiration(state)
  }

  onUnloaded(): void {
    this.state.closeAll(ErrorCode.NOT_COORDINATOR)
  }
}
