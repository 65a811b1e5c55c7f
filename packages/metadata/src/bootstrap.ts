// bootstrap.checkpoint: the records that a new cluster begins with, in the form of a snapshot, one in each log directory.
import { OdradekError } from '@odradek/base'
import {
  featureDefinitions,
  latestProductionMetadataVersion,
  METADATA_VERSION_FEATURE,
  type MetadataVersionLevel,
  metadataVersionByLevel
} from '@odradek/protocol'
import { BOOTSTRAP_SNAPSHOT_ID, decodeSnapshot, SnapshotBatches } from '@odradek/raft'
import type { Disk } from '@odradek/world'
import { KRAFT_VERSION_FEATURE } from './features.ts'
import { decodeMetadataRecord, encodeMetadataRecord, type MetadataRecord, metadataRecord } from './records.ts'

export const BOOTSTRAP_FILE = 'bootstrap.checkpoint'

export function bootstrapPath(directory: string): string {
  return `${directory}/${BOOTSTRAP_FILE}`
}

/**
 * The levels of a new cluster at `metadataVersion`: those asked for, and the default of every other feature. kraft.version
 * is not among them: the quorum keeps it.
 */
export function bootstrapFeatureLevels(
  metadataVersion: MetadataVersionLevel,
  asked: ReadonlyMap<string, number> = new Map()
): Map<string, number> {
  const levels = new Map([[METADATA_VERSION_FEATURE, metadataVersion.level]])
  for (const { name } of featureDefinitions)
    if (name !== KRAFT_VERSION_FEATURE) levels.set(name, asked.get(name) ?? metadataVersion.defaults[name])
  return levels
}

/** metadata.version first; features at level 0 have no record. */
export function bootstrapFeatureRecords(levels: ReadonlyMap<string, number>): MetadataRecord[] {
  const names = [...levels.keys()].filter((name) => name !== METADATA_VERSION_FEATURE && name !== KRAFT_VERSION_FEATURE).sort()
  return [METADATA_VERSION_FEATURE, ...names]
    .filter((name) => (levels.get(name) ?? 0) > 0)
    .map((name) => metadataRecord('FeatureLevelRecord', 0, { name, featureLevel: levels.get(name) ?? 0 }))
}

export function encodeBootstrapFile(records: readonly MetadataRecord[], now: number): Buffer {
  const batches = new SnapshotBatches(BOOTSTRAP_SNAPSHOT_ID, now)
  const header = batches.header({ lastContainedLogTimestamp: 0, membership: undefined })
  return Buffer.concat([header, batches.records(records.map(encodeMetadataRecord)), batches.footer()])
}

/** From the file in a log directory; where there is none, the defaults of the newest metadata.version. */
export async function readBootstrapRecords(disk: Disk, directory: string): Promise<readonly MetadataRecord[]> {
  const path = bootstrapPath(directory)
  if (!(await disk.exists(path))) return bootstrapFeatureRecords(bootstrapFeatureLevels(latestProductionMetadataVersion))
  const bytes = await disk.readFile(path)
  try {
    return decodeSnapshot(bytes, path).records.map(decodeMetadataRecord)
  } catch (cause) {
    throw new OdradekError('METADATA_LOG_INVALID', `${path} is damaged: format the directory again, or restore the file.`, { cause })
  }
}

export function bootstrapMetadataVersion(records: readonly MetadataRecord[]): MetadataVersionLevel | undefined {
  for (const record of records) {
    if (record.type === 'FeatureLevelRecord' && record.data.name === METADATA_VERSION_FEATURE)
      return metadataVersionByLevel(record.data.featureLevel)
  }
  return undefined
}
