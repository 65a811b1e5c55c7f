/** kafka-share-consumer-perf-test: how fast share consumers read. Flags, output and exit codes are those of Kafka's tool. */
import type { ShareConsumer } from '@odradek/client'
import { keyValues, makeShareConsumer, readSettings, type Settings } from '../clients.ts'
import type { Options } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { dateFormat } from '../perf/date-format.ts'
import { printMetrics } from '../perf/print-metrics.ts'
import { javaError, processIo, ToolError, type ToolIo } from '../tool.ts'
import { sharePerfOptions } from './kafka-share-consumer-perf-test-options.ts'

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runOptionsTool(
    {
      specs: sharePerfOptions,
      purpose: 'This tool is used to verify the share consumer performance.',
      malformed: 'with table',
      run: (options) => run(options, io)
    },
    argv,
    io
  )

interface Task {
  readonly settings: Settings
  readonly topic: string
  readonly count: number
  readonly threads: number
  readonly timeoutMs: number
  readonly reportingIntervalMs: number
  readonly isDetailed: boolean
  readonly showsEach: boolean
  readonly time: (ms: number) => string
}

interface Counts {
  records: number
  bytes: number
}

const MEGABYTE = 1024 * 1024

async function run(options: Options, io: ToolIo): Promise<number> {
  options.require('topic', 'bootstrap-server')
  options.requireOneOf('messages', 'num-records')
  options.exclude('consumer.config', ['command-config'])
  const settings = await settingsOf(options, io)
  if (options.has('messages')) io.out('Warning: --messages is deprecated. Use --num-records instead.\n')
  if (!options.has('hide-header'))
    io.out('start.time, end.time, data.consumed.in.MB, MB.sec, nMsg.sec, data.consumed.in.nMsg, fetch.time.ms\n')
  try {
    const task: Task = {
      settings,
      topic: options.value('topic') as string,
      count: options.integer(options.has('messages') ? 'messages' : 'num-records') as number,
      threads: options.integer('threads') as number,
      timeoutMs: options.integer('timeout') as number,
      reportingIntervalMs: options.integer('reporting-interval') as number,
      isDetailed: options.has('show-detailed-stats'),
      showsEach: options.has('show-consumer-stats'),
      time: dateFormat(options.value('date-format') as string)
    }
    if (task.threads < 1) throw new ToolError('null')
    const total = await measure(task, io)
    if (options.has('print-metrics')) {
      const row = { group: 'consumer-share-fetch-manager-metrics', tags: { 'client-id': settings['client.id'] } }
      const { records, bytes } = total
      printMetrics(
        [
          { ...row, name: 'records-consumed-total', value: records },
          { ...row, name: 'bytes-consumed-total', value: bytes }
        ],
        io
      )
    }
    return io.signal.aborted ? 130 : 0
  } catch (error) {
    io.out(`${(error as Error).message}\n`)
    io.err(`${javaError(error)}\n`)
    return 1
  }
}

async function settingsOf(options: Options, io: ToolIo): Promise<Settings> {
  const file = await readSettings(options.value(options.has('command-config') ? 'command-config' : 'consumer.config'), io)
  return {
    'client.id': 'perf-share-consumer-client',
    ...file,
    ...keyValues(options.values('command-property')),
    'bootstrap.servers': options.value('bootstrap-server') as string,
    'group.id': options.value('group') as string,
    'receive.buffer.bytes': options.value('socket-buffer-size') as string,
    'max.partition.fetch.bytes': options.value('fetch-size') as string,
    'check.crcs': 'false'
  }
}

async function measure(task: Task, io: ToolIo): Promise<Counts> {
  const { settings, threads, topic } = task
  const consumers: { consumer: ShareConsumer; name: string }[] = []
  for (let at = 1; at <= threads; at++) {
    const name = threads === 1 ? settings['client.id'] : `${settings['client.id']}-${at}`
    consumers.push({ name, consumer: await makeShareConsumer({ ...settings, 'client.id': name }, io) })
  }
  const total: Counts = { records: 0, bytes: 0 }
  const startMs = Date.now()
  try {
    const each = consumers.map(async ({ consumer, name }, at) => {
      consumer.subscribe(topic)
      const own = await consume(consumer, task, total, at + 1, io)
      return { name, own, endMs: Date.now() }
    })
    const ends = await Promise.all(each)
    if (task.showsEach)
      ends.forEach(({ name, own, endMs }, at) => {
        io.out(`Share consumer ${at + 1} having client id ${name} consumption metrics- ${line(task, startMs, endMs, own, own)}\n`)
      })
    if (total.records < task.count)
      io.out(
        `WARNING: Exiting before consuming the expected number of records: timeout (${task.timeoutMs} ms) exceeded. You can use the --timeout option to increase the timeout.\n`
      )
    await Promise.all(consumers.map(({ consumer }) => consumer.commitSync()))
    io.out(`${line(task, startMs, Date.now(), total, total)}\n`)
  } finally {
    await Promise.all(consumers.map(({ consumer }) => consumer.close()))
  }
  return total
}

async function consume(consumer: ShareConsumer, task: Task, total: Counts, number: number, io: ToolIo): Promise<Counts> {
  const { count, timeoutMs, reportingIntervalMs, isDetailed } = task
  const own: Counts = { records: 0, bytes: 0 }
  let last = { ...own }
  let lastReportMs = Date.now()
  let lastRecordMs = lastReportMs
  while (total.records < count && Date.now() - lastRecordMs <= timeoutMs && !io.signal.aborted) {
    for (const { serializedKeySize, serializedValueSize } of await consumer.poll({ timeoutMs: Math.min(100, timeoutMs) })) {
      lastRecordMs = Date.now()
      const bytes = Math.max(0, serializedKeySize) + Math.max(0, serializedValueSize)
      for (const counts of [own, total]) {
        counts.records++
        counts.bytes += bytes
      }
    }
    const now = Date.now()
    if (!isDetailed || now - lastReportMs < reportingIntervalMs || own.records === last.records) continue
    const interval = { records: own.records - last.records, bytes: own.bytes - last.bytes }
    io.out(`${line(task, lastReportMs, now, own, interval)} for share consumer ${number}\n`)
    lastReportMs = now
    last = { ...own }
  }
  return own
}

/** start, end, MB so far, MB/s and records/s of the interval, records so far, ms. */
function line({ time }: Task, startMs: number, endMs: number, total: Counts, interval: Counts): string {
  const elapsedMs = endMs - startMs
  const rate = (value: number): string => ((value * 1000) / Math.max(1, elapsedMs)).toFixed(4)
  const megabytes = (bytes: number): number => bytes / MEGABYTE
  return [
    time(startMs),
    time(endMs),
    megabytes(total.bytes).toFixed(4),
    rate(megabytes(interval.bytes)),
    rate(interval.records),
    total.records,
    elapsedMs
  ].join(', ')
}
