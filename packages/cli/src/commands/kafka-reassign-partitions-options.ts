/** The options of kafka-reassign-partitions: their help texts and which of them go together. */
import { helpAndVersion, type OptionSpec, type Options, UsageError } from '../options.ts'
import { oneAction } from '../options-tool.ts'

const throttleAgain =
  'This option can be included with --execute when a reassignment is started, and it can be altered by resubmitting the current reassignment along with the --additional flag. The throttle rate should be at least 1 KB/s.'

export const reassignOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'verify',
    description:
      'Verify if the reassignment completed as specified by the --reassignment-json-file option. If there is a throttle engaged for the replicas specified, and the rebalance has completed, the throttle will be removed'
  },
  {
    name: 'generate',
    description:
      'Generate a candidate partition reassignment configuration. Note that this only generates a candidate assignment, it does not execute it.'
  },
  { name: 'execute', description: 'Kick off the reassignment as specified by the --reassignment-json-file option.' },
  { name: 'cancel', description: 'Cancel an active reassignment.' },
  { name: 'list', description: 'List all active partition reassignments.' },
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'Server(s) to use for bootstrapping', isOptional: true },
    description: 'the server(s) to use for bootstrapping.'
  },
  {
    name: 'bootstrap-controller',
    argument: { type: 'String', name: 'bootstrap controller to connect to', isOptional: true },
    description:
      'The controller to use for reassignment. By default, the tool will get the quorum controller. This option supports the actions --cancel and --list.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'Admin client property file' },
    description: 'Property file containing configs to be passed to Admin Client.'
  },
  {
    name: 'reassignment-json-file',
    argument: { type: 'String', name: 'manual assignment json file path' },
    description:
      'The JSON file with the partition reassignment configurationThe format to use is - \n{"partitions":\n\t[{"topic": "foo",\n\t  "partition": 1,\n\t  "replicas": [1,2,3],\n\t  "log_dirs": ["dir1","dir2","dir3"] }],\n"version":1\n}\nNote that "log_dirs" is optional. When it is specified, its length must equal the length of the replicas list. The value in this list can be either "any" or the absolution path of the log directory on the broker. If absolute log directory path is specified, the replica will be moved to the specified log directory on the broker.'
  },
  {
    name: 'topics-to-move-json-file',
    argument: { type: 'String', name: 'topics to reassign json file path' },
    description:
      'Generate a reassignment configuration to move the partitions of the specified topics to the list of brokers specified by the --broker-list option. The format to use is - \n{"topics":\n\t[{"topic": "foo"},{"topic": "foo1"}],\n"version":1\n}'
  },
  {
    name: 'broker-list',
    argument: { type: 'String', name: 'brokerlist' },
    description:
      'The list of brokers to which the partitions need to be reassigned in the form "0,1,2". This is required if --topics-to-move-json-file is used to generate reassignment configuration'
  },
  { name: 'disable-rack-aware', description: 'Disable rack aware replica assignment' },
  {
    name: 'throttle',
    argument: { type: 'Long', name: 'throttle', default: '-1' },
    description: `The movement of partitions between brokers will be throttled to this value (bytes/sec). ${throttleAgain}`
  },
  {
    name: 'replica-alter-log-dirs-throttle',
    argument: { type: 'Long', name: 'replicaAlterLogDirsThrottle', default: '-1' },
    description: `The movement of replicas between log directories on the same broker will be throttled to this value (bytes/sec). ${throttleAgain}`
  },
  {
    name: 'timeout',
    argument: { type: 'Long', name: 'timeout', default: '10000' },
    description: 'The maximum time in ms to wait for log directory replica assignment to begin.'
  },
  {
    name: 'additional',
    description:
      'Execute this reassignment in addition to any other ongoing ones. This option can also be used to change the throttle of an ongoing reassignment.'
  },
  { name: 'preserve-throttles', description: 'Do not modify broker or topic throttles.' },
  {
    name: 'disallow-replication-factor-change',
    description:
      "Denies the ability to change a partition's replication factor as part of this reassignment through adding validation against it."
  }
]

const actions = ['generate', 'execute', 'verify', 'cancel', 'list'] as const
export type ReassignAction = (typeof actions)[number]

const required: Readonly<Record<ReassignAction, readonly string[]>> = {
  verify: ['reassignment-json-file'],
  generate: ['topics-to-move-json-file', 'broker-list'],
  execute: ['reassignment-json-file'],
  cancel: ['reassignment-json-file'],
  list: []
}

const permitted: Readonly<Record<ReassignAction, readonly string[]>> = {
  verify: ['preserve-throttles'],
  generate: ['disable-rack-aware'],
  execute: ['additional', 'throttle', 'replica-alter-log-dirs-throttle', 'timeout', 'disallow-replication-factor-change'],
  cancel: ['bootstrap-controller', 'preserve-throttles', 'timeout'],
  list: ['bootstrap-controller']
}

/** The one action asked for. Throws a UsageError when options do not go together. */
export function checkReassignOptions(options: Options): ReassignAction {
  const action = oneAction(options, actions, `Command must include exactly one action: ${actions.map((name) => `--${name}`).join(', ')}`)
  const [server, controller] = [options.has('bootstrap-server'), options.has('bootstrap-controller')]
  if (server && controller) throw new UsageError("Please don't specify both --bootstrap-server and --bootstrap-controller")
  if (!server && !controller) throw new UsageError('Please specify either --bootstrap-server or --bootstrap-controller')
  options.require(...required[action])
  const fitting = [action, 'bootstrap-server', 'command-config', ...required[action], ...permitted[action]]
  const other = options.order.find((name) => !fitting.includes(name))
  if (other !== undefined) throw new UsageError(`Option "[${other}]" can't be used with action "[${action}]"`)
  return action
}
