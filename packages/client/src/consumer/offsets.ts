// Committed offsets of one group: OffsetCommit and OffsetFetch with everything that may be wrong and pass. Commits of one consumer
// leave one after the other, so that an older one never overwrites a newer one.
import { ErrorCode, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse } from '@odradek/protocol'
import { publish } from '../diagnostics.ts'
import { KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { type CallOptions, partitionKey, type TopicPartition } from '../types.ts'
import type { ConsumerGroupMetadata, OffsetAndMetadata, TopicPartitionOffset } from './types.ts'

export interface OffsetStoreOptions {
  readonly cluster: Cluster
  readonly groupId: string
  /** Who commits, now. */
  readonly identity: () => ConsumerGroupMetadata
  /** Offsets of a KIP-848 member are fetched as one. */
  readonly isConsumerProtocol: () => boolean
  readonly onCommitted: (offsets: readonly TopicPartitionOffset[]) => void
  /** The group does not know this member (any more), or not as it is. */
  readonly onFenced: (error: KafkaError) => void
}

/** How long a request may be on its way after its connection has ended, in terms of request.timeout.ms. */
const DOUBT_TIMES = 2

const fenced: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.FENCED_INSTANCE_ID,
  ErrorCode.STALE_MEMBER_EPOCH
])

/** The group has gone on without this commit: others will do the work again. */
export function isFenced(error: unknown): boolean {
  return error instanceof KafkaError && fenced.has(error.errorCode)
}

export class OffsetStore {
  readonly #options: OffsetStoreOptions
  #last: Promise<unknown> = Promise.resolve()
  #inDoubtUntilMs = -Infinity

  constructor(options: OffsetStoreOptions) {
    this.#options = options
  }

  /**
   * A commit had no answer lately: it may still arrive, behind a newer one on another connection, and put the group back. So whoever commits
   * automatically does so again, as Java's client always does.
   */
  get isInDoubt(): boolean {
    return this.#options.cluster.world.clock.monotonicMs() < this.#inDoubtUntilMs
  }

  /** Resolves when all commits asked for so far have ended, one way or the other. */
  async settled(): Promise<void> {
    await this.#last
  }

  commit(offsets: readonly TopicPartitionOffset[], options: CallOptions & { readonly tries?: number } = {}): Promise<void> {
    if (offsets.length === 0) return this.#last.then(() => {})
    const asked = this.#options.identity()
    const commit = this.#last.then(() => this.#commit(offsets, asked, options)).then(() => this.#options.onCommitted(offsets))
    this.#last = commit.catch(() => {})
    return commit
  }

  async fetch(partitions: readonly TopicPartition[], options: CallOptions = {}): Promise<Map<string, OffsetAndMetadata | undefined>> {
    const { cluster, groupId } = this.#options
    const target = { coordinator: groupId, type: 'group' } as const
    return cluster.retry(`Fetching the committed offsets of group ${groupId}`, options, async (signal) => {
      const ids = topicIds(cluster, partitions)
      let version = 0
      const body = (chosen: number) => {
        version = chosen
        return this.#fetchBody(partitions, chosen, ids)
      }
      const maxVersion = ids === undefined ? 9 : undefined
      const response = await cluster.attempt(target, OffsetFetchRequest, OffsetFetchResponse, body, { signal, maxVersion })
      try {
        return readFetched(response, version, groupId, cluster)
      } catch (error) {
        cluster.noticeError(target, error)
        throw withNewerEpoch(error)
      }
    })
  }

  #fetchBody(partitions: readonly TopicPartition[], version: number, ids: ReadonlyMap<string, string> | undefined) {
    const { groupId, identity, isConsumerProtocol } = this.#options
    const topics = byTopic(partitions).map(([name, list]) => ({
      name,
      topicId: ids?.get(name),
      partitionIndexes: list.map(({ partition }) => partition)
    }))
    if (version < 8) return { groupId, topics, requireStable: true }
    const member = isConsumerProtocol() ? { memberId: identity().memberId, memberEpoch: identity().generationId } : {}
    return { groups: [{ groupId, topics, ...member }], requireStable: true }
  }

  /** `asked`: who this consumer was when the commit was called. */
  async #commit(
    offsets: readonly TopicPartitionOffset[],
    asked: ConsumerGroupMetadata,
    options: CallOptions & { readonly tries?: number }
  ): Promise<void> {
    const { cluster, groupId } = this.#options
    const target = { coordinator: groupId, type: 'group' } as const
    let tries = options.tries ?? Infinity
    let sent = asked
    const isStill = (): boolean => {
      const { memberId, generationId } = this.#options.identity()
      return memberId === sent.memberId && generationId === sent.generationId
    }
    try {
      await cluster.retry(`Committing offsets of group ${groupId}`, options, async (signal) => {
        tries--
        const current = this.#options.identity()
        // Thrown out meanwhile: as nobody it would be taken, where the group is empty, and the partitions may be read by others already.
        if (asked.generationId >= 0 && current.generationId < 0) throw lostError()
        sent = current
        const { memberId, generationId, groupInstanceId } = sent
        const ids = topicIds(cluster, offsets)
        const topics = byTopic(offsets).map(([name, list]) => ({
          name,
          topicId: ids?.get(name),
          partitions: list.map(({ partition, offset, leaderEpoch, metadata }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch ?? -1,
            committedMetadata: metadata ?? ''
          }))
        }))
        const body = { groupId, generationIdOrMemberEpoch: generationId, memberId, groupInstanceId, topics }
        const bounds = { signal, minVersion: 2, maxVersion: ids === undefined ? 9 : undefined }
        const sending = cluster.attempt(target, OffsetCommitRequest, OffsetCommitResponse, body, bounds)
        const response = await sending.catch((cause) => {
          this.#inDoubtUntilMs = cluster.world.clock.monotonicMs() + DOUBT_TIMES * cluster.requestTimeoutMs
          throw cause
        })
        const error = commitError(response, cluster, this.#options.isConsumerProtocol())
        if (error === undefined) {
          publish('consumer:commit', () => ({ clientId: cluster.metrics.clientId, groupId, offsets }))
          return
        }
        cluster.noticeError(target, error)
        // It was on its way when the next generation began, which this member is of: its partitions are still its own until it has
        // given them up.
        const isOvertaken = error.errorCode === ErrorCode.ILLEGAL_GENERATION && !isStill() && this.#options.identity().memberId === memberId
        const retriable = tries > 0 && (error.retriable || isOvertaken)
        throw retriable === error.retriable ? error : new KafkaError(error.errorCode, { message: error.message, cause: error, retriable })
      })
    } catch (error) {
      if (isFenced(error) && isStill()) this.#options.onFenced(error as KafkaError)
      throw error
    }
  }
}

function fencedMessage(errorCode: number): string {
  return `The offsets were not committed: the group has rebalanced and gave the partitions to others (${new KafkaError(errorCode).message})`
}

function lostError(): KafkaError {
  return new KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, { message: fencedMessage(ErrorCode.UNKNOWN_MEMBER_ID), retriable: false })
}

/** Undefined unless all are known: one request names topics in one way. */
function topicIds(cluster: Cluster, partitions: readonly TopicPartition[]): ReadonlyMap<string, string> | undefined {
  const ids = new Map<string, string>()
  for (const { topic } of partitions) {
    const id = cluster.topicId(topic)
    if (id === undefined) return undefined
    ids.set(topic, id)
  }
  return ids
}

function byTopic<P extends TopicPartition>(partitions: readonly P[]): [string, P[]][] {
  return [...Map.groupBy(partitions, ({ topic }) => topic)]
}

/** Heartbeats bring the newer epoch, or say that the member has to join anew: then its partitions are gone, and nobody asks any more. */
function withNewerEpoch(error: unknown): unknown {
  const isOld = error instanceof KafkaError && (error.code === 'STALE_MEMBER_EPOCH' || error.code === 'UNKNOWN_MEMBER_ID')
  return isOld ? new KafkaError(error.errorCode, { message: error.message, cause: error, retriable: true }) : error
}

function commitError(response: OffsetCommitResponse, cluster: Cluster, isConsumerProtocol: boolean): KafkaError | undefined {
  let worst: KafkaError | undefined
  for (const { name, topicId, partitions } of response.topics) {
    for (const { partitionIndex, errorCode } of partitions) {
      if (errorCode === ErrorCode.NONE) continue
      const topic = name === '' ? (cluster.topicName(topicId) ?? topicId) : name
      const isFenced = fenced.has(errorCode)
      // A member that has a newer epoch meanwhile commits with that.
      // The next generation begins, as soon as its leader has decided; requests for that go on meanwhile.
      const isPassing = errorCode === ErrorCode.REBALANCE_IN_PROGRESS && !isConsumerProtocol
      const retriable = isPassing || (errorCode === ErrorCode.STALE_MEMBER_EPOCH ? isConsumerProtocol : isFenced ? false : undefined)
      const message = isFenced ? fencedMessage(errorCode) : `${partitionKey(topic, partitionIndex)}: ${new KafkaError(errorCode).message}`
      const error = new KafkaError(errorCode, { message, retriable })
      if (worst === undefined || (worst.retriable && error.fatal)) worst = error
    }
  }
  return worst
}

function readFetched(
  response: OffsetFetchResponse,
  version: number,
  groupId: string,
  cluster: Cluster
): Map<string, OffsetAndMetadata | undefined> {
  const group = version < 8 ? response : response.groups.find((each) => each.groupId === groupId)
  if (group === undefined)
    throw new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, {
      code: 'PROTOCOL_VIOLATION',
      message: `The coordinator did not answer for group ${groupId}`
    })
  if (group.errorCode !== ErrorCode.NONE) throw new KafkaError(group.errorCode)
  const offsets = new Map<string, OffsetAndMetadata | undefined>()
  for (const topic of group.topics) {
    const name = version >= 10 && 'topicId' in topic ? cluster.topicName(topic.topicId) : topic.name
    if (name === undefined) continue
    for (const { partitionIndex, committedOffset, committedLeaderEpoch, metadata, errorCode } of topic.partitions) {
      const key = partitionKey(name, partitionIndex)
      // Offsets of a transaction that is not decided yet, or a topic on its way: it passes.
      if (errorCode !== ErrorCode.NONE) throw new KafkaError(errorCode, { message: `${key}: ${new KafkaError(errorCode).message}` })
      offsets.set(
        key,
        committedOffset < 0
          ? undefined
          : {
              offset: committedOffset,
              metadata: metadata ?? '',
              ...(committedLeaderEpoch < 0 ? {} : { leaderEpoch: committedLeaderEpoch })
            }
      )
    }
  }
  return offsets
}
