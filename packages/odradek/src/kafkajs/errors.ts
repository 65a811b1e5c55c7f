// kafkajs's errors by name, and what the native client throws as one of them.
import { KafkaError, PartialFailureError } from '@odradek/client'

interface Like {
  readonly message?: string
  readonly retriable?: boolean
  readonly type?: string
  readonly code?: number | string
  readonly stack?: string
}

type Reason = Error | string

const textOf = (reason: Reason): string => (typeof reason === 'string' ? reason : reason.message)
const likeOf = (reason: Reason): Like => (typeof reason === 'string' ? {} : (reason as Like))

export interface KafkaJSErrorMetadata {
  retriable?: boolean
  cause?: unknown
}

export class KafkaJSError extends Error {
  override name = 'KafkaJSError'
  readonly retriable: boolean
  readonly helpUrl?: string
  override readonly cause?: Error

  constructor(reason: Reason, { retriable = true, cause }: KafkaJSErrorMetadata = {}) {
    super(textOf(reason))
    this.retriable = retriable
    if (cause instanceof Error) this.cause = cause
  }
}

export class KafkaJSNonRetriableError extends KafkaJSError {
  override name = 'KafkaJSNonRetriableError'
  constructor(reason: Reason, { cause }: { cause?: unknown } = {}) {
    super(reason, { retriable: false, cause })
  }
}

/** `type` and `code`: Kafka's name and number of the error. */
export class KafkaJSProtocolError extends KafkaJSError {
  override name = 'KafkaJSProtocolError'
  readonly type: string
  readonly code: number
  constructor(reason: Reason, { retriable = likeOf(reason).retriable }: { retriable?: boolean } = {}) {
    super(reason, { retriable })
    this.type = likeOf(reason).type ?? ''
    this.code = Number(likeOf(reason).code ?? -1)
  }
}

export class KafkaJSAggregateError extends Error {
  override name = 'KafkaJSAggregateError'
  readonly errors: readonly (Error | string)[]
  constructor(reason: Reason, errors: readonly (Error | string)[]) {
    super(textOf(reason))
    this.errors = errors
  }
}

export class KafkaJSOffsetOutOfRange extends KafkaJSProtocolError {
  override name = 'KafkaJSOffsetOutOfRange'
  readonly topic: string
  readonly partition: number
  constructor(reason: Reason, { topic = '', partition = -1 }: { topic?: string; partition?: number } = {}) {
    super(reason)
    this.topic = topic
    this.partition = partition
  }
}

export class KafkaJSAlterPartitionReassignmentsError extends KafkaJSProtocolError {
  override name = 'KafkaJSAlterPartitionReassignmentsError'
  readonly topic?: string
  readonly partition?: number
  constructor(reason: Reason, topic?: string, partition?: number) {
    super(reason)
    this.topic = topic
    this.partition = partition
  }
}

export class KafkaJSCreateTopicError extends KafkaJSProtocolError {
  override name = 'KafkaJSCreateTopicError'
  readonly topic: string
  constructor(reason: Reason, topic: string) {
    super(reason)
    this.topic = topic
  }
}

export class KafkaJSNumberOfRetriesExceeded extends KafkaJSNonRetriableError {
  override name = 'KafkaJSNumberOfRetriesExceeded'
  readonly retryCount: number
  readonly retryTime: number
  constructor(reason: Reason, { retryCount, retryTime }: { retryCount: number; retryTime: number }) {
    super(reason, { cause: reason })
    this.stack = `${this.name}\n  Caused by: ${likeOf(reason).stack}`
    this.retryCount = retryCount
    this.retryTime = retryTime
  }
}

export class KafkaJSConnectionError extends KafkaJSError {
  override name = 'KafkaJSConnectionError'
  readonly broker: string
  readonly code?: string
  constructor(reason: Reason, { broker = '', code }: { broker?: string; code?: string } = {}) {
    super(reason)
    this.broker = broker
    this.code = code
  }
}

export interface KafkaJSRequestTimeoutErrorMetadata {
  broker: string
  clientId: string
  correlationId: number
  createdAt: number
  sentAt: number
  pendingDuration: number
}

export class KafkaJSRequestTimeoutError extends KafkaJSError {
  override name = 'KafkaJSRequestTimeoutError'
  readonly broker: string
  readonly correlationId: number
  readonly createdAt: number
  readonly sentAt: number
  readonly pendingDuration: number
  constructor(reason: Reason, metadata: Partial<KafkaJSRequestTimeoutErrorMetadata> = {}) {
    super(reason)
    this.broker = metadata.broker ?? ''
    this.correlationId = metadata.correlationId ?? -1
    this.createdAt = metadata.createdAt ?? 0
    this.sentAt = metadata.sentAt ?? 0
    this.pendingDuration = metadata.pendingDuration ?? 0
  }
}

export class KafkaJSMetadataNotLoaded extends KafkaJSError {
  override name = 'KafkaJSMetadataNotLoaded'
}

export class KafkaJSTopicMetadataNotLoaded extends KafkaJSMetadataNotLoaded {
  override name = 'KafkaJSTopicMetadataNotLoaded'
  readonly topic: string
  constructor(reason: Reason, { topic = '' }: { topic?: string } = {}) {
    super(reason)
    this.topic = topic
  }
}

export class KafkaJSStaleTopicMetadataAssignment extends KafkaJSError {
  override name = 'KafkaJSStaleTopicMetadataAssignment'
  readonly topic: string
  readonly unknownPartitions: unknown
  constructor(reason: Reason, { topic = '', unknownPartitions }: { topic?: string; unknownPartitions?: unknown } = {}) {
    super(reason)
    this.topic = topic
    this.unknownPartitions = unknownPartitions
  }
}

export class KafkaJSServerDoesNotSupportApiKey extends KafkaJSNonRetriableError {
  override name = 'KafkaJSServerDoesNotSupportApiKey'
  readonly apiKey: number
  readonly apiName: string
  constructor(reason: Reason, { apiKey = -1, apiName = '' }: { apiKey?: number; apiName?: string } = {}) {
    super(reason)
    this.apiKey = apiKey
    this.apiName = apiName
  }
}

export class KafkaJSBrokerNotFound extends KafkaJSError {
  override name = 'KafkaJSBrokerNotFound'
}

export class KafkaJSPartialMessageError extends KafkaJSError {
  override name = 'KafkaJSPartialMessageError'
}

export class KafkaJSSASLAuthenticationError extends KafkaJSError {
  override name = 'KafkaJSSASLAuthenticationError'
}

export class KafkaJSGroupCoordinatorNotFound extends KafkaJSError {
  override name = 'KafkaJSGroupCoordinatorNotFound'
}

export class KafkaJSNotImplemented extends KafkaJSNonRetriableError {
  override name = 'KafkaJSNotImplemented'
}

export class KafkaJSTimeout extends KafkaJSError {
  override name = 'KafkaJSTimeout'
}

export class KafkaJSLockTimeout extends KafkaJSTimeout {
  override name = 'KafkaJSLockTimeout'
}

export class KafkaJSUnsupportedMagicByteInMessageSet extends KafkaJSNonRetriableError {
  override name = 'KafkaJSUnsupportedMagicByteInMessageSet'
}

export interface DeleteGroupsResult {
  groupId: string
  errorCode?: number
  error?: KafkaJSProtocolError
}

export class KafkaJSDeleteGroupsError extends KafkaJSError {
  override name = 'KafkaJSDeleteGroupsError'
  readonly groups: DeleteGroupsResult[]
  constructor(reason: Reason, groups: DeleteGroupsResult[] = []) {
    super(reason)
    this.groups = groups
  }
}

export interface KafkaJSDeleteTopicRecordsErrorTopic {
  topic: string
  partitions: { partition: number; offset: string; error: KafkaJSError }[]
}

export class KafkaJSDeleteTopicRecordsError extends KafkaJSError {
  override name = 'KafkaJSDeleteTopicRecordsError'
  readonly partitions: KafkaJSDeleteTopicRecordsErrorTopic['partitions']
  constructor({ topic, partitions }: KafkaJSDeleteTopicRecordsErrorTopic) {
    // Trying again helps when it may help for each of them.
    super(`Error while deleting records of topic ${topic}: ${partitions.map(({ error }) => error.message).join('; ')}`, {
      retriable: partitions.every(({ error }) => error.retriable)
    })
    this.partitions = partitions
  }
}

const authenticationErrors = new Set(['SASL_AUTHENTICATION_FAILED', 'SASL_LOGIN_FAILED', 'UNSUPPORTED_SASL_MECHANISM'])

/** Where kafkajs has older names than Kafka. */
const olderNames: Readonly<Record<string, string>> = {
  UNKNOWN_SERVER_ERROR: 'UNKNOWN',
  NOT_LEADER_OR_FOLLOWER: 'NOT_LEADER_FOR_PARTITION',
  COORDINATOR_LOAD_IN_PROGRESS: 'GROUP_LOAD_IN_PROGRESS',
  COORDINATOR_NOT_AVAILABLE: 'GROUP_COORDINATOR_NOT_AVAILABLE',
  NOT_COORDINATOR: 'NOT_COORDINATOR_FOR_GROUP'
}

export function protocolError(error: KafkaError): KafkaJSProtocolError {
  const { message, code, errorCode, retriable } = error
  return new KafkaJSProtocolError(Object.assign(new Error(message), { type: olderNames[code] ?? code, code: errorCode, retriable }))
}

/** What the native client threw, as kafkajs says it; anything else stays what it is. */
export function toKafkaJSError(error: unknown): Error {
  if (error instanceof PartialFailureError) return toKafkaJSError([...error.errors.values()][0])
  if (!(error instanceof KafkaError)) return error instanceof Error ? error : new KafkaJSError(String(error))
  const { code, message, cause } = error
  if (authenticationErrors.has(code)) return new KafkaJSSASLAuthenticationError(message, { retriable: false, cause: error })
  if (code === 'REQUEST_TIMED_OUT' && cause instanceof KafkaError)
    return new KafkaJSNumberOfRetriesExceeded(toKafkaJSError(cause), { retryCount: 0, retryTime: 0 })
  if (code === 'REQUEST_TIMED_OUT') return new KafkaJSRequestTimeoutError(message)
  if (code === 'NETWORK_EXCEPTION') return new KafkaJSConnectionError(message)
  if (code === 'INVALID_CONFIG' || error.errorCode < 0)
    return error.retriable ? new KafkaJSError(message, { cause: error }) : new KafkaJSNonRetriableError(message, { cause: error })
  return protocolError(error)
}

export async function translated<T>(work: PromiseLike<T> | (() => PromiseLike<T>)): Promise<T> {
  try {
    return await (typeof work === 'function' ? work() : work)
  } catch (error) {
    throw toKafkaJSError(error)
  }
}
