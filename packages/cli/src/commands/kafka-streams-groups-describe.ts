// What kafka-streams-groups --describe shows of a group: offsets, members or state.
import type { StreamsGroupDescription, StreamsGroupMemberAssignment, TopicPartition } from '@odradek/client'
import { partitionKey } from '@odradek/client/admin'
import type { GroupsContext } from '../groups/groups-context.ts'
import { coordinatorText, orMissing, printError, row, widthOf } from '../groups/report.ts'
import { committedOffsets, descriptionOf } from '../groups/streams-offsets.ts'
import { executionException, partitionOrder, wrapped } from '../java.ts'
import { UsageError } from '../options.ts'
import type { ToolIo } from '../tool.ts'

export async function describeGroup(context: GroupsContext, groupId: string): Promise<void> {
  const { options, io } = context
  const group = await descriptionOf(context, groupId)
  const isVerbose = options.has('verbose')
  if (options.has('members')) printMembers(io, group, isVerbose)
  else if (options.has('state')) printState(io, group, isVerbose)
  else await printOffsets(context, group, isVerbose)
}

function tellState(io: ToolIo, { groupId, groupState }: StreamsGroupDescription): void {
  if (groupState === 'Dead') printError(io, `Streams group '${groupId}' does not exist.`)
  else if (groupState === 'Empty') printError(io, `Streams group '${groupId}' has no active members.`)
}

const hasRows = ({ groupState, members }: StreamsGroupDescription): boolean => groupState !== 'Dead' && members.length > 0

// ---- members

type Tasks = StreamsGroupMemberAssignment['activeTasks']

const tasksText = (kind: string, tasks: Tasks): string => {
  if (tasks.length === 0) return ''
  return `${kind}: ${tasks.map(({ subtopologyId, partitions }) => `${subtopologyId}:[${partitions.join(',')}]; `).join('')}`
}

const assignmentText = (prefix: string, { activeTasks, standbyTasks, warmupTasks }: StreamsGroupMemberAssignment): string =>
  tasksText(`${prefix}ACTIVE`, activeTasks) + tasksText(`${prefix}STANDBY`, standbyTasks) + tasksText(`${prefix}WARMUP`, warmupTasks)

function printMembers(io: ToolIo, group: StreamsGroupDescription, isVerbose: boolean): void {
  if (!hasRows(group)) return
  tellState(io, group)
  const { groupId, members } = group
  const width = {
    group: widthOf([groupId]),
    member: widthOf(members.map(({ memberId }) => memberId)),
    process: widthOf(members.map(({ processId }) => processId)),
    client: widthOf(members.map(({ clientId }) => clientId))
  }
  const line = (cells: readonly (string | number)[]): string => {
    if (!isVerbose) return `${row(cells, [width.group, width.member, width.process, width.client])}\n`
    // Nothing is between the epoch of the topology and the member.
    const widths = [width.member, 15, 15, width.process, width.client]
    return `${row(cells.slice(0, 3), [width.group, 25, 15])}${row(cells.slice(3), widths)}\n`
  }
  const names = ['GROUP', 'TARGET-ASSIGNMENT-EPOCH', 'TOPOLOGY-EPOCH', 'MEMBER', 'MEMBER-PROTOCOL', 'MEMBER-EPOCH', 'PROCESS', 'CLIENT-ID']
  const shownNames = isVerbose ? names : ['GROUP', 'MEMBER', 'PROCESS', 'CLIENT-ID']
  io.out(line([...shownNames, 'ASSIGNMENTS']))
  for (const member of members) {
    const { memberId, processId, clientId, memberEpoch } = member
    const assigned = assignmentText('', member.assignment) + (isVerbose ? assignmentText('TARGET-', member.targetAssignment) : '')
    const protocol = member.isClassic ? 'classic' : 'streams'
    const cells = isVerbose
      ? [groupId, group.targetAssignmentEpoch, group.topologyEpoch, memberId, protocol, memberEpoch, processId, clientId]
      : [groupId, memberId, processId, clientId]
    io.out(line([...cells, assigned]))
  }
}

// ---- state

function printState(io: ToolIo, group: StreamsGroupDescription, isVerbose: boolean): void {
  tellState(io, group)
  const coordinator = coordinatorText(group.coordinator, ' ')
  const widths = [widthOf([group.groupId]), widthOf([coordinator], 25), 25, ...(isVerbose ? [15, 25] : [])]
  const epochNames = isVerbose ? ['GROUP-EPOCH', 'TARGET-ASSIGNMENT-EPOCH'] : []
  const epochs = isVerbose ? [group.groupEpoch, group.targetAssignmentEpoch] : []
  io.out(`${row(['GROUP', 'COORDINATOR (ID)', 'STATE', ...epochNames, '#MEMBERS'], widths)}\n`)
  io.out(`${row([group.groupId, coordinator, group.groupState, ...epochs, group.members.length], widths)}\n`)
}

// ---- offsets

/** The partitions of the source topics of the active tasks of all members. */
function activePartitions({ members, subtopologies }: StreamsGroupDescription): TopicPartition[] {
  const topics = new Map(
    subtopologies.map(({ subtopologyId, sourceTopics, repartitionSourceTopics }) => [
      subtopologyId,
      [...sourceTopics, ...repartitionSourceTopics.map(({ name }) => name)]
    ])
  )
  const found = new Map<string, TopicPartition>()
  for (const { subtopologyId, partitions } of members.flatMap(({ assignment }) => assignment.activeTasks)) {
    const sources = topics.get(subtopologyId)
    if (sources === undefined) throw new UsageError(`Subtopology ${subtopologyId} not found in group description!`)
    for (const topic of sources) for (const partition of partitions) found.set(partitionKey(topic, partition), { topic, partition })
  }
  return partitionOrder([...found.values()])
}

async function printOffsets(context: GroupsContext, group: StreamsGroupDescription, isVerbose: boolean): Promise<void> {
  const { admin, io, timeoutMs } = context
  const partitions = activePartitions(group)
  const listed = (spec: 'earliest' | 'latest') => {
    const queries = partitions.map((one) => ({ ...one, spec }))
    return wrapped(admin.listOffsets(queries, { timeoutMs }), executionException)
  }
  const [starts, ends] = await Promise.all([listed('earliest'), listed('latest')])
  const committed = await committedOffsets(context, group.groupId, { onlyInput: false })
  if (!hasRows(group)) return
  tellState(io, group)
  const widths = [widthOf([group.groupId]), widthOf(partitions.map(({ topic }) => topic)), 10, ...(isVerbose ? [15, 15, 15, 15] : [])]
  const more = isVerbose ? ['CURRENT-OFFSET', 'LEADER-EPOCH', 'LOG-END-OFFSET'] : []
  io.out(`${row(['GROUP', 'TOPIC', 'PARTITION', ...more, 'OFFSET-LAG'], widths)}\n`)
  for (const { topic, partition } of partitions) {
    const key = partitionKey(topic, partition)
    const [start, end, current] = [starts.get(key)?.offset ?? 0, ends.get(key)?.offset ?? 0, committed.get(key)]
    const lag = end - (current?.offset ?? start)
    const details = isVerbose ? [orMissing(current?.offset), orMissing(current?.leaderEpoch), end] : []
    io.out(`${row([group.groupId, topic, partition, ...details, lag], widths)}\n`)
  }
}
