// Brokers and controllers as they registered.
import type { Uuid } from '@odradek/base'
import type {
  BrokerRegistrationChangeRecord,
  MetadataVersionLevel,
  RegisterBrokerRecord,
  RegisterControllerRecord
} from '@odradek/protocol'
import type { SupportedRange } from '../features.ts'
import { type MetadataRecord, metadataRecord } from '../records.ts'
import { DIRECTORY_LOST, DIRECTORY_MIGRATING, DIRECTORY_UNASSIGNED } from './partition-registration.ts'

export interface Endpoint {
  readonly name: string
  readonly host: string
  readonly port: number
  /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
  readonly securityProtocol: number
}

export interface BrokerRegistration {
  readonly id: number
  /** The offset of the record that made this registration. */
  readonly epoch: number
  readonly incarnationId: Uuid
  /** By listener name, in the order of the registration. */
  readonly listeners: ReadonlyMap<string, Endpoint>
  readonly supportedFeatures: ReadonlyMap<string, SupportedRange>
  readonly rack: string | null
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
  /** Ids of the online log directories. */
  readonly directories: readonly Uuid[]
  /** Directories that take no new replicas; null until the broker has said. */
  readonly cordonedDirectories: readonly Uuid[] | null
}

export interface ControllerRegistration {
  readonly id: number
  readonly incarnationId: Uuid
  readonly zkMigrationReady: boolean
  readonly listeners: ReadonlyMap<string, Endpoint>
  readonly supportedFeatures: ReadonlyMap<string, SupportedRange>
}

interface FeatureEntry {
  name: string
  minSupportedVersion: number
  maxSupportedVersion: number
}

const listenerMap = (endpoints: readonly Endpoint[]): ReadonlyMap<string, Endpoint> =>
  new Map(endpoints.map(({ name, host, port, securityProtocol }) => [name, { name, host, port, securityProtocol }]))

const featureMap = (features: readonly FeatureEntry[]): ReadonlyMap<string, SupportedRange> =>
  new Map(features.map((feature) => [feature.name, { minVersion: feature.minSupportedVersion, maxVersion: feature.maxSupportedVersion }]))

// Sorted, so that one registration has one record whatever the order in which it came.
const featureEntries = (features: ReadonlyMap<string, SupportedRange>): FeatureEntry[] =>
  Array.from(features, ([name, range]) => ({ name, minSupportedVersion: range.minVersion, maxSupportedVersion: range.maxVersion })).sort(
    byName
  )

const endpointEntries = (listeners: ReadonlyMap<string, Endpoint>): Endpoint[] => [...listeners.values()].sort(byName)

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}

/** The directory ids of a registration, sorted: the order in which a broker lists them means nothing. */
const sorted = (ids: readonly Uuid[]): readonly Uuid[] => [...ids].sort()

export function brokerFromRecord(record: RegisterBrokerRecord): BrokerRegistration {
  return {
    id: record.brokerId,
    epoch: record.brokerEpoch,
    incarnationId: record.incarnationId,
    listeners: listenerMap(record.endPoints),
    supportedFeatures: featureMap(record.features),
    rack: record.rack,
    fenced: record.fenced,
    inControlledShutdown: record.inControlledShutdown,
    directories: sorted(record.logDirs),
    cordonedDirectories: record.cordonedLogDirs === null ? null : sorted(record.cordonedLogDirs)
  }
}

/** Each field of a change record says nothing by its default: 0 for a switch, an empty or null list for directories. */
export function mergeBrokerChange(broker: BrokerRegistration, record: BrokerRegistrationChangeRecord): BrokerRegistration {
  return {
    ...broker,
    fenced: record.fenced === 0 ? broker.fenced : record.fenced === 1,
    inControlledShutdown: record.inControlledShutdown === 0 ? broker.inControlledShutdown : record.inControlledShutdown === 1,
    directories: record.logDirs.length === 0 ? broker.directories : sorted(record.logDirs),
    cordonedDirectories: record.cordonedLogDirs === null ? broker.cordonedDirectories : sorted(record.cordonedLogDirs)
  }
}

export function brokerToRecord(broker: BrokerRegistration, metadataVersion: MetadataVersionLevel): MetadataRecord {
  return metadataRecord('RegisterBrokerRecord', metadataVersion.registerBrokerRecord, {
    brokerId: broker.id,
    incarnationId: broker.incarnationId,
    brokerEpoch: broker.epoch,
    endPoints: endpointEntries(broker.listeners),
    features: featureEntries(broker.supportedFeatures),
    rack: broker.rack,
    fenced: broker.fenced,
    inControlledShutdown: broker.inControlledShutdown,
    ...(metadataVersion.dirAssignment ? { logDirs: broker.directories } : {}),
    ...(metadataVersion.cordonedLogDirs ? { cordonedLogDirs: broker.cordonedDirectories } : {})
  })
}

export function controllerFromRecord(record: RegisterControllerRecord): ControllerRegistration {
  return {
    id: record.controllerId,
    incarnationId: record.incarnationId,
    zkMigrationReady: record.zkMigrationReady,
    listeners: listenerMap(record.endPoints),
    supportedFeatures: featureMap(record.features)
  }
}

export function controllerToRecord(controller: ControllerRegistration): MetadataRecord {
  return metadataRecord('RegisterControllerRecord', 0, {
    controllerId: controller.id,
    incarnationId: controller.incarnationId,
    zkMigrationReady: controller.zkMigrationReady,
    endPoints: endpointEntries(controller.listeners),
    features: featureEntries(controller.supportedFeatures)
  })
}

/**
 * Whether a replica in `directory` of the broker can lead: unassigned and migrating ones may, lost ones may not. A
 * broker without directories registered before there was directory assignment: it is taken at its word.
 */
export function hasOnlineDirectory(broker: BrokerRegistration, directory: Uuid): boolean {
  if (directory === DIRECTORY_UNASSIGNED || directory === DIRECTORY_MIGRATING) return true
  if (directory === DIRECTORY_LOST) return false
  return broker.directories.length === 0 || broker.directories.includes(directory)
}

/** Alive for leadership and ISR: registered, not fenced, not shutting down. */
export function isActive(broker: BrokerRegistration | undefined): broker is BrokerRegistration {
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
}

/** Whether some directory of the broker takes new replicas. */
export function hasUncordonedDirectory(broker: BrokerRegistration): boolean {
  const { directories, cordonedDirectories } = broker
  return (
    cordonedDirectories === null || directories.length === 0 || directories.some((directory) => !cordonedDirectories.includes(directory))
  )
}
