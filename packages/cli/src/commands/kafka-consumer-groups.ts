/** kafka-consumer-groups: lists, describes, deletes and resets consumer groups. Flags, output and exit codes are those of Kafka's tool. */
import { OdradekError } from '@odradek/base'
import type { ConsumerGroupDescription, ListGroupsOptions, TopicPartition } from '@odradek/client'
import type { GroupsContext } from '../groups/groups-context.ts'
import { listGroups, parseStates, typeName } from '../groups/listing.ts'
import { groupTarget } from '../groups/options.ts'
import { printError, reportDeletion, row, widthOf } from '../groups/report.ts'
import { executionException, nameOrder, outcomesOf, runtimeException, settingsUnread, wrapped } from '../java.ts'
import { type Options, UsageError } from '../options.ts'
import { runOptionsTool } from '../options-tool.ts'
import { firstOf, messageOf, processIo, type ToolIo, withAdmin } from '../tool.ts'
import { type ConsumerGroupsAction, checkConsumerGroupsOptions, consumerGroupsOptions } from './kafka-consumer-groups-options.ts'

const purpose =
  'This tool helps to list all consumer groups, describe a consumer group, delete consumer group info, or reset consumer group offsets.'

export function main(argv: readonly string[], io: ToolIo = processIo): Promise<number> {
  return runOptionsTool({ specs: consumerGroupsOptions, purpose, malformed: 'as uncaught', run }, argv, io)
}

async function run(options: Options, io: ToolIo): Promise<number> {
  const action = checkConsumerGroupsOptions(options, io)
  if (action === 'validate-regex') {
    const { re2Problem } = await import('../re2-syntax.ts')
    const regex = options.value('validate-regex') as string
    const problem = re2Problem(regex)
    io.out(`The regular expression \`${regex}\` is ${problem === undefined ? 'valid' : `invalid: ${problem}`}.\n`)
    return 0
  }
  try {
    const timeoutMs = options.integer('timeout') as number
    options.integers('to-offset')
    for (const name of ['by-duration', 'shift-by']) options.value(name)
    await withAdmin(groupTarget(options), io, (admin) => actions[action]({ admin, options, io, timeoutMs }))
  } catch (error) {
    if (!(error instanceof OdradekError) || error instanceof UsageError) throw error
    const cause = settingsUnread(error)
    printError(io, `Executing consumer group command failed due to ${messageOf(cause)}`, cause)
  }
  return 0
}

const actions: Readonly<Record<Exclude<ConsumerGroupsAction, 'validate-regex'>, (context: GroupsContext) => Promise<void>>> = {
  list,
  async describe(context) {
    const { describeGroups } = await import('./kafka-consumer-groups-describe.ts')
    await describeGroups(context, await described(context, await groupIds(context)))
  },
  async delete(context) {
    const { admin, io, timeoutMs } = context
    const { values, errors } = await outcomesOf(
      'deleteConsumerGroups(api=FIND_COORDINATOR)',
      admin.deleteConsumerGroups(await groupIds(context), { timeoutMs })
    )
    reportDeletion(io, { kind: 'consumer', deleted: [...values.keys()], failed: nameOrder([...errors], ([groupId]) => groupId) })
  },
  'reset-offsets': reset,
  async 'delete-offsets'(context) {
    const { deletePartitions, partitionsToDelete } = await import('../groups/delete-offsets.ts')
    const { admin, options, timeoutMs } = context
    const groupId = options.value('group') as string
    const deleting = {
      ...context,
      groupId,
      remove: (partitions: readonly TopicPartition[]) => admin.deleteConsumerGroupOffsets(groupId, partitions, { timeoutMs }),
      describe: () => admin.describeConsumerGroups([groupId], { timeoutMs })
    }
    await deletePartitions(deleting, await partitionsToDelete(deleting, options.values('topic')))
  }
}

const described = ({ admin, timeoutMs }: GroupsContext, groupIds: readonly string[]) =>
  outcomesOf('describeConsumerGroups(api=FIND_COORDINATOR)', admin.describeConsumerGroups(groupIds, { timeoutMs }))
const protocolTypes = ['', 'consumer']
const allTypes: ListGroupsOptions = { protocolTypes, types: ['Classic', 'Consumer'] }

/** Those named, or all. */
async function groupIds({ admin, options, timeoutMs }: GroupsContext): Promise<readonly string[]> {
  if (!options.has('all-groups')) return options.values('group')
  const groups = await wrapped(listGroups(admin, { ...allTypes, timeoutMs }), executionException, runtimeException)
  return groups.map(({ groupId }) => groupId)
}

// ---- list

async function list(context: GroupsContext): Promise<void> {
  const { admin, options, io, timeoutMs } = context
  const [hasType, hasState] = [options.has('type'), options.has('state')]
  if (!hasType && !hasState) {
    const groups = await wrapped(listGroups(admin, { ...allTypes, timeoutMs }), executionException, runtimeException)
    for (const { groupId } of groups) io.out(`${groupId}\n`)
    return
  }
  const [types, states] = [parseTypes(options.value('type')), parseStates(options.value('state'), 'consumer')]
  const groups = await wrapped(listGroups(admin, { protocolTypes, types, states, timeoutMs }), executionException)
  const shown = <T>(group: T, type: T, state: T): T[] => [group, ...(hasType ? [type] : []), ...(hasState ? [state] : [])]
  const widths = [widthOf(groups.map(({ groupId }) => groupId)) + 10, 20, 20]
  io.out(`${row(shown('GROUP', 'TYPE', 'STATE'), widths)}\n`)
  for (const { groupId, type, groupState } of groups)
    io.out(`${row(shown(groupId, typeName(type, 'Unknown'), groupState ?? 'Unknown'), widths)}\n`)
}

function parseTypes(text: string | undefined): string[] {
  if (text === undefined || text === '') return []
  return text.split(',').map((given) => {
    const type = ['Classic', 'Consumer'].find((one) => one.toLowerCase() === given.trim().toLowerCase())
    if (type === undefined) throw new UsageError(`Invalid types list '${text}'. Valid types are: Classic, Consumer`)
    return type
  })
}

// ---- reset

async function reset(context: GroupsContext): Promise<void> {
  const { admin, options, io, timeoutMs } = context
  const { exportPlan, partitionsOf, plannedOffsets, printPlan, checkPartitions, requireAltered } = await import('../groups/reset.ts')
  const committed = async (groupId: string) => {
    const found = await wrapped(admin.listConsumerGroupOffsets([groupId], { timeoutMs }), executionException, runtimeException)
    return found.get(groupId)?.offsets ?? new Map()
  }
  const resetting = { ...context, committed }
  const groups = await groupIds(context)
  const { values, errors } = await described(context, groups)
  const { stringOrder } = await import('../java.ts')
  const plan = new Map<string, Awaited<ReturnType<typeof plannedOffsets>>>()
  for (const groupId of stringOrder([...new Set(groups)])) {
    const state = stateFor(values.get(groupId), errors.get(groupId))
    if (state !== undefined && state !== 'Empty' && state !== 'Dead') {
      printError(io, `Assignments can only be reset if the group '${groupId}' is inactive, but the current state is ${state}.`)
      plan.set(groupId, [])
      continue
    }
    let partitions: Awaited<ReturnType<typeof partitionsOf>> = []
    if (options.has('all-topics')) partitions = [...(await committed(groupId)).values()].filter((one) => one !== null)
    else if (options.has('topic')) partitions = await partitionsOf(resetting, options.values('topic'))
    else if (!options.has('from-file')) throw new UsageError('One of the reset scopes should be defined: --all-topics, --topic.')
    await checkPartitions(resetting, partitions)
    const offsets = await plannedOffsets(resetting, groupId, partitions)
    if (options.has('execute')) await requireAltered(admin.alterConsumerGroupOffsets(groupId, offsets, { timeoutMs }), offsets)
    plan.set(groupId, offsets)
  }
  if (options.has('export')) exportPlan(io, plan, options)
  else printPlan(io, plan)
}

/** undefined: there is no such group, which can be reset all the same. */
function stateFor(description: ConsumerGroupDescription | undefined, error: unknown): string | undefined {
  if (description !== undefined) return description.groupState
  if ((firstOf(error) as { code?: string }).code === 'GROUP_ID_NOT_FOUND') return undefined
  throw runtimeException(executionException(error))
}
