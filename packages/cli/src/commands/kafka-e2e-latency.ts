/** kafka-e2e-latency: how long a record takes from send to poll. Flags, output and exit codes are those of Kafka's tool. */
import type { Consumer, ConsumerRecords, Header, Producer } from '@odradek/client'
import { makeConsumer, makeProducer, readSettings, type Settings } from '../clients.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { messageOf, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'
import { e2eLatencyOptions } from './kafka-e2e-latency-options.ts'

const POLL_TIMEOUT_MS = 60_000

/** In the order of the positional arguments of old; the last one may be left out. */
const named = ['--bootstrap-server', '--topic', '--num-records', '--producer-acks', '--record-size', '--command-config']

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  const isPositional = argv.length > 0 && !argv.some((one) => one !== '--command-config' && named.includes(one))
  if (isPositional && argv.length !== 5 && argv.length !== 6) {
    io.err(
      `Invalid number of arguments. Expected 5 or 6 positional arguments, but got ${argv.length}. Usage: bootstrap-server topic num-records producer-acks record-size [optional] command-config\n`
    )
    return 1
  }
  if (isPositional)
    io.out(
      `WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. Please use named arguments instead: ${named.join(', ')}\n`
    )
  const options = isPositional ? argv.flatMap((one, index) => [named[index], one]) : argv
  const purpose = 'This tool measures end-to-end latency in Kafka by sending messages and timing their reception.'
  return await runOptionsTool({ specs: e2eLatencyOptions, purpose, malformed: 'with table', run }, options, io)
}

interface Task {
  readonly topic: string
  readonly recordCount: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly headerCount: number
  readonly headerKeyBytes: number
  /** -1: null. */
  readonly headerValueBytes: number
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const task = readTask(options)
  const bootstrapServer = options.value('bootstrap-server') as string
  const commandConfig = options.value('command-config')
  try {
    const settings = { ...(await readSettings(commandConfig, io)), 'bootstrap.servers': bootstrapServer }
    await withAdmin({ bootstrapServer, commandConfig }, io, async (admin) => {
      if ((await admin.listTopics()).has(task.topic)) return
      io.out(`Topic "${task.topic}" does not exist. Will create topic with 1 partition(s) and replication factor = 1\n`)
      await admin.createTopics([{ name: task.topic, numPartitions: 1, replicationFactor: 1 }]).catch((error) => {
        io.out(`Creation of topic ${task.topic} failed\n`)
        throw error
      })
    })
    await measure(settings, options.value('producer-acks') as string, task, io)
    return 0
  } catch (error) {
    io.err(`${messageOf(error)}\n`)
    return 1
  }
}

function readTask(options: Options): Task {
  options.require('bootstrap-server', 'topic', 'num-records', 'producer-acks', 'record-size')
  if (!['1', 'all'].includes(options.value('producer-acks') as string))
    throw new UsageError(
      "Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. Please use '1' or 'all'."
    )
  const atLeast = (least: number, name: string, what: string): number => {
    const value = options.integer(name) as number
    if (value < least) throw new UsageError(`Value for --${name} must be a ${what}.`)
    return value
  }
  return {
    topic: options.value('topic') as string,
    recordCount: atLeast(1, 'num-records', 'positive integer'),
    valueBytes: atLeast(0, 'record-size', 'non-negative integer'),
    keyBytes: atLeast(0, 'record-key-size', 'non-negative integer'),
    headerKeyBytes: atLeast(0, 'record-header-key-size', 'non-negative integer'),
    headerValueBytes: atLeast(-1, 'record-header-size', 'non-negative integer or -1 for null header value'),
    headerCount: atLeast(0, 'num-headers', 'non-negative integer')
  }
}

async function measure(settings: Settings, acks: string, task: Task, io: ToolIo): Promise<void> {
  const consumer = await makeConsumer(
    {
      ...settings,
      'group.id': `test-group-${Date.now()}`,
      'enable.auto.commit': 'false',
      'auto.offset.reset': 'latest',
      'fetch.max.wait.ms': '0'
    },
    io
  )
  const producer = await makeProducer({ ...settings, 'linger.ms': '0', acks }, io)
  try {
    await seekToEnd(consumer, task.topic)
    const latencies = await sendAndPoll(producer, consumer, task, io)
    const sum = latencies.reduce((total, one) => total + one, 0)
    const sorted = latencies.map(Math.floor).sort((a, b) => a - b)
    const percentile = (part: number): number => sorted[Math.floor(sorted.length * part)]
    io.out(`Avg latency: ${(sum / task.recordCount).toFixed(4)} ms\n`)
    io.out(`Percentiles: 50th = ${percentile(0.5)}, 99th = ${percentile(0.99)}, 99.9th = ${percentile(0.999)}\n`)
  } finally {
    // In Kafka's tool a failure commits too.
    await consumer.commitSync().catch(() => {})
    await Promise.all([producer.close(), consumer.close()])
  }
}

async function seekToEnd(consumer: Consumer, topic: string): Promise<void> {
  const partitions = await consumer.partitionsFor(topic)
  consumer.assign(partitions)
  consumer.seekToEnd(partitions)
  for (const partition of partitions) await consumer.position(partition)
}

interface Sent {
  readonly key: Buffer
  readonly value: Buffer
  readonly headers: readonly Header[]
}

async function sendAndPoll(producer: Producer, consumer: Consumer, task: Task, io: ToolIo): Promise<number[]> {
  const latencies: number[] = []
  for (let index = 0; index < task.recordCount; index++) {
    const record: Sent = {
      key: letters(task.keyBytes),
      value: letters(task.valueBytes),
      headers: Array.from({ length: task.headerCount }, () => ({
        key: letters(task.headerKeyBytes).toString(),
        value: task.headerValueBytes < 0 ? null : letters(task.headerValueBytes)
      }))
    }
    const begin = performance.now()
    await producer.send(task.topic, record)
    const records = await consumer.poll(POLL_TIMEOUT_MS)
    const elapsed = performance.now() - begin
    check(record, records)
    if (index % 1000 === 0) io.out(`${index}\t${elapsed}\n`)
    latencies.push(elapsed)
  }
  return latencies
}

/** One capital letter, so many times. */
const letters = (length: number): Buffer => Buffer.alloc(length, 65 + Math.floor(Math.random() * 26))

function check(sent: Sent, records: ConsumerRecords): void {
  const fail = (message: string): ToolError => new ToolError(message, 'java.lang.RuntimeException')
  const [read] = records
  if (read === undefined) throw fail(`poll() timed out before finding a result (timeout:[${POLL_TIMEOUT_MS}ms])`)
  if (!sent.value.equals(read.rawValue ?? Buffer.alloc(0)))
    throw fail(`The message value read [${read.rawValue}] did not match the message value sent [${sent.value}]`)
  if (read.rawKey === null) throw fail('Expected message key but received null')
  if (!sent.key.equals(read.rawKey)) throw fail(`The message key read [${read.rawKey}] did not match the message key sent [${sent.key}]`)
  if (read.headers.length !== sent.headers.length)
    throw fail(
      read.headers.length === 0 ? 'Expected message headers but received none' : 'Header count mismatch between sent and received messages'
    )
  read.headers.forEach(({ key, value }, index) => {
    const expected = sent.headers[index]
    if (key !== expected.key || String(value) !== String(expected.value))
      throw fail(`The message header read [${key}:${value}] did not match the message header sent [${expected.key}:${expected.value}]`)
  })
  if (records.count !== 1) throw fail(`Only one result was expected during this test. We found [${records.count}]`)
}
