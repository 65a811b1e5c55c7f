/** The options of kafka-consumer-groups: their help texts and which of them go together. */
import { bracketed, checkDescribe, checkDryRun, excludeScenarios, requireGroups, resetOptions } from '../groups/options.ts'
import { helpAndVersion, type OptionSpec, type Options, UsageError } from '../options.ts'
import { oneAction } from '../options-tool.ts'
import type { ToolIo } from '../tool.ts'

const example = (rest: string): string => `Example: --bootstrap-server localhost:9092 ${rest}`

export const consumerGroupsOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  ...resetOptions,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'The server(s) to connect to. REQUIRED for all options except for --validate-regex.'
  },
  { name: 'group', argument: { type: 'String', name: 'consumer group' }, description: 'The consumer group we wish to act on.' },
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic' },
    description:
      'The topic whose consumer group information should be deleted or topic whose should be included in the reset offset process. In `reset-offsets` case, partitions can be specified using this format: `topic1:0,1,2`, where 0,1,2 are the partition to be included in the process. Reset-offsets also supports multiple topic inputs.'
  },
  { name: 'all-topics', description: 'Consider all topics assigned to a group in the `reset-offsets` process.' },
  { name: 'list', description: 'List all consumer groups.' },
  {
    name: 'describe',
    description: 'Describe consumer group and list offset lag (number of messages not yet processed) related to given group.'
  },
  { name: 'all-groups', description: 'Apply to all consumer groups.' },
  {
    name: 'delete',
    description:
      'Pass in groups to delete topic partition offsets and ownership information over the entire consumer group. For instance --group g1 --group g2'
  },
  {
    name: 'timeout',
    argument: { type: 'Long', name: 'timeout (ms)', default: '30000' },
    description:
      'The timeout that can be set for some use cases. For example, it can be used when describing the group to specify the maximum amount of time in milliseconds to wait before the group stabilizes (when the group is just created, or is going through some changes).'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command config property file' },
    description: 'Property file containing configs to be passed to Admin Client and Consumer.'
  },
  {
    name: 'reset-offsets',
    description:
      "Reset offsets of consumer group. Supports one consumer group at the time, and instances should be inactive\nHas 2 execution options: --dry-run (the default) to plan which offsets to reset, and --execute to update the offsets. Additionally, the --export option is used to export the results to a CSV format.\nYou must choose one of the following reset specifications: --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, --to-current, --to-offset.\nTo define the scope use --all-topics or --topic. One scope must be specified unless you use '--from-file'."
  },
  {
    name: 'delete-offsets',
    description: 'Delete offsets of consumer group. Supports one consumer group at the time, and multiple topics.'
  },
  {
    name: 'dry-run',
    description: 'Only show results without executing changes on Consumer Groups. Supported operations: reset-offsets.'
  },
  { name: 'execute', description: 'Execute operation. Supported operations: reset-offsets.' },
  { name: 'export', description: 'Export operation execution to a CSV file. Supported operations: reset-offsets.' },
  {
    name: 'members',
    availableWith: ['describe'],
    description: `Describe members of the group. This option may be used with '--describe' and '--bootstrap-server' options only.\n${example('--describe --group group1 --members')}`
  },
  {
    name: 'verbose',
    availableWith: ['describe'],
    description: `Provide additional information, if any, when describing the group. This option may be used with '--offsets'/'--members'/'--state' and '--bootstrap-server' options only.\n${example('--describe --group group1 --members --verbose')}`
  },
  {
    name: 'offsets',
    availableWith: ['describe'],
    description: `Describe the group and list all topic partitions in the group along with their offset lag. This is the default sub-action of and may be used with '--describe' and '--bootstrap-server' options only.\n${example('--describe --group group1 --offsets')}`
  },
  {
    name: 'state',
    argument: { type: 'String', isOptional: true },
    availableWith: ['describe', 'list'],
    description: `When specified with '--describe', includes the state of the group.\n${example('--describe --group group1 --state')}\nWhen specified with '--list', it displays the state of all groups. It can also be used to list groups with specific states.\n${example('--list --state stable,empty')}\nThis option may be used with '--describe', '--list' and '--bootstrap-server' options only.`
  },
  {
    name: 'type',
    argument: { type: 'String', isOptional: true },
    availableWith: ['list'],
    description: `When specified with '--list', it displays the types of all the groups. It can also be used to list groups with specific types.\n${example('--list --type classic,consumer')}\nThis option may be used with the '--list' option only.`
  },
  {
    name: 'validate-regex',
    argument: { type: 'String', name: 'regex' },
    description: 'Validate that the syntax of the provided regular expression is valid according to the RE2 format.'
  }
]

const actions = ['list', 'describe', 'delete', 'reset-offsets', 'delete-offsets', 'validate-regex'] as const
export type ConsumerGroupsAction = (typeof actions)[number]

const withoutExecute =
  'WARN: No action will be performed as the --execute option is missing. In version 5.0, this command will require either --dry-run or --execute to be specified. You should add the --dry-run option explicitly if you are scripting this command and want to keep the current default behavior without prompting.\n'

/** The one action asked for. Throws a UsageError when options do not go together. */
export function checkConsumerGroupsOptions(options: Options, io: ToolIo): ConsumerGroupsAction {
  if (!options.has('validate-regex')) options.require('bootstrap-server')
  checkDescribe(options)
  if (options.has('delete')) {
    requireGroups(options, 'delete')
    if (options.has('topic')) throw new UsageError('The consumer does not support topic-specific offset deletion from a consumer group.')
  }
  if (options.has('delete-offsets') && !(options.has('group') && options.has('topic')))
    throw new UsageError(`Option ${bracketed('delete-offsets')} takes the following options: ${bracketed('group', 'topic')}`)
  if (options.has('reset-offsets')) {
    checkDryRun(options)
    if (!options.has('dry-run') && !options.has('execute')) io.err(withoutExecute)
    requireGroups(options, 'reset-offsets')
    excludeScenarios(options)
  }
  options.exclude('group', ['all-groups'])
  options.exclude('group', ['list'])
  options.exclude('topic', ['list', 'describe'])
  return oneAction(options, actions, `Command must include exactly one action: ${actions.map((name) => `--${name}`).join(', ')}`)
}
