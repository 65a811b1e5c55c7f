// `odradek/kafkajs`: the interface of kafkajs on the native client. See docs/guides/from-kafkajs.md.
export { AssignerProtocol, type MemberAssignment, type MemberMetadata, PartitionAssigners } from './assigners.ts'
export * from './enums.ts'
export * from './errors.ts'
export type {
  AdminEvents,
  ConnectEvent,
  ConsumerCommitOffsetsEvent,
  ConsumerCrashEvent,
  ConsumerEndBatchProcessEvent,
  ConsumerEvents,
  ConsumerFetchEvent,
  ConsumerFetchStartEvent,
  ConsumerGroupJoinEvent,
  ConsumerHeartbeatEvent,
  ConsumerRebalancingEvent,
  ConsumerReceivedUnsubcribedTopicsEvent,
  ConsumerStartBatchProcessEvent,
  DisconnectEvent,
  IMemberAssignment,
  InstrumentationEvent,
  ProducerEvents,
  RemoveInstrumentationEventListener,
  RequestEvent,
  RequestQueueSizeEvent,
  RequestTimeoutEvent
} from './events.ts'
export { Kafka } from './kafka.ts'
export { Partitioners } from './partitioners.ts'
export type * from './topic-offsets.ts'
export type * from './types.ts'
