import type { SnapshotRegistry } from '@odradek/base'
import type { Logger, World } from '@odradek/world'

/**
 * What a handler proposes: the runtime appends `records`, replays them into the shard at once and gives `response`
 * away when the high watermark has passed them. Without records the response waits for the writes before it.
 */
export interface CoordinatorResult<Response, Rec> {
  readonly records: readonly Rec[]
  readonly response: Response
  /** Runs once, before the response leaves: with 0 when the records are committed, with the error code when they are not. */
  readonly onAppended?: (errorCode: number) => void
  /** Records that may be spread over several batches. By default all of them land in one batch or none does. */
  readonly isSplittable?: boolean
}

export type CoordinatorOperation<Shard, Response, Rec> = (shard: Shard) => CoordinatorResult<Response, Rec>

/**
 * The state of one partition of the record topic. Everything that has to survive lives in timeline collections of the
 * environment's registry and is changed by `replay` alone, so that `state === fold(replay, records)`.
 */
export interface CoordinatorShard<Rec> {
  /** `producerId` is -1 outside a transaction. */
  replay(offset: number, producerId: number, producerEpoch: number, record: Rec): void
  replayEndTransactionMarker(producerId: number, producerEpoch: number, isCommit: boolean): void
  /** The partition was replayed and this node serves it from now on: start timers. */
  onLoaded(): void
  /** This node serves the partition no longer: answer what is parked. Timers are gone already. */
  onUnloaded(): void
}

/** Timers of one shard. An operation runs as a write of the shard; all timers end when the shard is unloaded. */
export interface ShardTimers<Rec> {
  /** A timer of the same key is replaced. */
  schedule(key: string, delayMs: number, operation: () => CoordinatorResult<void, Rec>): void
  cancel(key: string): void
}

export interface ShardEnvironment<Rec> {
  readonly partition: number
  readonly registry: SnapshotRegistry
  readonly timers: ShardTimers<Rec>
  readonly logger: Logger
  /** Wall clock, ms since the epoch. */
  now(): number
  randomBytes(size: number): Buffer
}

/** How records of a family of shards look in the log. */
export interface RecordSerde<Rec> {
  encode(record: Rec): { key: Buffer; value: Buffer | null }
  /** Undefined for a record type that this version does not know (it stays in the log). Throws DecodeError on bad bytes. */
  decode(key: Buffer, value: Buffer | null): Rec | undefined
}

export type CoordinatorWorld = Pick<World, 'clock' | 'timers' | 'random' | 'logger'>
