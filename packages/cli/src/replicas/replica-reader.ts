// Reads the log of partitions from one broker as its replica has it, whoever leads: with the replica id that Kafka keeps for tools.
import { setTimeout } from 'node:timers/promises'
import { FetchRequest, FetchResponse } from '@odradek/protocol'
import { ClientConnection } from '@odradek/transport'
import { createNodeWorld } from '@odradek/world/node'

/** Of a reader that is neither a broker nor a consumer. */
const DEBUGGING_REPLICA = -2
const REQUEST_TIMEOUT_MS = 30_000

export interface WantedPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly offset: number
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly highWatermark: number
  readonly records: Buffer
}

export class ReplicaReader {
  readonly brokerId: number
  readonly #address: { readonly host: string; readonly port: number }
  readonly #limits: { readonly maxBytes: number; readonly maxWaitMs: number }
  readonly #world = createNodeWorld({ logger: { isEnabled: () => false, log: () => {} }, onHalt: () => {} })
  #connection: ClientConnection | undefined

  constructor({ id, host, port }: { id: number; host: string; port: number }, limits: { maxBytes: number; maxWaitMs: number }) {
    this.brokerId = id
    this.#address = { host, port }
    this.#limits = limits
  }

  /** A broker that cannot be reached gives nothing. */
  async fetch(wanted: readonly WantedPartition[], signal: AbortSignal): Promise<readonly FetchedPartition[]> {
    try {
      const connection = await this.#open(signal)
      const version = connection.versionFor(FetchRequest)
      const body = { ...this.#body(version), topics: topicsOf(wanted, this.#limits.maxBytes) }
      const timeoutMs = REQUEST_TIMEOUT_MS + this.#limits.maxWaitMs
      const { responses } = await connection.send(FetchRequest, FetchResponse, body, { version, timeoutMs, signal })
      const names = new Map(wanted.map(({ topic, topicId }) => [topicId, topic]))
      return responses.flatMap(({ topic, topicId, partitions }) =>
        partitions.map(({ partitionIndex, highWatermark, records }) => ({
          topic: topic || (names.get(topicId) ?? ''),
          partition: partitionIndex,
          highWatermark,
          records: records ?? Buffer.alloc(0)
        }))
      )
    } catch (error) {
      signal.throwIfAborted()
      this.close()
      if ((error as { retriable?: boolean }).retriable !== true) throw error
      await setTimeout(this.#limits.maxWaitMs, undefined, { signal })
      return []
    }
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  async #open(signal: AbortSignal): Promise<ClientConnection> {
    if (this.#connection === undefined || this.#connection.isClosed) {
      const clientId = `broker-${DEBUGGING_REPLICA}-fetcher-${this.brokerId}`
      this.#connection = await ClientConnection.connect({ world: this.#world, ...this.#address, clientId, signal })
    }
    return this.#connection
  }

  #body(version: number) {
    const { maxWaitMs } = this.#limits
    const replica = version >= 15 ? { replicaState: { replicaId: DEBUGGING_REPLICA, replicaEpoch: -1 } } : { replicaId: DEBUGGING_REPLICA }
    return { ...replica, maxWaitMs, minBytes: 1 }
  }
}

function topicsOf(wanted: readonly WantedPartition[], partitionMaxBytes: number) {
  return [...Map.groupBy(wanted, ({ topicId }) => topicId)].map(([topicId, own]) => ({
    topic: own[0].topic,
    topicId,
    partitions: own.map(({ partition, offset }) => ({ partition, fetchOffset: offset, logStartOffset: 0, partitionMaxBytes }))
  }))
}
