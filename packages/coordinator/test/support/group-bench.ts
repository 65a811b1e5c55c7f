// A group coordinator over a log in memory in virtual time, and requests that read like a story:
//   const m1 = group.join('m1'); await bench.advance(3000); await m1.expect({ errorCode: 0, generationId: 1 })
import assert from 'node:assert/strict'
import {
  HeartbeatRequest,
  type HeartbeatResponse,
  type Input,
  JoinGroupRequest,
  type JoinGroupResponse,
  LeaveGroupRequest,
  type LeaveGroupResponse,
  OffsetCommitRequest,
  type OffsetCommitResponse,
  OffsetDeleteRequest,
  type OffsetDeleteResponse,
  SyncGroupRequest,
  type SyncGroupResponse
} from '@odradek/protocol'
import { GroupCoordinator, type GroupCoordinatorConfig, type OffsetFetchResponseGroup } from '../../src/index.ts'
import { MemoryLog } from './memory-log.ts'
import { VirtualWorld } from './virtual-world.ts'

export const defaultConfig: GroupCoordinatorConfig = {
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  initialRebalanceDelayMs: 3000,
  groupMembersMax: 2 ** 31 - 1,
  offsetMetadataMax: 4096,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
  offsetsRetentionCheckIntervalMs: 600_000,
  runtime: { appendLingerMs: -1, writeTimeoutMs: 5000, compression: 'none', loadBufferBytes: 5_242_880, maxPendingWrites: 100_000 }
}

export const TOPIC_ID = 'F5GTd7pDRPy_ISKOvyk1DA'

/** An answer that may still be on its way. */
export class Answer<T extends object> {
  readonly #bench: GroupBench
  #value: T | undefined
  #then: ((value: T) => void) | undefined

  constructor(bench: GroupBench, response: T | Promise<T>) {
    this.#bench = bench
    if (response instanceof Promise) {
      response.then((value) => {
        this.#value = value
        this.#then?.(value)
      })
    } else {
      this.#value = response
    }
  }

  /** It has come, and has these fields. */
  async expect(fields: Partial<T>): Promise<T> {
    const value = await this.value()
    assert.partialDeepStrictEqual(value, fields)
    return value
  }

  async value(): Promise<T> {
    await this.#bench.world.settle()
    assert.ok(this.#value !== undefined, 'the answer is still parked')
    return this.#value
  }

  async expectParked(): Promise<void> {
    await this.#bench.world.settle()
    assert.equal(this.#value, undefined, 'the answer has come already')
  }

  whenCome(then: (value: T) => void): void {
    if (this.#value !== undefined) then(this.#value)
    else this.#then = then
  }
}

export class GroupBench {
  readonly world: VirtualWorld
  readonly config: GroupCoordinatorConfig
  readonly log: MemoryLog
  readonly partitions: number
  coordinator: GroupCoordinator
  epoch = 0

  private constructor(config: Partial<GroupCoordinatorConfig>, partitions: number, seed: number, log?: MemoryLog, world?: VirtualWorld) {
    this.world = world ?? new VirtualWorld(seed)
    this.log = log ?? new MemoryLog(this.world)
    this.config = { ...defaultConfig, ...config }
    this.partitions = partitions
    this.coordinator = this.#create()
  }

  static async start(
    options: { config?: Partial<GroupCoordinatorConfig>; partitions?: number; seed?: number; log?: (log: MemoryLog) => unknown } = {}
  ): Promise<GroupBench> {
    const bench = new GroupBench(options.config ?? {}, options.partitions ?? 1, options.seed ?? 1)
    options.log?.(bench.log)
    await bench.elect()
    return bench
  }

  #create(): GroupCoordinator {
    return new GroupCoordinator({ world: this.world, config: this.config, log: this.log, partitions: () => this.partitions })
  }

  async elect(): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) this.coordinator.onElection(partition, this.epoch)
    await this.world.advance(0)
  }

  /** The coordinator moves: the old one resigns, another one loads the same log. */
  async failOver(): Promise<void> {
    const old = this.coordinator
    this.coordinator = this.#create()
    for (let partition = 0; partition < this.partitions; partition++) old.onResignation(partition, ++this.epoch)
    await this.elect()
  }

  async advance(ms: number): Promise<void> {
    await this.world.advance(ms)
  }

  answer<T extends object>(response: T | Promise<T>): Answer<T> {
    return new Answer(this, response)
  }

  group(groupId = 'g'): GroupDsl {
    return new GroupDsl(this, groupId)
  }

  /** What a healthy test leaves behind. */
  assertQuiet(): void {
    assert.deepEqual(this.world.errors, [])
  }
}

export type JoinOptions = Input<JoinGroupRequest> & { version?: number; clientId?: string }

export class GroupDsl {
  readonly #bench: GroupBench
  readonly groupId: string

  constructor(bench: GroupBench, groupId: string) {
    this.#bench = bench
    this.groupId = groupId
  }

  #context(version: number, clientId = 'client') {
    return { apiVersion: version, clientId, clientHost: '/127.0.0.1' }
  }

  join(memberId: string, { version = 9, clientId, ...options }: JoinOptions = {}): Answer<JoinGroupResponse> {
    const request = JoinGroupRequest.create({
      groupId: this.groupId,
      memberId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from(`about ${memberId}`) }],
      ...options
    })
    return this.#bench.answer(this.#bench.coordinator.joinGroup(this.#context(version, clientId), request))
  }

  /** What a client does: asks for a member id, then joins with it. */
  async enter(options: JoinOptions = {}): Promise<{ memberId: string; joined: Answer<JoinGroupResponse> }> {
    const { memberId } = await this.join('', options).expect({ errorCode: 79 })
    return { memberId, joined: this.join(memberId, options) }
  }

  sync(
    memberId: string,
    generationId: number,
    assignments: Record<string, string> = {},
    options: Input<SyncGroupRequest> & { version?: number } = {}
  ): Answer<SyncGroupResponse> {
    const { version = 5, ...fields } = options
    const request = SyncGroupRequest.create({
      groupId: this.groupId,
      memberId,
      generationId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: Object.entries(assignments).map(([id, assignment]) => ({ memberId: id, assignment: Buffer.from(assignment) })),
      ...fields
    })
    return this.#bench.answer(this.#bench.coordinator.syncGroup(this.#context(version), request))
  }

  heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null): Answer<HeartbeatResponse> {
    const request = HeartbeatRequest.create({ groupId: this.groupId, memberId, generationId, groupInstanceId })
    return this.#bench.answer(this.#bench.coordinator.heartbeat(this.#context(4), request))
  }

  leave(...members: { memberId?: string; groupInstanceId?: string | null }[]): Answer<LeaveGroupResponse> {
    const request = LeaveGroupRequest.create({ groupId: this.groupId, members })
    return this.#bench.answer(this.#bench.coordinator.leaveGroup(this.#context(5), request))
  }

  commit(
    offsets: Record<number, number>,
    options: Input<OffsetCommitRequest> & { version?: number; topic?: string; topicId?: string; metadata?: string | null } = {}
  ): Answer<OffsetCommitResponse> {
    const { version = 9, topic = 'topic', topicId = TOPIC_ID, metadata = '', ...fields } = options
    const partitions = Object.entries(offsets).map(([partition, offset]) => ({
      partitionIndex: Number(partition),
      committedOffset: offset,
      committedMetadata: metadata
    }))
    const request = OffsetCommitRequest.create({ groupId: this.groupId, topics: [{ name: topic, topicId, partitions }], ...fields })
    return this.#bench.answer(this.#bench.coordinator.commitOffsets(this.#context(version), request))
  }

  fetch(
    partitions: number[] | null,
    options: { topic?: string; topicId?: string; requireStable?: boolean; version?: number } = {}
  ): Answer<OffsetFetchResponseGroup> {
    const { topic = 'topic', topicId = TOPIC_ID, requireStable = false, version = 9 } = options
    const topics = partitions === null ? null : [{ name: topic, topicId, partitionIndexes: partitions }]
    const request = { groupId: this.groupId, memberId: null, memberEpoch: -1, topics }
    return this.#bench.answer(this.#bench.coordinator.fetchOffsets(this.#context(version), request, requireStable))
  }

  /** The committed offset of a partition of the topic, -1 without one. */
  async offset(partition: number, options: { topic?: string; topicId?: string; requireStable?: boolean } = {}): Promise<number> {
    const { topics } = await this.fetch([partition], options).expect({ errorCode: 0 })
    return topics[0].partitions[0].committedOffset
  }

  deleteOffsets(topic: string, partitions: number[]): Answer<OffsetDeleteResponse> {
    const request = OffsetDeleteRequest.create({
      groupId: this.groupId,
      topics: [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }]
    })
    return this.#bench.answer(this.#bench.coordinator.deleteOffsets(this.#context(0), request))
  }

  describe(version = 6) {
    return this.#bench.coordinator.describeGroups(this.#context(version), [this.groupId])[0]
  }

  get state(): string {
    return this.describe().groupState
  }

  async delete(): Promise<number> {
    const results = await this.#bench.answer(this.#bench.coordinator.deleteGroups(this.#context(2), [this.groupId])).value()
    return results[0].errorCode
  }

  /** A stable group of so many dynamic members; the first one leads. */
  async stable(count: number, options: JoinOptions = {}): Promise<{ members: string[]; generationId: number }> {
    const entering = []
    for (let index = 0; index < count; index++) entering.push(await this.enter(options))
    await this.#bench.advance(this.#bench.config.initialRebalanceDelayMs * 2)
    const members: string[] = []
    let generationId = -1
    for (const { joined } of entering) {
      const response = await joined.expect({ errorCode: 0 })
      members.push(response.memberId)
      generationId = response.generationId
    }
    const { leader } = await entering[0].joined.value()
    const assignments = Object.fromEntries(members.map((memberId) => [memberId, `assignment of ${memberId}`]))
    const protocols = options.protocols?.[0]?.name
    const fields = protocols === undefined ? {} : { protocolName: protocols }
    const syncs = members.map((memberId) =>
      this.sync(memberId, generationId, memberId === leader ? assignments : {}, {
        ...fields,
        ...(options.protocolType === undefined ? {} : { protocolType: options.protocolType })
      })
    )
    for (const [index, sync] of syncs.entries())
      await sync.expect({ errorCode: 0, assignment: Buffer.from(`assignment of ${members[index]}`) })
    return { members, generationId }
  }
}
