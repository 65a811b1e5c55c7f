/** kafka-get-offsets: offsets of partitions by place or time. Flags, output and exit codes are those of Kafka's tool. */
import type { Admin, OffsetSpec, TopicPartition } from '@odradek/client'
import { helpAndVersion, helpTable, type OptionSpec, Options, UsageError } from '../options.ts'
import {
  call,
  isInternalTopic,
  javaError,
  KAFKA_VERSION,
  messageOf,
  processIo,
  ToolError,
  type ToolIo,
  topicFilter,
  withAdmin
} from '../tool.ts'

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'bootstrap-server',
    argument: { type: 'String', name: 'HOST1:PORT1,...,HOST3:PORT3' },
    description: 'REQUIRED. The server(s) to connect to in the form HOST1:PORT1,HOST2:PORT2.'
  },
  {
    name: 'command-config',
    argument: { type: 'String', name: 'config file' },
    description: 'Property file containing configs to be passed to Admin Client.'
  },
  {
    name: 'exclude-internal-topics',
    description: 'By default, internal topics are included. If specified, internal topics are excluded.'
  },
  {
    name: 'partitions',
    argument: { type: 'String', name: 'partition ids' },
    description:
      'Comma separated list of partition ids to get the offsets for. If not present, all partitions of the authorized topics are queried. Cannot be used if --topic-partitions is present.'
  },
  {
    name: 'time',
    argument: {
      type: 'String',
      name: '<timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload',
      default: 'latest'
    },
    description:
      'timestamp of the offsets before that. [Note: No offset is returned, if the timestamp greater than recently committed record timestamp is given.]'
  },
  {
    name: 'topic',
    argument: { type: 'String', name: 'topic' },
    description:
      'The topic to get the offsets for. It also accepts a regular expression. If not present, all authorized topics are queried. Cannot be used if --topic-partitions is present.'
  },
  {
    name: 'topic-partitions',
    argument: { type: 'String', name: 'topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3' },
    description:
      "Comma separated list of topic-partition patterns to get the offsets for, with the format of '([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?'. The first group is an optional regex for the topic name, if omitted, it matches any topic name. The section after ':' describes a 'partition' pattern, which can be: a number, a range in the format of 'NUMBER-NUMBER' (lower inclusive, upper exclusive), an inclusive lower bound in the format of 'NUMBER-', an exclusive upper bound in the format of '-NUMBER' or may be omitted to accept all partitions."
  }
]

const places: Readonly<Record<string, OffsetSpec>> = {
  '-1': 'latest',
  latest: 'latest',
  '-2': 'earliest',
  earliest: 'earliest',
  '-3': 'maxTimestamp',
  'max-timestamp': 'maxTimestamp',
  '-4': 'earliestLocal',
  'earliest-local': 'earliestLocal',
  '-5': 'latestTiered',
  'latest-tiered': 'latestTiered',
  '-6': 'earliestPendingUpload',
  'earliest-pending-upload': 'earliestPendingUpload'
}

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  const usage = (message: string): number => {
    io.err(`${message}\n${helpTable(specs)}`)
    return 1
  }
  try {
    const options = new Options(specs, argv)
    if (argv.length === 0 || options.has('help')) return usage('An interactive shell for getting topic-partition offsets.')
    if (options.has('version')) {
      io.out(`${KAFKA_VERSION}\n`)
      return 0
    }
    options.require('bootstrap-server')
    const bootstrapServer = options.value('bootstrap-server') as string
    // Kafka's tool ends the message with an empty line.
    if (bootstrapServer.split(',').some((one) => !/:\d+$/.test(one.trim())))
      return usage('Please provide valid host:port like host1:9091,host2:9092\n')
    const [spec, matches] = [offsetSpec(options.value('time') as string), partitionFilter(options)]
    await withAdmin({ bootstrapServer, commandConfig: options.value('command-config') }, io, (admin) =>
      printOffsets(admin, io, { spec, matches, excludesInternal: options.has('exclude-internal-topics') })
    )
    return 0
  } catch (error) {
    if (error instanceof UsageError) return usage(error.message)
    io.err(`Error occurred: ${messageOf(error)}\n`)
    return 1
  }
}

type PartitionFilter = (topic: string, partition: number) => boolean

function offsetSpec(text: string): OffsetSpec {
  const place = places[text]
  if (place !== undefined) return place
  if (/^[+-]?\d{1,15}$/.test(text)) return { timestamp: Number(text) }
  throw new ToolError(
    `Malformed time argument ${text}. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload, or a specified long format timestamp`
  )
}

function partitionFilter(options: Options): PartitionFilter {
  const patterns = options.value('topic-partitions')
  const [topic, partitions] = [options.value('topic'), options.value('partitions')]
  if (patterns !== undefined) {
    if (topic !== undefined || partitions !== undefined)
      throw new ToolError('--topic-partitions cannot be used with --topic or --partitions')
    const filters = patterns.split(',').map(patternFilter)
    return (name, partition) => filters.some((matches) => matches(name, partition))
  }
  const matchesTopic = topic === undefined ? () => true : topicFilter(topic)
  if (partitions === undefined) return matchesTopic
  const ids = new Set(
    partitions.split(',').map((id) => {
      if (/^\d+$/.test(id)) return Number(id)
      throw new ToolError(`--partitions expects a comma separated list of numeric partition ids, but received: ${partitions}`)
    })
  )
  return (name, partition) => ids.has(partition) && matchesTopic(name)
}

/** `topic`, `topic:3`, `topic:0-3` (without 3), `topic:3-`, `topic:-3`; the topic is an expression, or nothing for every topic. */
function patternFilter(pattern: string): PartitionFilter {
  const match = /^([^:,]*)(?::(?:(\d*)|(?:(\d*)-(\d*))))?$/.exec(pattern)
  if (match === null) throw new ToolError(`Invalid rule specification: ${pattern}`)
  const [, topic, only, from, to] = match
  const matchesTopic = topic === '' ? () => true : topicFilter(topic)
  const lower = only || from ? Number(only || from) : 0
  const upper = only ? Number(only) + 1 : to ? Number(to) : Number.POSITIVE_INFINITY
  return (name, partition) => partition >= lower && partition < upper && matchesTopic(name)
}

interface Query {
  readonly spec: OffsetSpec
  readonly matches: PartitionFilter
  readonly excludesInternal: boolean
}

async function printOffsets(admin: Admin, io: ToolIo, { spec, matches, excludesInternal }: Query): Promise<void> {
  const names = [...(await call('listTopics', admin.listTopics({ listInternal: true }))).keys()]
  const wanted = names.filter((name) => !(excludesInternal && isInternalTopic(name)))
  const topics = wanted.length === 0 ? new Map() : await call('describeTopics', admin.describeTopics(wanted))
  const found: TopicPartition[] = []
  for (const { name: topic, partitions } of topics.values())
    for (const { partition } of partitions) if (matches(topic, partition)) found.push({ topic, partition })
  if (found.length === 0) throw new ToolError('Could not match any topic-partitions with the specified filters')
  found.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  const { values, errors } = await admin.listOffsets(found.map((one) => ({ ...one, spec }))).outcomes()
  for (const { topic, partition } of found) {
    const key = `${topic}-${partition}`
    const error = errors.get(key)
    if (error !== undefined) io.err(`Skip getting offsets for topic-partition ${key} due to error: ${javaError(error)}\n`)
    const offset = values.get(key)?.offset ?? -1
    if (offset >= 0) io.out(`${topic}:${partition}:${offset}\n`)
  }
}
