// The calls of each client, with the names of their options: the compiler holds them against the methods. What is not here is not
// checked: `send`, which is called for every record, and calls without options.
import { Admin } from './admin/admin.ts'
import { KeyedResult } from './admin/keyed-result.ts'
import { type Calls, checkCalls } from './call-checks.ts'
import { Consumer } from './consumer/consumer.ts'
import { Producer } from './producer/producer.ts'
import { ShareConsumer } from './share/share-consumer.ts'

const call = { signal: true, timeoutMs: true } as const
const validated = { ...call, validateOnly: true } as const
const described = { ...call, includeAuthorizedOperations: true } as const
const quotaRetried = { ...call, retryOnQuotaViolation: true } as const
const grouped = { ...call, states: true, types: true, protocolTypes: true } as const
const partitions = ['topic', 'partition'] as const

const adminCalls: Calls<Admin> = {
  createTopics: [2, { ...validated, ...quotaRetried }, { 0: [] }],
  deleteTopics: [2, quotaRetried],
  createPartitions: [2, { ...validated, ...quotaRetried }],
  listTopics: [1, { ...call, listInternal: true }],
  describeTopics: [2, { ...described, partitionSizeLimitPerResponse: true }],
  describeConfigs: [2, { ...call, includeSynonyms: true, includeDocumentation: true }, { 0: ['type', 'name'] }],
  incrementalAlterConfigs: [2, validated, { 0: ['type', 'name', 'ops'] }],
  listConfigResources: [2, call],
  listClientMetricsResources: [1, call],
  listOffsets: [2, { ...call, isolationLevel: true }, { 0: [...partitions, 'spec'] }],
  deleteRecords: [2, call, { 0: [...partitions, 'beforeOffset'] }],
  listGroups: [1, grouped],
  listConsumerGroups: [1, grouped],
  describeConsumerGroups: [2, described, { 0: [] }],
  describeClassicGroups: [2, described, { 0: [] }],
  removeMembersFromConsumerGroup: [2, { ...call, members: true, reason: true }],
  deleteConsumerGroups: [2, call, { 0: [] }],
  deleteShareGroups: [2, call, { 0: [] }],
  deleteStreamsGroups: [2, call, { 0: [] }],
  listConsumerGroupOffsets: [2, { ...call, requireStable: true }, { 0: [] }],
  alterConsumerGroupOffsets: [3, call, { 1: [...partitions, 'offset'] }],
  deleteConsumerGroupOffsets: [3, call, { 1: partitions }],
  listStreamsGroupOffsets: [2, { ...call, requireStable: true }, { 0: [] }],
  alterStreamsGroupOffsets: [3, call, { 1: [...partitions, 'offset'] }],
  deleteStreamsGroupOffsets: [3, call, { 1: partitions }],
  describeShareGroups: [2, described, { 0: [] }],
  listShareGroupOffsets: [2, call, { 0: [] }],
  alterShareGroupOffsets: [3, call, { 1: [...partitions, 'offset'] }],
  deleteShareGroupOffsets: [3, call, { 1: [] }],
  describeStreamsGroups: [2, described, { 0: [] }],
  describeCluster: [1, { ...described, includeFencedBrokers: true }],
  unregisterBroker: [2, call],
  describeMetadataQuorum: [1, call],
  addRaftVoter: [4, { ...call, clusterId: true }, { 2: [] }],
  removeRaftVoter: [3, { ...call, clusterId: true }],
  describeApiVersions: [2, call, { 0: [] }],
  describeFeatures: [1, { ...call, nodeId: true }],
  updateFeatures: [2, validated],
  createAcls: [2, call, { 0: ['resourceType', 'resourceName', 'principal', 'operation'] }],
  describeAcls: [2, call],
  deleteAcls: [2, call, { 0: [] }],
  describeClientQuotas: [2, call],
  alterClientQuotas: [2, validated, { 0: ['entity', 'ops'] }],
  describeUserScramCredentials: [2, call],
  alterUserScramCredentials: [2, call, { 0: ['user', 'mechanism'] }],
  createDelegationToken: [1, { ...call, owner: true, renewers: true, maxLifetimeMs: true }],
  renewDelegationToken: [2, { ...call, renewPeriodMs: true }],
  expireDelegationToken: [2, { ...call, expiryPeriodMs: true }],
  describeDelegationToken: [1, { ...call, owners: true }],
  listTransactions: [1, { ...call, states: true, producerIds: true, durationMs: true, transactionalIdPattern: true }],
  describeTransactions: [2, call, { 0: [] }],
  describeProducers: [2, { ...call, brokerId: true }, { 0: partitions }],
  fenceProducers: [2, call, { 0: [] }],
  forceTerminateTransaction: [2, call],
  abortTransaction: [2, call],
  describeLogDirs: [2, { ...call, topicPartitions: true }, { 0: [] }],
  describeReplicaLogDirs: [2, call, { 0: [...partitions, 'brokerId'] }],
  alterReplicaLogDirs: [2, call, { 0: [...partitions, 'brokerId', 'logDir'] }],
  alterPartitionReassignments: [2, { ...call, allowReplicationFactorChange: true }, { 0: [...partitions, 'targetReplicas'] }],
  listPartitionReassignments: [2, call],
  electLeaders: [3, call],
  clientInstanceId: [1, call]
}

const producerCalls: Calls<Producer> = {
  sendBatch: [3, { signal: true }, { 1: [] }],
  flush: [1, call],
  partitionsFor: [2, call],
  close: [1, { timeoutMs: true }],
  initTransactions: [1, call],
  commitTransaction: [1, call],
  abortTransaction: [1, call],
  sendOffsetsToTransaction: [3, call, { 0: [...partitions, 'offset'] }],
  transaction: [2, call],
  clientInstanceId: [1, call]
}

const listener = { onAssigned: true, onRevoked: true, onLost: true } as const

const consumerCalls: Calls<Consumer> = {
  subscribe: [2, listener],
  assign: [1, {}, { 0: partitions }],
  unsubscribe: [1, call],
  poll: [1, call],
  stream: [2, { signal: true, ack: true, listener: true }],
  run: [3, { signal: true, concurrency: true, retry: true, deadLetter: true, listener: true, endTimeoutMs: true }],
  position: [2, call],
  beginningOffsets: [2, call, { 0: partitions }],
  endOffsets: [2, call, { 0: partitions }],
  offsetsForTimes: [2, call, { 0: [...partitions, 'timestamp'] }],
  commitSync: [2, call],
  committed: [2, call, { 0: partitions }],
  partitionsFor: [2, call],
  listTopics: [1, call],
  close: [1, { ...call, leaveGroup: true }],
  clientInstanceId: [1, call]
}

const shareConsumerCalls: Calls<ShareConsumer> = {
  unsubscribe: [1, call],
  poll: [1, call],
  stream: [2, { signal: true, ack: true }],
  run: [3, { signal: true, concurrency: true, onError: true, endTimeoutMs: true }],
  commitSync: [1, call],
  close: [1, call],
  clientInstanceId: [1, call]
}

/** These give no promise. */
const synchronous: ReadonlySet<string> = new Set(['subscribe', 'assign', 'stream'])

/** Once, for all clients of this process. */
export function checkClients(): void {
  checkCalls(Admin.prototype, adminCalls, (error) => new KeyedResult(Promise.reject(error)))
  checkCalls(Producer.prototype, producerCalls, (error) => Promise.reject(error))
  const ofConsumer = (error: unknown, method: string) => (synchronous.has(method) ? undefined : Promise.reject(error))
  checkCalls(Consumer.prototype, consumerCalls, ofConsumer)
  checkCalls(ShareConsumer.prototype, shareConsumerCalls, ofConsumer)
}
