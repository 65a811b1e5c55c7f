/** kafka-topics: lists, describes, creates, alters and deletes topics. Flags, output and exit codes are those of Kafka's tool. */
import type { Admin, ConfigEntry, NewTopic, PartitionReassignment, TopicDescription, TopicPartitionInfo } from '@odradek/client'
import { nameOrder, parseUuid } from '../java.ts'
import { helpTable, Options, UsageError } from '../options.ts'
import {
  call,
  firstOf,
  isInternalTopic,
  javaError,
  KAFKA_VERSION,
  logError,
  messageOf,
  processIo,
  ToolError,
  type ToolIo,
  topicFilter,
  withAdmin
} from '../tool.ts'
import { checkTopicsOptions, type TopicsAction, topicsOptions } from './kafka-topics-options.ts'

const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

export async function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  const usage = (message: string): number => {
    io.err(`${message}\n${helpTable(topicsOptions)}`)
    return 1
  }
  try {
    const options = new Options(topicsOptions, argv)
    if (argv.length === 0) return usage('Create, delete, describe, or change a topic.')
    if (options.has('help')) return usage('This tool helps to create, delete, describe, or change a topic.')
    if (options.has('version')) {
      io.out(`${KAFKA_VERSION}\n`)
      return 0
    }
    const action = checkTopicsOptions(options)
    if (options.has('delete-config')) io.err('delete-config option is no longer supported and has been deprecated since version 4.0.\n')
    const target = { bootstrapServer: options.value('bootstrap-server'), commandConfig: options.value('command-config') }
    return await withAdmin(target, io, (admin) => run(action, { admin, options, io }))
  } catch (error) {
    if (error instanceof UsageError) return usage(error.message)
    io.err(`${messageOf(error)}\n`)
    return 1
  }
}

interface Context {
  readonly admin: Admin
  readonly options: Options
  readonly io: ToolIo
}

async function run(action: TopicsAction, context: Context): Promise<number> {
  try {
    await actions[action](context)
    return 0
  } catch (error) {
    context.io.out(`Error while executing topic command : ${messageOf(error)}\n`)
    logError(context.io, `${javaError(error)}\n`, 'org.apache.kafka.tools.TopicCommand')
    return 1
  }
}

const actions: Readonly<Record<TopicsAction, (context: Context) => Promise<void>>> = {
  async list(context) {
    context.io.out(`${(await topicNames(context)).join('\n')}\n`)
  },
  create,
  describe,
  async alter(context) {
    const topics = await requiredTopics(context)
    if (topics.length === 0) return
    const { admin, options } = context
    const totalCount = options.integer('partitions') ?? 0
    const text = options.value('replica-assignment')
    const wanted: Record<string, { totalCount: number; assignments?: readonly (readonly number[])[] }> = {}
    const described = await call('describeTopics', admin.describeTopics(topics))
    for (const [name, { partitions }] of described) {
      const assignments = text === undefined ? undefined : replicaAssignment(text).slice(partitions.length)
      wanted[name] = { totalCount, assignments }
    }
    await call('createPartitions', admin.createPartitions(wanted, { retryOnQuotaViolation: false }))
  },
  async delete(context) {
    const topics = await requiredTopics(context)
    if (topics.length > 0) await call('deleteTopics', context.admin.deleteTopics(topics, { retryOnQuotaViolation: false }))
  }
}

/** The topics that --topic means, all without it; sorted. */
async function topicNames({ admin, options }: Context): Promise<string[]> {
  const expression = options.value('topic')
  const matches = expression === undefined ? () => true : topicFilter(expression)
  const excludesInternal = options.has('exclude-internal')
  const topics = await call('listTopics', admin.listTopics({ listInternal: true }))
  return [...topics.keys()].filter((name) => matches(name) && !(excludesInternal && isInternalTopic(name)))
}

async function requiredTopics(context: Context): Promise<string[]> {
  const topics = await topicNames(context)
  const expression = context.options.value('topic')
  if (topics.length === 0 && expression !== undefined && !context.options.has('if-exists'))
    throw new ToolError(`Topic '${expression}' does not exist as expected`)
  return topics
}

async function create({ admin, options, io }: Context): Promise<void> {
  const name = options.value('topic') as string
  const text = options.value('replica-assignment')
  const replicasAssignments = text === undefined ? undefined : { ...replicaAssignment(text) }
  const [numPartitions, replicationFactor] = [options.integer('partitions'), options.integer('replication-factor')]
  const configs = await topicConfigs(options.values('config'))
  if (/[._]/.test(name)) {
    io.out(
      "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. To avoid issues it is best to use either, but not both.\n"
    )
  }
  if (replicationFactor !== undefined && (replicationFactor < 1 || replicationFactor > 32_767))
    throw new ToolError('The replication factor must be between 1 and 32767 inclusive')
  if (numPartitions !== undefined && numPartitions < 1) throw new ToolError('The partitions must be greater than 0')
  const topic: NewTopic = { name, numPartitions, replicationFactor, replicasAssignments, configs }
  try {
    await call('createTopics', admin.createTopics([topic], { retryOnQuotaViolation: false }))
  } catch (error) {
    const isThere = (firstOf(error) as { code?: string }).code === 'TOPIC_ALREADY_EXISTS'
    if (isThere && options.has('if-not-exists')) return
    throw error
  }
  io.out(`Created topic ${name}.\n`)
}

async function topicConfigs(texts: readonly string[]): Promise<Record<string, string>> {
  const configs: Record<string, string> = {}
  if (texts.length === 0) return configs
  const { validateTopicConfig } = await import('@odradek/config')
  for (const text of texts) {
    const parts = text.split(/\s*=\s*/)
    if (parts.length !== 2 || parts[1] === '')
      throw new ToolError('requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".')
    configs[parts[0].trim()] = parts[1].trim()
  }
  for (const [name, value] of Object.entries(configs)) {
    const wrong = validateTopicConfig(name, value)
    const isUnknown = wrong?.startsWith('Unknown topic config') === true
    const javaClass = isUnknown
      ? 'org.apache.kafka.common.errors.InvalidConfigurationException'
      : 'org.apache.kafka.common.config.ConfigException'
    if (wrong !== undefined) throw new ToolError(wrong, javaClass)
  }
  return configs
}

/** `1:2,2:1` as the brokers of each partition. */
function replicaAssignment(text: string): number[][] {
  const assignment = text.split(',').map((partition) => partition.split(':').map((id) => brokerId(id.trim())))
  for (const [partition, brokers] of assignment.entries()) {
    const repeated = [...new Set(brokers.filter((id, index) => brokers.indexOf(id) !== index))]
    if (repeated.length > 0) {
      const message = `Partition replica lists may not contain duplicate entries: ${repeated.join(', ')}`
      throw new ToolError(message, 'org.apache.kafka.tools.AdminCommandFailedException')
    }
    if (brokers.length !== assignment[0].length) {
      const message = `Partition ${partition} has different replication factor: [${brokers.join(', ')}]`
      throw new ToolError(message, 'org.apache.kafka.tools.AdminOperationException')
    }
  }
  return assignment
}

function brokerId(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text)
  throw new ToolError(`For input string: "${text}"`, 'java.lang.NumberFormatException')
}

/** The topics to describe, in the order of Kafka's tool. */
async function describedTopics(context: Context): Promise<TopicDescription[]> {
  const { admin, options } = context
  const asked = options.value('topic-id')
  if (asked !== undefined) {
    const id = parseUuid(asked)
    if (id !== ZERO_UUID) {
      const listings = await call('listTopics', admin.listTopics({ listInternal: true }))
      const found = [...listings.values()].filter(
        ({ topicId, name }) => topicId === id && !(options.has('exclude-internal') && isInternalTopic(name))
      )
      if (found.length === 0 && !options.has('if-exists')) throw new ToolError(`TopicId '${id}' does not exist as expected`)
      if (found.length === 0) return []
      return [...(await call('describeTopics', admin.describeTopics({ topicIds: [id] }))).values()]
    }
  }
  const names = await requiredTopics(context)
  if (names.length === 0) return []
  const partitionSizeLimitPerResponse = options.integer('partition-size-limit-per-response')
  const described = await call('describeTopics', admin.describeTopics(names, { partitionSizeLimitPerResponse }))
  return nameOrder([...described.values()], ({ name }) => name, 1)
}

async function describe(context: Context): Promise<void> {
  const { admin, options, io } = context
  const topics = await describedTopics(context)
  if (topics.length === 0) return
  const resources = topics.map(({ name }) => ({ type: 'TOPIC' as const, name }))
  const [configs, moves, cluster] = await Promise.all([
    call('describeConfigs', admin.describeConfigs(resources)),
    reassignments(admin, topics),
    call('describeCluster', admin.describeCluster())
  ])
  const alive = new Set(cluster.nodes.map(({ id }) => id))
  const isReport = ['under-replicated', 'under-min-isr', 'at-min-isr', 'unavailable'].some((kind) => options.has(`${kind}-partitions`))
  for (const topic of topics) {
    const entries = [...(configs.get(`TOPIC:${topic.name}`)?.entries.values() ?? [])]
    const move = (partition: number): PartitionReassignment | undefined => moves.get(`${topic.name}-${partition}`)
    if (!isReport) {
      const set = entries.some(({ isDefault }) => !isDefault)
      if (set || !options.has('topics-with-overrides')) io.out(topicLine(topic, entries, move(0)))
    }
    if (options.has('topics-with-overrides')) continue
    const minIsr = Number(entries.find(({ name }) => name === 'min.insync.replicas')?.value ?? 1)
    for (const info of topic.partitions) {
      const isShown = !isReport || isReported(options, info, move(info.partition), minIsr, alive)
      if (isShown) io.out(partitionLine(topic.name, info, move(info.partition)))
    }
  }
}

/** What is being moved; nothing where this client may not know. */
async function reassignments(admin: Admin, topics: readonly TopicDescription[]): Promise<ReadonlyMap<string, PartitionReassignment>> {
  const all = topics.flatMap(({ name: topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition })))
  try {
    return await admin.listPartitionReassignments(all)
  } catch (error) {
    if (['UNSUPPORTED_VERSION', 'CLUSTER_AUTHORIZATION_FAILED'].includes((error as { code?: string }).code ?? '')) return new Map()
    throw error
  }
}

const replicaCount = ({ replicas }: TopicPartitionInfo, move: PartitionReassignment | undefined): number =>
  replicas.length - (move?.addingReplicas.length ?? 0)

function isReported(
  options: Options,
  info: TopicPartitionInfo,
  move: PartitionReassignment | undefined,
  minIsr: number,
  alive: ReadonlySet<number>
): boolean {
  const { leader, isr } = info
  return (
    (options.has('under-replicated-partitions') && replicaCount(info, move) > isr.length) ||
    (options.has('under-min-isr-partitions') && (leader === undefined || isr.length < minIsr)) ||
    (options.has('at-min-isr-partitions') && isr.length === minIsr) ||
    (options.has('unavailable-partitions') && (leader === undefined || !alive.has(leader.id)))
  )
}

function topicLine(
  { name, topicId, partitions }: TopicDescription,
  entries: ConfigEntry[],
  move: PartitionReassignment | undefined
): string {
  const set = nameOrder(entries, (entry) => entry.name).filter(({ isDefault }) => !isDefault)
  const configs = set.map((entry) => `${entry.name}=${entry.value}`).join(',')
  const factor = partitions.length === 0 ? 0 : replicaCount(partitions[0], move)
  return `Topic: ${name}\tTopicId: ${topicId}\tPartitionCount: ${partitions.length}\tReplicationFactor: ${factor}\tConfigs: ${configs}\n`
}

function partitionLine(topic: string, info: TopicPartitionInfo, move: PartitionReassignment | undefined): string {
  const ids = (nodes: readonly { id: number }[] | undefined): string => nodes?.map(({ id }) => id).join(',') ?? 'N/A'
  const columns = [
    `Topic: ${topic}`,
    `Partition: ${info.partition}`,
    `Leader: ${info.leader?.id ?? 'none'}`,
    `Replicas: ${ids(info.replicas)}`,
    `Isr: ${ids(info.isr)}`
  ]
  if (move !== undefined)
    columns.push(`Adding Replicas: ${move.addingReplicas.join(',')}`, `Removing Replicas: ${move.removingReplicas.join(',')}`)
  columns.push(`Elr: ${ids(info.elr)}`, `LastKnownElr: ${ids(info.lastKnownElr)}`)
  return `\t${columns.join('\t')}\n`
}
