// A metadata node with its log on a disk in memory, and what tests ask of it.
import { METADATA_TOPIC_ID, type Uuid } from '@odradek/base'
import { type BrokerConfig, loadBrokerConfig } from '@odradek/config'
import { defaultLogConfig, LogManager } from '@odradek/storage'
import type { Disk, World } from '@odradek/world'
import { createMemoryDisk, createNodeWorld } from '@odradek/world/node'
import { type ControllerResponse, MetadataNode, metadataLogConfig, supportedFeatures } from '../src/index.ts'

export const CLUSTER_ID = 'Z29sZGVuLWNsdXN0ZXItMQ'
export const DIRECTORY = '/data'

export function testConfig(overrides: Record<string, string> = {}): BrokerConfig {
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: 'PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': '1@localhost:9093',
    'log.dirs': DIRECTORY,
    ...overrides
  }
  return loadBrokerConfig({ properties }).config
}

export interface TestWorldOptions {
  disk?: Disk
  onHalt?: (reason: string, error?: unknown) => void
}

export function testWorld(options: TestWorldOptions = {}): World {
  return createNodeWorld({
    disk: options.disk ?? createMemoryDisk(),
    logLevel: 'OFF',
    onHalt:
      options.onHalt ??
      ((reason, error) => {
        throw new Error(reason, { cause: error })
      })
  })
}

export interface TestNode extends AsyncDisposable {
  readonly node: MetadataNode
  readonly logs: LogManager
  readonly directoryId: Uuid
}

/** Opens log directory and metadata node as a broker does. */
export async function openNode(world: World, config: BrokerConfig = testConfig(), clusterId = CLUSTER_ID): Promise<TestNode> {
  const logs = await LogManager.open({
    world,
    logDirs: config.logDirs,
    nodeId: config.nodeId,
    clusterId,
    configFor: () => defaultLogConfig
  })
  const directoryId = logs.directories()[0].directoryId as Uuid
  const log = await logs.openMetadataLog(config.metadataLogDir, metadataLogConfig(config), METADATA_TOPIC_ID)
  const controllerEndpoints = [{ name: 'CONTROLLER', host: 'localhost', port: 9093, securityProtocol: 0 }]
  const node = await MetadataNode.open({ world, config, clusterId, directoryId, log, controllerEndpoints })
  return {
    node,
    logs,
    directoryId,
    async [Symbol.asyncDispose]() {
      await node.close()
      await logs.shutdown({ clean: true })
    }
  }
}

export interface RegistrationOptions {
  brokerId?: number
  incarnationId?: Uuid
  rack?: string | null
  previousBrokerEpoch?: number
  directories?: Uuid[]
}

export function registration(options: RegistrationOptions = {}) {
  const {
    brokerId = 1,
    incarnationId = incarnation(brokerId),
    rack = null,
    previousBrokerEpoch = -1,
    directories = [directoryIdOf(brokerId)]
  } = options
  return {
    brokerId,
    clusterId: CLUSTER_ID,
    incarnationId,
    listeners: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }],
    features: Array.from(supportedFeatures(), ([name, range]) => ({
      name,
      minSupportedVersion: range.minVersion,
      maxSupportedVersion: range.maxVersion
    })),
    rack,
    isMigratingZkBroker: false,
    logDirs: directories,
    previousBrokerEpoch
  }
}

export function incarnation(n: number): Uuid {
  return Buffer.from(`incarnation-${String(n).padStart(4, '0')}`).toString('base64url')
}

export function directoryIdOf(brokerId: number): Uuid {
  return Buffer.from(`directory---${String(brokerId).padStart(4, '0')}`).toString('base64url')
}

/** Registers the broker and has it unfenced. Returns its epoch. */
export async function joinBroker(node: MetadataNode, options: RegistrationOptions = {}): Promise<number> {
  const request = registration(options)
  const { errorCode, brokerEpoch } = await node.call('registerBroker', request)
  if (errorCode !== 0) throw new Error(`registration failed with ${errorCode}`)
  const heartbeat = await beat(node, request.brokerId, brokerEpoch)
  if (heartbeat.isFenced) throw new Error('the broker stays fenced')
  return brokerEpoch
}

export function beat(
  node: MetadataNode,
  brokerId: number,
  brokerEpoch: number,
  want: { fence?: boolean; shutDown?: boolean } = {}
): Promise<ControllerResponse<'brokerHeartbeat'>> {
  return node.call('brokerHeartbeat', {
    brokerId,
    brokerEpoch,
    currentMetadataOffset: node.image.provenance.offset,
    wantFence: want.fence ?? false,
    wantShutDown: want.shutDown ?? false,
    offlineLogDirs: [],
    cordonedLogDirs: []
  })
}

export function newTopic(
  name: string,
  options: { partitions?: number; replicationFactor?: number; configs?: Record<string, string | null>; assignments?: number[][] } = {}
) {
  const { partitions = 1, replicationFactor = 1, configs = {}, assignments } = options
  return {
    name,
    numPartitions: assignments === undefined ? partitions : -1,
    replicationFactor: assignments === undefined ? replicationFactor : -1,
    assignments: assignments?.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })) ?? [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  }
}
