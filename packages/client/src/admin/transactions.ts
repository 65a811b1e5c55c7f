import {
  DescribeProducersRequest,
  DescribeProducersResponse,
  DescribeTransactionsRequest,
  DescribeTransactionsResponse,
  ErrorCode,
  InitProducerIdRequest,
  InitProducerIdResponse,
  ListTransactionsRequest,
  ListTransactionsResponse,
  WriteTxnMarkersRequest,
  WriteTxnMarkersResponse
} from '@odradek/protocol'
import { errorOf, KafkaError } from '../errors.ts'
import type { Cluster } from '../network/cluster.ts'
import { type CallOptions, partitionKey, type TopicPartition } from '../types.ts'
import { coordinatorRetries, drive, leaderRetries, toCoordinators, toLeaders, UNKNOWN_TOPIC_MS } from './driver.ts'
import type { KeyedResult } from './keyed-result.ts'
import { keyed, topicsOf } from './partitions.ts'

export interface TransactionListing {
  readonly transactionalId: string
  readonly producerId: number
  /** Ongoing, CompleteCommit, … */
  readonly state: string
  /** The broker that looks after it. */
  readonly coordinatorId: number
}

export interface ListTransactionsOptions extends CallOptions {
  readonly states?: readonly string[]
  readonly producerIds?: readonly number[]
  /** Only those that have been running for longer, ms. */
  readonly durationMs?: number
  /** RE2 on the whole transactional id; matched by the broker. */
  readonly transactionalIdPattern?: string
}

export interface TransactionDescription {
  readonly transactionalId: string
  readonly coordinatorId: number
  readonly state: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly transactionTimeoutMs: number
  /** undefined: none runs. */
  readonly transactionStartTimeMs: number | undefined
  readonly topicPartitions: readonly TopicPartition[]
}

export interface ProducerState {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: number
  readonly coordinatorEpoch: number | undefined
  readonly currentTransactionStartOffset: number | undefined
}

/** Of every broker, in the order of their ids. */
export function listTransactions(cluster: Cluster, options: ListTransactionsOptions = {}): Promise<readonly TransactionListing[]> {
  const { states = [], producerIds = [], durationMs = -1, transactionalIdPattern } = options
  return cluster.retry('listTransactions', options, async (signal) => {
    const { nodes } = await cluster.metadata([], { signal })
    const minVersion = transactionalIdPattern !== undefined ? 2 : durationMs >= 0 ? 1 : undefined
    const body = (version: number) => ({
      stateFilters: states,
      producerIdFilters: producerIds,
      ...(version >= 1 ? { durationFilter: durationMs } : {}),
      ...(version >= 2 ? { transactionalIdPattern: transactionalIdPattern ?? null } : {})
    })
    const ask = async (node: number): Promise<TransactionListing[]> => {
      const response = await cluster.attempt({ node }, ListTransactionsRequest, ListTransactionsResponse, body, { signal, minVersion })
      const error = errorOf(response.errorCode)
      if (error !== undefined) throw error
      return response.transactionStates.map(({ transactionalId, producerId, transactionState: state }) => ({
        transactionalId,
        producerId,
        state,
        coordinatorId: node
      }))
    }
    const answers = await Promise.all([...nodes.keys()].sort((a, b) => a - b).map(ask))
    return answers.flat()
  })
}

function transactionPlan(cluster: Cluster, what: string, transactionalIds: readonly string[]) {
  return {
    what,
    keys: [...new Set(transactionalIds)],
    route: toCoordinators(cluster, 'transaction'),
    retryOn: coordinatorRetries,
    onRetry: (key: string) => cluster.forgetCoordinator('transaction', key)
  }
}

export function describeTransactions(
  cluster: Cluster,
  transactionalIds: readonly string[],
  options: CallOptions = {}
): KeyedResult<TransactionDescription> {
  return drive<TransactionDescription>(
    cluster,
    {
      ...transactionPlan(cluster, 'describeTransactions', transactionalIds),
      async send({ target, keys }, signal) {
        const coordinator = (await cluster.findCoordinators('transaction', [keys[0]], signal)).get(keys[0])
        const coordinatorId = coordinator === undefined || coordinator instanceof KafkaError ? -1 : coordinator.id
        const response = await cluster.attempt(
          target,
          DescribeTransactionsRequest,
          DescribeTransactionsResponse,
          { transactionalIds: keys },
          { signal }
        )
        return response.transactionStates.map((found) => [
          found.transactionalId,
          errorOf(found.errorCode) ?? description(found, coordinatorId)
        ])
      }
    },
    options
  )
}

function description(found: DescribeTransactionsResponse['transactionStates'][number], coordinatorId: number): TransactionDescription {
  const { transactionalId, transactionState: state, producerId, producerEpoch, transactionTimeoutMs, transactionStartTimeMs } = found
  return {
    transactionalId,
    coordinatorId,
    state,
    producerId,
    producerEpoch,
    transactionTimeoutMs,
    transactionStartTimeMs: transactionStartTimeMs < 0 ? undefined : transactionStartTimeMs,
    topicPartitions: found.topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
  }
}

/** Keys are partitions. With `brokerId` that replica is asked, otherwise the leader. */
export function describeProducers(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  options: CallOptions & { readonly brokerId?: number } = {}
): KeyedResult<readonly ProducerState[]> {
  const wanted = keyed(partitions)
  const { brokerId } = options
  return drive<readonly ProducerState[]>(
    cluster,
    {
      what: 'describeProducers',
      keys: [...wanted.keys()],
      route: brokerId === undefined ? toLeaders(cluster, wanted) : (keys) => ({ batches: [{ target: { node: brokerId }, keys }] }),
      retryOn: brokerId === undefined ? leaderRetries : undefined,
      unknownTopicMs: UNKNOWN_TOPIC_MS,
      onRetry: (key) => cluster.invalidate(wanted.get(key)?.topic),
      async send({ target, keys }, signal) {
        const topics = [...topicsOf(wanted, keys)].map(([name, own]) => ({ name, partitionIndexes: own.map(({ partition }) => partition) }))
        const response = await cluster.attempt(target, DescribeProducersRequest, DescribeProducersResponse, { topics }, { signal })
        return response.topics.flatMap(({ name, partitions: results }) =>
          results.map((result): [string, readonly ProducerState[] | KafkaError] => [
            partitionKey(name, result.partitionIndex),
            errorOf(result.errorCode, result.errorMessage) ?? result.activeProducers.map(producerState)
          ])
        )
      }
    },
    options
  )
}

function producerState(
  producer: DescribeProducersResponse['topics'][number]['partitions'][number]['activeProducers'][number]
): ProducerState {
  const { producerId, producerEpoch, lastSequence, lastTimestamp, coordinatorEpoch, currentTxnStartOffset } = producer
  return {
    producerId,
    producerEpoch,
    lastSequence,
    lastTimestamp,
    coordinatorEpoch: coordinatorEpoch < 0 ? undefined : coordinatorEpoch,
    currentTransactionStartOffset: currentTxnStartOffset < 0 ? undefined : currentTxnStartOffset
  }
}

export interface FencedProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

const fenceRetries: ReadonlySet<number> = new Set([...coordinatorRetries, ErrorCode.CONCURRENT_TRANSACTIONS])

/** Takes the transactional ids from whoever uses them now; a transaction under way is aborted. */
export function fenceProducers(
  cluster: Cluster,
  transactionalIds: readonly string[],
  options: CallOptions = {}
): KeyedResult<FencedProducer> {
  return drive<FencedProducer>(
    cluster,
    {
      ...transactionPlan(cluster, 'fenceProducers', transactionalIds),
      retryOn: fenceRetries,
      async send({ target, keys }, signal) {
        const fence = async (transactionalId: string): Promise<[string, FencedProducer | KafkaError]> => {
          const body = { transactionalId, transactionTimeoutMs: options.timeoutMs ?? cluster.apiTimeoutMs }
          const response = await cluster.attempt(target, InitProducerIdRequest, InitProducerIdResponse, body, { signal })
          const { producerId, producerEpoch } = response
          return [transactionalId, errorOf(response.errorCode) ?? { producerId, producerEpoch }]
        }
        return Promise.all(keys.map(fence))
      }
    },
    options
  )
}

/** Ends the transaction of this id, whatever its producer wants (KIP-939): fencing is what aborts it. */
export async function forceTerminateTransaction(cluster: Cluster, transactionalId: string, options: CallOptions = {}): Promise<void> {
  await fenceProducers(cluster, [transactionalId], options)
}

export interface AbortTransactionSpec extends TopicPartition {
  readonly producerId: number
  readonly producerEpoch: number
  /** -1: the coordinator never wrote to the partition. */
  readonly coordinatorEpoch: number
}

/** Writes an abort marker into one partition: for a transaction that hangs because its coordinator has forgotten it. */
export async function abortTransaction(cluster: Cluster, spec: AbortTransactionSpec, options: CallOptions = {}): Promise<void> {
  const wanted = keyed([spec])
  await drive<void>(
    cluster,
    {
      what: 'abortTransaction',
      keys: [...wanted.keys()],
      route: toLeaders(cluster, wanted),
      retryOn: leaderRetries,
      unknownTopicMs: UNKNOWN_TOPIC_MS,
      onRetry: () => cluster.invalidate(spec.topic),
      async send({ target, keys }, signal) {
        const { topic, partition, producerId, producerEpoch, coordinatorEpoch } = spec
        const marker = {
          producerId,
          producerEpoch,
          coordinatorEpoch,
          transactionResult: false,
          topics: [{ name: topic, partitionIndexes: [partition] }]
        }
        const response = await cluster.attempt(target, WriteTxnMarkersRequest, WriteTxnMarkersResponse, { markers: [marker] }, { signal })
        const result = response.markers[0]?.topics[0]?.partitions[0]
        return result === undefined ? [] : [[keys[0], errorOf(result.errorCode)]]
      }
    },
    options
  )
}
