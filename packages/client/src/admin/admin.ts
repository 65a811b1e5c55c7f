// Kafka's Admin interface: every method by its name, one file a family beside this one. A call about many items gives a KeyedResult:
// `await` it for all values or one PartialFailureError, or take its `outcomes()`. Nothing connects before the first call.
import { MeasuredClient } from '../metrics/measured-client.ts'
import type { Cluster } from '../network/cluster.ts'
import type { CallOptions } from '../types.ts'
import * as acls from './acls.ts'
import * as clusterInfo from './cluster-info.ts'
import * as configs from './configs.ts'
import * as groupOffsets from './group-offsets.ts'
import * as groups from './groups.ts'
import * as offsets from './offsets.ts'
import * as quotas from './quotas.ts'
import * as replicas from './replicas.ts'
import * as scram from './scram.ts'
import * as shareGroups from './share-groups.ts'
import * as streamsGroups from './streams-groups.ts'
import * as tokens from './tokens.ts'
import * as topics from './topics.ts'
import * as transactions from './transactions.ts'

type Family = (cluster: Cluster, ...rest: never[]) => unknown
/** The arguments of a family's function, without the cluster. */
type Rest<F extends Family> = F extends (cluster: Cluster, ...rest: infer Arguments) => unknown ? Arguments : never

export class Admin extends MeasuredClient implements AsyncDisposable {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    super(cluster)
    this.#cluster = cluster
  }

  /** Idempotent. Calls under way are rejected. */
  async close(): Promise<void> {
    this.#cluster.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // ---- topics

  createTopics(...args: Rest<typeof topics.createTopics>): ReturnType<typeof topics.createTopics> {
    return topics.createTopics(this.#cluster, ...args)
  }

  deleteTopics(...args: Rest<typeof topics.deleteTopics>): ReturnType<typeof topics.deleteTopics> {
    return topics.deleteTopics(this.#cluster, ...args)
  }

  createPartitions(...args: Rest<typeof topics.createPartitions>): ReturnType<typeof topics.createPartitions> {
    return topics.createPartitions(this.#cluster, ...args)
  }

  listTopics(...args: Rest<typeof topics.listTopics>): ReturnType<typeof topics.listTopics> {
    return topics.listTopics(this.#cluster, ...args)
  }

  describeTopics(...args: Rest<typeof topics.describeTopics>): ReturnType<typeof topics.describeTopics> {
    return topics.describeTopics(this.#cluster, ...args)
  }

  // ---- configs

  describeConfigs(...args: Rest<typeof configs.describeConfigs>): ReturnType<typeof configs.describeConfigs> {
    return configs.describeConfigs(this.#cluster, ...args)
  }

  incrementalAlterConfigs(...args: Rest<typeof configs.incrementalAlterConfigs>): ReturnType<typeof configs.incrementalAlterConfigs> {
    return configs.incrementalAlterConfigs(this.#cluster, ...args)
  }

  listConfigResources(...args: Rest<typeof configs.listConfigResources>): ReturnType<typeof configs.listConfigResources> {
    return configs.listConfigResources(this.#cluster, ...args)
  }

  /** Deprecated in Kafka for listConfigResources. */
  async listClientMetricsResources(options: CallOptions = {}): Promise<readonly string[]> {
    const resources = await configs.listConfigResources(this.#cluster, ['CLIENT_METRICS'], options)
    return resources.map(({ name }) => name)
  }

  // ---- offsets

  listOffsets(...args: Rest<typeof offsets.listOffsets>): ReturnType<typeof offsets.listOffsets> {
    return offsets.listOffsets(this.#cluster, ...args)
  }

  deleteRecords(...args: Rest<typeof offsets.deleteRecords>): ReturnType<typeof offsets.deleteRecords> {
    return offsets.deleteRecords(this.#cluster, ...args)
  }

  // ---- groups

  listGroups(...args: Rest<typeof groups.listGroups>): ReturnType<typeof groups.listGroups> {
    return groups.listGroups(this.#cluster, ...args)
  }

  listConsumerGroups(...args: Rest<typeof groups.listConsumerGroups>): ReturnType<typeof groups.listConsumerGroups> {
    return groups.listConsumerGroups(this.#cluster, ...args)
  }

  describeConsumerGroups(...args: Rest<typeof groups.describeConsumerGroups>): ReturnType<typeof groups.describeConsumerGroups> {
    return groups.describeConsumerGroups(this.#cluster, ...args)
  }

  describeClassicGroups(...args: Rest<typeof groups.describeClassicGroups>): ReturnType<typeof groups.describeClassicGroups> {
    return groups.describeClassicGroups(this.#cluster, ...args)
  }

  removeMembersFromConsumerGroup(
    ...args: Rest<typeof groups.removeMembersFromConsumerGroup>
  ): ReturnType<typeof groups.removeMembersFromConsumerGroup> {
    return groups.removeMembersFromConsumerGroup(this.#cluster, ...args)
  }

  deleteConsumerGroups(...args: Rest<typeof groups.deleteGroups>): ReturnType<typeof groups.deleteGroups> {
    return groups.deleteGroups(this.#cluster, ...args)
  }

  deleteShareGroups(...args: Rest<typeof groups.deleteGroups>): ReturnType<typeof groups.deleteGroups> {
    return groups.deleteGroups(this.#cluster, ...args)
  }

  deleteStreamsGroups(...args: Rest<typeof groups.deleteGroups>): ReturnType<typeof groups.deleteGroups> {
    return groups.deleteGroups(this.#cluster, ...args)
  }

  // ---- group offsets

  listConsumerGroupOffsets(
    ...args: Rest<typeof groupOffsets.listConsumerGroupOffsets>
  ): ReturnType<typeof groupOffsets.listConsumerGroupOffsets> {
    return groupOffsets.listConsumerGroupOffsets(this.#cluster, ...args)
  }

  alterConsumerGroupOffsets(
    ...args: Rest<typeof groupOffsets.alterConsumerGroupOffsets>
  ): ReturnType<typeof groupOffsets.alterConsumerGroupOffsets> {
    return groupOffsets.alterConsumerGroupOffsets(this.#cluster, ...args)
  }

  deleteConsumerGroupOffsets(
    ...args: Rest<typeof groupOffsets.deleteConsumerGroupOffsets>
  ): ReturnType<typeof groupOffsets.deleteConsumerGroupOffsets> {
    return groupOffsets.deleteConsumerGroupOffsets(this.#cluster, ...args)
  }

  listStreamsGroupOffsets(
    ...args: Rest<typeof groupOffsets.listConsumerGroupOffsets>
  ): ReturnType<typeof groupOffsets.listConsumerGroupOffsets> {
    return groupOffsets.listConsumerGroupOffsets(this.#cluster, ...args)
  }

  alterStreamsGroupOffsets(
    ...args: Rest<typeof groupOffsets.alterConsumerGroupOffsets>
  ): ReturnType<typeof groupOffsets.alterConsumerGroupOffsets> {
    return groupOffsets.alterConsumerGroupOffsets(this.#cluster, ...args)
  }

  deleteStreamsGroupOffsets(
    ...args: Rest<typeof groupOffsets.deleteConsumerGroupOffsets>
  ): ReturnType<typeof groupOffsets.deleteConsumerGroupOffsets> {
    return groupOffsets.deleteConsumerGroupOffsets(this.#cluster, ...args)
  }

  // ---- share groups

  describeShareGroups(...args: Rest<typeof shareGroups.describeShareGroups>): ReturnType<typeof shareGroups.describeShareGroups> {
    return shareGroups.describeShareGroups(this.#cluster, ...args)
  }

  listShareGroupOffsets(...args: Rest<typeof shareGroups.listShareGroupOffsets>): ReturnType<typeof shareGroups.listShareGroupOffsets> {
    return shareGroups.listShareGroupOffsets(this.#cluster, ...args)
  }

  alterShareGroupOffsets(...args: Rest<typeof shareGroups.alterShareGroupOffsets>): ReturnType<typeof shareGroups.alterShareGroupOffsets> {
    return shareGroups.alterShareGroupOffsets(this.#cluster, ...args)
  }

  deleteShareGroupOffsets(
    ...args: Rest<typeof shareGroups.deleteShareGroupOffsets>
  ): ReturnType<typeof shareGroups.deleteShareGroupOffsets> {
    return shareGroups.deleteShareGroupOffsets(this.#cluster, ...args)
  }

  // ---- streams groups

  describeStreamsGroups(...args: Rest<typeof streamsGroups.describeStreamsGroups>): ReturnType<typeof streamsGroups.describeStreamsGroups> {
    return streamsGroups.describeStreamsGroups(this.#cluster, ...args)
  }

  // ---- cluster info

  describeCluster(...args: Rest<typeof clusterInfo.describeCluster>): ReturnType<typeof clusterInfo.describeCluster> {
    return clusterInfo.describeCluster(this.#cluster, ...args)
  }

  unregisterBroker(...args: Rest<typeof clusterInfo.unregisterBroker>): ReturnType<typeof clusterInfo.unregisterBroker> {
    return clusterInfo.unregisterBroker(this.#cluster, ...args)
  }

  describeMetadataQuorum(...args: Rest<typeof clusterInfo.describeMetadataQuorum>): ReturnType<typeof clusterInfo.describeMetadataQuorum> {
    return clusterInfo.describeMetadataQuorum(this.#cluster, ...args)
  }

  addRaftVoter(...args: Rest<typeof clusterInfo.addRaftVoter>): ReturnType<typeof clusterInfo.addRaftVoter> {
    return clusterInfo.addRaftVoter(this.#cluster, ...args)
  }

  removeRaftVoter(...args: Rest<typeof clusterInfo.removeRaftVoter>): ReturnType<typeof clusterInfo.removeRaftVoter> {
    return clusterInfo.removeRaftVoter(this.#cluster, ...args)
  }

  describeApiVersions(...args: Rest<typeof clusterInfo.describeApiVersions>): ReturnType<typeof clusterInfo.describeApiVersions> {
    return clusterInfo.describeApiVersions(this.#cluster, ...args)
  }

  describeFeatures(...args: Rest<typeof clusterInfo.describeFeatures>): ReturnType<typeof clusterInfo.describeFeatures> {
    return clusterInfo.describeFeatures(this.#cluster, ...args)
  }

  updateFeatures(...args: Rest<typeof clusterInfo.updateFeatures>): ReturnType<typeof clusterInfo.updateFeatures> {
    return clusterInfo.updateFeatures(this.#cluster, ...args)
  }

  // ---- acls

  createAcls(...args: Rest<typeof acls.createAcls>): ReturnType<typeof acls.createAcls> {
    return acls.createAcls(this.#cluster, ...args)
  }

  describeAcls(...args: Rest<typeof acls.describeAcls>): ReturnType<typeof acls.describeAcls> {
    return acls.describeAcls(this.#cluster, ...args)
  }

  deleteAcls(...args: Rest<typeof acls.deleteAcls>): ReturnType<typeof acls.deleteAcls> {
    return acls.deleteAcls(this.#cluster, ...args)
  }

  // ---- quotas

  describeClientQuotas(...args: Rest<typeof quotas.describeClientQuotas>): ReturnType<typeof quotas.describeClientQuotas> {
    return quotas.describeClientQuotas(this.#cluster, ...args)
  }

  alterClientQuotas(...args: Rest<typeof quotas.alterClientQuotas>): ReturnType<typeof quotas.alterClientQuotas> {
    return quotas.alterClientQuotas(this.#cluster, ...args)
  }

  // ---- scram

  describeUserScramCredentials(
    ...args: Rest<typeof scram.describeUserScramCredentials>
  ): ReturnType<typeof scram.describeUserScramCredentials> {
    return scram.describeUserScramCredentials(this.#cluster, ...args)
  }

  alterUserScramCredentials(...args: Rest<typeof scram.alterUserScramCredentials>): ReturnType<typeof scram.alterUserScramCredentials> {
    return scram.alterUserScramCredentials(this.#cluster, ...args)
  }

  // ---- tokens

  createDelegationToken(...args: Rest<typeof tokens.createDelegationToken>): ReturnType<typeof tokens.createDelegationToken> {
    return tokens.createDelegationToken(this.#cluster, ...args)
  }

  renewDelegationToken(...args: Rest<typeof tokens.renewDelegationToken>): ReturnType<typeof tokens.renewDelegationToken> {
    return tokens.renewDelegationToken(this.#cluster, ...args)
  }

  expireDelegationToken(...args: Rest<typeof tokens.expireDelegationToken>): ReturnType<typeof tokens.expireDelegationToken> {
    return tokens.expireDelegationToken(this.#cluster, ...args)
  }

  describeDelegationToken(...args: Rest<typeof tokens.describeDelegationToken>): ReturnType<typeof tokens.describeDelegationToken> {
    return tokens.describeDelegationToken(this.#cluster, ...args)
  }

  // ---- transactions

  listTransactions(...args: Rest<typeof transactions.listTransactions>): ReturnType<typeof transactions.listTransactions> {
    return transactions.listTransactions(this.#cluster, ...args)
  }

  describeTransactions(...args: Rest<typeof transactions.describeTransactions>): ReturnType<typeof transactions.describeTransactions> {
    return transactions.describeTransactions(this.#cluster, ...args)
  }

  describeProducers(...args: Rest<typeof transactions.describeProducers>): ReturnType<typeof transactions.describeProducers> {
    return transactions.describeProducers(this.#cluster, ...args)
  }

  fenceProducers(...args: Rest<typeof transactions.fenceProducers>): ReturnType<typeof transactions.fenceProducers> {
    return transactions.fenceProducers(this.#cluster, ...args)
  }

  forceTerminateTransaction(
    ...args: Rest<typeof transactions.forceTerminateTransaction>
  ): ReturnType<typeof transactions.forceTerminateTransaction> {
    return transactions.forceTerminateTransaction(this.#cluster, ...args)
  }

  abortTransaction(...args: Rest<typeof transactions.abortTransaction>): ReturnType<typeof transactions.abortTransaction> {
    return transactions.abortTransaction(this.#cluster, ...args)
  }

  // ---- replicas

  describeLogDirs(...args: Rest<typeof replicas.describeLogDirs>): ReturnType<typeof replicas.describeLogDirs> {
    return replicas.describeLogDirs(this.#cluster, ...args)
  }

  describeReplicaLogDirs(...args: Rest<typeof replicas.describeReplicaLogDirs>): ReturnType<typeof replicas.describeReplicaLogDirs> {
    return replicas.describeReplicaLogDirs(this.#cluster, ...args)
  }

  alterReplicaLogDirs(...args: Rest<typeof replicas.alterReplicaLogDirs>): ReturnType<typeof replicas.alterReplicaLogDirs> {
    return replicas.alterReplicaLogDirs(this.#cluster, ...args)
  }

  alterPartitionReassignments(
    ...args: Rest<typeof replicas.alterPartitionReassignments>
  ): ReturnType<typeof replicas.alterPartitionReassignments> {
    return replicas.alterPartitionReassignments(this.#cluster, ...args)
  }

  listPartitionReassignments(
    ...args: Rest<typeof replicas.listPartitionReassignments>
  ): ReturnType<typeof replicas.listPartitionReassignments> {
    return replicas.listPartitionReassignments(this.#cluster, ...args)
  }

  electLeaders(...args: Rest<typeof replicas.electLeaders>): ReturnType<typeof replicas.electLeaders> {
    return replicas.electLeaders(this.#cluster, ...args)
  }
}
