/** kafka-console-producer: sends lines of standard input as records. Flags, output and exit codes are those of Kafka's tool. */
import type { Producer, ProducerRecord } from '@odradek/client'
import { keyValues, makeProducer, readSettings, type Settings } from '../clients.ts'
import { createLineReader, type LineReader } from '../console/line-reader.ts'
import { linesOf } from '../console/lines.ts'
import { type Options, type RenamingWords, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { PacedSender } from '../paced-sender.ts'
import { exitCodeOf, javaError, logError, processIo, ToolError, type ToolIo } from '../tool.ts'
import { consoleProducerOptions } from './kafka-console-producer-options.ts'

const CALLBACK_LOGGER = 'org.apache.kafka.clients.producer.internals.ErrorLoggingCallback'
const LINE_READER = 'org.apache.kafka.tools.LineMessageReader'

const words: RenamingWords = { warning: 'Warning:', both: (old, current) => `--${current} and --${old}` }

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runOptionsTool(
    {
      specs: consoleProducerOptions,
      purpose: 'This tool helps to read data from standard input and publish it to Kafka.',
      malformed: 'with table',
      run
    },
    argv,
    io
  )

async function run(options: Options, io: ToolIo): Promise<number> {
  options.require('topic')
  const names = {
    config: options.renamed('producer.config', 'command-config', io, words),
    property: options.renamed('producer-property', 'command-property', io, words),
    reader: options.renamed('property', 'reader-property', io, words)
  }
  if (options.has('max-partition-memory-bytes'))
    io.out('Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. Use --batch-size instead.\n')
  checkBootstrap(options.value('bootstrap-server'))
  try {
    const reader = await lineReader(options, names.reader, io)
    const producer = await makeProducer(await producerSettings(options, names, io), io)
    try {
      await sendLines({ producer, reader, topic: options.value('topic') as string, isSync: options.has('sync') }, io)
    } finally {
      await producer.close()
    }
  } catch (error) {
    if (io.signal.aborted) return exitCodeOf(io.signal)
    if (error instanceof UsageError) throw error
    io.err(`${javaError(error)}\n`)
    return 1
  }
  return 0
}

function checkBootstrap(text: string | undefined): void {
  if (text === undefined || text.trim() === '') throw new UsageError('Error while validating the bootstrap address\n')
  if (text.split(',').some((one) => !/:\d+$/.test(one.trim())))
    throw new UsageError('Please provide valid host:port like host1:9091,host2:9092\n')
}

async function lineReader(options: Options, properties: string, io: ToolIo): Promise<LineReader> {
  const name = options.value('line-reader') as string
  if (name !== LINE_READER) throw new ToolError(name, 'java.lang.ClassNotFoundException')
  return createLineReader({ ...(await readSettings(options.value('reader-config'), io)), ...keyValues(options.values(properties)) })
}

/** Flags win over settings, and settings over what flags are when they are not given. */
const flags = {
  'linger.ms': 'timeout',
  acks: 'request-required-acks',
  'request.timeout.ms': 'request-timeout-ms',
  retries: 'message-send-max-retries',
  'retry.backoff.ms': 'retry-backoff-ms',
  'send.buffer.bytes': 'socket-buffer-size',
  'buffer.memory': 'max-memory-bytes',
  'batch.size': 'batch-size',
  'metadata.max.age.ms': 'metadata-expiry-ms',
  'max.block.ms': 'max-block-ms'
}

async function producerSettings(options: Options, names: { config: string; property: string }, io: ToolIo): Promise<Settings> {
  const settings: Settings = {
    ...(await readSettings(options.value(names.config), io)),
    ...keyValues(options.values(names.property)),
    'bootstrap.servers': options.value('bootstrap-server') as string,
    // The flag alone decides, as in Kafka's tool.
    'compression.type': options.has('compression-codec') ? options.value('compression-codec') || 'gzip' : 'none'
  }
  settings['client.id'] ??= 'console-producer'
  for (const [setting, flag] of Object.entries(flags)) options.mergeInto(settings, setting, flag)
  options.mergeInto(settings, 'batch.size', 'max-partition-memory-bytes')
  return settings
}

interface SendTask {
  readonly producer: Producer
  readonly reader: LineReader
  readonly topic: string
  readonly isSync: boolean
}

async function sendLines({ producer, reader, topic, isSync }: SendTask, io: ToolIo): Promise<void> {
  const prompt = (): void => {
    if (io.isTerminal) io.out('>')
  }
  const sender = new PacedSender(producer, topic, io.signal)
  let lineNumber = 0
  prompt()
  for await (const lines of linesOf(io.input)) {
    for (const line of lines) {
      const record = reader(line, ++lineNumber)
      if (isSync) await sendSync(producer, topic, record)
      else {
        const room = sender.send(record, (error) => {
          if (error !== null) logFailure(topic, record, error, io)
        })
        if (room !== undefined) await room
      }
      prompt()
    }
  }
}

async function sendSync(producer: Producer, topic: string, record: ProducerRecord<string, string>): Promise<void> {
  try {
    await producer.send(topic, record)
  } catch (error) {
    throw new ToolError(javaError(error), 'java.util.concurrent.ExecutionException')
  }
}

function logFailure(topic: string, { key, value }: ProducerRecord<string, string>, error: Error, io: ToolIo): void {
  const size = (text: string | null | undefined): string => (typeof text === 'string' ? `${Buffer.byteLength(text)} bytes` : 'null')
  logError(io, `Error when sending message to topic ${topic} with key: ${size(key)}, value: ${size(value)} with error:`, CALLBACK_LOGGER)
  io.err(`${javaError(error)}\n`)
}
