// What the controller's handlers read and answer. A handler looks at the newest image (uncommitted records included)
// and proposes records; it changes nothing but the soft state of broker sessions, which no log holds.

import type { SupportedRange } from '../features.ts'
import type { MetadataImage } from '../image/metadata-image.ts'
import type { MetadataRecord } from '../records.ts'
import type { ApiError } from './api-error.ts'
import type { BrokerSessions } from './broker-sessions.ts'
import type { ConfigRules } from './config-rules.ts'

export interface ControllerOptions {
  readonly nodeId: number
  readonly clusterId: string
  readonly brokerSessionTimeoutMs: number
  /** num.partitions */
  readonly defaultPartitions: number
  /** default.replication.factor */
  readonly defaultReplicationFactor: number
  readonly isTopicDeletionEnabled: boolean
  /** What this controller supports, metadata.version among them. */
  readonly supportedFeatures: ReadonlyMap<string, SupportedRange>
  readonly configRules: ConfigRules
}

export interface ControllerState {
  /** The newest image: every record proposed so far. */
  readonly image: MetadataImage
  /** The newest image whose records no failure can undo. */
  readonly committedImage: MetadataImage
  readonly sessions: BrokerSessions
  /** The kraft.version of the quorum: it is in control records of the log, not in the image. */
  readonly kraftVersion: number
  readonly options: ControllerOptions
  /** The offset that the first record of the next result gets. */
  readonly nextOffset: number
  /** Monotonic, ms. */
  readonly now: number
  /** `size` random bytes. */
  randomBytes(size: number): Buffer
  /** A whole number in [0, bound). */
  randomBelow(bound: number): number
}

/** Records stay together in one batch: after a crash there are all of them or none. */
export interface ControllerResult<Response> {
  readonly records: readonly MetadataRecord[]
  readonly response: Response
  /** What the quorum's kraft.version is to become. */
  readonly kraftVersion?: number
}

/** A handler that refuses the whole request gives an ApiError instead of a result. */
export type ControllerOutcome<Response> = ControllerResult<Response> | ApiError

/** More records than this in one operation are refused: they must fit one batch. */
export const MAX_RECORDS_PER_OPERATION = 10_000

export function isRefused<Response>(outcome: ControllerOutcome<Response>): outcome is ApiError {
  return 'errorCode' in outcome
}
