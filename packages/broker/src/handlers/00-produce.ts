// Produce: append where this broker leads, answer when the acknowledgement the client asked for is there.
//
// The append is synchronous and the log copies what it keeps, so that the frame's buffer is free when the handler returns.
// acks=0 has no answer; an error under acks=0 closes the connection, which is how the client learns of it.
import { type Uuid, ZERO_UUID } from '@odradek/base'
import { ErrorCode, type Input, ProduceRequest, ProduceResponse } from '@odradek/protocol'
import type { AppendResult } from '@odradek/storage'
import type { BrokerContext } from '../broker-context.ts'
import { currentLeader, isLeaderError, leaderEndpoints } from '../current-leader.ts'
import { type Answer, CLOSE_CONNECTION, defineHandler, NO_RESPONSE, type RequestContext } from '../handler.ts'
import { isInternalTopic } from '../internal-topics.ts'
import type { Traffic } from '../metrics/traffic.ts'
import { checkProduceRecords, isTransactional } from '../produce-records.ts'
import type { Partition } from '../replica/partition.ts'
import type { CommitWait, LocalTopic } from '../replica/replica-manager.ts'
import { missingPartitionCode, missingTopicCode } from '../topic-lookup.ts'

type ProduceRequestTopicProduceData = ProduceRequest['topicData'][number]
type ProduceRequestPartitionProduceData = ProduceRequest['topicData'][number]['partitionData'][number]
type ProduceResponsePartitionProduceResponse = ProduceResponse['responses'][number]['partitionResponses'][number]

type PartitionResponse = Input<ProduceResponsePartitionProduceResponse> & { index: number; errorCode: number }
const TOPIC_IDS_VERSION = 13
const CURRENT_LEADER_VERSION = 10
const WITHOUT_LOG_START: ReadonlySet<number> = new Set([
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.KAFKA_STORAGE_ERROR
])
/** Without a transaction coordinator nobody can say that the partition belongs to the transaction. */
const NOT_VERIFIED = {
  errorCode: ErrorCode.NOT_ENOUGH_REPLICAS,
  message: 'Unable to verify the partition has been added to the transaction. Underlying error: COORDINATOR_NOT_AVAILABLE'
}
/** Only Kafka's own admin client writes to internal topics by hand. */
const ADMIN_CLIENT_ID = '__admin_client'

export const produceHandler = defineHandler<BrokerContext, ProduceRequest, ProduceResponse>(
  ProduceRequest,
  ProduceResponse,
  handleProduce,
  {
    mayOverlap: true,
    isDoneWithRequest: true,
    failure: (request, errorCode, context) => (request.acks === 0 ? undefined : failAll(request, errorCode, context))
  }
)

function handleProduce(
  broker: BrokerContext,
  request: ProduceRequest,
  context: RequestContext
): Answer<ProduceResponse> | Promise<Answer<ProduceResponse>> {
  const { acks } = request
  if (request.transactionalId === null && hasTransactionalRecords(request)) {
    return acks === 0 ? CLOSE_CONNECTION : failAll(request, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, context)
  }
  const waits: CommitWait[] = []
  let hasErrors = false
  const responses = request.topicData.map((topicData) => {
    const topic = findTopic(broker, topicData, context)
    const partitionResponses = topicData.partitionData.map((data) => {
      const response = appendPartition(broker, { request, topicData, topic, data, context, waits })
      if (response.errorCode !== ErrorCode.NONE) hasErrors = true
      return response
    })
    const name = topic?.name ?? (topicData.name || broker.image.topicById(topicData.topicId)?.name || '')
    return { name, topicId: topicData.topicId, partitionResponses }
  })
  if (acks === 0) return withoutAnswer(broker, waits, responses)
  const response = hasErrors ? withLeaders(broker, responses, context) : { responses }
  if (waits.length === 0) return response
  return new Promise((resolve) => broker.replicas.awaitCommits(waits, Math.max(0, request.timeoutMs), () => resolve(response)))
}

/**
 * acks=0. Nobody waits for an answer, but the request's memory is not given back before the disk has taken what it brought. An error
 * closes the connection, which is how the client learns of it.
 */
function withoutAnswer(
  broker: BrokerContext,
  waits: readonly CommitWait[],
  responses: readonly { partitionResponses: readonly PartitionResponse[] }[]
): Answer<ProduceResponse> | Promise<Answer<ProduceResponse>> {
  const outcome = () => {
    const hasErrors = responses.some(({ partitionResponses }) => partitionResponses.some(({ errorCode }) => errorCode !== ErrorCode.NONE))
    return hasErrors ? CLOSE_CONNECTION : NO_RESPONSE
  }
  const now = outcome()
  if (waits.length === 0 || now === CLOSE_CONNECTION) return now
  return new Promise((resolve) => broker.replicas.awaitCommits(waits, undefined, () => resolve(outcome())))
}

function hasTransactionalRecords(request: ProduceRequest): boolean {
  return request.topicData.some(({ partitionData }) => partitionData.some(({ records }) => isTransactional(records)))
}

/** Partitions that have moved are answered with where to. */
function withLeaders(
  broker: BrokerContext,
  responses: { name: string; topicId: Uuid; partitionResponses: PartitionResponse[] }[],
  context: RequestContext
): Input<ProduceResponse> {
  if (context.apiVersion < CURRENT_LEADER_VERSION) return { responses }
  const leaderIds: number[] = []
  for (const { name, partitionResponses } of responses) {
    for (const response of partitionResponses) {
      const leader = isLeaderError(response.errorCode) ? currentLeader(broker, name, response.index) : undefined
      if (leader === undefined) continue
      response.currentLeader = leader
      leaderIds.push(leader.leaderId)
    }
  }
  return { responses, nodeEndpoints: leaderEndpoints(broker, leaderIds, context) }
}

function findTopic(broker: BrokerContext, data: ProduceRequestTopicProduceData, context: RequestContext): LocalTopic | undefined {
  return context.apiVersion >= TOPIC_IDS_VERSION ? broker.replicas.topicById(data.topicId) : broker.replicas.topic(data.name)
}

interface PartitionAppend {
  readonly request: ProduceRequest
  readonly topicData: ProduceRequestTopicProduceData
  readonly topic: LocalTopic | undefined
  readonly data: ProduceRequestPartitionProduceData
  readonly context: RequestContext
  readonly waits: CommitWait[]
}

function appendPartition(broker: BrokerContext, append: PartitionAppend): PartitionResponse {
  const { request, topicData, topic, data, context, waits } = append
  const { index } = data
  const partition = topic?.partitions[index]
  const refusal = refuse(append, partition)
  if (refusal !== undefined) return failed(index, refusal.errorCode, refusal.message)
  if (partition === undefined) return failed(index, missingCode(broker, topicData, index, context))
  const records = data.records as Buffer
  if (request.acks < -1 || request.acks > 1) return failed(index, ErrorCode.INVALID_REQUIRED_ACKS)
  const result = partition.append(records, { origin: 'client', now: context.now })
  countAppend(broker.replicas.traffic, result, records)
  if (topic !== undefined) countAppend(topic.traffic, result, records)
  if (result.errorCode !== ErrorCode.NONE) return rejected(index, result)
  const response: PartitionResponse = {
    index,
    errorCode: ErrorCode.NONE,
    baseOffset: result.baseOffset,
    logAppendTimeMs: result.logAppendTimeMs,
    logStartOffset: partition.log.logStartOffset
  }
  waits.push({
    partition,
    offset: result.lastOffset + 1,
    bytes: records.length,
    onResult: (errorCode) => settle(response, errorCode)
  })
  return response
}

function countAppend(traffic: Traffic, { errorCode, baseOffset, lastOffset }: AppendResult, records: Buffer): void {
  traffic.produceRequests++
  if (errorCode === ErrorCode.MESSAGE_TOO_LARGE || errorCode === ErrorCode.RECORD_LIST_TOO_LARGE) traffic.bytesRejected += records.length
  if (errorCode !== ErrorCode.NONE) return
  traffic.bytesIn += records.length
  traffic.messagesIn += lastOffset - baseOffset + 1
}

/** What forbids the append whatever the log says. */
function refuse(append: PartitionAppend, partition: Partition | undefined): { errorCode: number; message?: string } | undefined {
  const { request, topic, data, context } = append
  const refusal = checkProduceRecords(data.records, context.apiVersion)
  if (refusal !== undefined) return refusal
  if (topic !== undefined && isInternalTopic(topic.name) && context.clientId !== ADMIN_CLIENT_ID)
    return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION }
  if (partition === undefined) return undefined
  if (partition.errorCode !== ErrorCode.NONE) return { errorCode: partition.errorCode }
  if (isTransactional(data.records)) return NOT_VERIFIED
  if (request.acks === -1 && partition.isUnderMinIsr) return { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS }
  return undefined
}

function missingCode(broker: BrokerContext, data: ProduceRequestTopicProduceData, index: number, context: RequestContext): number {
  if (context.apiVersion >= TOPIC_IDS_VERSION) {
    const topic = broker.image.topicById(data.topicId)
    return topic === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : missingPartitionCode(broker, topic, index)
  }
  return missingTopicCode(broker, data.name, index)
}

/** As Apache Kafka has it: a message only where single records are to blame, the log's start where the log looked at the batch. */
function rejected(index: number, { errorCode, message, recordErrors, logStartOffset }: AppendResult): PartitionResponse {
  return {
    ...failed(index, errorCode, recordErrors.length > 0 ? message : null),
    recordErrors: recordErrors.map(({ batchIndex, message: batchIndexErrorMessage }) => ({ batchIndex, batchIndexErrorMessage })),
    logStartOffset: WITHOUT_LOG_START.has(errorCode) ? -1 : logStartOffset
  }
}

function settle(response: PartitionResponse, errorCode: number): void {
  if (errorCode === ErrorCode.NONE) return
  response.errorCode = errorCode
  response.baseOffset = -1
  response.logAppendTimeMs = -1
  response.logStartOffset = -1
}

function failed(index: number, errorCode: number, errorMessage: string | null = null): PartitionResponse {
  return { index, errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, errorMessage }
}

function failAll(request: ProduceRequest, errorCode: number, context: RequestContext): Input<ProduceResponse> {
  const byId = context.apiVersion >= TOPIC_IDS_VERSION
  return {
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name: byId ? '' : name,
      topicId: byId ? topicId : ZERO_UUID,
      partitionResponses: partitionData.map(({ index }) => failed(index, errorCode))
    }))
  }
}
