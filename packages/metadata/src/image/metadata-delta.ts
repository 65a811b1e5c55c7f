// What a run of records changes: replayed one by one over a base image, then applied into the next image. It also
// remembers what changed, for the publishers. A record that does not fit the state before it is a fault
// (METADATA_RECORD_INVALID): the log and the image disagree, and going on would spread the lie.
import { OdradekError, type Uuid } from '@odradek/base'
import { METADATA_VERSION_FEATURE, metadataVersionByLevel } from '@odradek/protocol'
import { PersistentList } from '../collections/persistent-list.ts'
import type { MetadataRecord, MetadataRecordData, MetadataRecordType } from '../records.ts'
import { hasCollisionCharacters, unifyCollisionCharacters } from '../topic-name.ts'
import { type BrokerRegistration, brokerFromRecord, controllerFromRecord, mergeBrokerChange } from './cluster.ts'
import {
  CONFIG_RESOURCE_TOPIC,
  type ConfigResource,
  configResourceKey,
  MetadataImage,
  type MetadataParts,
  type MetadataProvenance,
  quotaEntityKey,
  scramCredentialKey,
  type TopicImage
} from './metadata-image.ts'
import { mergePartitionChange, type PartitionRegistration, partitionFromRecord } from './partition-registration.ts'

export interface TopicDelta {
  readonly id: Uuid
  readonly name: string
  /** The topic as the base image has it; undefined when the delta creates it. */
  readonly before: TopicImage | undefined
  readonly changedPartitions: Set<number>
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Data<K extends MetadataRecordType> = MetadataRecordData<K>

function invalid(message: string): OdradekError {
  return new OdradekError('METADATA_RECORD_INVALID', message)
}

export class MetadataDelta {
  readonly base: MetadataImage
  /** Topics that exist after the delta and were created or changed by it. */
  readonly changedTopics = new Map<Uuid, TopicDelta>()
  /** Topics of the base image that the delta deletes. */
  readonly deletedTopics = new Map<Uuid, TopicImage>()
  readonly changedBrokers = new Set<number>()
  readonly changedControllers = new Set<number>()
  readonly changedConfigs = new Map<string, ConfigResource>()
  readonly changedFeatures = new Set<string>()
  /** By entity key. */
  readonly changedClientQuotas = new Set<string>()
  readonly changedAcls = new Set<Uuid>()
  /** By credential key. */
  readonly changedScramCredentials = new Set<string>()
  readonly changedDelegationTokens = new Set<string>()
  readonly #next: Mutable<MetadataParts>

  constructor(base: MetadataImage) {
    this.base = base
    this.#next = { ...base }
  }

  /** The image after the records replayed so far. The delta may go on from there. */
  apply(provenance: MetadataProvenance): MetadataImage {
    return new MetadataImage({ ...this.#next, provenance })
  }

  get isTopicsChanged(): boolean {
    return this.changedTopics.size > 0 || this.deletedTopics.size > 0
  }

  replay(record: MetadataRecord): void {
    const replayer = this.#replayers[record.type] as (data: MetadataRecord['data']) => void
    replayer(record.data)
  }

  readonly #replayers: { readonly [K in MetadataRecordType]: (record: Data<K>) => void } = {
    TopicRecord: (record) => this.#topic(record),
    PartitionRecord: (record) => this.#partition(record),
    PartitionChangeRecord: (record) => this.#partitionChange(record),
    RemoveTopicRecord: (record) => this.#removeTopic(record),
    ClearElrRecord: (record) => this.#clearElr(record),
    ConfigRecord: (record) => this.#config(record),
    RegisterBrokerRecord: (record) => this.#setBroker(brokerFromRecord(record)),
    UnregisterBrokerRecord: (record) => this.#unregisterBroker(record),
    BrokerRegistrationChangeRecord: (record) =>
      this.#setBroker(mergeBrokerChange(this.#broker(record.brokerId, record.brokerEpoch), record)),
    FenceBrokerRecord: (record) => this.#setBroker({ ...this.#broker(record.id, record.epoch), fenced: true }),
    UnfenceBrokerRecord: (record) => this.#setBroker({ ...this.#broker(record.id, record.epoch), fenced: false }),
    RegisterControllerRecord: (record) => this.#registerController(record),
    FeatureLevelRecord: (record) => this.#featureLevel(record),
    ClientQuotaRecord: (record) => this.#clientQuota(record),
    ProducerIdsRecord: (record) => this.#producerIds(record),
    AccessControlEntryRecord: (record) => this.#accessControlEntry(record),
    RemoveAccessControlEntryRecord: (record) => this.#removeAccessControlEntry(record),
    UserScramCredentialRecord: (record) => this.#scramCredential(record),
    RemoveUserScramCredentialRecord: (record) => this.#removeScramCredential(record),
    DelegationTokenRecord: (record) => this.#delegationToken(record),
    RemoveDelegationTokenRecord: (record) => this.#removeDelegationToken(record),
    // Transactions are the image chain's affair; a migration from ZooKeeper is long over.
    NoOpRecord: () => undefined,
    ZkMigrationStateRecord: () => undefined,
    BeginTransactionRecord: () => undefined,
    EndTransactionRecord: () => undefined,
    AbortTransactionRecord: () => undefined
  }

  #topic(record: Data<'TopicRecord'>): void {
    if (this.#next.topicIds.has(record.name) || this.#next.topicsById.has(record.topicId)) {
      throw invalid(`A TopicRecord for ${record.name} with ID ${record.topicId}, which exists.`)
    }
    this.changedTopics.set(record.topicId, { id: record.topicId, name: record.name, before: undefined, changedPartitions: new Set() })
    this.#next.topicIds = this.#next.topicIds.set(record.name, record.topicId)
    if (hasCollisionCharacters(record.name)) this.#setColliding(record.name, (names) => [...names, record.name].sort())
    this.#next.topicsById = this.#next.topicsById.set(record.topicId, {
      name: record.name,
      id: record.topicId,
      partitions: PersistentList.empty()
    })
  }

  #partition(record: Data<'PartitionRecord'>): void {
    const topic = this.#existingTopic(record.topicId, 'PartitionRecord')
    if (record.partitionId < 0 || record.partitionId > topic.partitions.size) {
      throw invalid(`A PartitionRecord for ${topic.name}-${record.partitionId}, while the topic has ${topic.partitions.size} partitions.`)
    }
    this.#setPartition(topic, record.partitionId, partitionFromRecord(record))
  }

  #partitionChange(record: Data<'PartitionChangeRecord'>): void {
    const topic = this.#existingTopic(record.topicId, 'PartitionChangeRecord')
    const partition = topic.partitions.get(record.partitionId)
    if (partition === undefined) throw invalid(`A PartitionChangeRecord for ${topic.name}-${record.partitionId}, which does not exist.`)
    this.#setPartition(topic, record.partitionId, mergePartitionChange(partition, record))
  }

  #setPartition(topic: TopicImage, partitionId: number, partition: PartitionRegistration): void {
    let delta = this.changedTopics.get(topic.id)
    if (delta === undefined) {
      delta = { id: topic.id, name: topic.name, before: this.base.topicsById.get(topic.id), changedPartitions: new Set() }
      this.changedTopics.set(topic.id, delta)
    }
    delta.changedPartitions.add(partitionId)
    this.#next.topicsById = this.#next.topicsById.set(topic.id, { ...topic, partitions: topic.partitions.with(partitionId, partition) })
  }

  #removeTopic(record: Data<'RemoveTopicRecord'>): void {
    const topic = this.#existingTopic(record.topicId, 'RemoveTopicRecord')
    const before = this.base.topicsById.get(topic.id)
    this.changedTopics.delete(topic.id)
    if (before !== undefined) this.deletedTopics.set(topic.id, before)
    this.#next.topicIds = this.#next.topicIds.delete(topic.name)
    this.#next.topicsById = this.#next.topicsById.delete(topic.id)
    if (hasCollisionCharacters(topic.name)) this.#setColliding(topic.name, (names) => names.filter((name) => name !== topic.name))
    // The records of a topic's deletion do not say that its configuration goes with it.
    const resource = { type: CONFIG_RESOURCE_TOPIC, name: topic.name }
    const key = configResourceKey(resource)
    if (this.#next.configResources.has(key)) {
      this.changedConfigs.set(key, resource)
      this.#next.configResources = this.#next.configResources.delete(key)
    }
  }

  #setColliding(name: string, change: (names: readonly string[]) => readonly string[]): void {
    const key = unifyCollisionCharacters(name)
    const names = change(this.#next.collidingTopics.get(key) ?? [])
    this.#next.collidingTopics = names.length === 0 ? this.#next.collidingTopics.delete(key) : this.#next.collidingTopics.set(key, names)
  }

  /** An empty name clears the ELRs of every topic. */
  #clearElr(record: Data<'ClearElrRecord'>): void {
    if (record.topicName === '') {
      for (const topic of this.#next.topicsById.values()) this.#clearTopicElr(topic)
      return
    }
    const id = this.#next.topicIds.get(record.topicName)
    if (id === undefined) throw invalid(`A ClearElrRecord for ${record.topicName}, which does not exist.`)
    this.#clearTopicElr(this.#existingTopic(id, 'ClearElrRecord'))
  }

  #clearTopicElr(topic: TopicImage): void {
    for (const [partitionId, partition] of topic.partitions.entries()) {
      if (partition.elr.length === 0 && partition.lastKnownElr.length === 0) continue
      const current = this.#existingTopic(topic.id, 'ClearElrRecord')
      this.#setPartition(current, partitionId, { ...partition, elr: [], lastKnownElr: [], partitionEpoch: partition.partitionEpoch + 1 })
    }
  }

  #existingTopic(id: Uuid, recordType: string): TopicImage {
    const topic = this.#next.topicsById.get(id)
    if (topic === undefined) throw invalid(`A ${recordType} for topic ID ${id}, which does not exist.`)
    return topic
  }

  #config(record: Data<'ConfigRecord'>): void {
    const resource = { type: record.resourceType, name: record.resourceName }
    const key = configResourceKey(resource)
    const values = new Map(this.#next.configResources.get(key)?.values)
    if (record.value === null) values.delete(record.name)
    else values.set(record.name, record.value)
    this.changedConfigs.set(key, resource)
    this.#next.configResources =
      values.size === 0 ? this.#next.configResources.delete(key) : this.#next.configResources.set(key, { ...resource, values })
  }

  #setBroker(broker: BrokerRegistration): void {
    this.changedBrokers.add(broker.id)
    this.#next.brokers = this.#next.brokers.set(broker.id, broker)
  }

  #broker(id: number, epoch: number): BrokerRegistration {
    const broker = this.#next.brokers.get(id)
    if (broker === undefined || broker.epoch !== epoch)
      throw invalid(`A record for broker ${id} of epoch ${epoch}, which is not registered.`)
    return broker
  }

  #unregisterBroker(record: Data<'UnregisterBrokerRecord'>): void {
    this.#broker(record.brokerId, record.brokerEpoch)
    this.changedBrokers.add(record.brokerId)
    this.#next.brokers = this.#next.brokers.delete(record.brokerId)
  }

  #registerController(record: Data<'RegisterControllerRecord'>): void {
    this.changedControllers.add(record.controllerId)
    this.#next.controllers = this.#next.controllers.set(record.controllerId, controllerFromRecord(record))
  }

  #featureLevel(record: Data<'FeatureLevelRecord'>): void {
    if (record.name === METADATA_VERSION_FEATURE && metadataVersionByLevel(record.featureLevel) === undefined) {
      throw invalid(`metadata.version ${record.featureLevel} is not known: the log was written by a newer release.`)
    }
    this.changedFeatures.add(record.name)
    this.#next.featureLevels =
      record.featureLevel === 0
        ? this.#next.featureLevels.delete(record.name)
        : this.#next.featureLevels.set(record.name, record.featureLevel)
  }

  #clientQuota(record: Data<'ClientQuotaRecord'>): void {
    const entity = new Map(record.entity.map(({ entityType, entityName }) => [entityType, entityName]))
    const key = quotaEntityKey(entity)
    const quotas = new Map(this.#next.clientQuotas.get(key)?.quotas)
    if (record.remove) quotas.delete(record.key)
    else quotas.set(record.key, record.value)
    this.changedClientQuotas.add(key)
    this.#next.clientQuotas = quotas.size === 0 ? this.#next.clientQuotas.delete(key) : this.#next.clientQuotas.set(key, { entity, quotas })
  }

  #producerIds(record: Data<'ProducerIdsRecord'>): void {
    if (record.nextProducerId <= this.#next.nextProducerId) {
      throw invalid(`A ProducerIdsRecord goes from ${this.#next.nextProducerId} to ${record.nextProducerId}: ids would be given twice.`)
    }
    this.#next.nextProducerId = record.nextProducerId
  }

  #accessControlEntry(record: Data<'AccessControlEntryRecord'>): void {
    const { unknownTaggedFields: _, ...entry } = record
    this.changedAcls.add(record.id)
    this.#next.acls = this.#next.acls.set(record.id, entry)
  }

  #removeAccessControlEntry(record: Data<'RemoveAccessControlEntryRecord'>): void {
    if (!this.#next.acls.has(record.id)) throw invalid(`A RemoveAccessControlEntryRecord for ID ${record.id}, which does not exist.`)
    this.changedAcls.add(record.id)
    this.#next.acls = this.#next.acls.delete(record.id)
  }

  #scramCredential(record: Data<'UserScramCredentialRecord'>): void {
    const key = scramCredentialKey(record.mechanism, record.name)
    const { name: user, mechanism, iterations } = record
    // Copies: the decoder's views would keep whole log batches in memory.
    const [salt, storedKey, serverKey] = [record.salt, record.storedKey, record.serverKey].map((bytes) => Buffer.from(bytes))
    this.changedScramCredentials.add(key)
    this.#next.scramCredentials = this.#next.scramCredentials.set(key, { user, mechanism, salt, storedKey, serverKey, iterations })
  }

  #removeScramCredential(record: Data<'RemoveUserScramCredentialRecord'>): void {
    const key = scramCredentialKey(record.mechanism, record.name)
    if (!this.#next.scramCredentials.has(key))
      throw invalid(`A RemoveUserScramCredentialRecord for ${record.name}, who has no such credential.`)
    this.changedScramCredentials.add(key)
    this.#next.scramCredentials = this.#next.scramCredentials.delete(key)
  }

  #delegationToken(record: Data<'DelegationTokenRecord'>): void {
    const { unknownTaggedFields: _, ...token } = record
    this.changedDelegationTokens.add(token.tokenId)
    this.#next.delegationTokens = this.#next.delegationTokens.set(token.tokenId, token)
  }

  #removeDelegationToken(record: Data<'RemoveDelegationTokenRecord'>): void {
    this.changedDelegationTokens.add(record.tokenId)
    this.#next.delegationTokens = this.#next.delegationTokens.delete(record.tokenId)
  }
}
