/** The options of kafka-topics: their help texts and which of them go together. */
import { helpAndVersion, type OptionSpec, type Options, UsageError } from '../options.ts'
import { ToolError } from '../tool.ts'

const topicConfigs = [
  'cleanup.policy',
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.type',
  'compression.zstd.level',
  'delete.retention.ms',
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'follower.replication.throttled.replicas',
  'index.interval.bytes',
  'leader.replication.throttled.replicas',
  'local.retention.bytes',
  'local.retention.ms',
  'max.compaction.lag.ms',
  'max.message.bytes',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.type',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'min.insync.replicas',
  'preallocate',
  'remote.log.copy.disable',
  'remote.log.delete.on.disable',
  'remote.storage.enable',
  'retention.bytes',
  'retention.ms',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
  'unclean.leader.election.enable'
]

export const topicsOptions: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'alter',
    description:
      'Alter the number of partitions and replica assignment. (To alter topic configurations, the kafka-configs tool can be used.)'
  },
  {
    name: 'at-min-isr-partitions',
    description: 'If set when describing topics, only show partitions whose isr count is equal to the configured minimum.'
  },
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
  {
    name: 'config',
    argument: { type: 'String', name: 'name=value' },
    description: `A topic configuration override for the topic being created. The following is a list of valid configurations:\n${topicConfigs.map((name) => `\t${name}`).join('\n')}\nSee the Kafka documentation for full details on the topic configs. It is supported only in combination with --create. (To alter topic configurations, the kafka-configs tool can be used.)`
  },
  { name: 'create', description: 'Create a new topic.' },
  { name: 'delete', description: 'Delete a topic.' },
  {
    name: 'delete-config',
    argument: { type: 'String', name: 'name' },
    description: 'This option is no longer supported and has been deprecated since 4.0'
  },
  { name: 'describe', description: 'List details for the given topics.' },
  {
    name: 'exclude-internal',
    description: 'Exclude internal topics when listing or describing topics. By default, the internal topics are included.'
  },
  {
    name: 'if-exists',
    description: 'If set when altering or deleting or describing topics, the action will only execute if the topic exists.'
  },
  {
    name: 'if-not-exists',
    description:
      'If set when creating topics, the create request will not fail if the topic already exists, but the request will still be sent.'
  },
  { name: 'list', description: 'List all available topics.' },
  {
    name: 'partition-size-limit-per-response',
    argument: { type: 'Integer', name: 'maximum number of partitions per response' },
    description: 'The maximum partition size to be included in one DescribeTopicPartitions response.'
  },
  {
    name: 'partitions',
    argument: { type: 'Integer', name: '# of partitions' },
    description:
      'The number of partitions for the topic being created or altered. If not supplied with --create, the topic uses the cluster default. (WARNING: If partitions are increased for a topic that has a key, the partition logic or ordering of the messages will be affected).'
  },
  {
    name: 'replica-assignment',
    argument: {
      type: 'String',
      name: 'broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , broker_id_for_part2_replica1 : broker_id_for_part2_replica2 , ...'
    },
    description: 'A list of manual partition-to-broker assignments for the topic being created or altered.'
  },
  {
    name: 'replication-factor',
    argument: { type: 'Integer', name: 'replication factor' },
    description:
      'The replication factor for each partition in the topic being created. If not supplied, the topic uses the cluster default.'
  },
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic' },
    description: 'The topic to create, alter, describe or delete. It also accepts a regular expression, except for --create option.'
  },
  { name: 'topic-id', argument: { type: 'String', name: 'topic-id' }, description: 'The topic-id to describe.' },
  { name: 'topics-with-overrides', description: 'If set when describing topics, only show topics that have overridden configs.' },
  {
    name: 'unavailable-partitions',
    description: 'If set when describing topics, only show partitions whose leader is not available.'
  },
  {
    name: 'under-min-isr-partitions',
    description: 'If set when describing topics, only show partitions whose isr count is less than the configured minimum.'
  },
  { name: 'under-replicated-partitions', description: 'If set when describing topics, only show under-replicated partitions.' }
]

const actions = ['list', 'describe', 'create', 'alter', 'delete'] as const
export type TopicsAction = (typeof actions)[number]

const reports = ['under-replicated-partitions', 'under-min-isr-partitions', 'at-min-isr-partitions', 'unavailable-partitions']

/** The actions that each option belongs to. */
const belongsTo: Readonly<Record<string, readonly TopicsAction[]>> = {
  config: ['alter', 'create'],
  partitions: ['alter', 'create'],
  'replication-factor': ['create'],
  'replica-assignment': ['create', 'alter'],
  'under-replicated-partitions': ['describe'],
  'under-min-isr-partitions': ['describe'],
  'at-min-isr-partitions': ['describe'],
  'unavailable-partitions': ['describe'],
  'topics-with-overrides': ['describe'],
  'if-exists': ['alter', 'delete', 'describe'],
  'if-not-exists': ['create'],
  'exclude-internal': ['list', 'describe']
}

/** The one action asked for. Throws a UsageError when options do not go together. */
export function checkTopicsOptions(options: Options): TopicsAction {
  const asked = actions.filter((action) => options.has(action))
  if (asked.length !== 1) throw new UsageError('Command must include exactly one action: --list, --describe, --create, --alter or --delete')
  const [action] = asked
  if (!options.has('bootstrap-server')) throw new ToolError('--bootstrap-server must be specified')
  if (action !== 'list' && action !== 'describe') options.require('topic')
  if (action === 'alter') {
    if (options.has('config'))
      throw new UsageError(
        'Option combination "[[bootstrap-server], [config]]" can\'t be used with option "[alter]" (To alter topic configurations, the kafka-configs tool can be used.)'
      )
    options.require('partitions')
  }
  for (const [name, owners] of Object.entries(belongsTo)) {
    options.exclude(name, [
      ...actions.filter((one) => !owners.includes(one)),
      ...(reports.includes(name) ? [...reports.filter((one) => one !== name), 'topics-with-overrides'] : [])
    ])
  }
  if (action === 'create') options.exclude('replica-assignment', ['partitions', 'replication-factor'])
  return action
}
