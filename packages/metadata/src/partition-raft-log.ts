// Fills raft's log port with storage's partition log.
import { OdradekError } from '@odradek/base'
import type { BrokerConfig } from '@odradek/config'
import type { RaftLog, RaftLogListener } from '@odradek/raft'
import { defaultLogConfig, deleteOldSegments, type LogConfig, type PartitionLog } from '@odradek/storage'

/** What one batch of metadata records may take; Kafka's own limit. */
export const MAX_BATCH_BYTES = 8 * 1024 * 1024

/** The settings of the metadata log. It is synced before it counts, and only snapshots let records go. */
export function metadataLogConfig(config: BrokerConfig): LogConfig {
  return {
    ...defaultLogConfig,
    segmentBytes: config.get('metadata.log.segment.bytes'),
    segmentMs: config.get('metadata.log.segment.ms'),
    maxMessageBytes: MAX_BATCH_BYTES,
    retentionMs: -1,
    durability: 'sync'
  }
}

export class PartitionRaftLog implements RaftLog {
  readonly #log: PartitionLog

  constructor(log: PartitionLog) {
    this.#log = log
  }

  get logStartOffset(): number {
    return this.#log.logStartOffset
  }

  get logEndOffset(): number {
    return this.#log.logEndOffset
  }

  get lastEpoch(): number {
    return Math.max(this.#log.latestEpoch, 0)
  }

  get sizeInBytes(): number {
    return this.#log.sizeInBytes
  }

  setListener(listener: RaftLogListener): void {
    this.#log.setListener({ onWritten: (offset) => listener.onSynced(offset), onFailed: (error) => listener.onFailed(error) })
  }

  append(batch: Buffer, now: number): void {
    const { errorCode, message } = this.#log.append(batch, { origin: 'raft', leaderEpoch: batch.readInt32BE(12), now })
    if (errorCode !== 0)
      throw new OdradekError('METADATA_LOG_FAILED', `The metadata log takes no records: ${message} (error ${errorCode}).`)
  }

  async read(offset: number, bytesMax: number): Promise<readonly Buffer[]> {
    const result = await this.#log.read(offset, { maxBytes: bytesMax, minOneBatch: true })
    return result.buffers
  }

  updateHighWatermark(offset: number): void {
    this.#log.updateHighWatermark(offset)
  }

  async deleteBefore(offset: number): Promise<void> {
    this.#log.advanceLogStartOffset(offset)
    await deleteOldSegments(this.#log)
  }

  restartAt(offset: number): Promise<void> {
    return this.#log.truncateFullyAndStartAt(offset)
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
