import { ErrorCode } from '@odradek/protocol'
import type { CoordinatorResult } from '../runtime/shard.ts'
import type { GroupRecord } from './records.ts'

export type GroupResult<Response> = CoordinatorResult<Response, GroupRecord>
/** A step of membership: what it answers goes to parked requests, not out of the write. */
export type GroupStep = GroupResult<void>

const NO_RECORDS: readonly GroupRecord[] = []

/** Nothing to write. */
export const DONE: GroupStep = { records: NO_RECORDS, response: undefined }

export function answer<Response>(response: Response): GroupResult<Response> {
  return { records: NO_RECORDS, response }
}

/** What a client is told when its request failed in the runtime or in the log with `errorCode`. */
export function clientError(errorCode: number): number {
  switch (errorCode) {
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.REQUEST_TIMED_OUT:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.KAFKA_STORAGE_ERROR:
      return ErrorCode.NOT_COORDINATOR
    case ErrorCode.MESSAGE_TOO_LARGE:
    case ErrorCode.RECORD_LIST_TOO_LARGE:
    case ErrorCode.INVALID_FETCH_SIZE:
      return ErrorCode.UNKNOWN_SERVER_ERROR
    // An older client of a transactional commit does not know NETWORK_EXCEPTION; this one makes it try again.
    case ErrorCode.NETWORK_EXCEPTION:
      return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    default:
      return errorCode
  }
}
