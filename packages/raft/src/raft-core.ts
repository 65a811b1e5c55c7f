// The quorum member as a step machine: `step(event, now)` gives the effects that the driver performs in their order; no
// effect's outcome is assumed before its event has come back. Safety rests on three orders, which hold here by shape:
// a vote counts (its own too) once it is persisted; the log counts as far as it is synced; and the high watermark moves
// only by offsets of the leader's own epoch (Raft §5.4.2), so that its LeaderChange record is what first commits.
//
// Built now: elections that this node's own vote decides (one voter), leadership, resignation. Tallies and high
// watermark are those of any number of voters; requests to other voters (pre-vote, vote, fetch) will be events and
// effects beside these, and the roles `prospective` and `follower` beside those below.
import { assert } from '@odradek/base'
import { INITIAL_QUORUM_STATE, NO_NODE, type QuorumState } from './quorum-state.ts'
import { majority, type NodeKey, type QuorumMembership } from './voter-set.ts'

export type RaftEvent =
  /** The state and the log are loaded. */
  | { readonly type: 'start' }
  | { readonly type: 'quorumStatePersisted'; readonly state: QuorumState }
  /** The leader's own records go into the log. */
  | { readonly type: 'append'; readonly recordCount: number }
  /** Everything below `offset` is on disk. */
  | { readonly type: 'logSynced'; readonly offset: number }
  /** The log says that the quorum has changed. */
  | { readonly type: 'membershipChanged'; readonly membership: QuorumMembership }
  | { readonly type: 'resign' }

export type RaftEffect =
  /** Write the quorum-state file so that it survives a power loss, then answer `quorumStatePersisted`. */
  | { readonly type: 'persistQuorumState'; readonly state: QuorumState }
  /** Append the control records that begin the epoch, and sync. */
  | {
      readonly type: 'beginEpoch'
      readonly epoch: number
      readonly baseOffset: number
      readonly grantingVoters: readonly number[]
      readonly recordCount: number
    }
  /** Append the records of the `append` event at `baseOffset`, and sync. */
  | { readonly type: 'appendRecords'; readonly epoch: number; readonly baseOffset: number }
  /** This node leads: it may append from now on. */
  | { readonly type: 'becameLeader'; readonly epoch: number; readonly epochStartOffset: number }
  | { readonly type: 'resigned'; readonly epoch: number }
  /** Everything below `offset` is committed. */
  | { readonly type: 'highWatermark'; readonly offset: number }

type Role =
  | { readonly name: 'unattached' }
  | { readonly name: 'candidate'; readonly granted: ReadonlySet<number>; readonly isOwnVotePersisted: boolean }
  | { readonly name: 'leader'; readonly epochStartOffset: number; readonly isPersisted: boolean; readonly endOffsets: Map<number, number> }
  | { readonly name: 'resigned' }

export interface RaftCoreOptions {
  readonly node: NodeKey
  readonly quorumState: QuorumState | undefined
  readonly membership: QuorumMembership
  /** Records that begin an epoch: the LeaderChange, and the membership where the log does not hold it yet. */
  readonly epochRecordCount: number
  readonly logEndOffset: number
  /** The epoch of the last record of log or snapshot. */
  readonly lastEpoch: number
}

const NO_EFFECTS: readonly RaftEffect[] = []

export class RaftCore {
  readonly #node: NodeKey
  readonly #epochRecordCount: number
  #membership: QuorumMembership
  #state: QuorumState
  #role: Role = { name: 'unattached' }
  #logEndOffset: number
  #syncedOffset: number
  #highWatermark = -1

  constructor(options: RaftCoreOptions) {
    this.#node = options.node
    this.#membership = options.membership
    this.#epochRecordCount = options.epochRecordCount
    const state = options.quorumState ?? INITIAL_QUORUM_STATE
    // A file older than the log (restored, or lost with its directory entry) must not give an epoch that the log has passed.
    this.#state = state.epoch >= options.lastEpoch ? state : { ...INITIAL_QUORUM_STATE, epoch: options.lastEpoch }
    this.#logEndOffset = options.logEndOffset
    this.#syncedOffset = options.logEndOffset
  }

  get epoch(): number {
    return this.#state.epoch
  }

  get role(): Role['name'] {
    return this.#role.name
  }

  /** -1: not known. */
  get leaderId(): number {
    return this.#role.name === 'leader' ? this.#node.id : NO_NODE
  }

  /** -1: not known. Everything below is committed. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  get membership(): QuorumMembership {
    return this.#membership
  }

  step(event: RaftEvent, _now: number): readonly RaftEffect[] {
    switch (event.type) {
      case 'start':
        return this.#stand()
      case 'quorumStatePersisted':
        return this.#onPersisted(event.state)
      case 'append':
        return this.#append(event.recordCount)
      case 'logSynced':
        return this.#onSynced(event.offset)
      case 'membershipChanged':
        this.#membership = event.membership
        return NO_EFFECTS
      case 'resign':
        return this.#resign()
    }
  }

  /** Stands for election in the next epoch. A lone voter needs no pre-vote and no timeout: no one else can lead. */
  #stand(): readonly RaftEffect[] {
    assert(this.#role.name === 'unattached', `cannot stand for election as ${this.#role.name}`)
    const { id, directoryId } = this.#node
    this.#state = { epoch: this.#state.epoch + 1, leaderId: NO_NODE, votedId: id, votedDirectoryId: directoryId }
    this.#role = { name: 'candidate', granted: new Set(), isOwnVotePersisted: false }
    return [{ type: 'persistQuorumState', state: this.#state }]
  }

  #onPersisted(state: QuorumState): readonly RaftEffect[] {
    if (state !== this.#state) return NO_EFFECTS
    if (this.#role.name === 'candidate' && !this.#role.isOwnVotePersisted) {
      this.#role = { name: 'candidate', granted: new Set([...this.#role.granted, this.#node.id]), isOwnVotePersisted: true }
      return this.#winIfElected()
    }
    if (this.#role.name === 'leader' && !this.#role.isPersisted) {
      this.#role = { ...this.#role, isPersisted: true }
      const { epochStartOffset } = this.#role
      return [{ type: 'becameLeader', epoch: this.#state.epoch, epochStartOffset }]
    }
    return NO_EFFECTS
  }

  #winIfElected(): readonly RaftEffect[] {
    const role = this.#role
    if (role.name !== 'candidate' || role.granted.size < majority(this.#membership.voters)) return NO_EFFECTS
    const { epoch } = this.#state
    const baseOffset = this.#logEndOffset
    const recordCount = this.#epochRecordCount
    this.#state = { ...INITIAL_QUORUM_STATE, epoch, leaderId: this.#node.id }
    this.#role = {
      name: 'leader',
      epochStartOffset: baseOffset,
      isPersisted: false,
      endOffsets: new Map([[this.#node.id, this.#syncedOffset]])
    }
    this.#logEndOffset += recordCount
    return [
      { type: 'beginEpoch', epoch, baseOffset, grantingVoters: [...role.granted], recordCount },
      { type: 'persistQuorumState', state: this.#state }
    ]
  }

  #append(recordCount: number): readonly RaftEffect[] {
    assert(this.#role.name === 'leader', `only the leader appends, and this node is ${this.#role.name}`)
    assert(recordCount > 0, 'an append needs records')
    const baseOffset = this.#logEndOffset
    this.#logEndOffset += recordCount
    return [{ type: 'appendRecords', epoch: this.#state.epoch, baseOffset }]
  }

  #onSynced(offset: number): readonly RaftEffect[] {
    assert(offset <= this.#logEndOffset, `synced to ${offset}, but the log ends at ${this.#logEndOffset}`)
    this.#syncedOffset = Math.max(this.#syncedOffset, offset)
    if (this.#role.name !== 'leader') return NO_EFFECTS
    this.#role.endOffsets.set(this.#node.id, this.#syncedOffset)
    return this.#advanceHighWatermark(this.#role)
  }

  #advanceHighWatermark(role: Extract<Role, { name: 'leader' }>): readonly RaftEffect[] {
    const { voters } = this.#membership
    const descending = voters.map((voter) => role.endOffsets.get(voter.id) ?? 0).sort((a, b) => b - a)
    const offset = descending[majority(voters) - 1]
    if (offset <= role.epochStartOffset || offset <= this.#highWatermark) return NO_EFFECTS
    this.#highWatermark = offset
    return [{ type: 'highWatermark', offset }]
  }

  #resign(): readonly RaftEffect[] {
    const wasLeader = this.#role.name === 'leader'
    this.#role = { name: 'resigned' }
    return wasLeader ? [{ type: 'resigned', epoch: this.#state.epoch }] : NO_EFFECTS
  }
}
