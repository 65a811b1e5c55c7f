// The partitions of one record topic as a coordinator sees them, filled with this broker's replicas.
import type { CoordinatorAppendResult, CoordinatorLog, CoordinatorLogOffsets, CoordinatorReadResult } from '@odradek/coordinator'
import { ErrorCode } from '@odradek/protocol'
import type { World } from '@odradek/world'
import type { ReplicaManager } from '../replica/replica-manager.ts'

type Listener = Parameters<CoordinatorLog['listen']>[1]

const NOTHING: readonly Buffer[] = []

export class ReplicatedLog implements CoordinatorLog {
  readonly #world: World
  readonly #replicas: ReplicaManager
  readonly #topic: string

  constructor(options: { world: World; replicas: ReplicaManager; topic: string }) {
    this.#world = options.world
    this.#replicas = options.replicas
    this.#topic = options.topic
  }

  append(partition: number, batch: Buffer, leaderEpoch: number): CoordinatorAppendResult {
    const replica = this.#replicas.get(this.#topic, partition)
    if (replica === undefined || replica.leaderEpoch !== leaderEpoch) return { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, baseOffset: -1 }
    if (replica.errorCode !== ErrorCode.NONE) return { errorCode: replica.errorCode, baseOffset: -1 }
    if (replica.isUnderMinIsr) return { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS, baseOffset: -1 }
    return replica.append(batch, { origin: 'coordinator', now: this.#world.clock.now() })
  }

  read(partition: number, offset: number, maxBytes: number): CoordinatorReadResult | Promise<CoordinatorReadResult> {
    const replica = this.#replicas.get(this.#topic, partition)
    if (replica === undefined) return { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, buffers: NOTHING }
    return replica.log.read(offset, { maxBytes, minOneBatch: true })
  }

  offsets(partition: number): CoordinatorLogOffsets | undefined {
    const log = this.#replicas.get(this.#topic, partition)?.log
    return log && { logStartOffset: log.logStartOffset, logEndOffset: log.logEndOffset, highWatermark: log.highWatermark }
  }

  maxBatchBytes(partition: number): number {
    return this.#replicas.get(this.#topic, partition)?.log.config.maxMessageBytes ?? 0
  }

  listen(partition: number, listener: Listener): () => void {
    return this.#replicas.get(this.#topic, partition)?.listen(listener) ?? (() => undefined)
  }
}
