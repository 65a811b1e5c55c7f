// Topics are made, deleted and get more partitions.
import { randomUuid, type Uuid, ZERO_UUID } from '@odradek/base'
import type {
  CreatePartitionsRequest,
  CreatePartitionsResponse,
  CreateTopicsRequest,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse
} from '@odradek/protocol'
import { hasUncordonedDirectory, isActive } from '../image/cluster.ts'
import { CONFIG_RESOURCE_TOPIC, type TopicImage } from '../image/metadata-image.ts'
import { type PartitionRegistration, partitionToRecord, RECOVERED } from '../image/partition-registration.ts'
import { type MetadataRecord, metadataRecord } from '../records.ts'
import { hasCollisionCharacters, topicNameProblem, unifyCollisionCharacters } from '../topic-name.ts'
import { type ApiError, apiError, NO_ERROR } from './api-error.ts'
import { changedConfigRecords } from './configs.ts'
import { type ControllerOutcome, type ControllerState, MAX_RECORDS_PER_OPERATION } from './controller-state.ts'
import { defaultDirectory } from './leadership.ts'
import { placeReplicas } from './placement.ts'

const CLUSTER_METADATA_TOPIC = '__cluster_metadata'

type NewTopic = CreateTopicsRequest['topics'][number]
type TopicResult = CreateTopicsResponse['topics'][number]
type MorePartitions = CreatePartitionsRequest['topics'][number]

export function createTopics(state: ControllerState, request: CreateTopicsRequest): ControllerOutcome<CreateTopicsResponse> {
  if (newPartitionCount(state, request) > MAX_RECORDS_PER_OPERATION) {
    return apiError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
  }
  const occurrences = Map.groupBy(request.topics, (topic) => topic.name)
  const records: MetadataRecord[] = []
  const topics: TopicResult[] = []
  const duplicates: TopicResult[] = []
  for (const [name, [topic, second]] of occurrences) {
    if (second !== undefined) duplicates.push(failedTopic(name, apiError('INVALID_REQUEST', 'Duplicate topic name.')))
    else if (name === CLUSTER_METADATA_TOPIC) {
      duplicates.push(failedTopic(name, apiError('INVALID_REQUEST', `Creation of internal topic ${CLUSTER_METADATA_TOPIC} is prohibited.`)))
    } else topics.push(createTopic(state, topic, records))
  }
  if (records.length > MAX_RECORDS_PER_OPERATION)
    return apiError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  return { records: request.validateOnly ? [] : records, response: { throttleTimeMs: 0, topics: [...topics, ...duplicates] } }
}

function newPartitionCount(state: ControllerState, request: CreateTopicsRequest): number {
  let count = 0
  for (const topic of request.topics) {
    if (topic.assignments.length > 0) count += topic.assignments.length
    else if (topic.numPartitions === -1) count += state.options.defaultPartitions
    else count += Math.max(topic.numPartitions, 0)
  }
  return count
}

export function failedTopic(name: string, error: ApiError): TopicResult {
  return { name, topicId: ZERO_UUID, ...error, topicConfigErrorCode: 0, numPartitions: -1, replicationFactor: -1, configs: [] }
}

/** The result of one topic; its records are appended to `records` when it can be made. */
function createTopic(state: ControllerState, topic: NewTopic, records: MetadataRecord[]): TopicResult {
  const nameError = newTopicNameError(state, topic.name)
  if (nameError !== undefined) return failedTopic(topic.name, nameError)
  const nullConfigs = topic.configs.filter((config) => config.value === null).map((config) => config.name)
  if (nullConfigs.length > 0) {
    return failedTopic(topic.name, apiError('INVALID_CONFIG', `Null value not supported for topic configs: ${nullConfigs.join(',')}`))
  }
  const configs = new Map(topic.configs.map((config) => [config.name, config.value as string]))
  const changes = new Map<string, string | null>(configs)
  const configRecords = changedConfigRecords(state, { type: CONFIG_RESOURCE_TOPIC, name: topic.name }, changes, { isNewResource: true })
  if ('errorCode' in configRecords) return failedTopic(topic.name, configRecords)
  const partitions = topic.assignments.length > 0 ? manualPartitions(state, topic) : placedPartitions(state, topic)
  if ('errorCode' in partitions) return failedTopic(topic.name, partitions)
  const topicId = randomUuid((size) => state.randomBytes(size))
  records.push(metadataRecord('TopicRecord', 0, { name: topic.name, topicId }), ...configRecords)
  records.push(...partitions.map((partition, id) => partitionToRecord(partition, topicId, id, state.image.metadataVersion)))
  return {
    name: topic.name,
    topicId,
    ...NO_ERROR,
    topicConfigErrorCode: 0,
    numPartitions: partitions.length,
    replicationFactor: partitions[0].replicas.length,
    configs: state.options.configRules.describeTopic(configs, state.image)
  }
}

function newTopicNameError(state: ControllerState, name: string): ApiError | undefined {
  if (state.image.topicIds.has(name)) return apiError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  const colliding = hasCollisionCharacters(name) ? state.image.collidingTopics.get(unifyCollisionCharacters(name)) : undefined
  if (colliding !== undefined) return apiError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${colliding[0]}`)
  const problem = topicNameProblem(name)
  return problem === undefined ? undefined : apiError('INVALID_TOPIC_EXCEPTION', problem)
}

function manualPartitions(state: ControllerState, topic: NewTopic): PartitionRegistration[] | ApiError {
  if (topic.replicationFactor !== -1) {
    return apiError('INVALID_REQUEST', 'A manual partition assignment was specified, but replication factor was not set to -1.')
  }
  if (topic.numPartitions !== -1) {
    return apiError('INVALID_REQUEST', 'A manual partition assignment was specified, but numPartitions was not set to -1.')
  }
  const partitions = new Map<number, PartitionRegistration>()
  let replicationFactor: number | undefined
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (partitions.has(partitionIndex)) {
      return apiError('INVALID_REPLICA_ASSIGNMENT', `Found multiple manual partition assignments for partition ${partitionIndex}`)
    }
    const error = assignmentError(state, brokerIds, replicationFactor)
    if (error !== undefined) return error
    replicationFactor = brokerIds.length
    const partition = newPartition(state, brokerIds)
    if (partition === undefined) return allInactiveError(partitionIndex)
    partitions.set(partitionIndex, partition)
  }
  const ordered: PartitionRegistration[] = []
  for (let partitionId = 0; partitionId < partitions.size; partitionId++) {
    const partition = partitions.get(partitionId)
    if (partition === undefined)
      return apiError('INVALID_REPLICA_ASSIGNMENT', 'partitions should be a consecutive 0-based integer sequence')
    ordered.push(partition)
  }
  return ordered
}

function allInactiveError(partitionId: number): ApiError {
  return apiError(
    'INVALID_REPLICA_ASSIGNMENT',
    `All brokers specified in the manual partition assignment for partition ${partitionId} are fenced or in controlled shutdown.`
  )
}

/** What is wrong with the replicas that a client named for a partition, or undefined. */
export function assignmentError(state: ControllerState, brokerIds: readonly number[], replicationFactor?: number): ApiError | undefined {
  if (brokerIds.length === 0)
    return apiError('INVALID_REPLICA_ASSIGNMENT', 'The manual partition assignment includes an empty replica list.')
  const sorted = [...brokerIds].sort((a, b) => a - b)
  for (const [index, brokerId] of sorted.entries()) {
    if (!state.image.brokers.has(brokerId)) {
      return apiError(
        'INVALID_REPLICA_ASSIGNMENT',
        `The manual partition assignment includes broker ${brokerId}, but no such broker is registered.`
      )
    }
    if (index > 0 && sorted[index - 1] === brokerId) {
      return apiError('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment includes the broker ${brokerId} more than once.`)
    }
  }
  if (replicationFactor !== undefined && brokerIds.length !== replicationFactor) {
    return apiError(
      'INVALID_REPLICA_ASSIGNMENT',
      `The manual partition assignment includes a partition with ${brokerIds.length} replica(s), but this is not consistent with ` +
        `previous partitions, which have ${replicationFactor} replica(s).`
    )
  }
  return undefined
}

function placedPartitions(state: ControllerState, topic: NewTopic): PartitionRegistration[] | ApiError {
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0) {
    return apiError('INVALID_REPLICATION_FACTOR', 'Replication factor must be larger than 0, or -1 to use the default value.')
  }
  if (topic.numPartitions < -1 || topic.numPartitions === 0) {
    return apiError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
  }
  const replicationFactor = topic.replicationFactor === -1 ? state.options.defaultReplicationFactor : topic.replicationFactor
  const count = topic.numPartitions === -1 ? state.options.defaultPartitions : topic.numPartitions
  const placed = placePartitions(state, count, replicationFactor)
  if (!('errorCode' in placed)) return placed
  return { ...placed, errorMessage: `Unable to replicate the partition ${replicationFactor} time(s): ${placed.errorMessage}` }
}

function placePartitions(state: ControllerState, partitions: number, replicationFactor: number): PartitionRegistration[] | ApiError {
  const brokers = [...state.image.brokers.values()].filter((broker) => !broker.inControlledShutdown && hasUncordonedDirectory(broker))
  const placement = placeReplicas({ partitions, replicationFactor, brokers, randomBelow: (bound) => state.randomBelow(bound) })
  if ('error' in placement) return placement.error
  const placed: PartitionRegistration[] = []
  for (const replicas of placement.replicas) {
    const partition = newPartition(state, replicas)
    if (partition === undefined)
      return apiError('INVALID_REPLICATION_FACTOR', 'All brokers are currently fenced or in controlled shutdown.')
    placed.push(partition)
  }
  return placed
}

/** Undefined when no replica is active. */
function newPartition(state: ControllerState, replicas: readonly number[]): PartitionRegistration | undefined {
  const isr = replicas.filter((replica) => isActive(state.image.brokers.get(replica)))
  if (isr.length === 0) return undefined
  return {
    replicas,
    directories: replicas.map((replica) => defaultDirectory(state.image, replica)),
    isr,
    removingReplicas: [],
    addingReplicas: [],
    elr: [],
    lastKnownElr: [],
    leader: isr[0],
    leaderRecoveryState: RECOVERED,
    leaderEpoch: 0,
    partitionEpoch: 0
  }
}

export function createPartitions(state: ControllerState, request: CreatePartitionsRequest): ControllerOutcome<CreatePartitionsResponse> {
  const records: MetadataRecord[] = []
  const results = Array.from(
    Map.groupBy(request.topics, (topic) => topic.name),
    ([name, [topic, second]]) => {
      const error = second === undefined ? addPartitions(state, topic, records) : apiError('INVALID_REQUEST', 'Duplicate topic name.')
      return { name, ...error }
    }
  )
  if (records.length > MAX_RECORDS_PER_OPERATION)
    return apiError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  return { records: request.validateOnly ? [] : records, response: { throttleTimeMs: 0, results } }
}

function addPartitions(state: ControllerState, request: MorePartitions, records: MetadataRecord[]): ApiError {
  const topic = state.image.topic(request.name)
  if (topic === undefined) return apiError('UNKNOWN_TOPIC_OR_PARTITION', null)
  const existing = topic.partitions.size
  const additional = request.count - existing
  if (additional === 0) return apiError('INVALID_PARTITIONS', `Topic already has ${existing} partition(s).`)
  if (additional < 0) {
    const message = `The topic ${topic.name} currently has ${existing} partition(s); ${request.count} would not be an increase.`
    return apiError('INVALID_PARTITIONS', message)
  }
  if (request.assignments !== null && request.assignments.length !== additional) {
    const message = `Attempted to add ${additional} additional partition(s), but only ${request.assignments.length} assignment(s) were specified.`
    return apiError('INVALID_REPLICA_ASSIGNMENT', message)
  }
  if (additional > MAX_RECORDS_PER_OPERATION) return apiError('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
  const partitions = additionalPartitions(state, topic, request, additional)
  if ('errorCode' in partitions) return partitions
  const { metadataVersion } = state.image
  records.push(...partitions.map((partition, index) => partitionToRecord(partition, topic.id, existing + index, metadataVersion)))
  return NO_ERROR
}

function additionalPartitions(
  state: ControllerState,
  topic: TopicImage,
  request: MorePartitions,
  additional: number
): PartitionRegistration[] | ApiError {
  const replicationFactor = topic.partitions.get(0)?.replicas.length ?? 1
  if (request.assignments === null) return placePartitions(state, additional, replicationFactor)
  const partitions: PartitionRegistration[] = []
  for (const { brokerIds } of request.assignments) {
    const error = assignmentError(state, brokerIds, replicationFactor)
    if (error !== undefined) return error
    const partition = newPartition(state, brokerIds)
    if (partition === undefined) return allInactiveError(topic.partitions.size + partitions.length)
    partitions.push(partition)
  }
  return partitions
}

/** Topics are named by name, by id, or (to version 5) in a list of names. One named twice is refused, however it was named. */
export function deleteTopics(state: ControllerState, request: DeleteTopicsRequest): ControllerOutcome<DeleteTopicsResponse> {
  if (!state.options.isTopicDeletionEnabled) return apiError('TOPIC_DELETION_DISABLED')
  const responses: DeleteTopicsResponse['responses'] = []
  const respond = (name: string | null, topicId: Uuid, error: ApiError): number => responses.push({ name, topicId, ...error })
  const names: string[] = [...request.topicNames]
  const ids: Uuid[] = []
  for (const { name, topicId } of request.topics) {
    if (name === null && topicId === ZERO_UUID)
      respond(null, ZERO_UUID, apiError('INVALID_REQUEST', 'Neither topic name nor id were specified.'))
    else if (name === null) ids.push(topicId)
    else if (topicId === ZERO_UUID) names.push(name)
    else respond(name, topicId, apiError('INVALID_REQUEST', 'You may not specify both topic name and topic id.'))
  }
  const deletions = new Map<Uuid, TopicImage>()
  const duplicateIds = new Set<Uuid>()
  for (const [id, { length }] of Map.groupBy(ids, (id) => id)) {
    const topic = state.image.topicById(id)
    if (length > 1) {
      duplicateIds.add(id)
      respond(null, id, apiError('INVALID_REQUEST', 'Duplicate topic id.'))
    } else if (topic === undefined) respond(null, id, apiError('UNKNOWN_TOPIC_ID'))
    else deletions.set(id, topic)
  }
  for (const [name, { length }] of Map.groupBy(names, (name) => name)) {
    const topic = state.image.topic(name)
    if (length > 1) respond(name, ZERO_UUID, apiError('INVALID_REQUEST', 'Duplicate topic name.'))
    else if (topic === undefined) respond(name, ZERO_UUID, apiError('UNKNOWN_TOPIC_OR_PARTITION'))
    else if (duplicateIds.has(topic.id) || deletions.has(topic.id)) {
      duplicateIds.add(topic.id)
      deletions.delete(topic.id)
      respond(name, topic.id, apiError('INVALID_REQUEST', 'The provided topic name maps to an ID that was already supplied.'))
    } else deletions.set(topic.id, topic)
  }
  const records = Array.from(deletions.keys(), (topicId) => metadataRecord('RemoveTopicRecord', 0, { topicId }))
  if (records.length > MAX_RECORDS_PER_OPERATION)
    return apiError('POLICY_VIOLATION', 'Unable to perform excessively large batch operation.')
  for (const topic of deletions.values()) respond(topic.name, topic.id, NO_ERROR)
  return { records, response: { throttleTimeMs: 0, responses } }
}

/** Every item of a refused request gets the refusal. */
export const refusedTopics = (request: CreateTopicsRequest, error: ApiError): CreateTopicsResponse => ({
  throttleTimeMs: 0,
  topics: request.topics.map((topic) => failedTopic(topic.name, error))
})

export const refusedPartitions = (request: CreatePartitionsRequest, error: ApiError): CreatePartitionsResponse => ({
  throttleTimeMs: 0,
  results: request.topics.map(({ name }) => ({ name, ...error }))
})

export const refusedDeletions = (request: DeleteTopicsRequest, error: ApiError): DeleteTopicsResponse => ({
  throttleTimeMs: 0,
  responses: [
    ...request.topicNames.map((name) => ({ name, topicId: ZERO_UUID, ...error })),
    ...request.topics.map(({ name, topicId }) => ({ name, topicId, ...error }))
  ]
})
