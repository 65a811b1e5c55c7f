// Which of the groups that are to be deleted can be: those of the type, without members.
import type { GroupListing } from '@odradek/client'
import { ToolError } from '../tool.ts'

export function requireEmptyGroups(
  groupIds: readonly string[],
  listings: readonly GroupListing[],
  type: 'share' | 'streams'
): { readonly ready: readonly string[]; readonly failed: readonly (readonly [groupId: string, error: unknown])[] } {
  const [kind, absence] = type === 'share' ? ['Share', 'is not a share group.'] : ['Streams', 'does not exist or is not a streams group.']
  const failed = new Map<string, unknown>()
  const unique = [...new Set(groupIds)]
  for (const groupId of unique) {
    const listing = listings.find((one) => one.groupId === groupId)
    const state = listing?.groupState
    if (listing === undefined) failed.set(groupId, new ToolError(`Group '${groupId}' ${absence}`))
    else if (state === 'Dead')
      failed.set(groupId, new ToolError(`${kind} group '${groupId}' group state is DEAD.`, 'java.lang.IllegalStateException'))
    else if (state !== undefined && state !== 'Empty')
      failed.set(
        groupId,
        new ToolError(`${kind} group '${groupId}' is not EMPTY.`, 'org.apache.kafka.common.errors.GroupNotEmptyException')
      )
  }
  return { ready: unique.filter((groupId) => !failed.has(groupId)), failed: [...failed] }
}
