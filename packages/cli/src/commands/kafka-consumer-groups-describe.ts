// What kafka-consumer-groups --describe shows of a group: offsets, members or state.
import type { CommittedOffset, ConsumerGroupDescription, MemberDescription, TopicPartition } from '@odradek/client'
import { partitionKey } from '@odradek/client/admin'
import type { GroupsContext } from '../groups/groups-context.ts'
import { assignmentText, coordinatorText, MISSING, orMissing, printError, row, widthOf } from '../groups/report.ts'
import { listOffsets } from '../groups/reset.ts'
import { executionException, type Outcomes, runtimeException, stringOrder, wrapped } from '../java.ts'
import { ToolError, type ToolIo } from '../tool.ts'

export async function describeGroups(context: GroupsContext, { values, errors }: Outcomes<ConsumerGroupDescription>): Promise<void> {
  const { options } = context
  const [failed] = stringOrder([...errors.keys()])
  if (failed !== undefined) throw executionException(errors.get(failed))
  const groups = [...values.values()].sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  const isVerbose = options.has('verbose')
  if (options.has('members')) for (const group of groups) printMembers(context.io, group, isVerbose)
  else if (options.has('state')) for (const group of groups) printState(context.io, group, isVerbose)
  else {
    const rows: OffsetRow[][] = []
    for (const group of groups) rows.push(await offsetRows(context, group))
    for (const [index, group] of groups.entries()) printOffsets(context.io, group, rows[index], isVerbose)
  }
}

const rebalancing = ['PreparingRebalance', 'CompletingRebalance', 'Assigning', 'Reconciling']

/** Says what is to be known of a group without members; false: there is nothing to show. */
function isShown(io: ToolIo, { groupId, groupState }: ConsumerGroupDescription, rows: number): boolean {
  if (groupState === 'Dead') printError(io, `Consumer group '${groupId}' does not exist.`)
  else if (groupState === 'Empty') io.err(`\nConsumer group '${groupId}' has no active members.\n`)
  else if (rebalancing.includes(groupState)) io.err(`\nWarning: Consumer group '${groupId}' is rebalancing.\n`)
  else if (groupState !== 'Stable')
    throw new ToolError(`Expected a valid consumer group state, but found '${groupState}'.`, 'org.apache.kafka.common.KafkaException')
  return groupState !== 'Dead' && rows > 0
}

// ---- offsets

interface OffsetRow extends TopicPartition {
  readonly committed: CommittedOffset | undefined
  readonly end: number | undefined
  readonly member: MemberDescription | undefined
}

/** What members are assigned to, the member with most first, then what else is committed. */
async function offsetRows(context: GroupsContext, group: ConsumerGroupDescription): Promise<OffsetRow[]> {
  const { admin, timeoutMs } = context
  const found = await wrapped(admin.listConsumerGroupOffsets([group.groupId], { timeoutMs }), executionException, runtimeException)
  const committed = found.get(group.groupId)?.offsets ?? new Map<string, CommittedOffset>()
  const members = group.members.filter(({ assignment }) => assignment.length > 0).sort((a, b) => b.assignment.length - a.assignment.length)
  const keyOf = ({ topic, partition }: TopicPartition): string => partitionKey(topic, partition)
  const assigned = new Set(members.flatMap(({ assignment }) => assignment.map(keyOf)))
  const rest = [...committed.values()].filter((one) => one !== null && !assigned.has(keyOf(one))) as CommittedOffset[]
  const all = [...members.flatMap(({ assignment }) => assignment), ...rest]
  if (all.length === 0) return []
  const ends = await endOffsets(context, all)
  const rows = (partitions: readonly TopicPartition[], member: MemberDescription | undefined): OffsetRow[] =>
    partitions
      .map(({ topic, partition }) => {
        const key = partitionKey(topic, partition)
        return { topic, partition, committed: committed.get(key) ?? undefined, end: ends.get(key), member }
      })
      .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  return [...members.flatMap((member) => rows(member.assignment, member)), ...rows(rest, undefined)]
}

/** Those without a leader have none. */
async function endOffsets(context: GroupsContext, partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  const described = await wrapped(
    context.admin.describeTopics(topics, { timeoutMs: context.timeoutMs }),
    executionException,
    runtimeException
  )
  const led = partitions.filter(({ topic, partition }) => {
    const info = described.get(topic)?.partitions.find((one) => one.partition === partition)
    return info === undefined || info.leader !== undefined
  })
  const listed = await listOffsets(context, led, 'latest')
  return new Map([...listed].map(([key, { offset }]) => [key, offset]))
}

function printOffsets(io: ToolIo, group: ConsumerGroupDescription, rows: readonly OffsetRow[], isVerbose: boolean): void {
  if (!isShown(io, group, rows.length)) return
  const cells = rows.map(({ topic, partition, committed, end, member }) => ({
    topic,
    partition: String(partition),
    epoch: orMissing(committed?.leaderEpoch),
    offset: orMissing(committed?.offset),
    end: orMissing(end),
    lag: orMissing(committed === undefined || end === undefined ? undefined : end - committed.offset),
    id: member?.consumerId ?? MISSING,
    host: member?.host ?? MISSING,
    client: member?.clientId ?? MISSING
  }))
  const header = {
    topic: 'TOPIC',
    partition: 'PARTITION',
    epoch: 'LEADER-EPOCH',
    offset: 'CURRENT-OFFSET',
    end: 'LOG-END-OFFSET',
    lag: 'LAG',
    id: 'CONSUMER-ID',
    host: 'HOST',
    client: 'CLIENT-ID'
  }
  const widths = [
    widthOf([group.groupId]),
    widthOf(cells.map(({ topic }) => topic)),
    10,
    ...(isVerbose ? [15] : []),
    15,
    15,
    15,
    widthOf(cells.map(({ id }) => id)),
    widthOf(cells.map(({ host }) => host))
  ]
  const line = (name: string, one: typeof header): string => {
    const epoch = isVerbose ? [one.epoch] : []
    return `\n${row([name, one.topic, one.partition, ...epoch, one.offset, one.end, one.lag, one.id, one.host, one.client], widths)}`
  }
  io.out(`${line('GROUP', header)}${cells.map((one) => line(group.groupId, one)).join('')}\n`)
}

// ---- members

function printMembers(io: ToolIo, group: ConsumerGroupDescription, isVerbose: boolean): void {
  const { members, groupId } = group
  const shown = isShown(io, group, members.length) ? members : []
  const hasInstances = shown.some(({ groupInstanceId }) => groupInstanceId !== undefined)
  const isMixed = shown.some(({ isUpgraded }) => isUpgraded === true) && shown.some(({ isUpgraded }) => isUpgraded === false)
  const current = (member: MemberDescription): string => assignmentText(member.assignment) || MISSING
  const target = (member: MemberDescription): string => assignmentText(member.targetAssignment ?? []) || MISSING
  const widths = [
    widthOf(shown.length > 0 ? [groupId] : []),
    widthOf(shown.map(({ consumerId }) => consumerId)),
    ...(hasInstances
      ? [
          widthOf(
            shown.map(({ groupInstanceId }) => groupInstanceId ?? ''),
            17
          )
        ]
      : []),
    widthOf(shown.map(({ host }) => host)),
    widthOf(shown.map(({ clientId }) => clientId)),
    15
  ]
  const moreWidths = [15, widthOf(shown.map(current), 20), 15, widthOf(shown.map(target), 20)]
  const line = (
    first: readonly (string | number)[],
    instance: string,
    rest: readonly (string | number)[],
    more: readonly string[]
  ): string => {
    const cells = row([...first, ...(hasInstances ? [instance] : []), ...rest], widths)
    return `${cells} ${isVerbose ? row(isMixed ? more : more.slice(0, 4), moreWidths) : ''}\n`
  }
  const names = ['CURRENT-EPOCH', 'CURRENT-ASSIGNMENT', 'TARGET-EPOCH', 'TARGET-ASSIGNMENT', 'UPGRADED']
  io.out(`\n${line(['GROUP', 'CONSUMER-ID'], 'GROUP-INSTANCE-ID', ['HOST', 'CLIENT-ID', '#PARTITIONS'], names)}`)
  for (const member of members) {
    const more = [orMissing(member.memberEpoch), current(member), orMissing(group.targetAssignmentEpoch), target(member)]
    const rest = [member.host, member.clientId, member.assignment.length]
    const upgraded = member.isUpgraded === undefined ? MISSING : String(member.isUpgraded)
    io.out(line([groupId, member.consumerId], member.groupInstanceId ?? '', rest, [...more, upgraded]))
  }
}

// ---- state

function printState(io: ToolIo, group: ConsumerGroupDescription, isVerbose: boolean): void {
  if (!isShown(io, group, 1)) return
  const coordinator = coordinatorText(group.coordinator)
  const widths = [widthOf([group.groupId]), widthOf([coordinator], 25), 20, 20, ...(isVerbose ? [15, 25] : [])]
  const epochNames = isVerbose ? ['GROUP-EPOCH', 'TARGET-ASSIGNMENT-EPOCH'] : []
  const epochs = isVerbose ? [orMissing(group.groupEpoch), orMissing(group.targetAssignmentEpoch)] : []
  io.out(`\n${row(['GROUP', 'COORDINATOR (ID)', 'ASSIGNMENT-STRATEGY', 'STATE', ...epochNames, '#MEMBERS'], widths)}`)
  const strategy = group.partitionAssignor || MISSING
  io.out(`\n${row([group.groupId, coordinator, strategy, group.groupState, ...epochs, group.members.length], widths)}\n`)
}
