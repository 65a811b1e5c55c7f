// Where logs begin and end, and what was written when: asked of the leaders, for the partitions of anybody.
import type { OffsetSpec } from '../admin/offsets.ts'
import { listOffsets } from '../admin/offsets.ts'
import type { Cluster } from '../network/cluster.ts'
import { invalidConfig } from '../options.ts'
import type { CallOptions, TopicPartition } from '../types.ts'
import type { OffsetAndTimestamp } from './types.ts'

export type Isolation = 'read_committed' | 'read_uncommitted'
type Options = CallOptions & { readonly isolationLevel: Isolation }

export async function endpointsOf(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  spec: OffsetSpec & string,
  options: Options
): Promise<Map<string, number>> {
  const queries = partitions.map(({ topic, partition }) => ({ topic, partition, spec }))
  const listed = await listOffsets(cluster, queries, options)
  return new Map([...listed].map(([key, { offset }]) => [key, offset]))
}

export async function offsetsForTimes(
  cluster: Cluster,
  times: readonly (TopicPartition & { readonly timestamp: number })[],
  options: Options
): Promise<Map<string, OffsetAndTimestamp | undefined>> {
  // Below 0 are the marks of places in a log (-1: its end), which are no times.
  for (const { timestamp } of times)
    if (!Number.isSafeInteger(timestamp) || timestamp < 0) throw invalidConfig(`A time is a whole number of ms from 0 on, not ${timestamp}`)
  const queries = times.map(({ topic, partition, timestamp }) => ({ topic, partition, spec: { timestamp } }))
  const listed = await listOffsets(cluster, queries, options)
  return new Map(
    [...listed].map(([key, { offset, timestamp, leaderEpoch }]) => [key, offset < 0 ? undefined : { offset, timestamp, leaderEpoch }])
  )
}
