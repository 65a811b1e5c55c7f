/** kafka-console-share-consumer: prints records as a member of a share group. Flags, output and exit codes are those of Kafka's tool. */
import type { Acknowledgement } from '@odradek/client'
import { keyValues, makeShareConsumer, readSettings, type Settings } from '../clients.ts'
import { formatterOf, oneGroup } from '../console/consumer-options.ts'
import { printAndClose } from '../console/print-records.ts'
import { type Options, type RenamingWords, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { exitCodeOf, javaError, logError, processIo, type ToolIo } from '../tool.ts'
import { consoleShareConsumerOptions } from './kafka-console-share-consumer-options.ts'

const LOGGER = 'org.apache.kafka.tools.consumer.ConsoleShareConsumer'

const words: RenamingWords = {
  warning: 'Option',
  both: (old, current) => `--${old} and --${current}`
}

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runOptionsTool(
    {
      specs: consoleShareConsumerOptions,
      purpose: 'This tool helps to read data from Kafka topics using share groups and outputs it to standard output.',
      malformed: 'with table',
      run: (options) => consume(options, io)
    },
    argv,
    io
  )

async function consume(options: Options, io: ToolIo): Promise<number> {
  if (!options.has('topic')) throw new UsageError('--topic is a required argument')
  options.require('bootstrap-server')
  if (options.has('reject') && options.has('release')) throw new UsageError('At most one of --reject and --release may be specified.')
  const settings = await settingsOf(options, io)
  const formatter = await formatterOf(options, words, io)
  const timeoutMs = options.integer('timeout-ms') ?? -1
  const verdict: Acknowledgement = options.has('reject') ? 'reject' : options.has('release') ? 'release' : 'accept'
  try {
    const consumer = await makeShareConsumer(settings, io)
    consumer.subscribe(options.value('topic') as string)
    const task = {
      formatter,
      timeoutMs: timeoutMs >= 0 ? timeoutMs : undefined,
      maxMessages: options.integer('max-messages') ?? -1,
      skipsErrors: options.has('reject-message-on-error'),
      settle: (record: Parameters<typeof consumer.acknowledge>[0], isPrinted: boolean) =>
        consumer.acknowledge(record, isPrinted ? verdict : 'reject'),
      logger: LOGGER
    }
    await printAndClose(consumer, task, io)
  } catch (error) {
    logError(io, 'Unknown error when running consumer: ', LOGGER)
    io.err(`${javaError(error)}\n`)
    return 1
  }
  if (options.has('enable-systest-events')) io.out('shutdown_complete\n')
  return io.signal.aborted ? exitCodeOf(io.signal) : 0
}

async function settingsOf(options: Options, io: ToolIo): Promise<Settings> {
  const property = options.renamed('consumer-property', 'command-property', io, words)
  const config = options.renamed('consumer-config', 'command-config', io, words)
  const file = await readSettings(options.value(config), io)
  const given = keyValues(options.values(property))
  const groupId = oneGroup(options, [file['group.id'], given['group.id']], 'consumer-config')
  return {
    'client.id': 'console-share-consumer',
    ...file,
    ...given,
    'bootstrap.servers': options.value('bootstrap-server') as string,
    'group.id': groupId ?? 'console-share-consumer',
    'share.acknowledgement.mode': 'explicit'
  }
}
