// The cluster's metadata at one offset of its log: immutable, and cheap to change into the next one (see
// collections/). Nothing here knows how it came about; delta.ts turns records into the next image, image-writer.ts an
// image into records.
import type { Uuid } from '@odradek/base'
import {
  type AccessControlEntryRecord,
  type DelegationTokenRecord,
  METADATA_VERSION_FEATURE,
  type MetadataVersionLevel,
  metadataVersionByLevel,
  minimumMetadataVersion
} from '@odradek/protocol'
import type { PersistentList } from '../collections/persistent-list.ts'
import { PersistentMap } from '../collections/persistent-map.ts'
import type { BrokerRegistration, ControllerRegistration } from './cluster.ts'
import type { PartitionRegistration } from './partition-registration.ts'

export interface TopicImage {
  readonly name: string
  readonly id: Uuid
  readonly partitions: PersistentList<PartitionRegistration>
}

/** The last record that an image holds. Offset -1: none. */
export interface MetadataProvenance {
  readonly offset: number
  readonly epoch: number
  readonly timestampMs: number
}

/** Resource types of dynamic configuration. */
export const CONFIG_RESOURCE_TOPIC = 2
export const CONFIG_RESOURCE_BROKER = 4
export const CONFIG_RESOURCE_BROKER_LOGGER = 8
export const CONFIG_RESOURCE_CLIENT_METRICS = 16
export const CONFIG_RESOURCE_GROUP = 32

export interface ConfigResource {
  readonly type: number
  /** The empty name of a broker resource is the default of all brokers. */
  readonly name: string
}

export interface ConfigResourceImage extends ConfigResource {
  /** Never empty. */
  readonly values: ReadonlyMap<string, string>
}

export type QuotaEntityType = 'user' | 'client-id' | 'ip'

/** By type; a null name is the default of that type. */
export type QuotaEntity = ReadonlyMap<string, string | null>

export interface ClientQuotaImage {
  readonly entity: QuotaEntity
  /** Never empty. */
  readonly quotas: ReadonlyMap<string, number>
}

export interface ScramCredential {
  readonly user: string
  /** 1 SCRAM-SHA-256, 2 SCRAM-SHA-512 */
  readonly mechanism: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
  readonly iterations: number
}

export type AccessControlEntry = Omit<AccessControlEntryRecord, 'unknownTaggedFields'>
export type DelegationToken = Omit<DelegationTokenRecord, 'unknownTaggedFields'>

export interface MetadataParts {
  readonly provenance: MetadataProvenance
  /** Levels of all finalized features, metadata.version among them. */
  readonly featureLevels: PersistentMap<string, number>
  readonly brokers: PersistentMap<number, BrokerRegistration>
  readonly controllers: PersistentMap<number, ControllerRegistration>
  readonly topicsById: PersistentMap<Uuid, TopicImage>
  readonly topicIds: PersistentMap<string, Uuid>
  /** Names with a `.` or `_`, by the name in which the two are one: metrics cannot tell them apart, so new ones may not collide. */
  readonly collidingTopics: PersistentMap<string, readonly string[]>
  readonly configResources: PersistentMap<string, ConfigResourceImage>
  readonly clientQuotas: PersistentMap<string, ClientQuotaImage>
  /** 0 before the first block. */
  readonly nextProducerId: number
  readonly acls: PersistentMap<Uuid, AccessControlEntry>
  readonly scramCredentials: PersistentMap<string, ScramCredential>
  readonly delegationTokens: PersistentMap<string, DelegationToken>
}

const NO_CONFIGS: ReadonlyMap<string, string> = new Map()

export class MetadataImage implements MetadataParts {
  readonly provenance: MetadataProvenance
  readonly featureLevels: PersistentMap<string, number>
  readonly brokers: PersistentMap<number, BrokerRegistration>
  readonly controllers: PersistentMap<number, ControllerRegistration>
  readonly topicsById: PersistentMap<Uuid, TopicImage>
  readonly topicIds: PersistentMap<string, Uuid>
  /** Names with a `.` or `_`, by the name in which the two are one: metrics cannot tell them apart, so new ones may not collide. */
  readonly collidingTopics: PersistentMap<string, readonly string[]>
  readonly configResources: PersistentMap<string, ConfigResourceImage>
  readonly clientQuotas: PersistentMap<string, ClientQuotaImage>
  readonly nextProducerId: number
  readonly acls: PersistentMap<Uuid, AccessControlEntry>
  readonly scramCredentials: PersistentMap<string, ScramCredential>
  readonly delegationTokens: PersistentMap<string, DelegationToken>

  constructor(parts: MetadataParts) {
    this.provenance = parts.provenance
    this.featureLevels = parts.featureLevels
    this.brokers = parts.brokers
    this.controllers = parts.controllers
    this.topicsById = parts.topicsById
    this.topicIds = parts.topicIds
    this.collidingTopics = parts.collidingTopics
    this.configResources = parts.configResources
    this.clientQuotas = parts.clientQuotas
    this.nextProducerId = parts.nextProducerId
    this.acls = parts.acls
    this.scramCredentials = parts.scramCredentials
    this.delegationTokens = parts.delegationTokens
  }

  static readonly EMPTY = new MetadataImage({
    provenance: { offset: -1, epoch: -1, timestampMs: -1 },
    featureLevels: PersistentMap.empty(),
    brokers: PersistentMap.empty(),
    controllers: PersistentMap.empty(),
    topicsById: PersistentMap.empty(),
    topicIds: PersistentMap.empty(),
    collidingTopics: PersistentMap.empty(),
    configResources: PersistentMap.empty(),
    clientQuotas: PersistentMap.empty(),
    nextProducerId: 0,
    acls: PersistentMap.empty(),
    scramCredentials: PersistentMap.empty(),
    delegationTokens: PersistentMap.empty()
  })

  /** The finalized metadata.version; the oldest one before any record has set it. */
  get metadataVersion(): MetadataVersionLevel {
    return metadataVersionByLevel(this.featureLevels.get(METADATA_VERSION_FEATURE) ?? -1) ?? minimumMetadataVersion
  }

  topic(name: string): TopicImage | undefined {
    const id = this.topicIds.get(name)
    return id === undefined ? undefined : this.topicsById.get(id)
  }

  topicById(id: Uuid): TopicImage | undefined {
    return this.topicsById.get(id)
  }

  partition(topic: string, partition: number): PartitionRegistration | undefined {
    return this.topic(topic)?.partitions.get(partition)
  }

  topics(): IterableIterator<TopicImage> {
    return this.topicsById.values()
  }

  /** The overrides of a resource; empty when it has none. */
  configs(type: number, name: string): ReadonlyMap<string, string> {
    return this.configResources.get(configResourceKey({ type, name }))?.values ?? NO_CONFIGS
  }
}

export function configResourceKey(resource: ConfigResource): string {
  return `${resource.type}:${resource.name}`
}

/** One text for one entity, whatever the order of its parts. */
export function quotaEntityKey(entity: QuotaEntity): string {
  return JSON.stringify([...entity].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function scramCredentialKey(mechanism: number, user: string): string {
  return `${mechanism}:${user}`
}
