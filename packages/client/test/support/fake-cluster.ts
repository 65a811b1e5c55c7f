// Brokers in the simulated world whose answers a test decides, one function a request; metadata, coordinators and versions are
// answered by themselves from what the cluster is said to be.
import {
  type ApiInfo,
  ApiKey,
  ApiVersionsResponse,
  apiKeys,
  decodeRequestHeader,
  ErrorCode,
  encodeResponseFrame,
  type FindCoordinatorRequest,
  FindCoordinatorResponse,
  type Input,
  type MetadataRequest,
  MetadataResponse
} from '@odradek/protocol'
import type { Socket } from '@odradek/world'
import { createSimulation, type SimNode, type Simulation } from '@odradek/world/sim'
import { Cluster, type ClusterOptions } from '../../src/network/cluster.ts'

export interface FakeRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** The decoded body. */
  readonly body: never
}

/** A body to answer with, raw bytes, silence, or the end of the connection. */
export type FakeAnswer = object | Buffer | 'silence' | 'hang up'
export type FakeHandler = (request: FakeRequest, broker: FakeBroker) => FakeAnswer | undefined

export type Lie = (request: FakeRequest, honest: FakeAnswer, broker: FakeBroker) => FakeAnswer | undefined

/** Bytes, and the end of the connection behind them. */
export class CutOff {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}

export interface FakeTopic {
  topicId: string
  /** Leader and epoch of each partition. */
  partitions: { leader: number; epoch: number }[]
}

const telemetryKeys: readonly number[] = [ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, ApiKey.PUSH_TELEMETRY]

export class FakeBroker {
  readonly id: number
  readonly node: SimNode
  readonly asked: FakeRequest[] = []
  accepted = 0
  readonly #cluster: FakeCluster
  readonly #waiting = new WeakMap<Socket, { isReady: boolean; give(): void }[]>()

  constructor(cluster: FakeCluster, id: number, node: SimNode) {
    this.#cluster = cluster
    this.id = id
    this.node = node
  }

  get host(): string {
    return this.node.name
  }

  async listen(): Promise<void> {
    await this.node.world.network.listen({ host: '', port: 9092 }, (socket) => this.#accept(socket))
  }

  count(apiKey: number): number {
    return this.asked.filter((request) => request.apiKey === apiKey).length
  }

  #accept(socket: Socket): void {
    this.accepted++
    let bytes = Buffer.alloc(0)
    socket.setHandlers({
      onData: (chunk) => {
        bytes = Buffer.concat([bytes, chunk])
        while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
          const end = 4 + bytes.readInt32BE(0)
          this.#answer(socket, bytes.subarray(4, end))
          bytes = bytes.subarray(end)
        }
      },
      onDrain() {},
      onEnd() {},
      onClose() {}
    })
  }

  #answer(socket: Socket, frame: Buffer): void {
    const header = decodeRequestHeader(frame)
    const api = apiKeys.get(header.apiKey)
    if (api === undefined) throw new Error(`no API ${header.apiKey}`)
    const { value } = api.request.decodeAt(frame, header.bodyOffset, header.apiVersion)
    const request = { ...header, body: value as never }
    this.asked.push(request)
    const answer = this.#cluster.answer(request, this)
    const delayMs = this.#cluster.delayMs?.(request, answer) ?? 0
    // Answers keep the order of the requests of a connection.
    const waiting = this.#waiting.get(socket) ?? []
    const turn = { isReady: delayMs === 0, give: () => this.#give(socket, request, answer) }
    waiting.push(turn)
    this.#waiting.set(socket, waiting)
    const flush = (): void => {
      while (waiting[0]?.isReady) waiting.shift()?.give()
    }
    flush()
    if (turn.isReady) return
    this.node.world.timers.schedule(delayMs, () => {
      turn.isReady = true
      flush()
    })
  }

  #give(socket: Socket, request: FakeRequest, answer: FakeAnswer): void {
    if (answer === 'silence') return
    if (answer === 'hang up') socket.destroy()
    else if (answer instanceof CutOff) {
      socket.write([answer.bytes])
      socket.end()
    } else if (Buffer.isBuffer(answer)) socket.write([answer])
    else {
      const api = apiKeys.get(request.apiKey) as ApiInfo
      socket.write(encodeResponseFrame(api.response, request, answer as never))
    }
  }
}

export class FakeCluster {
  readonly sim: Simulation
  readonly client: SimNode
  readonly brokers = new Map<number, FakeBroker>()
  readonly topics = new Map<string, FakeTopic>()
  readonly handlers = new Map<number, FakeHandler>()
  /** Changes the answers of all APIs. */
  lie: Lie | undefined
  /** How long an answer takes. */
  delayMs: ((request: FakeRequest, answer: FakeAnswer) => number) | undefined
  /** Of every key. */
  coordinatorId = 1
  controllerId = 1
  /** Brokers that Metadata names; default all. */
  known: number[] | undefined

  constructor(seed: number | string | Simulation = 1) {
    this.sim = typeof seed === 'object' ? seed : createSimulation({ seed, network: { delayMs: [0.1, 0.3], slowChance: 0 } })
    this.client = this.sim.node('client')
  }

  static async start(ids: readonly number[], seed?: number | string | Simulation): Promise<FakeCluster> {
    const cluster = new FakeCluster(seed)
    for (const id of ids) await cluster.addBroker(id)
    return cluster
  }

  async addBroker(id: number): Promise<FakeBroker> {
    const broker = new FakeBroker(this, id, this.sim.node(`b${id}`))
    this.brokers.set(id, broker)
    await this.sim.complete(broker.listen())
    return broker
  }

  broker(id: number): FakeBroker {
    const broker = this.brokers.get(id)
    if (broker === undefined) throw new Error(`no broker ${id}`)
    return broker
  }

  /** Requests of one kind, over all brokers. */
  count(apiKey: number): number {
    return [...this.brokers.values()].reduce((sum, broker) => sum + broker.count(apiKey), 0)
  }

  connect(options: Partial<ClusterOptions> = {}): Cluster {
    return new Cluster({ world: this.client.world, brokers: 'b1:9092', apiTimeoutMs: 10_000, requestTimeoutMs: 2_000, ...options })
  }

  answer(request: FakeRequest, broker: FakeBroker): FakeAnswer {
    const honest = this.#honest(request, broker)
    return this.lie?.(request, honest, broker) ?? honest
  }

  #honest(request: FakeRequest, broker: FakeBroker): FakeAnswer {
    const answer = this.handlers.get(request.apiKey)?.(request, broker)
    if (answer !== undefined) return answer
    if (request.apiKey === ApiKey.API_VERSIONS) return this.#versions()
    if (request.apiKey === ApiKey.METADATA) return this.metadata(request.body)
    if (request.apiKey === ApiKey.FIND_COORDINATOR) return this.#coordinators(request.body)
    throw new Error(`no answer for API ${request.apiKey}`)
  }

  metadata(request: MetadataRequest): MetadataResponse {
    const names =
      request.topics === null ? [...this.topics.keys()] : request.topics.map(({ name, topicId }) => name ?? this.#nameOf(topicId))
    const body: Input<MetadataResponse> = {
      clusterId: 'fake',
      controllerId: this.controllerId,
      brokers: (this.known ?? [...this.brokers.keys()]).map((id) => ({ nodeId: id, host: `b${id}`, port: 9092 })),
      topics: names.map((name) => {
        const topic = this.topics.get(name)
        if (topic === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, name, partitions: [] }
        const partitions = topic.partitions.map(({ leader, epoch }, partitionIndex) => ({
          partitionIndex,
          leaderId: leader,
          leaderEpoch: epoch,
          replicaNodes: [leader],
          isrNodes: [leader]
        }))
        return { name, topicId: topic.topicId, partitions }
      })
    }
    return MetadataResponse.create(body)
  }

  /** Sockets that are left on the client's side once all is settled. */
  async openSockets(): Promise<number> {
    await this.sim.advance(5_000)
    return this.client.host.sockets.size
  }

  #nameOf(topicId: string): string {
    for (const [name, topic] of this.topics) if (topic.topicId === topicId) return name
    return ''
  }

  #versions(): object {
    // As a broker without receiver for client metrics (KIP-714), unless a test is one.
    const offered = [...apiKeys.values()].filter(({ key }) => !telemetryKeys.includes(key) || this.handlers.has(key))
    const keys = offered.map(({ key, min, max }) => ({ apiKey: key, minVersion: min, maxVersion: max }))
    return ApiVersionsResponse.create({ apiKeys: keys })
  }

  #coordinators(request: FindCoordinatorRequest): object {
    const coordinators = request.coordinatorKeys.map((key) => ({
      key,
      nodeId: this.coordinatorId,
      host: `b${this.coordinatorId}`,
      port: 9092,
      errorCode: 0
    }))
    return FindCoordinatorResponse.create({ coordinators })
  }
}

/** What became of a promise, taken at once so that a rejection is never unhandled. */
export function settled<T>(
  promise: Promise<T>
): Promise<{ value?: T; code?: string; retriable?: boolean; message?: string; error?: unknown }> {
  return promise.then(
    (value) => ({ value }),
    (error) => ({ code: error?.code, retriable: error?.retriable, message: error?.message, error })
  )
}
