// kafkajs's admin on the native one: each method maps arguments and results.
import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaError, Admin as NativeAdmin, TopicDescription } from '@odradek/client'
import { createAcls, deleteAcls, describeAcls } from './admin-acls.ts'
import { alterConfigs, describeConfigs } from './admin-configs.ts'
import { deleteGroups, describeGroups, fetchOffsets, offsetsByTimestamp, setOffsets, topicOffsets } from './admin-groups.ts'
import { type ClientBase, type Connected, connect } from './config.ts'
import {
  KafkaJSAggregateError,
  KafkaJSAlterPartitionReassignmentsError,
  KafkaJSCreateTopicError,
  KafkaJSDeleteTopicRecordsError,
  KafkaJSNonRetriableError,
  protocolError,
  translated
} from './errors.ts'
import { adminEvents, Events } from './events.ts'
import type {
  Admin,
  ITopicConfig,
  ITopicMetadata,
  ITopicPartitionConfig,
  ListPartitionReassignmentsResponse,
  OngoingPartitionReassignment,
  PartitionReassignment,
  SeekEntry,
  TopicPartitions
} from './types.ts'

const TIMEOUT_MS = 30_000

export function createAdmin(base: ClientBase): Admin {
  const logger = base.logger.namespace('Admin')
  const events = new Events(adminEvents, (event, error) => logger.error(`A listener of ${event} failed`, { error: String(error) }))
  let connected: Connected | undefined
  const on = <T>(work: (admin: NativeAdmin) => PromiseLike<T>): Promise<T> =>
    translated(() => {
      if (connected === undefined) throw new KafkaJSNonRetriableError('The admin client is not connected: call connect() first')
      return work(connected.admin)
    })
  return {
    connect: () =>
      translated(async () => {
        connected ??= await connect(base)
        events.emit(adminEvents.CONNECT, null)
      }),
    disconnect: () =>
      translated(async () => {
        const open = connected
        connected = undefined
        await open?.kafka.close()
        events.emit(adminEvents.DISCONNECT, null)
      }),
    listTopics: () => on(async (admin) => [...(await admin.listTopics({ listInternal: true })).keys()]),
    createTopics: (options) => on((admin) => createTopics(admin, options)),
    deleteTopics: ({ topics, timeout }) =>
      on(async (admin) => {
        requireList('topics', topics)
        await admin.deleteTopics(topics, { timeoutMs: timeout })
      }),
    createPartitions: (options) => on((admin) => createPartitions(admin, options)),
    fetchTopicMetadata: (options) => on((admin) => fetchTopicMetadata(admin, options?.topics)),
    fetchOffsets: (options) => {
      return on(async (admin) => {
        requireText('groupId', options.groupId)
        return fetchOffsets(admin, options)
      })
    },
    fetchTopicOffsets: (topic) => on(async (admin) => topicOffsets(admin, requireText('topic', topic))),
    fetchTopicOffsetsByTimestamp: (topic, timestamp) =>
      on(async (admin) => offsetsByTimestamp(admin, requireText('topic', topic), timestamp)),
    describeCluster: () =>
      on(async (admin) => {
        const { clusterId, controller, nodes } = await admin.describeCluster()
        return {
          brokers: nodes.map(({ id: nodeId, host, port }) => ({ nodeId, host, port })),
          controller: controller?.id ?? null,
          clusterId
        }
      }),
    setOffsets: (options) =>
      on(async (admin) => {
        requireText('groupId', options.groupId)
        requireText('topic', options.topic)
        requireList('partitions', options.partitions)
        await setOffsets(admin, options)
      }),
    resetOffsets: ({ groupId, topic, earliest = false }) =>
      on(async (admin) => {
        requireText('groupId', groupId)
        const ends = await topicOffsets(admin, requireText('topic', topic))
        const partitions = ends.map(({ partition, low, high }) => ({ partition, offset: earliest ? low : high }))
        await setOffsets(admin, { groupId, topic, partitions })
      }),
    describeConfigs: (options) => on((admin) => describeConfigs(admin, options)),
    alterConfigs: (options) => on((admin) => alterConfigs(admin, options)),
    listGroups: () =>
      on(async (admin) => ({
        groups: (await admin.listGroups()).map(({ groupId, protocol: protocolType }) => ({ groupId, protocolType }))
      })),
    deleteGroups: (groupIds) => on((admin) => deleteGroups(admin, groupIds)),
    describeGroups: (groupIds) => on(async (admin) => ({ groups: await describeGroups(admin, groupIds) })),
    describeAcls: (filter) => on((admin) => describeAcls(admin, filter)),
    deleteAcls: ({ filters }) => on((admin) => deleteAcls(admin, filters)),
    createAcls: ({ acl }) => on((admin) => createAcls(admin, acl)),
    deleteTopicRecords: (options) => on((admin) => deleteTopicRecords(admin, options)),
    alterPartitionReassignments: (options) => on((admin) => alterPartitionReassignments(admin, options)),
    listPartitionReassignments: (options) => on((admin) => listPartitionReassignments(admin, options)),
    logger: () => base.logger,
    on: events.on,
    events: adminEvents
  }
}

function requireText(what: string, value: string): string {
  if (typeof value !== 'string' || value === '') throw new KafkaJSNonRetriableError(`Invalid ${what} ${value}`)
  return value
}

function requireList(what: string, value: readonly unknown[]): void {
  if (!Array.isArray(value) || value.length === 0) throw new KafkaJSNonRetriableError(`Invalid ${what} array ${value}`)
}

interface CreateTopics {
  readonly validateOnly?: boolean
  readonly waitForLeaders?: boolean
  readonly timeout?: number
  readonly topics: readonly ITopicConfig[]
}

/** False: one was there already, and nothing else was wrong. */
async function createTopics(admin: NativeAdmin, { topics, validateOnly, timeout, waitForLeaders = true }: CreateTopics): Promise<boolean> {
  requireList('topics', topics)
  const names = topics.map(({ topic }) => topic)
  if (names.some((name) => typeof name !== 'string'))
    throw new KafkaJSNonRetriableError('Invalid topics array, the topic names have to be a valid string')
  if (new Set(names).size < names.length)
    throw new KafkaJSNonRetriableError('Invalid topics array, it cannot have multiple entries for the same topic')
  const wanted = topics.map(({ topic, numPartitions, replicationFactor, replicaAssignment, configEntries = [] }) => ({
    name: topic,
    ...(numPartitions !== undefined && numPartitions > 0 && { numPartitions }),
    ...(replicationFactor !== undefined && replicationFactor > 0 && { replicationFactor }),
    ...(replicaAssignment !== undefined && {
      replicasAssignments: Object.fromEntries(replicaAssignment.map(({ partition, replicas }) => [partition, replicas]))
    }),
    configs: Object.fromEntries(configEntries.map(({ name, value }) => [name, value]))
  }))
  const { errors } = await admin.createTopics(wanted, { validateOnly, timeoutMs: timeout }).outcomes()
  if (errors.size > 0) {
    if ([...errors.values()].every(({ code }) => code === 'TOPIC_ALREADY_EXISTS')) return false
    const list = [...errors].map(([topic, error]) => new KafkaJSCreateTopicError(protocolError(error), topic))
    throw new KafkaJSAggregateError('Topic creation errors', list)
  }
  if (waitForLeaders && validateOnly !== true) await leaders(admin, names, timeout ?? TIMEOUT_MS)
  return true
}

async function leaders(admin: NativeAdmin, names: readonly string[], timeoutMs: number): Promise<void> {
  for (const deadlineMs = Date.now() + timeoutMs; ; await delay(50)) {
    const { values } = await admin.describeTopics(names).outcomes()
    const isLed = (topic: TopicDescription): boolean => topic.partitions.every(({ leader }) => leader !== undefined)
    if (values.size === names.length && [...values.values()].every(isLed)) return
    if (Date.now() > deadlineMs) throw new KafkaJSNonRetriableError(`The topics ${names} have no leaders after ${timeoutMs} ms`)
  }
}

async function createPartitions(
  admin: NativeAdmin,
  options: { topicPartitions: readonly ITopicPartitionConfig[]; validateOnly?: boolean; timeout?: number }
): Promise<boolean> {
  const { topicPartitions, validateOnly, timeout } = options
  requireList('topic partitions', topicPartitions)
  const wanted = topicPartitions.map(({ topic, count, assignments }) => [topic, { totalCount: count, assignments }])
  await admin.createPartitions(Object.fromEntries(wanted), { validateOnly, timeoutMs: timeout })
  return true
}

async function fetchTopicMetadata(admin: NativeAdmin, topics: readonly string[] = []): Promise<{ topics: ITopicMetadata[] }> {
  const names = topics.length > 0 ? topics : [...(await admin.listTopics({ listInternal: true })).keys()]
  const described = await admin.describeTopics(names)
  const ids = (nodes: readonly { readonly id: number }[]): number[] => nodes.map(({ id }) => id)
  const metadata = [...described.values()].map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partition, leader, replicas, isr, offlineReplicas }) => ({
      // LEADER_NOT_AVAILABLE
      partitionErrorCode: leader === undefined ? 5 : 0,
      partitionId: partition,
      leader: leader?.id ?? -1,
      replicas: ids(replicas),
      isr: ids(isr),
      offlineReplicas: ids(offlineReplicas)
    }))
  }))
  return { topics: metadata }
}

async function deleteTopicRecords(admin: NativeAdmin, options: { topic: string; partitions: readonly SeekEntry[] }): Promise<void> {
  const topic = requireText('topic', options.topic)
  requireList('partitions', options.partitions)
  const wanted = options.partitions.map(({ partition, offset }) => ({ topic, partition, beforeOffset: Number(offset) }))
  const { errors } = await admin.deleteRecords(wanted).outcomes()
  if (errors.size === 0) return
  const partitions = options.partitions.flatMap(({ partition, offset }) => {
    const error = errors.get(`${topic}-${partition}`)
    return error === undefined ? [] : [{ partition, offset, error: protocolError(error) }]
  })
  throw new KafkaJSDeleteTopicRecordsError({ topic, partitions })
}

async function alterPartitionReassignments(
  admin: NativeAdmin,
  { topics, timeout }: { topics: readonly PartitionReassignment[]; timeout?: number }
): Promise<void> {
  requireList('topics', topics)
  const wanted = topics.flatMap(({ topic, partitionAssignment }) =>
    partitionAssignment.map(({ partition, replicas }) => ({ topic, partition, targetReplicas: replicas.length === 0 ? null : replicas }))
  )
  const { errors } = await admin.alterPartitionReassignments(wanted, { timeoutMs: timeout }).outcomes()
  if (errors.size === 0) return
  const failed = wanted.flatMap(({ topic, partition }) => {
    const error: KafkaError | undefined = errors.get(`${topic}-${partition}`)
    return error === undefined ? [] : [new KafkaJSAlterPartitionReassignmentsError(protocolError(error), topic, partition)]
  })
  throw new KafkaJSAggregateError('Errors altering partition reassignments', failed)
}

async function listPartitionReassignments(
  admin: NativeAdmin,
  { topics, timeout }: { topics?: readonly TopicPartitions[]; timeout?: number }
): Promise<ListPartitionReassignmentsResponse> {
  const asked = topics?.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  const ongoing = await admin.listPartitionReassignments(asked, { timeoutMs: timeout })
  const byTopic = Map.groupBy(ongoing.values(), ({ topic }) => topic)
  const partitionsOf = (
    list: { partition: number; replicas: readonly number[]; addingReplicas: readonly number[]; removingReplicas: readonly number[] }[]
  ) =>
    list.map(
      ({ partition, replicas, addingReplicas, removingReplicas }): OngoingPartitionReassignment => ({
        partitionIndex: partition,
        replicas: [...replicas],
        addingReplicas: [...addingReplicas],
        removingReplicas: [...removingReplicas]
      })
    )
  return { topics: [...byTopic].map(([topic, list]) => ({ topic, partitions: partitionsOf(list) })) }
}
