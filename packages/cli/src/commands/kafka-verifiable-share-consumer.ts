/** kafka-verifiable-share-consumer: consumes in a share group and says so in lines of JSON, for tests of Kafka. As Kafka's tool does it. */
import type { AcknowledgedOffsets, ConsumerRecord, KafkaError, ShareConsumer } from '@odradek/client'
import { makeShareConsumer, readSettings } from '../clients.ts'
import type { Arguments } from '../command-line.ts'
import type { CommandLine, Group } from '../command-line-definition.ts'
import { runProgram } from '../program-tool.ts'
import { exitCodeOf, javaError, logError, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const LOGGER = 'org.apache.kafka.tools.VerifiableShareConsumer'

const connection: Group = {
  isExclusive: true,
  required: true,
  title: 'Connection Group',
  description: 'Group of arguments for connection to brokers'
}

const commandLine: CommandLine = {
  program: 'verifiable-share-consumer',
  description:
    'This tool creates a share group and consumes messages from a specific topic and emits share consumer events (e.g. share consumer startup, received messages, and offsets acknowledged) as JSON objects to STDOUT.',
  commands: [],
  options: [
    {
      long: '--bootstrap-server',
      metavar: 'HOST1:PORT1[,HOST2:PORT2[...]]',
      group: connection,
      help: 'The server(s) to connect to. Comma-separated list of Kafka brokers in the form HOST1:PORT1,HOST2:PORT2,...'
    },
    { long: '--topic', metavar: 'TOPIC', required: true, help: 'Consumes messages from this topic.' },
    { long: '--group-id', metavar: 'GROUP-ID', required: true, help: 'The group id of the share group' },
    {
      long: '--max-messages',
      metavar: 'MAX-MESSAGES',
      type: 'Integer',
      help: 'Consume this many messages. If -1 (the default), the share consumers will consume until the process is killed externally (default: -1)'
    },
    { long: '--verbose', flag: true, help: 'Enable to log individual consumed records (default: false)' },
    {
      long: '--acknowledgement-mode',
      metavar: 'ACKNOWLEDGEMENT-MODE',
      help: "Acknowledgement mode for the share consumers (must be either 'auto', 'sync' or 'async') (default: auto)"
    },
    {
      long: '--offset-reset-strategy',
      metavar: 'OFFSET-RESET-STRATEGY',
      help: "Share group offset reset strategy (must be either 'earliest' or 'latest') (default: )"
    },
    {
      long: '--command-config',
      metavar: 'CONFIG-FILE',
      help: 'Config properties file (config options shared with command line parameters will be overridden).'
    }
  ]
}

const modes = ['auto', 'sync', 'async'] as const
const POLL_MS = 5000

export const main = (argv: readonly string[], io: ToolIo = processIo): Promise<number> =>
  runProgram(commandLine, argv, io, (args) => run(args, io))

async function run(args: Arguments, io: ToolIo): Promise<number> {
  const mode = modeOf(args.value('--acknowledgement-mode') ?? 'auto')
  const groupId = args.value('--group-id') as string
  const bootstrapServers = args.value('--bootstrap-server') as string
  const file = await readSettings(args.value('--command-config'), io)
  const consumer = await makeShareConsumer(
    { ...file, 'bootstrap.servers': bootstrapServers, 'group.id': groupId, 'share.acknowledgement.mode': 'implicit' },
    io
  )
  const report = new Report(io, args.has('--verbose'))
  report.line('startup_complete')
  try {
    const strategy = args.value('--offset-reset-strategy') ?? ''
    if (strategy !== '') await setStrategy(strategy, { groupId, bootstrapServers }, report, io)
    consumer.setAcknowledgementCommitCallback((acknowledged, error) => report.acknowledged(acknowledged, error))
    consumer.subscribe(args.value('--topic') as string)
    await consume(consumer, { mode, max: args.integer('--max-messages') ?? -1 }, report, io)
  } catch (error) {
    logError(io, 'Error during processing, terminating share consumer process: ', LOGGER)
    io.err(`${javaError(error)}\n`)
  } finally {
    await consumer.close()
    report.line('shutdown_complete')
  }
  return io.signal.aborted ? exitCodeOf(io.signal) : 0
}

async function consume(
  consumer: ShareConsumer,
  { mode, max }: { mode: (typeof modes)[number]; max: number },
  report: Report,
  io: ToolIo
): Promise<void> {
  const { signal } = io
  while (!signal.aborted && (max < 0 || report.total < max)) {
    let records: ConsumerRecord[]
    try {
      records = (await consumer.poll({ timeoutMs: POLL_MS, signal })).toArray()
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    if (records.length > 0) report.consumed(records)
    if (mode === 'sync') await consumer.commitSync()
    else if (mode === 'async') consumer.commitAsync()
    await io.drained()
  }
}

function modeOf(text: string): (typeof modes)[number] {
  const mode = modes.find((each) => each === text.toLowerCase())
  if (mode === undefined)
    throw new ToolError(`No enum constant org.apache.kafka.tools.VerifiableShareConsumer.AcknowledgementMode.${text.toUpperCase()}`)
  return mode
}

async function setStrategy(
  strategy: string,
  { groupId, bootstrapServers }: { groupId: string; bootstrapServers: string },
  report: Report,
  io: ToolIo
): Promise<void> {
  if (!/^(earliest|latest|none|by_duration:.*)$/i.test(strategy)) throw new ToolError(`Unknown auto offset reset strategy: ${strategy}`)
  const ops = [{ name: 'share.auto.offset.reset', value: strategy.toLowerCase() }]
  await withAdmin({ bootstrapServer: bootstrapServers }, io, async (admin) => {
    await admin.incrementalAlterConfigs([{ type: 'GROUP', name: groupId, ops }])
    return 0
  })
  report.line('offset_reset_strategy_set', { offsetResetStrategy: strategy.toLowerCase() })
}

class Report {
  readonly #io: ToolIo
  readonly #isVerbose: boolean
  /** Records acknowledged. */
  total = 0

  constructor(io: ToolIo, isVerbose: boolean) {
    this.#io = io
    this.#isVerbose = isVerbose
  }

  line(name: string, rest: object = {}): void {
    this.#io.out(`${JSON.stringify({ timestamp: Date.now(), name, ...rest })}\n`)
  }

  consumed(records: readonly ConsumerRecord[]): void {
    if (this.#isVerbose) {
      for (const { rawKey, rawValue, topic, partition, offset } of records) {
        const [key, value] = [rawKey, rawValue].map((bytes) => bytes?.toString('utf8') ?? null)
        this.line('record_data', { key, value, topic, partition, offset })
      }
    }
    const groups = [...Map.groupBy(records, ({ topic, partition }) => `${topic}-${partition}`).values()]
    const partitions = groups.map((group) => {
      const [{ topic, partition }] = group
      return { topic, partition, count: group.length, offsets: group.map(({ offset }) => offset) }
    })
    this.line('records_consumed', { count: records.length, partitions })
  }

  acknowledged({ topic, partition, offsets }: AcknowledgedOffsets, error: KafkaError | undefined): void {
    const count = offsets.length
    const failure = error === undefined ? {} : { error: error.message }
    this.line('offsets_acknowledged', {
      count,
      partitions: [{ topic, partition, count, offsets }],
      success: error === undefined,
      ...failure
    })
    if (error === undefined) this.total += count
  }
}
