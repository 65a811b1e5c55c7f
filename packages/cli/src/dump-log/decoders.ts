// How kafka-dump-log shows keys and values: as text, or as the JSON of the records that coordinators and controllers write.
import {
  decodeConsumerAssignment,
  decodeConsumerSubscription,
  decodeMetadataRecordFrame,
  exactCodec,
  messageToJson
} from '@odradek/protocol'
import { javaDouble } from '../java.ts'
import { digits, exactNumbers } from '../json-lines.ts'
import { ToolError } from '../tool.ts'

export interface Shown {
  readonly key?: string
  readonly payload?: string
}

/** null: the record has none. Throws what ends the dump. */
export type Decoder = (key: Buffer | null, value: Buffer | null, offset: number) => Shown

const groupRecords = [
  'LegacyOffsetCommit',
  'OffsetCommit',
  'GroupMetadata',
  'ConsumerGroupMetadata',
  'ConsumerGroupPartitionMetadata',
  'ConsumerGroupMemberMetadata',
  'ConsumerGroupTargetAssignmentMetadata',
  'ConsumerGroupTargetAssignmentMember',
  'ConsumerGroupCurrentMemberAssignment',
  'ConsumerGroupRegularExpression',
  'ShareGroupMemberMetadata',
  'ShareGroupMetadata',
  'ShareGroupTargetAssignmentMetadata',
  'ShareGroupTargetAssignmentMember',
  'ShareGroupCurrentMemberAssignment',
  'ShareGroupStatePartitionMetadata',
  'StreamsGroupMetadata',
  'StreamsGroupMemberMetadata',
  'StreamsGroupTargetAssignmentMetadata',
  'StreamsGroupTargetAssignmentMember',
  'StreamsGroupCurrentMemberAssignment',
  'StreamsGroupTopology'
]

const metadataRecords = [
  'RegisterBrokerRecord',
  'UnregisterBrokerRecord',
  'TopicRecord',
  'PartitionRecord',
  'ConfigRecord',
  'PartitionChangeRecord',
  'AccessControlEntryRecord',
  'RemoveAccessControlEntryRecord',
  'FenceBrokerRecord',
  'UnfenceBrokerRecord',
  'RemoveTopicRecord',
  'DelegationTokenRecord',
  'RemoveDelegationTokenRecord',
  'UserScramCredentialRecord',
  'RemoveUserScramCredentialRecord',
  'FeatureLevelRecord',
  'ClientQuotaRecord',
  'ProducerIdsRecord',
  'BrokerRegistrationChangeRecord',
  'ZkMigrationStateRecord',
  'BeginTransactionRecord',
  'EndTransactionRecord',
  'AbortTransactionRecord',
  'RegisterControllerRecord',
  'NoOpRecord',
  'ClearElrRecord'
]

const remoteLogRecords = [
  'RemoteLogSegmentMetadataRecord',
  'RemoteLogSegmentMetadataUpdateRecord',
  'RemotePartitionDeleteMetadataRecord',
  'RemoteLogSegmentMetadataSnapshotRecord'
]

type Json = { [name: string]: unknown }
type Codec = ReturnType<typeof exactCodec>

const classes: Readonly<Record<string, (bytes: Buffer) => string>> = {
  'org.apache.kafka.tools.api.StringDecoder': (bytes) => bytes.toString('utf8'),
  'org.apache.kafka.tools.api.IntegerDecoder': (bytes) => String(bytes.readInt32BE()),
  'org.apache.kafka.tools.api.LongDecoder': (bytes) => String(bytes.readBigInt64BE())
}

/** Keys and values by the names of Java's classes. */
export function classDecoder(keyClass: string, valueClass: string): Decoder {
  for (const name of [keyClass, valueClass])
    if (classes[name] === undefined) {
      const known = Object.keys(classes).join(', ')
      throw new ToolError(`${name}: decoders written in Java cannot be loaded, but for ${known}`, 'java.lang.ClassNotFoundException')
    }
  return (key, value) => ({
    key: key === null ? undefined : classes[keyClass](key),
    payload: value === null ? undefined : classes[valueClass](value)
  })
}

const toText = (value: unknown): string => JSON.stringify(value, exactNumbers)

/** Records of a coordinator: the int16 type before the key, the int16 version before the value. */
function coordinatorDecoder(names: readonly string[]): Decoder {
  const kinds = new Map(
    names.map((name) => {
      const key = exactCodec(`${name}Key`)
      return [key.apiKey, { name, key, value: exactCodec(`${name}Value`) }]
    })
  )
  return (key, value, offset) => {
    if (key === null) throw undecodable(offset, 'message had a missing key')
    if (key.length < 2) return { key: `Error at offset ${offset}, skipping. Could not read version from key's buffer.` }
    const type = key.readInt16BE()
    const kind = kinds.get(type)
    if (kind === undefined) return { key: `Unknown record type ${type} at offset ${offset}, skipping.` }
    let shownKey: string
    try {
      shownKey = toText({ type: String(type), data: messageToJson(kind.key.name, kind.key.decodeAt(key, 2, 0).value, 0) })
    } catch (error) {
      const { message } = error as Error
      return { key: `Error at offset ${offset}, skipping. Could not read record with version 0 from key's buffer due to: ${message}.` }
    }
    if (value === null) return { key: shownKey, payload: '<DELETE>' }
    const version = value.length < 2 ? -1 : value.readInt16BE()
    try {
      const data = messageToJson(kind.value.name, kind.value.decodeAt(value, 2, version).value, version) as Json
      if (kind.name === 'GroupMetadata') openMembers(data)
      return { key: shownKey, payload: toText({ version: String(version), data }) }
    } catch (error) {
      const why = `Could not read record with version ${version} from value's buffer due to: ${(error as Error).message}.`
      return { key: shownKey, payload: `Error at offset ${offset}, skipping. ${why}` }
    }
  }
}

/** What members of classic groups said is bytes to the coordinator; for consumers it is known what they mean. */
function openMembers(data: Json): void {
  if (data.protocolType !== 'consumer') return
  for (const member of data.members as Json[]) {
    const subscription = Buffer.from(member.subscription as string, 'base64')
    const assignment = Buffer.from(member.assignment as string, 'base64')
    if (subscription.length > 0) {
      const { version, value } = decodeConsumerSubscription(subscription)
      member.subscription = messageToJson('ConsumerProtocolSubscription', value, version)
    }
    if (assignment.length > 0) {
      const { version, value } = decodeConsumerAssignment(assignment)
      member.assignment = messageToJson('ConsumerProtocolAssignment', value, version)
    }
  }
}

function undecodable(offset: number, why: string): ToolError {
  return new ToolError(`Failed to decode message at offset ${offset} using the specified decoder (${why})`, 'java.lang.RuntimeException')
}

const enumName = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()

/** Records of a controller: frame version, type and version as varints before the record. */
function controllerDecoder(names: readonly string[], nameOf: (name: string) => string): Decoder {
  const codecs = new Map<number | undefined, Codec>(
    names.map((name) => {
      const codec = exactCodec(name)
      return [codec.apiKey, codec]
    })
  )
  return (_key, value, offset) => {
    if (value === null) throw undecodable(offset, 'message had a missing value')
    try {
      if (value[0] !== 1)
        throw new ToolError(
          `Could not deserialize metadata record due to unknown frame version ${value[0]}(only frame version 1 is supported)`
        )
      const { apiKey, version, body } = decodeMetadataRecordFrame(value)
      const codec = codecs.get(apiKey)
      if (codec === undefined) throw new ToolError(`Unknown metadata id ${apiKey}`)
      const data = messageToJson(codec.name, codec.decode(body, version), version) as Json
      if (codec.name === 'ClientQuotaRecord') data.value = digits(javaDouble(data.value as number))
      return { payload: toText({ type: nameOf(codec.name), version, data }) }
    } catch (error) {
      return { payload: `Error at ${offset}, skipping. ${(error as Error).message}` }
    }
  }
}

export const decoders: Readonly<Record<string, () => Decoder>> = {
  'offsets-decoder': () => coordinatorDecoder(groupRecords),
  'transaction-log-decoder': () => coordinatorDecoder(['TransactionLog']),
  'share-group-state-decoder': () => coordinatorDecoder(['ShareSnapshot', 'ShareUpdate']),
  'cluster-metadata-decoder': () => controllerDecoder(metadataRecords, enumName),
  'remote-log-metadata-decoder': () => controllerDecoder(remoteLogRecords, (name) => name)
}
