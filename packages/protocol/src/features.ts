// Features of a cluster (KIP-584): metadata.version, whose levels decide which records and record versions are written,
// and those that other parts of the broker read. The data is Kafka's (generated/tables/features.ts).
import { OdradekError } from '@odradek/base'
import {
  type FeatureName,
  LATEST_PRODUCTION_METADATA_VERSION,
  MINIMUM_METADATA_VERSION,
  metadataVersions
} from './generated/tables/features.ts'

export {
  type FeatureName,
  featureDefinitions,
  LATEST_PRODUCTION_METADATA_VERSION,
  MINIMUM_METADATA_VERSION,
  metadataVersions
} from './generated/tables/features.ts'

export const METADATA_VERSION_FEATURE = 'metadata.version'

export interface MetadataVersionLevel {
  readonly level: number
  /** As 4.3-IV0. */
  readonly name: string
  /** As 4.3. */
  readonly short: string
  readonly production: boolean
  /** Metadata written at this level cannot be read at the one before. */
  readonly didMetadataChange: boolean
  /** The version of each record that is written at this level; null: not written. */
  readonly registerBrokerRecord: number
  readonly registerControllerRecord: number | null
  readonly partitionRecord: number
  readonly partitionChangeRecord: number
  /** The version of requests between brokers. */
  readonly fetchRequest: number
  readonly listOffsetsRequest: number
  readonly scram: boolean
  readonly metadataTransactions: boolean
  readonly delegationToken: boolean
  readonly dirAssignment: boolean
  readonly elr: boolean
  readonly migration: boolean
  readonly cordonedLogDirs: boolean
  readonly leaderEpochBumpOnIsrShrink: boolean
  /** The levels of the other features in a cluster that is formatted at this level. */
  readonly defaults: Readonly<Record<FeatureName, number>>
}

export interface FeatureDefinition {
  readonly name: FeatureName
  readonly minimumProduction: number
  readonly latestProduction: number
  readonly latestTesting: number
  readonly levels: readonly {
    readonly level: number
    readonly name: string
    /** The first metadata.version that formats a cluster with this level. */
    readonly bootstrapMetadataVersion: string
    /** Levels that other features must have reached. */
    readonly dependencies: Readonly<Record<string, number>>
  }[]
}

const byLevel = new Map(metadataVersions.map((version) => [version.level, version]))

/** Undefined for a level that this release does not know. */
export function metadataVersionByLevel(level: number): MetadataVersionLevel | undefined {
  return byLevel.get(level)
}

/** By its name (4.3-IV0) or its release (4.3, 4.3.1: the newest production level of the release, if there is one). */
export function metadataVersionByName(name: string): MetadataVersionLevel | undefined {
  const exact = metadataVersions.find((version) => version.name === name)
  if (exact !== undefined) return exact
  const release = /^(\d+\.\d+)(\..*)?$/.exec(name)?.[1]
  return metadataVersions.findLast((version) => version.short === release && version.production)
}

function named(name: string): MetadataVersionLevel {
  const version = metadataVersionByName(name)
  if (version === undefined) throw new OdradekError('UNSUPPORTED_VERSION', `metadata.version ${name} is not known`)
  return version
}

export const minimumMetadataVersion: MetadataVersionLevel = named(MINIMUM_METADATA_VERSION)
export const latestProductionMetadataVersion: MetadataVersionLevel = named(LATEST_PRODUCTION_METADATA_VERSION)
