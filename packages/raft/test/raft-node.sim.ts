// The driver on a disk that loses power: what the core was told to be on disk is there.
import assert from 'node:assert/strict'
import { ZERO_UUID } from '@odradek/base'
import { sweepSeeds } from '@odradek/testkit'
import { type RaftLog, RaftNode } from '../src/index.ts'

const FOLDER = '/data/__cluster_metadata-0'

sweepSeeds('the first vote, and the folder that it lies in, survive a power loss from the first append on', { seeds: 30 }, async (sim) => {
  const node = sim.node('a')
  const { world } = node
  await sim.complete(world.disk.mkdir('/data').then(() => world.disk.syncDir('/')))
  await sim.complete(world.disk.mkdir(FOLDER))
  let isAppended = false
  const log: RaftLog = {
    logStartOffset: 0,
    logEndOffset: 0,
    lastEpoch: 0,
    sizeInBytes: 0,
    setListener: () => undefined,
    append: () => {
      isAppended = true
    },
    read: async () => [],
    updateHighWatermark: () => undefined,
    deleteBefore: async () => undefined,
    restartAt: async () => undefined,
    close: async () => undefined
  }
  const voter = { id: 1, directoryId: ZERO_UUID, endpoints: [], minSupportedVersion: 0, maxSupportedVersion: 1 }
  const ignore = (): void => undefined
  const raft = await sim.complete(
    RaftNode.open({
      world,
      node: { id: 1, directoryId: ZERO_UUID },
      directory: FOLDER,
      log,
      snapshotEpoch: 0,
      membership: { kraftVersion: 0, voters: [voter] },
      isMembershipInLog: true,
      listener: { onLeader: ignore, onResigned: ignore, onHighWatermark: ignore, onFailed: (error) => sim.fail(error) }
    })
  )
  raft.start()
  await sim.run({ until: () => isAppended })
  node.crash('power-loss')
  const state = await sim.complete(node.restart().disk.readFile(`${FOLDER}/quorum-state`))
  assert.equal((JSON.parse(String(state)) as { leaderEpoch: number }).leaderEpoch, 1)
})
