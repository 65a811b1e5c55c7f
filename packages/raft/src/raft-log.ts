// The log that a quorum member writes and reads: a port, filled with the storage package's partition log.

export interface RaftLogListener {
  /** Everything below `offset` survives a power loss. */
  onSynced(offset: number): void
  /** The log takes no more: what was not synced may be lost. */
  onFailed(error: unknown): void
}

export interface RaftLog {
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** The leader epoch of the last record; 0 for an empty log. */
  readonly lastEpoch: number
  readonly sizeInBytes: number
  setListener(listener: RaftLogListener): void
  /** Appends one batch whose base offset and leader epoch are set, and has it synced. Throws when it is refused. */
  append(batch: Buffer, now: number): void
  /** Whole batches from the one that holds `offset` on, about `bytesMax` of them; empty at the end of the log. */
  read(offset: number, bytesMax: number): Promise<readonly Buffer[]>
  updateHighWatermark(offset: number): void
  /** Records below `offset` are in a snapshot and may go. */
  deleteBefore(offset: number): Promise<void>
  /** A snapshot reaches beyond the log: drops everything, the log goes on at `offset`. */
  restartAt(offset: number): Promise<void>
  /** Everything appended is on disk when it resolves. */
  close(): Promise<void>
}
