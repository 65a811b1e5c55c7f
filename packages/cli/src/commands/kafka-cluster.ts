/** kafka-cluster: the id and the endpoints of a cluster; removes a broker's registration. As Kafka's tool does it. */
import { OdradekError } from '@odradek/base'
import type { Admin } from '@odradek/client'
import { type Arguments, parseCommandLine } from '../command-line.ts'
import type { Command, CommandLine, Group, Option } from '../command-line-definition.ts'
import { call, javaError, messageOf, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const bootstrap: Group = { isExclusive: true, required: true }
const connection: readonly Option[] = [
  {
    long: '--bootstrap-server',
    short: '-b',
    group: bootstrap,
    help: 'A list of host/port pairs to use for establishing the connection to the Kafka cluster.'
  },
  {
    long: '--bootstrap-controller',
    short: '-C',
    group: bootstrap,
    help: 'A list of host/port pairs to use for establishing the connection to the KRaft controllers.'
  },
  {
    long: '--config',
    help: '(DEPRECATED) A property file containing configurations for the Admin client. This option will be removed in a future version. Use --command-config instead.'
  },
  { long: '--command-config', short: '-c', help: 'Config properties file for the Admin client.' }
]
const command = (name: string, help: string, ...own: readonly Option[]): Command => ({
  name,
  help,
  options: [...connection, ...own]
})

const commandLine: CommandLine = {
  program: 'kafka-cluster',
  description: 'The Kafka cluster tool.',
  commands: [
    command('cluster-id', 'Get information about the ID of a cluster.'),
    command('unregister', 'Unregister a broker.', {
      long: '--id',
      short: '-i',
      type: 'Integer',
      required: true,
      help: 'The ID of the broker to unregister.'
    }),
    command('list-endpoints', 'List endpoints', {
      long: '--include-fenced-brokers',
      flag: true,
      help: 'Whether to include fenced brokers when listing broker endpoints'
    })
  ]
}

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  try {
    const parsed = parseCommandLine(commandLine, argv)
    if ('help' in parsed) {
      io.out(parsed.help)
      // So it is with Kafka's tool.
      return 1
    }
    const args = parsed.arguments
    const [config, commandConfig] = [args.value('--config'), args.value('--command-config')]
    if (config !== undefined && commandConfig !== undefined)
      throw new ToolError('Cannot specify both --config and --command-config options.')
    if (config !== undefined)
      io.out('Option --config has been deprecated and will be removed in a future version. Use --command-config instead.\n')
    const target = {
      bootstrapServer: args.value('--bootstrap-server'),
      bootstrapController: args.value('--bootstrap-controller'),
      commandConfig: config ?? commandConfig
    }
    return await withAdmin(target, io, async (admin) => {
      if (parsed.command === 'cluster-id') await printClusterId(admin, io)
      else if (parsed.command === 'unregister') await unregister(admin, args.integer('--id') as number, io)
      else await listEndpoints(admin, args, io)
      return 0
    })
  } catch (error) {
    if (!(error instanceof OdradekError)) throw error
    io.err(`${(error as { code?: string }).code === 'BROKER_ID_NOT_REGISTERED' ? javaError(error) : messageOf(error)}\n`)
    return 1
  }
}

async function printClusterId(admin: Admin, io: ToolIo): Promise<void> {
  const { clusterId } = await call('listNodes', admin.describeCluster())
  io.out(clusterId === '' ? 'No cluster ID found. The Kafka version is probably too old.\n' : `Cluster ID: ${clusterId}\n`)
}

async function unregister(admin: Admin, id: number, io: ToolIo): Promise<void> {
  try {
    await call('unregisterBroker', admin.unregisterBroker(id))
  } catch (error) {
    if ((error as { code?: string }).code !== 'UNSUPPORTED_VERSION') throw error
    io.out('The target cluster does not support the broker unregistration API.\n')
    return
  }
  io.out(`Broker ${id} is no longer registered.\n`)
}

async function listEndpoints(admin: Admin, args: Arguments, io: ToolIo): Promise<void> {
  const includeFencedBrokers = args.has('--include-fenced-brokers')
  const isController = args.has('--bootstrap-controller')
  if (isController && includeFencedBrokers)
    throw new ToolError('The option --include-fenced-brokers is only supported with --bootstrap-server option')
  const { nodes } = await call('listNodes', admin.describeCluster({ includeFencedBrokers }))
  const hostWidth = widest(nodes.map(({ host }) => host)) ?? 100
  const rackWidth = widest(nodes.flatMap(({ rack }) => rack ?? [])) ?? 10
  const row = (id: string, host: string, port: string, rack: string, state: string, type: string): string =>
    `${[id.padEnd(10), host.padEnd(hostWidth), port.padEnd(10), rack.padEnd(rackWidth), ...(isController ? [] : [state.padEnd(10)]), type.padEnd(15)].join(' ')}\n`
  io.out(row('ID', 'HOST', 'PORT', 'RACK', 'STATE', 'ENDPOINT_TYPE'))
  for (const { id, host, port, rack, isFenced } of nodes)
    io.out(row(String(id), host, String(port), rack ?? 'null', isFenced ? 'fenced' : 'unfenced', isController ? 'controller' : 'broker'))
}

/** undefined: there is none. */
const widest = (texts: readonly string[]): number | undefined =>
  texts.length === 0 ? undefined : Math.max(...texts.map(({ length }) => length))
