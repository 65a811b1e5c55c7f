// Finalized features and metadata.version change (UpdateFeatures). All updates of a request are taken, or none.
import {
  METADATA_VERSION_FEATURE,
  metadataVersionByLevel,
  type UpdateFeaturesRequest,
  type UpdateFeaturesResponse
} from '@odradek/protocol'
import {
  ELR_FEATURE,
  featureDependencyProblem,
  isMetadataChanged,
  KRAFT_VERSION_FEATURE,
  type SupportedRange,
  validMetadataVersions
} from '../features.ts'
import { type MetadataRecord, metadataRecord } from '../records.ts'
import { type ApiError, apiError, NO_ERROR } from './api-error.ts'
import { elrSafetyRecords } from './configs.ts'
import type { ControllerOutcome, ControllerState } from './controller-state.ts'

type FeatureUpdate = UpdateFeaturesRequest['featureUpdates'][number]

const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const UNSAFE_DOWNGRADE = 3

export function updateFeatures(state: ControllerState, request: UpdateFeaturesRequest): ControllerOutcome<UpdateFeaturesResponse> {
  const proposed = new Map<string, number>(state.image.featureLevels)
  for (const { feature, maxVersionLevel } of request.featureUpdates) proposed.set(feature, maxVersionLevel)
  const records: MetadataRecord[] = []
  for (const update of request.featureUpdates) {
    const outcome = updateFeature(state, update, proposed)
    if ('errorCode' in outcome) return { records: [], response: failedUpdate(request, outcome) }
    records.push(...outcome)
  }
  if ((proposed.get(ELR_FEATURE) ?? 0) > 0 && (state.image.featureLevels.get(ELR_FEATURE) ?? 0) === 0)
    records.push(...elrSafetyRecords(state))
  const results = request.featureUpdates.map(({ feature }) => ({ feature, ...NO_ERROR }))
  const response = { throttleTimeMs: 0, ...NO_ERROR, results }
  if (request.validateOnly) return { records: [], response }
  const kraftVersion = proposed.get(KRAFT_VERSION_FEATURE) ?? state.kraftVersion
  return { records, response, ...(kraftVersion === state.kraftVersion ? {} : { kraftVersion }) }
}

function failedUpdate(request: UpdateFeaturesRequest, { errorCode, errorMessage }: ApiError): UpdateFeaturesResponse {
  const message = `The update failed for all features since the following feature had an error: ${errorMessage}`
  return refusedFeatures(request, { errorCode, errorMessage: message })
}

export function refusedFeatures(request: UpdateFeaturesRequest, error: ApiError): UpdateFeaturesResponse {
  return { throttleTimeMs: 0, ...error, results: request.featureUpdates.map(({ feature }) => ({ feature, ...error })) }
}

function updateFeature(state: ControllerState, update: FeatureUpdate, proposed: ReadonlyMap<string, number>): MetadataRecord[] | ApiError {
  const { feature, maxVersionLevel: level } = update
  // Version 0 of the request has a switch for what later versions spell out.
  const upgradeType = update.allowDowngrade ? SAFE_DOWNGRADE : update.upgradeType
  const invalid = (reason: string): ApiError =>
    apiError('INVALID_UPDATE_VERSION', `Invalid update version ${level} for feature ${feature}. ${reason}`)
  if (upgradeType < UPGRADE || upgradeType > UNSAFE_DOWNGRADE) return invalid('The controller does not support the given upgrade type.')
  const current = currentLevel(state, feature)
  if (level < 0) return invalid('A feature version cannot be less than 0.')
  const unsupported = unsupportedReason(state, feature, level)
  if (unsupported !== undefined) return invalid(unsupported)
  if (level < current && upgradeType === UPGRADE) {
    return invalid("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
  }
  if (level > current && upgradeType !== UPGRADE) return invalid("Can't downgrade to a newer version.")
  if (feature === METADATA_VERSION_FEATURE) return updateMetadataVersion(state, level, upgradeType)
  if (feature === KRAFT_VERSION_FEATURE) return level < current ? invalid("Can't downgrade the version of this feature.") : []
  const problem = featureDependencyProblem(feature, level, proposed)
  return problem === undefined ? [metadataRecord('FeatureLevelRecord', 0, { name: feature, featureLevel: level })] : invalid(problem)
}

function currentLevel(state: ControllerState, feature: string): number {
  if (feature === METADATA_VERSION_FEATURE) return state.image.metadataVersion.level
  return feature === KRAFT_VERSION_FEATURE ? state.kraftVersion : (state.image.featureLevels.get(feature) ?? 0)
}

function updateMetadataVersion(state: ControllerState, level: number, upgradeType: number): MetadataRecord[] | ApiError {
  const current = state.image.metadataVersion
  const next = metadataVersionByLevel(level)
  if (next === undefined) {
    const { minVersion, maxVersion } = validMetadataVersions
    const message = `Invalid metadata.version ${level}. Valid versions are from ${minVersion} to ${maxVersion}.`
    return apiError('INVALID_UPDATE_VERSION', message)
  }
  if (level < current.level && isMetadataChanged(level, current.level)) {
    const reason =
      upgradeType === UNSAFE_DOWNGRADE
        ? 'Unsafe metadata downgrade is not supported in this version.'
        : 'Refusing to perform the requested downgrade because it might delete metadata information.'
    const message = `Unsupported metadata.version downgrade from ${current.level} to ${level}. ${reason}`
    return apiError('INVALID_UPDATE_VERSION', message)
  }
  return [metadataRecord('FeatureLevelRecord', 0, { name: METADATA_VERSION_FEATURE, featureLevel: level })]
}

/** Why some registered node, this one first, cannot work at the level; undefined when all can. */
function unsupportedReason(state: ControllerState, feature: string, level: number): string | undefined {
  const { nodeId, supportedFeatures } = state.options
  const local = nodeReason(`Local controller ${nodeId}`, supportedFeatures.get(feature), level)
  if (local !== undefined) return local
  for (const broker of state.image.brokers.values()) {
    const reason = nodeReason(`Broker ${broker.id}`, broker.supportedFeatures.get(feature), level)
    if (reason !== undefined) return reason
  }
  for (const controller of state.image.controllers.values()) {
    const reason =
      controller.id === nodeId ? undefined : nodeReason(`Controller ${controller.id}`, controller.supportedFeatures.get(feature), level)
    if (reason !== undefined) return reason
  }
  return undefined
}

function nodeReason(node: string, range: SupportedRange | undefined, level: number): string | undefined {
  const { minVersion, maxVersion } = range ?? { minVersion: 0, maxVersion: 0 }
  if (level >= minVersion && level <= maxVersion) return undefined
  if (minVersion === 0 && maxVersion === 0) return `${node} does not support this feature.`
  return `${node} only supports versions ${minVersion === maxVersion ? minVersion : `${minVersion}-${maxVersion}`}`
}
