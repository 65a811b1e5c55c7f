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
}

export interface TopicTableOptions {
  readonly cluster: Cluster
  readonly stickyBytes: number
  readonly isAdaptive: boolean
  /** partitioner.availability.timeout.ms; 0: off. */
  readonly availabilityTimeoutMs: number
  readonly blockedForMs: (nodeId: number) => number
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

  /** Metadata came: what is known of known topics is renewed. A topic that vanished keeps its partitions, and the broker answers. */
  refresh(): void {
    for (const name of this.#topics.keys()) this.#learn(name)
  }

  #learn(name: string): TopicState | undefined {
    const { cluster, stickyBytes, isAdaptive } = this.#options
    const metadata = cluster.current.topics.get(name)
    if (metadata === undefined || metadata.partitions.length === 0) return undefined
    let state = this.#topics.get(name)
    if (state === undefined) {
      const load = isAdaptive ? (): PartitionLoad => this.#load(name) : undefined
      state = { name, partitionCount: 0, available: [], queues: [], sticky: new StickyPartitioner(stickyBytes, cluster.world.random, load) }
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
