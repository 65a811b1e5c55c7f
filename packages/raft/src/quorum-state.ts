// The quorum-state file: what a voter must not forget between two starts (its epoch, its vote, the leader it knows). One
// line of JSON in Kafka's form: data_version 0 names the static voters, 1 (kraft.version 1) the directory that the vote
// went to. Whatever does not read is a fault: a voter that forgot its vote could vote twice.
import { isUuid, OdradekError, type Uuid, ZERO_UUID } from '@odradek/base'

export interface QuorumState {
  readonly epoch: number
  /** -1: none. */
  readonly leaderId: number
  /** -1: none. */
  readonly votedId: number
  readonly votedDirectoryId: Uuid
}

export const NO_NODE = -1

export const INITIAL_QUORUM_STATE: QuorumState = { epoch: 0, leaderId: NO_NODE, votedId: NO_NODE, votedDirectoryId: ZERO_UUID }

export function encodeQuorumState(state: QuorumState, kraftVersion: number, voterIds: readonly number[]): Buffer {
  const { epoch: leaderEpoch, leaderId, votedId, votedDirectoryId } = state
  const data =
    kraftVersion >= 1
      ? { leaderId, leaderEpoch, votedId, votedDirectoryId, data_version: 1 }
      : {
          clusterId: '',
          leaderId,
          leaderEpoch,
          votedId,
          appliedOffset: 0,
          currentVoters: voterIds.map((voterId) => ({ voterId })),
          data_version: 0
        }
  return Buffer.from(JSON.stringify(data))
}

export function decodeQuorumState(bytes: Buffer, path: string): QuorumState {
  const fail = (what: string, cause?: unknown): OdradekError =>
    new OdradekError(
      'QUORUM_STATE_INVALID',
      `${path} ${what}. Restore the file from a backup: without it this voter could vote twice in one epoch. Where it is the only voter, delete the file.`,
      { cause }
    )
  let data: Record<string, unknown>
  try {
    data = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
  } catch (error) {
    throw fail('is no JSON', error)
  }
  if (typeof data !== 'object' || data === null) throw fail('is no JSON object')
  const version = data['data_version']
  if (version !== 0 && version !== 1) throw fail(`has data_version ${JSON.stringify(version)}; known are 0 and 1`)
  const int = (name: string): number => {
    const value = data[name]
    if (!Number.isInteger(value)) throw fail(`has no whole number as ${name}`)
    return value as number
  }
  const votedDirectoryId = version === 1 ? data['votedDirectoryId'] : ZERO_UUID
  if (typeof votedDirectoryId !== 'string' || !isUuid(votedDirectoryId)) throw fail('has no votedDirectoryId')
  return { epoch: int('leaderEpoch'), leaderId: int('leaderId'), votedId: int('votedId'), votedDirectoryId }
}
