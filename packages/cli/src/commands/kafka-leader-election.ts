/** kafka-leader-election: has leaders of partitions elected. Flags, output and exit codes are those of Kafka's tool. */
import type { Admin, KafkaError, TopicPartition } from '@odradek/client'
import { executionException, partitionOrder, runtimeException } from '../java.ts'
import { JsonInput, readFile } from '../json-input.ts'
import { helpAndVersion, type OptionSpec, type Options } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { firstOf, javaError, processIo, ToolError, type ToolIo, unreachable, withAdmin } from '../tool.ts'

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'host:port' },
    description:
      'A hostname and port for the broker to connect to, in the form host:port. Multiple comma separated URLs can be given. REQUIRED.'
  },
  {
    name: 'admin.config',
    argument: { type: 'String', name: 'config file' },
    description:
      '(DEPRECATED) Configuration properties files to pass to the admin client. This option will be removed in a future version. Use --command-config instead.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'Config file' },
    description: 'Config properties file to pass to the admin client.'
  },
  {
    name: 'path-to-json-file',
    argument: { type: 'String', name: 'Path to JSON file' },
    description:
      'The JSON file with the list  of partition for which leader elections should be performed. This is an example format. \n{"partitions":\n\t[{"topic": "foo", "partition": 1},\n\t {"topic": "foobar", "partition": 2}]\n}\nNot allowed if --all-topic-partitions or --topic flags are specified.'
  },
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic name' },
    description:
      'Name of topic for which to perform an election. Not allowed if --path-to-json-file or --all-topic-partitions is specified.'
  },
  {
    name: 'partition',
    argument: { type: 'Integer', name: 'partition id' },
    description: 'Partition id for which to perform an election. REQUIRED if --topic is specified.'
  },
  {
    name: 'all-topic-partitions',
    description:
      'Perform election on all of the eligible topic partitions based on the type of election (see the --election-type flag). Not allowed if --topic or --path-to-json-file is specified.'
  },
  {
    name: 'election-type',
    argument: { type: 'String', pattern: '[PREFERRED,UNCLEAN]', name: 'election type' },
    description:
      'Type of election to attempt. Possible values are "preferred" for preferred leader election or "unclean" for unclean leader election. If preferred election is selection, the election is only performed if the current leader is not the preferred leader for the topic partition. If unclean election is selected, the election is only performed if there are no leader for the topic partition. REQUIRED.'
  }
]

const purpose =
  'This tool attempts to elect a new leader for a set of topic partitions. The type of elections supported are preferred replicas and unclean replicas.'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs, purpose, run }, argv, io)
}

type ElectionType = 'PREFERRED' | 'UNCLEAN'

const failed = (message: string): ToolError => new ToolError(message, 'org.apache.kafka.tools.AdminCommandFailedException')

async function run(options: Options, io: ToolIo): Promise<number> {
  validate(options)
  const electionType = electionTypeOf(options.value('election-type') as string)
  const partitions = partitionsOf(options, io)
  if (options.has('admin.config'))
    io.out('Option --admin.config has been deprecated and will be removed in a future version. Use --command-config instead.\n')
  const target = {
    bootstrapServer: options.value('bootstrap-server'),
    commandConfig: options.value('admin.config') ?? options.value('command-config'),
    defaults: { 'default.api.timeout.ms': '30000', 'request.timeout.ms': '15000' }
  }
  await withAdmin(target, io, (admin) => elect(admin, { electionType, partitions }, io))
  return 0
}

function validate(options: Options): void {
  const missing = ['bootstrap-server', 'election-type'].filter((name) => !options.has(name))
  if (missing.length > 0) throw failed(`Missing required option(s): ${missing.join(', ')}`)
  options.exclude('admin.config', ['command-config'])
  const scopes = ['topic', 'all-topic-partitions', 'path-to-json-file']
  if (scopes.filter((name) => options.has(name)).length !== 1)
    throw failed(`One and only one of the following options is required: ${scopes.join(', ')}`)
  const [topic, partition] = [options.has('topic'), options.has('partition')]
  if (topic && !partition) throw failed('Missing required option(s): partition')
  if (partition && !topic) throw failed('Option partition is only allowed if topic is used')
}

function electionTypeOf(text: string): ElectionType {
  const type = (['PREFERRED', 'UNCLEAN'] as const).find((one) => one === text.toUpperCase())
  if (type !== undefined) return type
  throw new ToolError(`Cannot parse argument '${text}' of option election-type`, 'joptsimple.OptionArgumentConversionException')
}

/** undefined: all. */
function partitionsOf(options: Options, io: ToolIo): TopicPartition[] | undefined {
  const path = options.value('path-to-json-file')
  if (path !== undefined) return partitionsIn(path, io)
  const [topic, partition] = [options.value('topic'), options.integer('partition')]
  return topic === undefined || partition === undefined ? undefined : [{ topic, partition }]
}

function partitionsIn(path: string, io: ToolIo): TopicPartition[] {
  const partitions = runtime(() => {
    const text = readFile(path, io)
    const list = JsonInput.parse(text, 'Replica election data is empty').optional('partitions')
    if (list === undefined) throw failed('Replica election data is missing "partitions" field')
    return list.items().map((one) => ({ topic: one.field('topic').string(), partition: one.field('partition').integer() }))
  })
  const keys = partitions.map(keyOf)
  const repeated = new Set(keys.filter((key, index) => keys.indexOf(key) !== index))
  if (repeated.size === 0) return partitions
  const shown = partitionOrder(partitions.filter((one, index) => repeated.has(keyOf(one)) && keys.indexOf(keyOf(one)) === index))
  throw failed(`Replica election data contains duplicate partitions: [${shown.map(keyOf).join(', ')}]`)
}

/** Kafka's tool puts an exception around what is wrong with the file. */
function runtime<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof ToolError && error.javaClass.startsWith('org.apache')) throw error
    throw runtimeException(error)
  }
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

interface Election {
  readonly electionType: ElectionType
  readonly partitions: readonly TopicPartition[] | undefined
}

async function elect(admin: Admin, { electionType, partitions }: Election, io: ToolIo): Promise<void> {
  let results: { readonly values: ReadonlyMap<string, void>; readonly errors: ReadonlyMap<string, KafkaError> }
  try {
    results = await admin.electLeaders(electionType, partitions).outcomes()
  } catch (error) {
    throw explained(error, io)
  }
  const elected = inOrder(results.values.keys())
  const noop = inOrder([...results.errors].flatMap(([key, error]) => (error.code === 'ELECTION_NOT_NEEDED' ? [key] : [])))
  const notElected = inOrder(results.errors.keys()).filter((key) => !noop.includes(key))
  if (elected.length > 0) io.out(`Successfully completed leader election (${electionType}) for partitions ${elected.join(', ')}\n`)
  if (noop.length > 0) io.out(`Valid replica already elected for partitions ${noop.join(', ')}\n`)
  for (const key of notElected)
    io.out(`Error completing leader election (${electionType}) for partition: ${key}: ${javaError(results.errors.get(key))}\n`)
  if (notElected.length > 0) throw failed(`${notElected.length} replica(s) could not be elected`)
}

function explained(error: unknown, io: ToolIo): unknown {
  const { code } = firstOf(error) as { code?: string }
  const messages: Readonly<Record<string, string>> = {
    REQUEST_TIMED_OUT: 'Timeout waiting for election results',
    CLUSTER_AUTHORIZATION_FAILED: 'Not authorized to perform leader election'
  }
  const message = messages[code ?? '']
  if (message === undefined) return runtimeException(executionException(unreachable('electLeaders', error)))
  io.out(`${message}\n`)
  return failed(message)
}

/** Keys of partitions in the order of Kafka's tool. */
function inOrder(keys: Iterable<string>): string[] {
  const partitions = [...keys].map((key) => {
    const dash = key.lastIndexOf('-')
    return { topic: key.slice(0, dash), partition: Number(key.slice(dash + 1)) }
  })
  return partitionOrder(partitions).map(keyOf)
}
