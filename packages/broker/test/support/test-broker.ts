// A whole broker in this process: memory disk, loopback, one node that is all of its cluster.
import { developmentProperties, loadBrokerConfig } from '@odradek/config'
import { formatStorage } from '@odradek/metadata'
import {
  CreateTopicsRequest,
  CreateTopicsResponse,
  decodeRecords,
  encodeBatch,
  FetchRequest,
  FetchResponse,
  type Input,
  iterateBatches,
  ProduceRequest,
  ProduceResponse
} from '@odradek/protocol'
import type { Disk, World } from '@odradek/world'
import { createMemoryDisk, createNodeLogger, createNodeWorld } from '@odradek/world/node'
import { BrokerServer } from '../../src/broker-server.ts'
import { RawClient } from './raw-client.ts'

const CLUSTER_ID = 'rawClientTestClusterAA'

export interface TestBroker extends AsyncDisposable {
  readonly server: BrokerServer
  readonly world: World
  readonly port: number
  readonly controllerPort: number
  /** What the broker logged. */
  readonly lines: string[]
  readonly halted: unknown[]
  connect(): Promise<RawClient>
  connectToController(): Promise<RawClient>
}

export interface TestBrokerOptions {
  readonly overrides?: Record<string, string>
  readonly disk?: Disk
  /** False: the directories are formatted, as far as they are there. */
  readonly isNew?: boolean
}

export async function startBroker({
  overrides = {},
  disk = createMemoryDisk(),
  isNew = true
}: TestBrokerOptions = {}): Promise<TestBroker> {
  const lines: string[] = []
  const halted: unknown[] = []
  const logger = createNodeLogger({ level: 'INFO', write: (text) => lines.push(text) })
  const world = createNodeWorld({ disk, logger, onHalt: (_, error) => halted.push(error) })
  const properties = { ...developmentProperties({ port: 0, dataDir: '/data' }), 'offsets.topic.num.partitions': '4' }
  const { config } = loadBrokerConfig({ properties, overrides })
  if (isNew) await formatStorage(world, { config, clusterId: CLUSTER_ID, standalone: true, ignoreFormatted: true })
  const server = await BrokerServer.start({ world, config, loggers: logger })
  const portOf = (isController: boolean) => server.listeners.find((listener) => listener.isController === isController)?.port as number
  const clients: RawClient[] = []
  const connect = async (port: number) => {
    const client = await RawClient.connect(port)
    clients.push(client)
    return client
  }
  return {
    server,
    world,
    port: portOf(false),
    controllerPort: portOf(true),
    lines,
    halted,
    connect: () => connect(portOf(false)),
    connectToController: () => connect(portOf(true)),
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close()
      await server.shutdown()
    }
  }
}

export async function createTopic(
  client: RawClient,
  name: string,
  options: { partitions?: number; configs?: Record<string, string> } = {}
): Promise<string> {
  const configs = Object.entries(options.configs ?? {}).map(([key, value]) => ({ name: key, value }))
  const response = await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, {
    topics: [{ name, numPartitions: options.partitions ?? 1, replicationFactor: -1, configs }],
    timeoutMs: 5_000
  })
  const [topic] = response.topics
  if (topic.errorCode !== 0) throw new Error(`${name} was not made: ${topic.errorCode} ${topic.errorMessage}`)
  return topic.topicId
}

export function batchOf(...values: string[]): Buffer {
  return encodeBatch({ records: values.map((value) => ({ value })), timestamp: Date.now() })
}

/** The answer for one partition. */
export async function produce(
  client: RawClient,
  topic: string,
  records: Buffer | null,
  options: Partial<{ partition: number; acks: number; version: number; transactionalId: string | null }> = {}
): Promise<ProduceResponse['responses'][number]['partitionResponses'][number]> {
  const { partition = 0, acks = -1, version = 12, transactionalId = null } = options
  const response = await client.call(ProduceRequest, ProduceResponse, version, {
    acks,
    timeoutMs: 5_000,
    transactionalId,
    topicData: [{ name: topic, partitionData: [{ index: partition, records }] }]
  })
  return response.responses[0].partitionResponses[0]
}

/** The answer for one partition of a sessionless fetch by name. */
export async function fetchOne(
  client: RawClient,
  topic: string,
  fetchOffset: number,
  fields: Input<FetchRequest> & { version?: number; partition?: number; partitionMaxBytes?: number } = {}
): Promise<FetchResponse['responses'][number]['partitions'][number]> {
  const { version = 12, partition = 0, partitionMaxBytes = 1 << 20, ...request } = fields
  const response = await client.call(FetchRequest, FetchResponse, version, {
    maxWaitMs: 0,
    minBytes: 1,
    ...request,
    topics: [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes }] }]
  })
  return response.responses[0].partitions[0]
}

export function valuesOf(records: Buffer | null): string[] {
  return iterateBatches(records ?? Buffer.alloc(0)).flatMap((batch) => decodeRecords(batch).map(({ value }) => String(value)))
}
