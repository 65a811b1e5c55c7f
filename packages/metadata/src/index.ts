export {
  BOOTSTRAP_FILE,
  bootstrapFeatureLevels,
  bootstrapFeatureRecords,
  bootstrapMetadataVersion,
  readBootstrapRecords
} from './bootstrap.ts'
export type { ApiError } from './controller/api-error.ts'
export { listableConfigResourceTypes, listConfigResources } from './controller/configs.ts'
export type { ControllerApi, ControllerRequest, ControllerResponse } from './controller/controller-api.ts'
export { type PlacementRequest, placeReplicas, type UsableBroker } from './controller/placement.ts'
export { featureDefinition, featureDependencyProblem, type SupportedRange, supportedFeatures } from './features.ts'
export {
  type FormatOptions,
  formatStorage,
  isHalfFormatted,
  metadataIsMissing,
  releaseMetadataVersion,
  storageDirectories
} from './format.ts'
export {
  type BrokerRegistration,
  type ControllerRegistration,
  type Endpoint,
  hasOnlineDirectory,
  isActive
} from './image/cluster.ts'
export type { Publication } from './image/image-chain.ts'
export { deltaFromEmpty, imageHash, imageToRecords } from './image/image-writer.ts'
export { type LocalChanges, type LocalPartition, type LocalReplica, localChanges } from './image/local-changes.ts'
export { MetadataDelta, type TopicDelta } from './image/metadata-delta.ts'
export {
  type AccessControlEntry,
  type ClientQuotaImage,
  CONFIG_RESOURCE_BROKER,
  CONFIG_RESOURCE_BROKER_LOGGER,
  CONFIG_RESOURCE_CLIENT_METRICS,
  CONFIG_RESOURCE_GROUP,
  CONFIG_RESOURCE_TOPIC,
  type ConfigResource,
  type ConfigResourceImage,
  type DelegationToken,
  MetadataImage,
  type MetadataProvenance,
  type ScramCredential,
  type TopicImage
} from './image/metadata-image.ts'
export {
  DIRECTORY_LOST,
  DIRECTORY_MIGRATING,
  DIRECTORY_UNASSIGNED,
  directoryOf,
  NO_LEADER,
  type PartitionRegistration,
  RECOVERED,
  RECOVERING
} from './image/partition-registration.ts'
export { type ControllerEndpoint, MetadataNode, type MetadataNodeOptions, type MetadataPublisher } from './metadata-node.ts'
export { metadataLogConfig } from './partition-raft-log.ts'
export { decodeMetadataRecord, encodeMetadataRecord, type MetadataRecord, metadataRecord } from './records.ts'
export { hasCollisionCharacters, topicNameProblem, unifyCollisionCharacters } from './topic-name.ts'
