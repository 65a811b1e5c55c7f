// Recorded runs of Apache Kafka's commands (goldens, cli-transcripts.ndjson): running one in this process, and what in its text is
// volatile or Java's own. Used by the transcripts here (Odradek's broker) and by test/interop/transcripts.e2e.ts (Apache Kafka's).
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import type { ToolIo } from '../../src/tool.ts'
import { comparable } from './comparable.ts'
import { memoryIo } from './memory-io.ts'

export interface Transcript {
  readonly n: number
  readonly tool: string
  readonly args: readonly string[]
  readonly stdin?: string
  /** `timeout`: it was still running after 60 seconds. */
  readonly exitCode: number | 'timeout'
  readonly stdout: string
  readonly stderr: string
  /** Contents of the files that the arguments name. */
  readonly files?: Readonly<Record<string, string>>
  readonly note?: string
}

export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  readonly bootstrap: string
  readonly controller: string
  readonly cwd: string
  /** Before the first run. */
  readonly startedAt?: Date
  /** Ends a command that runs on. */
  readonly signal?: AbortSignal
}

/**
 * Console consumers that end when nothing comes for some seconds need not wait as long as those that were recorded; but a member of a
 * share group gets its partitions with its second heartbeat only.
 */
const CONSUMER_TIMEOUT_MS = '1500'

/** A record without a key goes to any partition; in this run's recording it went to the last. */
const toLastPartition = 67

async function withoutChance<T>(run: () => Promise<T>): Promise<T> {
  const { randomInt } = crypto
  try {
    crypto.randomInt = ((bound: number) => bound - 1) as typeof randomInt
    syncBuiltinESMExports()
    return await run()
  } finally {
    crypto.randomInt = randomInt
    syncBuiltinESMExports()
  }
}

/** Line by line, so that the records of lines have times of their own, as those of the recording have. */
async function* typed(stdin: string): AsyncGenerator<Uint8Array> {
  for (const line of stdin.split(/(?<=\n)/)) {
    yield Buffer.from(line)
    await setTimeout(2)
  }
}

/** Thirty seconds pass until this one gives up: two will do. */
const impatient: Readonly<Record<number, readonly string[]>> = { 353: ['--timeout', '2000'] }

/** The command of this project, in this process. */
export async function runCommand(
  { n, tool, args, stdin = '' }: Pick<Transcript, 'tool' | 'args' | 'stdin'> & { readonly n?: number },
  { bootstrap, controller, cwd, signal, startedAt }: Surroundings
): Promise<Outcome> {
  const { main } = (await import(`../../src/commands/${tool}.ts`)) as { main(argv: readonly string[], io: ToolIo): Promise<number> }
  const io = memoryIo({
    input: typed(stdin),
    signal: signal ?? new AbortController().signal,
    cwd
  })
  const given = [...args, ...(impatient[n ?? 0] ?? [])]
  const filled = given.map((argument, index) =>
    args[index - 1] === '--timeout-ms' && tool !== 'kafka-console-share-consumer'
      ? CONSUMER_TIMEOUT_MS
      : argument
          .replace('<BOOTSTRAP>', bootstrap)
          .replace('<CONTROLLER>', controller)
          .replace('<ISOTIME>', startedAt?.toISOString().slice(0, 23) ?? '')
  )
  const exitCode = n === toLastPartition ? await withoutChance(() => main(filled, io)) : await main(filled, io)
  const addresses = (text: string): string => text.replaceAll(bootstrap, '<BOOTSTRAP>').replaceAll(controller, '<CONTROLLER>')
  return { exitCode, stdout: addresses(io.stdout()), stderr: addresses(io.stderr()) }
}

/** The parts that differ from run to run, as the goldens mask them. */
export const masked = (text: string): string =>
  text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<UUID>')
    .replace(/console-consumer-(\d+|<N>)/g, 'console-consumer-<N>')
    .replace(/(?<![-\w])[A-Za-z0-9_-]{22}(?![-\w])/g, '<ID>')
    .replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]/gm, '[<TIME>]')
    .replace(/(localhost )\d+ +/g, '$1<PORT> ')
    .replace(/^(CreateTime|LogAppendTime):\d+/gm, '$1:<MS>')
    // What coordinators write, and where, depends on chance: on the ids of groups and topics.
    .replace(/^(__(?:consumer_offsets|share_group_state):\d+):\d+$/gm, '$1:<N>')
    .replace(/perf-consumer-(\d+|<N>)\) *$/gm, 'perf-consumer-<N>)')
    .replace(/"timestamp":\d+/g, '"timestamp":<MS>')
    .replace(/"avg_throughput":[\d.]+/g, '"avg_throughput":<N>')

/** Frames of Java, and the class and causes of an exception, which Java adds to the message, are not ours to print; nor its log. */
export const terse = (text: string): string =>
  text
    .replace(/^The consumer rebalance protocol \(KIP-848\).*\n/gm, '')
    .replace(/^\[<TIME>\] (WARN|ERROR) \[(AdminClient|Consumer|Producer|ShareConsumer).*\n/gm, '')
    .replace(/^\t<STACK>\n/gm, '')
    .replace(/^(joptsimple|java|org\.apache)[\w.]+(Exception)?: .*\n/gm, '')
    .replace(/^Caused by.*\n/gm, '')
    .replace(/\n+$/, '\n')

/**
 * Runs that print what comes in any order: records of several partitions; and groups and topics, whose order in Java's hash maps depends
 * on how many there are, and on the order in which the broker lists those of one place.
 */
const unordered: ReadonlySet<number> = new Set([104, 106, 107, 108, 109, 145, 184])
const sortedLines = (text: string): string => text.split('\n').sort().join('\n')

export function assertSameText({ n, tool, stdout, stderr }: Transcript, actual: Outcome): void {
  const lines = unordered.has(n) ? sortedLines : (text: string): string => text
  const output = (text: string): string => lines(masked(comparable(tool, text)))
  const errors = (text: string): string => terse(masked(comparable(tool, text)))
  assert.equal(output(actual.stdout), output(stdout))
  assert.equal(errors(actual.stderr), errors(stderr))
}
