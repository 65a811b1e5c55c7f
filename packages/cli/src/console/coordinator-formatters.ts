// The formatters of the topics in which coordinators keep their state (__consumer_offsets, __transaction_state): one JSON object a
// record, without an end of line, as Kafka's print it. Records of other kinds are passed over.
import { exactCodec, messageToJson } from '@odradek/protocol'
import { exactNumbers } from '../json-lines.ts'
import { ToolError } from '../tool.ts'
import type { Formatter } from './printable-record.ts'

const recordsOf = {
  OffsetsMessageFormatter: ['LegacyOffsetCommit', 'OffsetCommit'],
  GroupMetadataMessageFormatter: ['GroupMetadata'],
  TransactionLogMessageFormatter: ['TransactionLog'],
  ShareGroupMessageFormatter: [
    'ShareGroupMemberMetadata',
    'ShareGroupMetadata',
    'ShareGroupTargetAssignmentMetadata',
    'ShareGroupTargetAssignmentMember',
    'ShareGroupCurrentMemberAssignment',
    'ShareGroupStatePartitionMetadata'
  ]
} as const satisfies Record<string, readonly string[]>

/** Version 0 is the only one of all keys. */
const KEY_VERSION = 0
const TYPE_BYTES = 2

export function coordinatorFormatter(name: keyof typeof recordsOf): Formatter {
  const kinds = new Map(
    recordsOf[name].map((record) => {
      const key = exactCodec(`${record}Key`)
      return [key.apiKey, { key, value: exactCodec(`${record}Value`) }]
    })
  )
  return ({ rawKey, rawValue, offset }, output) => {
    if (rawKey === null) return
    try {
      if (rawKey.length < TYPE_BYTES) throw new ToolError("Could not read version from key's buffer.")
      const type = rawKey.readInt16BE()
      const kind = kinds.get(type)
      if (kind === undefined) return
      const key = messageToJson(kind.key.name, kind.key.decodeAt(rawKey, TYPE_BYTES, KEY_VERSION).value, KEY_VERSION)
      const value = rawValue === null ? null : versioned(kind.value, rawValue, type)
      output.text(JSON.stringify({ key: { type, data: key }, value }, exactNumbers))
    } catch (error) {
      throw new ToolError(`Could not read record at offset ${offset} due to: ${(error as Error).message}`, 'java.lang.RuntimeException')
    }
  }
}

function versioned(codec: ReturnType<typeof exactCodec>, bytes: Buffer, type: number): object {
  if (bytes.length < TYPE_BYTES) throw new ToolError("Could not read version from value's buffer.")
  const version = bytes.readInt16BE()
  if (version < codec.minVersion || version > codec.maxVersion)
    throw new ToolError(`Found an unknown record version ${version} for ${type} type`)
  return { version, data: messageToJson(codec.name, codec.decodeAt(bytes, TYPE_BYTES, version).value, version) }
}
