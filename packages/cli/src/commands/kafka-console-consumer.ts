/** kafka-console-consumer: prints the records of topics. Flags, output and exit codes are those of Kafka's tool. */

import { keyValues, makeConsumer, readSettings, type Settings } from '../clients.ts'
import { formatterOf, oneGroup } from '../console/consumer-options.ts'
import { type ConsumeTask, consumeAndPrint } from '../console/print-records.ts'
import { type Options, type RenamingWords, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { exitCodeOf, javaError, logError, processIo, ToolError, type ToolIo } from '../tool.ts'
import { consoleConsumerOptions } from './kafka-console-consumer-options.ts'

const LOGGER = 'org.apache.kafka.tools.consumer.ConsoleConsumer'

const words: RenamingWords = { warning: 'Option', both: (old, current) => `--${old} and --${current}` }

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runOptionsTool(
    {
      specs: consoleConsumerOptions,
      purpose: 'This tool helps to read data from Kafka topics and outputs it to standard output.',
      malformed: 'with table',
      run: async (options) => consume(await readTask(options, io), io)
    },
    argv,
    io
  )

interface Task extends ConsumeTask {
  readonly settings: Settings
  readonly logsEvents: boolean
}

async function readTask(options: Options, io: ToolIo): Promise<Task> {
  checkTarget(options)
  const settings = await consumerSettings(options, io)
  const from = startOf(options)
  const timeoutMs = options.integer('timeout-ms') ?? -1
  const formatter = await formatterOf(options, words, io)
  const topic = options.value('topic')
  return {
    settings,
    formatter,
    topic,
    include: options.value('include'),
    partition: options.integer('partition'),
    from,
    timeoutMs: timeoutMs >= 0 ? timeoutMs : undefined,
    maxMessages: options.integer('max-messages') ?? -1,
    skipsErrors: options.has('skip-message-on-error'),
    logger: LOGGER,
    logsEvents: options.has('enable-systest-events')
  }
}

async function consume(task: Task, io: ToolIo): Promise<number> {
  try {
    await consumeAndPrint(await makeConsumer(task.settings, io), task, io)
  } catch (error) {
    logError(io, 'Unknown error when running consumer: ', LOGGER)
    io.err(`${javaError(error)}\n`)
    return 1
  }
  if (!io.signal.aborted) return 0
  if (task.logsEvents) io.out('shutdown_complete\n')
  return exitCodeOf(io.signal)
}

function checkTarget(options: Options): void {
  options.requireOneOf('topic', 'include')
  if (options.has('partition')) {
    if (!options.has('topic')) throw new UsageError('The topic is required when partition is specified.')
    if (options.has('from-beginning') && options.has('offset'))
      throw new UsageError('Options from-beginning and offset cannot be specified together.')
  } else if (options.has('offset')) throw new UsageError('The partition is required when offset is specified.')
  options.require('bootstrap-server')
}

async function consumerSettings(options: Options, io: ToolIo): Promise<Settings> {
  const property = options.renamed('consumer-property', 'command-property', io, words)
  const config = options.renamed('consumer.config', 'command-config', io, words)
  const file = await readSettings(options.value(config), io)
  const given = keyValues(options.values(property))
  const groupId = groupOf(options, [file['group.id'], given['group.id']])
  const settings: Settings = { ...file, ...given, 'bootstrap.servers': options.value('bootstrap-server') as string }
  const reset = settings['auto.offset.reset']
  if (reset !== undefined && reset !== 'earliest' && options.has('from-beginning'))
    throw new ToolError(`Can't simultaneously specify --from-beginning and 'auto.offset.reset=${reset}', please remove one option`)
  settings['auto.offset.reset'] ??= options.has('from-beginning') ? 'earliest' : 'latest'
  settings['client.id'] ??= 'console-consumer'
  options.mergeInto(settings, 'isolation.level', 'isolation-level')
  // A group made for this run: its offsets are of no use to anybody later.
  if (groupId === undefined) settings['enable.auto.commit'] ??= 'false'
  settings['group.id'] = groupId ?? `console-consumer-${Math.floor(Math.random() * 100_000)}`
  return settings
}

function groupOf(options: Options, others: readonly (string | undefined)[]): string | undefined {
  const group = oneGroup(options, others, 'consumer.config')
  if (group !== undefined && options.has('partition')) throw new UsageError('Options group and partition cannot be specified together.')
  return group
}

function startOf(options: Options): ConsumeTask['from'] {
  const text = options.has('offset') ? (options.value('offset') as string) : undefined
  if (text === undefined) return options.has('from-beginning') ? 'earliest' : 'latest'
  const lower = text.toLowerCase()
  if (lower === 'earliest' || lower === 'latest') return lower
  if (/^\+?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new UsageError(`The provided offset value '${text}' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.`)
}
