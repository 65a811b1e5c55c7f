// Features of a cluster (KIP-584): metadata.version, whose levels decide which records and record versions are written,
// and those that other parts of the broker read. The data is Kafka's (generated/tables/features.ts).
import { OdradekError } from '@odradek/base'
import type { MetadataVersionLevel } from './feature-facts.ts'
import { LATEST_PRODUCTION_METADATA_VERSION, MINIMUM_METADATA_VERSION, metadataVersions } from './generated/tables/features.ts'

export {
  featureDefinitions,
  LATEST_PRODUCTION_METADATA_VERSION,
  MINIMUM_METADATA_VERSION,
  metadataVersions
} from './generated/tables/features.ts'

export const METADATA_VERSION_FEATURE = 'metadata.version'

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
