// Which features a release of Kafka has, and what they ask of each other, as two of Kafka's tools print it.
import { OdradekError } from '@odradek/base'
import { featureDefinition, releaseMetadataVersion } from '@odradek/metadata'
import {
  featureDefinitions,
  latestProductionMetadataVersion,
  METADATA_VERSION_FEATURE,
  type MetadataVersionLevel,
  metadataVersionByLevel
} from '@odradek/protocol'

const failure = (message: string): OdradekError => new OdradekError('STORAGE_TOOL', message)

/** By a release (4.3) or a metadata.version (4.3-IV0), also one that is not for production yet. */
export const releaseNamed = (name: string): MetadataVersionLevel => releaseMetadataVersion(name, { isUnstable: true })

/** Of the newest release when none is named. */
export function versionMappingText(name = latestProductionMetadataVersion.name): string {
  const version = releaseNamed(name)
  const features = featureDefinitions.map((feature) => `${feature.name}=${version.defaults[feature.name]}\n`)
  return `${METADATA_VERSION_FEATURE}=${version.level} (${name})\n${features.join('')}`
}

/** undefined: the feature has no such level. */
export function dependenciesText(name: string, level: number): string | undefined {
  if (name === METADATA_VERSION_FEATURE) return metadataVersionText(level)
  const definition = featureDefinition(name)
  if (definition === undefined) throw failure(`Unknown feature: ${name}`)
  const entry = definition.levels.find((known) => known.level === level)
  if (entry === undefined) return undefined
  const required = Object.entries(entry.dependencies)
  if (required.length === 0) return `${name}=${level} has no dependencies.\n`
  const shown = ([feature, needed]: [string, number]): string =>
    `    ${feature}=${needed}${feature === METADATA_VERSION_FEATURE ? ` (${metadataVersionByLevel(needed)?.name})` : ''}\n`
  return `${name}=${level} requires:\n${required.map(shown).join('')}`
}

function metadataVersionText(level: number): string {
  const version = metadataVersionByLevel(level)
  if (version === undefined) throw failure(`Unknown metadata.version ${level}`)
  return `${METADATA_VERSION_FEATURE}=${level} (${version.name}) has no dependencies.\n`
}
