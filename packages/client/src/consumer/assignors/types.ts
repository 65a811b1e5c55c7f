// What an assignor of a classic group sees and answers. The leader of the group runs it; members speak of themselves in subscriptions.
import type { TopicPartition } from '../../types.ts'

export interface AssignorPartition extends TopicPartition {
  /** Racks of its replicas, where they are known. */
  readonly racks: readonly string[]
}

export interface MemberSubscription {
  readonly memberId: string
  readonly topics: readonly string[]
  readonly groupInstanceId?: string | null
  readonly rackId?: string | null
  readonly ownedPartitions: readonly TopicPartition[]
  /** -1: not known. */
  readonly generationId: number
  readonly userData: Buffer | null
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData?: Buffer | null
}

export interface AssignorInput {
  /** Of the topics that exist, in order of partition. */
  readonly partitions: ReadonlyMap<string, readonly AssignorPartition[]>
  readonly members: ReadonlyMap<string, MemberSubscription>
}

export type RebalanceProtocol = 'eager' | 'cooperative'

export interface ConsumerAssignor {
  /** As members of the group agree on it: `range`. */
  readonly name: string
  /** cooperative: what a member keeps is not taken from it during a rebalance. Default: eager only. */
  readonly protocols?: readonly RebalanceProtocol[]
  /** Sent with the subscription of this member. */
  userData?(topics: readonly string[]): Buffer | null
  assign(input: AssignorInput): ReadonlyMap<string, MemberAssignment>
  onAssignment?(assignment: MemberAssignment, generationId: number): void
}
