// Tells the controller in which directory each replica lies (KIP-858), where its records say otherwise. Assignments of one
// turn go in one request; a refused one is said again later.
import type { Uuid } from '@odradek/base'
import type { MetadataNode } from '@odradek/metadata'
import { AssignReplicasToDirsRequest, ErrorCode, errorByCode } from '@odradek/protocol'
import type { TimerHandle, World } from '@odradek/world'
import type { Partition } from '../replica/partition.ts'

export interface DirectoryAssignmentsOptions {
  readonly world: World
  readonly metadata: MetadataNode
  readonly nodeId: number
  /** -1 before this broker is registered: nothing is said until then. */
  readonly brokerEpoch: () => number
}

const RETRY_MS = 1_000

export class DirectoryAssignments {
  readonly #options: DirectoryAssignmentsOptions
  #waiting = new Set<Partition>()
  #timer: TimerHandle | undefined
  #isSending = false
  #isClosed = false

  constructor(options: DirectoryAssignmentsOptions) {
    this.#options = options
  }

  /** The log of the partition is not where the metadata has it. */
  add(partition: Partition): void {
    this.#waiting.add(partition)
    this.#schedule(0)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed || this.#isSending || this.#timer !== undefined) return
    this.#timer = this.#options.world.timers.schedule(delayMs, () => {
      this.#timer = undefined
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    const { brokerEpoch, metadata, nodeId, world } = this.#options
    if (brokerEpoch() < 0) {
      this.#schedule(RETRY_MS)
      return
    }
    this.#isSending = true
    const sent = this.#waiting
    this.#waiting = new Set()
    const request = AssignReplicasToDirsRequest.create({ brokerId: nodeId, brokerEpoch: brokerEpoch(), directories: byDirectory(sent) })
    const { errorCode } = await metadata.call('assignReplicasToDirs', request)
    this.#isSending = false
    if (errorCode !== ErrorCode.NONE) {
      const what = `${sent.size} directory assignments were refused with ${errorByCode(errorCode).name}`
      world.logger.log('WARN', 'org.apache.kafka.server.AssignmentsManager', `${what}; they are sent again`)
      for (const partition of sent) this.#waiting.add(partition)
    }
    if (this.#waiting.size > 0) this.#schedule(errorCode === ErrorCode.NONE ? 0 : RETRY_MS)
  }
}

function byDirectory(partitions: Iterable<Partition>) {
  const directories = new Map<Uuid, Map<Uuid, number[]>>()
  for (const { log, topicId, partition } of partitions) {
    const { directoryId } = log.directory
    if (directoryId === undefined) continue
    const topics = directories.get(directoryId) ?? new Map<Uuid, number[]>()
    directories.set(directoryId, topics)
    topics.set(topicId, [...(topics.get(topicId) ?? []), partition])
  }
  return Array.from(directories, ([id, topics]) => ({
    id,
    topics: Array.from(topics, ([topicId, indexes]) => ({ topicId, partitions: indexes.map((partitionIndex) => ({ partitionIndex })) }))
  }))
}
