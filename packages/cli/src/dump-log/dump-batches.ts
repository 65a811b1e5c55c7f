// kafka-dump-log of .log and .checkpoint files: a line a batch, and a line a record when the iteration is deep.
import { basename } from 'node:path'
import {
  type ControlRecord,
  decodeControlRecord,
  forEachRecord,
  type KafkaRecord,
  messageToJson,
  type RecordBatch
} from '@odradek/protocol'
import type { OutputBuffer } from '../console/output-buffer.ts'
import type { Decoder } from './decoders.ts'
import type { DumpedFile } from './dump-indexes.ts'
import { LogFile } from './log-file.ts'

/** What is told once all files are dumped. */
export interface Findings {
  /** By file: pairs of an offset and the one that follows it though it should not. */
  readonly nonConsecutive: Map<string, [number, number][]>
}

export interface DumpOptions {
  readonly isDeep: boolean
  /** Absent: contents are not printed. */
  readonly decoder?: Decoder
  readonly skipMetadata: boolean
  readonly maxBytes: number
}

const UNLIMITED = 2_147_483_647
/** A batch that decompresses to more is not a batch of any topic. */
const DECOMPRESSED_BYTES_MAX = 1 << 30

const optionalLong = (value: number | undefined): string => (value === undefined ? 'OptionalLong.empty' : `OptionalLong[${value}]`)

/** Resolves to false when nobody reads the output any more. */
export async function dumpBatches(
  { path, name }: DumpedFile,
  options: DumpOptions,
  output: OutputBuffer,
  findings: Findings
): Promise<boolean> {
  const file = new LogFile(path, name)
  try {
    const batches = file.batches(0, options.maxBytes)
    let last = -1
    for (;;) {
      const next = batches.next()
      if (next.done === true) {
        const left = file.size - next.value
        if (left > 0 && options.maxBytes === UNLIMITED) output.text(`Found ${left} invalid bytes at the end of ${basename(path)}\n`)
        return true
      }
      const { batch, position } = next.value
      output.text(`${batchLine(batch, position)}\n`)
      if (options.isDeep) last = dumpRecords(batch, { path, last, options, output, findings })
      if (output.isFull && !(await output.flush())) return false
    }
  } finally {
    file.close()
  }
}

function batchLine(batch: RecordBatch, position: number): string {
  const { magic, baseOffset, lastOffset } = batch
  const ofVersion2 =
    magic < 2
      ? `offset: ${lastOffset}`
      : `baseOffset: ${baseOffset} lastOffset: ${lastOffset} count: ${batch.count} baseSequence: ${batch.baseSequence} lastSequence: ${batch.lastSequence}` +
        ` producerId: ${batch.producerId} producerEpoch: ${batch.producerEpoch} partitionLeaderEpoch: ${batch.partitionLeaderEpoch}` +
        ` isTransactional: ${batch.isTransactional} isControl: ${batch.isControl} deleteHorizonMs: ${optionalLong(batch.deleteHorizonMs)}`
  return (
    `${ofVersion2} position: ${position} ${timeOf(batch)}: ${batch.maxTimestamp} size: ${batch.sizeInBytes} magic: ${magic}` +
    ` compresscodec: ${batch.compression} crc: ${batch.crc} isvalid: ${batch.isValid()}`
  )
}

const timeOf = (batch: RecordBatch): string =>
  batch.magic === 0 ? 'NoTimestampType' : batch.timestampType === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime'

interface RecordDump {
  readonly path: string
  readonly last: number
  readonly options: DumpOptions
  readonly output: OutputBuffer
  readonly findings: Findings
}

/** Gives the offset of the last record. */
function dumpRecords(batch: RecordBatch, { path, last, options, output, findings }: RecordDump): number {
  let previous = last
  let sequence = batch.baseSequence
  forEachRecord(
    batch,
    (record) => {
      if (record.offset !== previous + 1) {
        const pairs = findings.nonConsecutive.get(path) ?? []
        findings.nonConsecutive.set(path, pairs)
        pairs.push([previous, record.offset])
      }
      previous = record.offset
      if (!options.skipMetadata) output.text(recordMetadata(batch, record, sequence))
      if (sequence >= 0) sequence = (sequence + 1) % 0x80000000
      if (batch.isControl) {
        if (!options.skipMetadata) output.text(control(record))
      } else if (options.decoder !== undefined) output.text(contents(record, options.decoder, options.skipMetadata))
      output.text('\n')
    },
    { outputBytesMax: DECOMPRESSED_BYTES_MAX }
  )
  return previous
}

function recordMetadata(batch: RecordBatch, record: KafkaRecord, sequence: number): string {
  const { offset, timestamp, key, value, headers } = record
  const ofVersion2 = batch.magic < 2 ? '' : ` sequence: ${sequence} headerKeys: [${headers.map((header) => header.key).join(',')}]`
  return `| offset: ${offset} ${timeOf(batch)}: ${timestamp} keySize: ${key?.length ?? -1} valueSize: ${value?.length ?? -1}${ofVersion2}`
}

function contents({ key, value, offset }: KafkaRecord, decoder: Decoder, isAlone: boolean): string {
  const shown = decoder(key, value, offset)
  const parts: string[] = []
  if (shown.key !== undefined) parts.push(`key: ${shown.key}`)
  if (shown.payload !== undefined) parts.push(`payload: ${shown.payload}`)
  const [first, ...others] = parts
  if (first === undefined) return ''
  return `${isAlone ? '| ' : ' '}${[first, ...others].join(' ')}`
}

const controlNames: Readonly<Record<Exclude<ControlRecord['type'], 'COMMIT' | 'ABORT'>, [title: string, message: string]>> = {
  LEADER_CHANGE: ['LeaderChange:', 'LeaderChangeMessage'],
  SNAPSHOT_HEADER: ['SnapshotHeader', 'SnapshotHeaderRecord'],
  SNAPSHOT_FOOTER: ['SnapshotFooter', 'SnapshotFooterRecord'],
  KRAFT_VERSION: ['KRaftVersion', 'KRaftVersionRecord'],
  KRAFT_VOTERS: ['KRaftVoters', 'VotersRecord']
}

function control({ key, value }: KafkaRecord): string {
  if (key === null || value === null) return ' controlType: UNKNOWN(-1)'
  const record = decodeControlRecord(key, value)
  if (record === undefined) return ` controlType: UNKNOWN(${key.readInt16BE(2)})`
  // the version is the first field of KRaft's control records; an end marker has none
  if (!('version' in record.value)) return ` endTxnMarker: ${record.type} coordinatorEpoch: ${record.value.coordinatorEpoch}`
  const [title, message] = controlNames[record.type as keyof typeof controlNames]
  return ` ${title} ${JSON.stringify(messageToJson(message, record.value, record.value.version))}`
}
