// odradek produce: records from standard input, a line each, or as NDJSON.
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Producer } from '@odradek/client'
import { type Arguments, type CommandSpec, readArguments, usageError } from './arguments.ts'
import { withKafka } from './connect.ts'
import type { CommandIo } from './io.ts'
import { fromJson, type InputRecord } from './record-json.ts'

const spec: CommandSpec = {
  usage: 'produce [TOPIC]',
  about: 'Sends records from standard input. With -i json, lines as `odradek consume -o json` writes them; TOPIC is then that of all.',
  options: {
    input: { short: 'i', value: 'FORM', help: 'lines or json (default: lines)' },
    key: { short: 'k', value: 'KEY', help: 'key of every record' },
    'key-separator': { short: 'K', value: 'TEXT', help: 'a line is key, TEXT, value' },
    header: { short: 'H', value: 'KEY=VALUE', isMany: true, help: 'a header of every record' },
    partition: { short: 'p', value: 'N', help: 'partition of every record (default: by key)' },
    compression: { short: 'z', value: 'CODEC', help: 'none, gzip, snappy, lz4 or zstd' },
    acks: { value: 'ACKS', help: '0, 1 or all (default: all)' },
    tombstone: { help: 'an empty value is a tombstone' },
    'keep-partition': { help: 'with -i json: the partition that the line names' },
    'dry-run': { help: 'read and check the input, send nothing' }
  },
  most: 1
}

const PROGRESS_MS = 200

export async function produce(argv: readonly string[], io: CommandIo): Promise<number> {
  const args = readArguments(spec, argv, io)
  if (args === undefined) return 0
  const isJson = (args.choice('input', ['lines', 'json']) ?? 'lines') === 'json'
  if (!isJson && args.rest[0] === undefined) throw usageError(`usage: odradek ${spec.usage}`)
  const read = isJson ? fromJson : lineReader(args)
  return await withKafka(args, io, async (kafka, settings) => {
    const { producerConfigDefinitions } = await import('@odradek/config')
    const known = Object.fromEntries(Object.entries(settings).filter(([name]) => producerConfigDefinitions.has(name)))
    const producer = kafka.producer({
      'linger.ms': 5,
      ...known,
      ...(args.has('compression') ? { 'compression.type': args.choice('compression', ['none', 'gzip', 'snappy', 'lz4', 'zstd']) } : {}),
      ...(args.has('acks') ? { acks: args.choice<'0' | '1' | 'all'>('acks', ['0', '1', 'all']) } : {})
    })
    return await sendAll(args, io, producer, read)
  })
}

/** A line is a value, or key, separator, value. */
function lineReader(args: Arguments): (line: string, lineNumber: number) => InputRecord {
  const separator = args.text('key-separator')
  const valueOf = (text: string): string | null => (text === '' && args.has('tombstone') ? null : text)
  if (separator === undefined) return (line) => ({ value: valueOf(line) })
  return (line, lineNumber) => {
    const at = line.indexOf(separator)
    if (at < 0) throw usageError(`Line ${lineNumber} has no ${JSON.stringify(separator)} between key and value`)
    return { key: line.slice(0, at), value: valueOf(line.slice(at + separator.length)) }
  }
}

async function sendAll(
  args: Arguments,
  io: CommandIo,
  producer: Producer,
  read: (line: string, lineNumber: number) => InputRecord
): Promise<number> {
  const common = { key: args.text('key'), partition: args.number('partition'), headers: Object.entries(args.pairs('header')) }
  const counts = { sent: 0, failed: 0 }
  let failure: Error | undefined
  let lineNumber = 0
  let shownAt = 0
  for await (const line of createInterface({ input: Readable.from(io.input), crlfDelay: Number.POSITIVE_INFINITY })) {
    lineNumber++
    if (line === '' && args.text('input') === 'json') continue
    const record = read(line, lineNumber)
    const topic = args.rest[0] ?? record.topic
    if (topic === undefined) throw usageError(`Line ${lineNumber} names no topic, and none was given`)
    if (!args.has('dry-run')) {
      const headers = [
        ...((record.headers as { key: string; value: string }[] | undefined) ?? []),
        ...common.headers.map(([key, value]) => ({ key, value }))
      ]
      const partition = common.partition ?? (args.has('keep-partition') ? record.partition : undefined)
      const { timestamp, value } = record
      const key = record.key ?? common.key ?? null
      producer.send(topic, { key: raw(key), value: raw(value), headers, timestamp, partition }, (error) => {
        if (error === null) counts.sent++
        else {
          counts.failed++
          failure ??= error
        }
      })
      if (producer.isFull) await producer.ready()
    }
    if (io.isErrorTerminal && !io.isInputTerminal && Date.now() - shownAt > PROGRESS_MS) {
      shownAt = Date.now()
      io.err(`\r${lineNumber} records`)
    }
    if (failure !== undefined) break
  }
  await producer.flush()
  if (shownAt > 0) io.err('\r')
  if (failure !== undefined) {
    io.err(`${counts.sent} records sent, ${counts.failed} failed: ${failure.message}\n`)
    return 1
  }
  if (io.isErrorTerminal || args.has('dry-run'))
    io.err(`${args.has('dry-run') ? `${lineNumber} records would be` : `${counts.sent} records`} sent\n`)
  return 0
}

const raw = (bytes: Uint8Array | string | null): Buffer | string | null =>
  bytes === null || typeof bytes === 'string' ? bytes : Buffer.from(bytes)
