// Writes snapshots of committed images, and lets the log and older snapshots go once they are too many or too old. One at
// a time; the image is immutable, so the node works on while it is written.
import type { BrokerConfig } from '@odradek/config'
import { type QuorumMembership, type RaftLog, SnapshotBatches, type SnapshotId, type SnapshotStore } from '@odradek/raft'
import type { World } from '@odradek/world'
import { imageToRecords } from './image/image-writer.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import { encodeMetadataRecord } from './records.ts'

const RECORDS_PER_BATCH = 1024
const LOGGER = 'org.apache.kafka.image.publisher.SnapshotGenerator'

export interface SnapshotWriterOptions {
  readonly world: World
  readonly config: BrokerConfig
  readonly store: SnapshotStore
  readonly log: RaftLog
  /** Bytes of the log behind the newest snapshot. */
  readonly bytesSinceSnapshot: number
}

export class MetadataSnapshots {
  readonly #options: SnapshotWriterOptions
  #bytesSince: number
  #lastMonotonicMs: number
  #writing: Promise<void> | undefined

  constructor(options: SnapshotWriterOptions) {
    this.#options = options
    this.#bytesSince = options.bytesSinceSnapshot
    this.#lastMonotonicMs = options.world.clock.monotonicMs()
  }

  /** Call with each published image and the bytes that the log grew by. */
  onPublished(image: MetadataImage, bytes: number, membership: QuorumMembership): void {
    this.#bytesSince += bytes
    const { world, config } = this.#options
    if (this.#writing !== undefined || this.#bytesSince === 0) return
    const isLarge = this.#bytesSince >= config.get('metadata.log.max.record.bytes.between.snapshots')
    const interval = config.get('metadata.log.max.snapshot.interval.ms')
    const isOld = interval > 0 && world.clock.monotonicMs() - this.#lastMonotonicMs >= interval
    if (isLarge || isOld) this.write(image, membership)
  }

  /** Resolves when the snapshot is on disk; a failure is logged, for the log still has everything. */
  write(image: MetadataImage, membership: QuorumMembership): Promise<void> {
    this.#bytesSince = 0
    this.#lastMonotonicMs = this.#options.world.clock.monotonicMs()
    const { logger } = this.#options.world
    this.#writing ??= this.#write(image, membership)
      .then(() => this.#clean())
      .catch((error: unknown) => logger.log('ERROR', LOGGER, 'A metadata snapshot could not be written; the log is kept instead', error))
      .finally(() => {
        this.#writing = undefined
      })
    return this.#writing
  }

  async close(): Promise<void> {
    await this.#writing
  }

  async #write(image: MetadataImage, membership: QuorumMembership): Promise<void> {
    const { world, store } = this.#options
    const { offset, epoch, timestampMs } = image.provenance
    const id: SnapshotId = { offset: offset + 1, epoch }
    if ((store.latest?.offset ?? -1) >= id.offset) return
    const batches = new SnapshotBatches(id, world.clock.now())
    const file = await store.create(id)
    try {
      await file.append(batches.header({ lastContainedLogTimestamp: timestampMs, membership }))
      let values: Buffer[] = []
      for (const record of imageToRecords(image)) {
        values.push(encodeMetadataRecord(record))
        if (values.length < RECORDS_PER_BATCH) continue
        await file.append(batches.records(values))
        values = []
      }
      if (values.length > 0) await file.append(batches.records(values))
      await file.append(batches.footer())
      await file.finish()
    } catch (error) {
      await file.abandon().catch(() => undefined)
      throw error
    }
    world.logger.log('INFO', LOGGER, `Wrote metadata snapshot ${store.path(id)}`)
  }

  /** The oldest snapshots go while there is a newer one and the bound of size or age is passed, and the log up to the next with them. */
  async #clean(): Promise<void> {
    const { store, log, config, world } = this.#options
    const maxBytes = config.get('metadata.max.retention.bytes')
    const maxAgeMs = config.get('metadata.max.retention.ms')
    const ids = store.ids
    const files = await Promise.all(ids.map((id) => store.stat(id)))
    let snapshotBytes = files.reduce((sum, { size }) => sum + size, 0)
    for (const [index, id] of ids.slice(0, -1).entries()) {
      const isLarge = maxBytes >= 0 && snapshotBytes + log.sizeInBytes > maxBytes
      const isOld = maxAgeMs >= 0 && world.clock.now() - files[index].mtimeMs > maxAgeMs
      if (!isLarge && !isOld) return
      await store.delete(id)
      snapshotBytes -= files[index].size
      await log.deleteBefore(ids[index + 1].offset)
    }
  }
}
