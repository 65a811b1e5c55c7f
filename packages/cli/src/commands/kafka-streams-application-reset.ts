/**
 * kafka-streams-application-reset: sets the offsets of a Kafka Streams application back and deletes the topics that Streams made for it.
 * Flags, output and exit codes are those of Kafka's tool.
 */
import { OdradekError } from '@odradek/base'
import type { Admin, MemberDescription, TopicPartition } from '@odradek/client'
import { partitionKey } from '@odradek/client/admin'
import { isInternalTopicOf } from '../groups/internal-topics.ts'
import type { PartitionOffset } from '../groups/reset.ts'
import { executionException, nameOrder, parseDateTime, parseDuration, partitionOrder, stringOrder, wrapped } from '../java.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { call, firstOf, javaError, processIo, readInput, ToolError, type ToolIo, withAdmin } from '../tool.ts'
import { applicationResetOptions, checkApplicationResetOptions, purpose, scenarios } from './kafka-streams-application-reset-options.ts'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs: applicationResetOptions, purpose, malformed: 'with table', run }, argv, io)
}

interface Context {
  readonly admin: Admin
  readonly options: Options
  readonly io: ToolIo
  readonly applicationId: string
}

async function run(options: Options, io: ToolIo): Promise<number> {
  checkApplicationResetOptions(options)
  try {
    const applicationId = options.value('application-id') as string
    if (options.has('config-file'))
      io.out('Option --config-file has been deprecated and will be removed in a future version. Use --command-config instead.\n')
    const target = {
      bootstrapServer: options.value('bootstrap-server') ?? 'localhost:9092',
      commandConfig: options.value('config-file') ?? options.value('command-config')
    }
    return await withAdmin(target, io, (admin) => resetApplication({ admin, options, io, applicationId }))
  } catch (error) {
    if (!(error instanceof OdradekError) || error instanceof UsageError) throw error
    io.err(`ERROR: ${javaError(error)}\n`)
    return 1
  }
}

async function resetApplication(context: Context): Promise<number> {
  const { admin, options, io } = context
  await requireNoMembers(context)
  const topics = stringOrder([...(await wrapped(call('listTopics', admin.listTopics()), executionException)).keys()])
  if (options.has('dry-run')) io.out('----Dry run displays the actions which will be performed when running Streams Reset Tool----\n')
  const exitCode = await resetOffsets(context, topics)
  await deleteInternalTopics(context, topics)
  return exitCode
}

const DESCRIBE_TIMEOUT_MS = 10_000

async function requireNoMembers({ admin, options, io, applicationId }: Context): Promise<void> {
  let members: readonly MemberDescription[]
  try {
    const described = admin.describeConsumerGroups([applicationId], { timeoutMs: DESCRIBE_TIMEOUT_MS })
    members = (await call('describeConsumerGroups(api=FIND_COORDINATOR)', described)).get(applicationId)?.members ?? []
  } catch (error) {
    if ((firstOf(error) as { code?: string }).code === 'GROUP_ID_NOT_FOUND') return
    throw executionException(error)
  }
  if (members.length === 0) return
  if (!options.has('force'))
    throw new ToolError(
      `Consumer group '${applicationId}' is still active and has following members: [${members.map(memberText).join(', ')}]. Make sure to stop all running application instances before running the reset tool. You can use option '--force' to remove active members from the group.`,
      'java.lang.IllegalStateException'
    )
  io.out(`Force deleting all active members in the group: ${applicationId}\n`)
  await wrapped(admin.removeMembersFromConsumerGroup(applicationId), executionException)
}

function memberText(member: MemberDescription): string {
  const partitions = (own: readonly TopicPartition[]): string =>
    `(topicPartitions=${own.map(({ topic, partition }) => partitionKey(topic, partition)).join(',')})`
  const { consumerId, groupInstanceId, rackId, clientId, host, assignment, targetAssignment, memberEpoch, isUpgraded } = member
  const target = targetAssignment === undefined ? 'Optional.empty' : `Optional[${partitions(targetAssignment)}]`
  return `(memberId=${consumerId}, groupInstanceId=${groupInstanceId ?? 'null'}, rackId=${rackId ?? 'null'}, clientId=${clientId}, host=${host}, assignment=${partitions(assignment)}, targetAssignment=${target}, memberEpoch=${memberEpoch ?? 'null'}, upgraded=${isUpgraded ?? 'null'})`
}

// ---- offsets

const listText = (names: readonly string[]): string => `[${names.join(', ')}]`

/** The exit code: topics that do not exist are left out, and make it 1. */
async function resetOffsets(context: Context, topics: readonly string[]): Promise<number> {
  const { admin, options, io, applicationId } = context
  const input = options.values('input-topics')
  const intermediate = options.values('intermediate-topics')
  if (options.has('intermediate-topics')) io.out('WARN: `--intermediate-topics` is deprecated and will be removed in a future release\n')
  if (input.length === 0 && intermediate.length === 0) {
    io.out('No input or intermediate topics specified. Skipping seek.\n')
    return 0
  }
  if (input.length > 0) io.out(`Reset-offsets for input topics ${listText(input)}\n`)
  if (intermediate.length > 0) io.out(`Seek-to-end for intermediate topics ${listText(intermediate)}\n`)
  const absent = (names: readonly string[]): readonly string[] => names.filter((name) => !topics.includes(name))
  tellAbsent(io, 'input', absent(input), 'Topic: ')
  tellAbsent(io, 'intermediate', absent(intermediate), 'Topic:')
  const named = [...input, ...intermediate]
  const present = nameOrder(
    [...new Set(named)].filter((name) => topics.includes(name)),
    (name) => name,
    2 ** Math.ceil(Math.log2(named.length))
  )
  const exitCode = absent(named).length > 0 ? 1 : 0
  if (present.length === 0) return exitCode
  const described = await admin.describeTopics(present)
  const partitions = present.flatMap((topic) =>
    (described.get(topic)?.partitions ?? []).map(({ partition }): TopicPartition => ({ topic, partition }))
  )
  const inputPartitions = partitionOrder(partitions.filter(({ topic }) => input.includes(topic)))
  const offsets = inputPartitions.length > 0 ? await inputOffsets(context, inputPartitions) : []
  const skipped = partitionOrder(partitions.filter(({ topic }) => !input.includes(topic)))
  if (skipped.length > 0) io.out(`Following intermediate topics offsets will be reset to end (for consumer group ${applicationId})\n`)
  for (const { topic } of skipped) io.out(`Topic: ${topic}\n`)
  if (!options.has('dry-run')) {
    const ends = await offsetsAt(admin, skipped, 'latest')
    await admin.alterConsumerGroupOffsets(applicationId, [...offsets, ...ends])
  }
  io.out('Done.\n')
  return exitCode
}

function tellAbsent(io: ToolIo, what: string, names: readonly string[], before: string): void {
  if (names.length === 0) return
  io.out(`Following ${what} topics are not found, skipping them\n`)
  for (const name of names) io.out(`${before}${name}\n`)
}

async function inputOffsets(context: Context, partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]> {
  const { options, io, applicationId } = context
  io.out(`Following input topics offsets will be reset to (for consumer group ${applicationId})\n`)
  const scenario = scenarios.find((name) => options.has(name)) ?? 'to-earliest'
  let offsets: readonly PartitionOffset[]
  try {
    offsets = await plans[scenario](context, partitions)
  } catch (error) {
    const isPlan = ['java.text.ParseException', 'java.io.IOException'].includes((error as Partial<ToolError>).javaClass ?? '')
    if (isPlan) io.err('ERROR: Resetting offsets failed.\n')
    throw error
  }
  for (const { topic, partition, offset } of offsets) io.out(`Topic: ${topic} Partition: ${partition} Offset: ${offset}\n`)
  return offsets
}

async function offsetsAt(
  admin: Admin,
  partitions: readonly TopicPartition[],
  spec: 'earliest' | 'latest' | { readonly timestamp: number }
): Promise<PartitionOffset[]> {
  const listed = await admin.listOffsets(partitions.map(({ topic, partition }) => ({ topic, partition, spec })))
  return [...listed.values()].map(({ topic, partition, offset }) => ({ topic, partition, offset }))
}

type Plan = (context: Context, partitions: readonly TopicPartition[]) => Promise<readonly PartitionOffset[]>

const plans: Readonly<Record<string, Plan>> = {
  'to-earliest': ({ admin }, partitions) => offsetsAt(admin, partitions, 'earliest'),
  'to-latest': ({ admin }, partitions) => offsetsAt(admin, partitions, 'latest'),
  'to-offset': (context, partitions) => {
    const offset = context.options.integer('to-offset') as number
    return withinRange(
      context,
      partitions.map((one) => ({ ...one, offset }))
    )
  },
  'shift-by': async (context, partitions) => {
    const { admin, options, applicationId } = context
    const by = options.integer('shift-by') as number
    const committed = (await admin.listConsumerGroupOffsets([applicationId])).get(applicationId)?.offsets
    // Where nothing is committed a consumer begins at the end.
    const ends = await offsetsAt(admin, partitions, 'latest')
    const current = ends.map((end) => committed?.get(partitionKey(end.topic, end.partition)) ?? end)
    return await withinRange(
      context,
      current.map(({ topic, partition, offset }) => ({ topic, partition, offset: offset + by }))
    )
  },
  'to-datetime': (context, partitions) => atTime(context, partitions, parseDateTime(context.options.value('to-datetime') as string)),
  'by-duration': (context, partitions) =>
    atTime(context, partitions, Math.floor(Date.now() - parseDuration(context.options.value('by-duration') as string))),
  'from-file': async (context, partitions) => {
    const plan = readPlan(context.options.value('from-file') as string, context.io)
    const planned = await withinRange(context, plan)
    return partitions.map(({ topic, partition }) => {
      const found = planned.find((one) => one.topic === topic && one.partition === partition)
      if (found === undefined) throw new ToolError(`The file has no offset for ${partitionKey(topic, partition)}`)
      return found
    })
  }
}

async function atTime({ admin, io }: Context, partitions: readonly TopicPartition[], timestamp: number): Promise<PartitionOffset[]> {
  const [found, ends] = [await offsetsAt(admin, partitions, { timestamp }), await offsetsAt(admin, partitions, 'latest')]
  return found.map((one, index) => {
    if (one.offset >= 0) return one
    io.out(
      `Partition ${one.partition} from topic ${one.topic} is empty, without a committed record. Falling back to latest known offset.\n`
    )
    return ends[index]
  })
}

/** In the order of `wanted`; what is changed is told in the order of Kafka's tool. */
async function withinRange({ admin, io }: Context, wanted: readonly PartitionOffset[]): Promise<readonly PartitionOffset[]> {
  const [starts, ends] = [await offsetsAt(admin, wanted, 'earliest'), await offsetsAt(admin, wanted, 'latest')]
  const bounds = new Map(starts.map((start, index) => [partitionKey(start.topic, start.partition), [start.offset, ends[index].offset]]))
  const changed = new Map<string, PartitionOffset>()
  for (const one of partitionOrder(wanted, 1)) {
    const key = partitionKey(one.topic, one.partition)
    const [start, end] = bounds.get(key) as [number, number]
    const isInside = one.offset < end && one.offset > start
    const nearest = one.offset < end ? start : end
    if (!isInside)
      io.out(
        `New offset (${one.offset}) is ${one.offset < end ? 'lower than earliest' : 'higher than latest'} offset. Value will be set to ${nearest}\n`
      )
    changed.set(key, isInside ? one : { ...one, offset: nearest })
  }
  return wanted.map(({ topic, partition }) => changed.get(partitionKey(topic, partition)) as PartitionOffset)
}

/** Lines of `topic,partition,offset`. */
function readPlan(path: string, io: ToolIo): PartitionOffset[] {
  let text: string
  try {
    text = readInput(path, io)
  } catch {
    throw new ToolError(`Unable to read file ${path}`, 'java.io.IOException')
  }
  const malformed = (message: string): ToolError => new ToolError(message, 'java.text.ParseException')
  if (text === '') throw malformed('Error parsing reset plan CSV file. It is empty,')
  const lines = text.replace(/\n+$/, '').split('\n')
  return lines.map((line) => {
    const cells = line.replace(/,+$/, '').split(',')
    if (cells.length !== 3) throw malformed('Reset plan CSV file is not following the format `TOPIC,PARTITION,OFFSET`.')
    const wrong = cells.slice(1).find((cell) => !/^[+-]?\d{1,19}$/.test(cell))
    if (wrong !== undefined) throw new ToolError(`For input string: "${wrong}"`, 'java.lang.NumberFormatException')
    return { topic: cells[0], partition: Number(cells[1]), offset: Number(cells[2]) }
  })
}

// ---- internal topics

async function deleteInternalTopics({ admin, options, io, applicationId }: Context, topics: readonly string[]): Promise<void> {
  const named = [...options.values('input-topics'), ...options.values('intermediate-topics')]
  const inferred = topics.filter((topic) => !named.includes(topic) && isInternalTopicOf(applicationId, topic))
  const specified = options.values('internal-topics')
  if (!specified.every((topic) => inferred.includes(topic)))
    throw new ToolError(
      'Invalid topic specified in the --internal-topics option. Ensure that the topics specified are all internal topics. Do a dry run without the --internal-topics option to see the list of all internal topics that can be deleted.'
    )
  const chosen = specified.length > 0 ? specified : inferred
  io.out(`Deleting ${specified.length > 0 ? 'specified' : 'inferred'} internal topics ${listText(chosen)}\n`)
  if (!options.has('dry-run')) {
    const { errors } = await admin.deleteTopics(chosen).outcomes()
    for (const [topic, error] of errors) io.err(`ERROR: deleting topic ${topic}\n${javaError(executionException(error))}\n`)
    if (errors.size > 0) throw new ToolError('Encountered an error deleting one or more topics', 'java.lang.RuntimeException')
  }
  io.out('Done.\n')
}
