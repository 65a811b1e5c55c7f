/** The options of kafka-streams-groups: their help texts and which of them go together. */
import { bracketed, checkDescribe, checkDryRun, excludeScenarios, requireGroups, resetOptions } from '../groups/options.ts'
import { helpAndVersion, type OptionSpec, type Options, UsageError } from '../options.ts'
import { oneAction } from '../options-tool.ts'

export const streamsGroupsOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  ...resetOptions,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'server to connect to' },
    description: 'REQUIRED: The server(s) to connect to.'
  },
  { name: 'group', argument: { type: 'String', name: 'streams group' }, description: 'The streams group we wish to act on.' },
  {
    name: 'input-topic',
    argument: { type: 'String', name: 'topic' },
    description:
      'The input topic whose committed offset should be deleted or reset. In `reset-offsets` case, partitions can be specified using this format: `topic1:0,1,2`, where 0,1,2 are the partition to be included in the process. Multiple input topics can be specified. Supported operations: delete-offsets, reset-offsets.'
  },
  {
    name: 'all-input-topics',
    description: 'Consider all source topics used in the topology of the group. Supported operations: delete-offsets, reset-offsets.'
  },
  { name: 'list', description: 'List all streams groups.' },
  { name: 'describe', description: 'Describe streams group and list offset lag related to given group.' },
  { name: 'all-groups', description: 'Apply to all streams groups.' },
  {
    name: 'delete',
    description:
      'Pass in groups to delete topic partition offsets and ownership information over the entire streams group. For instance --group g1 --group g2'
  },
  {
    name: 'delete-offsets',
    description: 'Delete offsets of streams group. Supports one streams group at the time, and multiple topics.'
  },
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
    name: 'state',
    argument: { type: 'String', isOptional: true },
    availableWith: ['list', 'describe'],
    description:
      "When specified with '--list', it displays the state of all groups. It can also be used to list groups with specific states. Valid values are Empty, NotReady, Stable, Assigning, Reconciling, and Dead."
  },
  {
    name: 'members',
    availableWith: ['describe'],
    description: "Describe members of the group. This option may be used with the '--describe' option only."
  },
  {
    name: 'offsets',
    availableWith: ['describe'],
    description:
      "Describe the group and list all topic partitions in the group along with their offset information.This is the default sub-action and may be used with the '--describe' option only."
  },
  {
    name: 'reset-offsets',
    description:
      "Reset offsets of streams group. The instances should be inactive.\nHas 2 execution options: --dry-run to plan which offsets to reset, and --execute to update the offsets.\nIf you use --execute, all internal topics linked to the group will also be deleted.\nYou must choose one of the following reset specifications: --to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, --to-current, --to-offset.\nTo define the scope use --all-input-topics or --input-topic. One scope must be specified unless you use '--from-file'.\nFails if neither '--dry-run' nor '--execute' is specified."
  },
  {
    name: 'delete-internal-topic',
    argument: { type: 'String' },
    description:
      'Delete specified internal topic of the streams group. Supported operations: reset-offsets.This option is applicable only when --execute is used.'
  },
  {
    name: 'delete-all-internal-topics',
    description:
      'Delete all internal topics linked to the streams group. Supported operations: reset-offsets, delete.With reset-offsets, this option is applicable only when --execute is used.'
  },
  {
    name: 'verbose',
    availableWith: ['describe'],
    description:
      'Use with --describe --state  to show group epoch and target assignment epoch.\nUse with --describe --members to show for each member the member epoch, target assignment epoch, current assignment, target assignment, and whether member is still using the classic rebalance protocol.\nUse with --describe --offsets  and --describe  to show leader epochs for each partition.'
  },
  { name: 'dry-run', description: 'Only show results without executing changes on streams group. Supported operations: reset-offsets.' },
  { name: 'execute', description: 'Execute operation. Supported operations: reset-offsets.' },
  { name: 'export', description: 'Export operation execution to a CSV file. Supported operations: reset-offsets.' }
]

const actions = ['list', 'describe', 'reset-offsets', 'delete', 'delete-offsets'] as const
export type StreamsGroupsAction = (typeof actions)[number]

/** The one action asked for. Throws a UsageError when options do not go together. */
export function checkStreamsGroupsOptions(options: Options): StreamsGroupsAction {
  options.require('bootstrap-server')
  checkDescribe(options)
  if (options.has('delete')) {
    requireGroups(options, 'delete')
    if (options.has('input-topic') || options.has('all-input-topics'))
      throw new UsageError('Kafka Streams does not support topic-specific offset deletion from a streams group.')
  }
  if (options.has('delete-offsets')) checkDeleteOffsets(options)
  if (options.has('reset-offsets')) {
    checkDryRun(options)
    if (!options.has('dry-run') && !options.has('execute'))
      throw new UsageError(`Option ${bracketed('reset-offsets')} takes the option: ${bracketed('execute')} or ${bracketed('dry-run')}`)
    requireGroups(options, 'reset-offsets')
    excludeScenarios(options)
  }
  checkInternalTopics(options)
  if ((options.has('dry-run') || options.has('execute')) && !options.has('reset-offsets'))
    throw new UsageError(`Only Option ${bracketed('reset-offsets')} accepts ${bracketed('execute')} or ${bracketed('dry-run')}`)
  options.exclude('list', ['members', 'offsets'])
  options.exclude('group', ['all-groups'])
  options.exclude('group', ['list'])
  options.exclude('input-topic', ['list', 'describe', 'delete'])
  return oneAction(
    options,
    actions,
    'Command must include exactly one action: --list, --describe, --delete, --reset-offsets, or --delete-offsets.'
  )
}

function checkDeleteOffsets(options: Options): void {
  const hasTopics = options.has('input-topic') || options.has('all-input-topics')
  if (!hasTopics || !options.has('group'))
    throw new UsageError(
      `Option ${bracketed('delete-offsets')} takes the ${bracketed('group')} and one of these options: ${bracketed('all-input-topics', 'input-topic')}`
    )
  const groups = options.values('group')
  if (groups.length > 1)
    throw new UsageError(
      `Option ${bracketed('delete-offsets')} supports only one ${bracketed('group')} at a time, but found: [${groups.join(', ')}]`
    )
}

function checkInternalTopics(options: Options): void {
  const [all, one] = [options.has('delete-all-internal-topics'), options.has('delete-internal-topic')]
  const [resets, executes] = [options.has('reset-offsets'), options.has('execute')]
  if (all && !resets && !options.has('delete'))
    throw new UsageError(
      `Option ${bracketed('delete-all-internal-topics')} takes one of these options: ${bracketed('delete', 'reset-offsets')}`
    )
  if (all && resets && !executes)
    throw new UsageError(
      `Option ${bracketed('delete-all-internal-topics')} takes ${bracketed('execute')} when ${bracketed('reset-offsets')} is used.`
    )
  if (!all && one && !(resets && executes))
    throw new UsageError(
      `Option ${bracketed('delete-internal-topic')} takes ${bracketed('reset-offsets')} when ${bracketed('execute')} is used.`
    )
}
