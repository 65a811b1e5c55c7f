// What handlers reach. One a broker; nothing here is module-level, so that many brokers live in one process.
import type { BrokerConfig } from '@odradek/config'
import type { GroupCoordinator } from '@odradek/coordinator'
import type { MetadataImage, MetadataNode, SupportedRange } from '@odradek/metadata'
import type { LogManager } from '@odradek/storage'
import type { MemoryBudget } from '@odradek/transport'
import type { World } from '@odradek/world'
import type { LoggerLevels } from './broker-loggers.ts'
import type { FetchSessionCache } from './fetch/fetch-session.ts'
import type { RequestContext } from './handler.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { Partition } from './replica/partition.ts'
import type { ReplicaManager } from './replica/replica-manager.ts'
import type { TopicCreation } from './topic-creation.ts'

export interface BrokerContext {
  readonly world: World
  readonly config: BrokerConfig
  readonly nodeId: number
  readonly clusterId: string
  readonly metadata: MetadataNode
  /** The newest metadata that this broker has applied: whoever sees a partition in it can use the partition. */
  readonly image: MetadataImage
  readonly supportedFeatures: ReadonlyMap<string, SupportedRange>
  readonly replicas: ReplicaManager
  readonly logs: LogManager
  readonly groups: GroupCoordinator
  readonly fetchSessions: FetchSessionCache
  readonly producerIds: ProducerIds
  readonly topicCreation: TopicCreation
  /** Undefined where the logger has no levels that can be changed. */
  readonly loggers: LoggerLevels | undefined
  /** What clients are told is the controller: some broker that hands requests on, as in every KRaft cluster. */
  controllerId(): number
  /** Where clients of the listener find this broker. */
  ownEndpoint(context: RequestContext): { host: string; port: number } | undefined
  /** Bytes of answers that peers have not read, and of those that are being read from files. */
  readonly responseMemory: MemoryBudget
  /** fetch.max.bytes, or less while memory for responses is short. */
  fetchBytesMax(): number
  /** The log of the partition has begun to move to another directory. */
  onLogMoving(partition: Partition): void
  /** Resolves when what the controller has answered so far is applied here: see MetadataApplier.whenApplied. */
  whenMetadataApplied(logsAwaitedMax?: number): Promise<void>
}
