/** kafka-consumer-perf-test: how fast records can be read. Flags, output and exit codes are those of Kafka's tool. */
import type { Consumer, RebalanceListener } from '@odradek/client'
import { keyValues, makeConsumer, readSettings, type Settings } from '../clients.ts'
import { wholeName } from '../console/print-records.ts'
import type { Options } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { dateFormat } from '../perf/date-format.ts'
import { messageOf, processIo, ToolError, type ToolIo } from '../tool.ts'
import { consumerPerfOptions } from './kafka-consumer-perf-test-options.ts'

const MB = 1024 * 1024
const POLL_MS = 100

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runOptionsTool(
    { specs: consumerPerfOptions, purpose: 'This tool is used to verify the consumer performance.', malformed: 'with table', run },
    argv,
    io
  )

async function run(options: Options, io: ToolIo): Promise<number> {
  options.require('bootstrap-server')
  options.requireOneOf('topic', 'include')
  options.requireOneOf('messages', 'num-records')
  options.exclude('consumer.config', ['command-config'])
  if (options.has('messages')) io.out('Warning: --messages is deprecated. Use --num-records instead.\n')
  if (options.has('consumer.config')) io.out('Warning: --consumer.config is deprecated. Use --command-config instead.\n')
  try {
    const task = readTask(options)
    printHeader(task, options, io)
    const settings = await consumerSettings(options, io)
    const consumer = await makeConsumer(settings, io)
    try {
      await measure(consumer, task, io)
      if (options.has('print-metrics')) await printMetrics(settings, task, io)
    } finally {
      await consumer.close()
    }
    return 0
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    return 1
  }
}

interface Task {
  readonly topics: readonly string[] | RegExp
  readonly recordCount: number
  readonly timeoutMs: number
  readonly intervalMs: number
  readonly isDetailed: boolean
  readonly format: (ms: number) => string
  readonly read: Counts
}

interface Counts {
  records: number
  bytes: number
  joinMs: number
}

function readTask(options: Options): Task {
  const [topic, include] = [options.value('topic'), options.value('include')]
  const intervalMs = options.integer('reporting-interval') as number
  if (intervalMs <= 0) throw new ToolError('Reporting interval must be greater than 0.')
  return {
    topics: topic === undefined ? wholeName(include as string) : [topic],
    recordCount: options.integer(options.has('messages') ? 'messages' : 'num-records') as number,
    timeoutMs: options.integer('timeout') as number,
    intervalMs,
    isDetailed: options.has('show-detailed-stats'),
    format: dateFormat(options.value('date-format') as string),
    read: { records: 0, bytes: 0, joinMs: 0 }
  }
}

async function consumerSettings(options: Options, io: ToolIo): Promise<Settings> {
  const file = options.value(options.has('consumer.config') ? 'consumer.config' : 'command-config')
  const settings: Settings = {
    ...(await readSettings(file, io)),
    ...keyValues(options.values('command-property')),
    'bootstrap.servers': options.value('bootstrap-server') as string,
    'group.id': options.value('group') as string,
    'receive.buffer.bytes': options.value('socket-buffer-size') as string,
    'max.partition.fetch.bytes': options.value('fetch-size') as string,
    'auto.offset.reset': options.has('from-latest') ? 'latest' : 'earliest',
    'check.crcs': 'false'
  }
  settings['client.id'] ??= 'perf-consumer-client'
  return settings
}

function printHeader({ isDetailed }: Task, options: Options, io: ToolIo): void {
  if (options.has('hide-header')) return
  const first = isDetailed ? 'time, threadId' : 'start.time, end.time'
  io.out(
    `${first}, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n`
  )
}

async function printMetrics(settings: Settings, { read }: Task, io: ToolIo): Promise<void> {
  const { printConsumerMetrics } = await import('../perf/client-metrics.ts')
  printConsumerMetrics(settings['client.id'], read, io)
}

async function measure(consumer: Consumer, task: Task, io: ToolIo): Promise<void> {
  const { read, isDetailed, format } = task
  const startMs = Date.now()
  await readAll(consumer, task, io)
  const endMs = Date.now()
  if (isDetailed) return
  const seconds = (endMs - startMs) / 1000
  const fetchMs = endMs - startMs - read.joinMs
  const mb = read.bytes / MB
  const columns = [format(startMs), format(endMs), mb.toFixed(4), (mb / seconds).toFixed(4), read.records]
  columns.push((read.records / seconds).toFixed(4), read.joinMs, fetchMs)
  columns.push((mb / (fetchMs / 1000)).toFixed(4), (read.records / (fetchMs / 1000)).toFixed(4))
  io.out(`${columns.join(', ')}\n`)
}

/** What it takes to get partitions when there are none, into `read` and, for the lines in between, `round`. */
function listener(read: Counts, round: { joinMs: number }): RebalanceListener {
  const assigned = new Set<string>()
  let joinStartMs = Date.now()
  return {
    onAssigned(partitions) {
      if (assigned.size === 0) {
        const elapsedMs = Date.now() - joinStartMs
        read.joinMs += elapsedMs
        round.joinMs += elapsedMs
      }
      for (const { topic, partition } of partitions) assigned.add(`${topic}-${partition}`)
    },
    onRevoked(partitions) {
      for (const { topic, partition } of partitions) assigned.delete(`${topic}-${partition}`)
      if (assigned.size === 0) joinStartMs = Date.now()
    }
  }
}

async function readAll(consumer: Consumer, task: Task, io: ToolIo): Promise<void> {
  const { topics, recordCount, timeoutMs, intervalMs, isDetailed, read } = task
  const round = { joinMs: 0 }
  consumer.subscribe(topics, listener(read, round))
  let nowMs = Date.now()
  let lastConsumedMs = nowMs
  let last = { ms: nowMs, records: 0, bytes: 0 }
  while (read.records < recordCount && nowMs - lastConsumedMs <= timeoutMs) {
    const records = (await consumer.poll(POLL_MS)).toArray()
    nowMs = Date.now()
    if (records.length > 0) lastConsumedMs = nowMs
    for (const record of records) read.bytes += Math.max(0, record.serializedKeySize) + Math.max(0, record.serializedValueSize)
    read.records += records.length
    if (records.length === 0 || nowMs - last.ms < intervalMs) continue
    if (isDetailed) io.out(progress(task, last, nowMs, round.joinMs))
    round.joinMs = 0
    last = { ms: nowMs, records: read.records, bytes: read.bytes }
  }
  if (read.records < recordCount)
    io.out(
      `WARNING: Exiting before consuming the expected number of records: timeout (${timeoutMs} ms) exceeded. You can use the --timeout option to increase the timeout.\n`
    )
}

function progress({ read, format }: Task, last: { ms: number; records: number; bytes: number }, nowMs: number, joinMs: number): string {
  const elapsedMs = nowMs - last.ms
  const [mb, records] = [(read.bytes - last.bytes) / MB, read.records - last.records]
  const fetchMs = elapsedMs - joinMs
  const rate = (amount: number): string => (fetchMs <= 0 ? 0 : (1000 * amount) / fetchMs).toFixed(4)
  const columns = [format(nowMs), 0, (read.bytes / MB).toFixed(4), ((1000 * mb) / elapsedMs).toFixed(4), read.records]
  columns.push(((records / elapsedMs) * 1000).toFixed(4), joinMs, fetchMs, rate(mb), rate(records))
  return `${columns.join(', ')}\n`
}
