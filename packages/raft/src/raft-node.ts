// Drives the core of one quorum member: performs its effects on disk, feeds their outcomes back, and tells its owner who
// leads and what is committed. Everything happens on the event loop in the order of the core's effects; a disk that fails
// ends the member (its owner stops the node), for a voter that cannot write can promise nothing.
import { assert, OdradekError } from '@odradek/base'
import { encodeControlBatch, LeaderChangeMessage, setBaseOffset, setPartitionLeaderEpoch } from '@odradek/protocol'
import type { World } from '@odradek/world'
import { decodeQuorumState, encodeQuorumState, type QuorumState } from './quorum-state.ts'
import { RaftCore, type RaftEffect, type RaftEvent } from './raft-core.ts'
import type { RaftLog } from './raft-log.ts'
import { type NodeKey, type QuorumMembership, requireSingleVoter, votersToRecord } from './voter-set.ts'

const QUORUM_STATE_FILE = 'quorum-state'
const LOGGER = 'org.apache.kafka.raft.KafkaRaftClient'

type ControlRecords = Parameters<typeof encodeControlBatch>[0]['records']

export interface RaftListener {
  /** This node leads. Records may be appended from now on; those of earlier epochs end before `epochStartOffset`. */
  onLeader(epoch: number, epochStartOffset: number): void
  onResigned(epoch: number): void
  /** Everything below `offset` is committed. */
  onHighWatermark(offset: number): void
  /** The member can do no more. */
  onFailed(error: unknown): void
}

export interface RaftNodeOptions {
  readonly world: World
  readonly node: NodeKey
  /** The folder of the metadata log. */
  readonly directory: string
  readonly log: RaftLog
  /** Of the newest snapshot; 0 when there is none. */
  readonly snapshotEpoch: number
  readonly membership: QuorumMembership
  /** The log (or a snapshot of it) holds the membership; false right after the storage was formatted. */
  readonly isMembershipInLog: boolean
  readonly listener: RaftListener
}

export class RaftNode {
  readonly #world: World
  readonly #path: string
  readonly #log: RaftLog
  readonly #listener: RaftListener
  readonly #core: RaftCore
  readonly #isMembershipInLog: boolean
  #isFailed = false
  /** The batch of the append that is being stepped. */
  #batch: Buffer | undefined

  private constructor(options: RaftNodeOptions, quorumState: QuorumState | undefined) {
    this.#world = options.world
    this.#path = `${options.directory}/${QUORUM_STATE_FILE}`
    this.#log = options.log
    this.#listener = options.listener
    this.#isMembershipInLog = options.isMembershipInLog || options.membership.kraftVersion === 0
    this.#core = new RaftCore({
      node: options.node,
      quorumState,
      membership: options.membership,
      epochRecordCount: this.#isMembershipInLog ? 1 : 3,
      logEndOffset: options.log.logEndOffset,
      lastEpoch: Math.max(options.log.lastEpoch, options.snapshotEpoch)
    })
    this.#log.setListener({
      onSynced: (offset) => this.#step({ type: 'logSynced', offset }),
      onFailed: (error) => this.#fail(error)
    })
  }

  static async open(options: RaftNodeOptions): Promise<RaftNode> {
    requireSingleVoter(options.membership.voters, options.node)
    const path = `${options.directory}/${QUORUM_STATE_FILE}`
    const { disk } = options.world
    const isKnown = await disk.exists(path)
    const quorumState = isKnown ? decodeQuorumState(await disk.readFile(path), path) : undefined
    // The first vote would be forgotten with the whole folder if its name were lost.
    if (!isKnown) await disk.syncDir(options.directory.slice(0, options.directory.lastIndexOf('/')) || '/')
    return new RaftNode(options, quorumState)
  }

  get epoch(): number {
    return this.#core.epoch
  }

  get isLeader(): boolean {
    return this.#core.role === 'leader'
  }

  /** -1: not known. */
  get leaderId(): number {
    return this.#core.leaderId
  }

  /** -1: not known. */
  get highWatermark(): number {
    return this.#core.highWatermark
  }

  /** The offset that the next record gets. */
  get logEndOffset(): number {
    return this.#core.logEndOffset
  }

  get membership(): QuorumMembership {
    return this.#core.membership
  }

  start(): void {
    this.#step({ type: 'start' })
  }

  /** Appends one batch of `recordCount` records as the leader; sets its base offset and epoch. Returns the base offset. */
  append(batch: Buffer, recordCount: number): number {
    if (this.#isFailed || this.#core.role !== 'leader') {
      throw new OdradekError('NOT_LEADER', 'This node does not lead the metadata quorum.', { retriable: true })
    }
    const baseOffset = this.#core.logEndOffset
    this.#batch = batch
    this.#step({ type: 'append', recordCount })
    return baseOffset
  }

  /** Appends the membership that holds from here on, as the leader. It has to keep this node as the only voter. */
  changeMembership(membership: QuorumMembership): void {
    const records = membershipRecords(membership)
    this.append(encodeControlBatch({ baseOffset: 0, partitionLeaderEpoch: 0, timestamp: this.#world.clock.now(), records }), records.length)
    this.#step({ type: 'membershipChanged', membership })
  }

  /** Ends leadership; nothing can be appended afterwards. */
  resign(): void {
    this.#step({ type: 'resign' })
  }

  #step(event: RaftEvent): void {
    if (this.#isFailed) return
    for (const effect of this.#core.step(event, this.#world.clock.monotonicMs())) this.#perform(effect)
  }

  #perform(effect: RaftEffect): void {
    if (effect.type === 'persistQuorumState') this.#persist(effect.state)
    else if (effect.type === 'beginEpoch') this.#beginEpoch(effect)
    else if (effect.type === 'appendRecords') this.#appendRecords(effect.baseOffset, effect.epoch)
    else if (effect.type === 'becameLeader') {
      this.#world.logger.log('INFO', LOGGER, `Became leader of the metadata quorum in epoch ${effect.epoch}`)
      this.#listener.onLeader(effect.epoch, effect.epochStartOffset)
    } else if (effect.type === 'resigned') this.#listener.onResigned(effect.epoch)
    else {
      this.#log.updateHighWatermark(effect.offset)
      this.#listener.onHighWatermark(effect.offset)
    }
  }

  #persist(state: QuorumState): void {
    const { kraftVersion, voters } = this.#core.membership
    const voterIds = voters.map((voter) => voter.id)
    this.#world.disk.writeFileAtomic(this.#path, encodeQuorumState(state, kraftVersion, voterIds)).then(
      () => this.#step({ type: 'quorumStatePersisted', state }),
      (error: unknown) => this.#fail(error)
    )
  }

  #beginEpoch({ epoch, baseOffset, grantingVoters, recordCount }: Extract<RaftEffect, { type: 'beginEpoch' }>): void {
    const { voters } = this.#core.membership
    const now = this.#world.clock.now()
    const asVoter = (voterId: number): { voterId: number } => ({ voterId })
    const leaderId = this.#core.leaderId
    const leaderChange = { version: 0, leaderId, voters: voters.map(({ id }) => asVoter(id)), grantingVoters: grantingVoters.map(asVoter) }
    const records: ControlRecords = [
      { type: 'LEADER_CHANGE', value: LeaderChangeMessage.create(leaderChange) },
      ...(this.#isMembershipInLog ? [] : membershipRecords(this.#core.membership))
    ]
    assert(records.length === recordCount, 'the records that begin an epoch are those that the core counted')
    this.#appendToLog(encodeControlBatch({ baseOffset, partitionLeaderEpoch: epoch, timestamp: now, records }), now)
  }

  #appendRecords(baseOffset: number, epoch: number): void {
    const batch = this.#batch
    assert(batch !== undefined, 'an append has its batch')
    this.#batch = undefined
    setBaseOffset(batch, 0, baseOffset)
    setPartitionLeaderEpoch(batch, 0, epoch)
    this.#appendToLog(batch, this.#world.clock.now())
  }

  #appendToLog(batch: Buffer, now: number): void {
    try {
      this.#log.append(batch, now)
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  #fail(error: unknown): void {
    if (this.#isFailed) return
    this.#isFailed = true
    this.#listener.onFailed(error)
  }
}

function membershipRecords({ kraftVersion, voters }: QuorumMembership): ControlRecords {
  return [
    { type: 'KRAFT_VERSION', value: { version: 0, kRaftVersion: kraftVersion } },
    { type: 'KRAFT_VOTERS', value: votersToRecord(voters) }
  ]
}
