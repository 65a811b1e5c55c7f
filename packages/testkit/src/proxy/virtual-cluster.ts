// What makes one broker look like several: addresses in answers are those of the proxy's nodes, leaders and coordinators are spread over
// them and move when told so. What is asked at the wrong node gets the error that a broker would give.
import {
  AddOffsetsToTxnResponse,
  AddPartitionsToTxnResponse,
  ApiKey,
  ConsumerGroupHeartbeatResponse,
  type DescribeClusterResponse,
  EndTxnResponse,
  ErrorCode,
  type FetchResponse,
  type FindCoordinatorResponse,
  HeartbeatResponse,
  InitProducerIdResponse,
  JoinGroupResponse,
  LeaveGroupResponse,
  type MetadataResponse,
  type OffsetCommitRequest,
  OffsetCommitResponse,
  type OffsetFetchRequest,
  OffsetFetchResponse,
  type ProduceRequest,
  ProduceResponse,
  SyncGroupResponse,
  type TxnOffsetCommitRequest,
  TxnOffsetCommitResponse
} from '@odradek/protocol'

export interface VirtualNode {
  readonly id: number
  readonly host: string
  readonly port: number
  isUp: boolean
}

const ZERO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const errorCode = ErrorCode.NOT_COORDINATOR
const NOT_LEADER = ErrorCode.NOT_LEADER_OR_FOLLOWER

/** Requests that only the coordinator serves, and its refusal. */
const refusals: Readonly<Record<number, (body: never) => object>> = {
  [ApiKey.JOIN_GROUP]: () => JoinGroupResponse.create({ errorCode, generationId: -1 }),
  [ApiKey.SYNC_GROUP]: () => SyncGroupResponse.create({ errorCode }),
  [ApiKey.HEARTBEAT]: () => HeartbeatResponse.create({ errorCode }),
  [ApiKey.LEAVE_GROUP]: () => LeaveGroupResponse.create({ errorCode }),
  [ApiKey.CONSUMER_GROUP_HEARTBEAT]: () => ConsumerGroupHeartbeatResponse.create({ errorCode }),
  [ApiKey.INIT_PRODUCER_ID]: () => InitProducerIdResponse.create({ errorCode, producerId: -1, producerEpoch: -1 }),
  [ApiKey.ADD_PARTITIONS_TO_TXN]: () => AddPartitionsToTxnResponse.create({ errorCode }),
  [ApiKey.ADD_OFFSETS_TO_TXN]: () => AddOffsetsToTxnResponse.create({ errorCode }),
  [ApiKey.END_TXN]: () => EndTxnResponse.create({ errorCode }),
  [ApiKey.OFFSET_COMMIT]: ({ topics }: OffsetCommitRequest) => OffsetCommitResponse.create({ topics: refused(topics) }),
  [ApiKey.TXN_OFFSET_COMMIT]: ({ topics }: TxnOffsetCommitRequest) => TxnOffsetCommitResponse.create({ topics: refused(topics) }),
  [ApiKey.OFFSET_FETCH]: ({ groups }: OffsetFetchRequest) =>
    OffsetFetchResponse.create({ errorCode, groups: groups.map(({ groupId }) => ({ groupId, errorCode })) })
}

function refused<T extends { partitions: { partitionIndex: number }[] }>(topics: readonly T[]) {
  return topics.map(({ partitions, ...topic }) => ({
    ...topic,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode }))
  }))
}

export class VirtualCluster {
  readonly nodes: VirtualNode[] = []
  #coordinator = 1
  readonly #moved = new Map<string, number>()
  readonly #names = new Map<string, string>()

  node(id: number): VirtualNode {
    const node = this.nodes.find((each) => each.id === id)
    if (node === undefined) throw new Error(`the proxy has nodes 1 to ${this.nodes.length}, no ${id}`)
    return node
  }

  moveLeader(topic: string, partition: number, to: number): void {
    this.#moved.set(`${topic}-${partition}`, this.node(to).id)
  }

  moveCoordinator(to: number): void {
    this.#coordinator = this.node(to).id
  }

  get coordinator(): VirtualNode {
    return this.#upFrom(this.#coordinator)
  }

  /** Partitions are spread over the nodes; those of a node that is down are led by the next one. */
  leader(topic: string, partition: number): number {
    return this.#upFrom(this.#moved.get(`${topic}-${partition}`) ?? 1 + (partition % this.nodes.length)).id
  }

  /** Of topics that an answer to Metadata named. */
  topicName(topicId: string): string | undefined {
    return this.#names.get(topicId)
  }

  /** The answer of a node that is not the one to ask; undefined: it is. */
  refuse(request: { readonly nodeId: number; readonly apiKey: number; readonly body: unknown }): object | undefined {
    if (this.nodes.length === 1) return undefined
    const { nodeId, apiKey } = request
    if (apiKey === ApiKey.PRODUCE) return this.#refuseProduce(nodeId, request.body as ProduceRequest)
    const refusal = refusals[apiKey]
    if (refusal === undefined || nodeId === this.coordinator.id) return undefined
    // A producer without transactions may ask anybody.
    if (apiKey === ApiKey.INIT_PRODUCER_ID && (request.body as { transactionalId: string | null }).transactionalId === null)
      return undefined
    return refusal(request.body as never)
  }

  /** True for answers that `rewrite` changes. */
  rewrites(apiKey: number): boolean {
    const isAddress = apiKey === ApiKey.METADATA || apiKey === ApiKey.FIND_COORDINATOR || apiKey === ApiKey.DESCRIBE_CLUSTER
    return isAddress || (apiKey === ApiKey.FETCH && this.nodes.length > 1)
  }

  /** Changes the answer in place. */
  rewrite(nodeId: number, apiKey: number, body: unknown): void {
    if (apiKey === ApiKey.METADATA) this.#rewriteMetadata(body as MetadataResponse)
    else if (apiKey === ApiKey.FIND_COORDINATOR) this.#rewriteCoordinators(body as FindCoordinatorResponse)
    else if (apiKey === ApiKey.DESCRIBE_CLUSTER) {
      const response = body as DescribeClusterResponse
      response.brokers = this.#up().map(({ id: brokerId, host, port }) => ({ ...response.brokers[0], brokerId, host, port }))
    } else this.#rewriteFetch(nodeId, body as FetchResponse)
  }

  #rewriteMetadata(response: MetadataResponse): void {
    if (response.brokers.length === 0) return
    response.brokers = this.#up().map(({ id, host, port }) => ({ ...response.brokers[0], nodeId: id, host, port }))
    for (const { name, topicId, partitions } of response.topics) {
      if (name === null) continue
      if (topicId !== ZERO_ID) this.#names.set(topicId, name)
      for (const partition of partitions) {
        if (partition.leaderId < 0) continue
        partition.leaderId = this.leader(name, partition.partitionIndex)
        partition.replicaNodes = this.nodes.map(({ id }) => id)
        partition.isrNodes = this.#up().map(({ id }) => id)
      }
    }
  }

  #rewriteCoordinators(response: FindCoordinatorResponse): void {
    const { id, host, port } = this.coordinator
    if (response.nodeId >= 0 && response.host !== '') Object.assign(response, { nodeId: id, host, port })
    for (const found of response.coordinators) if (found.errorCode === ErrorCode.NONE) Object.assign(found, { nodeId: id, host, port })
  }

  /** The broker knows of no other leader: what it found is taken away again. */
  #rewriteFetch(nodeId: number, response: FetchResponse): void {
    for (const { topic, topicId, partitions } of response.responses) {
      const name = topic === '' ? this.#names.get(topicId) : topic
      for (const partition of partitions) {
        if (name === undefined || this.leader(name, partition.partitionIndex) === nodeId) continue
        Object.assign(partition, { errorCode: NOT_LEADER, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, records: null })
      }
    }
  }

  #refuseProduce(nodeId: number, { topicData }: ProduceRequest): object | undefined {
    const isHere = ({ name, topicId, partitionData }: ProduceRequest['topicData'][number]): boolean => {
      const topic = name === '' ? this.#names.get(topicId) : name
      return topic === undefined || partitionData.every(({ index }) => this.leader(topic, index) === nodeId)
    }
    if (topicData.every(isHere)) return undefined
    const responses = topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: NOT_LEADER, baseOffset: -1 }))
    }))
    return ProduceResponse.create({ responses })
  }

  #up(): VirtualNode[] {
    return this.nodes.filter(({ isUp }) => isUp)
  }

  #upFrom(id: number): VirtualNode {
    for (let step = 0; step < this.nodes.length; step++) {
      const node = this.nodes[(id - 1 + step) % this.nodes.length]
      if (node.isUp) return node
    }
    return this.nodes[id - 1]
  }
}
