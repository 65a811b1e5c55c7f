/**
 * The partitions of one record topic as the runtime needs them; the broker fills this port with its replicas. Methods
 * are called from one event loop and never re-enter the runtime before they return, except for the
 * listener, which may run inside `append`.
 */
export interface CoordinatorLog {
  /** Appends one whole batch as leader of `leaderEpoch` with all acks; offsets are assigned by the log. */
  append(partition: number, batch: Buffer, leaderEpoch: number): CoordinatorAppendResult
  /** Whole batches from `offset` on, about `maxBytes` of them and at least one; empty at the end of the log. */
  read(partition: number, offset: number, maxBytes: number): CoordinatorReadResult | Promise<CoordinatorReadResult>
  /** Undefined when this node does not lead the partition. */
  offsets(partition: number): CoordinatorLogOffsets | undefined
  /** `max.message.bytes` of the record topic. */
  maxBatchBytes(partition: number): number
  /** The listener is told until the returned function was called. */
  listen(partition: number, listener: CoordinatorLogListener): () => void
}

export interface CoordinatorLogListener {
  onHighWatermark(highWatermark: number): void
  /** Appended records were lost before they were committed, as on a full disk: the state has to be loaded again. */
  onLost(): void
}

export interface CoordinatorAppendResult {
  readonly errorCode: number
  /** Offset of the first record of the batch; meaningful when `errorCode` is 0. */
  readonly baseOffset: number
}

export interface CoordinatorReadResult {
  readonly errorCode: number
  readonly buffers: readonly Buffer[]
}

export interface CoordinatorLogOffsets {
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
}
