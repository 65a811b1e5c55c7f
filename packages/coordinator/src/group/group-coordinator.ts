/**
 * The group coordinator of a node: classic consumer groups and committed offsets, kept in `__consumer_offsets`. Takes
 * request data and gives response data of the asked version; sees no socket, no authorizer and no metadata: topics in
 * requests have both name and id (zero where unknown). Answers come as plain values where nothing has to be waited for.
 * Transactional commits and their completion are here for the transaction coordinator to use.
 */
import { coordinatorPartition } from '@odradek/base'
import type {
  HeartbeatRequest,
  HeartbeatResponse,
  JoinGroupRequest,
  JoinGroupResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
  ListGroupsRequest,
  ListGroupsResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetDeleteRequest,
  OffsetDeleteResponse,
  SyncGroupRequest,
  SyncGroupResponse,
  TxnOffsetCommitRequest,
  TxnOffsetCommitResponse
} from '@odradek/protocol'
import {
  ErrorCode,
  HeartbeatResponse as HeartbeatResponseCodec,
  JoinGroupResponse as JoinGroupResponseCodec,
  LeaveGroupResponse as LeaveGroupResponseCodec,
  ListGroupsResponse as ListGroupsResponseCodec,
  OffsetDeleteResponse as OffsetDeleteResponseCodec,
  SyncGroupResponse as SyncGroupResponseCodec
} from '@odradek/protocol'
import { commitError, commitOffsets, commitTransactionalOffsets, transactionalCommitError } from '../offsets/commit.ts'
import type { DeletedTopic } from '../offsets/delete.ts'
import { deleteGroups, deleteOffsets, onTopicsDeleted } from '../offsets/delete.ts'
import { fetchError, fetchOffsets } from '../offsets/fetch.ts'
import type { EndTransactionMarker } from '../runtime/end-transaction-marker.ts'
import type { LoadError } from '../runtime/loader.ts'
import type { CoordinatorLog } from '../runtime/log.ts'
import type { RuntimeMetrics } from '../runtime/metrics.ts'
import { CoordinatorRuntime } from '../runtime/runtime.ts'
import type { CoordinatorWorld } from '../runtime/shard.ts'
import type { DeletableGroupResult, DescribedGroup, OffsetFetchRequestGroup, OffsetFetchResponseGroup } from '../types.ts'
import type { ClassicGroupState } from './classic-group.ts'
import type { GroupCoordinatorConfig } from './config.ts'
import type { GroupRequestContext } from './context.ts'
import { describedError, describeGroup, listGroups } from './describe.ts'
import { GroupShard } from './group-shard.ts'
import { heartbeat } from './heartbeat.ts'
import { joinGroup } from './join.ts'
import { leaveGroup } from './leave.ts'
import type { GroupMetrics } from './metrics.ts'
import { createGroupMetrics } from './metrics.ts'
import type { GroupRecord } from './records.ts'
import { groupRecordSerde } from './records.ts'
import { Reply } from './reply.ts'
import { clientError } from './result.ts'
import { syncGroup } from './sync.ts'

export const GROUP_METADATA_TOPIC = '__consumer_offsets'

export interface GroupCoordinatorOptions {
  readonly world: CoordinatorWorld
  readonly config: GroupCoordinatorConfig
  readonly log: CoordinatorLog
  /** Partitions of `__consumer_offsets`: those that the topic has, or offsets.topic.num.partitions before it exists. */
  readonly partitions: () => number
}

export interface GroupOffset {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Null protocol names were not in the protocol before this version. */
const NULLABLE_PROTOCOL_NAME_VERSION = 7
const PROTOCOL_FIELDS_VERSION = 5
const MANY_MEMBERS_VERSION = 3

export class GroupCoordinator {
  readonly metrics: GroupMetrics = createGroupMetrics()
  readonly #config: GroupCoordinatorConfig
  readonly #partitions: () => number
  readonly #runtime: CoordinatorRuntime<GroupShard, GroupRecord>

  constructor({ world, config, log, partitions }: GroupCoordinatorOptions) {
    this.#config = config
    this.#partitions = partitions
    this.#runtime = new CoordinatorRuntime<GroupShard, GroupRecord>({
      world,
      topic: GROUP_METADATA_TOPIC,
      log,
      serde: groupRecordSerde,
      config: config.runtime,
      createShard: (environment) => new GroupShard(environment, config, this.metrics)
    })
  }

  get runtimeMetrics(): Readonly<RuntimeMetrics> {
    return this.#runtime.metrics
  }

  /** The partition of `__consumer_offsets` whose leader coordinates the group. */
  partitionFor(groupId: string): number {
    return coordinatorPartition(groupId, this.#partitions())
  }

  /** This node became leader of a partition of `__consumer_offsets`. */
  onElection(partition: number, leaderEpoch: number, onLoaded?: (error?: LoadError) => void): void {
    this.#runtime.load(partition, leaderEpoch, onLoaded)
  }

  /** This node leads the partition no longer, as of `leaderEpoch`; absent when the partition is gone. */
  onResignation(partition: number, leaderEpoch?: number): void {
    this.#runtime.unload(partition, leaderEpoch)
  }

  close(): void {
    this.#runtime.close()
  }

  /** 0 when the partition's groups are served here, else the error code that requests get. */
  availability(partition: number): number {
    return this.#runtime.availability(partition)
  }

  joinGroup(context: GroupRequestContext, request: JoinGroupRequest): JoinGroupResponse | Promise<JoinGroupResponse> {
    const { groupId, memberId, sessionTimeoutMs } = request
    const reply = new Reply<JoinGroupResponse>()
    const respond = (response: JoinGroupResponse): void => {
      if (context.apiVersion < NULLABLE_PROTOCOL_NAME_VERSION) response.protocolName ??= ''
      reply.send(response)
    }
    const refuse = (errorCode: number, refusedMemberId = ''): void =>
      respond(JoinGroupResponseCodec.create({ errorCode, memberId: refusedMemberId, protocolName: null }))
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#config
    if (groupId === '') {
      refuse(ErrorCode.INVALID_GROUP_ID, memberId)
    } else if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
      refuse(ErrorCode.INVALID_SESSION_TIMEOUT, memberId)
    } else {
      // Version 0 had one timeout for both.
      const joining = context.apiVersion === 0 ? { ...request, rebalanceTimeoutMs: sessionTimeoutMs } : request
      void this.#runtime.write(
        'JoinGroup',
        this.partitionFor(groupId),
        ({ state }) => joinGroup(state, context, joining, respond),
        (errorCode) => refuse(clientError(errorCode))
      )
    }
    return reply.get()
  }

  syncGroup(context: GroupRequestContext, request: SyncGroupRequest): SyncGroupResponse | Promise<SyncGroupResponse> {
    const reply = new Reply<SyncGroupResponse>()
    const refuse = (errorCode: number): void => reply.send(SyncGroupResponseCodec.create({ errorCode }))
    if (context.apiVersion >= PROTOCOL_FIELDS_VERSION && (request.protocolType === null || request.protocolName === null)) {
      refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    } else if (request.groupId === '') {
      refuse(ErrorCode.INVALID_GROUP_ID)
    } else {
      void this.#runtime.write(
        'SyncGroup',
        this.partitionFor(request.groupId),
        ({ state }) => syncGroup(state, request, reply.send),
        (errorCode) => refuse(clientError(errorCode))
      )
    }
    return reply.get()
  }

  heartbeat(_context: GroupRequestContext, request: HeartbeatRequest): HeartbeatResponse | Promise<HeartbeatResponse> {
    if (request.groupId === '') return HeartbeatResponseCodec.create({ errorCode: ErrorCode.INVALID_GROUP_ID })
    return this.#runtime.write(
      'Heartbeat',
      this.partitionFor(request.groupId),
      ({ state }) => heartbeat(state, request),
      // While the group loads nobody can say that the member is unknown.
      (errorCode) =>
        HeartbeatResponseCodec.create({
          errorCode: errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS ? ErrorCode.NONE : clientError(errorCode)
        })
    )
  }

  leaveGroup(context: GroupRequestContext, request: LeaveGroupRequest): LeaveGroupResponse | Promise<LeaveGroupResponse> {
    if (request.groupId === '') return LeaveGroupResponseCodec.create({ errorCode: ErrorCode.INVALID_GROUP_ID })
    const isSingle = context.apiVersion < MANY_MEMBERS_VERSION
    const leaving = isSingle ? { ...request, members: [{ memberId: request.memberId, groupInstanceId: null, reason: null }] } : request
    const response = this.#runtime.write(
      'LeaveGroup',
      this.partitionFor(request.groupId),
      ({ state }) => leaveGroup(state, leaving),
      (errorCode) => LeaveGroupResponseCodec.create({ errorCode: clientError(errorCode) })
    )
    // One member had its error at the top.
    const shape = (answered: LeaveGroupResponse): LeaveGroupResponse =>
      isSingle
        ? LeaveGroupResponseCodec.create({ errorCode: answered.errorCode || (answered.members[0]?.errorCode ?? ErrorCode.NONE) })
        : answered
    return response instanceof Promise ? response.then(shape) : shape(response)
  }

  commitOffsets(context: GroupRequestContext, request: OffsetCommitRequest): OffsetCommitResponse | Promise<OffsetCommitResponse> {
    return this.#runtime.write(
      'OffsetCommit',
      this.partitionFor(request.groupId),
      ({ state }) => commitOffsets(state, context.apiVersion, request),
      (errorCode) => commitError(request, clientError(errorCode))
    )
  }

  /** The offsets count for the group once `completeTransaction` has come with a commit. */
  commitTransactionalOffsets(
    _context: GroupRequestContext,
    request: TxnOffsetCommitRequest
  ): TxnOffsetCommitResponse | Promise<TxnOffsetCommitResponse> {
    if (request.groupId === '') return transactionalCommitError(request, ErrorCode.INVALID_GROUP_ID)
    return this.#runtime.writeTransactional(
      'TxnOffsetCommit',
      this.partitionFor(request.groupId),
      request,
      ({ state }) => commitTransactionalOffsets(state, request),
      (errorCode) => transactionalCommitError(request, clientError(errorCode))
    )
  }

  /** Writes the marker of a producer's transaction into a partition of `__consumer_offsets`; an error code of the log. */
  completeTransaction(partition: number, marker: EndTransactionMarker): number | Promise<number> {
    return this.#runtime.completeTransaction(partition, marker)
  }

  /** Topics have their names; with `requireStable` the answer waits for the writes before and flags open transactions. */
  fetchOffsets(
    context: GroupRequestContext,
    request: OffsetFetchRequestGroup,
    requireStable: boolean
  ): OffsetFetchResponseGroup | Promise<OffsetFetchResponseGroup> {
    const partition = this.partitionFor(request.groupId)
    const fail = (errorCode: number): OffsetFetchResponseGroup => {
      const code = clientError(errorCode)
      // Consumers before 3.9 do not retry COORDINATOR_NOT_AVAILABLE here.
      return fetchError(request, code === ErrorCode.COORDINATOR_NOT_AVAILABLE ? ErrorCode.NOT_COORDINATOR : code, context.apiVersion)
    }
    return requireStable
      ? this.#runtime.write(
          'OffsetFetch',
          partition,
          ({ state }) => ({ records: [], response: fetchOffsets(state, request, undefined) }),
          fail
        )
      : this.#runtime.read(partition, ({ state }, committedOffset) => fetchOffsets(state, request, committedOffset), fail)
  }

  deleteOffsets(_context: GroupRequestContext, request: OffsetDeleteRequest): OffsetDeleteResponse | Promise<OffsetDeleteResponse> {
    if (request.groupId === '') return OffsetDeleteResponseCodec.create({ errorCode: ErrorCode.INVALID_GROUP_ID })
    return this.#runtime.write(
      'OffsetDelete',
      this.partitionFor(request.groupId),
      ({ state }) => deleteOffsets(state, request),
      (errorCode) => OffsetDeleteResponseCodec.create({ errorCode: clientError(errorCode) })
    )
  }

  listGroups(_context: GroupRequestContext, request: ListGroupsRequest): ListGroupsResponse {
    const filters = { states: request.statesFilter, types: request.typesFilter }
    const response = ListGroupsResponseCodec.create({})
    for (const partition of this.#runtime.partitions()) {
      this.#runtime.read<void>(
        partition,
        ({ state }, committedOffset) => {
          for (const group of listGroups(state, filters, committedOffset)) response.groups.push(group)
        },
        (errorCode) => {
          if (errorCode !== ErrorCode.NOT_COORDINATOR) response.errorCode = clientError(errorCode)
        }
      )
    }
    return response.errorCode === ErrorCode.NONE ? response : ListGroupsResponseCodec.create({ errorCode: response.errorCode })
  }

  describeGroups(context: GroupRequestContext, groupIds: readonly string[]): DescribedGroup[] {
    return groupIds.map((groupId) =>
      this.#runtime.read(
        this.partitionFor(groupId),
        ({ state }, committedOffset) => describeGroup(state, groupId, context.apiVersion, committedOffset),
        (errorCode) => describedError(groupId, clientError(errorCode))
      )
    )
  }

  deleteGroups(_context: GroupRequestContext, groupIds: readonly string[]): DeletableGroupResult[] | Promise<DeletableGroupResult[]> {
    const byPartition = Map.groupBy(groupIds, (groupId) => this.partitionFor(groupId))
    const results = Array.from(byPartition, ([partition, ids]) =>
      this.#runtime.write(
        'DeleteGroups',
        partition,
        ({ state }) => deleteGroups(state, ids),
        (errorCode) => ids.map((groupId) => ({ groupId, errorCode: clientError(errorCode) }))
      )
    )
    return Promise.all(results).then((lists) => lists.flat())
  }

  /** Committed offsets of topics that are gone go too. Resolves when their tombstones are committed. */
  async onTopicsDeleted(topics: readonly DeletedTopic[]): Promise<void> {
    if (topics.length === 0) return
    await Promise.all(
      this.#runtime.partitions().map((partition) =>
        this.#runtime.write<void>(
          'onTopicsDeleted',
          partition,
          ({ state }) => onTopicsDeleted(state, topics),
          () => undefined
        )
      )
    )
  }

  /** Committed offsets of all groups served here, one list for each partition of `__consumer_offsets`. */
  *committedOffsets(): Generator<readonly GroupOffset[]> {
    for (const partition of this.#runtime.partitions()) {
      yield this.#runtime.read<readonly GroupOffset[]>(
        partition,
        ({ state }) => {
          const list: GroupOffset[] = []
          for (const [groupId, offsets] of state.offsets.groups()) {
            for (const { topic, partition: index, offset } of offsets.values()) list.push({ groupId, topic, partition: index, offset })
          }
          return list
        },
        () => []
      )
    }
  }

  /** What gauges show: groups by state and committed offsets, of the partitions served here. */
  gauges(): { groups: number; offsets: number; classicGroups: Record<ClassicGroupState, number> } {
    const gauges = { groups: 0, offsets: 0, classicGroups: { Empty: 0, PreparingRebalance: 0, CompletingRebalance: 0, Stable: 0, Dead: 0 } }
    for (const partition of this.#runtime.partitions()) {
      this.#runtime.read<void>(
        partition,
        ({ state }) => {
          gauges.groups += state.groups.size
          gauges.offsets += state.offsets.size
          for (const [groupId, stored] of state.groups.entries()) {
            if (stored.type === 'classic')
              gauges.classicGroups[state.activeGroup(groupId)?.state ?? (stored.value.members.length === 0 ? 'Empty' : 'Stable')]++
          }
        },
        () => undefined
      )
    }
    return gauges
  }
}
