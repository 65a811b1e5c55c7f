// kafka-dump-log of the files beside a log: offset, time and transaction indexes, and producer snapshots.
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { parseAbortedTxns, parseProducerSnapshot } from '@odradek/storage'
import type { OutputBuffer } from '../console/output-buffer.ts'
import { ToolError } from '../tool.ts'
import { LogFile } from './log-file.ts'

/** A file: where it is, and how it was named. */
export interface DumpedFile {
  readonly path: string
  readonly name: string
}

/** What an index says and the log beside it does not, by file. */
export interface IndexFindings {
  readonly offsets: Map<string, [index: number, log: number][]>
  readonly times: Map<string, [index: number | bigint, log: number | bigint][]>
  readonly timeOrder: Map<string, [index: number | bigint, before: number | bigint][]>
  readonly missingOffsets: Map<string, [index: number, log: number][]>
}

export interface IndexOptions {
  readonly isSanityCheck: boolean
  readonly isVerifyOnly: boolean
}

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12

const baseOffsetOf = (path: string): number => Number(basename(path).split('.')[0].split('-')[0])

function add<P>(findings: Map<string, P[]>, path: string, pair: P): void {
  const pairs = findings.get(path) ?? []
  findings.set(path, pairs)
  pairs.push(pair)
}

function readIndex(path: string, entryBytes: number): Buffer {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(fstatSync(fd).size)
    readSync(fd, bytes, 0, bytes.length, 0)
    return bytes.subarray(0, bytes.length - (bytes.length % entryBytes))
  } finally {
    closeSync(fd)
  }
}

/** The last entry of an index that lies before the file's start, or past it, was not written by a log of that name. */
function checkSanity(path: string, bytes: Buffer, entryBytes: number, lastOffset: number | undefined, kind: string): void {
  const base = baseOffsetOf(path)
  if (lastOffset !== undefined && lastOffset < base) {
    const class_ = 'org.apache.kafka.storage.internals.log.CorruptIndexException'
    throw new ToolError(
      `Corrupt ${kind} found, index file (${path}) has non-zero size but the last offset is ${lastOffset} which is less than the base offset ${base}.`,
      class_
    )
  }
  if (bytes.length % entryBytes !== 0) throw new ToolError(`${path} has ${bytes.length} bytes, which is not a multiple of ${entryBytes}`)
}

export function dumpOffsetIndex({ path, name }: DumpedFile, options: IndexOptions, output: OutputBuffer, findings: IndexFindings): void {
  const base = baseOffsetOf(path)
  const bytes = readIndex(path, OFFSET_ENTRY_BYTES)
  const count = bytes.length / OFFSET_ENTRY_BYTES
  const entry = (index: number): { offset: number; position: number } => ({
    offset: base + bytes.readUInt32BE(index * OFFSET_ENTRY_BYTES),
    position: bytes.readInt32BE(index * OFFSET_ENTRY_BYTES + 4)
  })
  if (count === 0) {
    output.text(`${name} is empty.\n`)
    return
  }
  if (options.isSanityCheck) {
    checkSanity(path, bytes, OFFSET_ENTRY_BYTES, entry(count - 1).offset, 'index')
    output.text(`${name} passed sanity check.\n`)
    return
  }
  const log = new LogFile(path.replace(/\.index$/, '.log'))
  try {
    for (let index = 0; index < count; index++) {
      const { offset, position } = entry(index)
      // what an index has room for and not written yet is zeros
      if (offset === base && index > 0) return
      const found = log.batchAt(position)
      if (found?.lastOffset !== offset) add(findings.offsets, path, [offset, found?.lastOffset ?? -1])
      if (!options.isVerifyOnly) output.text(`offset: ${offset} position: ${position}\n`)
    }
  } finally {
    log.close()
  }
}

export function dumpTimeIndex({ path, name }: DumpedFile, options: IndexOptions, output: OutputBuffer, findings: IndexFindings): void {
  const base = baseOffsetOf(path)
  const bytes = readIndex(path, TIME_ENTRY_BYTES)
  const count = bytes.length / TIME_ENTRY_BYTES
  const entry = (index: number): { timestamp: bigint; offset: number } => ({
    timestamp: bytes.readBigInt64BE(index * TIME_ENTRY_BYTES),
    offset: base + bytes.readUInt32BE(index * TIME_ENTRY_BYTES + 8)
  })
  if (options.isSanityCheck) {
    checkSanity(path, bytes, TIME_ENTRY_BYTES, count === 0 ? undefined : entry(count - 1).offset, 'time index')
    output.text(`${name} passed sanity check.\n`)
    return
  }
  const indexPath = path.replace(/\.timeindex$/, '.index')
  const offsets = existsSync(indexPath) ? readIndex(indexPath, OFFSET_ENTRY_BYTES) : Buffer.alloc(0)
  const log = new LogFile(path.replace(/\.timeindex$/, '.log'))
  try {
    let previous = -1n
    for (let index = 0; index < count; index++) {
      const { timestamp, offset } = entry(index)
      if (offset === base && index > 0) return
      verifyTime({ path, timestamp, offset, start: positionOf(offsets, base, offset) }, log, findings)
      if (timestamp < previous) add(findings.timeOrder, path, [timestamp, previous])
      previous = timestamp
      if (!options.isVerifyOnly) output.text(`timestamp: ${timestamp} offset: ${offset}\n`)
    }
  } finally {
    log.close()
  }
}

/** Where in the log the batch of `offset` or one before it begins. */
function positionOf(offsets: Buffer, base: number, offset: number): number {
  let position = 0
  for (let at = 0; at < offsets.length; at += OFFSET_ENTRY_BYTES) {
    if (base + offsets.readUInt32BE(at) > offset) break
    position = Math.max(position, offsets.readInt32BE(at + 4))
  }
  return position
}

interface TimeEntry {
  readonly path: string
  readonly timestamp: bigint
  readonly offset: number
  readonly start: number
}

function verifyTime({ path, timestamp, offset, start }: TimeEntry, log: LogFile, findings: IndexFindings): void {
  for (const { batch } of log.batches(start, Number.POSITIVE_INFINITY)) {
    if (batch.lastOffset < offset) continue
    if (batch.baseOffset > offset) add(findings.missingOffsets, path, [offset, batch.baseOffset])
    else if (BigInt(batch.maxTimestamp) !== timestamp) add(findings.times, path, [timestamp, batch.maxTimestamp])
    return
  }
  add(findings.missingOffsets, path, [offset, -1])
}

export function dumpTransactionIndex({ path }: DumpedFile, output: OutputBuffer): void {
  const entries = parseAbortedTxns(readFileSync(path), baseOffsetOf(path))
  if (entries === undefined)
    throw new ToolError(`${path} is no transaction index`, 'org.apache.kafka.storage.internals.log.CorruptIndexException')
  for (const { producerId, firstOffset, lastOffset, lastStableOffset } of entries)
    output.text(
      `version: 0 producerId: ${producerId} firstOffset: ${firstOffset} lastOffset: ${lastOffset} lastStableOffset: ${lastStableOffset}\n`
    )
}

/** False: it is damaged. */
export function dumpProducerSnapshot({ path }: DumpedFile, output: OutputBuffer): boolean {
  const entries = parseProducerSnapshot(readFileSync(path))
  if (entries === undefined) return false
  for (const { producerId, producerEpoch, coordinatorEpoch, currentTxnFirstOffset, lastTimestamp, batches } of entries) {
    const transaction = currentTxnFirstOffset < 0 ? 'OptionalLong.empty' : `OptionalLong[${currentTxnFirstOffset}]`
    const last = batches.at(-1)
    const ofBatch =
      last === undefined
        ? ''
        : `firstSequence: ${last.lastSequence - last.offsetDelta} lastSequence: ${last.lastSequence} lastOffset: ${last.lastOffset} offsetDelta: ${last.offsetDelta} timestamp: ${last.timestamp}`
    output.text(
      `producerId: ${producerId} producerEpoch: ${producerEpoch} coordinatorEpoch: ${coordinatorEpoch} currentTxnFirstOffset: ${transaction} lastTimestamp: ${lastTimestamp} ${ofBatch}\n`
    )
  }
  return true
}
