/** kafka-groups: lists groups of all types. Flags, output and exit codes are those of Kafka's tool. */
import type { GroupListing } from '@odradek/client'
import { listGroups, typeName } from '../groups/listing.ts'
import { helpAndVersion, type OptionSpec, type Options } from '../options.ts'
import { oneAction, reportFailure, runOptionsTool } from '../options-tool.ts'
import { processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    isRequired: true,
    description: 'REQUIRED: The Kafka server to connect to.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command config property file' },
    description: 'Property file containing configs to be passed to Admin Client.'
  },
  { name: 'list', description: 'List the groups.' },
  {
    name: 'group-type',
    argument: { type: 'String', name: 'type' },
    description: "Filter the groups based on group type. Valid types are: 'classic', 'consumer', 'share' and 'streams'."
  },
  { name: 'protocol', argument: { type: 'String', name: 'protocol' }, description: 'Filter the groups based on protocol type.' },
  {
    name: 'consumer',
    description:
      "Filter the groups to show all kinds of consumer groups, including classic and simple consumer groups. This matches group type 'consumer', and group type 'classic' where the protocol type is 'consumer' or empty."
  },
  { name: 'share', description: 'Filter the groups to show share groups.' },
  { name: 'streams', description: 'Filter the groups to show streams groups.' }
]

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs, purpose: 'This tool helps to list groups of all types.', malformed: 'with table', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  oneAction(options, ['list'], 'Command must include exactly one action: --list.')
  const type = options.value('group-type')?.toLowerCase()
  if (type !== undefined && !['classic', 'consumer', 'share', 'streams'].includes(type))
    throw new ToolError('--group-type must be a valid group type.')
  options.exclude('consumer', ['group-type', 'protocol', 'share', 'streams'])
  options.exclude('share', ['consumer', 'group-type', 'protocol', 'streams'])
  options.exclude('streams', ['consumer', 'group-type', 'protocol', 'share'])
  const shows = filter(options, type)
  const target = { bootstrapServer: options.value('bootstrap-server'), commandConfig: options.value('command-config') }
  return await withAdmin(target, io, async (admin) => {
    const list = async (): Promise<void> => print((await listGroups(admin)).filter(shows), io)
    return await reportFailure(io, { what: 'groups', logger: 'org.apache.kafka.tools.GroupsCommand' }, list())
  })
}

function filter(options: Options, wantedType: string | undefined): (group: GroupListing) => boolean {
  const wantedProtocol = options.value('protocol')
  return ({ type, protocol }) => {
    if (wantedType !== undefined) return type === wantedType && (wantedProtocol === undefined || protocol === wantedProtocol)
    if (wantedProtocol !== undefined) return protocol === wantedProtocol
    if (options.has('consumer')) return protocol === 'consumer' || protocol === '' || type === 'consumer'
    if (options.has('share')) return type === 'share'
    return !options.has('streams') || type === 'streams'
  }
}

function print(groups: readonly GroupListing[], io: ToolIo): void {
  const rows = groups.map(({ groupId, type, protocol }) => [groupId, typeName(type, ''), protocol])
  const width = Math.max(20, ...rows.flat().map(({ length }) => length))
  io.out(`${['GROUP', 'TYPE', 'PROTOCOL'].map((name) => name.padEnd(width)).join(' ')}\n`)
  for (const row of rows) io.out(`${row.map((cell) => `${cell.padEnd(width)} `).join('')}\n`)
}
