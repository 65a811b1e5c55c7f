/** kafka-producer-perf-test: how fast records can be sent. Flags, output and exit codes are those of Kafka's tool. */
import type { Producer } from '@odradek/client'
import { makeProducer, readSettings, type Settings } from '../clients.ts'
import { type Arguments, programUsageError } from '../command-line.ts'
import { PacedSender } from '../paced-sender.ts'
import { filePayloads, monotonicPayloads, type Payloads, randomPayloads } from '../perf/payloads.ts'
import { ProducerStats } from '../perf/producer-stats.ts'
import { Throttle } from '../perf/throttle.ts'
import { runProgram } from '../program-tool.ts'
import { javaError, processIo, ToolError, type ToolIo } from '../tool.ts'
import { producerPerfLine } from './kafka-producer-perf-test-options.ts'

const TRANSACTION_DURATION_MS = 3000

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runProgram(producerPerfLine, argv, io, async (args) => {
    const task = await readTask(args, io)
    const producer = await makeProducer(task.settings, io)
    try {
      await measure(producer, task, io)
    } finally {
      await producer.close()
    }
    return 0
  })

interface Task {
  readonly topic: string
  readonly recordCount: number
  readonly warmupCount: number
  readonly payloads: Payloads
  readonly throughput: number
  readonly settings: Settings
  readonly printsMetrics: boolean
  /** undefined: no transactions. */
  readonly transactionMs: number | undefined
  readonly reportingIntervalMs: number
}

async function readTask(args: Arguments, io: ToolIo): Promise<Task> {
  checkArguments(args)
  const [recordSize, file] = [args.integer('--record-size'), args.value('--payload-file')]
  const delimiter = args.value('--payload-delimiter') ?? '\\n'
  const payloads =
    file !== undefined ? filePayloads(file, delimiter, io) : recordSize !== undefined ? randomPayloads(recordSize) : monotonicPayloads
  const deprecated = [
    ['--producer-props', '--command-property'],
    ['--producer.config', '--command-config']
  ]
  for (const [old, current] of deprecated)
    if (args.has(old)) io.out(`Option ${old} has been deprecated and will be removed in a future version. Use ${current} instead.\n`)
  const settings = await producerSettings(args, io)
  const isTransactional = args.has('--transaction-duration-ms') || settings['transactional.id'] !== undefined
  if (isTransactional) settings['transactional.id'] ??= `performance-producer-${await randomId()}`
  return {
    topic: args.value('--topic') as string,
    recordCount: args.integer('--num-records') as number,
    warmupCount: Math.max(0, args.integer('--warmup-records') ?? 0),
    payloads,
    throughput: Number(args.value('--throughput')),
    settings,
    printsMetrics: args.has('--print-metrics'),
    transactionMs: isTransactional ? (args.integer('--transaction-duration-ms') ?? TRANSACTION_DURATION_MS) : undefined,
    reportingIntervalMs: args.integer('--reporting-interval') ?? 5000
  }
}

function checkArguments(args: Arguments): void {
  const fail = (reason: string): Error => programUsageError(producerPerfLine, reason)
  const recordCount = args.integer('--num-records') as number
  const sources = ['--bootstrap-server', '--command-property', '--producer-props', '--producer.config', '--command-config']
  if (recordCount <= 0) throw fail('--num-records should be greater than zero.')
  if ((args.integer('--warmup-records') ?? 0) >= recordCount)
    throw fail('The value for --warmup-records must be strictly fewer than the number of records in the test, --num-records.')
  if ((args.integer('--record-size') ?? 1) <= 0) throw fail('--record-size should be greater than zero.')
  if (!sources.some((source) => args.has(source)))
    throw fail(
      'At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or --command-config must be specified.'
    )
  if (args.has('--command-property') && args.has('--producer-props'))
    throw fail('--command-property and --producer-props cannot be specified together.')
  if (args.has('--command-config') && args.has('--producer.config'))
    throw fail('--command-config and --producer.config cannot be specified together.')
  if ((args.integer('--transaction-duration-ms') ?? 1) <= 0) throw fail('--transaction-duration-ms should be greater than zero.')
  if ((args.integer('--reporting-interval') ?? 1) <= 0) throw fail('--reporting-interval should be greater than zero.')
}

async function producerSettings(args: Arguments, io: ToolIo): Promise<Settings> {
  const settings = await readSettings(args.value('--command-config') ?? args.value('--producer.config'), io)
  for (const property of [...args.values('--command-property'), ...args.values('--producer-props')]) {
    const [name, value, ...more] = property.split('=')
    if (value === undefined || value === '' || more.length > 0) throw new ToolError(`Invalid property: ${property}`)
    settings[name] = value
  }
  settings['client.id'] ??= 'perf-producer-client'
  const [bootstrap, transactionalId] = [args.value('--bootstrap-server'), args.value('--transactional-id')]
  if (bootstrap !== undefined) settings['bootstrap.servers'] = bootstrap
  if (transactionalId !== undefined) settings['transactional.id'] = transactionalId
  return settings
}

async function randomId(): Promise<string> {
  const [{ randomBytes }, { randomUuid }] = await Promise.all([import('node:crypto'), import('@odradek/base')])
  return randomUuid((size) => randomBytes(size))
}

async function measure(producer: Producer, task: Task, io: ToolIo): Promise<void> {
  const { transactionMs, warmupCount } = task
  if (transactionMs !== undefined) await producer.initTransactions()
  if (warmupCount > 0) io.out(`Warmup first ${warmupCount} records. Steady state results will print after the complete test summary.\n`)
  const stats = await sendAll(producer, task, io)
  await producer.flush()
  for (const each of stats) each.printTotal()
  if (!task.printsMetrics) return
  const { printProducerMetrics } = await import('../perf/client-metrics.ts')
  printProducerMetrics(producer, io)
}

/** The statistics of all records, and those after the warm-up if there is one. */
async function sendAll(producer: Producer, task: Task, io: ToolIo): Promise<readonly ProducerStats[]> {
  const { topic, recordCount, warmupCount, payloads, throughput, transactionMs, reportingIntervalMs } = task
  const newStats = (count: number, isSteadyState: boolean): ProducerStats =>
    new ProducerStats({ recordCount: count, reportingIntervalMs, isSteadyState, io })
  const stats = newStats(recordCount, false)
  let steady: ProducerStats | undefined
  const sender = new PacedSender(producer, topic)
  const throttle = new Throttle(throughput, Date.now())
  let transactionStartMs: number | undefined
  for (let index = 0; index < recordCount; index++) {
    const value = payloads(index)
    if (transactionMs !== undefined && transactionStartMs === undefined) {
      producer.beginTransaction()
      transactionStartMs = Date.now()
    }
    const sentMs = Date.now()
    if (warmupCount > 0 && index === warmupCount) {
      steady = newStats(recordCount - warmupCount, true)
      stats.isSilent = true
    }
    const steadyNow = steady
    const room = sender.send({ value }, (error) => {
      const now = Date.now()
      if (error !== null) io.err(`${javaError(error)}\n`)
      else {
        stats.record(now - sentMs, value.length, now)
        steadyNow?.record(now - sentMs, value.length, now)
      }
    })
    if (room !== undefined) await room
    if (transactionMs !== undefined && sentMs - (transactionStartMs ?? sentMs) >= transactionMs) {
      await producer.commitTransaction()
      transactionStartMs = undefined
    }
    const pause = throttle.after(index, sentMs)
    if (pause !== undefined) await pause
  }
  if (transactionStartMs !== undefined) await producer.commitTransaction()
  return steady === undefined ? [stats] : [stats, steady]
}
