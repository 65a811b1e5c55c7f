// Where the offsets of a group are set to: which partitions, which offsets, and what Kafka's tools say about it.
import type { OdradekError } from '@odradek/base'
import type { KeyedResult, ListedOffset, OffsetSpec, TopicPartition } from '@odradek/client'
import { partitionKey } from '@odradek/client/admin'
import {
  executionException,
  nameOrder,
  ofFirst,
  parseDateTime,
  parseDuration,
  partitionOrder,
  runtimeException,
  stringOrder,
  wrapped
} from '../java.ts'
import { type Options, UsageError } from '../options.ts'
import { call, exceptionName, logWarning, readInput, ToolError, type ToolIo, unreachable } from '../tool.ts'
import { formatRow, parseRows } from './csv.ts'
import type { GroupsContext } from './groups-context.ts'
import { scenarios } from './options.ts'
import { printError, row, widthOf } from './report.ts'

export type PartitionOffset = TopicPartition & { readonly offset: number }
/** By group. */
export type ResetPlan = ReadonlyMap<string, readonly PartitionOffset[]>

export interface Resetting extends GroupsContext {
  /** By partition; read only where the scenario starts from there. */
  committed(groupId: string): Promise<ReadonlyMap<string, PartitionOffset | null>>
}

// ---- which partitions

/** `topic` and `topic:0,1`: those with partitions first. */
export async function partitionsOf({ admin, timeoutMs }: Resetting, topicArguments: readonly string[]): Promise<TopicPartition[]> {
  const specified = topicArguments.filter((one) => one.includes(':')).flatMap(specifiedPartitions)
  const topics = topicArguments.filter((one) => !one.includes(':'))
  if (topics.length === 0) return specified
  const described = await ofFirst(call('listNodes', admin.describeTopics(topics, { timeoutMs })))
  const whole = nameOrder([...described.values()], ({ name }) => name, 1).flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partition }) => ({ topic, partition }))
  )
  return [...specified, ...whole]
}

export function specifiedPartitions(argument: string): TopicPartition[] {
  const [topic, partitions, ...more] = argument.replace(/:+$/, '').split(':')
  if (partitions === undefined || more.length > 0)
    throw new UsageError(`Invalid topic arg '${argument}', expected topic name and partitions`)
  return partitions
    .replace(/,+$/, '')
    .split(',')
    .map((text) => {
      if (!/^[+-]?\d{1,10}$/.test(text)) throw new UsageError(`Invalid partition '${text}' specified in topic arg '${argument}''`)
      return { topic, partition: Number(text) }
    })
}

/** Throws for a partition that does not exist or has no leader. */
export async function checkPartitions({ admin, timeoutMs }: Resetting, partitions: readonly TopicPartition[]): Promise<void> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))]
  const described = await wrapped(call('listNodes', admin.describeTopics(topics, { timeoutMs })), executionException, runtimeException)
  const infoOf = ({ topic, partition }: TopicPartition) => described.get(topic)?.partitions.find((info) => info.partition === partition)
  const list = (some: readonly TopicPartition[]): string => some.map(({ topic, partition }) => partitionKey(topic, partition)).join(',')
  const absent = partitions.filter((one) => infoOf(one) === undefined)
  if (absent.length > 0)
    throw new ToolError(`The partitions "${list(absent)}" do not exist`, 'org.apache.kafka.common.errors.UnknownTopicOrPartitionException')
  const leaderless = partitions.filter((one) => infoOf(one)?.leader === undefined)
  if (leaderless.length > 0)
    throw new ToolError(`The partitions "${list(leaderless)}" have no leader`, 'org.apache.kafka.common.errors.LeaderNotAvailableException')
}

// ---- which offsets

export async function listOffsets(
  { admin, timeoutMs }: Pick<Resetting, 'admin' | 'timeoutMs'>,
  partitions: readonly TopicPartition[],
  spec: OffsetSpec
): Promise<ReadonlyMap<string, ListedOffset>> {
  const queries = partitions.map(({ topic, partition }) => ({ topic, partition, spec }))
  return await wrapped(admin.listOffsets(queries, { timeoutMs }), executionException, runtimeException)
}

/** The new offsets of one group, in the order in which Kafka's tools print them. */
export async function plannedOffsets(
  resetting: Resetting,
  groupId: string,
  partitions: readonly TopicPartition[]
): Promise<PartitionOffset[]> {
  const { options } = resetting
  const scenario = scenarios.find((name) => options.has(name))
  if (scenario === undefined) {
    const all = scenarios.map((name) => `[${name}]`).join(', ')
    throw new UsageError(`Option '[reset-offsets]' requires one of the following scenarios: [${all}]`)
  }
  const planned = await plans[scenario](resetting, partitions, groupId)
  return partitionOrder(planned)
}

type Plan = (resetting: Resetting, partitions: readonly TopicPartition[], groupId: string) => Promise<PartitionOffset[]>

const plans: Readonly<Record<string, Plan>> = {
  'to-offset': (resetting, partitions) => {
    const [offset] = resetting.options.integers('to-offset')
    return withinRange(
      resetting,
      partitions.map((one) => ({ ...one, offset }))
    )
  },
  'to-earliest': (resetting, partitions) => at(resetting, partitions, 'earliest'),
  'to-latest': (resetting, partitions) => at(resetting, partitions, 'latest'),
  'to-datetime': async (resetting, partitions) => {
    const timestamp = await wrapped((async () => parseDateTime(resetting.options.values('to-datetime')[0]))(), runtimeException)
    return await atTime(resetting, partitions, timestamp)
  },
  'by-duration': (resetting, partitions) => {
    const durationMs = parseDuration(resetting.options.value('by-duration') as string)
    return atTime(resetting, partitions, Math.floor(Date.now() - durationMs))
  },
  'shift-by': async (resetting, partitions, groupId) => {
    const by = resetting.options.integer('shift-by') as number
    const committed = await resetting.committed(groupId)
    const shifted = partitions.map(({ topic, partition }) => {
      const key = partitionKey(topic, partition)
      const current = committed.get(key)
      if (current === undefined || current === null)
        throw new UsageError(`Cannot shift offset for partition ${key} since there is no current committed offset`)
      return { topic, partition, offset: current.offset + by }
    })
    return await withinRange(resetting, shifted)
  },
  'to-current': async (resetting, partitions, groupId) => {
    const committed = await resetting.committed(groupId)
    const currentOf = ({ topic, partition }: TopicPartition) => committed.get(partitionKey(topic, partition)) ?? undefined
    const current = partitions.flatMap((one) => currentOf(one) ?? [])
    const rest = partitions.filter((one) => currentOf(one) === undefined)
    return [...current.map(({ topic, partition, offset }) => ({ topic, partition, offset })), ...(await at(resetting, rest, 'latest'))]
  },
  'from-file': async (resetting, _, groupId) => {
    const planned = offsetsFromFile(resetting).filter(({ group }) => group === groupId)
    if (planned.length === 0) printError(resetting.io, `No reset plan for group ${groupId} found`)
    const last = new Map(planned.map(({ topic, partition, offset }) => [partitionKey(topic, partition), { topic, partition, offset }]))
    return await withinRange(resetting, [...last.values()])
  }
}

function offsetsFromFile({ options, io }: Resetting) {
  const groups = options.values('group')
  let text: string
  try {
    text = readInput(options.values('from-file')[0], io)
  } catch {
    throw runtimeException(new ToolError(`Unable to read file ${options.values('from-file')[0]}`, 'java.io.IOException'))
  }
  return parseRows(text, groups.length === 1 ? groups[0] : undefined)
}

async function at(resetting: Resetting, partitions: readonly TopicPartition[], spec: OffsetSpec): Promise<PartitionOffset[]> {
  const listed = await listOffsets(resetting, partitions, spec)
  return [...listed.values()].map(({ topic, partition, offset }) => ({ topic, partition, offset }))
}

async function atTime(resetting: Resetting, partitions: readonly TopicPartition[], timestamp: number): Promise<PartitionOffset[]> {
  const found = await at(resetting, partitions, { timestamp })
  const none = partitionOrder(found.filter(({ offset }) => offset < 0))
  for (const { topic, partition } of none)
    resetting.io.out(`\nWarn: Partition ${partition} from topic ${topic} is empty. Falling back to latest known offset.\n`)
  const ends = await listOffsets(resetting, none, 'latest')
  return found.map((one) => (one.offset >= 0 ? one : { ...one, offset: ends.get(partitionKey(one.topic, one.partition))?.offset ?? 0 }))
}

/** What lies outside of a log becomes its nearer end. */
async function withinRange(resetting: Resetting, wanted: readonly PartitionOffset[]): Promise<PartitionOffset[]> {
  const [starts, ends] = await Promise.all([listOffsets(resetting, wanted, 'earliest'), listOffsets(resetting, wanted, 'latest')])
  return partitionOrder(wanted).map(({ topic, partition, offset }) => {
    const key = partitionKey(topic, partition)
    const [start, end] = [starts.get(key)?.offset ?? offset, ends.get(key)?.offset ?? offset]
    const nearest = Math.min(Math.max(offset, start), end)
    if (nearest !== offset) {
      const side = offset > end ? 'higher than latest' : 'lower than earliest'
      const text = `New offset (${offset}) is ${side} offset for topic partition ${key}. Value will be set to ${nearest}`
      logWarning(resetting.io, text, 'org.apache.kafka.tools.OffsetsUtils')
    }
    return { topic, partition, offset: nearest }
  })
}

/** Throws, in the words of Java's admin, when the offsets of some partitions were not set. */
export async function requireAltered(made: KeyedResult<void>, offsets: readonly PartitionOffset[]): Promise<void> {
  const { errors } = await made.outcomes()
  const failed = partitionOrder(offsets)
    .map(({ topic, partition }) => partitionKey(topic, partition))
    .filter((key) => errors.has(key))
  if (failed.length === 0) return
  const first = unreachable('alterOffsets(api=FIND_COORDINATOR)', errors.get(failed[0])) as OdradekError
  if (first instanceof ToolError) throw first
  const message = `Failed altering group offsets for the following partitions: [${failed.join(', ')}]`
  throw new ToolError(message, `org.apache.kafka.common.errors.${exceptionName(first.code)}`)
}

// ---- what is printed

const header = ['GROUP', 'TOPIC', 'PARTITION', 'NEW-OFFSET']

export function printPlan(io: ToolIo, plan: ResetPlan, fixedWidths?: readonly number[]): void {
  const groups = stringOrder([...plan.keys()])
  const topics = [...plan.values()].flat().map(({ topic }) => topic)
  const widths = fixedWidths ?? [widthOf(groups), widthOf(topics), 10]
  if (groups.length > 0) io.out(`\n${row(header, widths)}`)
  for (const group of groups)
    for (const { topic, partition, offset } of plan.get(group) ?? []) io.out(`\n${row([group, topic, partition, offset], widths)}`)
  io.out('\n')
}

/** With several groups, or all, the lines name the group. */
export function exportPlan(io: ToolIo, plan: ResetPlan, options: Options): void {
  const isOneGroup = options.values('group').length === 1
  const lines = stringOrder([...plan.keys()]).flatMap((group) =>
    (plan.get(group) ?? []).map((one) => formatRow(isOneGroup ? one : { ...one, group }))
  )
  io.out(`${lines.join('')}\n`)
}
