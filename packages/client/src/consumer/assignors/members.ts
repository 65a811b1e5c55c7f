import { stringsInHashOrder } from './java-order.ts'
import type { AssignorInput, AssignorPartition, MemberSubscription } from './types.ts'

/** Java's order of strings is that of UTF-16 units, as JavaScript's. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Static members first, by their instance; then the others, by their ids. */
export function compareMembers(a: MemberSubscription, b: MemberSubscription): number {
  const [x, y] = [a.groupInstanceId ?? null, b.groupInstanceId ?? null]
  if (x !== null && y !== null) return compareText(x, y)
  if (x !== null) return -1
  if (y !== null) return 1
  return compareText(a.memberId, b.memberId)
}

/** Topics that somebody wants and that have partitions, in the order Java walks them. */
export function wantedTopics({ partitions, members }: AssignorInput): [string, readonly AssignorPartition[]][] {
  const wanted = stringsInHashOrder([...members.values()].flatMap(({ topics }) => topics))
  const existing = wanted.filter((topic) => (partitions.get(topic)?.length ?? 0) > 0)
  return stringsInHashOrder(existing).map((topic) => [topic, partitions.get(topic) ?? []])
}

/** Racks matter when members and replicas share some, and not every partition is on all racks. */
export function needsRacks(memberRacks: ReadonlySet<string>, partitions: readonly AssignorPartition[]): boolean {
  const all = new Set(partitions.flatMap(({ racks }) => racks))
  if (memberRacks.size === 0 || all.isDisjointFrom(memberRacks)) return false
  return partitions.some(({ racks }) => new Set(racks).size !== all.size)
}
