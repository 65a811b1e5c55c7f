export { type AclBinding, type AclBindingFilter, aclKey, type DeletedAcls } from './admin/acls.ts'
export type { Admin } from './admin/admin.ts'
export type {
  ClusterDescription,
  FeatureMetadata,
  FeatureUpdate,
  QuorumInfo,
  QuorumReplicaState,
  RaftVoterEndpoint,
  SupportedApiVersions
} from './admin/cluster-info.ts'
export { type AlterConfigs, type ConfigEntry, type ConfigResource, configResourceKey, type ResourceConfig } from './admin/configs.ts'
export type { CommittedOffset, GroupOffsets, GroupOffsetsSpec, OffsetToCommit } from './admin/group-offsets.ts'
export type {
  ClassicGroupDescription,
  ConsumerGroupDescription,
  DescribeGroupsOptions,
  GroupListing,
  ListGroupsOptions,
  MemberDescription,
  RemoveMembersOptions
} from './admin/groups.ts'
export type { KeyedResult, Outcomes } from './admin/keyed-result.ts'
export type {
  AclOperationName,
  AclPermissionName,
  AlterConfigOpName,
  ConfigResourceTypeName,
  ConfigSourceName,
  ConfigTypeName,
  PatternTypeName,
  ResourceTypeName,
  ScramMechanismName
} from './admin/names.ts'
export type { ListedOffset, OffsetQuery, OffsetSpec, RecordsToDelete } from './admin/offsets.ts'
export { type ClientQuota, type ClientQuotaAlteration, type ClientQuotaFilter, type QuotaEntity, quotaEntityKey } from './admin/quotas.ts'
export {
  type LogDirDescription,
  type NewPartitionReassignment,
  type PartitionReassignment,
  type ReplicaInfo,
  type ReplicaLogDirInfo,
  replicaKey,
  type TopicPartitionReplica
} from './admin/replicas.ts'
export type { ScramCredentialInfo, UserScramCredentialAlteration } from './admin/scram.ts'
export type { ShareGroupDescription, ShareGroupOffset, ShareMemberDescription } from './admin/share-groups.ts'
export type { StreamsGroupDescription, StreamsGroupMemberAssignment, StreamsGroupMemberDescription } from './admin/streams-groups.ts'
export type { DelegationToken } from './admin/tokens.ts'
export type {
  CreatedTopic,
  CreateTopicsOptions,
  DescribeTopicsOptions,
  NewPartitions,
  NewTopic,
  TopicCollection,
  TopicDescription,
  TopicListing,
  TopicPartitionInfo
} from './admin/topics.ts'
export type {
  AbortTransactionSpec,
  FencedProducer,
  ListTransactionsOptions,
  ProducerState,
  TransactionDescription,
  TransactionListing
} from './admin/transactions.ts'
export type {
  AssignorInput,
  AssignorPartition,
  ConsumerAssignor,
  MemberAssignment,
  MemberSubscription,
  RebalanceProtocol
} from './consumer/assignors/types.ts'
export type { Consumer } from './consumer/consumer.ts'
export type { ConsumerRecords } from './consumer/consumer-records.ts'
export type { ConsumerInterceptor } from './consumer/interceptors.ts'
export type { ConsumerOptions } from './consumer/options.ts'
export type { ConsumerRecord } from './consumer/record.ts'
export { retryTopics } from './consumer/retry-topics.ts'
export { backoff, type Handler, type HandlerContext } from './consumer/run.ts'
export type { RetryPolicy, RetryTopics, RetryTopicsOptions, RunOptions } from './consumer/run-options.ts'
export type { RecordStream, StreamOptions } from './consumer/stream.ts'
export type { SubscribeTo } from './consumer/subscriber.ts'
export type { ConsumeTransaction, ConsumeTransactionOptions } from './consumer/transactional-work.ts'
export type {
  CloseOptions,
  CommitCallback,
  ConsumerGroupMetadata,
  OffsetAndMetadata,
  OffsetAndTimestamp,
  PollOptions,
  RebalanceListener,
  TopicPartitionOffset
} from './consumer/types.ts'
export { KafkaError, PartialFailureError } from './errors.ts'
export { type AdminOptions, Kafka, type KafkaOptions } from './kafka.ts'
export type { ApplicationMetric, ClientMetric, MetricsSnapshot } from './metrics/client-metrics.ts'
export type { ClusterMetadata, Node, PartitionMetadata, TopicMetadata } from './network/metadata.ts'
export type { PartitionInfo } from './network/partition-info.ts'
export type {
  Acks,
  Producer,
  ProducerOptions,
  RecordWithTopic,
  Transaction
} from './producer/producer.ts'
export type {
  GroupMetadata,
  Header,
  Headers,
  HeaderValue,
  OutgoingRecord,
  Partitioner,
  PartitionerContext,
  ProducerInterceptor,
  ProducerRecord,
  RecordMetadata,
  SendCallback,
  SendOptions,
  TopicLike
} from './producer/types.ts'
export type { SaslOptions } from './security/sasl.ts'
export type { TlsClientOptions, TypedSecurity } from './security/security.ts'
export { json } from './serdes/json.ts'
export { bigint, type NumberForm, number } from './serdes/number.ts'
export { buffer, type Deserializer, type Serde, type Serialized, type Serializer, string, uuid } from './serdes/serde.ts'
export type { StandardSchema } from './serdes/standard-schema.ts'
export type { Acknowledgement } from './share/acknowledgements.ts'
export type {
  AcknowledgedOffsets,
  AcknowledgementCommitCallback,
  ShareConsumerOptions,
  ShareHandler,
  ShareHandlerContext,
  ShareRunOptions,
  ShareStreamOptions,
  ShareVerdict
} from './share/options.ts'
export type { ShareConsumer, ShareSubscribeTo } from './share/share-consumer.ts'
export { type Raw, type Topic, type TopicCreation, type TopicOptions, topic } from './topic.ts'
export { type CallOptions, partitionKey, type TopicPartition } from './types.ts'
