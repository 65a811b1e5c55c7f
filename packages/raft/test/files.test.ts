import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_UUID } from '@odradek/base'
import { createMemoryDisk } from '@odradek/world/node'
import {
  decodeQuorumState,
  decodeSnapshot,
  encodeQuorumState,
  parseSnapshotFileName,
  requireSingleVoter,
  SnapshotBatches,
  SnapshotStore,
  snapshotFileName,
  type Voter
} from '../src/index.ts'

const state = { epoch: 1, leaderId: 1, votedId: -1, votedDirectoryId: ZERO_UUID }

test('quorum-state is written as Apache Kafka writes it', () => {
  assert.equal(
    encodeQuorumState(state, 0, [1]).toString(),
    '{"clusterId":"","leaderId":1,"leaderEpoch":1,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}'
  )
  assert.equal(
    encodeQuorumState(state, 1, [1]).toString(),
    '{"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}'
  )
})

test('quorum-state reads back in both forms', () => {
  const voted = { epoch: 9, leaderId: -1, votedId: 3, votedDirectoryId: 'MvDxzVmcRsaTz33bUuRU6A' }
  assert.deepEqual(decodeQuorumState(encodeQuorumState(voted, 1, []), 'file'), voted)
  assert.deepEqual(decodeQuorumState(encodeQuorumState(voted, 0, [1, 2]), 'file'), { ...voted, votedDirectoryId: ZERO_UUID })
})

test('a damaged quorum-state stops the voter with a message that says what to do', () => {
  for (const text of [
    '',
    '{',
    'null',
    '7',
    '{"data_version":2}',
    '{"data_version":1,"leaderId":1,"leaderEpoch":"x"}',
    '{"data_version":1,"leaderId":1,"leaderEpoch":1,"votedId":1}'
  ]) {
    assert.throws(() => decodeQuorumState(Buffer.from(text), '/data/quorum-state'), {
      code: 'QUORUM_STATE_INVALID',
      message: /^\/data\/quorum-state .*Restore the file from a backup/
    })
  }
})

test('snapshot files are named by offset and epoch', () => {
  assert.equal(snapshotFileName({ offset: 217, epoch: 1 }), '00000000000000000217-0000000001.checkpoint')
  assert.deepEqual(parseSnapshotFileName('00000000000000000217-0000000001.checkpoint'), { offset: 217, epoch: 1 })
  for (const name of ['bootstrap.checkpoint', '00000000000000000217-0000000001.checkpoint.part', '217-1.checkpoint'])
    assert.equal(parseSnapshotFileName(name), undefined)
})

function snapshotBytes(): Buffer {
  const batches = new SnapshotBatches({ offset: 5, epoch: 2 }, 1000)
  return Buffer.concat([
    batches.header({ lastContainedLogTimestamp: 900, membership: undefined }),
    batches.records([Buffer.from('a'), Buffer.from('b')]),
    batches.footer()
  ])
}

test('a snapshot is read back whole, and refused when it is cut or changed anywhere', () => {
  const bytes = snapshotBytes()
  const { records, lastContainedLogTimestamp, membership } = decodeSnapshot(bytes, 'file')
  assert.deepEqual([records.map(String), lastContainedLogTimestamp, membership], [['a', 'b'], 900, undefined])
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => decodeSnapshot(bytes.subarray(0, length), 'file'), `cut to ${length}`)
  // Offsets and epochs of batches are outside of their checksums.
  for (let position = 16; position < bytes.length; position++) {
    const flipped = Buffer.from(bytes)
    flipped[position] ^= 1
    try {
      const read = decodeSnapshot(flipped, 'file')
      assert.deepEqual(read.records.map(String), ['a', 'b'])
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'DECODE')
    }
  }
})

test('a snapshot has its name only when it is whole, and what was not finished is gone after the next start', async () => {
  const disk = createMemoryDisk()
  await disk.mkdir('/log')
  const store = await SnapshotStore.open(disk, '/log')
  const abandoned = await store.create({ offset: 1, epoch: 1 })
  await abandoned.append(Buffer.from('half'))
  await abandoned.abandon()
  const writer = await store.create({ offset: 5, epoch: 2 })
  await writer.append(snapshotBytes())
  assert.deepEqual(store.ids, [])
  await writer.finish()
  assert.deepEqual(store.latest, { offset: 5, epoch: 2 })
  assert.equal((await disk.readdir('/log')).length, 2)
  const reopened = await SnapshotStore.open(disk, '/log')
  assert.deepEqual(reopened.ids, [{ offset: 5, epoch: 2 }])
  assert.deepEqual(await disk.readdir('/log'), ['00000000000000000005-0000000002.checkpoint'])
  assert.deepEqual(await reopened.read({ offset: 5, epoch: 2 }), snapshotBytes())
  await reopened.delete({ offset: 5, epoch: 2 })
  assert.deepEqual(await disk.readdir('/log'), [])
})

const voter = (id: number, directoryId = ZERO_UUID): Voter => ({
  id,
  directoryId,
  endpoints: [],
  minSupportedVersion: 0,
  maxSupportedVersion: 1
})

test('a quorum that this release cannot run is refused with what to do about it', () => {
  const node = { id: 1, directoryId: 'MvDxzVmcRsaTz33bUuRU6A' }
  requireSingleVoter([voter(1)], node)
  requireSingleVoter([voter(1, node.directoryId)], node)
  assert.throws(() => requireSingleVoter([voter(1), voter(2), voter(3)], node), {
    code: 'QUORUM_UNSUPPORTED',
    message: /has the voters 1, 2, 3, .*not supported yet/
  })
  assert.throws(() => requireSingleVoter([], node), { code: 'QUORUM_UNSUPPORTED', message: /--standalone/ })
  assert.throws(() => requireSingleVoter([voter(2)], node), { code: 'QUORUM_UNSUPPORTED', message: /is node 2 .*this is node 1/ })
  assert.throws(() => requireSingleVoter([voter(1, '07R5amHmR32VDA6jHkGbTA')], node), { code: 'QUORUM_UNSUPPORTED' })
})
