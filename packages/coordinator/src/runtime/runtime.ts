/**
 * Runs log-replicated state machines: one shard for each partition of a record topic that this node leads. Handlers
 * propose records, replay alone changes a shard, answers leave when the high watermark has passed (see
 * PartitionCoordinator). Groups, transactions and share groups differ by their shard and their record serde only.
 * Answers are plain values where they can be, promises otherwise, and never rejections: `fail` turns an error code into
 * the answer.
 */
import { ErrorCode } from '@odradek/protocol'
import type { EndTransactionMarker } from './end-transaction-marker.ts'
import type { LoadError } from './loader.ts'
import { createRuntimeMetrics } from './metrics.ts'
import type { RuntimeParts } from './partition-coordinator.ts'
import { PartitionCoordinator } from './partition-coordinator.ts'
import type { ProducerIdentity } from './pending-batch.ts'
import type { CoordinatorOperation, CoordinatorShard } from './shard.ts'

/** Between attempts to load a partition. */
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000

export class CoordinatorRuntime<Shard extends CoordinatorShard<Rec>, Rec> {
  readonly metrics = createRuntimeMetrics()
  readonly #parts: RuntimeParts<Shard, Rec>
  readonly #partitions = new Map<number, PartitionCoordinator<Shard, Rec>>()

  constructor(parts: RuntimeParts<Shard, Rec>) {
    this.#parts = parts
  }

  /** This node became leader of the partition in `epoch`. An epoch that is not newer is ignored. */
  load(partition: number, epoch: number, onLoaded?: (error?: LoadError) => void): void {
    const current = this.#partitions.get(partition)
    if (current !== undefined) {
      if (current.epoch >= epoch && current.state !== 'failed') return
      current.unload()
    }
    this.#start(partition, epoch, 0, onLoaded)
  }

  #start(partition: number, epoch: number, failures: number, onLoaded?: (error?: LoadError) => void): void {
    const restart = (failuresNow: number): void => {
      if (this.#partitions.get(partition) === coordinator) this.#start(partition, epoch, failuresNow)
    }
    const coordinator = new PartitionCoordinator(this.#parts, this.metrics, partition, epoch, () => restart(0))
    this.#partitions.set(partition, coordinator)
    coordinator.load((error) => {
      if (error !== undefined) {
        // A disk may come back, and a log may be truncated; until then its groups are answered with NOT_COORDINATOR.
        const delayMs = Math.min(RETRY_MS_MIN * 2 ** failures, RETRY_MS_MAX)
        coordinator.retry = this.#parts.world.timers.schedule(delayMs, () => restart(failures + 1))
      }
      onLoaded?.(error)
    })
  }

  /** This node leads the partition no longer, as of `epoch` (absent: whatever the epoch). */
  unload(partition: number, epoch?: number): void {
    const current = this.#partitions.get(partition)
    if (current === undefined || (epoch !== undefined && current.epoch > epoch)) return
    this.#partitions.delete(partition)
    current.unload()
  }

  close(): void {
    for (const partition of [...this.#partitions.keys()]) this.unload(partition)
  }

  write<Response>(
    name: string,
    partition: number,
    operation: CoordinatorOperation<Shard, Response, Rec>,
    fail: (errorCode: number) => Response
  ): Response | Promise<Response> {
    const coordinator = this.#partitions.get(partition)
    if (coordinator === undefined) return fail(ErrorCode.NOT_COORDINATOR)
    return coordinator.availability === 0 ? coordinator.write(name, operation, fail) : fail(coordinator.availability)
  }

  /** The records belong to the producer's transaction and count once its marker comes. */
  writeTransactional<Response>(
    name: string,
    partition: number,
    producer: ProducerIdentity,
    operation: CoordinatorOperation<Shard, Response, Rec>,
    fail: (errorCode: number) => Response
  ): Response | Promise<Response> {
    const coordinator = this.#partitions.get(partition)
    if (coordinator === undefined) return fail(ErrorCode.NOT_COORDINATOR)
    return coordinator.availability === 0 ? coordinator.write(name, operation, fail, producer) : fail(coordinator.availability)
  }

  completeTransaction(partition: number, marker: EndTransactionMarker): number | Promise<number> {
    const coordinator = this.#partitions.get(partition)
    if (coordinator === undefined) return ErrorCode.NOT_COORDINATOR
    if (coordinator.availability !== 0) return coordinator.availability
    return coordinator.completeTransaction(marker, ErrorCode.NONE as number, (errorCode) => errorCode)
  }

  /** Reads the shard as of the committed offset. */
  read<Response>(
    partition: number,
    operation: (shard: Shard, committedOffset: number) => Response,
    fail: (errorCode: number) => Response
  ): Response {
    const coordinator = this.#partitions.get(partition)
    if (coordinator === undefined) return fail(ErrorCode.NOT_COORDINATOR)
    return coordinator.availability === 0 ? coordinator.read(operation, fail) : fail(coordinator.availability)
  }

  /** Partitions that this node leads, loaded or not. */
  partitions(): number[] {
    return [...this.#partitions.keys()]
  }

  /** 0 when the partition answers, else COORDINATOR_LOAD_IN_PROGRESS or NOT_COORDINATOR. */
  availability(partition: number): number {
    return this.#partitions.get(partition)?.availability ?? ErrorCode.NOT_COORDINATOR
  }
}
