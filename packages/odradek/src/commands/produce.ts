// odradek produce: records from standard input, a line each, or as NDJSON.
import { OdradekError } from '@odradek/base'
import { exitCodeOf, OpenRecords } from '@odradek/cli/tool'
import type { Header, Producer, SendCallback } from '@odradek/client'
import { type Arguments, type CommandSpec, readArguments, usageError } from './arguments.ts'
import { withKafka } from './connect.ts'
import { inputLines } from './input-lines.ts'
import type { CommandIo } from './io.ts'
import { fromJson, type InputRecord } from './record-json.ts'

export const spec: CommandSpec = {
  usage: 'produce [TOPIC]',
  about: 'Sends records from standard input. With -i json, lines as `odradek consume -o json` writes them; TOPIC is then that of all.',
  options: {
    input: { short: 'i', value: 'FORM', choices: ['lines', 'json'], help: 'lines or json (default: lines)' },
    key: { short: 'k', value: 'KEY', help: 'key of every record' },
    'key-separator': { short: 'K', value: 'TEXT', help: 'a line is key, TEXT, value' },
    header: { short: 'H', value: 'KEY=VALUE', isMany: true, help: 'a header of every record' },
    partition: { short: 'p', value: 'N', help: 'partition of every record (default: by key)' },
    compression: {
      short: 'z',
      value: 'CODEC',
      choices: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
      help: 'none, gzip, snappy, lz4 or zstd'
    },
    acks: { value: 'ACKS', choices: ['0', '1', 'all'], help: '0, 1 or all (default: all)' },
    tombstone: { help: 'an empty value is a tombstone' },
    'keep-partition': { help: 'with -i json: the partition that the line names' },
    'dry-run': { help: 'read and check the input, send nothing' }
  },
  most: 1
}

const PROGRESS_MS = 200

/** The record of a line; lines are counted from 1 on. */
type Read = (line: Buffer, lineNumber: number) => InputRecord

export async function produce(argv: readonly string[], io: CommandIo): Promise<number> {
  const args = readArguments(spec, argv, io)
  if (args === undefined) return 0
  const isJson = (args.choice('input', ['lines', 'json']) ?? 'lines') === 'json'
  if (!isJson && args.rest[0] === undefined)
    throw usageError(`usage: odradek ${spec.usage}\nTOPIC may be left out with -i json only, where lines name it`)
  const read: Read = isJson ? (line, lineNumber) => fromJson(line.toString('utf8'), lineNumber) : lineReader(args)
  return await withKafka(args, io, async (kafka, settings) => {
    const { producerConfigDefinitions } = await import('@odradek/config')
    const known = Object.fromEntries(Object.entries(settings).filter(([name]) => producerConfigDefinitions.has(name)))
    const producer = kafka.producer({
      'linger.ms': 5,
      'max.block.ms': 15_000,
      ...known,
      ...(args.has('compression') ? { 'compression.type': args.choice('compression', ['none', 'gzip', 'snappy', 'lz4', 'zstd']) } : {}),
      ...(args.has('acks') ? { acks: args.choice<'0' | '1' | 'all'>('acks', ['0', '1', 'all']) } : {})
    })
    return await sendAll(args, io, producer, read)
  })
}

/** A line is a value, or key, separator, value. */
function lineReader(args: Arguments): Read {
  const separator = args.text('key-separator')
  if (separator === '') throw usageError('--key-separator wants a text')
  const valueIn = (bytes: Buffer): Buffer | null => (bytes.length === 0 && args.has('tombstone') ? null : bytes)
  if (separator === undefined) return (line) => ({ value: valueIn(line) })
  return (line, lineNumber) => {
    const at = line.indexOf(separator)
    if (at < 0) throw usageError(`Line ${lineNumber} has no ${JSON.stringify(separator)} between key and value`)
    return { key: line.subarray(0, at), value: valueIn(line.subarray(at + Buffer.byteLength(separator))) }
  }
}

async function sendAll(args: Arguments, io: CommandIo, producer: Producer, read: Read): Promise<number> {
  const send = sender(args, producer)
  const isDry = args.has('dry-run')
  const open = new OpenRecords()
  const counts = { read: 0, sent: 0, failed: 0 }
  let failure: Error | undefined
  const settled = (error: Error | null): void => {
    if (error === null) counts.sent++
    else counts.failed++
    failure ??= error ?? undefined
  }
  let lineNumber = 0
  let shownAt = 0
  const sendLine = (line: Buffer): void => {
    lineNumber++
    if (line.length === 0 && args.text('input') === 'json') return
    const record = read(line, lineNumber)
    const topic = args.rest[0] ?? record.topic
    if (topic === undefined) throw usageError(`Line ${lineNumber} names no topic, and none was given`)
    counts.read++
    if (!isDry) send(topic, record, open.add(settled))
  }
  try {
    for await (const lines of inputLines(io.input)) {
      for (const line of lines) {
        if (failure !== undefined) break
        sendLine(line)
        await (producer.isFull ? producer.ready() : open.room())
      }
      if (failure !== undefined) break
      if (!io.isErrorTerminal || io.isInputTerminal || Date.now() - shownAt < PROGRESS_MS) continue
      shownAt = Date.now()
      io.err(`\r${counts.read} records`)
    }
  } catch (error) {
    // what was read before the user ended it, or before a line that is wrong, is sent
    if (!io.signal.aborted && !(error instanceof OdradekError)) throw error
    if (!io.signal.aborted) failure ??= error as Error
  }
  await producer.flush()
  if (shownAt > 0) io.err('\r')
  if (failure !== undefined) {
    io.err(`${failure.message}\n${counts.sent} records sent${counts.failed > 0 ? `, ${counts.failed} failed` : ''}\n`)
    return 1
  }
  if (io.isErrorTerminal || isDry) io.err(isDry ? `${counts.read} records would be sent\n` : `${counts.sent} records sent\n`)
  return io.signal.aborted ? exitCodeOf(io.signal) : 0
}

/** Sends a record with what the options say of all records. */
function sender(args: Arguments, producer: Producer): (topic: string, record: InputRecord, settled: SendCallback) => void {
  const [commonKey, commonPartition] = [args.text('key') ?? null, args.number('partition')]
  const common = Object.entries(args.pairs('header')).map(([key, value]) => ({ key, value }))
  return (topic, record, settled) => {
    const { timestamp } = record
    const headers = [...((record.headers as Header[] | undefined) ?? []), ...common]
    const partition = commonPartition ?? (args.has('keep-partition') ? record.partition : undefined)
    producer.send(topic, { key: raw(record.key ?? commonKey), value: raw(record.value), headers, timestamp, partition }, settled)
  }
}

const raw = (bytes: Uint8Array | string | null): Buffer | string | null =>
  bytes === null || typeof bytes === 'string' || Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)
