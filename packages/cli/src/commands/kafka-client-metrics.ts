/** kafka-client-metrics: which metrics clients push, and how often. Flags, output and exit codes are those of Kafka's tool. */
import type { Admin, AlterConfigs } from '@odradek/client'
import { nameOrder } from '../java.ts'
import { helpAndVersion, type OptionSpec, type Options } from '../options.ts'
import { oneAction, reportFailure, runOptionsTool } from '../options-tool.ts'
import { call, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const selectors = [
  'client_id',
  'client_instance_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port'
]

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'REQUIRED: The Kafka server to connect to.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command config property file' },
    description: 'Property file containing configs to be passed to Admin Client.'
  },
  { name: 'alter', description: 'Alter the configuration for the client metrics resource.' },
  { name: 'delete', description: 'Delete the configuration for the client metrics resource.' },
  { name: 'describe', description: 'List configurations for the client metrics resource.' },
  { name: 'list', description: 'List the client metrics resources.' },
  { name: 'name', argument: { type: 'String', name: 'name' }, description: 'Name of client metrics configuration resource.' },
  { name: 'generate-name', description: 'Generate a UUID to use as the name.' },
  {
    name: 'interval',
    argument: { type: 'String', name: 'push interval' },
    description: 'The metrics push interval in milliseconds.\nLeave empty to reset the interval.'
  },
  {
    name: 'match',
    argument: { type: 'String', name: 'k1=v1,k2=v2', separator: ',' },
    description: `Matching selector 'k1=v1,k2=v2'. The following is a list of valid selector names: \n${selectors.map((name) => `\t${name}`).join('\n')}`
  },
  {
    name: 'metrics',
    argument: { type: 'String', name: 'm1,m2', separator: ',' },
    description: "Telemetry metric name prefixes 'm1,m2'."
  }
]

const purpose = 'This tool helps to manipulate and describe client metrics configurations.'
const actions = ['alter', 'delete', 'describe', 'list'] as const
const TIMEOUT_MS = 30_000

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs, purpose, malformed: 'with table', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const action = checkOptions(options)
  const target = { bootstrapServer: options.value('bootstrap-server'), commandConfig: options.value('command-config') }
  return await withAdmin(target, io, (admin) => {
    const what = { what: 'client metrics', logger: 'org.apache.kafka.tools.ClientMetricsCommand' }
    return reportFailure(io, what, work[action]({ admin, options, io }))
  })
}

function checkOptions(options: Options): (typeof actions)[number] {
  const action = oneAction(options, actions, 'Command must include exactly one action: --alter, --delete, --describe or --list.')
  if (!options.has('bootstrap-server')) throw new ToolError('--bootstrap-server must be specified.')
  const settings = ['generate-name', 'interval', 'match', 'metrics']
  options.exclude('delete', settings)
  options.exclude('describe', settings)
  options.exclude('list', ['name', ...settings])
  if (action === 'alter') {
    if (options.has('name') === options.has('generate-name'))
      throw new ToolError('One of --name or --generate-name must be specified with --alter.')
    if (!/^([+-]?\d{1,10})?$/.test(options.value('interval') ?? ''))
      throw new ToolError('Invalid interval value. Enter an integer, or leave empty to reset.')
  }
  if (action === 'delete' && !options.has('name')) throw new ToolError('A client metrics resource name must be specified with --delete.')
  return action
}

interface Context {
  readonly admin: Admin
  readonly options: Options
  readonly io: ToolIo
}

const work: Readonly<Record<(typeof actions)[number], (context: Context) => Promise<void>>> = {
  async alter({ admin, options, io }) {
    const name = options.has('generate-name') ? await randomName() : (options.value('name') as string)
    const given = { 'interval.ms': options.values('interval'), metrics: options.values('metrics'), match: options.values('match') }
    const texts = Object.entries(given).filter(([, values]) => values.length > 0)
    const ops = texts.map(([key, values]) => ({ name: key, value: values.join(',') || null }))
    await alterConfigs(admin, name, ops)
    io.out(`Altered client metrics config for ${name}.\n`)
  },
  async delete({ admin, options, io }) {
    const name = options.value('name') as string
    const entries = await configsOf(admin, name)
    await alterConfigs(
      admin,
      name,
      entries.map((entry) => ({ name: entry.name, value: null }))
    )
    io.out(`Deleted client metrics config for ${name}.\n`)
  },
  async describe({ admin, options, io }) {
    const name = options.value('name')
    const names = await resources(admin)
    if (name !== undefined && !names.includes(name)) {
      io.out(`The client metric resource ${name} doesn't exist and doesn't have dynamic config.\n`)
      return
    }
    for (const one of name === undefined ? names : [name]) {
      io.out(`Client metrics configs for ${one} are:\n`)
      for (const entry of await configsOf(admin, one)) io.out(`  ${entry.name}=${entry.value}\n`)
    }
  },
  async list({ admin, io }) {
    io.out(`${(await resources(admin)).join('\n')}\n`)
  }
}

async function randomName(): Promise<string> {
  const { randomUuid } = await import('@odradek/base')
  const { randomBytes } = await import('node:crypto')
  return randomUuid(randomBytes)
}

async function resources(admin: Admin): Promise<string[]> {
  const found = await call('listConfigResources', admin.listConfigResources(['CLIENT_METRICS']))
  return found.map(({ name }) => name)
}

async function configsOf(admin: Admin, name: string) {
  const resource = { type: 'CLIENT_METRICS', name } as const
  const described = await call('describeConfigs', admin.describeConfigs([resource]))
  return nameOrder([...(described.get(`CLIENT_METRICS:${name}`)?.entries.values() ?? [])], (entry) => entry.name)
}

async function alterConfigs(admin: Admin, name: string, ops: AlterConfigs['ops']): Promise<void> {
  const change = { type: 'CLIENT_METRICS', name, ops } as const
  await call('incrementalAlterConfigs', admin.incrementalAlterConfigs([change], { timeoutMs: TIMEOUT_MS }))
}
