// The first records of a new leader: into an empty log those that the storage was formatted with, and an abort for a
// transaction that the leader before did not finish.
import { OdradekError } from '@odradek/base'
import { METADATA_VERSION_FEATURE, type MetadataVersionLevel, metadataVersionByLevel, minimumMetadataVersion } from '@odradek/protocol'
import { ELR_FEATURE } from '../features.ts'
import { CONFIG_RESOURCE_BROKER } from '../image/metadata-image.ts'
import { type MetadataRecord, metadataRecord } from '../records.ts'
import { MIN_IN_SYNC_REPLICAS } from './configs.ts'

export interface ActivationInput {
  /** No record of the controller is in the log. */
  readonly isLogEmpty: boolean
  /** A transaction is open at the end of the log. */
  readonly isInTransaction: boolean
  /** metadata.version at the end of the log. */
  readonly metadataVersion: MetadataVersionLevel
  /** From bootstrap.checkpoint. */
  readonly bootstrapRecords: readonly MetadataRecord[]
  readonly minInSyncReplicas: number
}

export function activationRecords(input: ActivationInput): MetadataRecord[] {
  const bootstrapVersion = metadataVersionByLevel(levelOf(input.bootstrapRecords, METADATA_VERSION_FEATURE) ?? -1) ?? minimumMetadataVersion
  const hasTransactions = (input.isLogEmpty ? bootstrapVersion : input.metadataVersion).metadataTransactions
  if (input.isInTransaction && !hasTransactions) {
    throw new OdradekError(
      'METADATA_LOG_INVALID',
      'The metadata log ends in a transaction, which its metadata.version does not know. Restore it from a backup.'
    )
  }
  const records: MetadataRecord[] = []
  if (input.isInTransaction) records.push(metadataRecord('AbortTransactionRecord', 0, { reason: 'Controller failover' }))
  if (!input.isLogEmpty) return records
  if (hasTransactions) records.push(metadataRecord('BeginTransactionRecord', 0, { name: 'Bootstrap records' }))
  records.push(...input.bootstrapRecords)
  if ((levelOf(input.bootstrapRecords, ELR_FEATURE) ?? 0) > 0) {
    const value = String(input.minInSyncReplicas)
    records.push(
      metadataRecord('ConfigRecord', 0, { resourceType: CONFIG_RESOURCE_BROKER, resourceName: '', name: MIN_IN_SYNC_REPLICAS, value })
    )
  }
  if (hasTransactions) records.push(metadataRecord('EndTransactionRecord', 0, {}))
  return records
}

function levelOf(records: readonly MetadataRecord[], feature: string): number | undefined {
  for (const record of records) if (record.type === 'FeatureLevelRecord' && record.data.name === feature) return record.data.featureLevel
  return undefined
}
