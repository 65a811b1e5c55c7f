// Groups of Kafka Streams: what they are, and what they have committed.
import type { StreamsGroupDescription } from '@odradek/client'
import { partitionKey } from '@odradek/client/admin'
import { executionException, runtimeException, wrapped } from '../java.ts'
import { call } from '../tool.ts'
import type { GroupsContext } from './groups-context.ts'
import type { PartitionOffset } from './reset.ts'

export async function descriptionOf({ admin, timeoutMs }: GroupsContext, groupId: string): Promise<StreamsGroupDescription> {
  const described = call('describeStreamsGroups(api=FIND_COORDINATOR)', admin.describeStreamsGroups([groupId], { timeoutMs }))
  return (await wrapped(described, executionException)).get(groupId) as StreamsGroupDescription
}

/** What the group has committed of its source topics, and of what it repartitions too unless only input topics count. */
export async function committedOffsets(
  context: GroupsContext,
  groupId: string,
  { onlyInput }: { onlyInput: boolean }
): Promise<ReadonlyMap<string, PartitionOffset & { readonly leaderEpoch: number | undefined }>> {
  const { admin, timeoutMs } = context
  const { subtopologies } = await wrapped(descriptionOf(context, groupId), runtimeException)
  const topics = new Set(
    subtopologies.flatMap(({ sourceTopics, repartitionSourceTopics }) => [
      ...sourceTopics,
      ...(onlyInput ? [] : repartitionSourceTopics.map(({ name }) => name))
    ])
  )
  const found = await wrapped(admin.listStreamsGroupOffsets([groupId], { timeoutMs }), executionException, runtimeException)
  const offsets = [...(found.get(groupId)?.offsets.values() ?? [])].flatMap((one) => (one !== null && topics.has(one.topic) ? [one] : []))
  return new Map(offsets.map((one) => [partitionKey(one.topic, one.partition), one]))
}
