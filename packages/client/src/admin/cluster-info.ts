// The cluster itself: brokers, the metadata quorum and its voters, features.
import type { Uuid } from '@odradek/base'
import {
  AddRaftVoterRequest,
  AddRaftVoterResponse,
  ApiVersionsRequest,
  ApiVersionsResponse,
  DescribeClusterRequest,
  DescribeClusterResponse,
  DescribeQuorumRequest,
  DescribeQuorumResponse,
  ErrorCode,
  FeatureUpdateType,
  RemoveRaftVoterRequest,
  RemoveRaftVoterResponse,
  UnregisterBrokerRequest,
  UnregisterBrokerResponse,
  UpdateFeaturesRequest,
  UpdateFeaturesResponse
} from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster, Target } from '../network/cluster.ts'
import type { Node } from '../network/metadata.ts'
import type { CallOptions } from '../types.ts'
import { controllerRetries, drive, toController, toNodes } from './driver.ts'
import type { KeyedResult } from './keyed-result.ts'
import { type AclOperationName, authorizedOperations } from './names.ts'

export interface ClusterDescription {
  readonly clusterId: string
  /** undefined: none now. With brokers it is one that hands requests on to the controller. */
  readonly controller: Node | undefined
  readonly nodes: readonly (Node & { readonly isFenced: boolean })[]
  readonly authorizedOperations: readonly AclOperationName[] | undefined
}

const any: Target = { anyNode: true }
const message = ({ errorCode, errorMessage }: { errorCode: number; errorMessage: string | null }): KafkaError | undefined =>
  errorOf(errorCode, errorMessage)

export async function describeCluster(
  cluster: Cluster,
  options: CallOptions & { readonly includeAuthorizedOperations?: boolean; readonly includeFencedBrokers?: boolean } = {}
): Promise<ClusterDescription> {
  const includeFencedBrokers = options.includeFencedBrokers ?? false
  const body = {
    includeClusterAuthorizedOperations: options.includeAuthorizedOperations ?? false,
    endpointType: cluster.usesControllers ? 2 : 1,
    includeFencedBrokers
  }
  const minVersion = includeFencedBrokers ? 2 : cluster.usesControllers ? 1 : undefined
  const response = await cluster.call(any, DescribeClusterRequest, DescribeClusterResponse, body, {
    ...options,
    minVersion,
    errorOf: message
  })
  const nodes = response.brokers.map(({ brokerId: id, host, port, rack, isFenced }) => ({ id, host, port, rack, isFenced }))
  nodes.sort((a, b) => a.id - b.id)
  return {
    clusterId: response.clusterId,
    controller: nodes.find(({ id }) => id === response.controllerId),
    nodes,
    authorizedOperations: authorizedOperations(response.clusterAuthorizedOperations)
  }
}

/** Removes the registration of a broker that is gone for good. */
export async function unregisterBroker(cluster: Cluster, brokerId: number, options: CallOptions = {}): Promise<void> {
  await cluster.call(any, UnregisterBrokerRequest, UnregisterBrokerResponse, { brokerId }, { ...options, errorOf: message })
}

export interface QuorumReplicaState {
  readonly replicaId: number
  readonly replicaDirectoryId: Uuid
  readonly logEndOffset: number
  /** ms; undefined: not known. */
  readonly lastFetchTimestamp: number | undefined
  readonly lastCaughtUpTimestamp: number | undefined
}

export interface QuorumInfo {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly voters: readonly QuorumReplicaState[]
  readonly observers: readonly QuorumReplicaState[]
  readonly nodes: readonly {
    readonly nodeId: number
    readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[]
  }[]
}

export async function describeMetadataQuorum(cluster: Cluster, options: CallOptions = {}): Promise<QuorumInfo> {
  const body = { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }
  const response = await cluster.call(any, DescribeQuorumRequest, DescribeQuorumResponse, body, {
    ...options,
    errorOf: (answer) =>
      message(answer) ?? answer.topics.flatMap(({ partitions }) => partitions.map(message)).find((error) => error !== undefined)
  })
  const partition = response.topics.find(({ topicName }) => topicName === '__cluster_metadata')?.partitions[0]
  if (partition === undefined)
    throw new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, { message: 'The broker says nothing of the metadata quorum' })
  const state = (replica: (typeof partition.currentVoters)[number]): QuorumReplicaState => ({
    replicaId: replica.replicaId,
    replicaDirectoryId: replica.replicaDirectoryId,
    logEndOffset: replica.logEndOffset,
    lastFetchTimestamp: replica.lastFetchTimestamp < 0 ? undefined : replica.lastFetchTimestamp,
    lastCaughtUpTimestamp: replica.lastCaughtUpTimestamp < 0 ? undefined : replica.lastCaughtUpTimestamp
  })
  return {
    leaderId: partition.leaderId,
    leaderEpoch: partition.leaderEpoch,
    highWatermark: partition.highWatermark,
    voters: partition.currentVoters.map(state),
    observers: partition.observers.map(state),
    nodes: response.nodes.map(({ nodeId, listeners }) => ({
      nodeId,
      listeners: listeners.map(({ name, host, port }) => ({ name, host, port }))
    }))
  }
}

export interface RaftVoterEndpoint {
  readonly listener: string
  readonly host: string
  readonly port: number
}

export async function addRaftVoter(
  cluster: Cluster,
  voterId: number,
  voterDirectoryId: Uuid,
  endpoints: readonly RaftVoterEndpoint[],
  options: CallOptions & { readonly clusterId?: string } = {}
): Promise<void> {
  const listeners = endpoints.map(({ listener: name, host, port }) => ({ name, host, port }))
  const body = { clusterId: options.clusterId ?? null, timeoutMs: cluster.requestTimeoutMs, voterId, voterDirectoryId, listeners }
  await cluster.call(any, AddRaftVoterRequest, AddRaftVoterResponse, body, { ...options, errorOf: message })
}

export async function removeRaftVoter(
  cluster: Cluster,
  voterId: number,
  voterDirectoryId: Uuid,
  options: CallOptions & { readonly clusterId?: string } = {}
): Promise<void> {
  const body = { clusterId: options.clusterId ?? null, voterId, voterDirectoryId }
  await cluster.call(any, RemoveRaftVoterRequest, RemoveRaftVoterResponse, body, { ...options, errorOf: message })
}

export interface FeatureMetadata {
  readonly finalizedFeatures: ReadonlyMap<string, { readonly minVersionLevel: number; readonly maxVersionLevel: number }>
  /** undefined: there are no finalized features. */
  readonly finalizedFeaturesEpoch: number | undefined
  readonly supportedFeatures: ReadonlyMap<string, { readonly minVersion: number; readonly maxVersion: number }>
}

const clientSoftware = { clientSoftwareName: 'odradek', clientSoftwareVersion: '0.1.0' }

export interface SupportedApiVersions {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** What nodes can do, each asked itself. Keys are node ids as text. Not in Kafka's Admin, whose tool for it has a client of its own. */
export function describeApiVersions(
  cluster: Cluster,
  nodes: readonly number[],
  options: CallOptions = {}
): KeyedResult<readonly SupportedApiVersions[]> {
  return drive<readonly SupportedApiVersions[]>(
    cluster,
    {
      what: 'describeApiVersions',
      keys: nodes.map(String),
      route: toNodes,
      async send({ target, keys }, signal) {
        const response = await cluster.attempt(target, ApiVersionsRequest, ApiVersionsResponse, clientSoftware, { signal })
        return [[keys[0], errorOf(response.errorCode) ?? response.apiKeys]]
      }
    },
    options
  )
}

export async function describeFeatures(
  cluster: Cluster,
  options: CallOptions & { readonly nodeId?: number } = {}
): Promise<FeatureMetadata> {
  const target: Target = options.nodeId === undefined ? any : { node: options.nodeId }
  const response = await cluster.call(target, ApiVersionsRequest, ApiVersionsResponse, clientSoftware, {
    ...options,
    errorOf: ({ errorCode }) => errorOf(errorCode)
  })
  const finalized = response.finalizedFeatures.map(
    ({ name, minVersionLevel, maxVersionLevel }) => [name, { minVersionLevel, maxVersionLevel }] as const
  )
  const supported = response.supportedFeatures.map(({ name, minVersion, maxVersion }) => [name, { minVersion, maxVersion }] as const)
  return {
    finalizedFeatures: new Map(finalized),
    finalizedFeaturesEpoch: response.finalizedFeaturesEpoch < 0 ? undefined : response.finalizedFeaturesEpoch,
    supportedFeatures: new Map(supported)
  }
}

export interface FeatureUpdate {
  /** 0 removes the feature. */
  readonly maxVersionLevel: number
  /** Default UPGRADE. */
  readonly upgradeType?: 'UPGRADE' | 'SAFE_DOWNGRADE' | 'UNSAFE_DOWNGRADE'
}

/** All or nothing since version 2: then the one error stands for every feature. */
export function updateFeatures(
  cluster: Cluster,
  updates: Readonly<Record<string, FeatureUpdate>>,
  options: CallOptions & { readonly validateOnly?: boolean } = {}
): KeyedResult<void> {
  return drive<void>(
    cluster,
    {
      what: 'updateFeatures',
      keys: Object.keys(updates),
      route: toController,
      retryOn: controllerRetries,
      onRetry: () => cluster.invalidate(),
      async send({ target, keys }, signal) {
        const featureUpdates = keys.map((feature) => ({
          feature,
          maxVersionLevel: updates[feature].maxVersionLevel,
          upgradeType: FeatureUpdateType[updates[feature].upgradeType ?? 'UPGRADE']
        }))
        const body = { timeoutMs: cluster.requestTimeoutMs, featureUpdates, validateOnly: options.validateOnly ?? false }
        const response = await cluster.attempt(target, UpdateFeaturesRequest, UpdateFeaturesResponse, body, { signal, minVersion: 1 })
        const error = message(response)
        if (error !== undefined) return keys.map((key) => [key, error])
        const results = new Map(response.results.map((result) => [result.feature, message(result)]))
        return keys.map((key) => [key, results.get(key)])
      }
    },
    options
  )
}
