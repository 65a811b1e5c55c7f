import {
  DeleteRecordsRequest,
  DeleteRecordsResponse,
  ErrorCode,
  IsolationLevel,
  ListOffsetsRequest,
  ListOffsetsResponse,
  ListOffsetsTimestamp
} from '@odradek/protocol'
import { errorOf, type KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { invalidConfig } from '../options.ts'
import { type CallOptions, partitionKey, type TopicPartition } from '../types.ts'
import { drive, leaderRetries, type Router, toLeaders, UNKNOWN_TOPIC_MS } from './driver.ts'
import type { KeyedResult } from './keyed-result.ts'
import { unknownName } from './names.ts'
import { keyed, topicsOf } from './partitions.ts'

/** A place in a log: by name, or the first record at or after a time (ms). */
export type OffsetSpec =
  | 'earliest'
  | 'latest'
  | 'maxTimestamp'
  | 'earliestLocal'
  | 'latestTiered'
  | 'earliestPendingUpload'
  | { readonly timestamp: number }

export interface OffsetQuery extends TopicPartition {
  readonly spec: OffsetSpec
}

export interface ListedOffset extends TopicPartition {
  /** -1: there is no such record. */
  readonly offset: number
  /** -1: the place has none. */
  readonly timestamp: number
  /** undefined: the broker does not tell. */
  readonly leaderEpoch: number | undefined
}

/** The version of ListOffsets that knows the place. */
const specs = {
  earliest: { timestamp: ListOffsetsTimestamp.EARLIEST, minVersion: 1 },
  latest: { timestamp: ListOffsetsTimestamp.LATEST, minVersion: 1 },
  maxTimestamp: { timestamp: ListOffsetsTimestamp.MAX_TIMESTAMP, minVersion: 7 },
  earliestLocal: { timestamp: ListOffsetsTimestamp.EARLIEST_LOCAL, minVersion: 8 },
  latestTiered: { timestamp: ListOffsetsTimestamp.LATEST_TIERED, minVersion: 9 },
  earliestPendingUpload: { timestamp: ListOffsetsTimestamp.EARLIEST_PENDING_UPLOAD, minVersion: 11 }
} as const

function specOf(spec: OffsetSpec): { timestamp: number; minVersion: number } {
  if (typeof spec !== 'string') {
    if (!Number.isSafeInteger(spec.timestamp)) throw invalidConfig(`A place by time is { timestamp } in ms, not ${String(spec.timestamp)}`)
    return { timestamp: spec.timestamp, minVersion: 1 }
  }
  if (Object.hasOwn(specs, spec)) return specs[spec]
  throw unknownName('place in a log', spec, Object.keys(specs))
}

/** Forgets the leader that turned out to be another one. */
function forget(cluster: Cluster, partitions: ReadonlyMap<string, TopicPartition>) {
  return (key: string, error: KafkaError): void => {
    cluster.invalidate((partitions.get(key) as TopicPartition).topic)
    if (error.errorCode === ErrorCode.BROKER_NOT_AVAILABLE) cluster.invalidate()
  }
}

/** What an older broker does not know is asked apart, so that the rest is answered. */
function toLeadersByVersion(cluster: Cluster, wanted: ReadonlyMap<string, OffsetQuery>): Router {
  const route = toLeaders(cluster, wanted)
  const versionOf = (key: string): number => specOf((wanted.get(key) as OffsetQuery).spec).minVersion
  return async (keys, signal) => {
    const { batches, errors } = await route(keys, signal)
    return {
      batches: batches.flatMap(({ target, keys: own }) =>
        [...Map.groupBy(own, versionOf).values()].map((part) => ({ target, keys: part }))
      ),
      errors
    }
  }
}

/** Keys are partitions as Kafka prints them: `orders-0`. */
export function listOffsets(
  cluster: Cluster,
  queries: readonly OffsetQuery[],
  options: CallOptions & { readonly isolationLevel?: 'read_uncommitted' | 'read_committed' } = {}
): KeyedResult<ListedOffset> {
  const wanted = keyed(queries)
  const isolationLevel = options.isolationLevel === 'read_committed' ? IsolationLevel.READ_COMMITTED : IsolationLevel.READ_UNCOMMITTED
  return drive<ListedOffset>(
    cluster,
    {
      what: 'listOffsets',
      keys: [...wanted.keys()],
      route: toLeadersByVersion(cluster, wanted),
      retryOn: leaderRetries,
      unknownTopicMs: UNKNOWN_TOPIC_MS,
      onRetry: forget(cluster, wanted),
      async send({ target, keys }, signal) {
        const minVersion = Math.max(...keys.map((key) => specOf((wanted.get(key) as OffsetQuery).spec).minVersion))
        const topics = [...topicsOf(wanted, keys)].map(([name, partitions]) => ({
          name,
          partitions: partitions.map(({ partition, spec }) => ({ partitionIndex: partition, timestamp: specOf(spec).timestamp }))
        }))
        const body = { replicaId: -1, isolationLevel, topics, timeoutMs: cluster.requestTimeoutMs }
        const response = await cluster.attempt(target, ListOffsetsRequest, ListOffsetsResponse, body, { signal, minVersion })
        return response.topics.flatMap(({ name: topic, partitions }) =>
          partitions.map(
            ({ partitionIndex: partition, errorCode, offset, timestamp, leaderEpoch }): [string, ListedOffset | KafkaError] => [
              partitionKey(topic, partition),
              errorOf(errorCode) ?? { topic, partition, offset, timestamp, leaderEpoch: leaderEpoch < 0 ? undefined : leaderEpoch }
            ]
          )
        )
      }
    },
    options
  )
}

/** Deletes records before `offset`; -1: all that are there. */
export interface RecordsToDelete extends TopicPartition {
  readonly beforeOffset: number
}

export function deleteRecords(
  cluster: Cluster,
  partitions: readonly RecordsToDelete[],
  options: CallOptions = {}
): KeyedResult<TopicPartition & { readonly lowWatermark: number }> {
  const wanted = keyed(partitions)
  return drive<TopicPartition & { lowWatermark: number }>(
    cluster,
    {
      what: 'deleteRecords',
      keys: [...wanted.keys()],
      route: toLeaders(cluster, wanted),
      retryOn: leaderRetries,
      unknownTopicMs: UNKNOWN_TOPIC_MS,
      onRetry: forget(cluster, wanted),
      async send({ target, keys }, signal) {
        const topics = [...topicsOf(wanted, keys)].map(([name, own]) => ({
          name,
          partitions: own.map(({ partition, beforeOffset }) => ({ partitionIndex: partition, offset: beforeOffset }))
        }))
        const body = { topics, timeoutMs: cluster.requestTimeoutMs }
        const response = await cluster.attempt(target, DeleteRecordsRequest, DeleteRecordsResponse, body, { signal })
        return response.topics.flatMap(({ name: topic, partitions: results }) =>
          results.map(
            ({
              partitionIndex: partition,
              errorCode,
              lowWatermark
            }): [string, { topic: string; partition: number; lowWatermark: number } | KafkaError] => [
              partitionKey(topic, partition),
              errorOf(errorCode) ?? { topic, partition, lowWatermark }
            ]
          )
        )
      }
    },
    options
  )
}
