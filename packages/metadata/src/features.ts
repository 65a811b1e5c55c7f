// What the controller asks of the feature tables: names, supported ranges, dependencies, and whether a downgrade of
// metadata.version loses something. The tables themselves are the protocol's.
import {
  type FeatureDefinition,
  featureDefinitions,
  latestProductionMetadataVersion,
  METADATA_VERSION_FEATURE,
  metadataVersions,
  minimumMetadataVersion
} from '@odradek/protocol'

export const KRAFT_VERSION_FEATURE = 'kraft.version'
export const ELR_FEATURE = 'eligible.leader.replicas.version'

export interface SupportedRange {
  readonly minVersion: number
  readonly maxVersion: number
}

const latestTestingMetadataVersion = metadataVersions[metadataVersions.length - 1]

/** What a node of this release says it supports when it registers; `unstable` is unstable.feature.versions.enable. */
export function supportedFeatures(unstable = false): ReadonlyMap<string, SupportedRange> {
  const maxVersion = (unstable ? latestTestingMetadataVersion : latestProductionMetadataVersion).level
  const features = new Map<string, SupportedRange>([[METADATA_VERSION_FEATURE, { minVersion: minimumMetadataVersion.level, maxVersion }]])
  for (const feature of featureDefinitions) {
    features.set(feature.name, {
      minVersion: feature.minimumProduction,
      maxVersion: unstable ? feature.latestTesting : feature.latestProduction
    })
  }
  return features
}

export const validMetadataVersions: SupportedRange = {
  minVersion: minimumMetadataVersion.level,
  maxVersion: latestTestingMetadataVersion.level
}

/** Whether going from one level to another (in either direction) passes a step that changed what the records hold. */
export function isMetadataChanged(from: number, to: number): boolean {
  const [low, high] = from < to ? [from, to] : [to, from]
  return metadataVersions.some((version) => version.level > low && version.level <= high && version.didMetadataChange)
}

export function featureDefinition(name: string): FeatureDefinition | undefined {
  return featureDefinitions.find((feature) => feature.name === name)
}

/** What is wrong with `level` of a feature beside the `proposed` levels of all features, or undefined. */
export function featureDependencyProblem(name: string, level: number, proposed: ReadonlyMap<string, number>): string | undefined {
  const definition = featureDefinition(name)?.levels.find((entry) => entry.level === level)
  if (definition === undefined) return `No feature:${name} with feature level ${level}`
  if (level >= 1 && (proposed.get(METADATA_VERSION_FEATURE) ?? 0) < minimumMetadataVersion.level) {
    return `${name} could not be set to ${level} because it depends on metadata.version=${minimumMetadataVersion.level} (${minimumMetadataVersion.name})`
  }
  for (const [dependency, required] of Object.entries(definition.dependencies)) {
    if ((proposed.get(dependency) ?? -1) < required)
      return `${name} could not be set to ${level} because it depends on ${dependency} level ${required}`
  }
  return undefined
}
