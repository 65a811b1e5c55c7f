// What a producer knows of the topics it sends to: partitions, their queues, and where records without a key go.
import type { Cluster } from '../network/cluster.ts'
import { PartitionQueue } from './partition-queue.ts'
import { type PartitionLoad, StickyPartitioner } from './partitioner.ts'

export interface TopicState {
  readonly name: string
  partitionCount: number
  /** With a leader. */
  available: readonly number[]
  readonly queues: PartitionQueue[]
  readonly sticky: StickyPartitioner
  /** When a batch was last begun, monotonic ms. */
  usedAtMs: number
}

export interface TopicTableOptions {
  readonly cluster: Cluster
  readonly stickyBytes: number
  readonly isAdaptive: boolean
  /** partitioner.availability.timeout.ms; 0: off. */
  readonly availabilityTimeoutMs: number
  readonly blockedForMs: (nodeId: number) => number
  /** metadata.max.idle.ms */
  readonly idleMs: number
  /** Of a queue where nothing waits and nothing is in flight. */
  readonly isSettled: (queue: PartitionQueue) => boolean
  readonly onForget: (topic: TopicState) => void
}

export class TopicTable {
  readonly #options: TopicTableOptions
  readonly #topics = new Map<string, TopicState>()

  constructor(options: TopicTableOptions) {
    this.#options = options
  }

  /** undefined: the cluster's answer is awaited. */
  get(name: string): TopicState | undefined {
    const found = this.#topics.get(name)
    return found !== undefined && found.partitionCount > 0 ? found : this.#learn(name)
  }

  /** False: it was not used for long, and has no work left. */
  holds(name: string): boolean {
    const state = this.#topics.get(name)
    if (state === undefined) return false
    const { cluster, idleMs, isSettled } = this.#options
    if (cluster.world.clock.monotonicMs() - state.usedAtMs < idleMs) return true
    return state.queues.some((queue) => queue.batches.length > 0 || queue.inFlight > 0 || !isSettled(queue))
  }

  /**
   * Metadata came: what is known of known topics is renewed, and what the cluster has forgotten is forgotten here. A topic that vanished
   * from the brokers keeps its partitions, and the broker answers.
   */
  refresh(): void {
    const { cluster, onForget } = this.#options
    for (const [name, state] of this.#topics) {
      if (cluster.current.topics.has(name) || this.holds(name)) this.#learn(name)
      else {
        this.#topics.delete(name)
        onForget(state)
      }
    }
  }

  #learn(name: string): TopicState | undefined {
    const { cluster, stickyBytes, isAdaptive } = this.#options
    const metadata = cluster.current.topics.get(name)
    if (metadata === undefined || metadata.partitions.length === 0) return undefined
    let state = this.#topics.get(name)
    if (state === undefined) {
      const load = isAdaptive ? (): PartitionLoad => this.#load(name) : undefined
      const sticky = new StickyPartitioner(stickyBytes, cluster.world.random, load)
      state = { name, partitionCount: 0, available: [], queues: [], sticky, usedAtMs: cluster.world.clock.monotonicMs() }
      this.#topics.set(name, state)
    }
    state.partitionCount = metadata.partitions.length
    // A broker may leave holes; their numbers are no partitions of ours.
    const isUsable = ({ leaderId, partition }: { leaderId: number; partition: number }): boolean =>
      leaderId >= 0 && partition < state.partitionCount
    state.available = metadata.partitions.filter(isUsable).map(({ partition }) => partition)
    for (let partition = state.queues.length; partition < state.partitionCount; partition++)
      state.queues.push(new PartitionQueue(name, partition))
    return state
  }

  #load(name: string): PartitionLoad {
    const { cluster, availabilityTimeoutMs, blockedForMs } = this.#options
    const state = this.#topics.get(name) as TopicState
    const usable = state.available.filter((partition) => {
      const leader = cluster.leaderOf(name, partition)
      return leader !== undefined && !(availabilityTimeoutMs > 0 && blockedForMs(leader.nodeId) > availabilityTimeoutMs)
    })
    return { partitions: usable, queueSizes: usable.map((partition) => state.queues[partition].batches.length) }
  }
}
