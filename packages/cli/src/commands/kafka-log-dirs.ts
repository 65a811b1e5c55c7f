/** kafka-log-dirs: where brokers keep which partitions, and how big they are. Flags, output and exit codes are those of Kafka's tool. */
import type { Admin, LogDirDescription } from '@odradek/client'
import { executionException, mapOrder, nameOrder, partitionOrder, wrapped } from '../java.ts'
import { helpAndVersion, type OptionSpec, type Options } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { call, exceptionName, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'The server(s) to use for bootstrapping' },
    description: 'REQUIRED: the server(s) to use for bootstrapping'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'Admin client property file' },
    description: 'Property file containing configs to be passed to Admin Client.'
  },
  { name: 'describe', description: 'Describe the specified log directories on the specified brokers.' },
  {
    name: 'topic-list',
    argument: { type: 'String', name: 'Topic list', default: '' },
    description:
      'The list of topics to be queried in the form "topic1,topic2,topic3". All topics will be queried if no topic list is specified'
  },
  {
    name: 'broker-list',
    argument: { type: 'String', name: 'Broker list', default: '' },
    description:
      'The list of brokers to be queried in the form "0,1,2". All brokers in the cluster will be queried if no broker list is specified'
  }
]

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs, purpose: 'This tool helps to query log directory usage on the specified brokers.', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  options.require('bootstrap-server', 'describe')
  const list = (name: string): string[] => (options.value(name) as string).split(',').filter((one) => one !== '')
  const [topics, brokers] = [new Set(list('topic-list')), list('broker-list')]
  const target = {
    bootstrapServer: options.value('bootstrap-server'),
    commandConfig: options.value('command-config'),
    defaults: { 'client.id': 'log-dirs-tool' }
  }
  await withAdmin(target, io, (admin) => describe(admin, { topics, brokers }, io))
  return 0
}

const ids = (brokers: Iterable<number>): number[] => mapOrder([...new Set(brokers)], (id) => id)

async function describe(admin: Admin, asked: { topics: ReadonlySet<string>; brokers: readonly string[] }, io: ToolIo): Promise<void> {
  const { nodes } = await wrapped(call('listNodes', admin.describeCluster()), executionException)
  const existing = ids(nodes.map(({ id }) => id))
  const wanted = ids(asked.brokers.map(brokerId))
  const unknown = wanted.filter((id) => !existing.includes(id))
  if (unknown.length > 0)
    throw new ToolError(`ERROR: The given brokers do not exist from --broker-list: ${unknown}. Current existent brokers: ${existing}`)
  const brokers = wanted.length === 0 ? existing : wanted
  io.out('Querying brokers for log directories information\n')
  const described = await wrapped(call('describeLogDirs', admin.describeLogDirs(brokers)), executionException)
  io.out(`Received log directory information from brokers ${brokers}\n`)
  const report = {
    brokers: brokers.map((broker) => ({ broker, logDirs: logDirs(described.get(String(broker)) ?? [], asked.topics) })),
    version: 1
  }
  io.out(`${JSON.stringify(report)}\n`)
}

function brokerId(text: string): number {
  if (/^[+-]?\d{1,9}$/.test(text)) return Number(text)
  throw new ToolError(`For input string: "${text}"`, 'java.lang.NumberFormatException')
}

function logDirs(dirs: readonly LogDirDescription[], topics: ReadonlySet<string>): object[] {
  return nameOrder(dirs, ({ path }) => path).map(({ path, error, replicas }) => ({
    partitions: partitionOrder(partitionOrder([...replicas.values()]).filter(({ topic }) => topics.size === 0 || topics.has(topic))).map(
      ({ topic, partition, size, offsetLag, isFuture }) => ({ partition: `${topic}-${partition}`, size, offsetLag, isFuture })
    ),
    error: error === undefined ? null : `org.apache.kafka.common.errors.${exceptionName(error.code)}`,
    logDir: path
  }))
}
