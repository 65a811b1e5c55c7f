// Which group protocol a consumer speaks.
import type { ConsumerSettings } from '@odradek/config'
import type { Cluster } from '../network/cluster.ts'
import type { ConsumerAssignor } from './assignors/index.ts'
import { ClassicMembership } from './classic-membership.ts'
import type { Membership, MembershipHost } from './membership.ts'

export interface MembershipInit {
  readonly cluster: Cluster
  readonly settings: ConsumerSettings
  readonly groupId: string
  readonly assignors: readonly ConsumerAssignor[]
  readonly host: MembershipHost
}

export function createMembership({ cluster, settings, groupId, assignors, host }: MembershipInit): Membership {
  return new ClassicMembership({
    cluster,
    groupId,
    groupInstanceId: settings['group.instance.id'],
    rackId: settings['client.rack'],
    assignors,
    sessionTimeoutMs: settings['session.timeout.ms'],
    heartbeatIntervalMs: settings['heartbeat.interval.ms'],
    maxPollIntervalMs: settings['max.poll.interval.ms'],
    host
  })
}
