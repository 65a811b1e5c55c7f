// Partitions of a fake cluster that take batches as Kafka's do: CRC, sequences, duplicates, epochs. What goes wrong is the test's to say.
import { crc32c } from '@odradek/base'
import {
  ApiKey,
  BatchLayout,
  type DescribeProducersRequest,
  decodeRecords,
  ErrorCode,
  type InitProducerIdRequest,
  InitProducerIdResponse,
  type KafkaRecord,
  type ProduceRequest,
  ProduceResponse,
  RecordBatch
} from '@odradek/protocol'
import { Kafka } from '../../src/kafka.ts'
import type { Producer, ProducerOptions } from '../../src/producer/producer.ts'
import type { FakeAnswer, FakeBroker, FakeHandler, FakeRequest } from './fake-cluster.ts'
import { FakeCluster } from './fake-cluster.ts'

export interface LoggedBatch {
  readonly baseOffset: number
  readonly batch: RecordBatch
  readonly records: readonly KafkaRecord[]
  readonly transactionalId: string | null
}

interface ProducerEntry {
  epoch: number
  batches: { first: number; last: number; baseOffset: number }[]
}

export class FakeLog {
  readonly batches: LoggedBatch[] = []
  readonly producers = new Map<number, ProducerEntry>()
  nextOffset = 0

  get values(): string[] {
    return this.batches.flatMap(({ records }) => records.map(({ value }) => value?.toString() ?? 'null'))
  }

  /** As Apache's broker after a kill: of each producer the last batch. */
  forgetAllButLast(): void {
    for (const entry of this.producers.values()) entry.batches = entry.batches.slice(-1)
  }

  /** Kafka's checks; the offset, or the error. */
  append(bytes: Buffer, transactionalId: string | null): { errorCode: number; baseOffset: number } {
    const batch = new RecordBatch(bytes, 0)
    if (batch.sizeInBytes !== bytes.length || crc32c(bytes, BatchLayout.attributes) !== batch.crc)
      return { errorCode: ErrorCode.CORRUPT_MESSAGE, baseOffset: -1 }
    const { baseSequence: first, producerEpoch: epoch, producerId } = batch
    const last = first + batch.count - 1
    if (producerId >= 0) {
      let entry = this.producers.get(producerId)
      if (entry !== undefined && epoch < entry.epoch) return { errorCode: ErrorCode.INVALID_PRODUCER_EPOCH, baseOffset: -1 }
      const copy = entry?.epoch === epoch ? entry.batches.find((each) => each.first === first && each.last === last) : undefined
      if (copy !== undefined) return { errorCode: ErrorCode.NONE, baseOffset: copy.baseOffset }
      const expected = entry === undefined ? first : entry.epoch === epoch ? (entry.batches.at(-1)?.last ?? -1) + 1 : 0
      if (first !== expected) return { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1 }
      if (entry === undefined || entry.epoch !== epoch) entry = { epoch, batches: [] }
      entry.batches = [...entry.batches, { first, last, baseOffset: this.nextOffset }].slice(-5)
      this.producers.set(producerId, entry)
    }
    const baseOffset = this.nextOffset
    this.batches.push({ baseOffset, batch, records: decodeRecords(batch), transactionalId })
    this.nextOffset += batch.count
    return { errorCode: ErrorCode.NONE, baseOffset }
  }
}

/** What happens to one batch: undefined is what should. `after`: it is written all the same. */
export type Fault = { errorCode: number; after?: boolean } | { drop: 'silence' | 'hang up'; after?: boolean } | undefined

export interface ProduceContext {
  readonly broker: FakeBroker
  readonly topic: string
  readonly partition: number
  readonly bytes: Buffer
  /** Counts the requests to Produce, from 0. */
  readonly request: number
}

export class ProduceCluster {
  readonly fake: FakeCluster
  readonly logs = new Map<string, FakeLog>()
  readonly requests: ProduceRequest[] = []
  fault: (context: ProduceContext) => Fault = () => undefined
  /** Answers NOT_LEADER_OR_FOLLOWER name the new leader (KIP-951). */
  tellsLeader = true
  producerIds = 1000
  /** By broker, the connection that gets no answers any more. */
  readonly #silent = new Map<number, number>()

  constructor(fake: FakeCluster) {
    this.fake = fake
    this.#handle(ApiKey.PRODUCE, ({ body }, broker) => this.#produce(body, broker))
    this.#handle(ApiKey.INIT_PRODUCER_ID, ({ body }) => this.#initProducerId(body))
    this.#handle(ApiKey.METADATA, () => undefined)
    this.#handle(ApiKey.DESCRIBE_PRODUCERS, ({ body }) => this.#describeProducers(body))
  }

  static async start(partitions: number, brokers: readonly number[] = [1], seed: number | string = 1): Promise<ProduceCluster> {
    const cluster = new ProduceCluster(await FakeCluster.start(brokers, seed))
    cluster.addTopic('t', partitions)
    return cluster
  }

  addTopic(name: string, partitions: number): void {
    const ids = [...this.fake.brokers.keys()]
    const leaders = Array.from({ length: partitions }, (_, partition) => ({ leader: ids[partition % ids.length], epoch: 1 }))
    this.fake.topics.set(name, { topicId: Buffer.from(name.padEnd(16, '.')).toString('base64url'), partitions: leaders })
    for (let partition = 0; partition < partitions; partition++) this.logs.set(`${name}-${partition}`, new FakeLog())
  }

  producer(options: ProducerOptions = {}): Producer {
    return new Kafka({ brokers: 'b1:9092', world: this.fake.client.world, 'request.timeout.ms': 2_000 }).producer({
      deliveryTimeoutMs: 30_000,
      maxBlockMs: 10_000,
      ...options
    })
  }

  log(partition: number, topic = 't'): FakeLog {
    const log = this.logs.get(`${topic}-${partition}`)
    if (log === undefined) throw new Error(`no log ${topic}-${partition}`)
    return log
  }

  moveLeader(partition: number, leader: number, topic = 't'): void {
    const state = this.fake.topics.get(topic)?.partitions[partition]
    if (state === undefined) throw new Error('no such partition')
    state.leader = leader
    state.epoch++
  }

  /** Behind an answer that does not come, none comes on that connection. */
  #handle(apiKey: number, handler: FakeHandler): void {
    this.fake.handlers.set(apiKey, (request, broker) => {
      if (this.#silent.get(broker.id) === broker.accepted) return 'silence'
      const answer = handler(request, broker)
      if (answer === 'silence' && !this.#isFireAndForget(request)) this.#silent.set(broker.id, broker.accepted)
      return answer
    })
  }

  #isFireAndForget({ apiKey, body }: FakeRequest): boolean {
    return apiKey === ApiKey.PRODUCE && (body as ProduceRequest).acks === 0
  }

  #initProducerId({ producerId, producerEpoch }: InitProducerIdRequest): object {
    const isKnown = producerId >= 0
    return InitProducerIdResponse.create({
      producerId: isKnown ? producerId : this.producerIds++,
      producerEpoch: isKnown ? producerEpoch + 1 : 0
    })
  }

  #describeProducers({ topics }: DescribeProducersRequest): object {
    const producersOf = (topic: string, partition: number) =>
      [...this.log(partition, topic).producers].map(([producerId, { epoch, batches }]) => ({
        producerId,
        producerEpoch: epoch,
        lastSequence: batches.at(-1)?.last ?? -1
      }))
    return {
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, activeProducers: producersOf(name, partitionIndex) }))
      }))
    }
  }

  #produce(request: ProduceRequest, broker: FakeBroker): FakeAnswer {
    const number = this.requests.push(request) - 1
    let drop: 'silence' | 'hang up' | undefined
    const nodeEndpoints = [...this.fake.brokers.keys()].map((id) => ({ nodeId: id, host: `b${id}`, port: 9092 }))
    const responses = request.topicData.map(({ name, topicId, partitionData }) => {
      const [topic, state] = [...this.fake.topics].find(([known, each]) => known === name || each.topicId === topicId) ?? ['', undefined]
      const partitionResponses = partitionData.map(({ index, records }) => {
        const context = { broker, topic, partition: index, bytes: records as Buffer, request: number }
        const leader = state?.partitions[index]
        if (leader === undefined) return { index, errorCode: ErrorCode.UNKNOWN_TOPIC_ID, baseOffset: -1 }
        if (leader.leader !== broker.id) {
          const currentLeader = this.tellsLeader ? { leaderId: leader.leader, leaderEpoch: leader.epoch } : {}
          return { index, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, baseOffset: -1, currentLeader }
        }
        const fault = this.fault(context)
        if (fault === undefined || fault.after) {
          const appended = this.log(index, topic).append(records as Buffer, request.transactionalId)
          if (fault === undefined || appended.errorCode !== ErrorCode.NONE) return { index, ...appended }
        }
        if ('drop' in fault) {
          drop = fault.drop
          return { index }
        }
        return { index, errorCode: fault.errorCode, baseOffset: -1 }
      })
      return { name, topicId, partitionResponses }
    })
    return drop ?? (request.acks === 0 ? 'silence' : ProduceResponse.create({ responses, nodeEndpoints }))
  }
}
