/** kafka-dump-log: what is in the files of a log directory. As Kafka's tool prints it; reads files, asks no broker. */
import { basename, extname, resolve } from 'node:path'
import { OutputBuffer } from '../console/output-buffer.ts'
import { classDecoder, decoders } from '../dump-log/decoders.ts'
import { type DumpOptions, dumpBatches, type Findings } from '../dump-log/dump-batches.ts'
import {
  dumpOffsetIndex,
  dumpProducerSnapshot,
  dumpTimeIndex,
  dumpTransactionIndex,
  type IndexFindings,
  type IndexOptions
} from '../dump-log/dump-indexes.ts'
import { dumpLogOptions } from '../dump-log/options.ts'
import type { Options } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { javaError, processIo, ToolError, type ToolIo } from '../tool.ts'

const purpose =
  'This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly corrupt log segment.'

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return await runOptionsTool({ specs: dumpLogOptions, purpose, malformed: 'as uncaught', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  options.require('files')
  const output = new OutputBuffer(io)
  const findings: Findings & IndexFindings = {
    nonConsecutive: new Map(),
    offsets: new Map(),
    times: new Map(),
    timeOrder: new Map(),
    missingOffsets: new Map()
  }
  const dump = dumpOptions(options)
  const index: IndexOptions = { isSanityCheck: options.has('index-sanity-check'), isVerifyOnly: options.has('verify-index-only') }
  let name = ''
  try {
    for (name of (options.value('files') ?? '').split(',')) {
      output.text(`Dumping ${name}\n`)
      if (!(await dumpFile(name, { dump, index, output, findings, io }))) return 0
    }
  } catch (error) {
    await output.flush()
    io.err(`Exception in thread "main" ${javaError(readable(error, name))}\n`)
    return 1
  }
  await output.flush()
  tell(findings, io)
  return 0
}

function dumpOptions(options: Options): DumpOptions {
  const asked = Object.keys(decoders).find((name) => options.has(name))
  const prints = asked !== undefined || ['print-data-log', 'value-decoder-class', 'key-decoder-class'].some((name) => options.has(name))
  const classes = [options.value('key-decoder-class') ?? '', options.value('value-decoder-class') ?? ''] as const
  return {
    isDeep: prints || options.has('deep-iteration'),
    decoder: prints ? (asked === undefined ? classDecoder(...classes) : decoders[asked]()) : undefined,
    skipMetadata: options.has('skip-record-metadata'),
    maxBytes: options.integer('max-bytes') ?? 0
  }
}

interface Dump {
  readonly dump: DumpOptions
  readonly index: IndexOptions
  readonly output: OutputBuffer
  readonly findings: Findings & IndexFindings
  readonly io: ToolIo
}

/** Resolves to false when nobody reads the output any more. */
async function dumpFile(name: string, { dump, index, output, findings, io }: Dump): Promise<boolean> {
  const stem = basename(name).split('.')[0]
  const at = { path: resolve(io.cwd, name), name }
  switch (extname(name)) {
    case '.log':
      output.text(`Log starting offset: ${offsetOf(stem)}\n`)
      return await dumpBatches(at, dump, output, findings)
    case '.checkpoint': {
      const [offset, epoch] = stem.split('-').map(Number)
      output.text(stem === 'bootstrap' ? 'KRaft bootstrap snapshot\n' : `Snapshot end offset: ${offset}, epoch: ${epoch}\n`)
      return await dumpBatches(at, dump, output, findings)
    }
    case '.index':
      offsetOf(stem)
      dumpOffsetIndex(at, index, output, findings)
      return true
    case '.timeindex':
      dumpTimeIndex(at, index, output, findings)
      return true
    case '.txnindex':
      dumpTransactionIndex(at, output)
      return true
    case '.snapshot':
      if (!dumpProducerSnapshot(at, output)) io.err(`Snapshot failed schema validation: ${name} is cut or damaged\n`)
      return true
    default:
      io.err(`Ignoring unknown file ${name}\n`)
      return true
  }
}

/** Files of logs are named by the offset that they begin with; a copy under another name cannot be dumped, as with Kafka's tool. */
function offsetOf(stem: string): number {
  if (!/^\d+$/.test(stem)) throw new ToolError(`For input string: "${stem}"`, 'java.lang.NumberFormatException')
  return Number(stem)
}

function tell(findings: Findings & IndexFindings, io: ToolIo): void {
  const section = (
    title: string,
    found: IndexFindings['times'],
    line: (a: number | bigint, b: number | bigint) => string,
    indent = '  '
  ): void => {
    for (const [path, pairs] of found) {
      io.err(`${title}${path}\n`)
      for (const [a, b] of pairs) io.err(`${indent}${line(a, b)}\n`)
    }
  }
  section('Mismatches in :', findings.offsets, (a, b) => `Index offset: ${a}, log offset: ${b}`)
  section('Found timestamp mismatch in :', findings.times, (a, b) => `Index timestamp: ${a}, log timestamp: ${b}`)
  section('Found out of order timestamp in :', findings.timeOrder, (a, b) => `Index timestamp: ${a}, Previously indexed timestamp: ${b}`)
  section(
    'The following indexed offsets are not found in :',
    findings.missingOffsets,
    (a, b) => `Indexed offset: ${a}, found log offset: ${b}`,
    ''
  )
  section('Non-consecutive offsets in ', findings.nonConsecutive, (a, b) => `${a} is followed by ${b}`)
}

/** A file that is not there, in the words of Java. */
function readable(error: unknown, name: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? new ToolError(name, 'java.nio.file.NoSuchFileException') : error
}
