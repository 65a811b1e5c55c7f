// Which groups there are, in the order in which Kafka's tools print them.
import type { Admin, GroupListing, ListGroupsOptions } from '@odradek/client'
import { nameOrder } from '../java.ts'
import { UsageError } from '../options.ts'
import { firstOf, ToolError, type ToolIo } from '../tool.ts'

export async function listGroups(admin: Admin, options: ListGroupsOptions = {}): Promise<GroupListing[]> {
  try {
    return nameOrder(await admin.listGroups(options), ({ groupId }) => groupId)
  } catch (error) {
    if ((firstOf(error) as { code?: string }).code !== 'REQUEST_TIMED_OUT') throw error
    throw new ToolError('Failed to find brokers to send ListGroups', 'org.apache.kafka.common.KafkaException')
  }
}

const states = ['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty', 'Assigning', 'Reconciling', 'NotReady'] as const
const classicOnly = ['PreparingRebalance', 'CompletingRebalance']

/** The states a group of a type can be in, in the order of Kafka's message. */
export const statesOf = {
  consumer: states.filter((state) => state !== 'NotReady'),
  share: ['Stable', 'Dead', 'Empty'],
  streams: states.filter((state) => !classicOnly.includes(state))
} as const

/** `empty,stable` as Kafka's names; nothing: no filter. Throws a UsageError for a state that groups of the type cannot be in. */
export function parseStates(text: string | undefined, type: keyof typeof statesOf): string[] {
  if (text === undefined || text === '') return []
  const valid: readonly string[] = statesOf[type]
  return text.split(',').map((given) => {
    const state = valid.find((one) => one.toLowerCase() === given.trim().toLowerCase())
    if (state === undefined) throw new UsageError(`Invalid state list '${text}'. Valid states are: ${valid.join(', ')}`)
    return state
  })
}

export function printGroupStates(groups: readonly GroupListing[], io: ToolIo): void {
  const width = Math.max(15, ...groups.map(({ groupId }) => groupId.length))
  io.out(`${'GROUP'.padEnd(width)} STATE\n`)
  for (const { groupId, groupState } of groups) io.out(`${groupId.padEnd(width)} ${groupState ?? 'Unknown'}\n`)
}

/** `Classic`, as Kafka prints the name of a type. */
export const typeName = (type: string | undefined, unknown: string): string =>
  type === undefined ? unknown : type.charAt(0).toUpperCase() + type.slice(1)
