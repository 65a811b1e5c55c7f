/** kafka-streams-groups: lists, describes, deletes and resets groups of Kafka Streams. Flags, output and exit codes are those of Kafka's tool. */
import { OdradekError } from '@odradek/base'
import type { StreamsGroupDescription, TopicPartition } from '@odradek/client'
import { partitionKey } from '@odradek/client/admin'
import { requireEmptyGroups } from '../groups/deletable.ts'
import type { GroupsContext } from '../groups/groups-context.ts'
import { isInternalTopicOf } from '../groups/internal-topics.ts'
import { listGroups, parseStates, printGroupStates } from '../groups/listing.ts'
import { groupTarget } from '../groups/options.ts'
import { printError, reportDeletion } from '../groups/report.ts'
import type { PartitionOffset, Resetting } from '../groups/reset.ts'
import { committedOffsets } from '../groups/streams-offsets.ts'
import {
  executionException,
  nameOrder,
  outcomesOf,
  partitionOrder,
  runtimeException,
  settingsUnread,
  stringOrder,
  wrapped
} from '../java.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { firstOf, javaError, messageOf, processIo, type ToolError, type ToolIo, withAdmin } from '../tool.ts'
import { checkStreamsGroupsOptions, type StreamsGroupsAction, streamsGroupsOptions } from './kafka-streams-groups-options.ts'

const purpose = 'This tool helps to list, or describe streams groups.'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs: streamsGroupsOptions, purpose, run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const action = checkStreamsGroupsOptions(options)
  try {
    const timeoutMs = options.integer('timeout') as number
    options.integers('to-offset')
    for (const name of ['by-duration', 'shift-by']) options.value(name)
    await withAdmin(groupTarget(options), io, (admin) => actions[action]({ admin, options, io, timeoutMs }))
    return 0
  } catch (error) {
    if (!(error instanceof OdradekError) || error instanceof UsageError) throw error
    const { javaClass = '' } = error as Partial<ToolError>
    if (javaClass.startsWith('joptsimple.')) throw new UsageError(error.message)
    const cause = settingsUnread(error)
    printError(io, `Executing streams group command failed due to ${messageOf(cause)}`, cause)
    return 1
  }
}

const actions: Readonly<Record<StreamsGroupsAction, (context: GroupsContext) => Promise<void>>> = {
  async list({ admin, options, io, timeoutMs }) {
    if (!options.has('state')) {
      for (const { groupId } of await streamsGroups({ admin, timeoutMs })) io.out(`${groupId}\n`)
      return
    }
    const states = parseStates(options.value('state'), 'streams')
    printGroupStates(await wrapped(listGroups(admin, { types: ['Streams'], states, timeoutMs }), executionException), io)
  },
  async describe(context) {
    const { describeGroup } = await import('./kafka-streams-groups-describe.ts')
    for (const groupId of await groupIds(context)) await describeGroup(context, groupId)
  },
  'reset-offsets': reset,
  delete: deleteGroups,
  'delete-offsets': deleteOffsets
}

const streamsGroups = ({ admin, timeoutMs }: Pick<GroupsContext, 'admin' | 'timeoutMs'>) =>
  wrapped(listGroups(admin, { types: ['Streams'], timeoutMs }), executionException, runtimeException)

async function groupIds(context: GroupsContext): Promise<readonly string[]> {
  if (!context.options.has('all-groups')) return context.options.values('group')
  return (await streamsGroups(context)).map(({ groupId }) => groupId)
}

// ---- reset

async function reset(context: GroupsContext): Promise<void> {
  const { admin, options, io, timeoutMs } = context
  const { exportPlan, plannedOffsets, printPlan, requireAltered } = await import('../groups/reset.ts')
  const resetting: Resetting = { ...context, committed: (groupId) => committedOffsets(context, groupId, { onlyInput: false }) }
  const groups = await groupIds(context)
  const { values, errors } = await outcomesOf(
    'describeStreamsGroups(api=FIND_COORDINATOR)',
    admin.describeStreamsGroups(groups, { timeoutMs })
  )
  const plan = new Map<string, readonly PartitionOffset[]>()
  for (const groupId of stringOrder([...new Set(groups)])) {
    const [state, error] = [values.get(groupId)?.groupState, errors.get(groupId)]
    if (error !== undefined && (error as { code?: string }).code !== 'GROUP_ID_NOT_FOUND') throw runtimeException(executionException(error))
    if (state !== undefined && state !== 'Empty' && state !== 'Dead') {
      printError(io, `Assignments can only be reset if the group '${groupId}' is inactive, but the current state is ${state}.`)
      plan.set(groupId, [])
      continue
    }
    const offsets = await plannedOffsets(resetting, groupId, await partitionsToReset(resetting, context, groupId))
    if (options.has('execute')) await requireAltered(admin.alterStreamsGroupOffsets(groupId, offsets, { timeoutMs }), offsets)
    plan.set(groupId, offsets)
    if (state !== undefined && options.has('execute')) await deleteInternalTopics(context, groupId)
  }
  if (options.has('export')) exportPlan(io, plan, options)
  else printPlan(io, plan, [30, 30, 10, 15])
}

async function partitionsToReset(resetting: Resetting, context: GroupsContext, groupId: string): Promise<TopicPartition[]> {
  const { admin, options, io, timeoutMs } = context
  if (options.has('all-input-topics')) {
    const offsets = await committedOffsets(context, groupId, { onlyInput: true })
    return partitionOrder([...offsets.values()].map(({ topic, partition }) => ({ topic, partition })))
  }
  if (!options.has('input-topic')) {
    if (options.has('from-file')) return []
    throw new UsageError('One of the reset scopes should be defined: --all-topics, --topic.')
  }
  const { checkPartitions, partitionsOf } = await import('../groups/reset.ts')
  const partitions = await partitionsOf(resetting, options.values('input-topic'))
  await checkPartitions(resetting, partitions)
  const found = await wrapped(admin.listStreamsGroupOffsets([groupId], { timeoutMs }), executionException, runtimeException)
  const offsets = found.get(groupId)?.offsets ?? new Map()
  if (partitions.every(({ topic, partition }) => offsets.has(partitionKey(topic, partition)))) return partitions
  printError(io, `One or more topics are not part of the group '${groupId}'.`)
  return []
}

async function deleteInternalTopics(context: GroupsContext, groupId: string): Promise<void> {
  const { admin, options, io, timeoutMs } = context
  const topics = options.has('delete-all-internal-topics')
    ? ((await internalTopicsOf(context, [groupId])).get(groupId) ?? [])
    : options.values('delete-internal-topic')
  if (topics.length === 0) return
  const { errors } = await admin.deleteTopics(topics, { timeoutMs }).outcomes()
  const [error] = errors.values()
  if (error === undefined) return
  if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION')
    printError(io, `Deleting internal topics for group '${groupId}' failed because the topics do not exist.`)
  else printError(io, `Deleting internal topics for group '${groupId}' failed due to ${javaError(error)}`, executionException(error))
}

/** What Streams made for each group, of which nothing else is read. */
async function internalTopicsOf(context: GroupsContext, groups: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const { admin, io, timeoutMs } = context
  const found = new Map<string, readonly string[]>()
  let described: ReadonlyMap<string, StreamsGroupDescription>
  try {
    described = await wrapped(admin.describeStreamsGroups(groups, { timeoutMs }), executionException)
  } catch (error) {
    printError(io, `Retrieving internal topics failed due to ${messageOf(error)}`, error)
    return found
  }
  for (const { groupId, subtopologies } of nameOrder([...described.values()], (one) => one.groupId)) {
    const sources = new Set(subtopologies.flatMap(({ sourceTopics }) => sourceTopics))
    const made = subtopologies
      .flatMap(({ repartitionSourceTopics, stateChangelogTopics }) => [...repartitionSourceTopics, ...stateChangelogTopics])
      .map(({ name }) => name)
      .filter((name) => !sources.has(name))
    for (const name of made.filter((one) => !isInternalTopicOf(groupId, one)))
      printError(io, `The internal topic '${name}' is not inferred as internal and thus will not be deleted with the group '${groupId}'.`)
    const internal = made.filter((one) => isInternalTopicOf(groupId, one))
    if (internal.length > 0) found.set(groupId, internal)
  }
  return found
}

// ---- delete

async function deleteGroups(context: GroupsContext): Promise<void> {
  const { admin, options, io, timeoutMs } = context
  const { ready, failed } = requireEmptyGroups(await groupIds(context), await streamsGroups(context), 'streams')
  const internal =
    ready.length > 0 && options.has('delete-all-internal-topics') ? await internalTopicsOf(context, ready) : new Map<string, string[]>()
  const { values, errors } = await outcomesOf('deleteStreamsGroups(api=FIND_COORDINATOR)', admin.deleteStreamsGroups(ready, { timeoutMs }))
  const deleted = stringOrder([...values.keys()])
  const notDeleted: [string, unknown][] = []
  for (const groupId of deleted) {
    const topics = internal.get(groupId) ?? []
    const { errors: refused } = await admin.deleteTopics(topics, { timeoutMs }).outcomes()
    for (const topic of refused.keys()) io.out(`Failed to delete internal topic: ${topic}\n`)
    for (const error of [...refused.values()].slice(0, 1)) notDeleted.push([groupId, error])
  }
  reportDeletion(io, { kind: 'streams', deleted, failed: nameOrder([...failed, ...errors], ([groupId]) => groupId) })
  if (internal.size === 0 || deleted.length === 0) return
  if (notDeleted.length === 0) {
    const names = deleted.filter((groupId) => internal.has(groupId)).join("', '")
    io.out(`Deletion of associated internal topics of the streams groups ('${names}') was successful.\n`)
    return
  }
  io.out('Deletion of some associated internal topics failed:\n')
  for (const [groupId, error] of notDeleted)
    io.out(`* Internal topics of the streams group '${groupId}' could not be deleted due to: ${javaError(firstOf(error))}\n`)
}

async function deleteOffsets(context: GroupsContext): Promise<void> {
  const { admin, options, timeoutMs } = context
  const groupId = options.value('group') as string
  const { deletePartitions, partitionsToDelete } = await import('../groups/delete-offsets.ts')
  const deleting = {
    ...context,
    groupId,
    remove: (partitions: readonly TopicPartition[]) => admin.deleteStreamsGroupOffsets(groupId, partitions, { timeoutMs }),
    describe: () => admin.describeStreamsGroups([groupId], { timeoutMs })
  }
  if (options.has('all-input-topics')) {
    const offsets = await committedOffsets(context, groupId, { onlyInput: true })
    await deletePartitions(deleting, { partitions: [...offsets.values()], unknown: [] })
  } else await deletePartitions(deleting, await partitionsToDelete(deleting, options.values('input-topic')))
}
