/** kafka-share-groups: lists, describes, deletes and resets share groups. Flags, output and exit codes are those of Kafka's tool. */
import { OdradekError } from '@odradek/base'
import type { ShareGroupDescription, ShareGroupOffset, ShareMemberDescription, TopicPartition } from '@odradek/client'
import { requireEmptyGroups } from '../groups/deletable.ts'
import type { GroupsContext } from '../groups/groups-context.ts'
import { listGroups, parseStates, printGroupStates } from '../groups/listing.ts'
import { groupTarget } from '../groups/options.ts'
import { assignmentText, coordinatorText, orMissing, printError, reportDeletion, row, widthOf } from '../groups/report.ts'
import {
  copiedMapSize,
  executionException,
  nameOrder,
  ofFirst,
  outcomesOf,
  partitionOrder,
  runtimeException,
  settingsUnread,
  stringOrder,
  wrapped
} from '../java.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { call, javaError, messageOf, processIo, ToolError, type ToolIo, withAdmin } from '../tool.ts'
import { checkShareGroupsOptions, type ShareGroupsAction, shareGroupsOptions } from './kafka-share-groups-options.ts'

const purpose = 'This tool helps to list, describe, reset and delete share groups.'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs: shareGroupsOptions, purpose, malformed: 'as uncaught', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const action = checkShareGroupsOptions(options)
  try {
    const timeoutMs = options.integer('timeout') as number
    return await withAdmin(groupTarget(options), io, async (admin) => {
      await actions[action]({ admin, options, io, timeoutMs })
      return 0
    })
  } catch (error) {
    if (!(error instanceof OdradekError) || error instanceof UsageError || error instanceof Refused) throw error
    const cause = settingsUnread(error)
    printError(io, `Executing share group command failed due to ${messageOf(cause)}`, cause)
    return 0
  }
}

/** Kafka's tool tells it on standard error, and ends with exit code 1. */
class Refused extends ToolError {}

const actions: Readonly<Record<ShareGroupsAction, (context: GroupsContext) => Promise<void>>> = {
  async list({ admin, options, io, timeoutMs }) {
    if (!options.has('state')) {
      for (const { groupId } of await shareGroups({ admin, timeoutMs })) io.out(`${groupId}\n`)
      return
    }
    const states = parseStates(options.value('state'), 'share')
    printGroupStates(await wrapped(listGroups(admin, { types: ['Share'], states, timeoutMs }), executionException), io)
  },
  describe,
  async delete(context) {
    const { admin, io, timeoutMs } = context
    const listings = await shareGroups(context)
    const groups = context.options.has('all-groups') ? listings.map(({ groupId }) => groupId) : context.options.values('group')
    const { ready, failed } = requireEmptyGroups(groups, listings, 'share')
    const { values, errors } = await outcomesOf('deleteShareGroups(api=FIND_COORDINATOR)', admin.deleteShareGroups(ready, { timeoutMs }))
    const told = nameOrder([...failed, ...errors], ([groupId]) => groupId, copiedMapSize(failed.length))
    reportDeletion(io, { kind: 'share', deleted: [...values.keys()], failed: told })
  },
  'reset-offsets': reset,
  'delete-offsets': deleteOffsets
}

const shareGroups = ({ admin, timeoutMs }: Pick<GroupsContext, 'admin' | 'timeoutMs'>) =>
  wrapped(listGroups(admin, { types: ['Share'], timeoutMs }), executionException, runtimeException)

const offsetsOf = ({ admin, timeoutMs }: GroupsContext, groupId: string) =>
  call('listShareGroupOffsets(api=FIND_COORDINATOR)', admin.listShareGroupOffsets([groupId], { timeoutMs }))

// ---- describe

async function describe(context: GroupsContext): Promise<void> {
  const { admin, options, io, timeoutMs } = context
  const groupIds = options.has('all-groups') ? (await shareGroups(context)).map(({ groupId }) => groupId) : options.values('group')
  const { values, errors } = await outcomesOf(
    'describeShareGroups(api=FIND_COORDINATOR)',
    admin.describeShareGroups(groupIds, { timeoutMs })
  )
  const [failed] = stringOrder([...errors.keys()])
  if (failed !== undefined) throw executionException(errors.get(failed))
  const groups = [...values.values()].sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  const isVerbose = options.has('verbose')
  if (options.has('members')) for (const group of groups) printMembers(io, group, isVerbose)
  else if (options.has('state')) for (const group of groups) printState(io, group, isVerbose)
  else {
    const offsets = new Map<string, ReadonlyMap<string, ShareGroupOffset | null>>()
    for (const { groupId } of groups) {
      const found = await wrapped(offsetsOf(context, groupId), executionException, runtimeException)
      offsets.set(groupId, found.get(groupId) ?? new Map())
    }
    for (const [groupId, found] of offsets) printOffsets(io, groupId, found, isVerbose)
  }
}

/** Says what is to be known of a group without members; false: there is no such group. */
function tellState(io: ToolIo, { groupId, groupState }: ShareGroupDescription): boolean {
  if (groupState === 'Dead') printError(io, `Share group '${groupId}' does not exist.`)
  else if (groupState === 'Empty') io.err(`\nShare group '${groupId}' has no active members.\n`)
  return groupState !== 'Dead'
}

function printOffsets(io: ToolIo, groupId: string, offsets: ReadonlyMap<string, ShareGroupOffset | null>, isVerbose: boolean): void {
  if (offsets.size === 0) {
    io.out(`\nShare group '${groupId}' has no offset information.\n`)
    return
  }
  const found = [...offsets].map(([key, offset]) => ({ ...partitionOf(key), offset: offset ?? undefined }))
  found.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  const widths = [widthOf([groupId]), widthOf(found.map(({ topic }) => topic)), 10, 13, ...(isVerbose ? [13] : [])]
  const line = (first: readonly (string | number)[], epoch: string, rest: readonly string[]): string =>
    `\n${row([...first, ...(isVerbose ? [epoch] : []), ...rest], widths)}`
  io.out(line(['GROUP', 'TOPIC', 'PARTITION'], 'LEADER-EPOCH', ['START-OFFSET', 'LAG']))
  for (const { topic, partition, offset } of found)
    io.out(line([groupId, topic, partition], orMissing(offset?.leaderEpoch), [orMissing(offset?.startOffset), orMissing(offset?.lag)]))
  io.out('\n')
}

function printState(io: ToolIo, group: ShareGroupDescription, isVerbose: boolean): void {
  tellState(io, group)
  const coordinator = coordinatorText(group.coordinator)
  const widths = [widthOf([group.groupId]), widthOf([coordinator], 25), 15, ...(isVerbose ? [12, 17] : [])]
  const epochNames = isVerbose ? ['GROUP-EPOCH', 'ASSIGNMENT-EPOCH'] : []
  const epochs = isVerbose ? [group.groupEpoch, group.targetAssignmentEpoch] : []
  io.out(`\n${row(['GROUP', 'COORDINATOR (ID)', 'STATE', ...epochNames, '#MEMBERS'], widths)}`)
  io.out(`\n${row([group.groupId, coordinator, group.groupState, ...epochs, group.members.length], widths)}\n`)
}

function printMembers(io: ToolIo, group: ShareGroupDescription, isVerbose: boolean): void {
  if (!tellState(io, group) || group.members.length === 0) return
  const members = group.members.toSorted((a, b) => (a.consumerId < b.consumerId ? -1 : 1))
  const width = (of: (member: ShareMemberDescription) => string): number => widthOf(members.map(of))
  const widths = [
    widthOf([group.groupId]),
    width(({ consumerId }) => consumerId),
    width(({ host }) => host),
    width(({ clientId }) => clientId),
    12,
    ...(isVerbose ? [13] : [])
  ]
  const line = (first: readonly (string | number)[], epoch: string | number, last: string): string =>
    `\n${row([...first, ...(isVerbose ? [epoch] : []), last], widths)}`
  io.out(line(['GROUP', 'CONSUMER-ID', 'HOST', 'CLIENT-ID', '#PARTITIONS'], 'MEMBER-EPOCH', 'ASSIGNMENT'))
  for (const { consumerId, host, clientId, assignment, memberEpoch } of members)
    io.out(line([group.groupId, consumerId, host, clientId, assignment.length], memberEpoch, assignmentText(assignment)))
  io.out('\n')
}

// ---- offsets

async function reset(context: GroupsContext): Promise<void> {
  const { admin, options, io, timeoutMs } = context
  const groupId = options.value('group') as string
  const { values, errors } = await outcomesOf(
    'describeShareGroups(api=FIND_COORDINATOR)',
    admin.describeShareGroups([groupId], { timeoutMs })
  )
  const [error, state] = [errors.get(groupId), values.get(groupId)?.groupState]
  if (error !== undefined && (error as { code?: string }).code !== 'GROUP_ID_NOT_FOUND') throw new Refused(messageOf(error))
  if (state !== undefined && state !== 'Empty' && state !== 'Dead') throw new Refused(`Share group '${groupId}' is not empty.`)
  const { checkPartitions, partitionsOf, plannedOffsets, printPlan, requireAltered } = await import('../groups/reset.ts')
  const resetting = { ...context, committed: async () => new Map() }
  const partitions = options.has('topic')
    ? await partitionsOf(resetting, options.values('topic'))
    : partitionOrder([...((await ofFirst(offsetsOf(context, groupId))).get(groupId)?.keys() ?? [])].map(partitionOf))
  await checkPartitions(resetting, partitions)
  const offsets = await plannedOffsets(resetting, groupId, partitions)
  if (options.has('execute')) await requireAltered(admin.alterShareGroupOffsets(groupId, offsets, { timeoutMs }), offsets)
  printPlan(io, new Map([[groupId, offsets]]))
}

/** Of a key of offsets: `orders-0`. */
function partitionOf(key: string): TopicPartition {
  const at = key.lastIndexOf('-')
  return { topic: key.slice(0, at), partition: Number(key.slice(at + 1)) }
}

const wholeRequest = ['INVALID_GROUP_ID', 'GROUP_ID_NOT_FOUND', 'GROUP_AUTHORIZATION_FAILED', 'NON_EMPTY_GROUP']
const oneTopic = ['TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION']

async function deleteOffsets({ admin, options, io, timeoutMs }: GroupsContext): Promise<void> {
  const groupId = options.value('group') as string
  const topics = [...new Set(options.values('topic'))].sort()
  const { errors } = await outcomesOf(
    'deleteShareGroupOffsets(api=FIND_COORDINATOR)',
    admin.deleteShareGroupOffsets(groupId, topics, { timeoutMs })
  )
  const [failure] = errors.values()
  const code = (failure as { code?: string } | undefined)?.code ?? ''
  if (wholeRequest.includes(code)) printError(io, messageOf(failure))
  else if (failure !== undefined && !oneTopic.includes(code)) printError(io, `Encounter some unknown error: ${javaError(failure)}`)
  const width = widthOf(topics)
  io.out(`\n${'TOPIC'.padEnd(width)} STATUS`)
  for (const topic of topics) {
    const error = errors.get(topic)
    io.out(`\n${topic.padEnd(width)} ${error === undefined ? 'Successful' : `Error: ${messageOf(error)}`}`)
  }
  io.out('\n')
}
