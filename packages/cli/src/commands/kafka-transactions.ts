/** kafka-transactions: looks into transactions and ends those that hang. Flags, output and exit codes are those of Kafka's tool. */
import { OdradekError } from '@odradek/base'
import type { AbortTransactionSpec, Admin, ProducerState, TopicPartition } from '@odradek/client'
import { type Arguments, parseCommandLine } from '../command-line.ts'
import type { Command, CommandLine, Option } from '../command-line-definition.ts'
import { partitionOrder } from '../java.ts'
import { table } from '../table.ts'
import { KAFKA_COMMIT, KAFKA_VERSION, messageOf, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'
import { attempt, descriptionWords, failure, keyOf, producersCall, producersWords } from './kafka-transactions-words.ts'

const topic: Option = { long: '--topic', required: true, help: 'topic name' }
const partition: Option = { long: '--partition', type: 'Integer', required: true, help: 'partition number' }
const newBrokers = {
  title: 'Brokers on versions 3.0 and above',
  description: 'For newer brokers, only the start offset of the transaction to be aborted is required'
}
const oldBrokers = {
  title: 'Brokers on versions older than 3.0',
  description: 'For older brokers, you must provide all of these arguments'
}

const commands: readonly Command[] = [
  {
    name: 'list',
    help: 'list transactions',
    options: [
      {
        long: '--duration-filter',
        type: 'Long',
        help: 'Duration (in millis) to filter by: if < 0, all transactions will be returned; otherwise, only transactions running longer than this duration will be returned'
      },
      { long: '--transactional-id-pattern', help: 'Transactional id regular expression pattern to filter by' }
    ]
  },
  {
    name: 'describe',
    help: 'describe the state of an active transactional-id',
    description: 'Describe the state of an active transactional-id.',
    options: [{ long: '--transactional-id', required: true, help: 'transactional id' }]
  },
  {
    name: 'describe-producers',
    help: 'describe the states of active producers for a topic partition',
    options: [
      { long: '--broker-id', type: 'Integer', help: 'optional broker id to describe the producer state on a specific replica' },
      topic,
      partition
    ]
  },
  {
    name: 'abort',
    help: 'abort a hanging transaction (requires administrative privileges)',
    options: [
      topic,
      partition,
      { long: '--start-offset', type: 'Long', group: newBrokers, help: 'start offset of the transaction to abort' },
      { long: '--producer-id', type: 'Long', group: oldBrokers, help: 'producer id' },
      { long: '--producer-epoch', type: 'Short', group: oldBrokers, help: 'producer epoch' },
      { long: '--coordinator-epoch', type: 'Integer', group: oldBrokers, help: 'coordinator epoch' }
    ]
  },
  {
    name: 'find-hanging',
    help: 'find hanging transactions',
    options: [
      { long: '--broker-id', type: 'Integer', help: 'broker id to search for hanging transactions' },
      {
        long: '--max-transaction-timeout',
        type: 'Integer',
        help: 'maximum transaction timeout in minutes to limit the scope of the search (15 minutes by default)'
      },
      { long: '--topic', help: 'topic name to limit search to (required if --partition is specified)' },
      { long: '--partition', type: 'Integer', help: 'partition number' }
    ]
  },
  {
    name: 'forceTerminateTransaction',
    help: 'Force abort an ongoing transaction on transactionalId (requires administrative privileges)',
    description: 'Force abort an ongoing transaction on transactionalId',
    options: [{ long: '--transactionalId', required: true, help: 'transactional id' }]
  }
]

const commandLine: CommandLine = {
  program: 'kafka-transactions.sh',
  description:
    'This tool is used to analyze the transactional state of producers in the cluster. It can be used to detect and recover from hanging transactions.',
  commandsTitle: 'commands',
  commandsMetavar: 'COMMAND',
  options: [
    {
      long: '--version',
      short: '-v',
      isShortFirst: true,
      flag: true,
      isVersion: true,
      help: 'show the version of this Kafka distribution and exit'
    },
    { long: '--command-config', metavar: 'FILE', help: 'property file containing configs to be passed to admin client' },
    {
      long: '--bootstrap-server',
      metavar: 'host:port',
      required: true,
      help: 'hostname and port for the broker to connect to, in the form `host:port`  (multiple comma-separated entries can be given)'
    }
  ],
  commands
}

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  try {
    const parsed = parseCommandLine(commandLine, argv)
    if ('help' in parsed) {
      io.out(parsed.help)
      // So it is with Kafka's tool.
      return 1
    }
    const { command, arguments: args } = parsed
    if (args.has('--version')) io.out(`${KAFKA_VERSION} (Commit:${KAFKA_COMMIT})\n`)
    else {
      const target = { bootstrapServer: args.value('--bootstrap-server'), commandConfig: args.value('--command-config') }
      io.out(await withAdmin(target, io, (admin) => actions[command](admin, args)))
    }
    return 0
  } catch (error) {
    if (!(error instanceof OdradekError)) throw error
    const isFile = error instanceof ToolError && error.javaClass === 'java.nio.file.NoSuchFileException'
    io.err(`${messageOf(isFile ? failure('Failed to load admin client properties', error.message) : error)}\n`)
    return 1
  }
}

const actions: Readonly<Record<string, (admin: Admin, args: Arguments) => Promise<string>>> = {
  list,
  describe,
  'describe-producers': describeProducers,
  abort,
  async 'find-hanging'(admin, args) {
    const { findHanging } = await import('./kafka-transactions-hanging.ts')
    return await findHanging(admin, args)
  },
  async forceTerminateTransaction(admin, args) {
    const id = args.value('--transactionalId') as string
    const request = `InitProducerId request for transactionalId \`${id}\` failed`
    const why: Readonly<Record<string, string>> = {
      CLUSTER_AUTHORIZATION_FAILED: 'cluster authorization failure',
      TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'transactional ID authorization failure'
    }
    const what = `Failed to force terminate transactionalId \`${id}\``
    await attempt(
      'fenceProducer(api=FIND_COORDINATOR)',
      admin.forceTerminateTransaction(id),
      what,
      (code) => `${request} due to ${why[code] ?? 'unexpected error'}`
    )
    return ''
  }
}

async function list(admin: Admin, args: Arguments): Promise<string> {
  const options = { durationMs: args.integer('--duration-filter'), transactionalIdPattern: args.value('--transactional-id-pattern') }
  const found = await attempt('listTransactions(api=METADATA)', admin.listTransactions(options), 'Failed to list transactions')
  return table(
    ['TransactionalId', 'Coordinator', 'ProducerId', 'TransactionState'],
    found.map(({ transactionalId, coordinatorId, producerId, state }) => [transactionalId, coordinatorId, producerId, state])
  )
}

async function describe(admin: Admin, args: Arguments): Promise<string> {
  const id = args.value('--transactional-id') as string
  const what = `Failed to describe transaction state of transactional-id \`${id}\``
  const described = await attempt(
    'describeTransactions(api=FIND_COORDINATOR)',
    admin.describeTransactions([id]),
    what,
    descriptionWords(id)
  )
  const rows = [...described.values()].map((one) => [
    one.coordinatorId,
    id,
    one.producerId,
    one.producerEpoch,
    one.state,
    one.transactionTimeoutMs,
    one.transactionStartTimeMs ?? 'None',
    one.transactionStartTimeMs === undefined ? 'None' : Date.now() - one.transactionStartTimeMs,
    partitionOrder(one.topicPartitions).map(keyOf).join(',')
  ])
  const header = ['CoordinatorId', 'TransactionalId', 'ProducerId', 'ProducerEpoch', 'TransactionState', 'TransactionTimeoutMs']
  return table([...header, 'CurrentTransactionStartTimeMs', 'TransactionDurationMs', 'TopicPartitions'], rows)
}

const partitionOf = (args: Arguments): TopicPartition => ({
  topic: args.value('--topic') as string,
  partition: args.integer('--partition') as number
})

async function producersOf(admin: Admin, one: TopicPartition, what: string, brokerId?: number): Promise<readonly ProducerState[]> {
  const made = admin.describeProducers([one], { brokerId })
  const described = await attempt(producersCall(brokerId), made, what, producersWords(one, brokerId))
  return described.get(keyOf(one)) ?? []
}

async function describeProducers(admin: Admin, args: Arguments): Promise<string> {
  const [one, brokerId] = [partitionOf(args), args.integer('--broker-id')]
  const where = brokerId === undefined ? 'leader' : `broker ${brokerId}`
  const producers = await producersOf(admin, one, `Failed to describe producers for partition ${keyOf(one)} on ${where}`, brokerId)
  return table(
    ['ProducerId', 'ProducerEpoch', 'LatestCoordinatorEpoch', 'LastSequence', 'LastTimestamp', 'CurrentTransactionStartOffset'],
    producers.map((producer) => [
      producer.producerId,
      producer.producerEpoch,
      producer.coordinatorEpoch ?? -1,
      producer.lastSequence,
      producer.lastTimestamp,
      producer.currentTransactionStartOffset ?? 'None'
    ])
  )
}

async function abort(admin: Admin, args: Arguments): Promise<string> {
  const spec = await abortSpec(admin, args)
  const { producerId, producerEpoch, coordinatorEpoch } = spec
  const text = `AbortTransactionSpec(topicPartition=${keyOf(spec)}, producerId=${producerId}, producerEpoch=${producerEpoch}, coordinatorEpoch=${coordinatorEpoch})`
  const why: Readonly<Record<string, string>> = {
    CLUSTER_AUTHORIZATION_FAILED: 'due to cluster authorization error',
    INVALID_PRODUCER_EPOCH: 'due an invalid producer epoch',
    TRANSACTION_COORDINATOR_FENCED: `since the provided coordinator epoch ${coordinatorEpoch} has been fenced by the active coordinator`
  }
  await attempt('abortTransaction(api=METADATA)', admin.abortTransaction(spec), `Failed to abort transaction ${text}`, (code, message) => {
    return `WriteTxnMarkers request with ${text} failed ${why[code] ?? `due to unexpected error: ${message}`}`
  })
  return ''
}

/** By the offset where it began, or, with brokers before 3.0, by its producer. */
async function abortSpec(admin: Admin, args: Arguments): Promise<AbortTransactionSpec> {
  const one = partitionOf(args)
  const [startOffset, producerId] = [args.integer('--start-offset'), args.integer('--producer-id')]
  if (startOffset !== undefined) {
    const producers = await producersOf(admin, one, `Failed to validate producer state for partition ${keyOf(one)}`)
    const found = producers.find(({ currentTransactionStartOffset }) => currentTransactionStartOffset === startOffset)
    if (found === undefined)
      throw new ToolError(`Could not find any open transactions starting at offset ${startOffset} on partition ${keyOf(one)}`)
    const { producerId: id, producerEpoch, coordinatorEpoch = 0 } = found
    return { ...one, producerId: id, producerEpoch, coordinatorEpoch }
  }
  if (producerId === undefined)
    throw new ToolError(
      'The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or with --producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)'
    )
  const [producerEpoch, coordinatorEpoch] = [args.integer('--producer-epoch'), args.integer('--coordinator-epoch')]
  if (producerEpoch === undefined) throw new ToolError('Missing required argument --producer-epoch')
  if (coordinatorEpoch === undefined) throw new ToolError('Missing required argument --coordinator-epoch')
  // -1: the coordinator has not written yet. 0 is at most the epoch of any coordinator.
  return { ...one, producerId, producerEpoch, coordinatorEpoch: Math.max(0, coordinatorEpoch) }
}
