// Reads what one fetch asks for: partition after partition within one byte limit, at least one batch in all, plain values
// while the tail caches have the bytes, a promise from the first read that must go to a file.
import { ErrorCode } from '@odradek/protocol'
import type { ReadResult } from '@odradek/storage'
import type { BrokerContext } from '../broker-context.ts'
import type { Partition } from '../replica/partition.ts'
import { Slices } from '../slices.ts'
import { missingPartitionCode, missingTopicCode } from '../topic-lookup.ts'
import type { FetchOutcome, FetchPartition } from './fetch-session.ts'

/** What was read of a partition: the answer's entry for it, with what the answer is decided by. One object, for there may be 100,000. */
export interface PartitionRead extends FetchOutcome {
  readonly entry: FetchPartition
  /** Undefined when there is nothing here to read or to wait for. */
  readonly partition: Partition | undefined
  readonly partitionIndex: number
  readonly lastStableOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly records: Buffer | readonly Buffer[]
  currentLeader: { leaderId: number; leaderEpoch: number } | undefined
  /** Gives the buffers of the records back; for when they are sent. */
  readonly release: (() => void) | undefined
}

interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface ReadLimits {
  readonly maxBytes: number
  readonly isCommitted: boolean
  readonly usesTopicIds: boolean
}

const NO_RECORDS = Buffer.alloc(0)
const NONE_ABORTED: readonly AbortedTransaction[] = []

/** One value for each of `entries`, in their order. */
export function readPartitions(
  broker: BrokerContext,
  entries: readonly FetchPartition[],
  limits: ReadLimits
): PartitionRead[] | Promise<PartitionRead[]> {
  return continueReads(broker, { entries, limits, reads: [], remaining: limits.maxBytes, slices: new Slices(broker.world) })
}

interface Progress {
  readonly entries: readonly FetchPartition[]
  readonly limits: ReadLimits
  readonly reads: PartitionRead[]
  readonly slices: Slices
  remaining: number
}

function continueReads(broker: BrokerContext, progress: Progress): PartitionRead[] | Promise<PartitionRead[]> {
  const { entries, limits, reads } = progress
  while (reads.length < entries.length) {
    const isFirstData = progress.remaining === limits.maxBytes
    const read = readPartition(broker, entries[reads.length], { limits, remaining: progress.remaining, minOneBatch: isFirstData })
    if (read instanceof Promise) {
      return read.then((value) => {
        take(progress, value)
        return continueReads(broker, progress)
      })
    }
    take(progress, read)
    const pause = progress.slices.pause()
    if (pause !== undefined) return pause.then(() => continueReads(broker, progress))
  }
  return reads
}

function take(progress: Progress, read: PartitionRead): void {
  progress.reads.push(read)
  progress.remaining = Math.max(0, progress.remaining - read.sizeInBytes)
}

interface OneRead {
  readonly limits: ReadLimits
  readonly remaining: number
  readonly minOneBatch: boolean
}

function readPartition(broker: BrokerContext, entry: FetchPartition, options: OneRead): PartitionRead | Promise<PartitionRead> {
  const { usesTopicIds } = options.limits
  const topic = usesTopicIds ? broker.replicas.topicById(entry.topicId) : broker.replicas.topic(entry.topic)
  const partition = topic?.partitions[entry.partition]
  if (partition === undefined) return missing(entry, missingCode(broker, entry, usesTopicIds))
  const epochCode = partition.checkLeaderEpoch(entry.currentLeaderEpoch)
  if (epochCode !== ErrorCode.NONE) return failed(entry, epochCode, partition)
  if (topic !== undefined) topic.traffic.fetchRequests++
  broker.replicas.traffic.fetchRequests++
  const { log } = partition
  const { fetchOffset } = entry
  if (fetchOffset < log.logStartOffset || fetchOffset > log.logEndOffset) return failed(entry, ErrorCode.OFFSET_OUT_OF_RANGE)
  const diverging = divergingEpoch(partition, entry)
  if (diverging !== undefined) return result(entry, partition, { buffers: [], sizeInBytes: 0, diverging })
  const { isCommitted } = options.limits
  const endOffset = isCommitted ? log.lastStableOffset : log.highWatermark
  const maxBytes = Math.min(entry.maxBytes, options.remaining)
  if (fetchOffset >= endOffset || (maxBytes <= 0 && !options.minOneBatch)) return result(entry, partition, { buffers: [], sizeInBytes: 0 })
  return readLog(partition, entry, { endOffset, maxBytes, minOneBatch: options.minOneBatch, isCommitted })
}

function readLog(
  partition: Partition,
  entry: FetchPartition,
  options: { endOffset: number; maxBytes: number; minOneBatch: boolean; isCommitted: boolean }
): PartitionRead | Promise<PartitionRead> {
  const read = partition.log.read(entry.fetchOffset, options)
  if (read instanceof Promise) {
    return read.then(
      (value) => withAborted(partition, entry, value, options),
      () => failed(entry, ErrorCode.KAFKA_STORAGE_ERROR, partition)
    )
  }
  return withAborted(partition, entry, read, options)
}

/** A reader of committed data is told which transactions it must skip. */
function withAborted(
  partition: Partition,
  entry: FetchPartition,
  read: ReadResult,
  options: { isCommitted: boolean }
): PartitionRead | Promise<PartitionRead> {
  if (read.errorCode !== ErrorCode.NONE) return failed(entry, read.errorCode, partition)
  const { buffers, sizeInBytes, release } = read
  if (!options.isCommitted || sizeInBytes === 0) return result(entry, partition, { buffers, sizeInBytes, release })
  const aborted = partition.log.abortedTransactions(entry.fetchOffset, read.nextOffset)
  if (aborted instanceof Promise) return aborted.then((list) => result(entry, partition, { buffers, sizeInBytes, release, aborted: list }))
  return result(entry, partition, { buffers, sizeInBytes, release, aborted })
}

interface Found {
  readonly buffers: readonly Buffer[]
  readonly sizeInBytes: number
  readonly release?: () => void
  readonly aborted?: readonly AbortedTransaction[]
  readonly diverging?: { epoch: number; endOffset: number }
}

function result(entry: FetchPartition, partition: Partition, found: Found): PartitionRead {
  const { highWatermark, lastStableOffset, logStartOffset } = partition.log
  return {
    entry,
    partition,
    partitionIndex: entry.partition,
    errorCode: ErrorCode.NONE,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions:
      found.aborted === undefined ? null : found.aborted.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })),
    records: found.sizeInBytes === 0 ? NO_RECORDS : found.buffers,
    sizeInBytes: found.sizeInBytes,
    divergingEpoch: found.diverging,
    currentLeader: undefined,
    release: found.release
  }
}

function failed(entry: FetchPartition, errorCode: number, partition?: Partition): PartitionRead {
  return unreadable(entry, errorCode, partition, null)
}

/** Apache Kafka answers what it does not have with an empty list of aborted transactions, what it has with null. */
function missing(entry: FetchPartition, errorCode: number): PartitionRead {
  return unreadable(entry, errorCode, undefined, NONE_ABORTED)
}

function unreadable(
  entry: FetchPartition,
  errorCode: number,
  partition: Partition | undefined,
  abortedTransactions: readonly AbortedTransaction[] | null
): PartitionRead {
  return {
    entry,
    partition,
    partitionIndex: entry.partition,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions,
    records: NO_RECORDS,
    sizeInBytes: 0,
    divergingEpoch: undefined,
    currentLeader: undefined,
    release: undefined
  }
}

/** KIP-595: the last epoch that the fetcher has ended earlier here than the fetcher thinks. */
function divergingEpoch(partition: Partition, entry: FetchPartition): { epoch: number; endOffset: number } | undefined {
  if (entry.lastFetchedEpoch < 0) return undefined
  const end = partition.log.endOffsetForEpoch(entry.lastFetchedEpoch)
  return end.epoch < entry.lastFetchedEpoch || end.endOffset < entry.fetchOffset ? end : undefined
}

function missingCode(broker: BrokerContext, entry: FetchPartition, usesTopicIds: boolean): number {
  if (!usesTopicIds) return missingTopicCode(broker, entry.topic, entry.partition)
  const topic = broker.image.topicById(entry.topicId)
  return topic === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : missingPartitionCode(broker, topic, entry.partition)
}
