/** kafka-replica-verification: compares what the replicas of partitions hold. Flags, output and exit codes are those of Kafka's tool. */
import type { Admin, OffsetSpec, TopicDescription } from '@odradek/client'
import type { OptionSpec, Options } from '../options.ts'
import { helpAndVersion, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { dateFormat } from '../perf/date-format.ts'
import { ReplicaReader } from '../replicas/replica-reader.ts'
import { type Replicas, ReplicaVerifier } from '../replicas/replica-verifier.ts'
import { exitCodeOf, logError, messageOf, processIo, ToolError, type ToolIo, timeOfLog, topicFilter, withAdmin } from '../tool.ts'

const LOGGER = 'org.apache.kafka.tools.ReplicaVerificationTool'

const specs: readonly OptionSpec[] = [
  ...helpAndVersion,
  {
    name: 'broker-list',
    argument: { type: 'String', name: 'hostname:port,...,hostname:port' },
    description: 'REQUIRED: The list of hostname and port of the server to connect to.'
  },
  {
    name: 'fetch-size',
    argument: { type: 'Integer', name: 'bytes', default: '1048576' },
    description: 'The fetch size of each request.'
  },
  {
    name: 'max-wait-ms',
    argument: { type: 'Integer', name: 'ms', default: '1000' },
    description: 'The max amount of time each fetch request waits.'
  },
  {
    name: 'topics-include',
    argument: { type: 'String', name: 'Java regex (String)', default: '.*' },
    description: 'List of topics to verify replica consistency.'
  },
  {
    name: 'time',
    argument: { type: 'Long', name: 'timestamp/-1(latest)/-2(earliest)', default: '-1' },
    description: 'Timestamp for getting the initial offsets.'
  },
  {
    name: 'report-interval-ms',
    argument: { type: 'Long', name: 'ms', default: '30000' },
    description: 'The reporting interval.'
  }
]

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  io.err(`[${timeOfLog()}] WARN This tool is deprecated and may be removed in a future major release. (${LOGGER})\n`)
  const purpose = 'Validate that all replicas for a set of topics have the same data.'
  return runOptionsTool({ specs, purpose, run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  options.require('broker-list')
  const brokers = options.value('broker-list') as string
  if (brokers.split(',').some((one) => !/:\d+$/.test(one.trim())))
    throw new UsageError('Please provide valid host:port like host1:9091,host2:9092\n')
  try {
    return await withAdmin({ bootstrapServer: brokers }, io, (admin) => verify(admin, options, io))
  } catch (error) {
    if (io.signal.aborted) return exitCodeOf(io.signal)
    io.err(`${messageOf(error)}\n`)
    return 1
  }
}

async function verify(admin: Admin, options: Options, io: ToolIo): Promise<number> {
  const topics = await topicsOf(admin, topicFilter(options.value('topics-include') as string))
  if (topics.length === 0) {
    logError(io, 'No topics found. [topics-include] if specified, is either filtering out all topics or there is no topic.', LOGGER)
    return 1
  }
  const replicas = await replicasOf(admin, topics, options.integer('time') as number)
  const { nodes } = await admin.describeCluster()
  const brokerIds = new Set(replicas.flatMap((each) => each.brokers))
  const limits = { maxBytes: options.integer('fetch-size') as number, maxWaitMs: options.integer('max-wait-ms') as number }
  const readers = nodes.filter(({ id }) => brokerIds.has(id)).map(({ id, host, port }) => new ReplicaReader({ id, host, port }, limits))
  const now = dateFormat('yyyy-MM-dd HH:mm:ss,SSS')
  const print = (text: string): void => io.out(`${now(Date.now())}: ${text}\n`)
  const verifier = new ReplicaVerifier(replicas, print, options.integer('report-interval-ms') as number)
  print('verification process is started')
  try {
    while (!io.signal.aborted) {
      const answers = await Promise.all(
        readers.map(async (reader) => ({
          brokerId: reader.brokerId,
          partitions: await reader.fetch(verifier.wantedOf(reader.brokerId), io.signal)
        }))
      )
      for (const { brokerId, partitions } of answers) verifier.add(brokerId, partitions)
      if (!verifier.verify()) return 1
    }
  } finally {
    for (const reader of readers) reader.close()
  }
  return exitCodeOf(io.signal)
}

async function topicsOf(admin: Admin, matches: (topic: string) => boolean): Promise<readonly TopicDescription[]> {
  const names = [...(await admin.listTopics({ listInternal: true })).keys()].filter(matches)
  return names.length === 0 ? [] : [...(await admin.describeTopics(names)).values()]
}

const places: Readonly<Record<number, OffsetSpec>> = { [-1]: 'latest', [-2]: 'earliest' }

async function replicasOf(admin: Admin, topics: readonly TopicDescription[], time: number): Promise<readonly Replicas[]> {
  const spec = places[time] ?? { timestamp: time }
  const partitions = topics.flatMap(({ name, topicId, partitions: own }) =>
    own.map(({ partition, replicas }) => ({ topic: name, topicId, partition, brokers: replicas.map(({ id }) => id) }))
  )
  const offsets = await admin.listOffsets(partitions.map(({ topic, partition }) => ({ topic, partition, spec })))
  return partitions.map((each) => {
    const offset = offsets.get(`${each.topic}-${each.partition}`)?.offset ?? -1
    if (offset < 0)
      throw new ToolError(`${each.topic}-${each.partition} has no record at or after ${time}`, 'java.lang.NullPointerException')
    return { ...each, offset }
  })
}
