// Fetch: what the tail caches have is answered in the same turn; what is not there yet parks until enough bytes came or
// max wait is over. Sessions (KIP-227) make request and answer incremental.
import { ZERO_UUID } from '@odradek/base'
import { ErrorCode, FetchRequest, FetchResponse, type Input } from '@odradek/protocol'
import type { BrokerContext } from '../broker-context.ts'
import { currentLeader, isLeaderError, leaderEndpoints } from '../current-leader.ts'
import { type FetchPartition, type FetchScope, FINAL_EPOCH, INVALID_SESSION_ID, noteOutcome, rotate } from '../fetch/fetch-session.ts'
import { type PartitionRead, type ReadLimits, readPartitions } from '../fetch/read-partitions.ts'
import { defineHandler, type RequestContext } from '../handler.ts'
import type { Partition } from '../replica/partition.ts'

type FetchResponseFetchableTopicResponse = FetchResponse['responses'][number]

const TOPIC_IDS_VERSION = 13
const SESSIONS_VERSION = 7
const NODE_ENDPOINTS_VERSION = 16
const READ_COMMITTED = 1

export const fetchHandler = defineHandler<BrokerContext, FetchRequest, FetchResponse>(FetchRequest, FetchResponse, handleFetch, {
  failure: (request, errorCode, context) => failAll(request, errorCode, context)
})

type Response = Input<FetchResponse>

function handleFetch(broker: BrokerContext, request: FetchRequest, context: RequestContext): Response | Promise<Response> {
  const replicaId = context.apiVersion >= 15 ? request.replicaState.replicaId : request.replicaId
  // only brokers replicate, and there is no other broker
  if (replicaId >= 0) return failAll(request, ErrorCode.CLUSTER_AUTHORIZATION_FAILED, context)
  const scope = beginSession(broker, request, context)
  if (scope.errorCode !== ErrorCode.NONE) return { errorCode: scope.errorCode, sessionId: INVALID_SESSION_ID, responses: [] }
  return new Fetch(broker, request, context, scope).start()
}

function beginSession(broker: BrokerContext, request: FetchRequest, context: RequestContext): FetchScope {
  const usesTopicIds = context.apiVersion >= TOPIC_IDS_VERSION
  const partitions: FetchPartition[] = []
  for (const { topic, topicId, partitions: wanted } of request.topics) {
    for (const entry of wanted) {
      partitions.push({
        topic: usesTopicIds ? '' : topic,
        topicId: usesTopicIds ? topicId : ZERO_UUID,
        partition: entry.partition,
        maxBytes: entry.partitionMaxBytes,
        currentLeaderEpoch: entry.currentLeaderEpoch,
        fetchOffset: entry.fetchOffset,
        lastFetchedEpoch: entry.lastFetchedEpoch,
        logStartOffset: entry.logStartOffset,
        sentHighWatermark: -1,
        sentLogStartOffset: -1
      })
    }
  }
  const forgotten = request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((partition) => ({ topic: usesTopicIds ? '' : topic, topicId: usesTopicIds ? topicId : ZERO_UUID, partition }))
  )
  const hasSessions = context.apiVersion >= SESSIONS_VERSION
  const sessionId = hasSessions ? request.sessionId : INVALID_SESSION_ID
  const sessionEpoch = hasSessions ? request.sessionEpoch : FINAL_EPOCH
  return broker.fetchSessions.begin({ sessionId, sessionEpoch, usesTopicIds, partitions, forgotten }, broker.world.clock.monotonicMs())
}

class Fetch {
  readonly #broker: BrokerContext
  readonly #scope: FetchScope
  readonly #limits: ReadLimits
  readonly #minBytes: number
  readonly #deadlineMs: number
  readonly #context: RequestContext

  constructor(broker: BrokerContext, request: FetchRequest, context: RequestContext, scope: FetchScope) {
    this.#broker = broker
    this.#context = context
    this.#scope = scope
    const maxBytes = Math.max(0, Math.min(request.maxBytes, broker.fetchBytesMax()))
    const usesTopicIds = context.apiVersion >= TOPIC_IDS_VERSION
    this.#limits = { maxBytes, isCommitted: request.isolationLevel === READ_COMMITTED, usesTopicIds }
    this.#minBytes = Math.min(request.minBytes, maxBytes)
    this.#deadlineMs = request.maxWaitMs <= 0 ? 0 : broker.world.clock.monotonicMs() + request.maxWaitMs
  }

  /** While peers do not read their answers no more are made. */
  start(): Response | Promise<Response> {
    const { responseMemory } = this.#broker
    if (!responseMemory.isFull) return this.run()
    return new Promise((resolve, reject) => {
      const holder = {
        onBudget: () => {
          this.#context.onAbandoned = undefined
          new Promise<Response>((started) => started(this.run())).then(resolve, reject)
        }
      }
      this.#context.onAbandoned = () => responseMemory.leave(holder)
      responseMemory.hasRoomFor(holder)
    })
  }

  run(): Response | Promise<Response> {
    const reads = this.#read()
    return reads instanceof Promise ? reads.then((value) => this.#answerOrWait(value)) : this.#answerOrWait(reads)
  }

  #answerOrWait(reads: readonly PartitionRead[]): Response | Promise<Response> {
    let bytes = 0
    let mustAnswer = reads.length === 0 || this.#deadlineMs === 0
    for (const read of reads) {
      bytes += read.sizeInBytes
      if (read.errorCode !== ErrorCode.NONE || read.divergingEpoch !== undefined) mustAnswer = true
    }
    if (mustAnswer || bytes >= this.#minBytes) return this.#respond(reads)
    const maxWaitMs = this.#deadlineMs - this.#broker.world.clock.monotonicMs()
    if (maxWaitMs <= 0) return this.#respond(reads)
    giveBack(reads)
    // the file was read meanwhile and more may have come: look again instead of missing it
    if (reads.some((read) => read.partition !== undefined && read.partition.highWatermark !== read.highWatermark)) return this.run()
    return this.#wait(reads, this.#minBytes - bytes, maxWaitMs)
  }

  #wait(reads: readonly PartitionRead[], missingBytes: number, maxWaitMs: number): Response | Promise<Response> {
    if (this.#context.isAbandoned === true) return this.#respond([])
    return new Promise((resolve, reject) => {
      const onDone = () => {
        try {
          resolve(this.#readAndRespond())
        } catch (error) {
          reject(error)
        }
      }
      const partitions: Partition[] = []
      for (const { partition } of reads) if (partition !== undefined) partitions.push(partition)
      const { isCommitted } = this.#limits
      const parked = this.#broker.replicas.parkFetch({ partitions, missingBytes, isCommitted, maxWaitMs, onDone })
      // a client may ask for a wait of weeks and go
      this.#context.onAbandoned = () => parked.abandon()
    })
  }

  /** What a file is read for counts from the beginning: many reads at once take memory before the first of them is answered. */
  #read(): PartitionRead[] | Promise<PartitionRead[]> {
    const reads = readPartitions(this.#broker, this.#scope.partitions, this.#limits)
    if (!(reads instanceof Promise)) return reads
    let bytes = 0
    for (const { maxBytes } of this.#scope.partitions) bytes += Math.max(0, maxBytes)
    const reserved = Math.min(bytes, this.#limits.maxBytes)
    const { responseMemory } = this.#broker
    responseMemory.reserve(reserved)
    return reads.finally(() => responseMemory.release(reserved))
  }

  #readAndRespond(): Response | Promise<Response> {
    const reads = this.#read()
    return reads instanceof Promise ? reads.then((value) => this.#respond(value)) : this.#respond(reads)
  }

  #respond(reads: readonly PartitionRead[]): Response {
    const lent = reads.filter(({ release }) => release !== undefined)
    if (lent.length > 0) {
      this.#context.onSent = () => giveBack(lent)
    }
    this.#countBytes(reads)
    const { session } = this.#scope
    if (session === undefined) return this.#respondInFull(reads)
    const told = reads.filter((read) => noteOutcome(read.entry, read))
    const served = told.filter((read) => read.sizeInBytes > 0)
    if (served.length > 0)
      rotate(
        session,
        served.map((read) => read.entry)
      )
    return this.#answer(session.id, told)
  }

  #countBytes(reads: readonly PartitionRead[]): void {
    const { replicas } = this.#broker
    for (const { partition, sizeInBytes } of reads) {
      if (sizeInBytes === 0 || partition === undefined) continue
      replicas.traffic.bytesOut += sizeInBytes
      const topic = replicas.topic(partition.topic)
      if (topic !== undefined) topic.traffic.bytesOut += sizeInBytes
    }
  }

  #respondInFull(reads: readonly PartitionRead[]): Response {
    let sessionId = INVALID_SESSION_ID
    if (this.#scope.wantsSession) {
      for (const read of reads) noteOutcome(read.entry, read)
      const entries = reads.map((read) => read.entry)
      sessionId = this.#broker.fetchSessions.create(entries, this.#limits.usesTopicIds, this.#broker.world.clock.monotonicMs())
    }
    return this.#answer(sessionId, reads)
  }

  #answer(sessionId: number, reads: readonly PartitionRead[]): Response {
    const response: Response = { errorCode: ErrorCode.NONE, sessionId, responses: byTopic(reads) }
    if (this.#context.apiVersion < NODE_ENDPOINTS_VERSION || !reads.some(({ errorCode }) => isLeaderError(errorCode))) return response
    const leaderIds = reads.flatMap((read) => this.#nameLeader(read))
    return { ...response, nodeEndpoints: leaderEndpoints(this.#broker, leaderIds, this.#context) }
  }

  #nameLeader(read: PartitionRead): number[] {
    const { entry, errorCode } = read
    const topic = this.#broker.image.topicById(entry.topicId)
    const leader = isLeaderError(errorCode) && topic !== undefined ? currentLeader(this.#broker, topic.name, entry.partition) : undefined
    if (leader === undefined) return []
    read.currentLeader = leader
    return [leader.leaderId]
  }
}

/** Nothing refers to the records of these reads any more. */
function giveBack(reads: readonly PartitionRead[]): void {
  for (const { release } of reads) release?.()
}

/** Neighbours of one topic share an entry; the order stays that of the request. */
function byTopic(reads: readonly PartitionRead[]): Input<FetchResponseFetchableTopicResponse>[] {
  const topics: { topic: string; topicId: string; partitions: PartitionRead[] }[] = []
  let last: { topic: string; topicId: string; partitions: PartitionRead[] } | undefined
  for (const read of reads) {
    const { entry } = read
    if (last === undefined || last.topic !== entry.topic || last.topicId !== entry.topicId) {
      last = { topic: entry.topic, topicId: entry.topicId, partitions: [] }
      topics.push(last)
    }
    last.partitions.push(read)
  }
  return topics
}

function failAll(request: FetchRequest, errorCode: number, context: RequestContext): Response {
  if (context.apiVersion >= SESSIONS_VERSION) return { errorCode, sessionId: INVALID_SESSION_ID, responses: [] }
  const responses = request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({
      partitionIndex: partition,
      errorCode,
      highWatermark: -1,
      abortedTransactions: null,
      records: Buffer.alloc(0)
    }))
  }))
  return { responses }
}
