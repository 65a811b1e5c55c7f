// Who votes. A voter is its id and the id of its metadata directory (KIP-853): the same node on a new disk is another
// voter. Static quorums (controller.quorum.voters) know no directories: the zero id stands for any.
import { OdradekError, type Uuid, ZERO_UUID } from '@odradek/base'
import type { VotersRecord } from '@odradek/protocol'

export interface VoterEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface Voter {
  readonly id: number
  readonly directoryId: Uuid
  readonly endpoints: readonly VoterEndpoint[]
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

/** kraft.version and the voters that the log says it has from some offset on. */
export interface QuorumMembership {
  readonly kraftVersion: number
  readonly voters: readonly Voter[]
}

export interface NodeKey {
  readonly id: number
  readonly directoryId: Uuid
}

export function isVoter(voters: readonly Voter[], node: NodeKey): boolean {
  return voters.some((voter) => voter.id === node.id && (voter.directoryId === ZERO_UUID || voter.directoryId === node.directoryId))
}

export function majority(voters: readonly Voter[]): number {
  return Math.floor(voters.length / 2) + 1
}

/** Quorums of more than one voter need the network half of KRaft, which this release does not have. */
export function requireSingleVoter(voters: readonly Voter[], node: NodeKey): void {
  if (voters.length === 0) {
    throw new OdradekError(
      'QUORUM_UNSUPPORTED',
      'The metadata quorum has no voters that this node knows of, and joining one over the network is not supported yet. ' +
        'Format the storage with --standalone, or set controller.quorum.voters to this node alone.'
    )
  }
  if (voters.length > 1) {
    const ids = voters.map((voter) => voter.id).join(', ')
    throw new OdradekError(
      'QUORUM_UNSUPPORTED',
      `The metadata quorum has the voters ${ids}, and quorums of more than one voter are not supported yet. Configure this node as the only controller.`
    )
  }
  if (!isVoter(voters, node)) {
    const { id, directoryId } = voters[0]
    throw new OdradekError(
      'QUORUM_UNSUPPORTED',
      `The only voter of the metadata quorum is node ${id} in directory ${directoryId}, but this is node ${node.id} in directory ${node.directoryId}. ` +
        "Start the node with the voter's node.id and metadata.log.dir."
    )
  }
}

export function votersFromRecord(record: VotersRecord): Voter[] {
  return record.voters.map(({ voterId, voterDirectoryId, endpoints, kRaftVersionFeature }) => ({
    id: voterId,
    directoryId: voterDirectoryId,
    endpoints: endpoints.map(({ name, host, port }) => ({ name, host, port })),
    minSupportedVersion: kRaftVersionFeature.minSupportedVersion,
    maxSupportedVersion: kRaftVersionFeature.maxSupportedVersion
  }))
}

export function votersToRecord(voters: readonly Voter[]): VotersRecord {
  return {
    version: 0,
    voters: voters.map(({ id, directoryId, endpoints, minSupportedVersion, maxSupportedVersion }) => ({
      voterId: id,
      voterDirectoryId: directoryId,
      endpoints: endpoints.map(({ name, host, port }) => ({ name, host, port })),
      kRaftVersionFeature: { minSupportedVersion, maxSupportedVersion }
    }))
  }
}
