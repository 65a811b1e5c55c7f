// Where replicas live and who leads: log directories, reassignments, elections.
import {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
  AlterReplicaLogDirsRequest,
  AlterReplicaLogDirsResponse,
  DescribeLogDirsRequest,
  DescribeLogDirsResponse,
  ElectionType,
  ElectLeadersRequest,
  ElectLeadersResponse,
  ErrorCode,
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse
} from '@odradek/protocol'
import { errorOf, type KafkaError } from '../errors.ts'
import type { Cluster, Target } from '../network/cluster.ts'
import { type CallOptions, partitionKey, type TopicPartition } from '../types.ts'
import { drive, toController, toNodes } from './driver.ts'
import { partitionErrors } from './group-offsets.ts'
import { KeyedResult } from './keyed-result.ts'
import { byTopic, keyed, topicsOf } from './partitions.ts'

export interface ReplicaInfo extends TopicPartition {
  readonly size: number
  readonly offsetLag: number
  /** A copy that will take the place of the replica once it has caught up. */
  readonly isFuture: boolean
}

export interface LogDirDescription {
  readonly path: string
  readonly error: KafkaError | undefined
  /** By partition, future copies apart as `orders-0 future`. */
  readonly replicas: ReadonlyMap<string, ReplicaInfo>
  /** undefined: the broker does not tell. */
  readonly totalBytes: number | undefined
  readonly usableBytes: number | undefined
  readonly isCordoned: boolean
}

/** Keys are broker ids as text. */
export function describeLogDirs(
  cluster: Cluster,
  brokers: readonly number[],
  options: CallOptions & { readonly topicPartitions?: readonly TopicPartition[] } = {}
): KeyedResult<readonly LogDirDescription[]> {
  const wanted = options.topicPartitions
  const topics =
    wanted === undefined ? null : [...byTopic(wanted)].map(([topic, own]) => ({ topic, partitions: own.map(({ partition }) => partition) }))
  return drive<readonly LogDirDescription[]>(
    cluster,
    {
      what: 'describeLogDirs',
      keys: brokers.map(String),
      route: toNodes,
      async send({ target, keys }, signal) {
        const response = await cluster.attempt(target, DescribeLogDirsRequest, DescribeLogDirsResponse, { topics }, { signal })
        return [[keys[0], errorOf(response.errorCode) ?? response.results.map(logDir)]]
      }
    },
    options
  )
}

function logDir(result: DescribeLogDirsResponse['results'][number]): LogDirDescription {
  const replicas = new Map<string, ReplicaInfo>()
  for (const { name: topic, partitions } of result.topics) {
    for (const { partitionIndex: partition, partitionSize: size, offsetLag, isFutureKey: isFuture } of partitions)
      replicas.set(`${partitionKey(topic, partition)}${isFuture ? ' future' : ''}`, { topic, partition, size, offsetLag, isFuture })
  }
  return {
    path: result.logDir,
    error: errorOf(result.errorCode),
    replicas,
    totalBytes: result.totalBytes < 0 ? undefined : result.totalBytes,
    usableBytes: result.usableBytes < 0 ? undefined : result.usableBytes,
    isCordoned: result.isCordoned
  }
}

export interface TopicPartitionReplica extends TopicPartition {
  readonly brokerId: number
}

/** Keys of results about replicas: `orders-0@1`. */
export function replicaKey({ topic, partition, brokerId }: TopicPartitionReplica): string {
  return `${partitionKey(topic, partition)}@${brokerId}`
}

export interface ReplicaLogDirInfo extends TopicPartitionReplica {
  /** undefined: the replica is not on that broker. */
  readonly currentReplicaLogDir: string | undefined
  readonly currentReplicaOffsetLag: number
  readonly futureReplicaLogDir: string | undefined
  readonly futureReplicaOffsetLag: number
}

export function describeReplicaLogDirs(
  cluster: Cluster,
  replicas: readonly TopicPartitionReplica[],
  options: CallOptions = {}
): KeyedResult<ReplicaLogDirInfo> {
  const brokers = [...new Set(replicas.map(({ brokerId }) => brokerId))]
  const described = describeLogDirs(cluster, brokers, { ...options, topicPartitions: replicas }).outcomes()
  return new KeyedResult(
    described.then((outcomes) => {
      const values = new Map<string, ReplicaLogDirInfo>()
      const errors = new Map<string, KafkaError>()
      for (const replica of replicas) {
        const error = outcomes.errors.get(String(replica.brokerId))
        if (error !== undefined) errors.set(replicaKey(replica), error)
        else values.set(replicaKey(replica), placeOf(replica, outcomes.values.get(String(replica.brokerId)) ?? []))
      }
      return { values, errors }
    })
  )
}

function placeOf(replica: TopicPartitionReplica, dirs: readonly LogDirDescription[]): ReplicaLogDirInfo {
  const key = partitionKey(replica.topic, replica.partition)
  const current = dirs.find((dir) => dir.replicas.has(key))
  const future = dirs.find((dir) => dir.replicas.has(`${key} future`))
  return {
    ...replica,
    currentReplicaLogDir: current?.path,
    currentReplicaOffsetLag: current?.replicas.get(key)?.offsetLag ?? -1,
    futureReplicaLogDir: future?.path,
    futureReplicaOffsetLag: future?.replicas.get(`${key} future`)?.offsetLag ?? -1
  }
}

/** Keys are `replicaKey`s. */
export function alterReplicaLogDirs(
  cluster: Cluster,
  moves: readonly (TopicPartitionReplica & { readonly logDir: string })[],
  options: CallOptions = {}
): KeyedResult<void> {
  const wanted = new Map(moves.map((move) => [replicaKey(move), move]))
  return drive<void>(
    cluster,
    {
      what: 'alterReplicaLogDirs',
      keys: [...wanted.keys()],
      route: (keys) => {
        const brokers = Map.groupBy(keys, (key) => wanted.get(key)?.brokerId ?? -1)
        return { batches: [...brokers].map(([node, own]) => ({ target: { node }, keys: own })) }
      },
      async send({ target, keys }, signal) {
        const own = keys.flatMap((key) => wanted.get(key) ?? [])
        const dirs = [...Map.groupBy(own, ({ logDir: path }) => path)].map(([path, inDir]) => ({
          path,
          topics: [...byTopic(inDir)].map(([name, partitions]) => ({ name, partitions: partitions.map(({ partition }) => partition) }))
        }))
        const response = await cluster.attempt(target, AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, { dirs }, { signal })
        const { brokerId } = own[0]
        return response.results.flatMap(({ topicName: topic, partitions }) =>
          partitions.map(({ partitionIndex: partition, errorCode }): [string, KafkaError | undefined] => [
            replicaKey({ topic, partition, brokerId }),
            errorOf(errorCode)
          ])
        )
      }
    },
    options
  )
}

export interface NewPartitionReassignment extends TopicPartition {
  /** null: what is under way is cancelled. */
  readonly targetReplicas: readonly number[] | null
}

const notController: ReadonlySet<number> = new Set([ErrorCode.NOT_CONTROLLER])

/** Keys are partitions. */
export function alterPartitionReassignments(
  cluster: Cluster,
  reassignments: readonly NewPartitionReassignment[],
  options: CallOptions & { readonly allowReplicationFactorChange?: boolean } = {}
): KeyedResult<void> {
  const wanted = keyed(reassignments)
  const { allowReplicationFactorChange = true } = options
  return drive<void>(
    cluster,
    {
      what: 'alterPartitionReassignments',
      keys: [...wanted.keys()],
      route: toController,
      retryOn: notController,
      onRetry: () => cluster.invalidate(),
      async send({ target, keys }, signal) {
        const topics = [...topicsOf(wanted, keys)].map(([name, own]) => ({
          name,
          partitions: own.map(({ partition, targetReplicas }) => ({ partitionIndex: partition, replicas: targetReplicas }))
        }))
        const body = {
          timeoutMs: cluster.requestTimeoutMs,
          topics,
          ...(allowReplicationFactorChange ? {} : { allowReplicationFactorChange })
        }
        const minVersion = allowReplicationFactorChange ? undefined : 1
        const response = await cluster.attempt(target, AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, body, {
          signal,
          minVersion
        })
        const error = errorOf(response.errorCode, response.errorMessage)
        return error === undefined ? partitionErrors(response.responses) : keys.map((key) => [key, error])
      }
    },
    options
  )
}

export interface PartitionReassignment extends TopicPartition {
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

const controller: Target = { controller: true }

/** What is under way, of these partitions or of all, by partition. */
export async function listPartitionReassignments(
  cluster: Cluster,
  partitions?: readonly TopicPartition[],
  options: CallOptions = {}
): Promise<ReadonlyMap<string, PartitionReassignment>> {
  const topics =
    partitions === undefined
      ? null
      : [...byTopic(partitions)].map(([name, own]) => ({ name, partitionIndexes: own.map(({ partition }) => partition) }))
  const body = { timeoutMs: cluster.requestTimeoutMs, topics }
  const response = await cluster.call(controller, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, body, {
    ...options,
    errorOf: ({ errorCode, errorMessage }) => errorOf(errorCode, errorMessage)
  })
  const found = response.topics.flatMap(({ name: topic, partitions: own }) =>
    own.map(({ partitionIndex: partition, replicas, addingReplicas, removingReplicas }): [string, PartitionReassignment] => [
      partitionKey(topic, partition),
      { topic, partition, replicas, addingReplicas, removingReplicas }
    ])
  )
  return new Map(found)
}

/**
 * Of these partitions, or of all. Resolves to one entry a partition: undefined where a leader was elected; ELECTION_NOT_NEEDED where
 * the right one led already is an error of the partition, as with Java's client.
 */
export function electLeaders(
  cluster: Cluster,
  electionType: keyof typeof ElectionType,
  partitions?: readonly TopicPartition[],
  options: CallOptions = {}
): KeyedResult<void> {
  const topicPartitions =
    partitions === undefined
      ? null
      : [...byTopic(partitions)].map(([topic, own]) => ({ topic, partitions: own.map(({ partition }) => partition) }))
  const body = { electionType: ElectionType[electionType], topicPartitions, timeoutMs: cluster.requestTimeoutMs }
  const call = cluster.call(controller, ElectLeadersRequest, ElectLeadersResponse, body, {
    ...options,
    minVersion: electionType === 'UNCLEAN' ? 1 : undefined,
    errorOf: ({ errorCode }) => errorOf(errorCode)
  })
  return new KeyedResult(
    call.then(({ replicaElectionResults }) => {
      const results = replicaElectionResults.map(({ topic: name, partitionResult }) => ({
        name,
        partitions: partitionResult.map(({ partitionId: partitionIndex, ...rest }) => ({ partitionIndex, ...rest }))
      }))
      const outcomes = partitionErrors(results)
      return {
        values: new Map(outcomes.filter(([, error]) => error === undefined).map(([key]) => [key, undefined])),
        errors: new Map(outcomes.flatMap(([key, error]) => (error === undefined ? [] : [[key, error] as const])))
      }
    })
  )
}
