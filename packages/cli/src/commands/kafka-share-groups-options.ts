/** The options of kafka-share-groups: their help texts and which of them go together. */
import { bracketed, checkDescribe, checkDryRun, excludeScenarios, resetOptions } from '../groups/options.ts'
import { helpAndVersion, type OptionSpec, type Options, UsageError } from '../options.ts'
import { oneAction } from '../options-tool.ts'

const scenarios = ['to-datetime', 'to-earliest', 'to-latest']

export const shareGroupsOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  ...resetOptions.filter(({ name }) => scenarios.includes(name)),
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'REQUIRED: The server(s) to connect to.'
  },
  { name: 'group', argument: { type: 'String', name: 'share group' }, description: 'The share group we wish to act on.' },
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic' },
    description:
      "The topic whose offset information should be deleted or included in the reset offset process. When resetting offsets, partitions can be specified using this format: 'topic1:0,1,2', where 0,1,2 are the partitions to be included."
  },
  { name: 'all-topics', description: "Consider all topics assigned to a share group in the 'reset-offsets' process." },
  { name: 'list', description: 'List all share groups.' },
  { name: 'describe', description: 'Describe share group, members and offset information.' },
  { name: 'all-groups', description: 'Apply to all share groups.' },
  { name: 'delete', description: 'Delete share group.' },
  {
    name: 'timeout',
    argument: { type: 'Long', name: 'timeout (ms)', default: '30000' },
    description:
      'The timeout that can be set for some use cases. For example, it can be used when describing the group to specify the maximum amount of time in milliseconds to wait before the group stabilizes.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'command config property file' },
    description: 'Property file containing configs to be passed to Admin Client.'
  },
  {
    name: 'reset-offsets',
    description:
      "Reset offsets of share group. Supports one share group at the time, and instances must be inactive.\nHas 2 execution options: --dry-run to plan which offsets to reset, and --execute to reset the offsets. \nYou must choose one of the following reset specifications: --to-datetime, --to-earliest, --to-latest.\nTo define the scope use --all-topics or --topic.\nFails if neither '--dry-run' nor '--execute' is specified."
  },
  {
    name: 'delete-offsets',
    description: 'Delete offsets of share group. Supports one share group at the time, and multiple topics.'
  },
  { name: 'dry-run', description: 'Only show results without executing changes on share groups. Supported operations: reset-offsets.' },
  { name: 'execute', description: 'Execute operation. Supported operations: reset-offsets.' },
  {
    name: 'members',
    availableWith: ['describe'],
    description: "Describe members of the group. This option may be used with the '--describe' option only."
  },
  {
    name: 'offsets',
    availableWith: ['describe'],
    description:
      "Describe the group and list all topic partitions in the group along with their offset information. This is the default sub-action and may be used with the '--describe' option only."
  },
  {
    name: 'state',
    argument: { type: 'String', isOptional: true },
    availableWith: ['describe', 'list'],
    description:
      "When specified with '--describe', includes the state of the group.\nWhen specified with '--list', it displays the state of all groups. It can also be used to list groups with specific states. Valid values are Empty, Stable and Dead."
  },
  {
    name: 'verbose',
    availableWith: ['describe'],
    description:
      "Provide additional information, if any, when describing the group. This option may be used with the '--describe' option only."
  }
]

const actions = ['list', 'describe', 'delete', 'reset-offsets', 'delete-offsets'] as const
export type ShareGroupsAction = (typeof actions)[number]

/** The one action asked for. Throws a UsageError when options do not go together. */
export function checkShareGroupsOptions(options: Options): ShareGroupsAction {
  options.require('bootstrap-server')
  checkDescribe(options)
  if (options.has('delete')) checkDelete(options)
  if (options.has('delete-offsets') && !(options.has('group') && options.has('topic')))
    throw new UsageError(`Option ${bracketed('delete-offsets')} takes the following options: ${bracketed('group', 'topic')}`)
  if (options.has('reset-offsets')) checkReset(options)
  options.exclude('group', ['all-groups'])
  options.exclude('group', ['list'])
  options.exclude('topic', ['list', 'describe'])
  return oneAction(options, actions, `Command must include exactly one action: ${actions.map((name) => `--${name}`).join(', ')}.`)
}

function checkDelete(options: Options): void {
  const [group, allGroups] = [options.has('group'), options.has('all-groups')]
  if (!group && !allGroups)
    throw new UsageError(`Option ${bracketed('delete')} takes the options ${bracketed('group')} or ${bracketed('all-groups')}`)
  if (group && allGroups)
    throw new UsageError(`Option ${bracketed('delete')} takes either ${bracketed('group')} or ${bracketed('all-groups')}, not both.`)
  if (options.has('topic')) throw new UsageError(`Option ${bracketed('delete')} does not take the option: ${bracketed('topic')}`)
}

function checkReset(options: Options): void {
  checkDryRun(options)
  const takes = (what: string): UsageError => new UsageError(`Option ${bracketed('reset-offsets')} takes ${what}`)
  if (!options.has('dry-run') && !options.has('execute')) throw takes(`the option: ${bracketed('execute')} or ${bracketed('dry-run')}`)
  if (!options.has('group')) throw takes(`the option: ${bracketed('group')}`)
  if (!options.has('topic') && !options.has('all-topics')) throw takes(`one of these options: ${bracketed('all-topics', 'topic')}`)
  if (!scenarios.some((name) => options.has(name))) throw takes(`one of these options: ${bracketed(...scenarios)}`)
  excludeScenarios(options, scenarios)
}
