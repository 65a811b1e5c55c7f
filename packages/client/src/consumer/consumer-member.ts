// The state of one member of a group of the consumer protocol (KIP-848): its epoch, what the coordinator wants it to have, what it has
// told the coordinator of itself. Synchronous; consumer-membership.ts sends heartbeats and lets poll reconcile.
//
// The coordinator owns the assignment: a heartbeat's answer brings the target, poll gives up what is not in it, takes what is new, and the
// next heartbeat says so. A fenced member has lost everything and joins anew with epoch 0.
import type { Uuid } from '@odradek/base'
import { type ConsumerGroupHeartbeatResponse, ErrorCode } from '@odradek/protocol'
import { KafkaError } from '../errors.ts'

export interface TopicIdPartitions {
  readonly topicId: Uuid
  readonly partitions: readonly number[]
}

export interface HeartbeatBody {
  readonly memberEpoch: number
  /** These are null when nothing has changed since the last answer. */
  readonly subscribedTopicNames: string[] | null
  readonly subscribedTopicRegex: string | null
  readonly topicPartitions: { topicId: Uuid; partitions: number[] }[] | null
  readonly isFull: boolean
}

export type HeartbeatVerdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'retry' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'fatal'; readonly error: KafkaError }

export class ConsumerMember {
  /** 0: joining. Below: left. */
  memberEpoch = 0
  /** Set when the coordinator wants something else than we have; poll takes it. */
  target: readonly TopicIdPartitions[] | undefined
  hasLostPartitions = false
  #lostEpoch = 0
  #topics: readonly string[] = []
  #regex: string | undefined
  #isSubscriptionSent = false
  #owned: readonly TopicIdPartitions[] = []
  #isOwnedSent = false
  /** The answer to the last heartbeat did not come, and with it maybe an assignment: only a whole heartbeat gets it again. */
  #isAnswerLost = false
  #sentEpoch = 0
  #sentOwned: readonly TopicIdPartitions[] = []
  #sentTopics: readonly string[] = []

  get isMember(): boolean {
    return this.memberEpoch > 0
  }

  /** Of who commits what was read: as long as poll has not told of a loss, the one before it, which the coordinator refuses. */
  get committerEpoch(): number {
    return this.hasLostPartitions ? this.#lostEpoch : this.memberEpoch
  }

  subscribe(topics: readonly string[], regex: string | undefined): void {
    this.#topics = topics
    this.#regex = regex
    this.#isSubscriptionSent = false
  }

  /** What this member has now. */
  own(owned: readonly TopicIdPartitions[]): void {
    this.#owned = owned
    this.#isOwnedSent = false
  }

  get hasNews(): boolean {
    return !this.#isSubscriptionSent || !this.#isOwnedSent
  }

  /** What the coordinator got, and what it said, is not known. */
  answerLost(): void {
    this.#isAnswerLost = true
  }

  next(): HeartbeatBody {
    const isJoining = this.memberEpoch === 0
    const isFull = isJoining || this.#isAnswerLost
    this.#sentEpoch = this.memberEpoch
    this.#sentOwned = this.#owned
    this.#sentTopics = this.#topics
    return {
      memberEpoch: this.memberEpoch,
      subscribedTopicNames: isFull || !this.#isSubscriptionSent ? [...this.#topics] : null,
      // The empty pattern takes an earlier one back.
      subscribedTopicRegex: isFull || !this.#isSubscriptionSent ? (this.#regex ?? (isJoining ? null : '')) : null,
      topicPartitions: isJoining
        ? []
        : this.#isOwnedSent && !isFull
          ? null
          : this.#owned.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })),
      isFull
    }
  }

  onAnswer(answer: Pick<ConsumerGroupHeartbeatResponse, 'errorCode' | 'errorMessage' | 'memberEpoch' | 'assignment'>): HeartbeatVerdict {
    // Fenced meanwhile, by what a commit was told: this is of an earlier life.
    if (this.#sentEpoch !== this.memberEpoch) return { kind: 'ok' }
    this.#isAnswerLost = false
    switch (answer.errorCode) {
      case ErrorCode.NONE:
        this.memberEpoch = answer.memberEpoch
        if (this.#sentTopics === this.#topics) this.#isSubscriptionSent = true
        if (this.#sentOwned === this.#owned) this.#isOwnedSent = true
        if (answer.assignment !== null) this.target = answer.assignment.topicPartitions
        return { kind: 'ok' }
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.FENCED_MEMBER_EPOCH:
        this.fence()
        return { kind: 'fenced' }
      default: {
        this.#isAnswerLost = true
        const error = new KafkaError(answer.errorCode, { message: answer.errorMessage })
        const passes = error.retriable || answer.errorCode === ErrorCode.UNRELEASED_INSTANCE_ID
        return passes ? { kind: 'retry' } : { kind: 'fatal', error }
      }
    }
  }

  /** The coordinator does not count on us any more. */
  fence(): void {
    if (this.memberEpoch > 0) {
      this.hasLostPartitions = true
      this.#lostEpoch = this.memberEpoch
    }
    this.memberEpoch = 0
    this.target = undefined
    this.#owned = []
    this.#isOwnedSent = true
    this.#isSubscriptionSent = false
  }
}
