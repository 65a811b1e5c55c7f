export { decodeQuorumState, encodeQuorumState, NO_NODE, type QuorumState } from './quorum-state.ts'
export { RaftCore, type RaftCoreOptions, type RaftEffect, type RaftEvent } from './raft-core.ts'
export type { RaftLog, RaftLogListener } from './raft-log.ts'
export { type RaftListener, RaftNode, type RaftNodeOptions } from './raft-node.ts'
export {
  BOOTSTRAP_SNAPSHOT_ID,
  decodeSnapshot,
  parseSnapshotFileName,
  SnapshotBatches,
  type SnapshotContents,
  type SnapshotId,
  snapshotFileName
} from './snapshot-file.ts'
export { SnapshotStore, SnapshotWriter } from './snapshot-store.ts'
export {
  isVoter,
  type NodeKey,
  type QuorumMembership,
  requireSingleVoter,
  type Voter,
  type VoterEndpoint,
  votersFromRecord
} from './voter-set.ts'
