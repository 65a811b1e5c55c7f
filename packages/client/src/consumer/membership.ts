// What the consumer and its membership in a group know of each other. The membership talks to the coordinator; the consumer owns the
// assignment, commits and calls listeners.

import type { KafkaError } from '../errors.ts'
import type { TopicPartition } from '../types.ts'
import type { ConsumerGroupMetadata } from './types.ts'

export interface Subscription {
  /** What was asked for by name, or what a client-side pattern matches now. */
  readonly topics: readonly string[]
  /** For the coordinator to match (RE2); KIP-848 only. */
  readonly regex?: string
}

export interface MembershipHost {
  /** Owned now. */
  assigned(): TopicPartition[]
  /** No more records of them; finished work is committed where that is automatic; listeners; then they go. */
  revoke(partitions: readonly TopicPartition[]): Promise<void>
  /** They are gone already. */
  lose(partitions: readonly TopicPartition[]): Promise<void>
  /** They are ours; listeners. */
  assign(partitions: readonly TopicPartition[]): Promise<void>
  /** A poll that waits has something to do. */
  wake(): void
  /** The next poll throws it. */
  fail(error: KafkaError): void
}

export interface Membership {
  readonly kind: 'classic' | 'consumer'
  identity(): ConsumerGroupMetadata
  /** Joins with the next poll, or tells the group what is wanted now. */
  subscribe(subscription: Subscription): void
  /** Inside poll: what has to happen before records are handed out. `signal` ends the waiting, not what is waited for. */
  poll(signal: AbortSignal): Promise<void> | undefined
  onMetadata(): void
  /** Topics of others that this member has an eye on, as the leader of a group. */
  readonly watchedTopics: readonly string[]
  /** The coordinator does not know us as what we are. */
  onFenced(error: KafkaError): void
  rejoin(reason: string): void
  /** Polls come no more: the group must not wait for us. */
  onPollTimeout(): void
  leave(options: { readonly leaves?: boolean; readonly timeoutMs: number }): Promise<void>
}
