// An image as the records that make it again: what a snapshot holds. The order is Kafka's by kind (features first, so
// that a reader knows the metadata.version) and sorted within a kind, so that one image has one sequence of records.
import { createHash } from 'node:crypto'
import type { Uuid } from '@odradek/base'
import { METADATA_VERSION_FEATURE } from '@odradek/protocol'
import { ELR_FEATURE } from '../features.ts'
import { encodeMetadataRecord, type MetadataRecord, metadataRecord } from '../records.ts'
import { brokerToRecord, controllerToRecord } from './cluster.ts'
import { MetadataDelta } from './metadata-delta.ts'
import { MetadataImage, type TopicImage } from './metadata-image.ts'
import { type PartitionRegistration, partitionToRecord } from './partition-registration.ts'

function sorted<K extends string | number, V>(entries: Iterable<[K, V]>): [K, V][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

export function* imageToRecords(image: MetadataImage): Generator<MetadataRecord> {
  yield* featureRecords(image)
  for (const [, broker] of sorted(image.brokers)) yield brokerToRecord(broker, image.metadataVersion)
  for (const [, controller] of sorted(image.controllers)) yield controllerToRecord(controller)
  for (const [, topic] of sorted(image.topicsById)) yield* topicRecords(image, topic)
  for (const [, resource] of sorted(image.configResources)) {
    for (const [name, value] of sorted(resource.values)) {
      yield metadataRecord('ConfigRecord', 0, { resourceType: resource.type, resourceName: resource.name, name, value })
    }
  }
  for (const [, { entity, quotas }] of sorted(image.clientQuotas)) {
    const entityData = sorted(entity).map(([entityType, entityName]) => ({ entityType, entityName }))
    for (const [key, value] of sorted(quotas)) yield metadataRecord('ClientQuotaRecord', 0, { entity: entityData, key, value })
  }
  if (image.nextProducerId > 0) {
    yield metadataRecord('ProducerIdsRecord', 0, { brokerId: -1, brokerEpoch: -1, nextProducerId: image.nextProducerId })
  }
  for (const [, entry] of sorted(image.acls)) yield metadataRecord('AccessControlEntryRecord', 0, entry)
  for (const [, { user, ...credential }] of sorted(image.scramCredentials)) {
    yield metadataRecord('UserScramCredentialRecord', 0, { name: user, ...credential })
  }
  for (const [, token] of sorted(image.delegationTokens)) yield metadataRecord('DelegationTokenRecord', 0, token)
}

function* featureRecords(image: MetadataImage): Generator<MetadataRecord> {
  const metadataVersion = image.featureLevels.get(METADATA_VERSION_FEATURE)
  if (metadataVersion !== undefined)
    yield metadataRecord('FeatureLevelRecord', 0, { name: METADATA_VERSION_FEATURE, featureLevel: metadataVersion })
  for (const [name, featureLevel] of sorted(image.featureLevels)) {
    if (name !== METADATA_VERSION_FEATURE) yield metadataRecord('FeatureLevelRecord', 0, { name, featureLevel })
  }
}

function* topicRecords(image: MetadataImage, topic: TopicImage): Generator<MetadataRecord> {
  yield metadataRecord('TopicRecord', 0, { name: topic.name, topicId: topic.id })
  for (const [partitionId, partition] of topic.partitions.entries()) {
    yield partitionRecord(image, topic.id, partitionId, partition)
  }
}

/** Without the feature, what is left of ELRs is not written (KIP-966). */
function partitionRecord(image: MetadataImage, topicId: Uuid, partitionId: number, partition: PartitionRegistration): MetadataRecord {
  const isElrEnabled = (image.featureLevels.get(ELR_FEATURE) ?? 0) > 0
  return partitionToRecord(
    isElrEnabled ? partition : { ...partition, elr: [], lastKnownElr: [] },
    topicId,
    partitionId,
    image.metadataVersion
  )
}

/** Equal for images that hold the same, wherever and however they came about: SHA-256 over the records. Provenance aside. */
export function imageHash(image: MetadataImage): string {
  const hash = createHash('sha256')
  for (const record of imageToRecords(image)) {
    const bytes = encodeMetadataRecord(record)
    const size = Buffer.alloc(4)
    size.writeUInt32BE(bytes.length)
    hash.update(size).update(bytes)
  }
  return hash.digest('hex')
}

/** The delta that makes an image out of nothing: what a publisher that comes late is told first. */
export function deltaFromEmpty(image: MetadataImage): MetadataDelta {
  const delta = new MetadataDelta(MetadataImage.EMPTY)
  for (const record of imageToRecords(image)) delta.replay(record)
  return delta
}
