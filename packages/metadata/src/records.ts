// The records of the metadata log: their types, and how they lie in a record's value. A type or version that is not known
// is a fault, not something to skip: the image would differ from every other node's.
import { DecodeError } from '@odradek/base'
import type { Input, MessageCodec } from '@odradek/protocol'
import * as protocol from '@odradek/protocol'

const codecs = {
  RegisterBrokerRecord: protocol.RegisterBrokerRecord,
  UnregisterBrokerRecord: protocol.UnregisterBrokerRecord,
  TopicRecord: protocol.TopicRecord,
  PartitionRecord: protocol.PartitionRecord,
  ConfigRecord: protocol.ConfigRecord,
  PartitionChangeRecord: protocol.PartitionChangeRecord,
  FenceBrokerRecord: protocol.FenceBrokerRecord,
  UnfenceBrokerRecord: protocol.UnfenceBrokerRecord,
  RemoveTopicRecord: protocol.RemoveTopicRecord,
  DelegationTokenRecord: protocol.DelegationTokenRecord,
  UserScramCredentialRecord: protocol.UserScramCredentialRecord,
  FeatureLevelRecord: protocol.FeatureLevelRecord,
  ClientQuotaRecord: protocol.ClientQuotaRecord,
  ProducerIdsRecord: protocol.ProducerIdsRecord,
  BrokerRegistrationChangeRecord: protocol.BrokerRegistrationChangeRecord,
  AccessControlEntryRecord: protocol.AccessControlEntryRecord,
  RemoveAccessControlEntryRecord: protocol.RemoveAccessControlEntryRecord,
  NoOpRecord: protocol.NoOpRecord,
  ZkMigrationStateRecord: protocol.ZkMigrationStateRecord,
  RemoveUserScramCredentialRecord: protocol.RemoveUserScramCredentialRecord,
  BeginTransactionRecord: protocol.BeginTransactionRecord,
  EndTransactionRecord: protocol.EndTransactionRecord,
  AbortTransactionRecord: protocol.AbortTransactionRecord,
  RemoveDelegationTokenRecord: protocol.RemoveDelegationTokenRecord,
  RegisterControllerRecord: protocol.RegisterControllerRecord,
  ClearElrRecord: protocol.ClearElrRecord
} as const

type Codecs = typeof codecs
export type MetadataRecordType = keyof Codecs
export type MetadataRecordData<K extends MetadataRecordType> = ReturnType<Codecs[K]['create']>

/** A record of the metadata log: `version` is that of the bytes it came from or goes to. */
export type MetadataRecord = {
  [K in MetadataRecordType]: { readonly type: K; readonly version: number; readonly data: MetadataRecordData<K> }
}[MetadataRecordType]

const typesByApiKey = new Map<number, MetadataRecordType>(
  Object.entries(codecs).map(([type, codec]) => [codec.apiKey as number, type as MetadataRecordType])
)

const codecOf = (type: MetadataRecordType): MessageCodec<unknown> => codecs[type] as unknown as MessageCodec<unknown>

/** A record with the schema's defaults where `fields` says nothing. */
export function metadataRecord<K extends MetadataRecordType>(
  type: K,
  version: number,
  fields: Input<MetadataRecordData<K>>
): MetadataRecord {
  return { type, version, data: codecOf(type).create(fields) } as MetadataRecord
}

/** The value of the record in its log batch. */
export function encodeMetadataRecord(record: MetadataRecord): Buffer {
  return protocol.encodeMetadataRecordFrame(codecOf(record.type), record.data, record.version)
}

/** Throws {@link DecodeError} on bytes that are no metadata record, or one of a type or version that this release does not know. */
export function decodeMetadataRecord(value: Buffer): MetadataRecord {
  const { apiKey, version, body } = protocol.decodeMetadataRecordFrame(value)
  const type = typesByApiKey.get(apiKey)
  if (type === undefined) throw new DecodeError(`Metadata record type ${apiKey} is not known: it was written by a newer release.`)
  return { type, version, data: codecOf(type).decode(body, version) } as MetadataRecord
}
