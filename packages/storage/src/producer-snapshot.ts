// `<offset>.snapshot`: the producer state below an offset, in Kafka's ProducerSnapshot version 1: int16 version, uint32
// CRC-32C over what follows it, int32 count, entries of 46 bytes. Of a producer's batches only the last one is kept.

import { crc32c } from '@odradek/base'
import { readInt32, readInt64, writeInt32, writeInt64 } from './batch-walk.ts'

const VERSION = 1
const CRC_AT = 2
const COUNT_AT = 6
const ENTRIES_AT = 10
const ENTRY_BYTES = 46

export interface BatchMetadata {
  lastSequence: number
  lastOffset: number
  offsetDelta: number
  timestamp: number
}

export interface ProducerStateEntry {
  readonly producerId: number
  producerEpoch: number
  coordinatorEpoch: number
  lastTimestamp: number
  /** -1 when no transaction is open. */
  currentTxnFirstOffset: number
  /** Oldest first. */
  batches: BatchMetadata[]
}

export function formatProducerSnapshot(entries: Iterable<ProducerStateEntry>, count: number): Buffer {
  const bytes = Buffer.alloc(ENTRIES_AT + count * ENTRY_BYTES)
  bytes.writeInt16BE(VERSION, 0)
  writeInt32(bytes, COUNT_AT, count)
  let at = ENTRIES_AT
  for (const entry of entries) {
    const last = entry.batches.length === 0 ? undefined : entry.batches[entry.batches.length - 1]
    writeInt64(bytes, at, entry.producerId)
    bytes.writeInt16BE(entry.producerEpoch, at + 8)
    writeInt32(bytes, at + 10, last?.lastSequence ?? -1)
    writeInt64(bytes, at + 14, last?.lastOffset ?? -1)
    writeInt32(bytes, at + 22, last?.offsetDelta ?? 0)
    writeInt64(bytes, at + 26, entry.lastTimestamp)
    writeInt32(bytes, at + 34, entry.coordinatorEpoch)
    writeInt64(bytes, at + 38, entry.currentTxnFirstOffset)
    at += ENTRY_BYTES
  }
  bytes.writeUInt32BE(crc32c(bytes, COUNT_AT) >>> 0, CRC_AT)
  return bytes
}

/** Undefined when the bytes are damaged: another snapshot, or the log itself, tells the state then. */
export function parseProducerSnapshot(bytes: Buffer): ProducerStateEntry[] | undefined {
  if (bytes.length < ENTRIES_AT || bytes.readInt16BE(0) !== VERSION) return undefined
  const count = readInt32(bytes, COUNT_AT)
  if (count < 0 || bytes.length !== ENTRIES_AT + count * ENTRY_BYTES) return undefined
  if (bytes.readUInt32BE(CRC_AT) !== crc32c(bytes, COUNT_AT) >>> 0) return undefined
  const entries: ProducerStateEntry[] = []
  for (let at = ENTRIES_AT; at < bytes.length; at += ENTRY_BYTES) {
    const lastOffset = readInt64(bytes, at + 14)
    const timestamp = readInt64(bytes, at + 26)
    const batch = { lastSequence: readInt32(bytes, at + 10), lastOffset, offsetDelta: readInt32(bytes, at + 22), timestamp }
    entries.push({
      producerId: readInt64(bytes, at),
      producerEpoch: bytes.readInt16BE(at + 8),
      coordinatorEpoch: readInt32(bytes, at + 34),
      lastTimestamp: timestamp,
      currentTxnFirstOffset: readInt64(bytes, at + 38),
      batches: lastOffset < 0 ? [] : [batch]
    })
  }
  return entries
}
