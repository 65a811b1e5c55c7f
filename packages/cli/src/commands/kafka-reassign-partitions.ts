/** kafka-reassign-partitions: moves replicas to other brokers and log directories. As Kafka's tool does it. */
import { OdradekError } from '@odradek/base'
import type { Admin, KafkaError, PartitionReassignment, TopicDescription } from '@odradek/client'
import { executionException, mapOrder, stringOrder, wrapped } from '../java.ts'
import { readFile } from '../json-input.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { executeMoves, isOngoing, logDirMoves, logDirsOf, moveText, TERSE } from '../reassign/log-dirs.ts'
import {
  byPartition,
  failed,
  keyOf,
  type PlannedPartition,
  parseExecutablePlan,
  parsePlan,
  parseTopics,
  planJson,
  repeatedIn
} from '../reassign/plan.ts'
import { clearBrokerThrottles, clearTopicThrottles, throttleLogDirs, throttleReplication } from '../reassign/throttles.ts'
import { call, messageOf, processIo, ToolError, type ToolIo, unreachable, withAdmin } from '../tool.ts'
import { checkReassignOptions, type ReassignAction, reassignOptions } from './kafka-reassign-partitions-options.ts'

const purpose = 'This tool helps to move topic partitions between replicas.'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs: reassignOptions, purpose, malformed: 'as uncaught', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const action = checkReassignOptions(options)
  try {
    const target = {
      bootstrapServer: options.value('bootstrap-server'),
      bootstrapController: options.value('bootstrap-controller'),
      commandConfig: options.value('command-config'),
      defaults: { 'client.id': 'reassign-partitions-tool' }
    }
    await withAdmin(target, io, (admin) => actions[action]({ admin, options, io }))
    return 0
  } catch (error) {
    if (!(error instanceof OdradekError) || error instanceof UsageError) throw error
    const isTerse = error instanceof ToolError && error.javaClass === TERSE
    io.out(`${isTerse ? '' : 'Error: '}${messageOf(error)}\n`)
    return 1
  }
}

interface Context {
  readonly admin: Admin
  readonly options: Options
  readonly io: ToolIo
}

const actions: Readonly<Record<ReassignAction, (context: Context) => Promise<void>>> = {
  verify,
  generate,
  execute,
  cancel,
  async list({ admin, io }) {
    const found = [...(await reassignments(admin)).values()].sort(byPartition)
    io.out(found.length === 0 ? 'No partition reassignments found.\n' : `Current partition reassignments:\n${found.map(line).join('')}`)
  }
}

const planText = ({ options, io }: Context): string => readFile(options.value('reassignment-json-file') as string, io)

function reassignments(admin: Admin): Promise<ReadonlyMap<string, PartitionReassignment>> {
  return wrapped(call('listPartitionReassignments', admin.listPartitionReassignments()), executionException)
}

const line = (one: PartitionReassignment): string => {
  const part = (name: string, ids: readonly number[]): string => (ids.length === 0 ? '' : ` ${name}: ${ids}.`)
  return `${keyOf(one)}: replicas: ${one.replicas}.${part('adding', one.addingReplicas)}${part('removing', one.removingReplicas)}\n`
}

const hashedIds = (ids: readonly number[]): number[] => mapOrder([...new Set(ids)], (id) => id)

async function nodeIds(admin: Admin): Promise<number[]> {
  const { nodes } = await wrapped(call('listNodes', admin.describeCluster()), executionException)
  return nodes.map(({ id }) => id)
}

/** Topics that do not exist are left out. */
async function existingTopics(admin: Admin, names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
  const { values, errors } = await admin.describeTopics([...new Set(names)]).outcomes()
  const other = [...errors.values()].find(({ code }) => code !== 'UNKNOWN_TOPIC_OR_PARTITION')
  if (other !== undefined) throw executionException(unreachable('listNodes', other))
  return values
}

const unknownTopic = (message: string): ToolError =>
  executionException(new ToolError(message, 'org.apache.kafka.common.errors.UnknownTopicOrPartitionException'))

async function describeTopics(admin: Admin, names: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
  const found = await existingTopics(admin, names)
  const missing = stringOrder([...new Set(names)]).find((name) => !found.has(name))
  if (missing !== undefined) throw unknownTopic(`Topic ${missing} not found.`)
  return found
}

interface CurrentPartitions {
  readonly partitions: readonly PlannedPartition[]
  isAvailable(brokerId: number): boolean
}

function currentPartitions(topics: Iterable<TopicDescription>, isWanted: (key: string) => boolean = () => true): CurrentPartitions {
  const gone = new Set<number>()
  const partitions = [...topics].flatMap(({ name: topic, partitions: infos }) =>
    infos.map(({ partition, replicas }) => {
      for (const { id, host, port } of replicas) if (host === '' || port < 0) gone.add(id)
      return { topic, partition, replicas: replicas.map(({ id }) => id) }
    })
  )
  return { partitions: partitions.filter((one) => isWanted(keyOf(one))), isAvailable: (id) => !gone.has(id) }
}

// ---- verify and cancel

async function verify(context: Context): Promise<void> {
  const { admin, options, io } = context
  const plan = parsePlan(planText(context))
  const ongoing = await reassignments(admin)
  const settled = plan.partitions.filter((one) => !ongoing.has(keyOf(one)))
  const topics = await existingTopics(
    admin,
    settled.map(({ topic }) => topic)
  )
  io.out('Status of partition reassignment:\n')
  for (const one of new Map(plan.partitions.map((planned) => [keyOf(planned), planned])).values().toArray().sort(byPartition)) {
    const replicas = topics.get(one.topic)?.partitions.find(({ partition }) => partition === one.partition)?.replicas ?? []
    io.out(`${stateText(one, ongoing.has(keyOf(one)) ? undefined : replicas.map(({ id }) => id))}\n`)
  }
  const moves = await logDirMoves(admin, plan.directories)
  io.out(`${moves.map(moveText).join('\n')}\n`)
  if (ongoing.size === 0 && !moves.some(isOngoing) && !options.has('preserve-throttles')) await clearThrottles(context, plan.partitions)
}

/** `current`: undefined while it moves. */
function stateText(planned: PlannedPartition, current: readonly number[] | undefined): string {
  const key = keyOf(planned)
  if (current === undefined) return `Reassignment of partition ${key} is still in progress.`
  if (current.join() === planned.replicas.join()) return `Reassignment of partition ${key} is completed.`
  return `There is no active reassignment of partition ${key}, but replica set is ${current.join(',')} rather than ${planned.replicas.join(',')}.`
}

const plural = (count: number): string => (count === 1 ? '' : 's')

/** All of them: nothing says which brokers the replicas came from. */
async function clearThrottles({ admin, io }: Context, partitions: readonly PlannedPartition[]): Promise<void> {
  const brokers = hashedIds([...(await nodeIds(admin)), ...partitions.flatMap(({ replicas }) => replicas)])
  io.out(`Clearing broker-level throttles on broker${plural(brokers.length)} ${brokers}\n`)
  await clearBrokerThrottles(admin, brokers)
  const topics = stringOrder([...new Set(partitions.map(({ topic }) => topic))])
  io.out(`Clearing topic-level throttles on topic${plural(topics.length)} ${topics}\n`)
  await clearTopicThrottles(admin, topics)
}

async function cancel(context: Context): Promise<void> {
  const { admin, options, io } = context
  const plan = parsePlan(planText(context))
  const listed = await wrapped(call('listPartitionReassignments', admin.listPartitionReassignments(plan.partitions)), executionException)
  const active = [...listed.values()].filter((one) => one.addingReplicas.length + one.removingReplicas.length > 0).sort(byPartition)
  if (active.length > 0) {
    const cancellations = active.map(({ topic, partition }) => ({ topic, partition, targetReplicas: null }))
    const { errors } = await admin.alterPartitionReassignments(cancellations).outcomes()
    if (errors.size > 0) throw partitionFailures(`Error cancelling partition reassignment${plural(errors.size)} for:`, active, errors)
    io.out(`Successfully cancelled partition reassignment${plural(active.length)} for: ${active.map(keyOf)}\n`)
  } else io.out('None of the specified partition reassignments are active.\n')
  const moves = (await logDirMoves(admin, plan.directories)).flatMap(({ target, current, future }) =>
    current === undefined || future === undefined ? [] : [{ ...target, logDir: current }]
  )
  if (moves.length > 0) await executeMoves(admin, moves, options.integer('timeout') as number, io)
  // Without an end of the line, as in Kafka's tool.
  else io.out('None of the specified partition moves are active.')
  if (!options.has('preserve-throttles')) await clearThrottles(context, plan.partitions)
}

function partitionFailures(
  title: string,
  partitions: readonly { topic: string; partition: number }[],
  errors: ReadonlyMap<string, KafkaError>
): ToolError {
  const lines = partitions.toSorted(byPartition).flatMap((one) => {
    const error = errors.get(keyOf(one))
    return error === undefined ? [] : [`${keyOf(one)}: ${messageOf(unreachable('alterPartitionReassignments', error))}`]
  })
  return new ToolError(`${title}\n${lines.join('\n')}`, TERSE)
}

// ---- generate

async function generate({ admin, options, io }: Context): Promise<void> {
  const text = readFile(options.value('topics-to-move-json-file') as string, io)
  const brokers = (options.value('broker-list') as string).split(',').map(brokerId)
  const repeated = repeatedIn(brokers)
  if (repeated.length > 0) throw failed(`Broker list contains duplicate entries: [${repeated.join(', ')}]`)
  const topics = await describeTopics(admin, parseTopics(text))
  const { partitions, isAvailable } = currentPartitions(topics.values())
  const logDirs = await logDirsOf(admin, partitions, isAvailable)
  const proposed = await place(admin, { topics, brokers, isRackAware: !options.has('disable-rack-aware') })
  io.out(`Current partition replica assignment\n${planJson(partitions, logDirs)}\n\n`)
  io.out(`Proposed partition reassignment configuration\n${planJson(proposed, new Map())}\n`)
}

function brokerId(text: string): number {
  if (/^[+-]?\d{1,9}$/.test(text)) return Number(text)
  throw new ToolError(`For input string: "${text}"`, 'java.lang.NumberFormatException')
}

interface Placement {
  readonly topics: ReadonlyMap<string, TopicDescription>
  readonly brokers: readonly number[]
  readonly isRackAware: boolean
}

/** As a controller places the replicas of a new topic, on these brokers only. */
async function place(admin: Admin, { topics, brokers, isRackAware }: Placement): Promise<PlannedPartition[]> {
  const { nodes } = await wrapped(call('listNodes', admin.describeCluster()), executionException)
  const usable = nodes
    .filter(({ id }) => brokers.includes(id))
    .map(({ id, rack }) => ({ id, rack: isRackAware ? rack : null, fenced: false }))
  const rackless = usable.filter(({ rack }) => rack === null).length
  if (isRackAware && rackless > 0 && rackless < usable.length)
    throw new ToolError(
      'Not all brokers have rack information. Add --disable-rack-aware in command line to make replica assignment without rack information.',
      'org.apache.kafka.server.common.AdminOperationException'
    )
  const [{ placeReplicas }, { randomInt }] = await Promise.all([import('@odradek/metadata'), import('node:crypto')])
  return [...topics.values()].flatMap(({ name: topic, partitions }) => {
    const replicationFactor = partitions[0]?.replicas.length ?? 0
    const placed = placeReplicas({ partitions: partitions.length, replicationFactor, brokers: usable, randomBelow: randomInt })
    if ('error' in placed) throw new ToolError(placed.error.errorMessage ?? '')
    return placed.replicas.map((replicas, partition) => ({ topic, partition, replicas }))
  })
}

// ---- execute

const existing =
  'Cannot execute because there is an existing partition assignment.  Use --additional to override this and create a new partition assignment in addition to the existing one. The --additional flag can also be used to change the throttle by resubmitting the current reassignment.'
const remember = 'Warning: You must run --verify periodically, until the reassignment completes, to ensure the throttle is removed.'

async function execute(context: Context): Promise<void> {
  const { admin, options, io } = context
  const text = planText(context)
  const [rate, logDirRate] = [options.integer('throttle') as number, options.integer('replica-alter-log-dirs-throttle') as number]
  const timeoutMs = options.integer('timeout') as number
  const plan = parseExecutablePlan(text)
  const proposed = plan.partitions.toSorted(byPartition)
  const ongoing = await reassignments(admin)
  if (!options.has('additional') && ongoing.size > 0) throw new ToolError(existing, TERSE)
  const known = await nodeIds(admin)
  const unknown = hashedIds(proposed.flatMap(({ replicas }) => replicas)).find((id) => !known.includes(id))
  if (unknown !== undefined) throw failed(`Unknown broker id ${unknown}`)
  const current = await currentOf(admin, proposed)
  const logDirs = await logDirsOf(admin, current.partitions, current.isAvailable)
  io.out(
    `Current partition replica assignment\n\n${planJson(current.partitions, logDirs)}\n\nSave this to use as the --reassignment-json-file option during rollback\n`
  )
  if (rate >= 0 || logDirRate >= 0) io.out(`${remember}\n`)
  if (rate >= 0) await throttleReplication(admin, { reassignments: ongoing, current: current.partitions, proposed }, rate, io)
  if (logDirRate >= 0) await throttleLogDirs(admin, new Set(plan.directories.map(({ brokerId: id }) => id)), logDirRate, io)
  await start(context, proposed)
  if (plan.directories.length > 0) await executeMoves(admin, plan.directories, timeoutMs, io)
}

/** How these partitions lie now. */
async function currentOf(admin: Admin, wanted: readonly PlannedPartition[]): Promise<CurrentPartitions> {
  const keys = new Set(wanted.map(keyOf))
  const topics = await describeTopics(
    admin,
    wanted.map(({ topic }) => topic)
  )
  const current = currentPartitions(topics.values(), (key) => keys.has(key))
  for (const { topic, partition } of current.partitions) keys.delete(`${topic}-${partition}`)
  const missing = wanted.map(keyOf).filter((key) => keys.has(key))
  if (missing.length > 0) throw unknownTopic(`Unable to find partition: ${missing.join(', ')}`)
  return currentPartitions(topics.values(), (key) => wanted.some((one) => keyOf(one) === key))
}

async function start({ admin, options, io }: Context, proposed: readonly PlannedPartition[]): Promise<void> {
  const wanted = proposed.map(({ topic, partition, replicas }) => ({ topic, partition, targetReplicas: replicas }))
  const allowReplicationFactorChange = !options.has('disallow-replication-factor-change')
  const { errors } = await admin.alterPartitionReassignments(wanted, { allowReplicationFactorChange }).outcomes()
  if (errors.size > 0) throw partitionFailures('Error reassigning partition(s):', proposed, errors)
  io.out(`Successfully started partition reassignment${plural(proposed.length)} for ${proposed.map(keyOf)}\n`)
}
