// How messages lie inside records: metadata records with three varints before them, coordinator keys with their int16
// type, coordinator values and consumer-protocol bytes with their int16 version, control records with a key of their own.
// Bytes of all these come from disks and from clients: DecodeError on what is cut or not known.
import { DecodeError, readUnsignedVarint } from '@odradek/base'
import type { Input, MessageCodec } from './codec.ts'
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  EndTxnMarker,
  KRaftVersionRecord,
  LeaderChangeMessage,
  SnapshotFooterRecord,
  SnapshotHeaderRecord,
  VotersRecord
} from './generated/codecs.ts'
import { ControlRecordType } from './generated/tables/enums.ts'
import { Writer } from './writer.ts'

const METADATA_FRAME_VERSION = 1

/** The value of a record of __cluster_metadata or __remote_log_metadata. */
export function encodeMetadataRecordFrame<T>(codec: MessageCodec<T>, value: Input<T>, version: number): Buffer {
  const writer = new Writer()
  writer.unsignedVarint(METADATA_FRAME_VERSION)
  writer.unsignedVarint(codec.apiKey ?? 0)
  writer.unsignedVarint(version)
  codec.encodeInto(writer, value, version)
  return writer.finish()[0]
}

/** The body is still to be decoded, by the codec of the type that `apiKey` names. */
export function decodeMetadataRecordFrame(bytes: Buffer): { apiKey: number; version: number; body: Buffer } {
  const frame = readUnsignedVarint(bytes, 0)
  if (frame.value !== METADATA_FRAME_VERSION)
    throw new DecodeError(`a metadata record of frame version ${frame.value}, known is ${METADATA_FRAME_VERSION}`)
  const apiKey = readUnsignedVarint(bytes, frame.end)
  const version = readUnsignedVarint(bytes, apiKey.end)
  return { apiKey: apiKey.value, version: version.value, body: bytes.subarray(version.end) }
}

/** The key of a record of a coordinator's topic: the int16 type, then the key in its only version. */
export function encodeRecordKey<T>(codec: MessageCodec<T>, key: Input<T>): Buffer {
  return withInt16(codec.apiKey ?? 0, codec, key, 0)
}

/** The type of a key of a coordinator's topic; the key message begins at byte 2. */
export function decodeRecordType(key: Buffer): number {
  return readInt16(key, 0, 'a record key')
}

/** A message behind its int16 version: the values of a coordinator's topic, subscriptions, assignments. */
export function encodeVersioned<T>(codec: MessageCodec<T>, value: Input<T>, version: number): Buffer {
  return withInt16(version, codec, value, version)
}

/** Throws DecodeError on a version that is not known: it was written by a newer release. */
export function decodeVersioned<T>(codec: MessageCodec<T>, bytes: Buffer): { version: number; value: T } {
  const version = readInt16(bytes, 0, codec.name)
  return { version, value: codec.decodeAt(bytes, 2, version).value }
}

/**
 * A consumer's subscription (KIP-429 and later). A version newer than ours is read as ours, as Kafka does: versions only
 * add at the end. Bytes behind the message are let be.
 */
export function decodeConsumerSubscription(bytes: Buffer): { version: number; value: ConsumerProtocolSubscription } {
  return decodeGrowing(ConsumerProtocolSubscription, bytes)
}

export function decodeConsumerAssignment(bytes: Buffer): { version: number; value: ConsumerProtocolAssignment } {
  return decodeGrowing(ConsumerProtocolAssignment, bytes)
}

export function encodeConsumerSubscription(
  value: Input<ConsumerProtocolSubscription>,
  version = ConsumerProtocolSubscription.maxVersion
): Buffer {
  return encodeVersioned(ConsumerProtocolSubscription, value, version)
}

export function encodeConsumerAssignment(
  value: Input<ConsumerProtocolAssignment>,
  version = ConsumerProtocolAssignment.maxVersion
): Buffer {
  return encodeVersioned(ConsumerProtocolAssignment, value, version)
}

/** Control records of the key's version 0 that this release knows. */
export type ControlRecord =
  | { readonly type: 'COMMIT' | 'ABORT'; readonly value: EndTxnMarker }
  | { readonly type: 'LEADER_CHANGE'; readonly value: LeaderChangeMessage }
  | { readonly type: 'SNAPSHOT_HEADER'; readonly value: SnapshotHeaderRecord }
  | { readonly type: 'SNAPSHOT_FOOTER'; readonly value: SnapshotFooterRecord }
  | { readonly type: 'KRAFT_VERSION'; readonly value: KRaftVersionRecord }
  | { readonly type: 'KRAFT_VOTERS'; readonly value: VotersRecord }

const CONTROL_KEY_BYTES = 4

export function encodeControlRecordKey(type: ControlRecord['type']): Buffer {
  const key = Buffer.alloc(CONTROL_KEY_BYTES)
  key.writeInt16BE(ControlRecordType[type], 2)
  return key
}

/** The values of KRaft's control records carry their version as their first field; an end marker's lies before it. */
export function encodeControlRecord(record: ControlRecord): { key: Buffer; value: Buffer } {
  const key = encodeControlRecordKey(record.type)
  switch (record.type) {
    case 'COMMIT':
    case 'ABORT':
      return { key, value: encodeVersioned(EndTxnMarker, record.value, 0) }
    case 'LEADER_CHANGE':
      return { key, value: LeaderChangeMessage.encode(record.value, record.value.version) }
    case 'SNAPSHOT_HEADER':
      return { key, value: SnapshotHeaderRecord.encode(record.value, record.value.version) }
    case 'SNAPSHOT_FOOTER':
      return { key, value: SnapshotFooterRecord.encode(record.value, record.value.version) }
    case 'KRAFT_VERSION':
      return { key, value: KRaftVersionRecord.encode(record.value, record.value.version) }
    case 'KRAFT_VOTERS':
      return { key, value: VotersRecord.encode(record.value, record.value.version) }
  }
}

/** Undefined for a type that this release does not know: such records are passed over. */
export function decodeControlRecord(key: Buffer, value: Buffer): ControlRecord | undefined {
  if (readInt16(key, 0, 'a control record key') < 0) throw new DecodeError('a control record key of a negative version')
  switch (readInt16(key, 2, 'a control record key')) {
    case ControlRecordType.COMMIT:
      return { type: 'COMMIT', value: decodeGrowing(EndTxnMarker, value).value }
    case ControlRecordType.ABORT:
      return { type: 'ABORT', value: decodeGrowing(EndTxnMarker, value).value }
    case ControlRecordType.LEADER_CHANGE:
      return { type: 'LEADER_CHANGE', value: decodeSelfVersioned(LeaderChangeMessage, value) }
    case ControlRecordType.SNAPSHOT_HEADER:
      return { type: 'SNAPSHOT_HEADER', value: decodeSelfVersioned(SnapshotHeaderRecord, value) }
    case ControlRecordType.SNAPSHOT_FOOTER:
      return { type: 'SNAPSHOT_FOOTER', value: decodeSelfVersioned(SnapshotFooterRecord, value) }
    case ControlRecordType.KRAFT_VERSION:
      return { type: 'KRAFT_VERSION', value: decodeSelfVersioned(KRaftVersionRecord, value) }
    case ControlRecordType.KRAFT_VOTERS:
      return { type: 'KRAFT_VOTERS', value: decodeSelfVersioned(VotersRecord, value) }
    default:
      return undefined
  }
}

function decodeSelfVersioned<T>(codec: MessageCodec<T>, bytes: Buffer): T {
  return codec.decode(bytes, Math.min(readInt16(bytes, 0, codec.name), codec.maxVersion))
}

function decodeGrowing<T>(codec: MessageCodec<T>, bytes: Buffer): { version: number; value: T } {
  const version = readInt16(bytes, 0, codec.name)
  return { version, value: codec.decodeAt(bytes, 2, Math.min(version, codec.maxVersion)).value }
}

function readInt16(bytes: Buffer, position: number, what: string): number {
  if (bytes.length < position + 2) throw new DecodeError(`${what} of ${bytes.length} bytes is cut`)
  return bytes.readInt16BE(position)
}

function withInt16<T>(prefix: number, codec: MessageCodec<T>, value: Input<T>, version: number): Buffer {
  const writer = new Writer()
  writer.int16(prefix)
  codec.encodeInto(writer, value, version)
  return writer.finish()[0]
}
