// What an error in the answer to Produce means for a batch: a table of decisions, without state of its own.
import { ErrorCode } from '@odradek/protocol'
import type { KafkaError } from '../errors.ts'
import type { IdentityKeeper } from './identity.ts'
import type { ProducerBatch } from './producer-batch.ts'

/**
 * `retry`: send it again. `restart`: too, with the epoch raised and the partition's sequences from 0. `split`: into smaller ones.
 * `duplicate`: the broker has it already, the offset is not known. `fail`: for good.
 */
export type Verdict = 'retry' | 'restart' | 'split' | 'duplicate' | 'fail'

const metadataErrors: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.LISTENER_NOT_FOUND,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID
])

/** What is known of the partition's leader is old. */
export function isMetadataError(errorCode: number): boolean {
  return metadataErrors.has(errorCode)
}

export interface Judged {
  readonly error: KafkaError
  readonly batch: ProducerBatch
  readonly identity: IdentityKeeper | undefined
  /** -1: the broker does not tell. */
  readonly logStartOffset: number
}

export function judge({ error, batch, identity, logStartOffset }: Judged): Verdict {
  switch (error.errorCode) {
    case ErrorCode.DUPLICATE_SEQUENCE_NUMBER:
      return 'duplicate'
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
      return batch.count > 1 ? 'split' : 'fail'
    case ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
      return identity === undefined ? 'fail' : outOfOrder(batch, identity)
    case ErrorCode.UNKNOWN_PRODUCER_ID:
      return identity === undefined ? 'fail' : unknownProducer(batch, identity, logStartOffset)
    case ErrorCode.INVALID_PRODUCER_EPOCH:
      // An idempotent producer that raised its epoch meets answers to what it sent before.
      return identity !== undefined && !identity.isTransactional && batch.isResequenced ? 'retry' : 'fail'
    default:
      return error.retriable ? 'retry' : 'fail'
  }
}

/** One before it is not settled yet, or the broker lost what it knew of us (KIP-360). */
function outOfOrder(batch: ProducerBatch, identity: IdentityKeeper): Verdict {
  const { queue } = batch
  if (!queue.isUnresolved && (batch.isResequenced || !identity.isNext(queue, batch))) return 'retry'
  return identity.isTransactional ? 'fail' : 'restart'
}

function unknownProducer(batch: ProducerBatch, identity: IdentityKeeper, logStartOffset: number): Verdict {
  if (logStartOffset === -1 || batch.isResequenced) return 'retry'
  return identity.isTransactional ? 'fail' : 'restart'
}
