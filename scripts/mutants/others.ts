// Planted bugs of raft, metadata, coordinator, protocol's records, and the broker's replicas.
import type { Mutant } from './mutant.ts'

const quorum: Mutant[] = [
  {
    name: 'a vote counts before it is on disk',
    breaks: 'K1',
    file: 'packages/raft/src/raft-node.ts',
    edits: [
      [
        'this.#world.disk.writeFileAtomic(this.#path, encodeQuorumState(state, kraftVersion, voterIds)).then(\n      () => this',
        'this.#world.disk.writeFileAtomic(this.#path, encodeQuorumState(state, kraftVersion, voterIds), { sync: false }).then(\n      () => this'
      ]
    ],
    tests: ['packages/metadata/test/crash.sim.ts']
  },
  {
    name: 'the folder of the first vote is not synced',
    breaks: 'K1',
    file: 'packages/raft/src/raft-node.ts',
    edits: [['if (!isKnown) await disk.syncDir', 'if (isKnown) await disk.syncDir']],
    tests: ['packages/raft/test/raft-node.sim.ts']
  },
  {
    name: 'the log counts before it is synced',
    breaks: 'K1',
    file: 'packages/metadata/src/partition-raft-log.ts',
    edits: [["durability: 'sync'", "durability: 'page-cache'"]],
    tests: ['packages/metadata/test/crash.sim.ts']
  },
  {
    name: 'a leader commits by records of earlier epochs',
    breaks: 'L2',
    file: 'packages/raft/src/raft-core.ts',
    edits: [['if (offset <= role.epochStartOffset || offset <= this.#highWatermark)', 'if (offset <= this.#highWatermark)']],
    tests: ['packages/raft/test/raft-core.test.ts']
  },
  {
    name: 'a minority elects',
    breaks: 'K1',
    file: 'packages/raft/src/raft-core.ts',
    edits: [['role.granted.size < majority(this.#membership.voters)', 'role.granted.size < 1']],
    tests: ['packages/raft/test/raft-core.test.ts']
  },
  {
    name: 'a minority commits',
    breaks: 'K1',
    file: 'packages/raft/src/raft-core.ts',
    edits: [['const offset = descending[majority(voters) - 1]', 'const offset = descending[0]']],
    tests: ['packages/raft/test/raft-core.test.ts']
  },
  {
    name: 'an epoch is used again',
    breaks: 'K1',
    file: 'packages/raft/src/raft-core.ts',
    edits: [['epoch: this.#state.epoch + 1, leaderId: NO_NODE', 'epoch: Math.max(this.#state.epoch, 1), leaderId: NO_NODE']],
    tests: ['packages/raft/test/raft-core.test.ts', 'packages/metadata/test/metadata-node.test.ts']
  },
  {
    name: 'the epoch of the log is not asked',
    breaks: 'K1',
    file: 'packages/raft/src/raft-core.ts',
    edits: [['this.#state = state.epoch >= options.lastEpoch ? state', 'this.#state = state.epoch >= -1 ? state']],
    tests: ['packages/raft/test/raft-core.test.ts']
  },
  {
    name: 'the epoch of the snapshot is not asked',
    breaks: 'K1',
    file: 'packages/raft/src/raft-node.ts',
    edits: [['Math.max(options.log.lastEpoch, options.snapshotEpoch)', 'options.log.lastEpoch']],
    tests: ['packages/metadata/test/metadata-node.test.ts']
  },
  {
    name: 'a snapshot says that it holds one record less',
    breaks: 'K2',
    file: 'packages/metadata/src/snapshot-writer.ts',
    edits: [['const id: SnapshotId = { offset: offset + 1, epoch }', 'const id: SnapshotId = { offset, epoch }']],
    tests: ['packages/metadata/test/crash.sim.ts', 'packages/metadata/test/metadata-node.test.ts']
  },
  {
    name: 'a snapshot says that it holds one record more',
    breaks: 'K2',
    file: 'packages/metadata/src/snapshot-writer.ts',
    edits: [['const id: SnapshotId = { offset: offset + 1, epoch }', 'const id: SnapshotId = { offset: offset + 2, epoch }']],
    tests: ['packages/metadata/test/crash.sim.ts', 'packages/metadata/test/metadata-node.test.ts']
  },
  {
    name: 'a snapshot has its name before it is on disk',
    breaks: 'K1',
    file: 'packages/raft/src/snapshot-store.ts',
    edits: [['    await this.#file.sync()\n', '']],
    tests: ['packages/metadata/test/crash.sim.ts']
  },
  {
    name: 'unfinished snapshots are read',
    breaks: 'K2',
    file: 'packages/raft/src/snapshot-file.ts',
    edits: [['if (!hasFooter) throw', 'if (hasFooter === undefined) throw']],
    tests: ['packages/raft/test/files.test.ts']
  },
  {
    name: 'the controller answers before the commit',
    breaks: 'K1',
    file: 'packages/metadata/src/metadata-node.ts',
    edits: [['if (offset < this.#raft.highWatermark) return response', 'if (offset > -2) return response']],
    tests: ['packages/metadata/test/metadata-node.test.ts', 'packages/metadata/test/crash.sim.ts']
  },
  {
    name: 'publishers see what is not committed',
    breaks: 'K1',
    file: 'packages/metadata/src/metadata-node.ts',
    edits: [['    return this.#chain.published\n', '    return this.#chain.newest\n']],
    tests: ['packages/metadata/test/metadata-node.test.ts']
  },
  {
    name: 'a log without its beginning is an empty cluster',
    breaks: 'K2',
    file: 'packages/metadata/src/metadata-loader.ts',
    edits: [
      ['if (log.logStartOffset > (id?.offset ?? 0)) {', 'if (log.logStartOffset < 0) {'],
      ['for (let offset = id?.offset ?? 0;', 'for (let offset = Math.max(id?.offset ?? 0, log.logStartOffset);']
    ],
    tests: ['packages/metadata/test/metadata-node.test.ts']
  }
]

const isr: Mutant[] = [
  {
    name: 'a stale broker epoch enters the ISR',
    breaks: 'L6',
    file: 'packages/metadata/src/controller/isr.ts',
    edits: [['(brokerEpoch === -1 || broker.epoch === brokerEpoch)', '(brokerEpoch === -1 || broker.epoch !== -1)']],
    tests: ['packages/metadata/test/controller/replication.test.ts']
  },
  {
    name: 'a replica in an offline directory leads',
    breaks: 'L2',
    file: 'packages/metadata/src/image/cluster.ts',
    edits: [['return broker.directories.length === 0 || broker.directories.includes(directory)', 'return true']],
    tests: ['packages/metadata/test/controller/replication.test.ts', 'packages/broker/test/broken-directory.test.ts']
  },
  {
    name: 'a log is made anew while its directory is offline',
    breaks: 'D1',
    file: 'packages/broker/src/lifecycle/metadata-applier.ts',
    edits: [['if ((wasHere || !this.#isLoaded) && directories.some(({ isOffline }) => isOffline))', 'if (directories.length === 0)']],
    tests: ['packages/broker/test/broken-directory.test.ts']
  },
  {
    name: 'stale leader epochs are served',
    breaks: 'L5',
    file: 'packages/broker/src/replica/partition.ts',
    edits: [
      [
        'if (currentLeaderEpoch < 0 || currentLeaderEpoch === this.#state.leaderEpoch) return ErrorCode.NONE',
        'if (currentLeaderEpoch < 1 << 30) return ErrorCode.NONE'
      ]
    ],
    tests: ['packages/broker/test/fetch.test.ts', 'packages/broker/test/offsets.test.ts']
  },
  {
    name: 'a producer is answered before the commit',
    breaks: 'D1',
    file: 'packages/broker/src/replica/partition.ts',
    edits: [
      [
        'else if (this.log.highWatermark >= offset) waiter(ErrorCode.NONE)',
        'else if (this.log.logEndOffset >= offset) waiter(ErrorCode.NONE)'
      ]
    ],
    tests: ['packages/broker/test/produce.test.ts', 'packages/broker/test/durability.test.ts']
  },
  {
    name: 'readers of committed data see open transactions',
    breaks: 'R1',
    file: 'packages/broker/src/fetch/read-partitions.ts',
    edits: [['const endOffset = isCommitted ? log.lastStableOffset : log.highWatermark', 'const endOffset = log.highWatermark']],
    tests: ['packages/broker/test/fetch.test.ts', 'packages/broker/test/durability.test.ts']
  },
  {
    name: 'the log is read above the high watermark',
    breaks: 'R1',
    file: 'packages/broker/src/fetch/read-partitions.ts',
    edits: [
      [
        'const endOffset = isCommitted ? log.lastStableOffset : log.highWatermark',
        'const endOffset = isCommitted ? log.lastStableOffset : log.logEndOffset'
      ]
    ],
    tests: ['packages/broker/test/fetch.test.ts', 'packages/broker/test/durability.test.ts']
  },
  {
    name: 'the CRC of produced batches is not checked',
    breaks: 'L1',
    file: 'packages/protocol/src/records/record-batch.ts',
    edits: [
      [
        'return this.sizeInBytes >= minimumSize(this.magic) && this.computeCrc() === this.crc',
        'return this.sizeInBytes >= minimumSize(this.magic)'
      ],
      ['  ensureValid(): void {\n', '  ensureValid(): void {\n    if (this.isValid()) return\n']
    ],
    tests: ['packages/broker/test/produce.test.ts', 'packages/broker/test/bad-input.test.ts']
  }
]

const groups: Mutant[] = [
  {
    name: 'heartbeats of old generations are taken',
    breaks: 'G1',
    file: 'packages/coordinator/src/group/heartbeat.ts',
    edits: [['  if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION\n', '']],
    tests: [
      'packages/coordinator/test/group/membership.test.ts',
      'packages/coordinator/test/group/rebalance.test.ts',
      'packages/coordinator/test/differential/classic-groups.test.ts'
    ]
  },
  {
    name: 'commits of old generations are taken',
    breaks: 'G2',
    file: 'packages/coordinator/src/offsets/commit.ts',
    edits: [['    if (generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION\n', '']],
    tests: ['packages/coordinator/test/offsets/offsets.test.ts', 'packages/coordinator/test/differential/classic-groups.test.ts']
  },
  {
    name: 'assignments of old generations are taken',
    breaks: 'G1',
    file: 'packages/coordinator/src/group/sync.ts',
    edits: [['  if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION\n', '']],
    tests: [
      'packages/coordinator/test/group/rebalance.test.ts',
      'packages/coordinator/test/differential/classic-groups.test.ts',
      'packages/coordinator/test/group/interleaving.sim.ts'
    ]
  },
  {
    name: 'assignments go out though the log refused them',
    breaks: 'G1',
    file: 'packages/coordinator/src/group/sync.ts',
    edits: [['if (appendError === ErrorCode.NONE) {', 'if (appendError !== -99) {']],
    tests: ['packages/coordinator/test/group/failures.test.ts']
  },
  {
    name: 'answers come before the high watermark',
    breaks: 'G2',
    file: 'packages/coordinator/src/runtime/partition-coordinator.ts',
    edits: [['if (this.#highWatermark >= this.#lastWrittenOffset) {', 'if (this.#highWatermark >= 0) {']],
    tests: ['packages/coordinator/test/runtime/runtime.test.ts', 'packages/coordinator/test/runtime/law.sim.ts']
  },
  {
    name: 'a refused batch stays in the state',
    breaks: 'G2',
    file: 'packages/coordinator/src/runtime/partition-coordinator.ts',
    edits: [['    this.#registry.revertToSnapshot(batch.baseOffset)\n    for', '    for']],
    tests: ['packages/coordinator/test/runtime/runtime.test.ts', 'packages/coordinator/test/runtime/law.sim.ts']
  },
  {
    name: 'a read without records does not wait for what it saw',
    breaks: 'G2',
    file: 'packages/coordinator/src/runtime/partition-coordinator.ts',
    edits: [['else if (this.#lastWrittenOffset > this.#lastCommittedOffset) this.#defer(complete)\n', '']],
    tests: ['packages/coordinator/test/runtime/runtime.test.ts', 'packages/coordinator/test/runtime/law.sim.ts']
  },
  {
    name: 'offsets of open transactions expire',
    breaks: 'T1',
    file: 'packages/coordinator/src/offsets/expiration.ts',
    edits: [[' && !state.offsets.isUnstable(groupId, topic, partition)) {', ') {']],
    tests: ['packages/coordinator/test/offsets/offsets.test.ts', 'packages/coordinator/test/offsets/transactional-offsets.test.ts']
  },
  {
    name: 'foreign batches between ours go unnoticed',
    breaks: 'G2',
    file: 'packages/coordinator/src/runtime/partition-coordinator.ts',
    edits: [['if (result.baseOffset !== baseOffset) {', 'if (result.baseOffset < 0) {']],
    tests: ['packages/coordinator/test/runtime/runtime.test.ts']
  }
]

export const otherMutants: readonly Mutant[] = [...quorum, ...isr, ...groups]
