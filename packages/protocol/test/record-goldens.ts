// Batches in the shape of the goldens, with every 64-bit number exact.
import assert from 'node:assert/strict'
import { decodeControlRecord } from '../src/framings.ts'
import { messageToJson } from '../src/json.ts'
import { decodeRecords } from '../src/records/decode-records.ts'
import { firstOffset } from '../src/records/legacy.ts'
import { BatchLayout, incrementSequence, iterateBatches, RecordBatch, setBaseOffset } from '../src/records/record-batch.ts'
import { COMPRESSION_TYPES, type KafkaRecord } from '../src/records/types.ts'
import { readInt64Exact } from '../src/records/wire.ts'

export type Exact = null | boolean | string | bigint | Exact[] | { [key: string]: Exact | undefined }

const OUTPUT_BYTES_MAX = 1 << 28

/** Every number as bigint, so that int64 compares exactly. */
export function exact(value: unknown): Exact {
  if (typeof value === 'number') return BigInt(value)
  if (Array.isArray(value)) return value.map(exact)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, exact(v)]))
  return value as Exact
}

const hex = (bytes: Buffer | null): string | null => bytes?.toString('hex') ?? null

function describeRecord(record: KafkaRecord, offset: bigint, sequence: number): { [key: string]: Exact | undefined } {
  return {
    offset,
    timestamp: BigInt(record.timestamp),
    sequence: BigInt(sequence),
    key: hex(record.key),
    value: hex(record.value),
    headers: record.headers.map((header) => [header.key, hex(header.value)])
  }
}

const MESSAGE_OF_CONTROL: Record<string, string> = {
  LEADER_CHANGE: 'LeaderChangeMessage',
  SNAPSHOT_HEADER: 'SnapshotHeaderRecord',
  SNAPSHOT_FOOTER: 'SnapshotFooterRecord',
  KRAFT_VERSION: 'KRaftVersionRecord',
  KRAFT_VOTERS: 'VotersRecord'
}

function describeControl(record: KafkaRecord): Exact {
  const control = decodeControlRecord(record.key as Buffer, record.value as Buffer)
  assert.ok(control)
  const typeId = BigInt((record.key as Buffer).readInt16BE(2))
  if (control.type === 'COMMIT' || control.type === 'ABORT') {
    return { type: control.type, typeId, coordinatorEpoch: BigInt(control.value.coordinatorEpoch) }
  }
  return { type: control.type, typeId, json: exact(messageToJson(MESSAGE_OF_CONTROL[control.type], control.value, 0)) }
}

function describeRecords(batch: RecordBatch): Exact[] {
  if (batch.magic < 2) return decodeRecords(batch).map((record) => describeRecord(record, BigInt(record.offset), -1))
  // With the base offset at 0 the offsets are deltas and exact, whatever it was.
  const bytes = Buffer.from(batch.bytes())
  const base = readInt64Exact(bytes, 0)
  setBaseOffset(bytes, 0, 0)
  return decodeRecords(new RecordBatch(bytes, 0)).map((record) => {
    const sequence = batch.baseSequence >= 0 ? incrementSequence(batch.baseSequence, record.offset) : -1
    const described = describeRecord(record, BigInt.asIntN(64, base + BigInt(record.offset)), sequence)
    if (batch.isControl) described.control = describeControl(record)
    return described
  })
}

/** One batch as the goldens have it; checks that the plain number fields are the exact ones rounded. */
export function describeBatch(batch: RecordBatch): { [key: string]: Exact | undefined } {
  const { buffer, position: p } = batch
  const legacy = {
    magic: BigInt(batch.magic),
    sizeInBytes: BigInt(batch.sizeInBytes),
    crc: BigInt(batch.crc),
    compression: COMPRESSION_TYPES[batch.compressionId],
    timestampType: batch.timestampType,
    maxTimestamp: BigInt(batch.maxTimestamp),
    valid: batch.isValid(),
    records: describeRecords(batch)
  }
  if (batch.magic < 2) {
    return {
      ...legacy,
      baseOffset: BigInt(firstOffset(batch, OUTPUT_BYTES_MAX)),
      lastOffset: BigInt(batch.lastOffset),
      nextOffset: BigInt(batch.nextOffset)
    }
  }
  const baseOffset = readInt64Exact(buffer, p)
  const producerId = readInt64Exact(buffer, p + BatchLayout.producerId)
  assert.equal(batch.baseOffset, Number(baseOffset))
  assert.equal(batch.producerId, Number(producerId))
  const lastOffset = baseOffset + BigInt(batch.lastOffsetDelta)
  return {
    ...legacy,
    baseOffset,
    lastOffset,
    nextOffset: lastOffset + 1n,
    baseTimestamp: BigInt(batch.baseTimestamp),
    partitionLeaderEpoch: BigInt(batch.partitionLeaderEpoch),
    transactional: batch.isTransactional,
    control: batch.isControl,
    producerId,
    producerEpoch: BigInt(batch.producerEpoch),
    baseSequence: BigInt(batch.baseSequence),
    lastSequence: BigInt(batch.lastSequence),
    count: BigInt(batch.count),
    deleteHorizonMs: batch.deleteHorizonMs === undefined ? null : BigInt(batch.deleteHorizonMs)
  }
}

export const describeBatches = (bytes: Buffer): { [key: string]: Exact | undefined }[] => iterateBatches(bytes).map(describeBatch)
