import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '@odradek/base'
import { type QuorumState, RaftCore, type RaftCoreOptions, type RaftEffect, type RaftEvent, type Voter } from '../src/index.ts'

const voter = (id: number): Voter => ({ id, directoryId: ZERO_UUID, endpoints: [], minSupportedVersion: 0, maxSupportedVersion: 1 })

interface Member {
  core: RaftCore
  step(event: RaftEvent): readonly RaftEffect[]
  /** Answers the pending write of the quorum state. */
  persist(): readonly RaftEffect[]
}

function member(options: Partial<RaftCoreOptions> & { voters?: number[] } = {}): Member {
  const { voters = [1], ...rest } = options
  const core = new RaftCore({
    node: { id: 1, directoryId: ZERO_UUID },
    quorumState: undefined,
    membership: { kraftVersion: 0, voters: voters.map(voter) },
    epochRecordCount: 1,
    logEndOffset: 0,
    lastEpoch: 0,
    ...rest
  })
  let pending: QuorumState | undefined
  const step = (event: RaftEvent): readonly RaftEffect[] => {
    const effects = core.step(event, 0)
    for (const effect of effects) if (effect.type === 'persistQuorumState') pending = effect.state
    return effects
  }
  return {
    core,
    step,
    persist() {
      assert.ok(pending !== undefined)
      return step({ type: 'quorumStatePersisted', state: pending })
    }
  }
}

test('a lone voter votes for itself, on disk, before it leads', () => {
  const { core, step, persist } = member()
  assert.deepEqual(step({ type: 'start' }), [
    { type: 'persistQuorumState', state: { epoch: 1, leaderId: -1, votedId: 1, votedDirectoryId: ZERO_UUID } }
  ])
  assert.equal(core.role, 'candidate')
  assert.deepEqual(persist(), [
    { type: 'beginEpoch', epoch: 1, baseOffset: 0, grantingVoters: [1], recordCount: 1 },
    { type: 'persistQuorumState', state: { epoch: 1, leaderId: 1, votedId: -1, votedDirectoryId: ZERO_UUID } }
  ])
  assert.deepEqual(persist(), [{ type: 'becameLeader', epoch: 1, epochStartOffset: 0 }])
  assert.deepEqual([core.role, core.leaderId, core.highWatermark], ['leader', 1, -1])
})

test("nothing is committed before a record of the leader's own epoch is on disk, and then everything before it is too", () => {
  const { core, step, persist } = member({ logEndOffset: 10, lastEpoch: 3 })
  step({ type: 'start' })
  assert.equal(core.epoch, 4)
  persist()
  assert.deepEqual(step({ type: 'logSynced', offset: 10 }), [])
  assert.deepEqual(step({ type: 'logSynced', offset: 11 }), [{ type: 'highWatermark', offset: 11 }])
})

test('the high watermark follows the disk, not the append, and never goes back', () => {
  const { core, step, persist } = member()
  step({ type: 'start' })
  persist()
  step({ type: 'logSynced', offset: 1 })
  assert.deepEqual(step({ type: 'append', recordCount: 5 }), [{ type: 'appendRecords', epoch: 1, baseOffset: 1 }])
  assert.deepEqual([core.logEndOffset, core.highWatermark], [6, 1])
  assert.deepEqual(step({ type: 'logSynced', offset: 3 }), [{ type: 'highWatermark', offset: 3 }])
  assert.deepEqual(step({ type: 'logSynced', offset: 2 }), [])
  assert.equal(core.highWatermark, 3)
  assert.throws(() => step({ type: 'logSynced', offset: 7 }))
})

test("a restart takes the epoch after the one on file, and after the log's when the file is older", () => {
  const onFile = { epoch: 7, leaderId: 1, votedId: -1, votedDirectoryId: ZERO_UUID }
  const { core, step } = member({ quorumState: onFile, lastEpoch: 7, logEndOffset: 3 })
  step({ type: 'start' })
  assert.equal(core.epoch, 8)
  const older = member({ quorumState: { ...onFile, epoch: 2 }, lastEpoch: 7, logEndOffset: 3 })
  older.step({ type: 'start' })
  assert.equal(older.core.epoch, 8)
})

test('one vote of three elects no one', () => {
  const { core, step, persist } = member({ voters: [1, 2, 3] })
  step({ type: 'start' })
  assert.deepEqual(persist(), [])
  assert.equal(core.role, 'candidate')
})

test('only a leader appends', () => {
  const { step } = member()
  assert.throws(() => step({ type: 'append', recordCount: 1 }), { name: 'AssertionError' })
})

test('who resigned appends no more and commits no more', () => {
  const { core, step, persist } = member()
  step({ type: 'start' })
  persist()
  persist()
  step({ type: 'append', recordCount: 1 })
  assert.deepEqual(step({ type: 'resign' }), [{ type: 'resigned', epoch: 1 }])
  assert.deepEqual(step({ type: 'logSynced', offset: 2 }), [])
  assert.throws(() => step({ type: 'append', recordCount: 1 }))
  assert.equal(core.leaderId, -1)
})

test('an answer about a state that is not the newest changes nothing', () => {
  const { core, step } = member()
  step({ type: 'start' })
  assert.deepEqual(step({ type: 'quorumStatePersisted', state: { epoch: 1, leaderId: -1, votedId: 1, votedDirectoryId: ZERO_UUID } }), [])
  assert.equal(core.role, 'candidate')
})

test('a leader whose quorum grew commits nothing that the new majority has not', () => {
  const { core, step, persist } = member()
  step({ type: 'start' })
  persist()
  persist()
  step({ type: 'logSynced', offset: 1 })
  assert.equal(core.highWatermark, 1)
  step({ type: 'membershipChanged', membership: { kraftVersion: 1, voters: [1, 2, 3].map(voter) } })
  step({ type: 'append', recordCount: 1 })
  assert.deepEqual(step({ type: 'logSynced', offset: 2 }), [])
  assert.equal(core.highWatermark, 1)
})
